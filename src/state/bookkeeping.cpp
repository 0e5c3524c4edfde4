#include "bookkeeping.hpp"

#include <algorithm>

#include "../http/connection_login.hpp"
#include "../http/forwarded.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../http/server_timing.hpp"
#include "../http/trace_context.hpp"
#include "../http/url_path.hpp"
#include "../plan/generation.hpp"

using base::Reason;

namespace state {

namespace {

template <std::size_t N>
std::size_t copy_cut(std::string_view text, std::array<char, N>& out) noexcept {
  return text.copy(out.data(), N);
}

// RFC 9110 section 9.2.2: sent twice, such a request has the same effect as sent once.
bool is_idempotent(std::string_view method) noexcept {
  // PLANT(repeatable-methods)
  constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

// Upstreams may ignore a body of such a request, and take its bytes for the next request (RFC 9110
// section 9.3).
bool usually_has_none(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 5> kMethods{"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

// Copies what fits of it.
template <std::size_t N>
std::size_t copy_url(const http::PublicUrl& shown, std::array<char, N>& out) noexcept {
  const std::size_t length = copy_cut(shown.before, out);
  return length + shown.after.copy(out.data() + length, N - length);
}

// HTTP/1.0 has keep-alive with web servers only: it is not safe through proxies (RFC 9112 appendix C.2.2).
bool may_persist(const http::RequestHead& head, const plan::Config& config, plan::Role role) noexcept {
  const bool has_it = head.version == http::Version::http11 || role == plan::Role::web;
  return has_it && head.persistent && !config.http10;
}

std::string_view first_value(const http::Fields& fields, http::FieldName id) noexcept {
  const http::Field* const field = fields.find(id);
  return field == nullptr ? std::string_view{} : field->value;
}

void describe_agent(AccessRecord& log, const http::Fields& fields) noexcept {
  const std::string_view referer = first_value(fields, http::FieldName::referer);
  const std::string_view agent = first_value(fields, http::FieldName::user_agent);
  log.referer_length = static_cast<std::uint8_t>(copy_url(http::without_userinfo(referer), log.referer));
  log.agent_length = static_cast<std::uint8_t>(copy_cut(agent, log.agent));
}

void note_trace(AccessRecord& log, const http::Fields& fields) noexcept {
  log.trace_length = static_cast<std::uint8_t>(copy_cut(http::trace_id(fields), log.trace));
}

}  // namespace

bool begin_exchange(request_info& record, Worker& worker) noexcept {
  if (record.exchange) return true;
  record.exchange = worker.exchanges.take();
  if (!record.exchange) return false;
  Exchange& exchange = *record.exchange;
  exchange.log.id = record.id;
  exchange.log.client = record.client;
  exchange.log.wall_ms = worker.wall_ms - (worker.now - record.entered);
  exchange.log.nth = record.served + 1;
  exchange.sent_up_at_start = record.lane[kRequest].bytes_sent;
  exchange.sent_down_at_start = record.lane[kResponse].bytes_sent;
  return true;
}

void begin_phase(Exchange& exchange, std::uint64_t now, Phase phase) noexcept {
  if (exchange.phase != Phase::none)
    exchange.log.phase_ms[static_cast<std::size_t>(exchange.phase)] +=
        static_cast<std::uint32_t>(now - exchange.phase_at);
  exchange.phase = phase;
  exchange.phase_at = now;
  if (phase != Phase::none)
    exchange.log.phases = static_cast<std::uint8_t>(exchange.log.phases | 1U << static_cast<unsigned>(phase));
}

void add_times(const request_info& record, std::uint64_t now, http::ServerTiming& out) noexcept {
  const Exchange& exchange = *record.exchange;
  const AccessRecord& log = exchange.log;
  const auto add_state = [&](std::string_view name, State state) {
    const std::uint64_t before = log.state_ms[static_cast<std::size_t>(state)];
    if (before != 0 || record.state == state || state == State::READ_REQUEST)
      out.add(name, before + (record.state == state ? now - record.entered : 0));
  };
  add_state("read_request", State::READ_REQUEST);
  for (std::size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    if (log.had(phase))
      out.add(kPhaseNames[i], log.phase_ms[i] + (exchange.phase == phase ? now - exchange.phase_at : 0));
  }
  add_state("read_response", State::READ_RESPONSE);
}

void describe_request(Exchange& exchange, const http::RequestHead& head, const plan::Config& config,
                      plan::Role role) noexcept {
  AccessRecord& log = exchange.log;
  MessageInfo& message = exchange.message;
  log.method_length = static_cast<std::uint8_t>(copy_cut(head.method, log.method));
  const http::PublicUrl shown = http::without_userinfo(head.target);
  log.target_length = static_cast<std::uint16_t>(copy_url(shown, log.target));
  log.target_cut = log.target_length < shown.before.size() + shown.after.size();
  log.http10 = head.version == http::Version::http10;
  if (plan::row(config.log_format).needs_agent) describe_agent(log, head.fields);
  if (plan::row(config.log_format).needs_trace) note_trace(log, head.fields);
  const http::Authority asked = role == plan::Role::web ? http::requested_host(head).host : head.authority;
  exchange.route.host_length = static_cast<std::uint8_t>(copy_cut(asked.host, exchange.route.host));
  exchange.route.port = asked.port;
  message.version = config.http10 ? http::Version::http10 : head.version;
  const bool http11 = message.version == http::Version::http11;
  message.to_head = head.method == "HEAD";
  message.wants_page = http::accepts_page(head.fields);
  message.keep_alive = message.keep_alive_expected = may_persist(head, config, role);
  const http::Form form = http::request_form(head, message.version, plan::upgrade_protocols(config));
  message.upgrade = form.upgrade != http::UpgradeLine::none;
  message.bound = http::logs_in_connection(head.fields);
  message.end_in_doubt = !head.body.empty() && usually_has_none(head.method);
  message.expects = head.expects_continue;
  message.repeatable = http11 && !message.upgrade && is_idempotent(head.method);
}

namespace {

// Tells the balancer how the request to a member of a group ended. A server that responds is healthy,
// whatever the response is.
void report_to_group(const Exchange& exchange, plan::Balancer& groups, std::uint64_t now) noexcept {
  const Route& route = exchange.route;
  groups.ended(route.group, route.member);  // PLANT(member-ended)
  if (exchange.log.received != 0 || exchange.message.tunneled)
    groups.succeeded(route.group, route.member);
  else if (base::row(exchange.log.reason).ended_by == base::Party::upstream)
    groups.failed(route.group, route.member, now);
}

}  // namespace

void become_viewer(request_info& record, Worker& worker) noexcept {
  if (record.viewer) return;
  trace(record, worker, base::TraceEvent::released, traced_bytes(record),
        static_cast<std::uint8_t>(Reason::board));
  record.viewer = true;
  ++worker.viewers;
  worker.trace.mute();
}

void become_client(request_info& record, Worker& worker) noexcept {
  if (!record.viewer) return;
  record.viewer = false;
  record.untraced_bytes = bytes_sent(record);
  --worker.viewers;
  --worker.viewer_runs;
  ++worker.runs;
  worker.trace.unmute();
  // The trace has not seen what this record did so far.
  const auto add = [&record, &worker](base::TraceEvent event, int value, State state, Event happened) {
    worker.trace.add({.id = static_cast<std::uint32_t>(record.id),
                      .slot = worker.table.slot_of(record),
                      .value = value,
                      .event = event,
                      .state = static_cast<std::uint8_t>(static_cast<unsigned>(state) & 15U),
                      .before = static_cast<std::uint8_t>(State::FREE),
                      .detail = static_cast<std::uint8_t>(happened)});
  };
  add(base::TraceEvent::accepted, record.side[kClient].fd.get(), State::FREE, Event{});
  add(base::TraceEvent::entered, static_cast<int>(State::FREE), record.state, Event::accepted);
}

void end_exchange(request_info& record, Reason reason, Worker& worker) noexcept {
  if (!record.exchange) return;
  // PLANT(board-not-logged)
  if (record.viewer && record.exchange->route.kind == plan::Kind::board) {
    ++worker.board_requests;
    return record.exchange.reset();
  }
  Exchange& exchange = *record.exchange;
  if (exchange.log.reason == Reason::none) {
    exchange.log.reason = reason;
    exchange.log.ended_in = record.state;
  }
  if (exchange.route.in_group) report_to_group(exchange, *record.generation->groups, worker.now);
  begin_phase(exchange, worker.now, Phase::none);
  exchange.log.state_ms[static_cast<std::size_t>(record.state)] +=
      static_cast<std::uint32_t>(worker.now - record.entered);
  exchange.log.sent_up = record.lane[kRequest].bytes_sent - exchange.sent_up_at_start;
  exchange.log.sent_down = record.lane[kResponse].bytes_sent - exchange.sent_down_at_start;
  exchange.connector.abandon();
  const std::span<const http::Attempt> attempts = exchange.connector.attempts();
  std::copy(attempts.begin(), attempts.end(), exchange.log.attempts.begin());
  exchange.log.attempt_count = static_cast<std::uint8_t>(attempts.size());
  worker.finished.push_back(std::move(record.exchange));
}

}  // namespace state
