// A listening socket. Accepts clients, and refuses them when no file descriptor is left (EMFILE).
#pragma once
#include "../sys/sys.hpp"
#include "upstream_pool.hpp"

namespace net {

// Accepts the clients of one listening socket.
class Acceptor {
 public:
  // Takes a listening socket that is bound to `address`.
  Acceptor(sys::Fd fd, const sys::Address& address) noexcept;

  // Sets the mark of an event: clients may be waiting.
  void mark() noexcept { readable_ = true; }
  [[nodiscard]] bool marked() const noexcept { return readable_; }
  // True if clients may be waiting and the acceptor is not paused. `now` in monotonic ms.
  [[nodiscard]] bool ready(std::uint64_t now) const noexcept { return readable_ && now >= pause_until_; }
  // The end of the pause, ms; 0: not paused, or no client is waiting.
  [[nodiscard]] std::uint64_t wakes_at() const noexcept { return readable_ ? pause_until_ : 0; }
  // Ends the pause: a descriptor has been closed.
  void resume() noexcept { pause_until_ = 0; }

  // Accepts the next client and sets `peer`. Returns no descriptor if there is none; `ready` says whether to
  // call again. Without a free descriptor (EMFILE) it closes the connections in `idle`, the oldest first; if
  // there is none, it uses a reserved descriptor to send `refusal` and close. If that fails too, it pauses
  // for kPauseMs.
  sys::Fd accept(sys::Address& peer, std::uint64_t now, std::string_view refusal,
                 UpstreamPool& idle) noexcept;

  // The listening socket.
  [[nodiscard]] const sys::Fd& fd() const noexcept { return fd_; }
  // The number of open descriptors: the socket and the reserved one.
  [[nodiscard]] std::size_t descriptors() const noexcept {
    return std::size_t{fd_.open()} + std::size_t{reserved_.open()};
  }
  // The address that it is bound to.
  [[nodiscard]] const sys::Address& address() const noexcept { return address_; }

  static constexpr std::uint64_t kPauseMs = 1000;
  static constexpr int kBacklog = 4096;  // limited by net.core.somaxconn (listen(2))

 private:
  void refuse(std::string_view refusal, std::uint64_t now) noexcept;
  void refuse_one(std::string_view refusal, std::uint64_t now) noexcept;

  sys::Fd fd_;
  sys::Fd reserved_;  // closed for `refuse`
  sys::Address address_;
  std::uint64_t pause_until_ = 0;
  bool readable_ = false;
};

inline constexpr std::size_t kRefusedReadMax = std::size_t{16} * 1024;  // a client can send without end
// What `refuse` has read and sent, in bytes.
struct Refused {
  std::size_t read, sent;
};
// Reads at most `most` bytes of what a connection has sent so far, sends `response` with one call, and closes
// the connection. Closing with unread bytes sends RST, which can destroy the response on its way (RFC 9112
// section 9.6); a client that sends more than `most` bytes may get one.
Refused refuse(sys::Fd client, std::string_view response, std::size_t most = kRefusedReadMax) noexcept;

}  // namespace net
