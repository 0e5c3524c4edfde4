#include "asked.hpp"

#include <algorithm>

#include "../plan/board.hpp"
#include "../plan/description.hpp"
#include "../plan/web_router.hpp"

namespace explain {

const plan::Listener* asked_listener(const plan::Config& config, const plan::ThisMachine& machine,
                                     const http::RequestHead& head) {
  const plan::Listener* const forward = plan::forward_listener(config);
  if (head.form != http::TargetForm::absolute || !head.plain_http) return forward;
  const auto addresses = plan::addresses_of(head.authority);
  const bool is_name = addresses.front().family == sys::Address::Family::none;
  const auto leads_to = [&](const plan::Listener& listener) {
    if (listener.role == plan::Role::forward || listener.address.port != head.authority.port) return false;
    if (is_name) return forward == nullptr || plan::is_named(config, listener, head.authority.host);
    return std::any_of(addresses.begin(), addresses.end(), [&](const sys::Address& address) {
      return address == listener.address || machine.arrives_at(address, listener.address);
    });
  };
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(), leads_to);
  return found == config.listeners.end() ? forward : &*found;
}

}  // namespace explain
