#include "explain.hpp"

#include <algorithm>
#include <array>

#include "../net/resolver.hpp"
#include "../plan/description.hpp"
#include "forward_answer.hpp"
#include "rows.hpp"
#include "web_answer.hpp"

namespace explain {
namespace {

using base::Reason;
using std::string;

const plan::Listener* forward_listener(const plan::Config& config) noexcept {
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(),
                                  [](const plan::Listener& one) { return one.role == plan::Role::forward; });
  return found == config.listeners.end() ? nullptr : &*found;
}

string refusal(const http::Parsed& parsed) {
  Rows rows;
  rows.add_refusal(parsed.what == http::Parsed::What::bad ? parsed.why : Reason::bad_request_line);
  return rows.text;
}

string to_web_server(const plan::Config& config, const plan::Listener& listener, const Question& question) {
  const string text = head_to_server(question);
  http::RequestHead head;
  const http::Parsed parsed = http::parse_request(text, 0, head);
  if (parsed.what != http::Parsed::What::complete) return refusal(parsed);
  return web_answer(config, listener, question, text, head);
}

// Connections to these listeners are not read as HTTP.
string to_other_role(const plan::Config& config, const plan::Listener& listener) {
  Rows rows;
  rows.add("listener", string{sys::endpoint_text(listener.address).view()} + ", " +
                           plan::description(config, listener) + ": it does not read HTTP requests");
  return rows.text;
}

string without_listener(const plan::Config& config, std::uint16_t port) {
  string all;
  for (const plan::Listener& listener : config.listeners)
    all += (all.empty() ? "" : ", ") + string{sys::endpoint_text(listener.address).view()};
  Rows rows;
  rows.add("listener", "none: there is no forward proxy, and no listener has port " + std::to_string(port) +
                           ": use a URL with the port of one of these: " + all);
  return rows.text;
}

}  // namespace

string explain(const plan::Config& config, const Question& question, LookUp look_up) {
  const string text = head_to_proxy(question);
  http::RequestHead head;
  const http::Parsed parsed = http::parse_request(text, 0, head);
  if (parsed.what != http::Parsed::What::complete) return refusal(parsed);
  const plan::Listener* const named = plan::listener_at(config, head.authority.port);
  if (named != nullptr && head.form == http::TargetForm::absolute && head.plain_http) {
    if (named->role == plan::Role::web) return to_web_server(config, *named, question);
    if (named->role != plan::Role::forward) return to_other_role(config, *named);
  }
  const plan::Listener* const forward = forward_listener(config);
  if (forward == nullptr) return without_listener(config, head.authority.port);
  return forward_answer(config, *forward, question, text, head, look_up);
}

Found look_up(const plan::Config& config, const http::Authority& host) {
  const sys::Opened poller = sys::make_poller();
  net::Resolver resolver{poller.fd};
  resolver.use(config.nameservers);
  const std::uint64_t end = sys::now_ms() + config.wait(plan::Wait::resolve);
  net::Resolver::Waiter me;
  for (;;) {
    const std::uint64_t now = sys::now_ms();
    const net::Lookup found = resolver.find(host.host, host.port, me, now);
    if (found.what == net::Lookup::What::ready) return {found.addresses, Reason::none};
    if (found.what == net::Lookup::What::failed) return {{}, found.why};
    if (now >= end) return {{}, Reason::dns_timeout};
    const int most = static_cast<int>(end - now), wanted = resolver.timeout_ms(now);
    std::array<sys::Event, 8> events;
    const std::size_t count = sys::wait(poller.fd, events, wanted < 0 ? most : std::min(most, wanted)).count;
    for (std::size_t i = 0; i < count; ++i) resolver.mark(net::Token::unpacked(events[i].token));
    resolver.woken(sys::now_ms());
  }
}

}  // namespace explain
