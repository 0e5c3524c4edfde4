// The listening sockets that the server gets from other processes at its start: from the service manager
// (socket activation, sd_listen_fds(3)), and from the process that it replaces (--takeover).
#pragma once
#include "../plan/config.hpp"
#include "../sys/service.hpp"
#include "predecessor.hpp"

namespace server {

struct Inherited {
  std::vector<sys::PassedSocket> passed;  // by the service manager
  Predecessor before;
};

// Takes them. Returns an error message, which says what to do; empty: success, also if there are none.
// REQUIRES: it is called once, and nothing was opened before.
std::string inherit(const plan::Config& config, Inherited& out);

// The error message for a socket of the service manager that no listener of the configuration uses.
std::string unused_socket(const sys::Address& address);

}  // namespace server
