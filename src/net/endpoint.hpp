// One side of an exchange: a socket and its readiness; and the token that identifies it in epoll events.
#pragma once
#include "../sys/sys.hpp"

namespace net {

// The progress of a connection; the stages of an upstream connection in this order.
enum class Link : std::uint8_t { none, resolving, connecting, handshaking, open };

// A socket with its readiness marks.
struct Endpoint {
  sys::Fd fd;
  std::uint32_t serial = 0;  // unique for each socket: events of an earlier socket are recognized
  Link link = Link::none;
  // Marks, set by events. Only EAGAIN clears `readable` and `writable`, or a short read before the peer's
  // FIN.
  bool readable : 1 = false;     // a read may succeed
  bool writable : 1 = false;     // a write may succeed
  bool finished : 1 = false;     // the peer has sent FIN; bytes may still be unread
  bool eof : 1 = false;          // end of stream has been read
  bool hung : 1 = false;         // both directions are closed
  bool shut : 1 = false;         // FIN has been sent
  bool orderly_fin : 1 = false;  // the FIN arrived before any error
  bool error_consumed : 1 =
      false;  // a write has returned the reset: a read now reports a false end of stream

  // Sets the marks of an event.
  void mark(const sys::Event& event) noexcept {
    readable |= event.readable;
    writable |= event.writable;  // PLANT(keep-writable)
    finished |= event.finished;
    orderly_fin |= event.finished && !event.hung;
    hung |= event.hung;
  }
};
static_assert(sizeof(Endpoint) <= 12);

// The content of epoll_data: serial 32 bits, slot 24 bits, kind 8 bits.
struct Token {
  // What an event is for.
  enum class Kind : std::uint8_t {
    client,
    lookup,
    upstream,
    check,
    acceptor,
    resolver,
    signals,
    addresses,
    handover
  };

  std::uint32_t serial = 0;
  std::uint32_t slot = 0;  // index of the record (client, lookup), health check or acceptor; or the
                           // descriptor (upstream, resolver)
  Kind kind = Kind::client;

  static constexpr std::uint32_t kSlotMax = (1U << 24) - 1;

  // Converts to epoll_data.
  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{serial} << 32 | std::uint64_t{slot} << 8 | static_cast<std::uint64_t>(kind);
  }
  // Converts from epoll_data.
  static constexpr Token unpacked(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits >> 8) & kSlotMax,
            static_cast<Kind>(bits & 0xff)};
  }
  bool operator==(const Token&) const = default;
};

}  // namespace net
