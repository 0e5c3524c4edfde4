#include "resolver.hpp"

#include <algorithm>

#include "../base/text.hpp"

namespace net {
namespace {

using base::Reason;

bool is_localhost(std::string_view host) noexcept {
  constexpr std::string_view kLocal = "localhost";
  host = base::without_final_dot(host);
  if (host.size() > kLocal.size() && host[host.size() - kLocal.size() - 1] == '.')
    host.remove_prefix(host.size() - kLocal.size());
  return base::equals_ignoring_case(host, kLocal);
}

Reason reason_for(Found::What what) noexcept {
  switch (what) {
    case Found::What::found: return Reason::none;
    case Found::What::not_found: return Reason::host_not_found;
    case Found::What::timed_out: return Reason::dns_timeout;
    case Found::What::failed: break;
  }
  return Reason::dns_error;
}

}  // namespace

Lookup Resolver::find(std::string_view host, std::uint16_t port, Token waiter, std::uint64_t now) {
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
  Name& name = cached(host, waiter, now);
  if (!name.pending) return answer(name, port);
  if (std::find(name.waiters.begin(), name.waiters.end(), waiter) == name.waiters.end())
    name.waiters.push_back(waiter);
  return {Lookup::What::pending, Reason::none, {}};
}

Lookup Resolver::answer(const Name& name, std::uint16_t port) {
  if (name.what != Found::What::found) return {Lookup::What::failed, reason_for(name.what), {}};
  Lookup result{Lookup::What::ready, Reason::none, name.addresses};
  for (sys::Address& address : result.addresses.list) address.port = port;
  return result;
}

// Returns the cache entry of the host; starts a query if there is none or it has expired. A waiter that was
// just woken gets the answer even if its TTL is 0, which allows the transaction in progress (RFC 1035
// section 3.2.1).
Resolver::Name& Resolver::cached(std::string_view host, const Token& waiter, std::uint64_t now) {
  const std::string key = base::lowered(host);
  auto place = names_.find(key);
  const auto was_woken = [this, &waiter] {
    return std::find(handed_out_.begin(), handed_out_.end(), waiter) != handed_out_.end();
  };
  if (place != names_.end() && !place->second.pending && place->second.until <= now && !was_woken()) {
    names_.erase(place);
    place = names_.end();
  }
  if (place != names_.end()) return place->second;
  make_room(now);
  Name& name = names_[key];
  source_.ask(key);
  collect(now);  // a blocking source has completed the query
  return name;
}

void Resolver::make_room(std::uint64_t now) {
  if (names_.size() < kNamesMax) return;
  std::erase_if(names_,
                [now](const auto& entry) { return !entry.second.pending && entry.second.until <= now; });
  // No entry has expired: remove any one without waiters.
  if (names_.size() < kNamesMax) return;
  const auto settled =
      std::find_if(names_.begin(), names_.end(), [](const auto& entry) { return !entry.second.pending; });
  if (settled != names_.end()) names_.erase(settled);
}

void Resolver::collect(std::uint64_t now) {
  Found found;
  while (source_.next(found)) {
    const auto place = names_.find(found.host);
    if (place == names_.end()) continue;
    Name& name = place->second;
    const bool good = found.what == Found::What::found;
    name.pending = false;
    name.what = found.what;
    name.addresses = found.addresses;
    name.until = now + (good ? std::min(found.ttl_ms, kAnswerKeptMaxMs) : kFailureKeptMs);
    woken_.insert(woken_.end(), name.waiters.begin(), name.waiters.end());
    name.waiters.clear();
  }
}

std::span<const Token> Resolver::woken(std::uint64_t now) {
  collect(now);
  handed_out_.swap(woken_);
  woken_.clear();
  return handed_out_;
}

}  // namespace net
