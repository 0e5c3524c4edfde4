#include "this_machine.hpp"

#include <algorithm>

#include "config.hpp"

namespace plan {

Forwards forwards(const Config& config, const Listener& listener) noexcept {
  if (listener.role == Role::forward) return Forwards::requests;
  if (listener.role == Role::relay) return Forwards::bytes;
  const auto is_reverse = [](const WebRoute& route) { return route.kind == RouteKind::reverse; };
  const bool any = std::any_of(listener.sites.begin(), listener.sites.end(), [&](std::size_t index) {
    const std::vector<WebRoute>& routes = config.sites[index].routes;
    return std::any_of(routes.begin(), routes.end(), is_reverse);
  });
  return any ? Forwards::requests : Forwards::nothing;
}

ThisMachine::Entry ThisMachine::entry_of(const Config& config, std::size_t index,
                                         const sys::Address& bound) noexcept {
  const Listener& listener = config.listeners[index];
  return {bound, index, plan::forwards(config, listener), listener.role};
}

void ThisMachine::set_listeners(std::vector<Entry> listeners) noexcept {
  listeners_ = std::move(listeners);
  leads_to_.fill({});
}

bool ThisMachine::arrives_at(const sys::Address& to, const sys::Address& own) const noexcept {
  if (to.reaches(own)) return true;
  return own.is_wildcard() && own.port == to.port && may_be_among(addresses_, to);
}

const ThisMachine::Entry* ThisMachine::destination(const sys::Address& to, Forwards least) const noexcept {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(), [&](const Entry& entry) {
    const sys::EmbeddedAddresses readings = sys::embedded_in(to);
    return entry.forwards >= least &&
           (arrives_at(to, entry.address) ||
            std::any_of(readings.all().begin(), readings.all().end(),
                        [&](const auto& reading) { return arrives_at(reading.address, entry.address); }));
  });
  return found == listeners_.end() ? nullptr : &*found;
}

bool ThisMachine::is_loop(const sys::Address& to) const noexcept {
  return destination(to, Forwards::requests) != nullptr;
}

bool ThisMachine::closes_loop(std::size_t from, const sys::Address& to) noexcept {
  const Entry* const next = destination(to, Forwards::bytes);
  if (next == nullptr) return false;
  if (next->index == from || leads_to_[next->index][from]) return true;
  for (std::size_t i = 0; i < kListenersMax; ++i)
    if (i == from || leads_to_[i][from]) (leads_to_[i] |= leads_to_[next->index]).set(next->index);
  return false;
}

ThisMachine machine_of(const Config& config, Networks addresses) {
  ThisMachine machine;
  std::vector<ThisMachine::Entry> entries;
  for (std::size_t i = 0; i < config.listeners.size(); ++i)
    if (const sys::Address& address = config.listeners[i].address; address.port != 0)
      entries.push_back(ThisMachine::entry_of(config, i, address));
  machine.set_addresses(std::move(addresses));
  machine.set_listeners(std::move(entries));
  return machine;
}

}  // namespace plan
