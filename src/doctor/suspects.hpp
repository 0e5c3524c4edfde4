// Records and listeners that seem to wait for nothing. What is seen once can be an event on its way: only
// what is seen at two looks, with an epoll_wait(2) between, is a finding.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../net/acceptors.hpp"
#include "../state/table.hpp"
#include "../watch/findings.hpp"
#include "waiting.hpp"

namespace doctor {

class Suspects {
 public:
  static constexpr std::size_t kMost = 64;

  // Looks at the suspects again, and at the next records of the table, at most kMost. `now` in ms. REQUIRES:
  // called at the end of a turn.
  void look(const Table& table, std::span<const net::Acceptors::Entry> acceptors, std::uint64_t now);
  // epoll_wait(2) has returned and its events are marked: nothing else is on its way.
  // REQUIRES: no record has run since `look`.
  void confirm(const Table& table, std::span<const net::Acceptors::Entry> acceptors);
  // The sightings of the last `look` and `confirm`: suspects seen twice.
  [[nodiscard]] std::span<const watch::Sighting> found() const noexcept { return found_; }
  // Suspects that were found before, and seen again.
  [[nodiscard]] std::span<const watch::Sighting> kept() const noexcept { return kept_; }
  [[nodiscard]] bool any() const noexcept { return !suspects_.empty(); }
  // The slots that the last `look` has visited begin here, and end there.
  [[nodiscard]] std::uint32_t visited_from() const noexcept { return from_; }
  [[nodiscard]] std::uint32_t visited_to() const noexcept { return to_; }

 private:
  struct Suspect {
    watch::Finding finding;
    std::uint32_t slot;    // of a record, or index of a listener
    std::uint64_t id;      // of the connection
    std::uint32_t serial;  // of the endpoint
    Need need;
    bool listener;
    unsigned looks;
    std::uint64_t value;
  };

  void examine(const request_info& record, std::uint32_t slot, std::uint64_t now);
  void examine_listener(const net::Acceptors::Entry& entry, std::uint32_t index, std::uint64_t now);
  void examine_again(const Table& table, std::uint64_t now);
  [[nodiscard]] bool was_suspect(std::uint32_t slot) const noexcept;
  void add(const Suspect& suspect);
  void poll_levels(const Table& table, std::span<const net::Acceptors::Entry> acceptors);
  void settle(Suspect& suspect);

  std::vector<Suspect> suspects_, before_;
  std::vector<watch::Sighting> found_, kept_;
  std::uint32_t next_ = 0;  // slot to visit
  std::uint32_t from_ = 0, to_ = 0;
};

}  // namespace doctor
