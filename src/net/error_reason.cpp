#include "error_reason.hpp"

#include <cerrno>

namespace net {

base::Reason reason_for(int error) noexcept {
  switch (error) {
    case 0: return base::Reason::upstream_closed;
    case ENOENT:  // of a Unix socket
    case ECONNREFUSED: return base::Reason::connection_refused;
    case ECONNRESET:
    case EPIPE: return base::Reason::upstream_reset;
    case ETIMEDOUT: return base::Reason::connect_timeout;
    case EMFILE:
    case ENFILE: return base::Reason::no_descriptor;
    case EADDRNOTAVAIL: return base::Reason::no_local_port;
    case ENOBUFS:
    case ENOMEM: return base::Reason::no_memory;
    default: return base::Reason::host_unreachable;
  }
}

}  // namespace net
