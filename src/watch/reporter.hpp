// All that the proxy tells while it runs: the log, what -v narrates, its own words, and what is counted.
#pragma once
#include <cstdint>
#include <string>

#include "../net/acceptors.hpp"
#include "../state/worker.hpp"
#include "metrics.hpp"
#include "sink.hpp"
#include "trace_printer.hpp"

namespace watch {

class Reporter final : public Pages {
 public:
  struct Streams {
    sys::Fd output;    // standard output
    sys::Fd log_file;  // none: the log goes to standard output, or nowhere
  };
  // The log goes where the youngest configuration of `worker` says. REQUIRES: both outlive us.
  Reporter(Streams streams, Worker& worker, const net::Acceptors& listeners);

  // What has happened in this turn is told.
  void poll();
  void say(const std::string& text);  // on standard output, at once
  void flush();
  // SIGUSR1: the log's file was moved away, and is begun anew.
  void reopen_log();
  // The youngest configuration is another one.
  void on_reload();
  // The time at which `poll` has something to do; 0: never.
  [[nodiscard]] std::uint64_t next_flush() const noexcept;
  [[nodiscard]] std::string metrics(bool json) const override;

 private:
  [[nodiscard]] Gauges gauges() const;

  Worker& worker_;
  const net::Acceptors& listeners_;
  Sink output_;    // what we say, what -v tells, and the log by default
  Sink log_file_;  // or the log has a file of its own
  Sink& log_;
  TracePrinter trace_printer_;
  Metrics metrics_;
  std::uint64_t started_ms_;
};

}  // namespace watch
