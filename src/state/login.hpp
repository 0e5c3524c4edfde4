// The password that a request to the proxy needs (--users).
#pragma once
#include "../http/head.hpp"
#include "turn.hpp"
#include "worker.hpp"

namespace state {

enum class Login : std::uint8_t {
  allowed,  // the client may have the request
  pending,  // the record must yield: it waits until a hash may be computed
  missing,  // no usable credentials: 407
  wrong,    // wrong credentials: 407
};

// Checks the password of the request with this head, if it needs one. REQUIRES: an exchange.
Login check_login(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept;
// The request has a password that is wrong, or not yet verified. Computes no hash.
bool is_guess(const request_info& record, const Turn& turn, const http::RequestHead& head) noexcept;

}  // namespace state
