// The handshake with a parent (upstream proxy) before its connection leads to the request's host.
#pragma once
#include <optional>

#include "connect.hpp"

namespace state {

// Returns the first step of the handshake that the route's connection needs.
net::HandshakeStep first_handshake_step(const Route& route) noexcept;
// Writes the CONNECT for the upstream proxy with the client's own credentials, before the request's head is
// gone. Returns what the record does if it cannot.
std::optional<Result> prepare_handshake(request_info& record, Turn& turn, Worker& worker,
                                        std::string_view credentials) noexcept;
// Sends the proxy's part and reads the parent's reply, step by step.
Result parent_handshake(request_info& record, Turn& turn, Worker& worker) noexcept;

}  // namespace state
