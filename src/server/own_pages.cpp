#include "own_pages.hpp"

#include <cstddef>

#include "../doctor/page.hpp"
#include "../state/events.hpp"

namespace server {
namespace {

// By Pages::MetricsFormat.
constexpr std::array<watch::Metrics::Writer, Pages::kMetricsFormats> kMetricsWriters{
    &watch::Metrics::text, &watch::Metrics::json, &watch::Metrics::openmetrics};

}  // namespace

watch::Gauges OwnPages::gauges() const {
  const Worker& worker = of_.resources.worker;
  const Table& table = worker.table;
  watch::Gauges now{.records_limit = table.slots(),
                    .blocks = worker.blocks.used(),
                    .blocks_limit = worker.blocks.limit(),
                    .pipes = worker.pipes.used(),
                    .idle_upstreams = worker.upstreams.idle(),
                    .names = worker.resolver.names(),
                    .queries = worker.resolver.pending(),
                    .connections = worker.connections,
                    .stale_events = table.stale(),
                    .board_requests = worker.board_requests,
                    .uptime_ms = uptime_ms(),
                    .started_ms = of_.clock.started_wall_ms(),
                    .process = sys::process_figures()};
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
    if (!table.at(slot).viewer) ++now.records[static_cast<std::size_t>(table.at(slot).state)];
  for (std::size_t i = 0; i < watch::kFindings; ++i)
    now.findings[i] = findings()[static_cast<watch::Finding>(i)].total;
  now.records[static_cast<std::size_t>(State::FREE)] = table.slots() - used_by_clients(worker);
  for (const net::Acceptors::Entry& entry : of_.admission.acceptors().all())
    now.listeners.push_back(
        {std::string{sys::endpoint_text(entry.acceptor.address()).view()}, entry.accepted});
  return now;
}

std::shared_ptr<const std::string> OwnPages::metrics(MetricsFormat format) {
  const auto form = static_cast<std::size_t>(format);
  return metrics_pages_[form].get(of_.resources.worker.now, [this, form] {
    return of_.reporter.metrics(gauges(), kMetricsWriters[form]);
  });
}

Pages::FindingsPage OwnPages::findings_page(bool json) {
  const std::size_t form = json ? 1 : 0;
  const Worker& worker = of_.resources.worker;
  auto text = findings_pages_[form].get(worker.now, [this, json, form, &worker] {
    const doctor::PageFacts facts{.findings = findings(),
                                  .waits = doctor::long_waits(worker.table, worker.now),
                                  .now = worker.now,
                                  .uptime_ms = uptime_ms(),
                                  .records = used_by_clients(worker),
                                  .records_limit = worker.table.slots(),
                                  .viewers = worker.viewers};
    findings_fields_[form] = doctor::summary_field(facts.findings);
    return json ? doctor::page_json(facts) : doctor::page_text(facts);
  });
  return {std::move(text), findings_fields_[form]};
}

}  // namespace server
