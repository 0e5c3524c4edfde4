// One side of an exchange: a descriptor, and what is known of it. And the token by which epoll names it.
#pragma once
#include <cstdint>

#include "../sys/sys.hpp"

namespace net {

enum class Link : std::uint8_t { none, resolving, connecting, greeting, open };

struct Endpoint {
  sys::Fd fd;
  std::uint32_t serial =
      0;  // grows with each descriptor, so that an event of an earlier one is known as such
  Link link = Link::none;
  // Marks. Events set them; only EAGAIN clears them (and a short read before the peer has finished).
  bool readable : 1 = false;        // a read may bring something
  bool writable : 1 = false;        // a write may be taken
  bool finished : 1 = false;        // the peer has sent its last byte; it may still lie unread
  bool eof : 1 = false;             // and we have read up to it
  bool hung : 1 = false;            // both directions are over
  bool shut : 1 = false;            // we have sent our last byte
  bool orderly_fin : 1 = false;     // the peer's end came while the connection was whole
  bool error_consumed : 1 = false;  // a write has taken the error of a reset: an end of stream is none

  void mark(const sys::Event& event) noexcept {
    readable |= event.readable;
    writable |= event.writable;  // PLANT(keep-writable)
    finished |= event.finished;
    orderly_fin |= event.finished && !event.hung;
    hung |= event.hung;
  }
};
static_assert(sizeof(Endpoint) <= 12);

// What stands in epoll_data: serial 32 bits, slot 24 bits, kind 8 bits.
struct Token {
  enum class Kind : std::uint8_t { client, lookup, upstream, check, acceptor, resolver, signals };

  std::uint32_t serial = 0;
  std::uint32_t slot = 0;  // of the record (client, lookup), of the check, of the listener; the descriptor
                           // (upstream, resolver)
  Kind kind = Kind::client;

  static constexpr std::uint32_t kSlotMax = (1U << 24) - 1;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{serial} << 32 | std::uint64_t{slot} << 8 | static_cast<std::uint64_t>(kind);
  }
  static constexpr Token unpacked(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits >> 8) & kSlotMax,
            static_cast<Kind>(bits & 0xff)};
  }
  bool operator==(const Token&) const = default;
};

}  // namespace net
