// The service manager, on Linux.
#include "service.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "../base/text.hpp"
#include "calls.hpp"

namespace sys {
namespace {

std::string_view variable(const char* name) noexcept {
  const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  return text == nullptr ? std::string_view{} : std::string_view{text};
}

// True if the variable names this process, or is absent and `absent` is true.
bool is_for_us(const char* name, bool absent) noexcept {
  const std::string_view text = variable(name);
  std::uint64_t process = 0;
  if (text.empty()) return absent;
  return base::parse_decimal(text, process) && process == process_id();
}

}  // namespace

ServiceManager service_manager() {
  ServiceManager found{.notify_socket = std::string{variable("NOTIFY_SOCKET")}};
  std::uint64_t us = 0;
  if (is_for_us("WATCHDOG_PID", true) && base::parse_decimal(variable("WATCHDOG_USEC"), us))
    found.watchdog_us = us;
  return found;
}

bool take_passed_sockets(std::vector<PassedSocket>& out) {
  constexpr int kFirst = 3;             // SD_LISTEN_FDS_START
  constexpr std::uint64_t kMost = 253;  // as many as one message can pass on (SCM_RIGHTS in unix(7))
  if (!is_for_us("LISTEN_PID", false)) return true;
  std::uint64_t count = 0;
  if (!base::parse_decimal(variable("LISTEN_FDS"), count) || count > kMost) return false;
  std::string_view names = variable("LISTEN_FDNAMES");
  for (int fd = kFirst; fd < kFirst + static_cast<int>(count); ++fd) {
    const std::size_t end = std::min(names.find(':'), names.size());
    PassedSocket passed{{}, fd, std::string{names.substr(0, end)}};
    names.remove_prefix(std::min(end + 1, names.size()));
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags >= 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
      passed.fd = Fd{fd};
    out.push_back(std::move(passed));
  }
  return true;
}

namespace {

// The value of a socket option; -1: it has none.
int option(const Fd& socket, int level, int name) noexcept {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(socket.get(), level, name, &value, &length) == 0 ? value : -1;
}

}  // namespace

ListenerFault check_listener(const Fd& socket) noexcept {
  const bool is_tcp = option(socket, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
                      option(socket, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
  if (!is_tcp || option(socket, SOL_SOCKET, SO_ACCEPTCONN) != 1) return ListenerFault::not_listening;
  if (option(socket, SOL_SOCKET, SO_DOMAIN) == AF_INET6 && option(socket, IPPROTO_IPV6, IPV6_V6ONLY) == 0)
    if (local_address(socket).is_wildcard()) return ListenerFault::both_families;
  set_nodelay(socket);  // accepted sockets inherit it
  return ListenerFault::none;
}

Opened open_notifications() noexcept {
  return calls::opened(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void notify(const Fd& socket, std::string_view address, std::string_view text) noexcept {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.empty() || address.size() >= sizeof name.sun_path) return;
  std::copy(address.begin(), address.end(), name.sun_path);
  if (address.front() == '@') name.sun_path[0] = '\0';
  // The length of an abstract name counts: it has no end of its own.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() +
                                             (address.front() == '@' ? 0 : 1));
  calls::uninterrupted([&] {
    return ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&name), length);
  });
}

}  // namespace sys
