#include "fetch.hpp"

#include <array>
#include <utility>

#include "../http/head.hpp"
#include "../sys/sys.hpp"

namespace ask {
namespace {

using What = Fetched::What;

// The exchange with one address.
class Exchange {
 public:
  Exchange(const sys::Address& address, std::uint64_t deadline)
      : deadline_(deadline), poller_(sys::make_poller()), socket_(sys::connect(address)) {}

  Fetched run(std::string_view request) {
    if (poller_.error != 0 || socket_.error != 0)
      return {What::unreachable, poller_.error != 0 ? poller_.error : socket_.error};
    if (const int error = sys::watch(poller_.fd, socket_.fd.get(), 0); error != 0)
      return {What::unreachable, error};
    if (!send(request)) return result_;
    while (!complete() && receive()) continue;
    result_.bytes = std::move(bytes_);
    return result_;
  }

 private:
  // The end of the exchange. Returns false.
  bool end(What what, int error = 0) {
    result_ = {what, error};
    return false;
  }

  // Waits for an event. Returns false at the deadline.
  bool wait() {
    const std::uint64_t now = sys::now_ms();
    if (now >= deadline_) return end(What::silent);
    std::array<sys::Event, 1> events;
    (void)sys::wait(poller_.fd, events, static_cast<int>(deadline_ - now));
    return true;
  }

  // send(2) fails with the error of connect(2), or with EAGAIN until the connection is made.
  bool send(std::string_view request) {
    while (!request.empty()) {
      const sys::Io sent = sys::transmit(socket_.fd, std::as_bytes(std::span{request}));
      if (sent.outcome == sys::Outcome::fail) return end(What::unreachable, sent.error);
      if (sent.outcome == sys::Outcome::again && !wait()) return false;
      request.remove_prefix(sent.outcome == sys::Outcome::done ? sent.bytes : 0);
    }
    return true;
  }

  // Returns false at the end.
  bool receive() {
    std::array<std::byte, 16384> room;
    const sys::Io got = sys::receive(socket_.fd, room);
    switch (got.outcome) {
      case sys::Outcome::done:
        bytes_.append(reinterpret_cast<const char*>(room.data()), got.bytes);
        return bytes_.size() <= kResponseMax || end(What::not_http);
      case sys::Outcome::again: return wait();
      case sys::Outcome::eof: return end(What::cut_off);
      case sys::Outcome::fail: return end(What::cut_off, got.error);
    }
    return false;
  }

  // Nothing more is to be received; `result_` says why.
  bool complete() {
    http::ResponseHead head;
    const http::Parsed parsed = http::parse_response(bytes_, 0, false, head);
    if (parsed.what == http::Parsed::What::partial) return false;
    const bool bad = parsed.what == http::Parsed::What::bad;
    if (!bad && head.body.kind == http::Body::Kind::length &&
        bytes_.size() - parsed.length < head.body.length)
      return false;
    result_.what = bad ? What::not_http : What::response;
    return true;
  }

  std::uint64_t deadline_;  // ms
  sys::Opened poller_, socket_;
  std::string bytes_;
  Fetched result_;
};

}  // namespace

Fetched fetch(std::span<const sys::Address> addresses, const std::string& request, std::uint64_t timeout_ms) {
  const std::uint64_t deadline = sys::now_ms() + timeout_ms;
  Fetched first;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Fetched fetched = Exchange{addresses[i], deadline}.run(request);
    if (fetched.what != What::unreachable) return fetched;
    if (i == 0) first = std::move(fetched);
  }
  return first;
}

}  // namespace ask
