#include "sink.hpp"

#include <algorithm>
#include <array>

#include "../base/civil_time.hpp"
#include "../base/escape.hpp"
#include "../http/date.hpp"

namespace watch {
namespace {

using base::Writer;
using std::string;
using std::string_view;

constexpr string_view kSyslogName = "syslog";
constexpr string_view kSyslogSocket = "/dev/log";
constexpr std::uint64_t kPriority = 3 * 8 + 6;  // daemon, informational (RFC 3164 section 4.1.1)
constexpr std::size_t kDatagramMax = 8192;      // syslog daemons accept this size; a line is shorter

sys::Io write_file(const sys::Fd& fd, const string& /*path*/, string_view text) noexcept {
  return sys::append(fd, text);
}

// Writes "<30>Nov  6 08:49:37 proxy: " (RFC 3164 sections 4.1.1 to 4.1.3). Omits HOSTNAME: the daemon adds it
// to local messages, and would take it for the program's name.
void put_syslog_head(Writer& out, std::uint64_t unix_ms) noexcept {
  const base::CivilTime at = base::civil_time(static_cast<std::int64_t>(sys::local_ms(unix_ms) / 1000));
  out << '<' << kPriority << '>' << http::month_name(at.month) << (at.day < 10 ? "  " : " ")
      << std::uint64_t{at.day} << ' ';
  base::put_clock(out, at);
  out << " proxy: ";
}

// Sends the first line of `text`. A line longer than the 1024 bytes of RFC 3164 section 4.1 is sent whole, as
// syslog(3) does: truncated JSON would be useless.
sys::Io write_datagram(const sys::Fd& fd, const string& path, string_view text) noexcept {
  const string_view line = text.substr(0, text.find('\n'));
  std::array<char, kDatagramMax> room;
  Writer out{room};
  put_syslog_head(out, sys::wall_ms());
  out << line;
  sys::Io io = sys::send_datagram(fd, path.c_str(), out.view());
  if (io.outcome == sys::Outcome::done) io.bytes = std::min(line.size() + 1, text.size());
  return io;
}

}  // namespace

constinit const LogBackend kFile{.open = sys::open_log,
                                 .write = write_file,
                                 .batch_bytes = Sink::kBatchBytes,
                                 .batch_ms = Sink::kBatchMs,
                                 .again_ms = Sink::kBatchMs};

// No batches: the daemon's queue holds few datagrams (net.unix.max_dgram_qlen) and is emptied quickly.
constinit const LogBackend kSyslog{
    .open = sys::open_datagrams, .write = write_datagram, .batch_bytes = 1, .batch_ms = 0, .again_ms = 10};

string as_text(string_view text) { return string{text} + '\n'; }

string as_json(string_view text) {
  string room(6 * text.size() + 2, '\0');  // each byte may become \u00HH
  Writer out{room};
  base::put_json(out, text);
  return R"({"notice":)" + string{out.view()} + "}\n";
}

LogTarget log_target(string_view access_log) {
  if (!access_log.starts_with(kSyslogName)) return {&kFile, string{access_log}};
  const string_view rest = access_log.substr(kSyslogName.size());
  if (rest.empty()) return {&kSyslog, string{kSyslogSocket}};
  if (rest.front() == ':') return {&kSyslog, string{rest.substr(1)}};
  return {&kFile, string{access_log}};
}

void Sink::add(string_view line, std::uint64_t now) {
  if (!fd_) return;
  if (dropped_ > 0) report_dropped(line.size());
  if (dropped_ > 0 || !has_room(line.size())) return drop();
  if (text_.empty()) due_ = now + target_.backend->batch_ms;
  text_ += line;
}

void Sink::drop() noexcept {
  ++dropped_;
  ++dropped_total_;
}

// Reports the dropped lines, if the buffer has room for the report and for `beside` bytes.
void Sink::report_dropped(std::size_t beside) {
  const string line = notice_format_("proxy: " + std::to_string(dropped_) + " log lines dropped here");
  if (!has_room(line.size() + beside)) return;
  text_ += line;
  reports_.push_back({text_.size(), std::exchange(dropped_, 0)});
}

// Removes the front of the buffer.
void Sink::remove(std::size_t bytes) {
  text_.erase(0, bytes);
  std::erase_if(reports_, [bytes](const DropReport& report) { return report.end <= bytes; });
  for (DropReport& report : reports_) report.end -= bytes;
}

// After an incomplete write the next one waits until it is due, however many lines are added.
void Sink::flush_if_due(std::uint64_t now) {
  if (text_.empty()) return;
  const bool batch_complete = !incomplete_ && text_.size() >= target_.backend->batch_bytes;
  if (batch_complete || now >= due_) flush(now);
}

void Sink::flush(std::uint64_t now) {
  write_out(now);
  if (!text_.empty() || dropped_ == 0) return;
  report_dropped(0);
  write_out(now);
}

void Sink::write_out(std::uint64_t now) {
  std::size_t written = 0;
  incomplete_ = false;
  while (written < text_.size() && !incomplete_) {
    const sys::Io io = target_.backend->write(fd_, target_.path, string_view{text_}.substr(written));
    incomplete_ = io.outcome != sys::Outcome::done;
    if (!incomplete_) failing_ = false;
    if (io.outcome == sys::Outcome::fail && !std::exchange(failing_, true)) error_ = io.error;
    // A full pipe or queue has space soon; a full disk or a missing daemon takes longer.
    if (incomplete_) due_ = now + (io.outcome == sys::Outcome::again ? target_.backend->again_ms : kFailedMs);
    written += io.bytes;
  }
  if (written > 0) torn_ = text_[written - 1] != '\n';
  remove(written);
}

std::uint64_t Sink::unwritten() const noexcept {
  std::uint64_t lines = dropped_ + static_cast<std::uint64_t>(std::count(text_.begin(), text_.end(), '\n'));
  for (const DropReport& report : reports_) lines += report.lines - 1;
  return lines;
}

// Drops the rest of a line whose beginning is in the old file.
void Sink::drop_torn_line() {
  if (!torn_) return;
  remove(text_.find('\n') + 1);
  torn_ = false;
  drop();
}

int Sink::reopen(std::uint64_t now) {
  if (!fd_ || target_.path.empty()) return 0;
  sys::Opened opened = target_.backend->open(target_.path.c_str());
  if (!opened.fd) return opened.error;
  flush(now);
  drop_torn_line();
  fd_ = std::move(opened.fd);
  flush(now);
  return 0;
}

}  // namespace watch
