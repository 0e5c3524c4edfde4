// Which server of a group gets the next piece of work: how each one fares, and how the work is shared out
// among those that fare well.
//
// A member that fails is left out for a second, and for twice as long each time it fails again, up to a
// minute. When that time is over, one request tries it; the others wait for how it goes. A member that failed
// its last check is left out until it passes one. If all are left out, the one that is due soonest is tried
// all the same: an answer is more than none.
//
// Memory is taken by the constructor alone. `now` is in milliseconds and does not go back. Members are named
// by their place in plan::Group, groups by theirs in the list that the constructor was given.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "../base/siphash.hpp"
#include "../sys/address.hpp"
#include "roles.hpp"

namespace plan {

inline constexpr std::size_t kMembersMax = 64;  // of a group: a bit of `tried` for each
inline constexpr std::size_t kNoMember = std::numeric_limits<std::size_t>::max();

inline constexpr std::uint64_t kEjectionFirstMs = 1'000;
inline constexpr std::uint64_t kEjectionMaxMs = 60'000;

class Groups {
 public:
  // `key` is to be random, so that nobody can choose addresses that fall together; clients stay with their
  // member as long as the key is the same. REQUIRES: each group has 1 to kMembersMax members.
  Groups(const std::vector<Group>& groups, base::SipKey key);

  // The member to be asked next. Bit n of `tried`: this request has tried member n, and is not to try it
  // again. kNoMember: it has tried all. A choice is not a piece of work yet: `begun` says that it is one.
  std::size_t choose(std::size_t group, const sys::Address& client, std::uint64_t now,
                     std::uint64_t tried) noexcept;

  // An exchange or a relayed connection with this member begins, and ends. REQUIRES: one end for each begin.
  void begun(std::size_t group, std::size_t member) noexcept { ++at(group, member).open; }
  void ended(std::size_t group, std::size_t member) noexcept { --at(group, member).open; }

  // It did not take the connection, or gave no answer. Failures of requests that were under way when it was
  // left out change nothing.
  void failed(std::size_t group, std::size_t member, std::uint64_t now) noexcept;
  // It answered, whatever the status.
  void succeeded(std::size_t group, std::size_t member) noexcept;

  // ---- checks of the groups that have a check_path --------------------------------------------------------

  struct Check {
    std::size_t group = 0;
    std::size_t member = kNoMember;  // kNoMember: none is due
    std::uint64_t at = 0;            // then: when the next one is; 0: never, unless a result comes
  };
  // The check that has been due for longest; it counts as begun. The first are due at once. REQUIRES:
  // `check_result` or `check_given_up` once for each that was given out; until then the member's next one is
  // not.
  Check next_check(std::uint64_t now) noexcept;
  // True: its last check had gone the other way. Who was never asked counts as well.
  bool check_result(std::size_t group, std::size_t member, bool well) noexcept;
  // Nothing was learnt.
  void check_given_up(std::size_t group, std::size_t member) noexcept { at(group, member).in_check = false; }

  // ---- for those who look on ------------------------------------------------------------------------------

  [[nodiscard]] bool is_ejected(std::size_t group, std::size_t member, std::uint64_t now) const noexcept;
  [[nodiscard]] std::uint32_t open(std::size_t group, std::size_t member) const noexcept {
    return groups_[group].members[member].open;
  }

 private:
  struct Member {
    std::uint64_t id = 0;        // from its name: it does not change with its place
    std::uint64_t retry_at = 0;  // after a failure: when it may be tried
    std::uint64_t check_at = 0;  // when the next check begins
    std::uint32_t open = 0;
    std::uint8_t failures = 0;  // in a row; 0: it fares well
    bool on_trial = false;      // a request tries it
    bool unwell = false;        // its last check failed
    bool in_check = false;
    [[nodiscard]] bool is_available(std::uint64_t now) const noexcept {
      return !unwell && (failures == 0 || now >= retry_at);
    }
    [[nodiscard]] std::uint64_t due_at() const noexcept;
  };
  struct State {
    std::vector<Member> members;
    std::size_t turn = 0;  // who is looked at first
    Balance balance = Balance::round_robin;
    std::uint32_t check_ms = 0;  // 0: no checks
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
