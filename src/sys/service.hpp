// What the service manager (systemd) passes to a program that it starts: where to report (sd_notify(3)), the
// interval of the watchdog (sd_watchdog_enabled(3)), and listening sockets (sd_listen_fds(3)). Without a
// service manager there is nothing of it.
#pragma once
#include "sys.hpp"

namespace sys {

struct ServiceManager {
  // NOTIFY_SOCKET: the path of a Unix datagram socket, or "@" and an abstract name (unix(7)). Empty: reports
  // are not wanted.
  std::string notify_socket;
  // WATCHDOG_USEC: the program must report within this time, in microseconds; 0: it need not. Also 0 if
  // WATCHDOG_PID is another process.
  std::uint64_t watchdog_us = 0;
};

// Reads the environment of this process.
ServiceManager service_manager();

// A descriptor that the service manager has opened.
struct PassedSocket {
  Fd fd;             // close-on-exec and non-blocking from now on; none: the number is not open
  int number = 0;    // of the descriptor, also if it is not open
  std::string name;  // of LISTEN_FDNAMES; empty: it has none
};
// Takes the descriptors of LISTEN_FDS; none if LISTEN_PID is not this process. Returns false if LISTEN_FDS is
// not a number up to 253. REQUIRES: it is called once, and nothing was opened before.
bool take_passed_sockets(std::vector<PassedSocket>& out);

// Why a socket is not one that `listen` could have opened.
enum class ListenerFault : std::uint8_t {
  none,
  not_listening,  // not a TCP socket, or not a listening one
  both_families,  // an IPv6 socket without IPV6_V6ONLY: it accepts IPv4 clients too
};
// Checks a socket of another program, and sets TCP_NODELAY for the connections that it accepts.
ListenerFault check_listener(const Fd& socket) noexcept;

// Returns a Unix datagram socket for `notify`.
Opened open_notifications() noexcept;
// Sends `text` to the socket at `address`, which is as in ServiceManager. An error is ignored: a report that
// is lost has no effect on this program.
void notify(const Fd& socket, std::string_view address, std::string_view text) noexcept;

}  // namespace sys
