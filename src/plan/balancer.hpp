// Load balancing: chooses the server of a group that gets the next request, and tracks the servers' health.
//
// A server that fails is ejected for a second, and for twice as long after each further failure, up to a
// minute. Then it is half-open: one request tries it, and the others wait for the result. A server whose
// last health check failed is ejected until a check succeeds. If all servers are ejected, the one whose
// ejection ends first is tried.
//
// Only the constructor allocates memory. `now` is in milliseconds and does not go back. A member is an index
// into plan::Group::members, a group an index into the list given to the constructor.
#pragma once
#include <limits>

#include "../base/siphash.hpp"
#include "roles.hpp"

namespace plan {

inline constexpr std::size_t kMembersMax = 64;  // of a group: one bit each in `tried`
inline constexpr std::size_t kNoMember = std::numeric_limits<std::size_t>::max();

inline constexpr std::uint64_t kEjectionFirstMs = 1'000;
inline constexpr std::uint64_t kEjectionMaxMs = 60'000;

class Balancer {
 public:
  // `key` is random, so that clients cannot choose addresses that hash alike. With the same key, clients keep
  // their members. REQUIRES: each group has 1 to kMembersMax members.
  Balancer(const std::vector<Group>& groups, base::SipKey key);

  // Returns the member for a request that has already tried the members in the bit set `tried`; kNoMember if
  // it has tried all. The caller reports the start of the request with `begun`.
  std::size_t choose(std::size_t group, const sys::Address& client, std::uint64_t now,
                     std::uint64_t tried) noexcept;

  // A request or a relayed connection to this member starts, and ends. REQUIRES: one `ended` for each
  // `begun`.
  void begun(std::size_t group, std::size_t member) noexcept { ++at(group, member).open; }
  void ended(std::size_t group, std::size_t member) noexcept { --at(group, member).open; }

  // It refused the connection or sent no response. Failures of requests that were in flight when it was
  // ejected change nothing.
  void failed(std::size_t group, std::size_t member, std::uint64_t now) noexcept;
  // It sent a response, with any status.
  void succeeded(std::size_t group, std::size_t member) noexcept;

  // ---- health checks of the groups with a check_path
  // -------------------------------------------------------

  struct Check {
    std::size_t group = 0;
    std::size_t member = kNoMember;  // kNoMember: no check is due
    std::uint64_t at = 0;            // then: time of the next check; 0: not before a result
  };
  // Starts the check that has been due for longest. The first checks are due at once. REQUIRES: one
  // `check_result` or `check_given_up` for each check; until then the member's next check is not due.
  Check next_check(std::uint64_t now) noexcept;
  // Returns true if the member's health changed. Before its first check it counts as healthy.
  bool check_result(std::size_t group, std::size_t member, bool healthy) noexcept;
  // The check ended without a result.
  void check_given_up(std::size_t group, std::size_t member) noexcept { at(group, member).in_check = false; }

  // ---- for metrics and tests -----------------------------------------------------------------------------

  [[nodiscard]] bool is_ejected(std::size_t group, std::size_t member, std::uint64_t now) const noexcept;
  [[nodiscard]] std::uint32_t open(std::size_t group, std::size_t member) const noexcept {
    return groups_[group].members[member].open;
  }

 private:
  struct Member {
    std::uint64_t id = 0;        // hash of its address, independent of its index
    std::uint64_t retry_at = 0;  // after a failure: end of the ejection
    std::uint64_t check_at = 0;  // time of the next check
    std::uint32_t open = 0;
    std::uint8_t failures = 0;  // in a row
    bool half_open = false;     // a request tries it
    bool unhealthy = false;     // its last check failed
    bool in_check = false;
    [[nodiscard]] bool is_available(std::uint64_t now) const noexcept {
      return !unhealthy && (failures == 0 || now >= retry_at);
    }
    [[nodiscard]] std::uint64_t due_at() const noexcept;
  };
  struct State {
    std::vector<Member> members;
    std::size_t turn = 0;  // the member that is considered first
    Balance balance = Balance::round_robin;
    std::uint32_t check_ms = 0;  // 0: no health checks
  };
  Member& at(std::size_t group, std::size_t member) noexcept { return groups_[group].members[member]; }
  [[nodiscard]] std::size_t best(const State& state, const sys::Address& client, std::uint64_t now,
                                 std::uint64_t tried) const noexcept;
  [[nodiscard]] std::size_t by_hash(const State& state, const sys::Address& client, std::uint64_t now,
                                    std::uint64_t tried) const noexcept;

  base::SipKey key_;
  std::vector<State> groups_;
};

}  // namespace plan
