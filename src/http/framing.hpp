// Where the body of a message ends (RFC 9112 sections 6 and 7). One class for both directions and all
// framings.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "head.hpp"

namespace http {

class Framing {
 public:
  Framing() noexcept = default;  // no body: complete at once
  explicit Framing(const Body& body) noexcept;

  struct Taken {
    std::size_t payload;   // bytes of content, now at the front of the span
    std::size_t consumed;  // bytes of the span that belong to this message
    bool bad;              // malformed chunking; nothing after it can be trusted
  };
  // Takes bytes that have arrived, in order. Chunk framing is taken out in place: afterwards the first
  // `payload` bytes of `fresh` are content. Trailer fields are checked and dropped (RFC 9110 section 6.5.1
  // allows it).
  Taken take(std::span<std::byte> fresh) noexcept;

  // A body with a length, or until the end of the stream, may go by unseen: nothing but their number matters.
  [[nodiscard]] bool may_go_unseen() const noexcept {
    return kind_ == Body::Kind::length || kind_ == Body::Kind::until_eof;
  }
  // Takes bytes that went by unseen. REQUIRES: may_go_unseen(), and no more than wanted().
  void pass(std::size_t bytes) noexcept;
  // Bytes of such a body so far; from its highest value on it stays.
  [[nodiscard]] std::uint32_t passed() const noexcept { return passed_; }

  // How many bytes to read at once, at most `room`: never beyond a message of known length; beyond the last
  // chunk perhaps.
  [[nodiscard]] std::size_t wanted(std::size_t room) const noexcept;
  // The same, but never beyond the message: as many bytes as are still to come for certain.
  [[nodiscard]] std::size_t certain(std::size_t room) const noexcept;
  [[nodiscard]] bool complete() const noexcept;
  // The receiver of this content, without its chunks, knows its length from the head.
  [[nodiscard]] bool has_length() const noexcept {
    return kind_ == Body::Kind::none || kind_ == Body::Kind::length;
  }
  // The sender's end of stream is this message's end.
  [[nodiscard]] bool eof_completes() const noexcept { return kind_ == Body::Kind::until_eof || complete(); }

 private:
  // RFC 9112 section 7.1, one state a position.
  enum class Chunk : std::uint8_t {
    size_first,  // the first digit of a size
    size,        // further digits
    size_blank,  // blanks before ";"
    extension,   // skipped up to CR
    size_lf,     // LF of the size line
    data,        // `left_` bytes
    data_cr,     // CR after them
    data_lf,     // LF after them
    trailer,     // first character of a trailer line
    trailer_name,
    trailer_value,
    trailer_lf,  // LF of a trailer line
    last_lf,     // LF of the empty line
    done,
    bad,
  };
  Taken take_chunked(std::span<std::byte> fresh) noexcept;
  [[nodiscard]] std::uint64_t least() const noexcept;
  [[nodiscard]] Chunk step(char c) noexcept;
  [[nodiscard]] Chunk size_digit(char c) noexcept;
  [[nodiscard]] Chunk after_size(char c) noexcept;

  std::uint64_t left_ = 0;  // bytes of the body, or of the chunk
  std::uint32_t passed_ = 0;
  std::uint16_t line_bytes_ = 0;  // of the size line, or of the whole trailer section
  Body::Kind kind_ = Body::Kind::none;
  Chunk chunk_ = Chunk::size_first;
};
static_assert(sizeof(Framing) <= 16);

}  // namespace http
