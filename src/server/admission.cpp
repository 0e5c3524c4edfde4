#include "admission.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "../base/text.hpp"
#include "../http/reply.hpp"
#include "../http/rewrite.hpp"
#include "../plan/board.hpp"
#include "../plan/generation.hpp"
#include "../plan/roles.hpp"
#include "../plan/router.hpp"

namespace server {
namespace {

// Written in advance, so its date is that of the start or of the last reload.
std::string refusal_text(std::string_view name) {
  std::array<char, http::kErrorResponseBytesMax> room;
  std::array<char, http::kDateBytes> date;
  http::write_date(sys::wall_ms(), date);
  const http::ProxyFields hop{name, {date.data(), date.size()}};
  return std::string{room.data(),
                     http::write_error_response({.reason = base::Reason::no_descriptor}, hop, room)};
}

std::vector<net::Acceptors::Wanted> wanted_listeners(const plan::Config& config) {
  std::vector<net::Acceptors::Wanted> wanted;
  for (const plan::Listener& listener : config.listeners)
    wanted.push_back({listener.address, listener.optional,
                      config.reuse_port ? sys::PortUse::shared : sys::PortUse::alone});
  return wanted;
}

// The addresses of an upstream server as far as no lookup is needed.
std::vector<sys::Address> numeric_addresses(const plan::Hop& hop) {
  sys::Address address;
  if (sys::parse_ip(hop.host, hop.port, address)) return {address};
  if (base::equals_ignoring_case(base::without_final_dot(hop.host), "localhost"))
    return {sys::loopback4(hop.port), sys::loopback6(hop.port)};
  return {};
}

}  // namespace

Admission::Admission(Worker& worker) : worker_(worker), refusal_(refusal_text(worker.current->config.name)) {}

// ---- listeners -------------------------------------------------------------------------------------------

std::string Admission::prepare(const plan::Config& next) {
  const auto fault = acceptors_.prepare(wanted_listeners(next));
  return fault.error == 0 ? std::string{} : net::Acceptors::text_of(fault);
}

std::string Admission::commit(const plan::Config& next) {
  for (net::Acceptors::Entry& entry : acceptors_.all())
    if (!entry.is_to_stay && entry.watched) drain_backlog(entry);  // PLANT(accept-before-close)
  if (const int error = acceptors_.commit(worker_.poller); error != 0)
    return std::string{"cannot watch the listeners: "} + std::strerror(error);
  set_own_listeners(next);
  refusal_ = refusal_text(next.name);
  return {};
}

void Admission::set_own_listeners(const plan::Config& config) {
  std::vector<plan::ThisMachine::Entry> listeners;
  for (const net::Acceptors::Entry& entry : acceptors_.all())
    listeners.push_back(plan::ThisMachine::entry_of(config, entry.config_index, entry.acceptor.address()));
  worker_.machine.set_listeners(std::move(listeners));
}

std::vector<std::string> Admission::loops(const plan::Config& config) {
  std::vector<std::string> found;
  const auto check = [&](const net::Acceptors::Entry& entry, const plan::Hop& hop, const sys::Address& to) {
    if (worker_.machine.closes_loop(entry.config_index, to))
      found.push_back("the TCP proxy at " + std::string{sys::endpoint_text(entry.acceptor.address()).view()} +
                      " leads back to itself through " + plan::text_of(hop) +
                      ": its connections to that server are closed; use another server or port");
  };
  for (const net::Acceptors::Entry& entry : acceptors_.all()) {
    const plan::Listener& listener = config.listeners[entry.config_index];
    if (listener.role != plan::Role::relay) continue;
    for (const plan::Hop& hop : config.groups[listener.group].members)
      for (const sys::Address& to : numeric_addresses(hop)) check(entry, hop, to);
  }
  return found;
}

void Admission::close() {
  for (net::Acceptors::Entry& entry : acceptors_.all()) drain_backlog(entry);
  worker_.machine.set_listeners({});
  acceptors_.close();  // PLANT(drain-closes-listeners)
}

// ---- accepting -------------------------------------------------------------------------------------------

bool Admission::can_accept() const noexcept {
  const auto& entries = acceptors_.all();
  return std::any_of(entries.begin(), entries.end(), [this](const net::Acceptors::Entry& entry) {
    return entry.acceptor.ready(worker_.now);
  });
}

void Admission::accept_clients() {
  for (net::Acceptors::Entry& entry : acceptors_.all()) accept_from(entry, kAcceptsMax);
}

// The call is not traced if the listener is for viewers of the board only.
sys::Fd Admission::accept_one(net::Acceptors::Entry& entry, sys::Address& peer, std::string_view refusal) {
  const plan::Config& config = worker_.current->config;
  const base::Trace::Mute mute{worker_.trace, plan::is_board(config, config.listeners[entry.config_index])};
  return entry.acceptor.accept(peer, worker_.now, refusal, worker_.upstreams);
}

void Admission::accept_from(net::Acceptors::Entry& entry, std::size_t most) {
  for (std::size_t n = 0; n < most && entry.acceptor.ready(worker_.now); ++n) {
    sys::Address peer;
    const bool speaks_http = !plan::kind_of(worker_.current->config.listeners[entry.config_index].role);
    // PLANT(refusal-only-http)
    const std::string_view refusal = speaks_http ? std::string_view{refusal_} : std::string_view{};
    if (sys::Fd client = accept_one(entry, peer, refusal))
      entry.accepted += admit(std::move(client), peer, entry.config_index, worker_) ? 1 : 0;
  }
}

// Their handshake is complete: the clients believe that they are connected.
void Admission::drain_backlog(net::Acceptors::Entry& entry) {
  entry.acceptor.mark();
  accept_from(entry, net::Acceptor::kBacklog);
}

void Admission::resume() noexcept {
  for (net::Acceptors::Entry& entry : acceptors_.all()) entry.acceptor.resume();
}

std::uint64_t Admission::next_deadline() const noexcept {
  std::uint64_t at = 0;
  for (const net::Acceptors::Entry& entry : acceptors_.all()) {
    const std::uint64_t wakes_at = entry.acceptor.wakes_at();
    if (wakes_at != 0 && (at == 0 || wakes_at < at)) at = wakes_at;
  }
  return at;
}

}  // namespace server
