// Lines on their way to a file, a pipe, a terminal or syslog: gathered, written in batches, and never waited
// for. What finds no room is dropped, counted, and the count is told where it is missing, as soon as there is
// room again.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "../sys/sys.hpp"

namespace watch {

// How lines get to where they go.
struct LogBackend {
  sys::Opened (*open)(const char* path) noexcept;
  // Writes of `text`, which is whole lines but for what was written before; tells how much was taken.
  sys::Io (*write)(const sys::Fd& fd, const std::string& path, std::string_view text) noexcept;
  std::size_t batch_bytes;  // written without waiting for more
  std::uint64_t batch_ms;   // a line waits no longer than this
  std::uint64_t again_ms;   // one that was not taken is tried again after this
};
extern const LogBackend kFile;    // also a pipe, or a terminal
extern const LogBackend kSyslog;  // a datagram for each line, to the socket at `path` (RFC 3164)

// Where lines go.
struct LogTarget {
  const LogBackend* backend = &kFile;
  std::string path;  // empty: it was there before us, and cannot be opened
};
// What the option --access-log names: a file, or "syslog", or "syslog:SOCKET".
LogTarget log_target(std::string_view access_log);

// What the proxy itself has to say, visible ASCII and blanks, as a line: as it is, or {"notice":"..."}.
std::string as_text(std::string_view text);
std::string as_json(std::string_view text);

class Sink {
 public:
  static constexpr std::size_t kGatheredMax = std::size_t{256} * 1024;  // bytes kept while nobody takes them
  static constexpr std::size_t kBatchBytes = std::size_t{16} * 1024;    // of a file
  static constexpr std::uint64_t kBatchMs = 200;
  static constexpr std::uint64_t kFailedMs = 1000;  // a full disk is tried no sooner
  // How the sink's own words become a line.
  using NoticeFormat = std::string (*)(std::string_view text);

  Sink() = default;  // takes nothing
  explicit Sink(sys::Fd fd, LogTarget where = {}, NoticeFormat format = as_text)
      : fd_(std::move(fd)), target_(std::move(where)), notice_format_(format) {
    text_.reserve(kGatheredMax);
  }

  // `line` ends in a newline.
  void add(std::string_view line, std::uint64_t now);
  // From now on its own words become lines so.
  void set_notice_format(NoticeFormat format) noexcept { notice_format_ = format; }
  // Writes if the batch is big or old enough.
  void flush_if_due(std::uint64_t now);
  void flush(std::uint64_t now);
  // Opens the file anew, by its name, as when it was moved away. 0, or errno: the one that is open is kept.
  int reopen(std::uint64_t now);
  // The time at which `flush_if_due` has something to do; 0: never.
  [[nodiscard]] std::uint64_t next_flush() const noexcept { return text_.empty() ? 0 : due_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_in_all_; }
  [[nodiscard]] const LogTarget& where() const noexcept { return target_; }

 private:
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return text_.size() + bytes <= kGatheredMax;
  }
  void drop() noexcept;
  void report_dropped(std::size_t beside);
  void drop_torn_line();
  void write_out(std::uint64_t now);

  sys::Fd fd_;
  LogTarget target_;
  NoticeFormat notice_format_ = as_text;
  std::string text_;
  std::uint64_t due_ = 0;
  std::uint64_t dropped_ = 0;  // not yet told
  std::uint64_t dropped_in_all_ = 0;
  bool refused_ = false;  // what was to be written last was not taken, at least not all
  bool torn_ = false;     // `text_` begins in the middle of a line
};

}  // namespace watch
