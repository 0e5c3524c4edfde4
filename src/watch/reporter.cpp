#include "reporter.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../net/resolver.hpp"
#include "../plan/generation.hpp"
#include "access_log.hpp"

namespace watch {
namespace {

// Notices have the format of the access log, as both may go to standard output: a reader of JSON gets only
// JSON.
Sink::NoticeFormat notice_format(const plan::Config& config) noexcept {
  return config.log_format == plan::LogFormat::json ? as_json : as_text;
}

}  // namespace

Reporter::Reporter(Streams streams, Worker& worker, const net::Acceptors& acceptors)
    : worker_(worker),
      acceptors_(acceptors),
      output_(std::move(streams.output), {}, notice_format(worker.current->config)),
      log_file_(std::move(streams.log_file), log_target(worker.current->config.access_log),
                notice_format(worker.current->config)),
      log_(worker.current->config.access_log == "-" ? output_ : log_file_),
      started_ms_(sys::now_ms()) {}

void Reporter::poll() {
  const plan::Config& config = worker_.current->config;
  if (config.verbose) trace_printer_.print(worker_.trace, output_);
  for (const ExchangePtr& exchange : worker_.finished) {
    std::array<char, kAccessLineMax> room;
    base::Writer line{room};
    write_access_line(config.log_format, *exchange, line);
    log_.add(line.view(), worker_.now);
    metrics_.count(*exchange);
  }
  worker_.finished.clear();
  output_.flush_if_due(worker_.now);
  log_file_.flush_if_due(worker_.now);
}

void Reporter::say(const std::string& text) {
  output_.add(notice_format(worker_.current->config)(text), worker_.now);
  output_.flush(worker_.now);
}

void Reporter::flush() {
  output_.flush(worker_.now);
  log_file_.flush(worker_.now);
}

void Reporter::reopen_log() {
  if (const int error = log_file_.reopen(worker_.now); error != 0)
    sys::write_stderr("proxy: cannot reopen the log " + log_file_.target().path + ": " +
                      std::strerror(error) + "; still writing to the old file\n");
}

void Reporter::on_reload() {
  output_.set_notice_format(notice_format(worker_.current->config));
  log_file_.set_notice_format(notice_format(worker_.current->config));
}

std::uint64_t Reporter::next_flush() const noexcept {
  const std::uint64_t output = output_.next_flush(), file = log_file_.next_flush();
  return output == 0 || file == 0 ? std::max(output, file) : std::min(output, file);
}

Gauges Reporter::gauges() const {
  Gauges now{.records_limit = worker_.table.slots(),
             .blocks = worker_.blocks.used(),
             .blocks_limit = worker_.blocks.limit(),
             .pipes = worker_.pipes.used(),
             .idle_upstreams = worker_.upstreams.idle(),
             .names = worker_.resolver.names(),
             .connections = worker_.connections,
             .stale_events = worker_.table.stale(),
             .dropped_lines = output_.dropped() + log_file_.dropped(),
             .uptime_ms = worker_.now - started_ms_};
  for (std::uint32_t slot = 0; slot < worker_.table.touched(); ++slot)
    ++now.records[static_cast<std::size_t>(worker_.table.at(slot).state)];
  now.records[static_cast<std::size_t>(State::FREE)] = worker_.table.slots() - worker_.table.used();
  for (const net::Acceptors::Entry& entry : acceptors_.all())
    now.listeners.push_back(
        {std::string{sys::endpoint_text(entry.acceptor.address()).view()}, entry.accepted});
  return now;
}

std::string Reporter::metrics(bool json) const {
  return json ? metrics_.json(gauges()) : metrics_.text(gauges());
}

}  // namespace watch
