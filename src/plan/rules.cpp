#include "rules.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "../base/text.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;
using Family = sys::Address::Family;

// ---- the built-in rules ---------------------------------------------------------------------------------

constexpr sys::Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  sys::Address address;
  address.bytes = {a, b, c, d};
  address.family = Family::ipv4;
  return address;
}

constexpr sys::Address v6(const std::array<std::uint16_t, 8>& groups) {
  sys::Address address;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    address.bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
  }
  address.family = Family::ipv6;
  return address;
}

struct BuiltIn {
  Network network;
  string_view text;
  bool remote_only = false;  // applies to clients on other machines only
};

// Destinations that a proxy's clients do not need, and whose services often trust every peer.
// clang-format off
constexpr std::array<BuiltIn, 19> kBuiltIn{{
    {{v4(0, 0, 0, 0), 8}, "0.0.0.0/8 is unspecified"},                           // RFC 1122 section 3.2.1.3
    {{v4(169, 254, 0, 0), 16}, "169.254.0.0/16 is link-local"},                  // RFC 3927; cloud metadata
    {{v4(224, 0, 0, 0), 4}, "224.0.0.0/4 is multicast"},                         // RFC 5771
    {{v4(255, 255, 255, 255), 32}, "255.255.255.255 is broadcast"},              // RFC 919 section 7
    {{v6({}), 128}, ":: is unspecified"},                                        // RFC 4291 section 2.5.2
    {{v6({0xfe80}), 10}, "fe80::/10 is link-local"},                             // RFC 4291 section 2.5.6
    {{v6({0xff00}), 8}, "ff00::/8 is multicast"},                                // RFC 4291 section 2.7
    // Metadata services of clouds outside of these networks, from the clouds' documentation: Alibaba ECS, Azure WireServer,
    // Oracle (Classic and OCI), AWS (metadata, EKS Pod Identity), Google Cloud, Scaleway (cloud-init), Linode.
    {{v4(100, 100, 100, 200), 32}, "100.100.100.200 is a cloud's metadata service"},
    {{v4(168, 63, 129, 16), 32}, "168.63.129.16 is a cloud's metadata service"},
    {{v4(192, 0, 0, 192), 32}, "192.0.0.192 is a cloud's metadata service"},
    {{v6({0xfd00, 0x00c1, 0, 0, 0, 0, 0xa9fe, 0xa9fe}), 128}, "fd00:c1::a9fe:a9fe is a cloud's metadata service"},
    {{v6({0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254}), 128}, "fd00:ec2::254 is a cloud's metadata service"},
    {{v6({0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023}), 128}, "fd00:ec2::23 is a cloud's metadata service"},
    {{v6({0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254}), 128}, "fd20:ce::254 is a cloud's metadata service"},
    {{v6({0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042}), 128}, "fd00:42::42 is a cloud's metadata service"},
    {{v6({0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 0x0001}), 128}, "fd00:a9fe:a9fe::1 is a cloud's metadata service"},
    {{v6({0xfd00, 0x0100, 0, 0, 0, 0, 0x0100, 0x0200}), 128}, "fd00:100::100:200 is a cloud's metadata service"},
    // Services there take each peer for a user of this machine.
    {{v4(127, 0, 0, 0), 8}, "127.0.0.0/8 is for clients on this machine", true},  // RFC 1122 section 3.2.1.3
    {{v6({0, 0, 0, 0, 0, 0, 0, 1}), 128}, "::1 is for clients on this machine", true},  // RFC 4291 section 2.5.3
}};
// clang-format on

// The row after the table: the addresses of this machine, which are not constant.
constexpr std::size_t kThisMachine = kBuiltIn.size(), kOrdinary = kThisMachine + 1;
constexpr string_view kThisMachineText = "addresses of this machine are for clients on it";

// The row that denies the address to this client; kOrdinary if none does.
std::size_t built_in_row(const AccessRequest& asked, const sys::Address& destination) noexcept {
  const bool remote = !asked.client.is_loopback();
  const auto found = std::find_if(kBuiltIn.begin(), kBuiltIn.end(), [&](const BuiltIn& row) {
    return row.network.may_have(destination) && (remote || !row.remote_only);
  });
  if (found != kBuiltIn.end()) return static_cast<std::size_t>(found - kBuiltIn.begin());
  return remote && may_be_among(asked.machine, destination) ? kThisMachine : kOrdinary;
}

// The IPv4 network that the embedded addresses of a network are in.
Network embedded_network(const Network& network, const sys::EmbeddedAddress& reading) noexcept {
  Network out{reading.address, 0};
  for (const std::size_t byte : reading.at)
    out.prefix += std::clamp(network.prefix, 8 * byte, 8 * byte + 8) - 8 * byte;
  return out;
}

// Returns true if a row denies the whole network, or the IPv4 network embedded in it, to some client.
bool is_built_in(const Network& network) noexcept {
  const auto in_row = [](const Network& inner) {
    return std::any_of(kBuiltIn.begin(), kBuiltIn.end(),
                       [&inner](const BuiltIn& row) { return row.network.has(inner); });
  };
  const sys::EmbeddedAddresses readings = sys::embedded_in(network.address);
  return in_row(network) ||
         std::any_of(readings.all().begin(), readings.all().end(),
                     [&](const auto& reading) { return in_row(embedded_network(network, reading)); });
}

bool is_built_in(const sys::Address& address) noexcept {
  return is_built_in(Network{address, address.bits()});
}

// ---- matching -------------------------------------------------------------------------------------------

// An empty condition matches.
template <class Alternatives, class Holds>
bool met(const Alternatives& alternatives, Holds holds) noexcept {
  return alternatives.empty() || std::any_of(alternatives.begin(), alternatives.end(), holds);
}

// A rule that denies is also for the IPv4 addresses embedded in a client's address. A rule that allows is
// not: a client could choose an address with an embedded one.
bool is_for(const Rule& rule, const sys::Address& client) noexcept {
  const bool denies = rule.action == Action::deny;
  return met(rule.client,
             [&](const Network& network) { return denies ? network.may_have(client) : network.has(client); });
}

bool may_be_by(const Rule& rule, const Requester& user) noexcept {
  const bool denies = rule.action == Action::deny;
  switch (user.what) {
    case Requester::What::unknown: return rule.user.empty() || !denies;
    case Requester::What::excused: return rule.user.empty() && (rule.excuses || denies);
    case Requester::What::known: break;
  }
  return rule.user.empty() || std::find(rule.user.begin(), rule.user.end(), user.name) != rule.user.end();
}

// All conditions except to= and user=.
bool matches_message(const Rule& rule, const AccessRequest& asked, const Host& host) noexcept {
  return is_for(rule, asked.client) &&
         met(rule.port, [&asked](const Ports& ports) { return ports.has(asked.port); }) &&
         met(rule.method, [&asked](const string& method) { return method == asked.method; }) &&
         met(rule.host, [&](const HostPattern& pattern) {
           return rule.action == Action::deny ? may_match(pattern, host) : matches(pattern, host);
         });
}

// All conditions except to=.
bool matches(const Rule& rule, const AccessRequest& asked, const Host& host) noexcept {
  return may_be_by(rule, asked.user) && matches_message(rule, asked, host);
}

bool leads_to(const Rule& rule, const sys::Address& address) noexcept {
  const bool denies = rule.action == Action::deny;
  return met(rule.to, [&](const Network& network) {
    return denies ? network.may_have(address) : network.surely_has(address);
  });
}

// Returns true if a matching rule names this built-in destination: a network within a row, or this one
// address.
bool names(const Rule& rule, const Host& host, const sys::Address& address) noexcept {
  const bool as_network = std::any_of(rule.to.begin(), rule.to.end(), [&address](const Network& network) {
    return network.surely_has(address) && (is_built_in(network) || network.prefix == network.address.bits());
  });
  return as_network || (host.is_numeric() && host.address().in_network(address, address.bits()) &&
                        std::any_of(rule.host.begin(), rule.host.end(), [&host](const HostPattern& pattern) {
                          return is_numeric(pattern) && matches(pattern, host);
                        }));
}

struct FallbackRow {
  Decision decision;
  string_view text;
};
constexpr std::array<FallbackRow, 4> kFallbacks{{
    {Decision::deny, "no rule allows this request of this client"},
    {Decision::allow, "no rule matches, and the client is this machine"},
    {Decision::allow, "no rule matches, and none is about clients"},
    {Decision::deny, "no rule allows this client"},
}};

Verdict verdict_of(Fallback row) noexcept {
  const auto index = static_cast<std::size_t>(row);
  return {kFallbacks[index].decision, Verdict::By::fallback, static_cast<std::uint16_t>(index)};
}

Verdict verdict_of(Decision decision, Verdict::By by, std::size_t index) noexcept {
  return {decision, by, static_cast<std::uint16_t>(index)};
}

// ---- which rule covers which ----------------------------------------------------------------------------

// Returns true if each alternative of `narrow` lies within one of `wide`.
template <class Alternatives, class Within>
bool within(const Alternatives& narrow, const Alternatives& wide, Within inside) {
  if (wide.empty()) return true;
  return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const auto& one) {
    return std::any_of(wide.begin(), wide.end(), [&](const auto& other) { return inside(one, other); });
  });
}

bool network_within(const Network& narrow, const Network& wide) { return wide.has(narrow); }

bool conditions_within(const Rule& narrow, const Rule& wide) {
  return within(narrow.client, wide.client, network_within) && within(narrow.to, wide.to, network_within) &&
         within(narrow.host, wide.host, is_within) &&
         within(narrow.port, wide.port,
                [](const Ports& n, const Ports& w) { return w.has(n.first) && w.has(n.last); }) &&
         within(narrow.method, wide.method, std::equal_to<>{}) &&
         within(narrow.user, wide.user, std::equal_to<>{});
}

bool is_built_in_host(const HostPattern& pattern) {
  return is_numeric(pattern) && is_built_in(pattern.address);
}

// Returns true if `wide` names all built-in destinations that `narrow` names: otherwise an allow rule does
// not cover them.
bool named_too(const Rule& narrow, const Rule& wide) {
  return std::all_of(narrow.to.begin(), narrow.to.end(),
                     [&wide](const Network& one) {
                       return !is_built_in(one) ||
                              std::any_of(wide.to.begin(), wide.to.end(), [&one](const Network& other) {
                                return is_built_in(other) && other.has(one);
                              });
                     }) &&
         std::all_of(narrow.host.begin(), narrow.host.end(), [&wide](const HostPattern& one) {
           return !is_built_in_host(one) ||
                  std::any_of(wide.host.begin(), wide.host.end(), [&one](const HostPattern& other) {
                    return is_numeric(other) && is_within(one, other);
                  });
         });
}

bool covers(const Rule& first, const Rule& later) {
  return conditions_within(later, first) && (first.action == Action::deny || named_too(later, first));
}

}  // namespace

void Rules::add(Rule rule) {
  assert(rules_.size() < kRulesMax);
  have_users_ |= rule.has_user();
  rules_.push_back(std::move(rule));
}

bool Rules::excuse(const AccessRequest& asked) const noexcept {
  if (!have_users_) return false;
  const Host host{asked.host};
  const auto first = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    const bool decides = rule.action == Action::allow || rule.to.empty() || !rule.user.empty();
    return decides && matches_message(rule, asked, host);
  });
  return first != rules_.end() && first->excuses;
}

bool Rules::restricts_clients() const noexcept {
  return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return !rule.client.empty(); });
}

Fallback Rules::fallback(const sys::Address& client) const noexcept {
  const bool listed = std::any_of(rules_.begin(), rules_.end(), [&client](const Rule& rule) {
    return rule.action == Action::allow && is_for(rule, client);
  });
  if (listed) return Fallback::not_listed;
  const bool for_some = std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) {
    return rule.action == Action::allow && !rule.client.empty();
  });
  if (for_some) return Fallback::unlisted_client;
  if (client.is_loopback()) return Fallback::this_machine;
  return restricts_clients() ? Fallback::unlisted_client : Fallback::no_client_rule;
}

Verdict Rules::before_lookup(const AccessRequest& asked) const noexcept {
  const Host host{asked.host};
  if (host.is_numeric()) return for_address(asked, host.address());
  std::optional<std::size_t> open;  // the first rule that denies some addresses
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i];
    if (!matches(rule, asked, host)) continue;
    // From here on some address may be allowed.
    if (rule.action == Action::allow)
      return verdict_of(Decision::undecided, Verdict::By::rule, open.value_or(i));
    if (rule.to.empty()) return verdict_of(Decision::deny, Verdict::By::rule, i);
    if (!open) open = i;
  }
  Verdict last = verdict_of(fallback(asked.client));
  if (last.decision == Decision::deny) return last;
  if (open) return verdict_of(Decision::undecided, Verdict::By::rule, *open);
  last.decision = Decision::undecided;
  return last;
}

Verdict Rules::for_address(const AccessRequest& asked, const sys::Address& address) const noexcept {
  const Host host{asked.host};
  const std::size_t row = built_in_row(asked, address);
  const bool ordinary = row == kOrdinary;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i];
    if (!matches(rule, asked, host) || !leads_to(rule, address)) continue;
    if (rule.action == Action::deny) return verdict_of(Decision::deny, Verdict::By::rule, i);
    if (ordinary || names(rule, host, address)) return verdict_of(Decision::allow, Verdict::By::rule, i);
  }
  if (!ordinary) return verdict_of(Decision::deny, Verdict::By::built_in, row);
  return verdict_of(fallback(asked.client));
}

Verdict Rules::for_web(const AccessRequest& asked) const noexcept {
  const Host host{asked.host};
  bool listed = false, closed = false;  // an allow rule is for this client; there is one at all
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i];
    if (!rule.to.empty()) continue;
    const bool allows = rule.action == Action::allow;
    if (matches(rule, asked, host))
      return verdict_of(allows ? Decision::allow : Decision::deny, Verdict::By::rule, i);
    closed |= allows;
    listed |= allows && is_for(rule, asked.client);
  }
  return verdict_of(listed   ? Fallback::not_listed
                    : closed ? Fallback::unlisted_client
                             : Fallback::no_client_rule);
}

string_view Rules::text(Verdict verdict) const noexcept {
  switch (verdict.by) {
    case Verdict::By::rule: return verdict.index < rules_.size() ? rules_[verdict.index].text : string_view{};
    case Verdict::By::built_in:
      return verdict.index == kThisMachine ? kThisMachineText : kBuiltIn[verdict.index].text;
    case Verdict::By::fallback: break;
  }
  return kFallbacks[verdict.index].text;
}

bool Rules::is_about_client(Verdict verdict) const noexcept {
  if (verdict.decision != Decision::deny) return false;
  if (verdict.by == Verdict::By::fallback)
    return static_cast<Fallback>(verdict.index) == Fallback::unlisted_client;
  if (verdict.by == Verdict::By::built_in) return false;
  const Rule& rule = rules_[verdict.index];
  return !rule.client.empty() && rule.host.empty() && rule.to.empty() && rule.port.empty() &&
         rule.method.empty() && rule.user.empty();
}

std::vector<Shadowed> Rules::shadowed() const {
  std::vector<Shadowed> found;
  const auto add = [](std::size_t sum, const Rule& rule) {
    return sum + rule.client.size() + rule.host.size() + rule.to.size() + rule.port.size() +
           rule.method.size() + rule.user.size();
  };
  if (std::accumulate(rules_.begin(), rules_.end(), std::size_t{0}, add) > kComparedMax) return found;
  for (std::size_t later = 1; later < rules_.size(); ++later) {
    const auto end = rules_.begin() + static_cast<std::ptrdiff_t>(later);
    const auto first =
        std::find_if(rules_.begin(), end, [&](const Rule& rule) { return covers(rule, rules_[later]); });
    if (first != end) found.push_back({&rules_[later], &*first});
  }
  return found;
}

const Rule* Rules::open_rule() const noexcept {
  const auto open = std::find_if(rules_.begin(), rules_.end(), [](const Rule& rule) {
    return rule.action == Action::allow && rule.client.empty();
  });
  return open == rules_.end() ? nullptr : &*open;
}

}  // namespace plan
