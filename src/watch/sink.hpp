// Writes lines to a file, a pipe, a terminal or syslog: buffered, in batches, without blocking. Lines that do
// not fit into the buffer are dropped, and a line with their number marks the gap.
#pragma once
#include <utility>

#include "../sys/sys.hpp"

namespace watch {

// How lines are written.
struct LogBackend {
  // Opens the file or socket at `path`.
  sys::Opened (*open)(const char* path) noexcept;
  // Writes a prefix of `text`, which is whole lines except for bytes written before. Returns its length.
  sys::Io (*write)(const sys::Fd& fd, const std::string& path, std::string_view text) noexcept;
  std::size_t batch_bytes;  // a batch of this size is written at once
  std::uint64_t batch_ms;   // maximum time that a line is buffered
  std::uint64_t again_ms;   // delay before a failed write is retried
};
extern const LogBackend kFile;    // a file, a pipe or a terminal
extern const LogBackend kSyslog;  // one datagram per line to the Unix socket at `path` (RFC 3164)

// Where lines are written.
struct LogTarget {
  const LogBackend* backend = &kFile;
  std::string path;  // empty: an inherited descriptor, which cannot be reopened
};
// Parses the value of --access-log: a file, "syslog" or "syslog:SOCKET".
LogTarget log_target(std::string_view access_log);

// Formats a notice (visible ASCII and spaces) as a line: unchanged, or as {"notice":"..."}.
std::string as_text(std::string_view text);
std::string as_json(std::string_view text);

// A destination with a buffer.
class Sink {
 public:
  static constexpr std::size_t kBufferMax = std::size_t{256} * 1024;  // buffer size
  static constexpr std::size_t kBatchBytes = std::size_t{16} * 1024;  // for kFile
  static constexpr std::uint64_t kBatchMs = 200;
  static constexpr std::uint64_t kFailedMs = 1000;  // delay after an error such as a full disk
  // Formats a notice as a line.
  using NoticeFormat = std::string (*)(std::string_view text);

  // Ignores all lines.
  Sink() = default;
  // Writes to `fd`; `target` says how, and where to reopen it.
  explicit Sink(sys::Fd fd, LogTarget target = {}, NoticeFormat format = as_text)
      : fd_(std::move(fd)), target_(std::move(target)), notice_format_(format) {
    text_.reserve(kBufferMax);
  }

  // Buffers a line, or drops it if the buffer is full. REQUIRES: `line` ends in a newline. `now` in monotonic
  // ms.
  void add(std::string_view line, std::uint64_t now);
  // Sets the format of later notices.
  void set_notice_format(NoticeFormat format) noexcept { notice_format_ = format; }
  // Writes the buffer if a batch is complete or due.
  void flush_if_due(std::uint64_t now);
  // Writes the buffer now, as far as possible without blocking.
  void flush(std::uint64_t now);
  // Opens the file again by its name, after a rotation. Returns 0, or errno: the old file stays in use.
  int reopen(std::uint64_t now);
  // The time at which `flush_if_due` must be called, ms; 0: never.
  [[nodiscard]] std::uint64_t next_flush() const noexcept { return text_.empty() ? 0 : due_; }
  // The number of lines dropped since the start.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_total_; }
  // errno of the first write that has failed since one was complete, once; 0: none.
  int take_error() noexcept { return std::exchange(error_, 0); }
  // The number of lines that would be lost now: those in the buffer, and those dropped; a dropped line counts
  // until the line that reports it is written.
  [[nodiscard]] std::uint64_t unwritten() const noexcept;
  // It has a descriptor open.
  [[nodiscard]] bool open() const noexcept { return fd_.open(); }
  // Where it writes.
  [[nodiscard]] const LogTarget& target() const noexcept { return target_; }

 private:
  // A line in `text_` that reports dropped lines.
  struct DropReport {
    std::size_t end = 0;  // in `text_`
    std::uint64_t lines = 0;
  };

  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept { return text_.size() + bytes <= kBufferMax; }
  void drop() noexcept;
  void report_dropped(std::size_t beside);
  void drop_torn_line();
  void remove(std::size_t bytes);
  void write_out(std::uint64_t now);

  sys::Fd fd_;
  LogTarget target_;
  NoticeFormat notice_format_ = as_text;
  std::string text_;
  std::uint64_t due_ = 0;
  std::uint64_t dropped_ = 0;  // lines not reported yet
  std::uint64_t dropped_total_ = 0;
  std::vector<DropReport> reports_;  // in the order of their lines
  bool incomplete_ = false;          // the last write was not complete
  bool failing_ = false;             // a write has failed, and none was complete since
  int error_ = 0;                    // of take_error
  bool torn_ = false;                // `text_` begins in the middle of a line
};

}  // namespace watch
