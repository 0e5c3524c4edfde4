#include "framing.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "../base/text.hpp"

namespace http {
namespace {

constexpr std::uint16_t kSizeLineBytesMax = 1024;  // size and extensions of one chunk
constexpr std::uint64_t kChunkBytesMax = std::uint64_t{1} << 60;

}  // namespace

Framing::Framing(const Body& body, Sender sender, std::uint64_t most) noexcept
    : left_(body.length),
      count_(body.kind == Body::Kind::chunked ? std::min(most, kAny) & kAny : 0),
      kind_(body.kind),
      lenient_(sender == Sender::server) {}

bool Framing::complete() const noexcept {
  switch (kind_) {
    case Body::Kind::none: return true;
    case Body::Kind::length: return left_ == 0;
    case Body::Kind::chunked: return chunk_ == Chunk::done;
    case Body::Kind::until_eof: break;
  }
  return false;
}

std::size_t Framing::wanted(std::size_t room) const noexcept {
  if (complete()) return 0;
  if (kind_ != Body::Kind::length) return room;
  return static_cast<std::size_t>(std::min<std::uint64_t>(left_, room));
}

std::size_t Framing::certain(std::size_t room) const noexcept {
  if (kind_ != Body::Kind::chunked) return wanted(room);
  return static_cast<std::size_t>(std::min<std::uint64_t>(least(), room));
}

// The fewest bytes that can still follow in a chunked body.
std::uint64_t Framing::least() const noexcept {
  constexpr std::uint64_t kEnd = 2;                                       // CR LF, the empty line
  constexpr std::uint64_t kLastChunk = 3 + kEnd;                          // "0" CR LF
  const std::uint64_t data = left_ == 0 ? kEnd : left_ + 2 + kLastChunk;  // after a size line
  switch (chunk_) {
    case Chunk::size_first: return kLastChunk;
    case Chunk::size: return 2 + data;
    case Chunk::size_blank: return 3 + data;
    case Chunk::extension: return 2 + data;
    case Chunk::size_lf: return 1 + data;
    case Chunk::data: return left_ + 2 + kLastChunk;
    case Chunk::data_cr: return 2 + kLastChunk;
    case Chunk::data_lf: return 1 + kLastChunk;
    case Chunk::trailer: return kEnd;
    case Chunk::trailer_name:
    case Chunk::trailer_blank: return 3 + kEnd;
    case Chunk::trailer_value: return 2 + kEnd;
    case Chunk::trailer_lf: return 1 + kEnd;
    case Chunk::last_lf: return 1;
    case Chunk::done:
    case Chunk::bad:
    case Chunk::too_large: break;
  }
  return 0;
}

Framing::Taken Framing::take(std::span<std::byte> fresh) noexcept {
  switch (kind_) {
    case Body::Kind::none: return {0, 0, false};
    case Body::Kind::chunked: return take_chunked(fresh);
    case Body::Kind::until_eof:
    case Body::Kind::length: break;
  }
  const std::size_t mine = wanted(fresh.size());
  pass(mine);
  return {mine, mine, false};
}

void Framing::pass(std::size_t bytes) noexcept {
  assert(may_go_unseen() && bytes <= wanted(bytes));
  if (kind_ == Body::Kind::length) left_ -= bytes;
  count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(count_ + bytes, UINT32_MAX));
}

Framing::Taken Framing::take_chunked(std::span<std::byte> fresh) noexcept {
  std::size_t in = 0, out = 0;
  while (in < fresh.size() && chunk_ < Chunk::done) {
    if (chunk_ != Chunk::data) {
      chunk_ = step(static_cast<char>(fresh[in++]));
      continue;
    }
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left_, fresh.size() - in));
    std::memmove(fresh.data() + out, fresh.data() + in, piece);
    in += piece;
    out += piece;
    left_ -= piece;
    if (left_ == 0) chunk_ = Chunk::data_cr;
  }
  return {out, in, chunk_ > Chunk::done};
}

Framing::Chunk Framing::size_digit(char c) noexcept {
  // PLANT(chunk-size-limit)
  if (left_ >= kChunkBytesMax >> 4 || !count_line_byte(kSizeLineBytesMax)) return Chunk::bad;
  left_ = left_ << 4 | base::hex_value(c);
  return Chunk::size;
}

Framing::Chunk Framing::after_size(char c) noexcept {
  if (c == '\r') return chunk_ == Chunk::size_blank && !lenient_ ? Chunk::bad : Chunk::size_lf;
  if (c == '\n' && lenient_) return after_size_line();
  if (c == ';') return Chunk::extension;
  if (c == ' ' || c == '\t') return count_line_byte(kSizeLineBytesMax) ? Chunk::size_blank : Chunk::bad;
  return Chunk::bad;
}

Framing::Chunk Framing::after_size_line() noexcept {
  line_bytes_ = 0;
  if (count_ != kAny) {
    if (left_ > count_) return Chunk::too_large;
    count_ = (count_ - left_) & kAny;
  }
  return left_ == 0 ? Chunk::trailer : Chunk::data;
}

// The same tolerance as for the fields of a head: of a server, blanks before the colon, and LF as line end.
Framing::Chunk Framing::step_in_trailer(char c) noexcept {
  if (chunk_ == Chunk::trailer_lf) return c == '\n' ? Chunk::trailer : Chunk::bad;
  const bool first = chunk_ == Chunk::trailer, in_value = chunk_ == Chunk::trailer_value;
  if (first || in_value) {
    if (c == '\n' && lenient_) return first ? Chunk::done : Chunk::trailer;
    if (c == '\r') return first ? Chunk::last_lf : Chunk::trailer_lf;
  }
  if (!count_line_byte(kHeadBytesMax)) return Chunk::bad;
  if (in_value) return is_text(c) ? Chunk::trailer_value : Chunk::bad;
  if (c == ':' && !first) return Chunk::trailer_value;
  // PLANT(blank-in-trailer)
  if (lenient_ && !first && (c == ' ' || c == '\t')) return Chunk::trailer_blank;
  return chunk_ != Chunk::trailer_blank && base::is(c, base::kToken) ? Chunk::trailer_name : Chunk::bad;
}

// Of a server, control characters other than NUL and those of a line end are text (RFC 9110 section 5.5).
bool Framing::is_text(char c) const noexcept {
  return base::is(c, base::kFieldValue) || (lenient_ && c != '\0' && c != '\r' && c != '\n');
}

// Returns the state after `c`. REQUIRES: not in `data`, `done` or `bad`.
Framing::Chunk Framing::step(char c) noexcept {
  switch (chunk_) {
    case Chunk::size_first:
      left_ = 0;
      line_bytes_ = 0;
      return base::is(c, base::kHexDigit) ? size_digit(c) : Chunk::bad;
    case Chunk::size: return base::is(c, base::kHexDigit) ? size_digit(c) : after_size(c);
    case Chunk::size_blank: return after_size(c);
    case Chunk::extension:
      if (c == '\r') return Chunk::size_lf;
      // PLANT(chunk-extension)
      return is_text(c) && count_line_byte(kSizeLineBytesMax) ? Chunk::extension : Chunk::bad;
    case Chunk::size_lf: return c == '\n' ? after_size_line() : Chunk::bad;
    case Chunk::data_cr:
      if (c == '\n' && lenient_) return Chunk::size_first;
      return c == '\r' ? Chunk::data_lf : Chunk::bad;
    case Chunk::data_lf: return c == '\n' ? Chunk::size_first : Chunk::bad;  // PLANT(crlf-after-chunk)
    case Chunk::trailer:
    case Chunk::trailer_name:
    case Chunk::trailer_blank:
    case Chunk::trailer_value:
    case Chunk::trailer_lf: return step_in_trailer(c);
    case Chunk::last_lf: return c == '\n' ? Chunk::done : Chunk::bad;
    case Chunk::data:
    case Chunk::done:
    case Chunk::bad:
    case Chunk::too_large: break;
  }
  return Chunk::bad;
}

}  // namespace http
