#include "explain.hpp"

#include <algorithm>
#include <array>

#include "../net/resolver.hpp"
#include "forward_answer.hpp"
#include "rows.hpp"
#include "web_answer.hpp"

namespace explain {
namespace {

using base::Reason;
using std::string;

// The refusal of a head; empty: it is complete.
string parse(const plan::Config& config, const string& text, http::RequestHead& head) {
  const http::Parsed parsed = http::parse_request(text, 0, head, config.head_limits);
  if (parsed.what == http::Parsed::What::complete) return {};
  Rows rows;
  rows.add_refusal(parsed.what == http::Parsed::What::bad ? parsed.why : Reason::bad_request_line);
  return rows.text;
}

string to_web_server(const plan::Config& config, const plan::Listener& listener,
                     const plan::ThisMachine& machine, const Question& question) {
  const string text = head_to_server(question);
  http::RequestHead head;
  if (string refusal = parse(config, text, head); !refusal.empty()) return refusal;
  return web_answer({config, listener, machine, question, text, head});
}

// Connections to these listeners are not read as HTTP.
string to_other_role(const plan::Config& config, const plan::Listener& listener) {
  Rows rows;
  rows.add("listener", listener_text(config, listener) + ": it does not read HTTP requests");
  return rows.text;
}

string without_listener(const plan::Config& config) {
  string all;
  for (const plan::Listener& listener : config.listeners)
    all += (all.empty() ? "" : ", ") + string{sys::endpoint_text(listener.address).view()};
  Rows rows;
  rows.add(
      "listener",
      "none: there is no forward proxy, and the URL has the address and the port of none of these: " + all);
  return rows.text;
}

}  // namespace

string explain(const plan::Config& config, const Question& question, LookUp look_up) {
  const string text = head_to_proxy(question);
  http::RequestHead head;
  if (string refusal = parse(config, text, head); !refusal.empty()) return refusal;
  const plan::ThisMachine machine = plan::machine_of(config, question.machine);
  const plan::Listener* const listener = asked_listener(config, machine, head);
  if (listener == nullptr) return without_listener(config);
  switch (listener->role) {
    case plan::Role::forward:
      return forward_answer({config, *listener, machine, question, text, head}, look_up);
    case plan::Role::web: return to_web_server(config, *listener, machine, question);
    default: return to_other_role(config, *listener);
  }
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
