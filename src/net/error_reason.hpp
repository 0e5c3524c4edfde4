// What an errno of an upstream connection means for the request.
#pragma once
#include "../base/reason.hpp"

namespace net {

// `error`: errno of connect, send or receive; 0: the connection was closed.
base::Reason reason_for(int error) noexcept;

}  // namespace net
