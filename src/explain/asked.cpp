#include "asked.hpp"

#include <algorithm>

#include "../base/text.hpp"
#include "../plan/web_router.hpp"

namespace explain {
namespace {

const plan::Listener* forward_listener(const plan::Config& config) noexcept {
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(),
                                  [](const plan::Listener& one) { return one.role == plan::Role::forward; });
  return found == config.listeners.end() ? nullptr : &*found;
}

// The addresses that the host names without a lookup.
std::vector<sys::Address> addresses_of(const http::Authority& host) {
  sys::Address address;
  if (sys::parse_ip(host.host, host.port, address)) return {address};
  if (!base::equals_ignoring_case(host.host, "localhost")) return {};
  return {sys::loopback4(host.port), sys::loopback6(host.port)};
}

}  // namespace

const plan::Listener* asked_listener(const plan::Config& config, const plan::ThisMachine& machine,
                                     const http::RequestHead& head) {
  const plan::Listener* const forward = forward_listener(config);
  if (head.form != http::TargetForm::absolute || !head.plain_http) return forward;
  const std::vector<sys::Address> addresses = addresses_of(head.authority);
  const auto leads_to = [&](const plan::Listener& listener) {
    if (listener.role == plan::Role::forward || listener.address.port != head.authority.port) return false;
    if (addresses.empty()) return forward == nullptr || plan::is_named(config, listener, head.authority.host);
    return std::any_of(addresses.begin(), addresses.end(), [&](const sys::Address& address) {
      return address == listener.address || machine.arrives_at(address, listener.address);
    });
  };
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(), leads_to);
  return found == config.listeners.end() ? forward : &*found;
}

}  // namespace explain
