// All output of the running proxy: the access log, the trace (-v), notices and metrics.
#pragma once
#include "../base/trace.hpp"
#include "../plan/config.hpp"
#include "metrics.hpp"
#include "sink.hpp"
#include "trace_printer.hpp"

namespace watch {

// Writes all output. Times are monotonic, ms.
class Reporter {
 public:
  // The open destinations.
  struct Streams {
    sys::Fd output;    // standard output
    sys::Fd log_file;  // none: the access log goes to standard output or is off
  };
  // The access log goes where `config` says.
  Reporter(Streams streams, const plan::Config& config);

  // Prints the entries added to the trace since the last call, as far as the configuration says.
  void print(const base::Trace& trace);
  // Logs and counts a completed request.
  void log(const AccessRecord& request, std::uint64_t now);
  // Counts a turn of the event loop and the delay of a wakeup; see Metrics.
  void count_turn(std::uint64_t us) noexcept { metrics_.count_turn(us); }
  void count_poll_delay(std::uint64_t us) noexcept { metrics_.count_poll_delay(us); }
  // Writes a notice to standard output at once.
  void say(const std::string& text, std::uint64_t now);
  // Writes a notice to standard output at once, and to the log's file if it has one.
  void say_everywhere(const std::string& text, std::uint64_t now);
  // Writes the buffered lines that are due; the next ones are due at `next_flush` (0: none).
  void flush_if_due(std::uint64_t now);
  [[nodiscard]] std::uint64_t next_flush() const noexcept;
  // Writes all buffered lines now, and says on standard error how many cannot be written.
  void finish(std::uint64_t now);
  // SIGUSR1: opens the log file again, by name, after it was rotated.
  void reopen_log(std::uint64_t now);
  // Takes over the log format and -v of a new configuration.
  void configure(const plan::Config& config) noexcept;
  // Trace entries that were overwritten before they could be printed.
  [[nodiscard]] std::uint64_t lost_entries() const noexcept { return trace_printer_.lost(); }
  // The number of open descriptors.
  [[nodiscard]] std::size_t descriptors() const noexcept {
    return std::size_t{output_.open()} + std::size_t{log_file_.open()};
  }
  // Log lines dropped since the start of the program.
  [[nodiscard]] std::uint64_t dropped_lines() const noexcept {
    return output_.dropped() + log_file_.dropped();
  }
  // Returns the metrics page in the format of `write`. Adds the dropped log lines to `gauges`.
  [[nodiscard]] std::string metrics(Gauges gauges, Metrics::Writer write) const;

 private:
  // Says on standard error that a log cannot be written, once for each time that this begins.
  void report_errors();

  Sink output_;    // notices, the trace, and by default the access log
  Sink log_file_;  // the access log, if it has a file of its own
  Sink& log_;
  plan::LogFormat format_ = plan::LogFormat::own;
  plan::Verbosity verbosity_ = plan::Verbosity::none;
  TracePrinter trace_printer_;
  Metrics metrics_;
};

}  // namespace watch
