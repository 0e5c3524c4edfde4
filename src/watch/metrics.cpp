#include "metrics.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../base/escape.hpp"
#include "../plan/config.hpp"

namespace watch {
namespace {

using std::string;
using std::string_view;

// Counting must not allocate memory.
static_assert(std::is_trivially_copyable_v<Metrics>);

// ---- the metrics, in any format --------------------------------------------------------------------------

enum class Type : std::uint8_t { counter, gauge, histogram };
constexpr std::array<string_view, 3> kTypeNames{"counter", "gauge", "histogram"};

struct Label {
  string_view name, value;  // empty name: no label
};

struct Series {
  std::array<Label, 2> labels{};
  std::uint64_t value = 0;
  const Histogram* histogram = nullptr;
};

struct Metric {
  string_view name;
  Type type;
  string_view help;
  std::vector<Series> series;
  bool is_us = false;  // the value is in µs and is written in seconds
};

template <std::size_t N>
std::vector<Series> by(string_view label, const std::array<string_view, N>& names,
                       const std::array<std::uint64_t, N>& values) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < N; ++i) all.push_back({{{{label, names[i]}}}, values[i]});
  return all;
}

std::vector<Series> by_reason(const Metrics::Counts& counts) {
  std::vector<Series> all;
  for (std::size_t i = 1; i < counts.by_reason.size(); ++i) {
    const base::ReasonRow& row = base::row(static_cast<base::Reason>(i));
    all.push_back({{{{"reason", row.name}, {"party", base::name(row.ended_by)}}}, counts.by_reason[i]});
  }
  return all;
}

std::vector<Series> by_interval(const Metrics::Counts& counts) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < kIntervalNames.size(); ++i)
    all.push_back({{{{"phase", kIntervalNames[i]}}}, 0, &counts.intervals[i]});
  return all;
}

std::vector<Series> by_state(const Gauges& gauges) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < kStates; ++i) all.push_back({{{{"state", kStateNames[i]}}}, gauges.records[i]});
  return all;
}

std::vector<Series> by_listener(const Gauges& gauges) {
  std::vector<Series> all;
  for (const Gauges::Listener& listener : gauges.listeners)
    all.push_back({{{{"listener", listener.address}}}, listener.connections});
  return all;
}

std::vector<Series> by_finding(const Gauges& gauges) {
  std::vector<Series> all;
  for (std::size_t i = 0; i < kFindings; ++i) {
    const std::string_view severity = kSeverityNames[static_cast<std::size_t>(kFindingRows[i].severity)];
    all.push_back({{{{"code", kFindingRows[i].code}, {"severity", severity}}}, gauges.findings[i]});
  }
  return all;
}

std::vector<Series> one(std::uint64_t value) { return {{{}, value}}; }

std::vector<Metric> counted(const Metrics::Counts& counts) {
  constexpr std::array<string_view, 6> kCodes{"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  constexpr std::array<string_view, 2> kTo{"upstream", "client"};
  return {
      {"proxy_requests_total", Type::counter, "Completed requests by class of the response status.",
       by("code", kCodes, counts.by_class)},
      {"proxy_request_ends_total", Type::counter, "Completed requests by end reason and party.",
       by_reason(counts)},
      {"proxy_sent_bytes_total", Type::counter, "Bytes sent for completed requests, heads included.",
       by<2>("to", kTo, {counts.bytes_up, counts.bytes_down})},
      {"proxy_interim_responses_total", Type::counter, "1xx responses from upstreams.", one(counts.interims)},
      {"proxy_upstream_connection_reuses_total", Type::counter,
       "Requests sent over a reused upstream connection.", one(counts.reused)},
      {"proxy_request_retries_total", Type::counter,
       "Requests sent again because the reused upstream connection was closed.", one(counts.repeated)},
      {"proxy_connect_attempts_total", Type::counter, "Upstream connection attempts by result.",
       by("result", kAttemptResultNames, counts.attempts)},
      {"proxy_tunnels_total", Type::counter, "Closed tunnels; the request duration leaves them out.",
       one(counts.tunnels)},
      {"proxy_loop_turn_duration_seconds",
       Type::histogram,
       "Time that a turn of the event loop is awake.",
       {{{}, 0, &counts.turns}}},
      {"proxy_loop_poll_delay_seconds",
       Type::histogram,
       "Time from a timer's deadline until the event loop wakes up for it.",
       {{{}, 0, &counts.poll_delays}}},
      {"proxy_request_duration_seconds",
       Type::histogram,
       "Time from the first request byte to the end of the request.",
       {{{}, 0, &counts.total}}},
      {"proxy_request_phase_duration_seconds", Type::histogram,
       "Time spent in each phase, for requests that reached it.", by_interval(counts)},
  };
}

std::vector<Metric> present(const Gauges& now) {
  return {
      {"proxy_records", Type::gauge, "Client connection records by state.", by_state(now)},
      {"proxy_records_limit", Type::gauge, "Size of the record table.", one(now.records_limit)},
      {"proxy_buffers", Type::gauge, "Buffers in use.", one(now.blocks)},
      {"proxy_buffers_limit", Type::gauge, "Buffers in the pool (--buffers).", one(now.blocks_limit)},
      {"proxy_pipes", Type::gauge, "Splice pipes in use.", one(now.pipes)},
      {"proxy_upstream_idle_connections", Type::gauge, "Idle connections in the upstream pool.",
       one(now.idle_upstreams)},
      {"proxy_resolver_names", Type::gauge, "Host names cached or being resolved.", one(now.names)},
      {"proxy_resolver_queries", Type::gauge, "Host names being resolved.", one(now.queries)},
      {"proxy_uptime_seconds", Type::gauge, "Time since the program started.", one(1000 * now.uptime_ms),
       true},
      {"proxy_connections_total", Type::counter, "Accepted client connections.", one(now.connections)},
      {"proxy_listener_connections_total", Type::counter, "Accepted client connections by open listener.",
       by_listener(now)},
      {"proxy_board_requests_total", Type::counter,
       "Requests of viewers of the board, which other metrics leave out.", one(now.board_requests)},
      {"proxy_stale_events_total", Type::counter, "Events for connections that were already closed.",
       one(now.stale_events)},
      {"proxy_findings_total", Type::counter,
       "Findings of the loop doctor by code and severity; a repeated one counts each time.", by_finding(now)},
      {"proxy_log_lines_dropped_total", Type::counter, "Log lines dropped.", one(now.dropped_lines)},
      {"proxy_build_info",
       Type::gauge,
       "Version and compiler of this program; always 1.",
       {{{{{"version", plan::kVersion}, {"compiler", plan::kCompiler}}}, 1}}},
  };
}

// Named as the client libraries of Prometheus name them.
std::vector<Metric> of_process(const Gauges& now) {
  const sys::ProcessFigures& used = now.process;
  return {
      {"process_cpu_seconds_total", Type::counter, "User and system CPU time.", one(used.cpu_us), true},
      {"process_resident_memory_bytes", Type::gauge, "Resident memory.", one(used.resident_bytes)},
      {"process_virtual_memory_bytes", Type::gauge, "Virtual memory; most of it is reserved only.",
       one(used.virtual_bytes)},
      {"process_open_fds", Type::gauge, "Open file descriptors.", one(used.descriptors)},
      {"process_max_fds", Type::gauge, "Limit of open file descriptors.", one(used.descriptors_max)},
      {"process_start_time_seconds", Type::gauge, "Start of the program, since 1970-01-01 UTC.",
       one(1000 * now.started_ms), true},
  };
}

// ---- numbers and text ------------------------------------------------------------------------------------

// With three decimals, or six if they are needed.
string seconds(std::uint64_t us) {
  const bool whole_ms = us % 1000 == 0;
  const string rest = std::to_string(whole_ms ? us % 1'000'000 / 1000 : us % 1'000'000);
  return std::to_string(us / 1'000'000) + '.' + string((whole_ms ? 3 : 6) - rest.size(), '0') + rest;
}

string number(const Metric& metric, std::uint64_t value) {
  return metric.is_us ? seconds(value) : std::to_string(value);
}

// A label value with its quotes, as both text formats escape it.
string label_value(string_view text) {
  string out = "\"";
  for (const char c : text)
    if (c == '\n')
      out += "\\n";
    else
      out += c == '"' || c == '\\' ? string{'\\', c} : string{c};
  return out + '"';
}

// ---- text: Prometheus and OpenMetrics --------------------------------------------------------------------

string labels_of(const Series& series, string_view le = {}) {
  string out;
  const auto add = [&out](string_view name, string_view value) {
    if (!name.empty()) out += (out.empty() ? "{" : ",") + string{name} + '=' + label_value(value);
  };
  for (const Label& label : series.labels) add(label.name, label.value);
  if (!le.empty()) add("le", le);
  return out.empty() ? out : out + '}';
}

void put_sample(string& out, const string& name, const string& labels, const string& value) {
  out += name + labels + ' ' + value + '\n';
}

void put_histogram(string& out, const string& name, const Series& series) {
  const Histogram& histogram = *series.histogram;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i)
    put_sample(out, name + "_bucket", labels_of(series, seconds(histogram.bounds()[i])),
               std::to_string(histogram.up_to(i)));
  put_sample(out, name + "_bucket", labels_of(series, "+Inf"), std::to_string(histogram.count()));
  put_sample(out, name + "_sum", labels_of(series), seconds(histogram.sum_us()));
  put_sample(out, name + "_count", labels_of(series), std::to_string(histogram.count()));
}

// `family`: the name in HELP and TYPE.
void put_family(string& out, const Metric& metric, string_view family) {
  const string name{metric.name}, title{family};
  out += "# HELP " + title + ' ' + string{metric.help} + '\n';
  out += "# TYPE " + title + ' ' + string{kTypeNames[static_cast<std::size_t>(metric.type)]} + '\n';
  for (const Series& series : metric.series)
    if (series.histogram != nullptr)
      put_histogram(out, name, series);
    else
      put_sample(out, name, labels_of(series), number(metric, series.value));
}

void put_metric_text(string& out, const Metric& metric) { put_family(out, metric, metric.name); }

void put_metric_openmetrics(string& out, const Metric& metric) {
  constexpr string_view kTotal = "_total";
  const std::size_t suffix = metric.type == Type::counter ? kTotal.size() : 0;
  put_family(out, metric, metric.name.substr(0, metric.name.size() - suffix));
}

// ---- JSON ------------------------------------------------------------------------------------------------

string json_histogram(const Histogram& histogram) {
  string out = "\"buckets\":{";
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i)
    out += base::json_string(seconds(histogram.bounds()[i])) + ':' + std::to_string(histogram.up_to(i)) + ',';
  return out + "\"+Inf\":" + std::to_string(histogram.count()) + "},\"sum\":" + seconds(histogram.sum_us()) +
         ",\"count\":" + std::to_string(histogram.count());
}

void put_metric_json(string& out, const Metric& metric) {
  out += (out.empty() ? "{" : ",\n") + base::json_string(metric.name) + ":[";
  bool first = true;
  for (const Series& series : metric.series) {
    out += std::exchange(first, false) ? "{" : ",{";
    for (const Label& label : series.labels)
      if (!label.name.empty())
        out += base::json_string(label.name) + ':' + base::json_string(label.value) + ',';
    out += series.histogram != nullptr ? json_histogram(*series.histogram)
                                       : "\"value\":" + number(metric, series.value);
    out += '}';
  }
  out += ']';
}

template <class Put>
string written(const Metrics::Counts& counts, const Gauges& gauges, Put put) {
  string out;
  for (const std::vector<Metric>& metrics : {counted(counts), present(gauges), of_process(gauges)})
    for (const Metric& metric : metrics)
      if (!metric.series.empty()) put(out, metric);
  return out;
}

// ---- counting --------------------------------------------------------------------------------------------

AttemptResult outcome(int error) noexcept {
  switch (error) {
    case 0: return AttemptResult::connected;
    case EACCES: return AttemptResult::denied;
    case ECANCELED: return AttemptResult::canceled;
    case EINPROGRESS: return AttemptResult::abandoned;
    default: return AttemptResult::failed;
  }
}

template <class Place>
constexpr std::size_t index(Place place) noexcept {
  return static_cast<std::size_t>(place);
}

}  // namespace

void Histogram::add(std::uint64_t us) noexcept {
  // Most durations are short: the first bounds are tried first.
  const auto* const bound =
      std::find_if(bounds_->begin(), bounds_->end(), [us](std::uint32_t most) { return us <= most; });
  if (bound != bounds_->end()) ++in_[static_cast<std::size_t>(bound - bounds_->begin())];
  ++count_;
  sum_us_ += us;
}

std::uint64_t Histogram::up_to(std::size_t bound) const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= bound; ++i) sum += in_[i];
  return sum;
}

void Metrics::count(const AccessRecord& record) noexcept {
  const std::size_t status_class = record.status / 100U;
  ++counts_.by_class[status_class < counts_.by_class.size() ? status_class : 0];
  ++counts_.by_reason[index(record.reason)];
  counts_.bytes_up += record.sent_up;
  counts_.bytes_down += record.sent_down;
  counts_.interims += record.interims;
  counts_.reused += record.reused ? 1 : 0;
  // A request on a reused connection needs DNS only for a retry.
  counts_.repeated += record.reused && record.had(Phase::resolve) ? 1 : 0;
  count_attempts(record);
  count_times(record);
}

void Metrics::count_attempts(const AccessRecord& record) noexcept {
  for (std::size_t i = 0; i < record.attempt_count; ++i)
    ++counts_.attempts[index(outcome(record.attempts[i].error))];
}

void Metrics::count_times(const AccessRecord& record) noexcept {
  const auto spent = [&record](State state) { return record.state_ms[index(state)]; };
  const auto add = [this](Interval interval, std::uint64_t ms) {
    counts_.intervals[index(interval)].add(1000 * ms);
  };
  constexpr std::array<Interval, kPhases> kIntervals{Interval::resolve, Interval::connect, Interval::send};
  for (std::size_t i = 0; i < kPhases; ++i)
    if (record.had(static_cast<Phase>(i))) add(kIntervals[i], record.phase_ms[i]);
  if (record.received != 0) add(Interval::wait, spent(State::READ_RESPONSE));
  if (record.tunnel_opened) {  // its duration says nothing about the proxy
    ++counts_.tunnels;
    return;
  }
  if (record.status != 0) add(Interval::receive, spent(State::SEND_RESPONSE));
  std::uint64_t total = 0;
  for (std::size_t i = index(State::READ_REQUEST); i < kStates; ++i) total += record.state_ms[i];
  counts_.total.add(1000 * total);
}

string Metrics::text(const Gauges& gauges) const { return written(counts_, gauges, put_metric_text); }

string Metrics::openmetrics(const Gauges& gauges) const {
  return written(counts_, gauges, put_metric_openmetrics) + "# EOF\n";
}

string Metrics::json(const Gauges& gauges) const { return written(counts_, gauges, put_metric_json) + "}\n"; }

}  // namespace watch
