// The password that a request needs (--users, and "users" of a route).
#pragma once
#include "../http/head.hpp"
#include "turn.hpp"
#include "worker.hpp"

namespace state {

enum class Login : std::uint8_t {
  allowed,  // the client may have the request
  pending,  // the record must yield: it waits until a hash may be computed
  missing,  // no usable credentials: 407 or 401
  wrong,    // wrong credentials: the same
};

// Checks the password of the request with this head, if it needs one, and notes the user for the log.
// REQUIRES: an exchange, with its route.
Login check_login(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head) noexcept;
// The user, after check_login.
plan::Requester requester(const Exchange& exchange, const plan::Config& config) noexcept;
// Why the request is refused without a password: for 407, or for 401 of a web server.
base::Reason login_reason(const request_info& record, const Turn& turn) noexcept;
// The request has a password that is wrong, or not yet verified. Computes no hash.
bool is_guess(const request_info& record, const Turn& turn, const http::RequestHead& head) noexcept;

}  // namespace state
