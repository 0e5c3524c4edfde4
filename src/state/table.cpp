#include "table.hpp"

#include <cassert>
#include <new>

#include "../plan/generation.hpp"

Table::~Table() {
  for (std::uint32_t slot = 0; slot < touched_; ++slot) records_[slot].~request_info();
}

request_info* Table::take() noexcept {
  if (free_ == base::kNoIndex && touched_ == slots_) return nullptr;
  ++used_;
  if (free_ == base::kNoIndex) return ::new (static_cast<void*>(&records_[touched_++])) request_info{};
  request_info& record = records_[free_];
  free_ = record.ready.next;  // PLANT(take-free-record)
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
