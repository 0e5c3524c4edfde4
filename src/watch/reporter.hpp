// All output of the running proxy: the access log, the trace (-v), notices and metrics.
#pragma once
#include <cstdint>
#include <string>

#include "../net/acceptors.hpp"
#include "../state/worker.hpp"
#include "metrics.hpp"
#include "sink.hpp"
#include "trace_printer.hpp"

namespace watch {

// Writes all output.
class Reporter final : public Pages {
 public:
  // The open destinations.
  struct Streams {
    sys::Fd output;    // standard output
    sys::Fd log_file;  // none: the access log goes to standard output or is off
  };
  // The newest configuration of `worker` says where the access log goes. REQUIRES: `worker` and
  // `acceptors` outlive the reporter.
  Reporter(Streams streams, Worker& worker, const net::Acceptors& acceptors);

  // Logs and counts the requests completed in this turn, prints the trace, and writes what is due.
  void poll();
  // Writes a notice to standard output at once.
  void say(const std::string& text);
  // Writes all buffered lines now.
  void flush();
  // SIGUSR1: opens the log file again, by name, after it was rotated.
  void reopen_log();
  // A new configuration is in force: takes over its log format.
  void on_reload();
  // The time at which `poll` must be called, ms; 0: never.
  [[nodiscard]] std::uint64_t next_flush() const noexcept;
  // Returns the metrics page, as JSON or in the Prometheus text format.
  [[nodiscard]] std::string metrics(bool json) const override;

 private:
  [[nodiscard]] Gauges gauges() const;

  Worker& worker_;
  const net::Acceptors& acceptors_;
  Sink output_;    // notices, the trace, and by default the access log
  Sink log_file_;  // the access log, if it has a file of its own
  Sink& log_;
  TracePrinter trace_printer_;
  Metrics metrics_;
  std::uint64_t started_ms_;
};

}  // namespace watch
