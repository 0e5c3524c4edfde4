// HTTP exchanges with a server over one connection, which is kept between them. Nothing here waits.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../sys/sys.hpp"

namespace ask {

struct Fetched {
  enum class What : std::uint8_t {
    response,     // `bytes` begin with a response head; with a Content-Length, its body is complete
    unreachable,  // no address accepts a connection; `error`: errno for the first one
    silent,       // the response was not complete at the deadline
    cut_off,      // the connection ended before the response was complete; `error`: errno, or 0
    not_http,     // the bytes are not a response, or it is too long
  };
  What what = What::unreachable;
  int error = 0;
  std::string bytes{};
};

class Session {
 public:
  // Connects to the first of `addresses` that accepts a connection; `poller` watches it, with the token 0. A
  // response of over `most` bytes is `not_http`. REQUIRES: an address; `poller` outlives the session.
  Session(const sys::Fd& poller, std::vector<sys::Address> addresses, std::size_t most)
      : poller_(poller), addresses_(std::move(addresses)), most_(most) {}

  // Begins an exchange; `step` goes on with it. A request over a kept connection that has closed meanwhile is
  // sent again, so it must be one that can be repeated. REQUIRES: not busy().
  void ask(std::string request);
  // An exchange has begun and has not ended.
  [[nodiscard]] bool busy() const noexcept { return busy_; }
  // Goes on until it would have to wait: for an event of the poller. Returns true once the exchange has
  // ended.
  bool step();
  // The end of the last exchange. REQUIRES: not busy().
  [[nodiscard]] Fetched& result() noexcept { return result_; }
  // Ends the exchange as `silent`, and closes the connection.
  void give_up();

 private:
  // These return false if the exchange has ended, or must wait.
  bool connect();
  bool send();
  bool receive();
  bool end(Fetched::What what, int error = 0);
  bool fail(Fetched::What what, int error);
  bool complete();

  const sys::Fd& poller_;
  const std::vector<sys::Address> addresses_;
  const std::size_t most_;
  std::size_t at_ = 0;  // index of the address
  sys::Fd socket_;
  bool busy_ = false;
  bool kept_ = false;    // the connection has had an exchange before
  int first_error_ = 0;  // of the first address
  std::string request_;
  std::size_t sent_ = 0;  // bytes of it
  Fetched result_;
};

}  // namespace ask
