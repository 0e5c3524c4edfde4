// The notes of the last requests that ended.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "recording.hpp"

namespace record {

// Notes have numbers, from 0.
class NoteRing {
 public:
  // REQUIRES: `most` > 0.
  explicit NoteRing(std::size_t most) noexcept : most_(most) {}

  // The oldest note makes room. The first call takes the memory for all.
  void add(const Note& note) {
    if (ring_.size() < most_) {
      ring_.reserve(most_);
      ring_.push_back(note);
    } else {
      ring_[static_cast<std::size_t>(next_ % most_)] = note;
    }
    ++next_;
  }

  // The number of the next note.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  // The number of the oldest note that is kept.
  [[nodiscard]] std::uint64_t oldest() const noexcept { return next_ - ring_.size(); }
  // The notes from that number on, or from the oldest one, at most `most`; the ring may begin again between
  // the two parts.
  [[nodiscard]] std::array<std::span<const Note>, 2> from(std::uint64_t number,
                                                          std::size_t most = SIZE_MAX) const noexcept {
    number = std::clamp(number, oldest(), next_);
    const std::span<const Note> ring{ring_};
    const std::size_t count = std::min(most, static_cast<std::size_t>(next_ - number));
    if (count == 0) return {};
    const auto at = static_cast<std::size_t>(number % most_);
    const std::size_t unbroken = std::min(count, ring.size() - at);
    return {ring.subspan(at, unbroken), ring.first(count - unbroken)};
  }

 private:
  std::size_t most_;
  std::vector<Note> ring_;  // note n is at n % most_
  std::uint64_t next_ = 0;
};

}  // namespace record
