// The request's body on its way to the upstream, whatever the state of the record.
#pragma once
#include <optional>

#include "quota.hpp"

namespace state {

// The request is sent, and an upgrade was accepted: all that follows from the client is for the upstream.
void continue_upload_as_tunnel(net::Lane& request) noexcept;
// Sends what can be sent of the request, and then of a tunnel. Returns Flow::none if there is nothing to
// send.
net::Flow pump_upload(request_info& record, Turn& turn, Worker& worker) noexcept;
// Returns `result`, or that the record does not wait if the upload can go on.
Result unless_upload_runs(const Result& result, net::Flow upload) noexcept;
// Ends the request if the client's side of the upload has failed; empty: it has not.
std::optional<Result> upload_failure(request_info& record, Turn& turn, Worker& worker) noexcept;
// Sends the client what is left of a 100 response. Returns false if the client has left.
bool send_interim_bytes(request_info& record) noexcept;
// Waits until the request is sent, or the upstream responds before that. REQUIRES: an open connection.
Result await_response(request_info& record) noexcept;

}  // namespace state
