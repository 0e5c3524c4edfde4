#include "sink.hpp"

namespace watch {

void Sink::add(std::string_view line, std::uint64_t now) {
  if (!fd_) return;
  if (text_.size() + line.size() > kGatheredMax) {
    ++dropped_;
    ++dropped_in_all_;
    return;
  }
  if (text_.empty()) due_ = now + kBatchMs;
  text_ += line;
}

void Sink::flush_if_due(std::uint64_t now) {
  if (!text_.empty() && (text_.size() >= kBatchBytes || now >= due_)) flush(now);
}

void Sink::flush(std::uint64_t now) {
  std::size_t written = 0;
  while (written < text_.size()) {
    const sys::Io io = sys::append(fd_, std::string_view{text_}.substr(written));
    if (io.outcome != sys::Outcome::done) {
      due_ = now + kBatchMs;  // a full pipe or disk: later
      break;
    }
    written += io.bytes;
  }
  text_.erase(0, written);
  if (text_.empty() && dropped_ > 0) own_up(now);
}

void Sink::own_up(std::uint64_t now) {
  const std::string line =
      "proxy: " + std::to_string(dropped_) + " lines were dropped here: the log took no more\n";
  dropped_ = 0;
  add(line, now);
  due_ = now;
}

}  // namespace watch
