// The HTTP origin of `make bench`. Prints its port and serves until it is ended.
//
//   GET /BYTES      200 with so many bytes
//   GET /BYTES/MS   the same, with MS milliseconds between the first half and the second
//
// A target in absolute form is read like its path. The body of a request is read first and discarded.
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "parts.hpp"

namespace {

using bench::field;

struct Connection {
  enum class Phase : std::uint8_t { head, request_body, response, paused };
  sys::Fd fd;
  Phase phase = Phase::head;
  bool keep = false;
  std::string in;             // the request's head, as far as received
  std::string out;            // the response's head and the beginning of the body
  std::size_t sent = 0;       // of `out`
  std::uint64_t to_read = 0;  // of the request's body
  std::uint64_t to_send = 0;  // of the response's body, after `out`
  std::uint64_t later = 0;    // of the response's body, after the pause
  std::uint64_t pause_ms = 0, due_ms = 0;
};

class Origin {
 public:
  Origin() : poller_(sys::make_poller().fd), listener_(bench::listen_and_announce(poller_, 0)) {}
  [[noreturn]] void serve();

 private:
  using Phase = Connection::Phase;
  void accept();
  void run(Connection& connection);
  bool step(Connection& connection);
  bool read_head(Connection& connection);
  bool discard_body(Connection& connection);
  bool send_response(Connection& connection);
  void resume();
  bool close(Connection& connection);

  sys::Fd poller_, listener_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::deque<int> paused_;                                // in the order of their ends
};

// Reads what the request asks for.
void prepare(Connection& c) {
  const std::string_view head = c.in;
  std::string_view target = head.substr(head.find(' ') + 1);
  target = target.substr(0, target.find(' '));
  if (const auto scheme = target.find("://"); scheme != std::string_view::npos)
    target = target.substr(target.find('/', scheme + 3));
  const std::uint64_t size = bench::number_at(target.substr(1));
  const std::size_t second = target.find('/', 1);
  c.pause_ms = second == std::string_view::npos ? 0 : bench::number_at(target.substr(second + 1));
  const std::string_view option = field(head, "connection");
  c.keep = head.find(" HTTP/1.1\r\n") != std::string_view::npos && option != "close";
  c.to_read = bench::number_at(field(head, "content-length"));
  c.out =
      "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: bench\r\n"
      "Content-Type: application/octet-stream\r\nContent-Length: " +
      std::to_string(size) + "\r\n" + (c.keep ? "\r\n" : "Connection: close\r\n\r\n");
  constexpr std::uint64_t kWithHead = 16'384;  // bytes of the body that are sent with the head
  c.later = c.pause_ms > 0 ? size / 2 : 0;
  const std::uint64_t first = std::min(size - c.later, kWithHead);
  c.out.append(first, '\0');
  c.to_send = size - c.later - first;
  c.sent = 0;
}

bool Origin::read_head(Connection& c) {
  std::array<std::byte, 16'384> buffer;
  const sys::Io io = sys::receive(c.fd, buffer);
  if (io.outcome == sys::Outcome::again) return false;
  if (io.outcome != sys::Outcome::done) return close(c);
  c.in.append(reinterpret_cast<const char*>(buffer.data()), io.bytes);
  const std::size_t end = c.in.find("\r\n\r\n");
  if (end == std::string::npos) return true;
  const std::uint64_t rest = c.in.size() - end - 4;
  prepare(c);
  if (rest > c.to_read) bench::fail("origin: bytes after a request:", c.in);
  c.to_read -= rest;
  c.phase = Phase::request_body;
  return true;
}

bool Origin::discard_body(Connection& c) {
  if (c.to_read > 0) {
    const sys::Io io = bench::discard(c.fd, c.to_read);
    if (io.outcome == sys::Outcome::again) return false;
    if (io.outcome != sys::Outcome::done) return close(c);
    c.to_read -= io.bytes;
  }
  if (c.to_read == 0) c.phase = Phase::response;
  return true;
}

bool Origin::send_response(Connection& c) {
  const bool in_out = c.sent < c.out.size();
  if (in_out || c.to_send > 0) {
    const auto piece =
        in_out ? bench::bytes_of(std::string_view{c.out}.substr(c.sent)) : bench::zeros(c.to_send);
    const sys::Io io = sys::transmit(c.fd, piece);
    if (io.outcome == sys::Outcome::again) return false;
    if (io.outcome != sys::Outcome::done) return close(c);
    if (in_out)
      c.sent += io.bytes;
    else
      c.to_send -= io.bytes;
    return true;
  }
  if (c.later > 0) {
    c.to_send = std::exchange(c.later, 0);
    c.due_ms = sys::now_ms() + c.pause_ms;
    c.phase = Phase::paused;
    paused_.push_back(c.fd.get());
    return false;
  }
  if (!c.keep) return close(c);
  c.in.clear();
  c.phase = Phase::head;
  return true;
}

bool Origin::step(Connection& c) {
  switch (c.phase) {
    case Phase::head: return read_head(c);
    case Phase::request_body: return discard_body(c);
    case Phase::response: return send_response(c);
    case Phase::paused: return false;
  }
  return false;
}

void Origin::run(Connection& connection) {
  while (step(connection)) {
  }
}

// Always returns false: the connection does not go on.
bool Origin::close(Connection& connection) {
  std::erase(paused_, connection.fd.get());
  connections_[static_cast<std::size_t>(connection.fd.get())].reset();
  return false;
}

void Origin::accept() {
  for (;;) {
    sys::Address peer;
    sys::Opened client = sys::accept(listener_, peer);
    if (!client.fd) return;
    const auto slot = static_cast<std::size_t>(client.fd.get());
    if (slot >= connections_.size()) connections_.resize(slot + 1);
    sys::watch(poller_, client.fd.get(), slot);
    connections_[slot] = std::make_unique<Connection>();
    connections_[slot]->fd = std::move(client.fd);
    run(*connections_[slot]);
  }
}

// Continues the connections whose pause has ended.
void Origin::resume() {
  while (!paused_.empty()) {
    Connection& c = *connections_[static_cast<std::size_t>(paused_.front())];
    if (c.due_ms > sys::now_ms()) return;
    paused_.pop_front();
    c.phase = Phase::response;
    run(c);
  }
}

void Origin::serve() {
  std::array<sys::Event, 256> events;
  for (;;) {
    const std::size_t count = sys::wait(poller_, events, paused_.empty() ? -1 : 1).count;
    for (const sys::Event& event : std::span{events}.first(count)) {
      if (event.token == static_cast<std::uint64_t>(listener_.get()))
        accept();
      else if (const auto& connection = connections_[event.token])
        run(*connection);
    }
    resume();
  }
}

}  // namespace

int main() {
  sys::raise_descriptor_limit();
  Origin{}.serve();
}
