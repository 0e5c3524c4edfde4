#include "reporter.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "../net/resolver.hpp"
#include "../plan/generation.hpp"
#include "access_log.hpp"

namespace watch {
namespace {

// The proxy's own words, on standard output too, are a line of the log's format: what reads it meets no
// other.
Sink::NoticeFormat notice_format(const plan::Config& config) noexcept {
  return config.log_format == plan::LogFormat::json ? as_json : as_text;
}

}  // namespace

Reporter::Reporter(Streams streams, Services& services, const net::Acceptors& listeners)
    : services_(services),
      listeners_(listeners),
      output_(std::move(streams.output), {}, notice_format(services.generation->config)),
      log_file_(std::move(streams.log_file), log_target(services.generation->config.access_log),
                notice_format(services.generation->config)),
      log_(services.generation->config.access_log == "-" ? output_ : log_file_),
      started_ms_(sys::now_ms()) {}

void Reporter::poll() {
  const plan::Config& config = services_.generation->config;
  if (config.verbose) trace_printer_.tell(services_.trace, output_);
  for (const ExchangePtr& exchange : services_.finished) {
    std::array<char, kAccessLineMax> room;
    base::Writer line{room};
    write_access_line(config.log_format, *exchange, line);
    log_.add(line.view(), services_.now);
    metrics_.count(*exchange);
  }
  services_.finished.clear();
  output_.flush_if_due(services_.now);
  log_file_.flush_if_due(services_.now);
}

void Reporter::say(const std::string& text) {
  output_.add(notice_format(services_.generation->config)(text), services_.now);
  output_.flush(services_.now);
}

void Reporter::flush() {
  output_.flush(services_.now);
  log_file_.flush(services_.now);
}

void Reporter::reopen_log() {
  if (const int error = log_file_.reopen(services_.now); error != 0)
    sys::write_stderr("proxy: cannot open the log " + log_file_.where().path +
                      " anew: " + std::strerror(error) + "; it goes on where it was\n");
}

void Reporter::on_reload() {
  output_.set_notice_format(notice_format(services_.generation->config));
  log_file_.set_notice_format(notice_format(services_.generation->config));
}

std::uint64_t Reporter::next_flush() const noexcept {
  const std::uint64_t output = output_.next_flush(), file = log_file_.next_flush();
  return output == 0 || file == 0 ? std::max(output, file) : std::min(output, file);
}

Gauges Reporter::gauges() const {
  Gauges now{.records_limit = services_.table.slots(),
             .blocks = services_.blocks.used(),
             .blocks_limit = services_.blocks.limit(),
             .pipes = services_.pipes.used(),
             .idle_upstreams = services_.upstreams.idle(),
             .names = services_.resolver.names(),
             .connections = services_.connections,
             .stale_events = services_.table.stale(),
             .dropped_lines = output_.dropped() + log_file_.dropped(),
             .uptime_ms = services_.now - started_ms_};
  for (std::uint32_t slot = 0; slot < services_.table.touched(); ++slot)
    ++now.records[static_cast<std::size_t>(services_.table.at(slot).state)];
  now.records[static_cast<std::size_t>(State::FREE)] = services_.table.slots() - services_.table.used();
  for (const net::Acceptors::Entry& door : listeners_.all())
    now.listeners.push_back({std::string{sys::endpoint_text(door.acceptor.address()).view()}, door.accepted});
  return now;
}

std::string Reporter::metrics(bool json) const {
  return json ? metrics_.json(gauges()) : metrics_.text(gauges());
}

}  // namespace watch
