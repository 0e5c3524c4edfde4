// Linux, over the loopback interface. The peers are sockets of this process, with descriptor numbers far
// above ours.
//
// Bytes have usually arrived when the sending call returns, but not always. So after each step both ends of
// each connection are polled (TCP_INFO, SIOCOUTQ) until everything expected has happened. Each of these calls
// takes the socket's lock, so a partly processed segment is not visible.
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <utility>
#include <vector>

#include "scenarios.hpp"

namespace agreement {
namespace {

constexpr int kFirstPeerNumber = 200;
constexpr int kPatienceMs = 10'000;  // longer than any retransmission here; expiring is an error in this file
constexpr int kSynDroppedMs = 100;   // shorter than the time to the second SYN, one second

[[noreturn]] void give_up(const char* why) {
  std::cout.flush();
  std::cerr << "agreement: " << why << ": " << std::strerror(errno) << '\n';
  std::exit(2);
}

int checked(int result, const char* what) {
  if (result < 0) give_up(what);
  return result;
}

long long clock_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

// A descriptor of a peer: a high number, so that ours get the same numbers as without it.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd)
      : fd_(checked(::fcntl(checked(fd, "socket"), F_DUPFD_CLOEXEC, kFirstPeerNumber), "dup")) {
    ::close(fd);
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

Socket new_socket() {
  return Socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return name;
}

std::uint16_t bind_somewhere(const Socket& socket) {
  sockaddr_in name = loopback(0);
  socklen_t length = sizeof name;
  checked(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), "bind");
  checked(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length), "getsockname");
  return ntohs(name.sin_port);
}

Socket start_connecting(std::uint16_t port) {
  Socket socket = new_socket();
  const sockaddr_in name = loopback(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 &&
      errno != EINPROGRESS)
    give_up("connect");
  return socket;
}

bool becomes_ready(int fd, short events, int timeout_ms) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  return checked(::poll(&ready, 1, timeout_ms), "poll") > 0;
}

tcp_info info_of(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  checked(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), "TCP_INFO");
  return info;
}

int count_of(int fd, unsigned long request) {
  int count = 0;
  checked(::ioctl(fd, request, &count), "ioctl");
  return count;
}

// Repeats a check until it is true. Between two checks it waits in poll(2) for the other end, which may wake
// it early.
template <class Condition>
void until(Condition condition, int fd, const char* what) {
  for (const long long end = clock_ms() + kPatienceMs; !condition();) {
    if (clock_ms() > end) {
      errno = ETIMEDOUT;
      give_up(what);
    }
    pollfd ready{.fd = fd, .events = POLLIN | POLLRDHUP, .revents = 0};
    ::poll(&ready, 1, 1);
  }
}

// One end of a connection, and what is still expected there.
struct End {
  int fd = -1;        // -1: closed, or in a backlog
  bool shut = false;  // has sent FIN
  bool closed = false;
  bool reset_due = false;  // RST was sent to it
  bool full = false;       // its bytes cannot arrive before the other end reads
};

bool fin_was_received(int state) {
  return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING || state == TCP_TIME_WAIT ||
         state == TCP_CLOSE;
}

bool fin_waits_for_ack(int state) {
  return state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSING;
}

bool settled(const End& end, const End& other) {
  if (end.fd < 0) return true;
  const int state = info_of(end.fd).tcpi_state;
  if (state == TCP_CLOSE) return true;
  if (end.reset_due || state == TCP_SYN_SENT) return false;
  if ((other.shut || other.closed) && !other.full && !fin_was_received(state)) return false;
  return end.full || (!fin_waits_for_ack(state) && count_of(end.fd, SIOCOUTQ) == 0);
}

class RealPeer final : public Peer {
 public:
  explicit RealPeer(Socket socket) { meet(std::move(socket)); }
  RealPeer(Manner manner, int host) : manner_(manner), host_(host) {}

  void meet(Socket socket) {
    socket_ = std::move(socket);
    theirs_.fd = socket_.get();
  }
  // The host that it connects to behaves differently from now on.
  void host_is_now(int host, Manner manner) {
    if (host != host_) return;
    manner_ = manner;
    ours_.reset_due = manner == Manner::refuses;
  }

  bool send(std::string_view bytes) override {
    const ssize_t count = ::send(theirs_.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0 && ours_.closed) theirs_.reset_due = true;
    return count == static_cast<ssize_t>(bytes.size());
  }
  ReadResult read() override {
    ReadResult heard{{}, Ending::none};
    std::array<char, 65536> piece;
    for (;;) {
      const ssize_t count = ::recv(theirs_.fd, piece.data(), piece.size(), 0);
      if (count == 0) heard.ending = Ending::end;
      if (count < 0 && errno != EAGAIN) heard.ending = Ending::reset;
      if (count <= 0) return heard;
      heard.bytes.append(piece.data(), static_cast<std::size_t>(count));
    }
  }
  bool broken() override {
    int error = 0;
    socklen_t length = sizeof error;
    checked(::getsockopt(theirs_.fd, SOL_SOCKET, SO_ERROR, &error, &length), "SO_ERROR");
    return error != 0;
  }
  Ending drain() override {
    Ending ending = Ending::none;
    ours_.full = false;
    until(
        [&] {
          ending = read().ending;
          return ending != Ending::none ||
                 (ours_.fd >= 0 && !ours_.shut && count_of(ours_.fd, SIOCOUTQ) == 0);
        },
        theirs_.fd, "the peer reads");
    return ending;
  }
  void finish() override {
    ::shutdown(theirs_.fd, SHUT_WR);
    theirs_.shut = true;
  }
  void close() override {
    closes(theirs_, ours_, false);
    socket_.close();
  }
  void reset() override {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(theirs_.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    closes(theirs_, ours_, true);
    socket_.close();
  }

  void joined(int fd) override {
    ours_.fd = fd;
    ours_.reset_due = ours_.reset_due || manner_ == Manner::refuses;
  }
  void ours_sent() override {
    if (theirs_.closed) ours_.reset_due = true;
  }
  void ours_is_full() override {
    ours_.full = true;
    until([&] { return info_of(ours_.fd).tcpi_unacked == 0 && count_of(ours_.fd, SIOCOUTQNSD) > 0; }, -1,
          "the window closes");
  }
  void ours_shut() override { ours_.shut = true; }
  void ours_closes(bool linger0) override { closes(ours_, theirs_, linger0); }
  void ours_is_dropped() override {
    ours_.closed = true;
    theirs_.reset_due = true;
  }

  [[nodiscard]] bool is_settled() const {
    if (manner_ == Manner::swallows) return true;
    return settled(theirs_, ours_) && settled(ours_, theirs_);
  }
  [[nodiscard]] int descriptor() const { return theirs_.fd; }

 private:
  // RST instead of FIN: requested, or because of unread bytes. A closed connection sends none.
  static void closes(End& end, End& other, bool linger0) {
    const int state = end.fd < 0 ? int{TCP_CLOSE} : info_of(end.fd).tcpi_state;
    const bool connected = state != TCP_CLOSE && state != TCP_SYN_SENT;
    if (connected && (linger0 || count_of(end.fd, FIONREAD) > 0)) other.reset_due = true;
    end.closed = true;
    end.fd = -1;
  }

  Manner manner_ = Manner::accepts;
  int host_ = -1;
  Socket socket_;
  End theirs_, ours_;
};

class RealStage final : public Stage {
 public:
  RealStage() {
    checked(::getrlimit(RLIMIT_NOFILE, &limit_), "getrlimit");
    // Close inherited descriptors, from make for example: descriptor numbers are compared.
    ::close_range(3, ~0U, 0);
    if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) give_up("signal");  // as the program does
  }
  ~RealStage() override { ::setrlimit(RLIMIT_NOFILE, &limit_); }
  RealStage(const RealStage&) = delete;
  RealStage& operator=(const RealStage&) = delete;

  sys::Address free_place() override { return sys::loopback4(0); }

  std::unique_ptr<Peer> dial(int listener, const sys::Address& place, bool fits) override {
    const bool listens = listener >= 0;
    const auto before =
        listens ? info_of(listener).tcpi_unacked : 0;  // of a listener: the length of its accept queue
    Socket socket = start_connecting(place.port);
    if (!becomes_ready(socket.get(), POLLOUT, fits ? kPatienceMs : kSynDroppedMs)) return nullptr;
    if (info_of(socket.get()).tcpi_state != TCP_ESTABLISHED) return nullptr;
    until([&] { return info_of(listener).tcpi_unacked == before + 1; }, -1, "the listener takes it");
    return std::make_unique<RealPeer>(std::move(socket));
  }

  int add_host(Manner manner) override {
    Host host{manner, new_socket(), {}, 0};
    host.port = bind_somewhere(host.listener);
    if (manner != Manner::refuses)  // a bound port that does not listen refuses connections
      checked(::listen(host.listener.get(), manner == Manner::accepts ? 16 : 0), "listen");
    if (manner == Manner::swallows) {  // with a full backlog SYNs are dropped
      host.filler = start_connecting(host.port);
      if (!becomes_ready(host.listener.get(), POLLIN, kPatienceMs)) give_up("the backlog is filled");
    }
    hosts_.push_back(std::move(host));
    return static_cast<int>(hosts_.size()) - 1;
  }
  sys::Address place_of(int host) override { return sys::loopback4(at(host).port); }
  std::unique_ptr<Peer> expected(int host) override {
    auto peer = std::make_unique<RealPeer>(at(host).manner, host);
    waiting_.push_back(peer.get());
    return peer;
  }
  void take(int host, Peer& peer) override {
    if (!becomes_ready(at(host).listener.get(), POLLIN, kPatienceMs)) give_up("our connection arrives");
    static_cast<RealPeer&>(peer).meet(accepted(at(host)));
  }
  // Both wait for the next SYN, one second after the first.
  void relent(int host) override {
    accepted(at(host));
    change(host, Manner::accepts);
  }
  void vanish(int host) override {
    at(host).listener.close();
    change(host, Manner::refuses);
  }

  void limit_descriptors(int most) override {
    rlimit lower = limit_;
    lower.rlim_cur = static_cast<rlim_t>(most);
    checked(::setrlimit(RLIMIT_NOFILE, &lower), "setrlimit");
  }
  void settle(std::span<Peer* const> peers) override {
    for (Peer* const each : peers) {
      const auto& peer = static_cast<const RealPeer&>(*each);
      until([&] { return peer.is_settled(); }, peer.descriptor(), "everything arrives");
    }
  }

 private:
  struct Host {
    Manner manner;
    Socket listener, filler;
    std::uint16_t port;
  };
  Host& at(int host) { return hosts_.at(static_cast<std::size_t>(host)); }
  static Socket accepted(const Host& host) {
    return Socket{::accept4(host.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  }
  void change(int host, Manner manner) {
    at(host).manner = manner;
    for (RealPeer* const peer : waiting_) peer->host_is_now(host, manner);
  }

  rlimit limit_{};
  std::vector<Host> hosts_;
  std::vector<RealPeer*> waiting_;
};

}  // namespace

std::unique_ptr<Stage> make_stage() { return std::make_unique<RealStage>(); }

}  // namespace agreement
