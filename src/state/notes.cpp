// What is noted of a request: for the log, for the trace, and for the states that come later.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "../base/text.hpp"
#include "../base/trace.hpp"
#include "../http/rewrite.hpp"
#include "parts.hpp"

namespace state {

namespace {

template <std::size_t N>
std::size_t copy_cut(std::string_view text, std::array<char, N>& out) noexcept {
  return text.copy(out.data(), N);
}

// RFC 9110 section 9.2.2: sent twice, it does what it does sent once.
bool is_idempotent(std::string_view method) noexcept {
  // PLANT(repeatable-methods)
  constexpr std::array<std::string_view, 6> kMethods{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

std::string_view first_value(const http::Fields& fields, http::FieldName id) noexcept {
  const http::Field* const field = fields.find(id);
  return field == nullptr ? std::string_view{} : field->value;
}

void describe_agent(Exchange& exchange, const http::Fields& fields) noexcept {
  exchange.referer_length =
      static_cast<std::uint8_t>(copy_cut(first_value(fields, http::FieldName::referer), exchange.referer));
  exchange.agent_length =
      static_cast<std::uint8_t>(copy_cut(first_value(fields, http::FieldName::user_agent), exchange.agent));
}

}  // namespace

void note(const request_info& record, Worker& worker, base::TraceEvent event, std::int64_t value,
          std::uint8_t detail, int error) noexcept {
  worker.trace.add({.id = record.id,
                    .time = worker.now,
                    .slot = worker.table.slot_of(record),
                    .value = static_cast<std::int32_t>(std::min<std::int64_t>(value, INT32_MAX)),
                    .error = error,
                    .event = event,
                    .state = static_cast<std::uint8_t>(record.state),
                    .detail = detail});
}

std::uint64_t moved(const request_info& record) noexcept {
  return record.lane[kRequest].bytes_sent + record.lane[kResponse].bytes_sent;
}

bool begin_exchange(request_info& record, Worker& worker) noexcept {
  if (record.exchange) return true;
  record.exchange = worker.exchanges.take();
  if (!record.exchange) return false;
  Exchange& exchange = *record.exchange;
  std::memset(static_cast<void*>(&exchange), 0, offsetof(Exchange, method));
  exchange.phase = Phase::none;
  exchange.id = record.id;
  exchange.client = record.client;
  exchange.wall_ms = worker.wall_ms - (worker.now - record.entered);
  exchange.nth = record.served + 1;
  exchange.sent_up = record.lane[kRequest].bytes_sent;
  exchange.sent_down = record.lane[kResponse].bytes_sent;
  return true;
}

// Something of this request has been sent.
bool has_gone(const request_info& record) noexcept {
  return record.lane[kRequest].bytes_sent != record.exchange->sent_up;
}

void begin_phase(Exchange& exchange, const Worker& worker, Phase phase) noexcept {
  if (exchange.phase != Phase::none)
    exchange.phase_ms[static_cast<std::size_t>(exchange.phase)] +=
        static_cast<std::uint32_t>(worker.now - exchange.phase_at);
  exchange.phase = phase;
  exchange.phase_at = worker.now;
  if (phase != Phase::none)
    exchange.phases = static_cast<std::uint8_t>(exchange.phases | 1U << static_cast<unsigned>(phase));
}

void describe(Exchange& exchange, const http::RequestHead& head, const plan::Config& config) noexcept {
  exchange.method_length = static_cast<std::uint8_t>(copy_cut(head.method, exchange.method));
  exchange.target_length = static_cast<std::uint16_t>(copy_cut(head.target, exchange.target));
  exchange.target_cut = exchange.target_length < head.target.size();
  exchange.host_length = static_cast<std::uint8_t>(copy_cut(head.authority.host, exchange.host));
  exchange.port = head.authority.port;
  exchange.to_head = head.method == "HEAD";
  exchange.http10 = head.version == http::Version::http10;
  exchange.wants_page = http::accepts_page(head.fields);
  if (plan::row(config.log_format).tells_agent) describe_agent(exchange, head.fields);
  exchange.version = config.http10 ? http::Version::http10 : head.version;
  const bool http11 = exchange.version == http::Version::http11;
  exchange.persistent = exchange.may_continue = http11 && head.persistent;
  exchange.upgrade = http::request_form(head, exchange.version).upgrade;
  exchange.repeatable = http11 && !exchange.upgrade && is_idempotent(head.method);
}

namespace {

// A server that took the connection and gave an answer fares well, whatever the answer is.
void settle_member(const Exchange& exchange, plan::Balancer& groups, std::uint64_t now) noexcept {
  groups.ended(exchange.group, exchange.member);  // PLANT(member-ended)
  if (exchange.received != 0 || exchange.opaque)
    groups.succeeded(exchange.group, exchange.member);
  else if (base::row(exchange.reason).ended_by == base::Party::upstream)
    groups.failed(exchange.group, exchange.member, now);
}

}  // namespace

void end_exchange(request_info& record, Reason reason, Worker& worker) noexcept {
  if (!record.exchange) return;
  Exchange& exchange = *record.exchange;
  if (exchange.reason == Reason::none) {
    exchange.reason = reason;
    exchange.ended_in = record.state;
  }
  if (exchange.grouped) settle_member(exchange, *record.generation->groups, worker.now);
  begin_phase(exchange, worker, Phase::none);
  exchange.spent_ms[static_cast<std::size_t>(record.state)] +=
      static_cast<std::uint32_t>(worker.now - record.entered);
  exchange.sent_up = record.lane[kRequest].bytes_sent - exchange.sent_up;
  exchange.sent_down = record.lane[kResponse].bytes_sent - exchange.sent_down;
  worker.finished.push_back(std::move(record.exchange));
}

}  // namespace state
