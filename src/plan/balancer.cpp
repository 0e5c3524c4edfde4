#include "balancer.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

namespace plan {
namespace {

constexpr std::uint8_t kFailuresCounted = 16;  // the ejection time is at its maximum before that

constexpr std::uint64_t ejection_ms(std::uint8_t failures) noexcept {
  return std::min(kEjectionFirstMs << (failures - 1), kEjectionMaxMs);
}
static_assert(ejection_ms(1) == kEjectionFirstMs && ejection_ms(kFailuresCounted) == kEjectionMaxMs);

constexpr bool is_in(std::uint64_t mask, std::size_t member) noexcept { return (mask >> member & 1U) != 0; }

std::uint64_t id_of(const Hop& hop, base::SipKey key) {
  const std::string text = hop.host + '\0' + std::to_string(hop.port) + '\0' + hop.socket;
  return base::siphash(key, text).low;
}

// The bytes to hash for a client and a member. An IPv6 client is its /64 network, as in limits.hpp.
class Pair {
 public:
  explicit Pair(const sys::Address& client) noexcept {
    const sys::Address plain = sys::unmapped(client);
    const bool ipv6 = plain.family == sys::Address::Family::ipv6;
    for (std::size_t i = 0; i < (ipv6 ? 8U : 4U); ++i) text_[i] = static_cast<char>(plain.bytes[i]);
    text_[8] = ipv6 ? '6' : '4';
  }
  [[nodiscard]] std::uint64_t hash(std::uint64_t member, base::SipKey key) noexcept {
    for (std::size_t i = 0; i < 8; ++i) text_[9 + i] = static_cast<char>(member >> (8 * i) & 0xffU);
    return base::siphash(key, {text_.data(), text_.size()}).low;
  }

 private:
  std::array<char, 8 + 1 + 8> text_{};
};

}  // namespace

Balancer::Balancer(const std::vector<Group>& groups, base::SipKey key) : key_(key), groups_(groups.size()) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Group& group = groups[i];
    assert(!group.members.empty() && group.members.size() <= kMembersMax);
    State& state = groups_[i];
    state.balance = group.balance;
    state.check_ms = group.check_path.empty() ? 0 : std::max<std::uint32_t>(group.check_ms, 1);
    for (const Hop& hop : group.members) {
      Member member;
      member.id = id_of(hop, key);
      // A server that is listed twice counts twice.
      while (std::any_of(state.members.begin(), state.members.end(),
                         [&member](const Member& other) { return other.id == member.id; }))
        ++member.id;
      state.members.push_back(member);
    }
  }
}

// ---- the choice ------------------------------------------------------------------------------------------

// Starts with the member whose turn it is. Of the members with the fewest open requests, takes the first;
// round robin ignores open requests.
std::size_t Balancer::best(const State& state, const sys::Address& client, std::uint64_t now,
                           std::uint64_t tried) const noexcept {
  if (state.balance == Balance::ip_hash) return by_hash(state, client, now, tried);
  std::size_t found = kNoMember;
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    const std::size_t member = (state.turn + i) % state.members.size();
    if (is_in(tried, member) || !state.members[member].is_available(now)) continue;
    if (state.balance == Balance::round_robin) return member;
    if (found == kNoMember || state.members[member].open < state.members[found].open) found = member;
  }
  return found;
}

// Rendezvous hashing (Thaler and Ravishankar, 1998): the member with the greatest hash of client and member.
// If that member is ejected, only its own clients move.
std::size_t Balancer::by_hash(const State& state, const sys::Address& client, std::uint64_t now,
                              std::uint64_t tried) const noexcept {
  Pair pair{client};
  std::size_t found = kNoMember;
  std::uint64_t greatest = 0;
  for (std::size_t member = 0; member < state.members.size(); ++member) {
    if (is_in(tried, member) || !state.members[member].is_available(now)) continue;
    const std::uint64_t hash = pair.hash(state.members[member].id, key_);
    if (found != kNoMember && hash <= greatest) continue;
    found = member;
    greatest = hash;
  }
  return found;
}

std::size_t Balancer::choose(std::size_t group, const sys::Address& client, std::uint64_t now,
                             std::uint64_t tried) noexcept {
  State& state = groups_[group];
  std::size_t found = best(state, client, now, tried);
  if (found == kNoMember) {  // all are ejected
    for (std::size_t member = 0; member < state.members.size(); ++member)
      if (!is_in(tried, member) &&
          (found == kNoMember || state.members[member].due_at() < state.members[found].due_at()))
        found = member;
    if (found == kNoMember) return found;
  }
  state.turn = (found + 1) % state.members.size();
  Member& chosen = state.members[found];
  if (chosen.failures != 0 && now >= chosen.retry_at) {
    // Allows another trial if this one has no result.
    chosen.half_open = true;
    chosen.retry_at = now + ejection_ms(chosen.failures);
  }
  return found;
}

// ---- health ---------------------------------------------------------------------------------------------

std::uint64_t Balancer::Member::due_at() const noexcept {
  return std::max(failures != 0 ? retry_at : 0, unhealthy ? check_at : 0);
}

bool Balancer::is_ejected(std::size_t group, std::size_t member, std::uint64_t now) const noexcept {
  return !groups_[group].members[member].is_available(now);
}

void Balancer::failed(std::size_t group, std::size_t member, std::uint64_t now) noexcept {
  Member& target = at(group, member);
  if (target.failures != 0 && !target.half_open && now < target.retry_at) return;
  target.half_open = false;
  target.failures = std::min<std::uint8_t>(static_cast<std::uint8_t>(target.failures + 1), kFailuresCounted);
  target.retry_at = now + ejection_ms(target.failures);
}

void Balancer::succeeded(std::size_t group, std::size_t member) noexcept {
  Member& target = at(group, member);
  target.failures = 0;
  target.half_open = false;
}

// ---- checks ----------------------------------------------------------------------------------------------

// Picks the longest due one: servers that never respond must not delay the checks of the others.
Balancer::Check Balancer::next_check(std::uint64_t now) noexcept {
  Check next;
  Member* first = nullptr;
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    State& state = groups_[group];
    if (state.check_ms == 0) continue;
    for (std::size_t i = 0; i < state.members.size(); ++i) {
      Member& member = state.members[i];
      if (member.in_check || (first != nullptr && member.check_at >= first->check_at)) continue;
      first = &member;
      next = {group, i, member.check_at};
    }
  }
  if (first == nullptr) return next;
  if (now < first->check_at) return {.at = first->check_at};
  first->in_check = true;
  first->check_at = now + groups_[next.group].check_ms;
  next.at = now;
  return next;
}

bool Balancer::check_result(std::size_t group, std::size_t member, bool healthy) noexcept {
  Member& target = at(group, member);
  target.in_check = false;
  if (healthy) succeeded(group, member);
  return std::exchange(target.unhealthy, !healthy) == healthy;
}

}  // namespace plan
