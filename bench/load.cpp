// The HTTP load generator of `make bench`.
//
//   load --port PORT --clients N --requests N --head TEXT [--expect BYTES] [--body BYTES] [--tunnel TEXT]
//   [--keep]
//
// Each client sends the head TEXT and a body of --body bytes, and reads a 200 with a body of --expect bytes;
// anything else ends the program with an error. Without --keep, the peer must close the connection after the
// response. --tunnel: sends this head first and reads its 200. With --keep, each client first sends one
// request that is not counted.
//
// Prints "ready", waits for a line on standard input, sends the requests, and prints a JSON object.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "parts.hpp"

namespace {

struct Work {
  sys::Address target;
  std::size_t clients;
  std::uint64_t requests;
  std::string_view head, tunnel;
  std::uint64_t expect, body;
  bool keep;
};

struct Client {
  enum class Phase : std::uint8_t {
    idle,
    connect,
    send_tunnel,
    read_tunnel,
    send_head,
    send_body,
    read_head,
    read_body,
    read_end
  };
  sys::Fd fd;
  Phase phase = Phase::idle;
  bool served = false;     // this connection has had a response
  std::size_t sent = 0;    // of the head
  std::uint64_t left = 0;  // of the body
  std::uint64_t began_us = 0;
  std::string in;
};

class Load {
 public:
  explicit Load(const Work& work) : work_(work), poller_(sys::make_poller().fd), clients_(work.clients) {}
  // Sends `requests` requests.
  void run(std::uint64_t requests);
  void print(std::uint64_t took_us);

 private:
  using Phase = Client::Phase;
  void run(Client& client);
  bool step(Client& client);
  void start(Client& client);
  bool connect(Client& client);
  bool send_text(Client& client, std::string_view text, Phase next) const;
  bool send_body(Client& client);
  bool read_tunnel(Client& client);
  bool read_head(Client& client);
  bool read_body(Client& client);
  bool read_end(Client& client);
  std::size_t receive_head(Client& client);
  bool done(Client& client);

  const Work& work_;
  sys::Fd poller_;
  std::vector<Client> clients_;
  std::uint64_t to_start_ = 0, under_way_ = 0, completed_ = 0, opened_ = 0, body_bytes_ = 0;
  std::size_t connecting_ = 0;
  std::vector<std::uint32_t> first_byte_us_;
};

void Load::start(Client& c) {
  if (to_start_ == 0) return;
  constexpr std::size_t kConnecting = 200;  // at a time, so that no accept queue is full
  if (!c.fd && connecting_ == kConnecting) return;
  --to_start_;
  ++under_way_;
  c.began_us = bench::now_us();
  c.sent = 0;
  c.phase = c.fd ? Phase::send_head : Phase::connect;
  connecting_ += c.fd ? 0 : 1;
}

bool Load::connect(Client& c) {
  if (!c.fd) {
    sys::Opened opened = sys::connect(work_.target);
    if (!opened.fd) bench::fail("load: cannot connect:", opened.error);
    c.fd = std::move(opened.fd);
    c.served = false;
    ++opened_;
    sys::watch(poller_, c.fd.get(), static_cast<std::uint64_t>(&c - clients_.data()));
    return false;
  }
  if (const int error = sys::socket_error(c.fd); error != 0) bench::fail("load: cannot connect:", error);
  c.phase = work_.tunnel.empty() ? Phase::send_head : Phase::send_tunnel;
  --connecting_;
  return true;
}

bool Load::send_text(Client& c, std::string_view text, Phase next) const {
  const sys::Io io = sys::transmit(c.fd, bench::bytes_of(text.substr(c.sent)));
  if (io.outcome == sys::Outcome::again) return false;
  if (io.outcome != sys::Outcome::done) bench::fail("load: cannot send:", io.error);
  c.sent += io.bytes;
  if (c.sent < text.size()) return true;
  c.sent = 0;
  c.in.clear();
  c.left = work_.body;
  c.phase = next;
  return true;
}

bool Load::send_body(Client& c) {
  if (c.left > 0) {
    const sys::Io io = sys::transmit(c.fd, bench::zeros(c.left));
    if (io.outcome == sys::Outcome::again) return false;
    if (io.outcome != sys::Outcome::done) bench::fail("load: cannot send the body:", io.error);
    c.left -= io.bytes;
  }
  if (c.left == 0) c.phase = Phase::read_head;
  return true;
}

// Reads once into `in`. Returns the length of the head; 0: it is incomplete, or EAGAIN if `in` has not grown.
std::size_t Load::receive_head(Client& c) {
  std::array<std::byte, 16'384> buffer;
  const sys::Io io = sys::receive(c.fd, buffer);
  if (io.outcome == sys::Outcome::again) return 0;
  if (io.outcome != sys::Outcome::done)
    bench::fail("load: no response:",
                io.outcome == sys::Outcome::eof ? "end of stream" : std::strerror(io.error));
  c.in.append(reinterpret_cast<const char*>(buffer.data()), io.bytes);
  const std::size_t end = c.in.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  if (c.in.compare(0, 7, "HTTP/1.") != 0 || c.in.compare(8, 5, " 200 ") != 0)
    bench::fail("load: unexpected response:", c.in);
  return end + 4;
}

bool Load::read_tunnel(Client& c) {
  const std::size_t before = c.in.size(), length = receive_head(c);
  if (length == 0) return c.in.size() > before;
  if (length != c.in.size()) bench::fail("load: bytes after a tunnel's head:", c.in);
  c.phase = Phase::send_head;
  return true;
}

bool Load::read_head(Client& c) {
  const std::size_t before = c.in.size(), length = receive_head(c);
  if (before == 0 && !c.in.empty())
    first_byte_us_.push_back(static_cast<std::uint32_t>(bench::now_us() - c.began_us));
  if (length == 0) return c.in.size() > before;
  const std::string_view head = std::string_view{c.in}.substr(0, length);
  const std::string_view size = bench::field(head, "content-length");
  if (size.empty() || bench::number_at(size) != work_.expect) bench::fail("load: wrong length:", c.in);
  const std::uint64_t early = c.in.size() - length;
  if (early > work_.expect) bench::fail("load: bytes after the response:", c.in);
  c.left = work_.expect - early;
  c.served = bench::field(head, "connection") != "close";
  c.phase = Phase::read_body;
  return true;
}

bool Load::read_body(Client& c) {
  if (c.left > 0) {
    const sys::Io io = bench::discard(c.fd, c.left);
    if (io.outcome == sys::Outcome::again) return false;
    if (io.outcome != sys::Outcome::done) bench::fail("load: the response is cut:", c.in);
    c.left -= io.bytes;
  }
  if (c.left > 0) return true;
  body_bytes_ += work_.expect + work_.body;
  if (work_.keep && c.served) return done(c);
  c.phase = Phase::read_end;
  return true;
}

bool Load::read_end(Client& c) {
  const sys::Io io = bench::discard(c.fd, 1);
  if (io.outcome == sys::Outcome::again) return false;
  if (io.outcome == sys::Outcome::done) bench::fail("load: bytes after the response:", c.in);
  c.fd.reset();
  return done(c);
}

bool Load::done(Client& c) {
  ++completed_;
  --under_way_;
  c.phase = Phase::idle;
  start(c);
  return c.phase != Phase::idle;
}

bool Load::step(Client& c) {
  switch (c.phase) {
    case Phase::idle: return false;
    case Phase::connect: return connect(c);
    case Phase::send_tunnel: return send_text(c, work_.tunnel, Phase::read_tunnel);
    case Phase::read_tunnel: return read_tunnel(c);
    case Phase::send_head: return send_text(c, work_.head, Phase::send_body);
    case Phase::send_body: return send_body(c);
    case Phase::read_head: return read_head(c);
    case Phase::read_body: return read_body(c);
    case Phase::read_end: return read_end(c);
  }
  return false;
}

void Load::run(Client& client) {
  while (step(client)) {
  }
}

void Load::run(std::uint64_t requests) {
  to_start_ = requests;
  completed_ = opened_ = body_bytes_ = 0;
  first_byte_us_.clear();
  std::array<sys::Event, 256> events;
  std::size_t next = 0;  // clients before it have started
  while (to_start_ > 0 || under_way_ > 0) {
    for (; next < clients_.size() && to_start_ > 0; ++next) {
      if (clients_[next].phase == Phase::idle) start(clients_[next]);
      if (clients_[next].phase == Phase::idle) break;
      run(clients_[next]);
    }
    const std::size_t count = sys::wait(poller_, events, -1).count;
    for (const sys::Event& event : std::span{events}.first(count)) {
      Client& client = clients_[event.token];
      if (client.phase == Phase::idle)
        client.fd.reset();  // the peer has closed an idle connection
      else
        run(client);
    }
  }
}

void Load::print(std::uint64_t took_us) {
  std::sort(first_byte_us_.begin(), first_byte_us_.end());
  const auto quantile = [this](std::size_t percent) {
    return first_byte_us_.empty() ? 0 : first_byte_us_[(first_byte_us_.size() - 1) * percent / 100];
  };
  std::printf(
      "{\"requests\": %llu, \"opened\": %llu, \"bytes\": %llu, \"seconds\": %.6f, \"first_byte_us\": [%u, "
      "%u, %u]}\n",
      static_cast<unsigned long long>(completed_), static_cast<unsigned long long>(opened_),
      static_cast<unsigned long long>(body_bytes_), static_cast<double>(took_us) / 1e6, quantile(50),
      quantile(99), quantile(100));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments given{argc, argv};
  sys::raise_descriptor_limit();
  const Work work{.target = sys::loopback4(static_cast<std::uint16_t>(given.number("--port", 0))),
                  .clients = given.number("--clients", 1),
                  .requests = given.number("--requests", 1),
                  .head = given.text("--head"),
                  .tunnel = given.text("--tunnel"),
                  .expect = given.number("--expect", 0),
                  .body = given.number("--body", 0),
                  .keep = given.has("--keep")};
  Load load{work};
  if (work.keep) load.run(work.clients);
  std::puts("ready");
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  const std::uint64_t began = bench::now_us();
  load.run(work.requests);
  load.print(bench::now_us() - began);
}
