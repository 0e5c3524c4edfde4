// Lines on their way to a file, a pipe or a terminal: gathered, written in batches, and never waited for.
// What finds no room is dropped, counted, and the count is told as soon as there is room again.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "../sys/sys.hpp"

namespace watch {

class Sink {
 public:
  static constexpr std::size_t kGatheredMax = std::size_t{256} * 1024;  // bytes kept while nobody takes them
  static constexpr std::size_t kBatchBytes = std::size_t{16} * 1024;    // written without waiting for more
  static constexpr std::uint64_t kBatchMs = 200;                        // a line waits no longer than this

  Sink() = default;  // takes nothing
  explicit Sink(sys::Fd fd) : fd_(std::move(fd)) { text_.reserve(kGatheredMax); }

  // `line` ends in a newline.
  void add(std::string_view line, std::uint64_t now);
  // Writes if the batch is big or old enough.
  void flush_if_due(std::uint64_t now);
  void flush(std::uint64_t now);
  // The time at which `flush_if_due` has something to do; 0: never.
  [[nodiscard]] std::uint64_t next_flush() const noexcept { return text_.empty() ? 0 : due_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_in_all_; }

 private:
  void own_up(std::uint64_t now);

  sys::Fd fd_;
  std::string text_;
  std::uint64_t due_ = 0;
  std::uint64_t dropped_ = 0;  // not yet told
  std::uint64_t dropped_in_all_ = 0;
};

}  // namespace watch
