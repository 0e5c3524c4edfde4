// Finds the end of a message's body (RFC 9112 sections 6 and 7), for requests and responses.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "head.hpp"

namespace http {

// Of a server, malformed chunks with one reading are accepted: LF as line end, except after an extension;
// blanks after the size and before the colon of a trailer; control characters in extensions and trailers.
enum class Sender : std::uint8_t { client, server };

class Framing {
 public:
  Framing() noexcept = default;  // no body: complete
  // `most`: the limit of a chunked body's content in bytes; from 2^42 on there is none.
  explicit Framing(const Body& body, Sender sender = Sender::client,
                   std::uint64_t most = UINT64_MAX) noexcept;

  struct Taken {
    std::size_t payload;   // bytes of content, moved to the front of the span
    std::size_t consumed;  // bytes of the span that belong to this message
    bool bad;              // malformed chunks, or more than the limit allows
  };
  // Takes received bytes, in order, and removes chunk framing in place: the first `payload` bytes of `fresh`
  // are content then. Trailer fields are checked and dropped (allowed by RFC 9110 section 6.5.1).
  Taken take(std::span<std::byte> fresh) noexcept;

  // The body may be spliced: only the number of its bytes matters.
  [[nodiscard]] bool may_go_unseen() const noexcept {
    return kind_ == Body::Kind::length || kind_ == Body::Kind::until_eof;
  }
  // Counts spliced bytes. REQUIRES: may_go_unseen(), and at most wanted().
  void pass(std::size_t bytes) noexcept;
  // Bytes that such a body has, as far as known: its length, or without one those so far, then at most
  // UINT32_MAX. REQUIRES: may_go_unseen().
  [[nodiscard]] std::uint64_t known_bytes() const noexcept {
    return kind_ == Body::Kind::length ? count_ + left_ : count_;
  }

  // The number of bytes to read next, at most `room`. Never beyond a body of known length, but possibly
  // beyond the last chunk.
  [[nodiscard]] std::size_t wanted(std::size_t room) const noexcept;
  // The number of bytes that certainly belong to this message, at most `room`. REQUIRES: Sender::client.
  [[nodiscard]] std::size_t certain(std::size_t room) const noexcept;
  [[nodiscard]] bool complete() const noexcept;
  // The size line of a chunk has passed the limit of the content; none of this chunk is content.
  [[nodiscard]] bool too_large() const noexcept { return chunk_ == Chunk::too_large; }
  // The head gives the length of the content.
  [[nodiscard]] bool has_length() const noexcept {
    return kind_ == Body::Kind::none || kind_ == Body::Kind::length;
  }
  // The sender's end of stream ends the message.
  [[nodiscard]] bool eof_completes() const noexcept { return kind_ == Body::Kind::until_eof || complete(); }

 private:
  // Position within a chunked body (RFC 9112 section 7.1).
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
    trailer_blank,  // blanks before ":"
    trailer_value,
    trailer_lf,  // LF of a trailer line
    last_lf,     // LF of the empty line
    // The following end the body.
    done,
    bad,
    too_large,  // more than the limit allows
  };
  Taken take_chunked(std::span<std::byte> fresh) noexcept;
  static constexpr std::uint64_t kAny = (std::uint64_t{1} << 42) - 1;  // no limit
  static constexpr unsigned kLineBits = 14;
  static constexpr std::uint64_t kLineBytesMax = (1U << kLineBits) - 1;  // that line_bytes_ can count
  static_assert(kHeadBytesMax < kLineBytesMax, "line_bytes_ can exceed it by one");
  [[nodiscard]] std::uint64_t least() const noexcept;
  [[nodiscard]] Chunk step(char c) noexcept;
  [[nodiscard]] Chunk size_digit(char c) noexcept;
  [[nodiscard]] Chunk after_size(char c) noexcept;
  [[nodiscard]] Chunk after_size_line() noexcept;
  [[nodiscard]] Chunk step_in_trailer(char c) noexcept;
  [[nodiscard]] bool is_text(char c) const noexcept;
  // Returns false if the line exceeds `most` bytes.
  [[nodiscard]] bool count_line_byte(std::size_t most) noexcept {
    line_bytes_ = (line_bytes_ + std::uint64_t{1}) & kLineBytesMax;
    return line_bytes_ <= most;
  }

  std::uint64_t left_ = 0;  // bytes of the body, or of the chunk
  // With chunks: the content that further chunks may have, kAny without a limit. Otherwise: bytes so far.
  std::uint64_t count_ : 42 = 0;
  std::uint64_t line_bytes_ : kLineBits = 0;  // of the size line, or of the whole trailer section
  Body::Kind kind_ : 2 = Body::Kind::none;
  bool lenient_ : 1 = false;
  Chunk chunk_ : 5 = Chunk::size_first;
};
static_assert(sizeof(Framing) <= 16);

}  // namespace http
