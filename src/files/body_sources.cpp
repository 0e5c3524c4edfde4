#include "body_sources.hpp"

#include <algorithm>
#include <cstring>

#include "../base/budget.hpp"
#include "../sys/sys.hpp"

namespace files {

base::FileRange PiecesSource::range() const noexcept {
  if (piece_ == pieces_.size()) return {};
  const Piece& piece = pieces_[piece_];
  if (before_done_ < piece.before.size() || done_ == piece.length) return {};
  // -1 if the content is in memory.
  return {.fd = content_.file.get(), .offset = piece.first + done_, .length = piece.length - done_};
}

void PiecesSource::sent(std::uint64_t bytes) noexcept {
  worked(1 + bytes / base::Work::kFileBytes);
  done_ += bytes;
  skip_finished();
}

void PiecesSource::skip_finished() noexcept {
  while (piece_ < pieces_.size() && before_done_ == pieces_[piece_].before.size() &&
         done_ == pieces_[piece_].length) {
    ++piece_;
    before_done_ = 0;
    done_ = 0;
  }
}

base::BodySource::Produced PiecesSource::produce(std::span<std::byte> room) noexcept {
  skip_finished();
  if (piece_ == pieces_.size()) return {Got::end, 0};
  const Piece& piece = pieces_[piece_];
  if (const std::size_t left = piece.before.size() - before_done_; left != 0) {
    const std::size_t count = std::min(left, room.size());
    std::memcpy(room.data(), piece.before.data() + before_done_, count);
    before_done_ += count;
    skip_finished();
    return {Got::some, count};
  }
  auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.length - done_, room.size()));
  if (content_.text) {
    std::memcpy(room.data(), content_.text->data() + piece.first + done_, count);
  } else {
    const sys::Io io = sys::read_at(content_.file.get(), piece.first + done_, room.first(count));
    if (io.outcome != sys::Outcome::done) return {Got::failed, 0};
    count = io.bytes;
  }
  sent(count);
  return {Got::some, count};
}

std::unique_ptr<base::BodySource> whole_file_source(Content content, std::uint64_t length) {
  std::vector<Piece> pieces;
  pieces.push_back({.before = {}, .first = 0, .length = length});
  return std::make_unique<PiecesSource>(std::move(content), std::move(pieces));
}

}  // namespace files
