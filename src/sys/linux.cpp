// Implements sys.hpp on Linux. Comments name the man page where a call's behaviour is not obvious.
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "calls.hpp"
#include "raw.hpp"

bool sys::calls::to_kernel(const char* path, sockaddr_un& out) noexcept {
  std::memset(&out, 0, sizeof out);
  out.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof out.sun_path) return false;
  std::memcpy(out.sun_path, path, length);
  return true;
}

namespace sys {
namespace {

using namespace calls;

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t to_kernel(const Address& address, SocketAddress& out) noexcept {
  std::memset(&out, 0, sizeof out);
  if (address.family == Address::Family::ipv4) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(address.port);
    std::memcpy(&out.v4.sin_addr, address.bytes.data(), sizeof out.v4.sin_addr);
    return sizeof out.v4;
  }
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(address.port);
  out.v6.sin6_scope_id = address.scope;
  std::memcpy(&out.v6.sin6_addr, address.bytes.data(), sizeof out.v6.sin6_addr);
  return sizeof out.v6;
}

Opened make_socket(const Address& address, int type = SOCK_STREAM) noexcept {
  const int family = address.family == Address::Family::ipv4 ? AF_INET : AF_INET6;
  return opened(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(const Fd& socket, int level, int name, int value) noexcept {
  ::setsockopt(socket.get(), level, name, &value, sizeof value);
}

int control(const Fd& poller, int operation, int fd, std::uint64_t token) noexcept {
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;  // PLANT(edge-triggered)
  interest.data.u64 = token;
  return ::epoll_ctl(poller.get(), operation, fd, &interest) == 0 ? 0 : errno;
}

Event translated(const epoll_event& from) noexcept {
  const bool hung = (from.events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool finished = (from.events & EPOLLRDHUP) != 0;
  return {.token = from.data.u64,
          .readable = hung || finished || (from.events & EPOLLIN) != 0,
          .writable = hung || (from.events & EPOLLOUT) != 0,
          .finished = finished,
          .hung = hung};
}

// In units of `per_second`.
std::uint64_t clock_in(clockid_t clock, std::uint64_t per_second) noexcept {
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * per_second +
         static_cast<std::uint64_t>(now.tv_nsec) / (kNanoseconds / per_second);
}

std::size_t mask_bits(const Address& mask) noexcept {
  std::size_t bits = 0;
  while (bits < mask.bits() && (mask.bytes[bits / 8] >> (7 - bits % 8) & 1) != 0) ++bits;
  return bits;
}

}  // namespace

void raw::close_fd(int fd) noexcept { ::close(fd); }

Io raw::receive(const Fd& socket, std::span<std::byte> into) noexcept {
  return io_result(uninterrupted([&] { return ::recv(socket.get(), into.data(), into.size(), 0); }));
}

Io raw::transmit(const Fd& socket, std::span<const std::byte> from) noexcept {
  // PLANT(no-signal)
  return io_result(
      uninterrupted([&] { return ::send(socket.get(), from.data(), from.size(), MSG_NOSIGNAL); }));
}

Pipe make_pipe() noexcept {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return {Fd{}, Fd{}, errno};
  return {Fd{ends[1]}, Fd{ends[0]}, 0};
}

int resize_pipe(const Fd& in, std::size_t bytes) noexcept {
  return ::fcntl(in.get(), F_SETPIPE_SZ, static_cast<int>(bytes)) < 0 ? errno : 0;
}

namespace {

// splice(2) returns EAGAIN at an urgent byte, which recv(2) skips (tcp(7)). So recv decides when splice finds
// nothing. An empty pipe accepts a piece of this size at once (pipe(7)).
Io splice_after_urgent(const Fd& socket, const Fd& in, std::size_t most) noexcept {
  std::array<std::byte, 512> piece;
  static_assert(piece.size() <= PIPE_BUF);
  int held = 0;
  if (::ioctl(in.get(), FIONREAD, &held) == 0 && held > 0) return {Outcome::again, 0, 0};  // the pipe is full
  const Io io = raw::receive(socket, std::span{piece}.first(std::min(most, piece.size())));
  if (io.outcome != Outcome::done) return io;
  return io_result(uninterrupted([&] { return ::write(in.get(), piece.data(), io.bytes); }));
}

}  // namespace

Io raw::splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept {
  const Io io = io_result(uninterrupted(
      [&] { return ::splice(socket.get(), nullptr, in.get(), nullptr, most, SPLICE_F_NONBLOCK); }));
  return io.outcome == Outcome::again ? splice_after_urgent(socket, in, most) : io;
}

// With a count larger than the pipe's content the kernel would hold back the last segment, waiting for more.
Io raw::splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept {
  return io_result(uninterrupted(
      [&] { return ::splice(out.get(), nullptr, socket.get(), nullptr, bytes, SPLICE_F_NONBLOCK); }));
}

Opened listen(const Address& address, int backlog, PortUse use) noexcept {
  Opened socket = make_socket(address);
  if (!socket.fd) return socket;
  set_option(socket.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (use == PortUse::shared) set_option(socket.fd, SOL_SOCKET, SO_REUSEPORT, 1);
  set_option(socket.fd, IPPROTO_TCP, TCP_NODELAY, 1);  // inherited by accepted sockets
  if (address.family == Address::Family::ipv6) set_option(socket.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  SocketAddress name;
  const socklen_t length = to_kernel(address, name);
  if (::bind(socket.fd.get(), &name.any, length) != 0 || ::listen(socket.fd.get(), backlog) != 0)
    return failed(errno);
  return socket;
}

Opened raw::accept(const Fd& listener, Address& peer) noexcept {
  SocketAddress name;
  std::memset(&name, 0, sizeof name);
  socklen_t length = sizeof name;
  Opened client = opened(uninterrupted(
      [&] { return ::accept4(listener.get(), &name.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC); }));
  if (client.fd) peer = address_of(&name);
  return client;
}

Opened raw::connect(const Address& address) noexcept {
  Opened socket = make_socket(address);
  if (!socket.fd) return socket;
  SocketAddress name;
  const socklen_t length = to_kernel(address, name);
  // EINTR: the attempt continues in the kernel, as after EINPROGRESS (connect(2)).
  // PLANT(begin-to-connect)
  if (::connect(socket.fd.get(), &name.any, length) != 0 && errno != EINPROGRESS && errno != EINTR)
    return failed(errno);
  return socket;
}

Opened raw::connect_local(const char* path) noexcept {
  sockaddr_un name;
  if (!to_kernel(path, name)) return failed(ENAMETOOLONG);
  Opened socket = opened(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.fd) return socket;
  // EAGAIN: the backlog is full, and no event would report free space (connect(2), unix(7)).
  if (uninterrupted([&] {
        return ::connect(socket.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
      }) != 0)
    return failed(errno == EAGAIN ? ECONNREFUSED : errno);
  return socket;
}

Opened raw::connect_datagrams(const Address& address) noexcept {
  Opened socket = make_socket(address, SOCK_DGRAM);
  if (!socket.fd) return socket;
  SocketAddress name;
  const socklen_t length = to_kernel(address, name);
  if (::connect(socket.fd.get(), &name.any, length) != 0) return failed(errno);
  return socket;
}

std::uint32_t interface_index(std::string_view name) noexcept {
  std::array<char, IF_NAMESIZE> text{};
  if (name.size() >= text.size()) return 0;
  std::copy(name.begin(), name.end(), text.begin());
  return ::if_nametoindex(text.data());
}

int raw::socket_error(const Fd& socket) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

Address local_address(const Fd& socket) noexcept {
  SocketAddress name;
  std::memset(&name, 0, sizeof name);
  socklen_t length = sizeof name;
  ::getsockname(socket.get(), &name.any, &length);
  return address_of(&name);
}

void set_nodelay(const Fd& socket) noexcept { set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1); }

void probe_peer(const Fd& socket) noexcept {
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 6);
}

void raw::shutdown_write(const Fd& socket) noexcept { ::shutdown(socket.get(), SHUT_WR); }

void reset_on_close(const Fd& socket) noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Opened make_poller() noexcept { return opened(::epoll_create1(EPOLL_CLOEXEC)); }

int raw::watch(const Fd& poller, int fd, std::uint64_t token) noexcept {
  return control(poller, EPOLL_CTL_ADD, fd, token);
}

int raw::rearm(const Fd& poller, int fd, std::uint64_t token) noexcept {
  return control(poller, EPOLL_CTL_MOD, fd, token);
}

Waited raw::wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept {
  std::array<epoll_event, 512> events;
  const auto room = static_cast<int>(std::min(into.size(), events.size()));
  const int count = ::epoll_wait(poller.get(), events.data(), room, timeout_ms);
  if (count < 0) return {0, false};  // EINTR: the caller reads the clock and calls again
  std::transform(events.begin(), events.begin() + count, into.begin(), translated);
  return {static_cast<std::size_t>(count), count < room};
}

void raw::levels(std::span<Level> of) noexcept {
  std::array<pollfd, 64> polled;
  const std::size_t count = std::min(of.size(), polled.size());
  for (std::size_t i = 0; i < count; ++i)
    polled[i] = {.fd = of[i].fd, .events = POLLIN | POLLOUT | POLLRDHUP, .revents = 0};
  const int ready = ::poll(polled.data(), count, 0);
  constexpr int kGone = POLLHUP | POLLERR;
  for (std::size_t i = 0; i < count; ++i) {
    const int events = ready > 0 ? polled[i].revents : 0;
    of[i].readable = (events & (POLLIN | POLLRDHUP | kGone)) != 0;
    of[i].writable = (events & (POLLOUT | kGone)) != 0;
  }
}

bool socket_figures(int fd, SocketFigures& out) noexcept {
  constexpr std::array<std::string_view, 13> kStates{
      "",       "ESTABLISHED", "SYN-SENT", "SYN-RECEIVED", "FIN-WAIT-1", "FIN-WAIT-2",  "TIME-WAIT",
      "CLOSED", "CLOSE-WAIT",  "LAST-ACK", "LISTEN",       "CLOSING",    "SYN-RECEIVED"};
  out = {};
  int unread = 0, unsent = 0;
  if (::ioctl(fd, SIOCINQ, &unread) != 0 || ::ioctl(fd, SIOCOUTQ, &unsent) != 0) return false;
  out.unread = static_cast<std::uint64_t>(std::max(unread, 0));
  out.unsent = static_cast<std::uint64_t>(std::max(unsent, 0));
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return true;  // a Unix socket
  if (info.tcpi_state < kStates.size()) out.state = kStates[info.tcpi_state];
  out.rtt_us = info.tcpi_rtt;
  out.window = info.tcpi_snd_cwnd;
  out.retransmits = info.tcpi_total_retrans;
  out.segment_bytes = info.tcpi_snd_mss;
  return true;
}

int own_addresses(std::vector<OwnAddress>& out) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return errno;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const Address address = entry->ifa_addr == nullptr ? Address{} : address_of(entry->ifa_addr);
    const bool network = address.family == Address::Family::ipv4 && (entry->ifa_flags & IFF_LOOPBACK) != 0 &&
                         entry->ifa_netmask != nullptr;
    if (address.bits() != 0)
      out.push_back({address, network ? mask_bits(address_of(entry->ifa_netmask)) : address.bits()});
  }
  ::freeifaddrs(first);
  return 0;
}

Opened watch_addresses() noexcept {
  Opened changes = opened(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!changes.fd) return changes;
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(changes.fd.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
    return failed(errno);
  return changes;
}

void drain_address_changes(const Fd& changes) noexcept {
  std::array<std::byte, 8192> room;
  // ENOBUFS: some messages were lost, which does not matter here.
  for (Io io = raw::receive(changes, room); io.outcome == Outcome::done || io.error == ENOBUFS;)
    io = raw::receive(changes, room);
}

Opened make_signalfd() noexcept {
  // A write to a closed pipe returns EPIPE, a write beyond `ulimit -f` returns EFBIG.
  // PLANT(ignore-signals)
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR || ::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return failed(errno);
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGUSR1);
  sigaddset(&wanted, SIGUSR2);
  sigaddset(&wanted, SIGHUP);
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) return failed(errno);
  return opened(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
}

Signal next_signal(const Fd& signals) noexcept {
  signalfd_siginfo info{};
  if (uninterrupted([&] { return ::read(signals.get(), &info, sizeof info); }) != sizeof info)
    return Signal::none;
  switch (info.ssi_signo) {
    case SIGINT: return Signal::interrupt;
    case SIGUSR1: return Signal::reopen;
    case SIGUSR2: return Signal::record;
    case SIGHUP: return info.ssi_code == SI_KERNEL ? Signal::interrupt : Signal::reload;
    default: return Signal::terminate;
  }
}

Opened open_log(const char* path) noexcept {
  return opened(::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640));
}

Opened open_stdout() noexcept {
  // In a file, what is written to the shared description (2>&1) would overwrite what is appended here.
  struct stat status {};
  const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (flags >= 0 && ::fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode))
    ::fcntl(STDOUT_FILENO, F_SETFL, flags | O_APPEND);
  // O_NONBLOCK belongs to the open file description, which the shell shares: open another one.
  Opened own = opened(::open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (own.fd) return own;
  return opened(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));  // a socket, or a pipe of another user
}

Io append(const Fd& log, std::span<const char> text) noexcept {
  // The descriptor may be blocking. When poll(2) reports space, a write of PIPE_BUF bytes does not block
  // (pipe(7)).
  pollfd ready{.fd = log.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 0) == 0) return {Outcome::again, 0, 0};
  const std::size_t piece = std::min<std::size_t>(text.size(), PIPE_BUF);
  return io_result(uninterrupted([&] { return ::write(log.get(), text.data(), piece); }));
}

Opened create_file(const char* path) noexcept {
  return opened(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

Opened replace_file(const char* path) noexcept {
  struct stat status {};
  if (::lstat(path, &status) == 0 && !S_ISREG(status.st_mode)) return failed(EEXIST);
  if (::unlink(path) != 0 && errno != ENOENT) return failed(errno);
  return create_file(path);
}

int write_all(const Fd& file, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted([&] { return ::write(file.get(), bytes.data(), bytes.size()); });
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

Opened open_datagrams(const char* path) noexcept {
  sockaddr_un name;
  if (!to_kernel(path, name)) return failed(ENAMETOOLONG);
  const auto make = [] { return opened(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); };
  const Opened probe = make();
  if (!probe.fd) return failed(probe.error);
  if (::connect(probe.fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return failed(errno);
  return make();
}

Io send_datagram(const Fd& socket, const char* path, std::span<const char> text) noexcept {
  sockaddr_un name;
  if (!to_kernel(path, name)) return {Outcome::fail, ENAMETOOLONG, 0};
  const auto* const to = reinterpret_cast<const sockaddr*>(&name);
  return io_result(uninterrupted(
      [&] { return ::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL, to, sizeof name); }));
}

Opened open_file(const char* path) noexcept {
  return opened(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

namespace {

// The path of a descriptor that this process has inherited.
bool is_inherited(std::string_view path) noexcept {
  return path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/") || path == "/dev/stdin";
}

}  // namespace

int read_file(const char* path, std::size_t most, std::string& out, Pipes pipes) {
  // Before it is opened: to open a FIFO or a device can already have an effect. After it, as it may be
  // another file now: O_NONBLOCK keeps the open from waiting.
  struct stat status;
  if (::stat(path, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  const bool pipe = pipes == Pipes::inherited && S_ISFIFO(status.st_mode) && is_inherited(path);
  if (!S_ISREG(status.st_mode) && !pipe) return ESPIPE;
  const int mode = pipe ? 0 : O_NONBLOCK;
  const Opened file = opened(::open(path, O_RDONLY | mode | O_CLOEXEC | O_NOCTTY));
  if (!file.fd) return file.error;
  if (::fstat(file.fd.get(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode) && !pipe) return ESPIPE;
  const std::size_t size = S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
  if (size > most) return EFBIG;
  out.clear();
  out.reserve(size);
  std::array<char, 16'384> piece;
  for (;;) {
    const ssize_t count = uninterrupted([&] { return ::read(file.fd.get(), piece.data(), piece.size()); });
    if (count < 0) return errno;
    if (count == 0) return 0;
    if (out.size() + static_cast<std::size_t>(count) > most) return EFBIG;
    out.append(piece.data(), static_cast<std::size_t>(count));
  }
}

PathKind path_kind(const char* path, Links links) noexcept {
  struct stat status;
  if ((links == Links::followed ? ::stat(path, &status) : ::lstat(path, &status)) != 0) return PathKind::none;
  switch (status.st_mode & S_IFMT) {
    case S_IFREG: return PathKind::regular;
    case S_IFDIR: return PathKind::directory;
    case S_IFSOCK: return PathKind::socket;
    case S_IFLNK: return PathKind::link;
    default: return PathKind::other;
  }
}

int check_writable(const char* path) noexcept { return ::access(path, W_OK) == 0 ? 0 : errno; }

std::string working_directory() {
  std::array<char, PATH_MAX> room;
  const char* const found = ::getcwd(room.data(), room.size());
  return found == nullptr ? std::string{} : std::string{found};
}

void random_bytes(std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    const ssize_t count = uninterrupted([&] { return ::getrandom(out.data(), out.size(), 0); });
    if (count <= 0) std::abort();  // a predictable key is worse than ending
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

void write_stderr(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t count = uninterrupted([&] { return ::write(STDERR_FILENO, text.data(), text.size()); });
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::byte* reserve(std::size_t bytes) noexcept {
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

void unreserve(std::byte* memory, std::size_t bytes) noexcept { ::munmap(memory, bytes); }

void release_pages(std::byte* memory, std::size_t bytes) noexcept { ::madvise(memory, bytes, MADV_DONTNEED); }

std::size_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::uint64_t now_us() noexcept { return clock_in(CLOCK_MONOTONIC, 1'000'000); }
std::uint64_t now_ms() noexcept { return clock_in(CLOCK_MONOTONIC, 1000); }

std::uint64_t cpu_us() noexcept { return clock_in(CLOCK_THREAD_CPUTIME_ID, 1'000'000); }

ThreadUsage thread_usage() noexcept {
  rusage used{};
  if (::getrusage(RUSAGE_THREAD, &used) != 0) return {};
  const auto us = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
  };
  return {us(used.ru_utime) + us(used.ru_stime), static_cast<std::uint64_t>(used.ru_nivcsw)};
}

std::uint64_t wall_ms() noexcept { return clock_in(CLOCK_REALTIME, 1000); }

std::uint64_t local_ms(std::uint64_t unix_ms) noexcept {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return unix_ms;
  return unix_ms + static_cast<std::uint64_t>(parts.tm_gmtoff * 1000);
}

}  // namespace sys
