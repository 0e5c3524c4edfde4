// The timeout of a record's wait: that of its route, of its listener, or of the configuration.
#pragma once
#include "../../request_state.hpp"
#include "../plan/generation.hpp"

namespace state {

// In ms; 0: there is no timeout. REQUIRES: the record is in use.
inline std::uint32_t timeout_ms(const request_info& record, plan::Wait wait) noexcept {
  const plan::Config& config = record.generation->config;
  const plan::WebRoute* const route = record.exchange ? record.exchange->route.web : nullptr;
  const plan::Timeout* own = route == nullptr ? nullptr : plan::find(route->timeouts, wait);
  if (own == nullptr) own = plan::find(config.listeners[record.listener].timeouts, wait);
  return own == nullptr ? config.wait(wait) : own->ms;
}

// The record has waited for at least `ms`. `now`: ms. REQUIRES: the record is in use.
inline bool has_waited(const request_info& record, std::uint64_t ms, std::uint64_t now) noexcept {
  const std::uint64_t timeout = record.wait == plan::Wait::none ? 0 : timeout_ms(record, record.wait);
  return now + timeout >= record.deadline + ms;
}

}  // namespace state
