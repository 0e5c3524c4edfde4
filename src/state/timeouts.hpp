// The timeout of a record's wait: that of its route, of its listener, or of the configuration.
#pragma once
#include "../../request_state.hpp"
#include "../plan/generation.hpp"

namespace state {

// The route of the record's request; null: none, or it is not known yet.
inline const plan::WebRoute* route_of(const request_info& record) noexcept {
  return record.exchange ? record.exchange->route.web : nullptr;
}

// In ms; 0: there is no timeout. REQUIRES: the record is in use.
inline std::uint32_t timeout_ms(const request_info& record, plan::Wait wait) noexcept {
  const plan::Config& config = record.generation->config;
  return plan::timeout_ms(config, config.listeners[record.listener], route_of(record), wait);
}

// The timeout of its route or its listener; null: the configuration's counts. REQUIRES: the record is in use.
inline const plan::Timeout* own_timeout(const request_info& record, plan::Wait wait) noexcept {
  return plan::own_timeout(record.generation->config.listeners[record.listener], route_of(record), wait);
}

// The deadline of a wait without a timeout is so far away, ms: 100 years.
inline constexpr std::uint64_t kNever = 3'155'760'000'000;

// When the record's wait, or its last progress, began: ms. REQUIRES: its timer runs.
inline std::uint64_t waiting_since(const request_info& record) noexcept {
  const std::uint32_t timeout = timeout_ms(record, record.wait);
  return record.deadline - (timeout == 0 ? kNever : timeout);
}

// The record has waited for at least `ms`. `now`: ms. REQUIRES: the record is in use.
inline bool has_waited(const request_info& record, std::uint64_t ms, std::uint64_t now) noexcept {
  const std::uint64_t timeout = record.wait == plan::Wait::none ? 0 : timeout_ms(record, record.wait);
  return now + timeout >= record.deadline + ms;
}

}  // namespace state
