// Shared by the tests on the real kernel: text at the end of memory, memory for pools, sockets whose far end
// the test holds, and a state machine without its event loop.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../../../src/base/trace.hpp"
#include "../../../src/net/resolver.hpp"
#include "../../../src/plan/generation.hpp"
#include "../../../src/state/events.hpp"
#include "../edge.hpp"
#include "fake_names.hpp"

namespace support {

// Far beyond what any test takes: a wait this long has failed.
inline constexpr int kForeverMs = 20'000;

// Page-aligned memory for a pool or a table.
class Room {
 public:
  explicit Room(std::size_t bytes)
      : memory_(static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096))) {}
  ~Room() { std::free(memory_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  [[nodiscard]] std::byte* get() const { return memory_; }

 private:
  std::byte* memory_;
};

// The far end of a connection, held by the test. Bytes in `outbox` wait until the kernel accepts them.
class Peer {
 public:
  explicit Peer(sys::Fd fd) : fd_(std::move(fd)) {}

  std::string outbox;    // still to be sent
  std::string received;  // so far
  bool reads = true;     // false: leaves received bytes in the kernel
  bool eof = false;      // the other side has sent its last byte
  bool reset = false;    // RST has arrived

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool ended() const { return eof || reset; }
  void pull() {
    std::array<char, 65536> piece;
    while (reads && fd_.open() && !ended()) {
      const ssize_t count = ::recv(fd(), piece.data(), piece.size(), 0);
      if (count > 0) received.append(piece.data(), static_cast<std::size_t>(count));
      if (count == 0) eof = true;
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) reset = true;
    }
  }
  void push() {
    while (fd_.open() && !outbox.empty()) {
      const ssize_t count = ::send(fd(), outbox.data(), outbox.size(), MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN) outbox.clear();
      if (count < 0) return;
      outbox.erase(0, static_cast<std::size_t>(count));
    }
  }
  void finish() { ::shutdown(fd(), SHUT_WR); }
  void close() { fd_.reset(); }
  void abort() {
    sys::reset_on_close(fd_);
    fd_.reset();
  }

 private:
  sys::Fd fd_;
};

// A host on this machine.
class Host {
 public:
  explicit Host(int backlog = 16) : listener_(sys::listen(sys::loopback4(0), backlog).fd) {}
  [[nodiscard]] sys::Address address() const { return sys::local_address(listener_); }
  [[nodiscard]] std::string text() const { return std::string{sys::endpoint_text(address()).view()}; }
  [[nodiscard]] const sys::Fd& listener() const { return listener_; }
  sys::Fd accept() {
    sys::Address peer;
    return sys::accept(listener_, peer).fd;
  }

 private:
  sys::Fd listener_;
};

// A port of this machine on which nothing listens, as long as this object lives.
class UnusedPort {
 public:
  UnusedPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) std::abort();
  }
  [[nodiscard]] sys::Address address() const { return sys::local_address(fd_); }
  [[nodiscard]] std::string text() const { return std::string{sys::endpoint_text(address()).view()}; }

 private:
  sys::Fd fd_;
};

// Waits for one of `events` on a descriptor. The event has been caused already, so this does not depend on
// time.
inline bool await(int fd, short events) {
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wanted, 1, kForeverMs) == 1;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

// Records and state functions on the real kernel, run by hand.
class Machine {
 public:
  static constexpr std::uint32_t kSlots = 8;
  static constexpr std::size_t kBlocks = 16;

  explicit Machine(std::size_t block_limit = kBlocks) : blocks(block_memory_.get(), block_limit) {
    fake::names() = {};
  }
  ~Machine() {
    for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
      if (table.at(slot).state != State::FREE) release(table.at(slot), base::Reason::shutdown, worker);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // A client connects and is admitted; its record is the one in `slot`.
  Peer& client() {
    sys::Opened near = sys::connect(front_.address());
    await(near.fd.get(), POLLOUT);
    await(front_.listener().get(), POLLIN);
    sys::Address from;
    sys::Fd far = sys::accept(front_.listener(), from).fd;
    EXPECT_TRUE(far.open());
    EXPECT_TRUE(admit(std::move(far), from, 0, worker));
    return *peers_.emplace_back(std::make_unique<Peer>(std::move(near.fd)));
  }
  // The next connection of the proxy to `host`.
  Peer& arrival(Host& host) {
    sys::Fd fd;
    until(
        "a connection arrives", [&] { return fd.open() || (fd = host.accept()).open(); }, &host);
    return *peers_.emplace_back(std::make_unique<Peer>(std::move(fd)));
  }
  void say(Peer& peer, std::string_view text) {
    peer.outbox += text;
    peer.push();
  }
  request_info& record(std::uint32_t slot = 0) { return table.at(slot); }

  // Runs turns until `what` is true. Its cause has happened before: it becomes true, or it never will.
  bool until(const char* what, const std::function<bool()>& is_true, const Host* host = nullptr) {
    for (;;) {
      for (const auto& peer : peers_) {
        peer->push();
        peer->pull();
      }
      if (is_true()) return true;
      if (!scheduler.idle()) {
        run();
        continue;
      }
      if (!sleep(host)) {
        ADD_FAILURE() << "timed out waiting until " << what << "; the record is in " << name(record().state)
                      << ", wait " << static_cast<int>(record().wait);
        return false;
      }
      take_events();
    }
  }
  bool until_wait(plan::Wait wait, std::uint32_t slot = 0) {
    const std::string what{"the record waits for " + std::string{plan::row(wait).option}};
    return until(what.c_str(), [&] { return scheduler.idle() && record(slot).wait == wait; });
  }
  bool until_ended(Peer& peer) {
    return until("the connection ends", [&] { return peer.ended(); });
  }
  bool until_free() {
    return until("all records are free", [&] { return table.used() == 0; });
  }
  // Advances the clock and handles what is due.
  void pass(std::uint64_t ms) {
    worker.now += ms;
    scheduler.expire(worker.now);
    run();
  }
  // Runs each queued record once.
  void run() {
    worker.budget.begin_turn();
    run_records(worker);
  }
  void take_events() {
    std::array<sys::Event, 64> events;
    const std::size_t count = sys::wait(poller_, events, 0).count;
    for (std::size_t i = 0; i < count; ++i) {
      const net::Token token = net::Token::unpacked(events[i].token);
      if (token.kind == net::Token::Kind::client || token.kind == net::Token::Kind::upstream)
        deliver(token, events[i], worker);
    }
    wake_the_named();
  }
  void wake_the_named() {
    for (const net::Token& token : resolver.woken(worker.now))
      if (request_info* const found = table.find(token); found != nullptr) scheduler.wake(*found);
  }

  // All borrowed resources have been returned.
  void expect_clean(const std::string& title) {
    EXPECT_EQ(table.used(), 0U) << title;
    EXPECT_EQ(blocks.used(), 0U) << title;
    EXPECT_EQ(pipes.used(), 0U) << title;
    EXPECT_EQ(exchanges.used(), worker.finished.size()) << title;
    EXPECT_TRUE(scheduler.idle()) << title;
    EXPECT_FALSE(scheduler.block_needed()) << title;
    EXPECT_EQ(scheduler.next_deadline(), 0U) << title;
  }
  // The access record of the last request.
  [[nodiscard]] const AccessRecord& last() const {
    static const AccessRecord none{};
    EXPECT_FALSE(worker.finished.empty()) << "no request has ended";
    return worker.finished.empty() ? none : worker.finished.back()->log;
  }

  // The transitions in the trace, as "A>B".
  [[nodiscard]] std::set<std::string> transitions() const {
    std::set<std::string> seen;
    for (std::uint64_t at = trace.oldest(); at < trace.written(); ++at) {
      const base::TraceEntry& entry = trace.at(at);
      if (entry.event != base::TraceEvent::entered && entry.event != base::TraceEvent::released) continue;
      seen.insert(std::string{name(static_cast<State>(entry.before))} + ">" +
                  std::string{name(static_cast<State>(entry.state))});
    }
    return seen;
  }

 private:
  bool sleep(const Host* host) {
    std::vector<pollfd> wanted{{.fd = poller_.get(), .events = POLLIN, .revents = 0}};
    if (host != nullptr) wanted.push_back({.fd = host->listener().get(), .events = POLLIN, .revents = 0});
    for (const auto& peer : peers_) {
      short events = 0;
      if (peer->reads) events |= POLLIN;
      if (!peer->outbox.empty()) events |= POLLOUT;
      if (events != 0 && peer->fd() >= 0 && !peer->ended())
        wanted.push_back({.fd = peer->fd(), .events = events, .revents = 0});
    }
    return ::poll(wanted.data(), wanted.size(), kForeverMs) > 0;
  }

  Host front_;
  sys::Fd poller_ = sys::make_poller().fd;
  Room block_memory_{base::BlockPool::footprint(kBlocks)};
  Room exchange_memory_{ExchangePool::footprint(std::size_t{8} * kSlots)};
  Room record_memory_{kSlots * sizeof(request_info)};
  std::vector<std::unique_ptr<Peer>> peers_;

 public:
  plan::Generation generation{[] {
    plan::Config lab;
    lab.http10 = true;
    lab.listeners.emplace_back();
    return lab;
  }()};
  plan::Config& config = generation.config;
  base::BlockPool blocks;
  net::Pipes pipes{16};
  ExchangePool exchanges{exchange_memory_.get(), std::size_t{8} * kSlots};
  Table table{reinterpret_cast<request_info*>(record_memory_.get()), kSlots};
  std::array<base::TraceEntry, 4096> trace_room_{};
  base::Trace trace{trace_room_};
  net::Resolver resolver{poller_};
  net::UpstreamPool upstreams{8};
  plan::Shares shares{kSlots, {}};
  Scheduler scheduler{table, shares};
  Worker worker{.current = &generation,
                .poller = poller_,
                .table = table,
                .scheduler = scheduler,
                .shares = shares,
                .blocks = blocks,
                .pipes = pipes,
                .exchanges = exchanges,
                .resolver = resolver,
                .upstreams = upstreams,
                .trace = trace,
                .now = 1'000'000,
                .wall_ms = 784'111'777'000,
                .date = "Sun, 06 Nov 1994 08:49:37 GMT"};
};

}  // namespace support
