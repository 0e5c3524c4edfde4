#include "reporter.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "access_log.hpp"

namespace watch {
namespace {

// Notices have the format of the access log, as both may go to standard output: a reader of JSON gets only
// JSON.
Sink::NoticeFormat notice_format(plan::LogFormat format) noexcept {
  return format == plan::LogFormat::json ? as_json : as_text;
}

std::string name_of(const Sink& sink) {
  return sink.target().path.empty() ? "standard output" : "the log " + sink.target().path;
}

}  // namespace

Reporter::Reporter(Streams streams, const plan::Config& config)
    : output_(std::move(streams.output)),
      log_file_(std::move(streams.log_file), log_target(config.access_log)),
      log_(config.access_log == "-" ? output_ : log_file_) {
  configure(config);
}

void Reporter::configure(const plan::Config& config) noexcept {
  format_ = config.log_format;
  verbosity_ = config.verbosity;
  output_.set_notice_format(notice_format(format_));
  log_file_.set_notice_format(notice_format(format_));
}

void Reporter::print(const base::Trace& trace) { trace_printer_.print(trace, verbosity_, output_); }

void Reporter::log(const AccessRecord& request, std::uint64_t now) {
  std::array<char, kAccessLineMax> room;
  base::Writer line{room};
  write_access_line(format_, request, line);
  log_.add(line.view(), now);
  metrics_.count(request);
}

void Reporter::say(const std::string& text, std::uint64_t now) {
  output_.add(notice_format(format_)(text), now);
  output_.flush(now);
}

void Reporter::say_everywhere(const std::string& text, std::uint64_t now) {
  say(text, now);
  if (&log_ != &log_file_) return;
  log_file_.add(notice_format(format_)(text), now);
  log_file_.flush(now);
}

void Reporter::flush_if_due(std::uint64_t now) {
  output_.flush_if_due(now);
  log_file_.flush_if_due(now);
  report_errors();
}

void Reporter::finish(std::uint64_t now) {
  output_.flush(now);
  log_file_.flush(now);
  report_errors();
  for (const Sink* const sink : {&output_, &log_file_})
    if (const std::uint64_t lines = sink->unwritten(); lines > 0)
      sys::write_stderr("proxy: " + std::to_string(lines) + (lines == 1 ? " line of " : " lines of ") +
                        name_of(*sink) + " could not be written\n");
}

void Reporter::report_errors() {
  for (Sink* const sink : {&output_, &log_file_})
    if (const int error = sink->take_error(); error != 0)
      sys::write_stderr("proxy: cannot write " + name_of(*sink) + ": " + std::strerror(error) +
                        "; trying again, with at most " + std::to_string(Sink::kBufferMax / 1024) +
                        " KiB of lines kept\n");
}

void Reporter::reopen_log(std::uint64_t now) {
  if (const int error = log_file_.reopen(now); error != 0)
    sys::write_stderr("proxy: cannot reopen the log " + log_file_.target().path + ": " +
                      std::strerror(error) + "; still writing to the old file\n");
}

std::uint64_t Reporter::next_flush() const noexcept {
  const std::uint64_t output = output_.next_flush(), file = log_file_.next_flush();
  return output == 0 || file == 0 ? std::max(output, file) : std::min(output, file);
}

std::string Reporter::metrics(Gauges gauges, Metrics::Writer write) const {
  gauges.dropped_lines = dropped_lines();
  return (metrics_.*write)(gauges);
}

}  // namespace watch
