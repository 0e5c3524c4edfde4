// Standard output, in pieces, so that an output of any size takes little memory.
#pragma once
#include <cstdint>
#include <string_view>

namespace replay {

class Output {
 public:
  virtual ~Output() = default;
  // Writes `text`. After an error nothing more is written.
  void write(std::string_view text) {
    if (failed_ || text.empty()) return;
    failed_ = !put(text);
    written_ += text.size();
  }
  // The reader has closed the pipe, or the disk is full.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  // Bytes so far.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

 private:
  virtual bool put(std::string_view text) = 0;
  bool failed_ = false;
  std::uint64_t written_ = 0;
};

}  // namespace replay
