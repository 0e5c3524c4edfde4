// Metrics: counters, gauges and the page in each format.
#include "../../src/watch/metrics.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "../../src/watch/shared_page.hpp"

namespace {

using std::string;
using watch::Gauges;
using watch::Histogram;
using watch::Metrics;

// A strict parser of the text exposition format 0.0.4: HELP, TYPE, then only samples of that metric.
class Page {
 public:
  explicit Page(const string& text) {
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream lines{text};
    for (string line; std::getline(lines, line);) read(line);
    EXPECT_FALSE(name_.empty());
    end_metric();
  }
  // The value of a series, by its name with labels; -1 if there is none.
  [[nodiscard]] double at(const string& series) const {
    const auto found = values_.find(series);
    return found == values_.end() ? -1 : found->second;
  }
  [[nodiscard]] const std::map<string, double>& values() const { return values_; }
  [[nodiscard]] const std::map<string, string>& types() const { return types_; }

 private:
  void read(const string& line) {
    static const std::regex help{R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\]|\\\\|\\n)+)"};
    static const std::regex type{R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))"};
    static const std::regex sample{
        R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")re"
        R"re((?:,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*\})? ([0-9]+(?:\.[0-9]+)?))re"};
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      end_metric();
      name_ = match[1];
      EXPECT_TRUE(seen_.insert(name_).second) << name_ << " is repeated";
    } else if (std::regex_match(line, match, type)) {
      EXPECT_EQ(match[1], name_);
      EXPECT_TRUE(types_.emplace(name_, match[2]).second) << line;
    } else if (std::regex_match(line, match, sample)) {
      EXPECT_TRUE(is_of_metric(match[1])) << line << " is below " << name_;
      EXPECT_TRUE(values_.emplace(match[1].str() + match[2].str(), std::stod(match[5])).second) << line;
      ++samples_;
    } else {
      ADD_FAILURE() << "not a line of the format: " << line;
    }
  }
  [[nodiscard]] bool is_of_metric(const string& sample) const {
    const auto type = types_.find(name_);
    if (type == types_.end()) return false;
    if (type->second != "histogram") return sample == name_;
    return sample == name_ + "_bucket" || sample == name_ + "_sum" || sample == name_ + "_count";
  }
  void end_metric() {
    if (name_.empty()) return;
    EXPECT_GT(samples_, 0) << name_;
    EXPECT_EQ(types_[name_] == "counter", name_.ends_with("_total")) << name_;
    samples_ = 0;
  }

  string name_;
  int samples_ = 0;
  std::set<string> seen_;
  std::map<string, string> types_;
  std::map<string, double> values_;
};

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() {
    exchange.sent_up = 92;
    exchange.sent_down = 5120;
    exchange.state_ms = {0, 1, 20, 3, 4};
    exchange.phase_ms = {5, 6, 9};
    exchange.phases = 0b111;
    exchange.status = exchange.received = 200;
    exchange.reason = base::Reason::complete;
  }
  [[nodiscard]] Page page() const { return Page{metrics.text(gauges)}; }

  AccessRecord exchange;
  Metrics metrics;
  Gauges gauges;
};

TEST_F(MetricsTest, CountersStartAtZero) {
  const Page empty = page();
  for (const auto& [series, value] : empty.values())
    EXPECT_EQ(value, series.starts_with("proxy_build_info{") ? 1 : 0) << series;
  EXPECT_EQ(empty.at("proxy_requests_total{code=\"5xx\"}"), 0) << "present from the start, for rates";
  EXPECT_EQ(empty.types().at("proxy_request_duration_seconds"), "histogram");
  EXPECT_EQ(empty.types().at("proxy_records"), "gauge");
}

TEST_F(MetricsTest, ListsEachListener) {
  gauges.listeners = {{"127.0.0.1:8080", 3}, {"[::1]:8080", 0}};
  const Page now = page();
  EXPECT_EQ(now.at("proxy_listener_connections_total{listener=\"127.0.0.1:8080\"}"), 3);
  EXPECT_EQ(now.at("proxy_listener_connections_total{listener=\"[::1]:8080\"}"), 0);
  EXPECT_NE(metrics.json(gauges).find(R"({"listener":"127.0.0.1:8080","value":3})"), string::npos);
}

TEST_F(MetricsTest, CountsByStatusClassAndReason) {
  metrics.count(exchange);
  metrics.count(exchange);
  exchange.status = 502;
  exchange.reason = base::Reason::connection_refused;
  metrics.count(exchange);
  exchange.status = 0;
  exchange.reason = base::Reason::client_closed;
  metrics.count(exchange);
  exchange.status = 999;  // an invalid status
  metrics.count(exchange);
  const Page now = page();
  EXPECT_EQ(now.at("proxy_requests_total{code=\"2xx\"}"), 2);
  EXPECT_EQ(now.at("proxy_requests_total{code=\"5xx\"}"), 1);
  EXPECT_EQ(now.at("proxy_requests_total{code=\"none\"}"), 2);
  EXPECT_EQ(now.at("proxy_request_ends_total{reason=\"complete\",party=\"upstream\"}"), 2);
  EXPECT_EQ(now.at("proxy_request_ends_total{reason=\"connection-refused\",party=\"upstream\"}"), 1);
  EXPECT_EQ(now.at("proxy_request_ends_total{reason=\"client-closed\",party=\"client\"}"), 2);
  EXPECT_EQ(now.at("proxy_sent_bytes_total{to=\"upstream\"}"), 5 * 92);
  EXPECT_EQ(now.at("proxy_sent_bytes_total{to=\"client\"}"), 5 * 5120);
}

TEST_F(MetricsTest, CountsConnectAttemptsByResult) {
  exchange.attempt_count = 5;
  const std::array<int, 6> errors{ECONNREFUSED, ECANCELED,   0,
                                  EACCES,       EINPROGRESS, 0};  // the last one: not tried
  for (std::size_t i = 0; i < errors.size(); ++i) exchange.attempts[i].error = errors[i];
  metrics.count(exchange);
  const Page now = page();
  for (const char* result : {"connected", "failed", "canceled", "denied", "abandoned"})
    EXPECT_EQ(now.at("proxy_connect_attempts_total{result=\"" + string{result} + "\"}"), 1) << result;
}

TEST_F(MetricsTest, CountsConnectionReuse) {
  exchange.reused = true;
  exchange.phases = 0b100;
  exchange.interims = 2;
  metrics.count(exchange);
  exchange.phases = 0b111;  // retried over a new connection
  metrics.count(exchange);
  const Page now = page();
  EXPECT_EQ(now.at("proxy_upstream_connection_reuses_total"), 2);
  EXPECT_EQ(now.at("proxy_request_retries_total"), 1);
  EXPECT_EQ(now.at("proxy_interim_responses_total"), 4);
  EXPECT_EQ(now.at("proxy_request_phase_duration_seconds_count{phase=\"resolve\"}"), 1);
  EXPECT_EQ(now.at("proxy_request_phase_duration_seconds_count{phase=\"send\"}"), 2);
}

TEST_F(MetricsTest, PhaseDurations) {
  metrics.count(exchange);
  const Page now = page();
  const string name = "proxy_request_phase_duration_seconds_";
  EXPECT_DOUBLE_EQ(now.at(name + "sum{phase=\"resolve\"}"), 0.005);
  EXPECT_DOUBLE_EQ(now.at(name + "sum{phase=\"connect\"}"), 0.006);
  EXPECT_DOUBLE_EQ(now.at(name + "sum{phase=\"send\"}"), 0.009);
  EXPECT_DOUBLE_EQ(now.at(name + "sum{phase=\"wait\"}"), 0.003);
  EXPECT_DOUBLE_EQ(now.at(name + "sum{phase=\"receive\"}"), 0.004);
  EXPECT_DOUBLE_EQ(now.at("proxy_request_duration_seconds_sum"), 0.028);
  EXPECT_EQ(now.at(name + "bucket{phase=\"resolve\",le=\"0.005\"}"), 1) << "bounds are inclusive";
  EXPECT_EQ(now.at(name + "bucket{phase=\"resolve\",le=\"0.002\"}"), 0);
}

TEST_F(MetricsTest, TunnelsHaveNoRequestDuration) {
  exchange.state_ms[static_cast<std::size_t>(State::SEND_RESPONSE)] = 3'600'000;
  exchange.tunnel_opened = true;
  exchange.received = 0;
  metrics.count(exchange);
  exchange.status = exchange.received = 101;
  metrics.count(exchange);
  const Page tunnels = page();
  EXPECT_EQ(tunnels.at("proxy_tunnels_total"), 2);
  EXPECT_EQ(tunnels.at("proxy_request_duration_seconds_count"), 0);
  EXPECT_EQ(tunnels.at("proxy_request_phase_duration_seconds_count{phase=\"receive\"}"), 0);
  EXPECT_EQ(tunnels.at("proxy_request_phase_duration_seconds_count{phase=\"connect\"}"), 2);
  exchange.tunnel_opened = false;
  exchange.status = 502;  // the tunnel was not opened
  metrics.count(exchange);
  EXPECT_EQ(page().at("proxy_request_duration_seconds_count"), 1);
}

// Buckets are cumulative, and +Inf is the count.
TEST_F(MetricsTest, HistogramsAreCumulative) {
  std::uint32_t random = 1;
  std::uint64_t sum = 0;
  exchange.state_ms = {};
  for (int i = 0; i < 1000; ++i) {
    random = random * 1'664'525 + 1'013'904'223;
    exchange.state_ms[4] = random >> (15 + random % 8);
    sum += exchange.state_ms[4];
    metrics.count(exchange);
  }
  const Page now = page();
  const string name = "proxy_request_duration_seconds_";
  double last = 0;
  for (const char* le : {"0.001", "0.002", "0.005", "0.010", "0.020", "0.050", "0.100", "0.200", "0.500",
                         "1.000", "2.000", "5.000", "10.000", "+Inf"}) {
    const double count = now.at(name + "bucket{le=\"" + le + "\"}");
    EXPECT_GE(count, last) << le;
    last = count;
  }
  EXPECT_EQ(last, 1000);
  EXPECT_EQ(now.at(name + "count"), 1000);
  EXPECT_LT(now.at(name + "bucket{le=\"10.000\"}"), 1000) << "some took longer than the last bound";
  EXPECT_NEAR(now.at(name + "sum"), static_cast<double>(sum) / 1000, 1e-6);
}

TEST(Histogram, BoundsAreInclusive) {
  for (const Histogram::Bounds* const bounds : {&Histogram::kRequest, &Histogram::kTurn})
    for (std::size_t i = 0; i < bounds->size(); ++i) {
      const std::uint64_t bound = (*bounds)[i];
      Histogram one{*bounds};
      one.add(bound);
      one.add(bound + 1);
      EXPECT_EQ(one.up_to(i), 1U);
      EXPECT_EQ(one.count(), 2U);
      EXPECT_EQ(one.sum_us(), 2 * bound + 1);
    }
}

TEST_F(MetricsTest, LoopDurations) {
  metrics.count_turn(20);
  metrics.count_turn(21);
  metrics.count_turn(1'000'001);
  metrics.count_poll_delay(0);
  metrics.count_poll_delay(3'000);
  const Page now = page();
  const string turns = "proxy_loop_turn_duration_seconds_", delays = "proxy_loop_poll_delay_seconds_";
  EXPECT_EQ(now.at(turns + "bucket{le=\"0.000020\"}"), 1);
  EXPECT_EQ(now.at(turns + "bucket{le=\"0.000050\"}"), 2);
  EXPECT_EQ(now.at(turns + "bucket{le=\"1.000\"}"), 2);
  EXPECT_EQ(now.at(turns + "bucket{le=\"+Inf\"}"), 3);
  EXPECT_EQ(now.at(turns + "count"), 3);
  EXPECT_DOUBLE_EQ(now.at(turns + "sum"), 1.000042);
  EXPECT_EQ(now.at(delays + "bucket{le=\"0.000020\"}"), 1);
  EXPECT_EQ(now.at(delays + "bucket{le=\"0.005\"}"), 2);
  EXPECT_DOUBLE_EQ(now.at(delays + "sum"), 0.003);
}

TEST_F(MetricsTest, WritesGauges) {
  gauges = {.records = {7, 1, 2, 3, 4},
            .records_limit = 17,
            .blocks = 5,
            .blocks_limit = 64,
            .pipes = 6,
            .idle_upstreams = 8,
            .names = 9,
            .queries = 3,
            .connections = 10,
            .stale_events = 11,
            .board_requests = 12,
            .dropped_lines = 12,
            .uptime_ms = 61'007,
            .started_ms = 1'700'000'000'123,
            .process = {1'234'567, 4096, 8192, 21, 1024}};
  const Page now = page();
  EXPECT_EQ(now.at("proxy_records{state=\"FREE\"}"), 7);
  EXPECT_EQ(now.at("proxy_records{state=\"SEND_RESPONSE\"}"), 4);
  EXPECT_EQ(now.at("proxy_records_limit"), 17);
  EXPECT_EQ(now.at("proxy_buffers"), 5);
  EXPECT_EQ(now.at("proxy_buffers_limit"), 64);
  EXPECT_EQ(now.at("proxy_pipes"), 6);
  EXPECT_EQ(now.at("proxy_upstream_idle_connections"), 8);
  EXPECT_EQ(now.at("proxy_resolver_names"), 9);
  EXPECT_EQ(now.at("proxy_resolver_queries"), 3);
  EXPECT_EQ(now.at("proxy_connections_total"), 10);
  EXPECT_EQ(now.at("proxy_stale_events_total"), 11);
  EXPECT_EQ(now.at("proxy_board_requests_total"), 12);
  EXPECT_EQ(now.at("proxy_log_lines_dropped_total"), 12);
  EXPECT_EQ(now.at("proxy_findings_total{code=\"spin\",severity=\"error\"}"), 0);
  EXPECT_DOUBLE_EQ(now.at("proxy_uptime_seconds"), 61.007);
  EXPECT_DOUBLE_EQ(now.at("process_cpu_seconds_total"), 1.234567);
  EXPECT_EQ(now.at("process_resident_memory_bytes"), 4096);
  EXPECT_EQ(now.at("process_virtual_memory_bytes"), 8192);
  EXPECT_EQ(now.at("process_open_fds"), 21);
  EXPECT_EQ(now.at("process_max_fds"), 1024);
  EXPECT_DOUBLE_EQ(now.at("process_start_time_seconds"), 1'700'000'000.123);
}

TEST_F(MetricsTest, OpenMetrics) {
  gauges.listeners = {{"127.0.0.1:8080", 3}};
  metrics.count(exchange);
  const string page = metrics.openmetrics(gauges);
  static const std::regex counter{"# (HELP|TYPE) ([a-z_]+)_total "};
  EXPECT_EQ(page, std::regex_replace(metrics.text(gauges), counter, "# $1 $2 ") + "# EOF\n");
  EXPECT_TRUE(
      page.starts_with("# HELP proxy_requests Completed requests by class of the response status.\n"
                       "# TYPE proxy_requests counter\n"
                       "proxy_requests_total{code=\"none\"} 0\n"));
  std::istringstream lines{page};
  for (string line; std::getline(lines, line);)
    EXPECT_TRUE(!line.starts_with("# HELP") || line.find_first_of("\"\\") == string::npos)
        << "only OpenMetrics escapes a quote in HELP: " << line;
}

TEST_F(MetricsTest, Json) {
  gauges.uptime_ms = 1007;
  metrics.count(exchange);
  const string text = metrics.json(gauges);
  EXPECT_TRUE(text.starts_with("{\"proxy_requests_total\":[{\"code\":\"none\",\"value\":0},")) << text;
  EXPECT_TRUE(text.ends_with("]}\n")) << text;
  EXPECT_NE(text.find("{\"code\":\"2xx\",\"value\":1}"), string::npos);
  EXPECT_NE(text.find("\"proxy_uptime_seconds\":[{\"value\":1.007}]"), string::npos);
  EXPECT_NE(text.find("\"proxy_request_duration_seconds\":[{\"buckets\":{\"0.001\":0,"), string::npos);
  EXPECT_NE(text.find("\"+Inf\":1},\"sum\":0.028,\"count\":1}]"), string::npos);
}

// A client that does not read holds no copy of its own; a client alone always gets the present numbers.
TEST(SharedPage, IsSharedWhileAClientReceivesIt) {
  int made = 0;
  const auto make = [&made] { return "page " + std::to_string(++made); };
  watch::SharedPage page;
  EXPECT_EQ(*page.get(1000, make), "page 1");
  const auto held = page.get(1000, make);
  EXPECT_EQ(*held, "page 2") << "no client had the first one any more";
  for (int i = 0; i < 50; ++i) EXPECT_EQ(page.get(1000 + watch::SharedPage::kSharedMs - 1, make), held);
  EXPECT_EQ(*page.get(1000 + watch::SharedPage::kSharedMs, make), "page 3");
}

}  // namespace
