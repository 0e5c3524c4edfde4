#include "suspects.hpp"

#include <algorithm>

#include "../sys/sys.hpp"

namespace doctor {
namespace {

using watch::Finding;

constexpr std::uint64_t kOverdueMs = 1000;

// It is none if epoll_wait(2) reports it after the look.
bool is_lost_edge(Finding finding) noexcept {
  return finding == Finding::edge_not_drained || finding == Finding::listener_not_drained;
}

// poll(2) must confirm it.
bool is_level(Finding finding) noexcept { return is_lost_edge(finding) || finding == Finding::backlog; }

// The endpoint can still report something: it is open, and its end was neither read nor sent.
bool can_report(const net::Endpoint& side, bool write) noexcept {
  return side.fd && !side.hung && !side.error_consumed && !(write ? side.shut : side.eof);
}

}  // namespace

// REQUIRES: each record and listener is examined once in a look.
void Suspects::add(const Suspect& suspect) {
  if (suspects_.size() == kMost) return;
  suspects_.push_back(suspect);
  const auto same = [&](const Suspect& other) {
    return other.finding == suspect.finding && other.slot == suspect.slot && other.id == suspect.id &&
           other.serial == suspect.serial && other.need.write == suspect.need.write;
  };
  const auto earlier = std::find_if(before_.begin(), before_.end(), same);
  if (earlier != before_.end()) suspects_.back().looks = earlier->looks;
}

// What is wrong with a record at the end of a turn, or could be.
void Suspects::examine(const request_info& record, std::uint32_t slot, std::uint64_t now) {
  if (record.state == State::FREE) return;
  Suspect suspect{.finding = Finding::no_deadline,
                  .slot = slot,
                  .id = record.id,
                  .serial = 0,
                  .need = {},
                  .listener = false,
                  .looks = 0,
                  .value = 0};
  const bool waits = !record.ready.linked() || record.needs_block;
  if (waits && !record.timer.linked()) return add(suspect);
  if (waits && record.deadline + kOverdueMs < now) {
    suspect.finding = Finding::overdue;
    suspect.value = now - record.deadline;
    return add(suspect);
  }
  const Needs needs = needs_of(record);
  for (std::size_t i = 0; i < needs.count; ++i) {
    const net::Endpoint& side = record.side[needs.all[i].side];
    suspect.need = needs.all[i];
    suspect.serial = side.serial;
    const bool marked = is_marked(record, suspect.need);
    suspect.finding = marked ? Finding::forgotten_mark : Finding::edge_not_drained;
    // A lingering close reads no more than its client's allowance.
    const bool may_wait = record.wait == plan::Wait::linger;
    if (marked ? !may_wait : can_report(side, suspect.need.write)) add(suspect);
  }
}

void Suspects::examine_listener(const net::Acceptors::Entry& entry, std::uint32_t index, std::uint64_t now) {
  const net::Acceptor& acceptor = entry.acceptor;
  if (acceptor.ready(now)) return;
  add({.finding = acceptor.wakes_at() == 0 ? Finding::listener_not_drained : Finding::backlog,
       .slot = index,
       .id = 0,
       .serial = 0,
       .need = {},
       .listener = true,
       .looks = 0,
       .value = entry.acceptor.address().port});
}

// Keeps of the suspects that poll(2) must confirm those that are ready.
void Suspects::poll_levels(const Table& table, std::span<const net::Acceptors::Entry> acceptors) {
  std::array<sys::Level, kMost> room;
  std::size_t count = 0;
  for (const Suspect& suspect : suspects_)
    if (is_level(suspect.finding))
      room[count++] = {.fd = suspect.listener ? acceptors[suspect.slot].acceptor.fd().get()
                                              : table.at(suspect.slot).side[suspect.need.side].fd.get()};
  const std::span levels{room.data(), count};
  sys::levels(levels);
  std::size_t next = 0;
  std::erase_if(suspects_, [&](const Suspect& suspect) {
    if (!is_level(suspect.finding)) return false;
    const sys::Level& level = levels[next++];
    return !(suspect.need.write ? level.writable : level.readable);
  });
}

// One more look has confirmed it.
void Suspects::settle(Suspect& suspect) {
  ++suspect.looks;
  if (suspect.looks < 2) return;
  (suspect.looks == 2 ? found_ : kept_)
      .push_back({.finding = suspect.finding,
                  .slot = suspect.listener ? watch::Sighting::kNoSlot : suspect.slot,
                  .id = suspect.id,
                  .value = suspect.value});
}

bool Suspects::was_suspect(std::uint32_t slot) const noexcept {
  return std::any_of(before_.begin(), before_.end(),
                     [slot](const Suspect& other) { return other.slot == slot && !other.listener; });
}

// Those of the last look; the two of a tunnel follow each other.
void Suspects::examine_again(const Table& table, std::uint64_t now) {
  std::uint32_t last = watch::Sighting::kNoSlot;
  for (const Suspect& suspect : before_) {
    if (suspect.listener || suspect.slot == last || suspect.slot >= table.touched()) continue;
    last = suspect.slot;
    examine(table.at(last), last, now);
  }
}

void Suspects::look(const Table& table, std::span<const net::Acceptors::Entry> acceptors, std::uint64_t now) {
  found_.clear();
  kept_.clear();
  before_.swap(suspects_);
  suspects_.clear();
  examine_again(table, now);
  for (std::size_t i = 0; i < acceptors.size(); ++i)
    examine_listener(acceptors[i], static_cast<std::uint32_t>(i), now);
  if (next_ >= table.touched()) next_ = 0;
  from_ = next_;
  to_ = std::min<std::uint32_t>(table.touched(), from_ + static_cast<std::uint32_t>(kMost));
  for (next_ = from_; next_ < to_; ++next_)
    if (!was_suspect(next_)) examine(table.at(next_), next_, now);
  poll_levels(table, acceptors);
  for (Suspect& suspect : suspects_)
    if (!is_lost_edge(suspect.finding)) settle(suspect);
}

void Suspects::confirm(const Table& table, std::span<const net::Acceptors::Entry> acceptors) {
  found_.clear();
  kept_.clear();
  const auto is_reported = [&](const Suspect& suspect) {
    if (suspect.listener)
      return suspect.slot >= acceptors.size() || acceptors[suspect.slot].acceptor.marked();
    const request_info& record = table.at(suspect.slot);
    return record.id != suspect.id || record.side[suspect.need.side].serial != suspect.serial ||
           is_marked(record, suspect.need);
  };
  std::erase_if(suspects_, [&](const Suspect& suspect) {
    return is_lost_edge(suspect.finding) && is_reported(suspect);
  });
  for (Suspect& suspect : suspects_)
    if (is_lost_edge(suspect.finding)) settle(suspect);
}

}  // namespace doctor
