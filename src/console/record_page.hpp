// The file of GET /console/record. A whole ring takes milliseconds, so it is made in parts, one in a turn of
// the loop, and kept for a second: many viewers get the same one.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "../record/writer.hpp"

namespace console {

// Times are monotonic, ms.
class RecordPage {
 public:
  static constexpr std::uint64_t kKeptMs = 1000;

  // Returns the file if it is whole, and less than a second old; else writes its next part, unless that was
  // done in this `turn` (a number), and returns null until it is whole: call again in the next turn.
  // `write(out, progress)` writes a part, and returns true with the last one. `written`: the bytes of the
  // part.
  template <class Write>
  std::shared_ptr<const std::string> get(std::uint64_t now, std::uint64_t turn, std::uint64_t& written,
                                         Write write) {
    expire(now);
    written = 0;
    if (file_ != nullptr || (progress_.begun && turn == turn_)) return file_;
    const std::size_t before = out_.content.size();
    const bool whole = write(out_, progress_);
    written = out_.content.size() - before;
    turn_ = turn;
    written_ms_ = now;
    if (whole) file_ = std::make_shared<const std::string>(std::exchange(out_.content, {}));
    return file_;
  }
  // Forgets a file whose last part was written a second ago, whole or not. Responses that send it keep it.
  void expire(std::uint64_t now) noexcept {
    if (!progress_.begun || now < written_ms_ + kKeptMs) return;
    file_.reset();
    out_.content = {};
    progress_ = {};
  }

 private:
  record::Memory<std::string> out_;
  record::Progress progress_;
  std::shared_ptr<const std::string> file_;
  std::uint64_t written_ms_ = 0, turn_ = 0;  // of the last part
};

}  // namespace console
