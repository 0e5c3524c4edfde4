#include "resolver.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "../base/fair_share.hpp"
#include "../base/text.hpp"
#include "../http/head.hpp"

namespace net {
namespace {

using base::Reason;

bool is_localhost(std::string_view host) noexcept {
  constexpr std::string_view kLocalhost = "localhost";
  host = base::without_final_dot(host);
  if (host.size() > kLocalhost.size() && host[host.size() - kLocalhost.size() - 1] == '.')
    host.remove_prefix(host.size() - kLocalhost.size());
  return base::equals_ignoring_case(host, kLocalhost);
}

Reason reason_for(Found::What what) noexcept {
  switch (what) {
    case Found::What::found: return Reason::none;
    case Found::What::not_found: return Reason::host_not_found;
    case Found::What::failed: break;
  }
  return Reason::dns_error;
}

Lookup pending_lookup() { return {Lookup::What::pending, Reason::none, {}}; }

}  // namespace

// ---- waiters ---------------------------------------------------------------------------------------------

void Resolver::Waiter::restart(const Token& token, const sys::Address& client) noexcept {
  leave();
  token_ = token;
  client_ = client;
}

void Resolver::Waiter::leave() noexcept {
  answer_ = 0;
  if (resolver_ == nullptr) return;
  Resolver& resolver = *resolver_;
  Name* const name = name_;
  Client* const queue = queue_;
  detach(*this);
  if (queue != nullptr) resolver.update(*queue);
  if (name != nullptr && name->waiters.empty()) resolver.erase(*name);
}

void Resolver::detach(Waiter& waiter) noexcept {
  waiter.list_->erase(waiter.place_);
  waiter.list_ = nullptr;
  waiter.resolver_ = nullptr;
  waiter.name_ = nullptr;
  waiter.queue_ = nullptr;
}

void Resolver::join(Waiter& waiter, std::list<Waiter*>& list) {
  list.push_back(&waiter);
  waiter.place_ = std::prev(list.end());
  waiter.list_ = &list;
  waiter.resolver_ = this;
}

void Resolver::put_in_queue(Waiter& waiter) {
  Client& client = client_of(waiter.client_);
  join(waiter, client.queue);
  waiter.queue_ = &client;
  update(client);
}

void Resolver::wake(Waiter& waiter, std::uint32_t answer) {
  Client* const queue = waiter.queue_;
  detach(waiter);
  waiter.answer_ = answer;
  woken_.push_back(waiter.token_);
  if (queue != nullptr) update(*queue);
}

Resolver::~Resolver() {
  const auto detach_all = [](std::list<Waiter*>& list) {
    while (!list.empty()) detach(*list.front());
  };
  for (auto& [host, name] : names_) detach_all(name.waiters);
  for (auto& [key, client] : clients_) detach_all(client.queue);
}

// ---- clients ---------------------------------------------------------------------------------------------

Resolver::Client& Resolver::client_of(const sys::Address& address) {
  const sys::ClientKey key = sys::client_key(address);
  Client& client = clients_[key];
  client.key = key;
  return client;
}

// One of the client's lists has changed. Forgets the client if all are empty.
void Resolver::update(Client& client) {
  if (client.queued == client.queue.empty()) {
    client.queued = !client.queued;
    if (client.queued)
      client.turn = queue_.insert(queue_.end(), &client);
    else
      queue_.erase(client.turn);
  }
  const bool owns = !client.asked.empty() || !client.kept.empty();
  if (owns && client.owner == kNoOwner) {
    client.owner = owners_.size();
    owners_.push_back(&client);
  } else if (!owns && client.owner != kNoOwner) {
    owners_[client.owner] = owners_.back();
    owners_[client.owner]->owner = client.owner;
    owners_.pop_back();
    client.owner = kNoOwner;
  }
  if (!owns && !client.queued) clients_.erase(client.key);
}

Resolver::Client* Resolver::heaviest(NamesOfClient Client::*list) noexcept {
  const auto found = std::max_element(
      owners_.begin(), owners_.end(),
      [list](const Client* a, const Client* b) { return (a->*list).size() < (b->*list).size(); });
  return found == owners_.end() || ((*found)->*list).empty() ? nullptr : *found;
}

bool Resolver::may_ask(const Client& client, std::size_t free) const noexcept {
  const bool others_wait = queue_.size() > (client.queued ? 1U : 0U);
  return base::may_take(client.asked.size(), free, others_wait);
}

// Returns true if a query is free for the client. The client with the most queries may have to return one,
// which is asked again later.
bool Resolver::take_turn(Client& client) {
  if (may_ask(client, pending_max_ - pending_)) return true;
  Client* const most = heaviest(&Client::asked);
  if (most == nullptr || !base::must_return(most->asked.size(), client.asked.size())) return false;
  take_back(*most->asked.back());
  return true;
}

void Resolver::take_back(Name& name) {
  const std::list<Waiter*> waiters = name.waiters;
  for (Waiter* const waiter : waiters) {
    detach(*waiter);
    put_in_queue(*waiter);
  }
  erase(name);
}

// ---- names -----------------------------------------------------------------------------------------------

// The files are read with the next lookup: a program that looks no name up opens none.
void Resolver::use(std::vector<sys::Address> servers) {
  source_.use(std::move(servers));
  forget_answers();
}

Lookup Resolver::answer(const Name& name, std::uint16_t port) {
  if (name.what != Found::What::found) return {Lookup::What::failed, reason_for(name.what), {}};
  Lookup result{Lookup::What::ready, Reason::none, name.addresses};
  result.addresses.set_port(port);
  return result;
}

Lookup Resolver::find(std::string_view host, std::uint16_t port, Waiter& waiter, std::uint64_t now) {
  Lookup result{Lookup::What::ready, Reason::none, {}};
  if (sys::Address address; sys::parse_ip(host, port, address)) {
    result.addresses.add(address);
    return result;
  }
  if (is_localhost(host)) {
    // Most local servers listen on 127.0.0.1: try it first.
    result.addresses.add(sys::loopback4(port));
    result.addresses.add(sys::loopback6(port));
    return result;
  }
  host = base::without_final_dot(host);
  if (host.size() > http::kHostBytesMax) return {Lookup::What::failed, Reason::host_not_found, {}};
  std::array<char, http::kHostBytesMax> lower;
  std::transform(host.begin(), host.end(), lower.begin(), base::lower);
  if (source_.refresh(now)) forget_answers();
  return look_up({lower.data(), host.size()}, port, waiter, now);
}

// A waiter that was just woken gets the answer even if its TTL is 0, which allows the transaction in progress
// (RFC 1035 section 3.2.1).
Lookup Resolver::look_up(std::string_view key, std::uint16_t port, Waiter& waiter, std::uint64_t now) {
  const std::uint32_t given = waiter.answer_;
  const auto place = names_.find(key);
  if (place == names_.end()) {
    waiter.leave();
    return ask(key, port, waiter, now);
  }
  Name& name = place->second;
  if (waiter.name_ == &name) return pending_lookup();
  waiter.leave();
  if (name.pending) {
    join(waiter, name.waiters);
    waiter.name_ = &name;
    return pending_lookup();
  }
  if (name.until > now || name.serial == given) {
    name.owner->kept.splice(name.owner->kept.end(), name.owner->kept, name.place);
    return answer(name, port);
  }
  erase(name);
  return ask(key, port, waiter, now);
}

// Starts a query if one is free for this client.
Lookup Resolver::ask(std::string_view key, std::uint16_t port, Waiter& waiter, std::uint64_t now) {
  if (!take_turn(client_of(waiter.client_))) {
    put_in_queue(waiter);
    return pending_lookup();
  }
  make_room();
  const auto place = names_.try_emplace(std::string{key}).first;
  Name& name = place->second;
  name.host = &place->first;
  name.serial = ++serial_;
  name.owner = &client_of(waiter.client_);
  name.place = name.owner->asked.insert(name.owner->asked.end(), &name);
  ++pending_;
  update(*name.owner);
  source_.ask(*name.host, now);
  collect(now);  // it may be complete, as from /etc/hosts
  if (!name.pending) return answer(name, port);
  join(waiter, name.waiters);
  waiter.name_ = &name;
  return pending_lookup();
}

// The client with the most answers loses its least recently used one: no client can evict those of others.
void Resolver::make_room() {
  if (names_.size() < kNamesMax) return;
  if (Client* const most = heaviest(&Client::kept); most != nullptr) erase(*most->kept.front());
}

// Cancels the query if it is in progress.
void Resolver::erase(Name& name) {
  Client& owner = *name.owner;
  if (name.pending) {
    --pending_;
    source_.cancel(*name.host);
  }
  (name.pending ? owner.asked : owner.kept).erase(name.place);
  names_.erase(names_.find(std::string_view{*name.host}));
  update(owner);
}

void Resolver::forget_answers() {
  const std::vector<Client*> owners = owners_;
  for (Client* const client : owners)
    for (std::size_t left = client->kept.size(); left > 0; --left) erase(*client->kept.front());
}

void Resolver::collect(std::uint64_t now) {
  Found found;
  while (source_.next(found)) {
    const auto place = names_.find(std::string_view{found.host});
    if (place == names_.end() || !place->second.pending) continue;
    Name& name = place->second;
    const bool good = found.what == Found::What::found;
    name.pending = false;
    name.what = found.what;
    name.addresses = interleaved(found.addresses);
    name.until = now + (good ? std::min(found.ttl_ms, kAnswerKeptMaxMs) : kFailureKeptMs);
    --pending_;
    name.owner->kept.splice(name.owner->kept.end(), name.owner->asked, name.place);
    while (!name.waiters.empty()) wake(*name.waiters.front(), name.serial);
  }
}

// ---- the turn --------------------------------------------------------------------------------------------

// Wakes one waiter for each free query, of one client after the other.
void Resolver::serve_queue() {
  std::size_t free = pending_max_ - pending_;
  for (std::size_t skipped = 0; free > 0 && skipped < queue_.size();) {
    Client& client = *queue_.front();
    queue_.splice(queue_.end(), queue_, queue_.begin());
    if (!may_ask(client, free)) {
      ++skipped;
      continue;
    }
    wake(*client.queue.front(), 0);
    --free;
    skipped = 0;
  }
}

bool Resolver::can_serve() const noexcept {
  const std::size_t free = pending_max_ - pending_;
  return free > 0 && std::any_of(queue_.begin(), queue_.end(),
                                 [this, free](const Client* client) { return may_ask(*client, free); });
}

std::span<const Token> Resolver::woken(std::uint64_t now) {
  source_.run(now);
  collect(now);
  serve_queue();
  handed_out_.swap(woken_);
  woken_.clear();
  return handed_out_;
}

int Resolver::timeout_ms(std::uint64_t now) const {
  // PLANT(resolver-timeout)
  return woken_.empty() && !can_serve() ? source_.timeout_ms(now) : 0;
}

}  // namespace net
