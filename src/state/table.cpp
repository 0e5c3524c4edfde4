// The fixed array of records, and what is around them.
#include <cassert>
#include <new>

#include "../../request_state.hpp"
#include "../plan/generation.hpp"

Table::~Table() {
  for (std::uint32_t slot = 0; slot < touched_; ++slot) records_[slot].~request_info();
}

request_info* Table::take() noexcept {
  if (free_ == base::kNoIndex && touched_ == slots_) return nullptr;
  ++used_;
  if (free_ == base::kNoIndex) return ::new (static_cast<void*>(&records_[touched_++])) request_info{};
  request_info& record = records_[free_];
  free_ = record.ready.next;
  record.ready = {};
  return &record;
}

void Table::give(request_info& record) noexcept {
  assert(!record.ready.linked() && !record.timer.linked());
  record = request_info{};  // PLANT(release-record)
  record.ready.next = free_;
  free_ = slot_of(record);
  --used_;
  ++given_;
}

request_info* Table::find(const net::Token& token) noexcept {
  const auto side = token.kind == net::Token::Kind::client ? kClient : kUpstream;
  // PLANT(event-serial)
  if (token.slot < touched_ && records_[token.slot].side[side].serial == token.serial)
    return &records_[token.slot];
  ++stale_;
  return nullptr;
}

Services::Services(plan::Generation& with, const sys::Fd& into, Table& of, base::BlockPool& from,
                   net::Pipes& bulk, ExchangePool& notes, net::Resolver& names, net::UpstreamPool& spare,
                   base::Trace& into_trace) noexcept
    : generation(&with),
      poller(into),
      table(of),
      blocks(from),
      pipes(bulk),
      exchanges(notes),
      resolver(names),
      upstreams(spare),
      trace(into_trace),
      ready(of.records()),
      starved(of.records()),
      timers([records = of.records()]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<TimerQueue, plan::kWaits>{((void)I, TimerQueue{records})...};
      }(std::make_index_sequence<plan::kWaits>{})) {
  use(with);
}

void Services::use(const plan::Generation& of) noexcept {
  config = &of.config;
  users = of.users.get();
  limits = of.limits.get();
  groups = of.groups.get();
  via = of.config.name;
}
