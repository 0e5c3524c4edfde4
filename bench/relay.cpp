// The limit of `make bench`: the least that a proxy with one connection to the server for each client can do.
// It forwards bytes both ways without reading them.
//
//   relay --port PORT --to PORT [--splice]
//
// Copies through a buffer of 64 KiB, or splices through pipes of 1 MiB.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <vector>

#include "parts.hpp"

namespace {

constexpr int kPipeBytes = 1 << 20;

// A pipe of 1 MiB, or of the size that the system allows.
struct BigPipe {
  sys::Pipe ends = sys::make_pipe();
  BigPipe() { ::fcntl(ends.in.get(), F_SETPIPE_SZ, kPipeBytes); }
};

// One direction.
struct Way {
  std::unique_ptr<BigPipe> pipe;         // when splicing
  std::array<std::byte, 65'536> buffer;  // when copying
  std::size_t begin = 0, held = 0;
  bool ended = false;   // the source
  bool closed = false;  // the sink
};

struct Pair {
  std::array<sys::Fd, 2> fds;  // client, server
  std::array<Way, 2> ways;     // to the server, to the client
};

class Relay {
 public:
  Relay(std::uint16_t port, std::uint16_t to, bool splice)
      : splice_(splice),
        target_(sys::loopback4(to)),
        poller_(sys::make_poller().fd),
        listener_(bench::listen_and_announce(poller_, port)) {}
  [[noreturn]] void serve();

 private:
  void accept();
  void run(Pair& pair);
  bool move(Pair& pair, std::size_t index);
  sys::Io fill(Way& way, const sys::Fd& from);
  static sys::Io drain(Way& way, const sys::Fd& to);
  void close(Pair& pair);

  bool splice_;
  sys::Address target_;
  sys::Fd poller_, listener_;
  std::vector<std::shared_ptr<Pair>> pairs_;     // by each of both descriptors
  std::vector<std::unique_ptr<BigPipe>> spare_;  // empty
};

sys::Io result(ssize_t bytes) {
  if (bytes > 0) return {sys::Outcome::done, 0, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {sys::Outcome::eof, 0, 0};
  return {errno == EAGAIN ? sys::Outcome::again : sys::Outcome::fail, errno, 0};
}

sys::Io Relay::fill(Way& way, const sys::Fd& from) {
  if (!splice_) return sys::receive(from, way.buffer);
  if (!way.pipe && !spare_.empty()) {
    way.pipe = std::move(spare_.back());
    spare_.pop_back();
  }
  if (!way.pipe) way.pipe = std::make_unique<BigPipe>();
  return result(
      ::splice(from.get(), nullptr, way.pipe->ends.in.get(), nullptr, kPipeBytes, SPLICE_F_NONBLOCK));
}

sys::Io Relay::drain(Way& way, const sys::Fd& to) {
  if (way.pipe)
    return result(
        ::splice(way.pipe->ends.out.get(), nullptr, to.get(), nullptr, way.held, SPLICE_F_NONBLOCK));
  return sys::transmit(to, std::span{way.buffer}.subspan(way.begin, way.held));
}

// Returns false if the connection has failed.
bool Relay::move(Pair& pair, std::size_t index) {
  Way& way = pair.ways[index];
  const sys::Fd &from = pair.fds[index], &to = pair.fds[1 - index];
  while (!way.closed) {
    if (way.held > 0) {
      const sys::Io io = drain(way, to);
      if (io.outcome != sys::Outcome::done) return io.outcome == sys::Outcome::again;
      way.begin += io.bytes;
      way.held -= io.bytes;
    } else if (way.ended) {
      sys::shutdown_write(to);
      way.closed = true;
    } else {
      const sys::Io io = fill(way, from);
      if (io.outcome == sys::Outcome::again) return true;
      if (io.outcome == sys::Outcome::fail) return false;
      way.ended = io.outcome == sys::Outcome::eof;
      way.begin = 0;
      way.held = io.bytes;
    }
  }
  return true;
}

void Relay::run(Pair& pair) {
  if (!move(pair, 0) || !move(pair, 1) || pair.ways[1].closed) close(pair);
}

void Relay::close(Pair& pair) {
  for (Way& way : pair.ways)
    if (way.pipe && way.held == 0) spare_.push_back(std::move(way.pipe));
  const auto client = static_cast<std::size_t>(pair.fds[0].get()),
             server = static_cast<std::size_t>(pair.fds[1].get());
  pairs_[client].reset();
  pairs_[server].reset();
}

void Relay::accept() {
  for (;;) {
    sys::Address peer;
    sys::Opened client = sys::accept(listener_, peer);
    if (!client.fd) return;
    sys::Opened server = sys::connect(target_);
    if (!server.fd) bench::fail("relay: cannot connect:", server.error);
    const auto pair = std::make_shared_for_overwrite<Pair>();
    pair->fds = {std::move(client.fd), std::move(server.fd)};
    for (const sys::Fd& fd : pair->fds) {
      const auto slot = static_cast<std::size_t>(fd.get());
      if (slot >= pairs_.size()) pairs_.resize(slot + 1);
      pairs_[slot] = pair;
      sys::watch(poller_, fd.get(), slot);
    }
  }
}

void Relay::serve() {
  std::array<sys::Event, 256> events;
  for (;;) {
    const std::size_t count = sys::wait(poller_, events, -1).count;
    for (const sys::Event& event : std::span{events}.first(count)) {
      if (event.token == static_cast<std::uint64_t>(listener_.get()))
        accept();
      else if (const std::shared_ptr<Pair> pair = pairs_[event.token])
        run(*pair);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments given{argc, argv};
  sys::raise_descriptor_limit();
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    bench::fail("relay: cannot ignore SIGPIPE");  // splice(2) raises it
  const auto port = [&given](std::string_view name) {
    return static_cast<std::uint16_t>(given.number(name, 0));
  };
  Relay{port("--port"), port("--to"), given.has("--splice")}.serve();
}
