#include "doctor.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "census.hpp"

namespace doctor {
namespace {

using watch::Finding;
using watch::Severity;
using watch::Sighting;

constexpr std::uint64_t kEventsCounted = 10'000;

std::string text_of(const Sighting& sighting) {
  std::array<char, watch::kFindingMax> room;
  base::Writer out{room};
  watch::write_finding(sighting, out);
  return std::string{out.view()};
}

std::string text_of_end(Finding finding, const watch::FindingLog::Entry& entry) {
  return "finding " + std::string{watch::row(finding).code} +
         " has ended: sightings: " + std::to_string(entry.sightings) + ", in " +
         std::to_string(entry.last - entry.since) + " ms";
}

std::string text_of_wait(const request_info& record, std::uint32_t slot, std::uint64_t now) {
  std::array<char, kWaitTextMax> room;
  base::Writer out{room};
  write_wait(slot, record.id, situation_of(record, now), out);
  return std::string{out.view()};
}

}  // namespace

Doctor::Doctor(Worker& worker) : worker_(worker), descriptors_max_(sys::raise_descriptor_limit()) {}

// ---- findings --------------------------------------------------------------------------------------------

void Doctor::see(const Sighting& sighting) {
  if (!findings_.add(sighting, worker_.now)) return;
  const bool of_record = sighting.slot < worker_.table.touched();
  const State state = of_record ? worker_.table.at(sighting.slot).state : State::FREE;
  worker_.trace.add({.id = static_cast<std::uint32_t>(sighting.id),
                     .slot = sighting.slot,
                     .value = static_cast<std::int32_t>(std::min<std::uint64_t>(sighting.value, INT32_MAX)),
                     .event = base::TraceEvent::finding,
                     .state = static_cast<std::uint8_t>(static_cast<unsigned>(state) & 15U),
                     .before = static_cast<std::uint8_t>(static_cast<unsigned>(state) & 15U),
                     .detail = static_cast<std::uint8_t>(sighting.finding)});
  const Severity severity = watch::row(sighting.finding).severity;
  if (severity == Severity::error) error_ = sighting.finding;
  if (severity != Severity::note) messages_.push_back(text_of(sighting));
}

void Doctor::end_findings() {
  for (;;) {
    const Finding ended = findings_.end_next(worker_.now);
    if (ended == Finding::count) return;
    if (watch::row(ended).severity != Severity::note)
      messages_.push_back(text_of_end(ended, findings_[ended]));
  }
}

std::vector<std::string> Doctor::take_messages() { return std::exchange(messages_, {}); }

Finding Doctor::take_error() noexcept { return std::exchange(error_, Finding::count); }

// ---- each turn -------------------------------------------------------------------------------------------

// An event of a connection that is closed may only be counted as stale. The first event of a turn stands for
// all.
void Doctor::check_events(std::span<const sys::Event> events) {
  const bool counted = worker_.table.stale() != std::exchange(stale_before_, worker_.table.stale());
  if (!events.empty() && !counted) {
    const net::Token token = net::Token::unpacked(events.front().token);
    if (token.kind == net::Token::Kind::client &&
        (token.slot >= worker_.table.touched() ||
         worker_.table.at(token.slot).side[kClient].serial != token.serial))
      see({.finding = Finding::stale_event, .slot = token.slot, .value = 1});
  }
  if (worker_.events < events_before_ + kEventsCounted) return;
  const std::uint64_t percent =
      (worker_.idle_events - idle_before_) * 100 / (worker_.events - events_before_);
  if (percent > 50) see({.finding = Finding::level_noise, .value = percent});
  events_before_ = worker_.events;
  idle_before_ = worker_.idle_events;
}

void Doctor::begin_turn(std::span<const sys::Event> events, bool all,
                        std::span<const net::Acceptors::Entry> acceptors) {
  check_events(events);
  if (!std::exchange(to_confirm_, false) || !all) return;
  suspects_.confirm(worker_.table, acceptors);
  note_suspects();
}

// Whether there was progress is a question only if the loop did not want to sleep.
void Doctor::end_turn(TurnFacts turn) {
  if (turn.timeout_ms == 0 && !turn.progress)
    turn.progress = worker_.budget.spent() > 0 || CallChecks::shows_progress(worker_.trace, calls_.next());
  const Sighting wrong = calls_.read(worker_.trace, worker_.runs, worker_.connections);
  if (wrong.finding != Finding::count) see(wrong);
  for (const Sighting& sighting : turns_.check(turn)) see(sighting);
  check_runs(turn);
  check_descriptors();
}

// A clock for each run would cost more than the doctor may: records run many times in a fast turn.
void Doctor::check_runs(const TurnFacts& turn) {
  LongestRun& longest = worker_.longest_run;
  if (turn.ended - turn.woke > kSlowRunUs) timed_until_ = turn.ended + kTimedUs;
  if (turn.ended >= timed_until_ && !longest.measured) return;
  if (longest.us > kSlowRunUs)
    see({.finding = Finding::slow_run, .slot = longest.slot, .id = longest.id, .value = longest.us / 1000});
  longest = {.measured = turn.ended < timed_until_};
}

void Doctor::check_misuse(const sys::DescriptorLedger::Misuse& misuse, std::uint64_t& before,
                          Finding finding) {
  if (misuse.count != std::exchange(before, misuse.count))
    see({.finding = finding, .value = static_cast<std::uint64_t>(misuse.fd)});
}

void Doctor::check_descriptors() {
  const sys::DescriptorLedger& ledger = sys::descriptors();
  check_misuse(ledger.closed_twice(), closed_twice_before_, Finding::double_close);
  check_misuse(ledger.used_closed(), used_closed_before_, Finding::double_close);
  check_misuse(ledger.read_after_end(), read_on_before_, Finding::eof_read_again);
}

// ---- looks -----------------------------------------------------------------------------------------------

std::uint64_t Doctor::next_look() const noexcept {
  if (suspects_.any()) return last_look_ + kLookMs;
  const bool wrong = records_wrong_ + descriptors_wrong_ > 0;
  return worker_.table.used() > 0 || findings_.any() || wrong ? last_look_ + kAsleepMs : 0;
}

void Doctor::note_suspects() {
  for (const Sighting& sighting : suspects_.found()) see(sighting);
  for (const Sighting& sighting : suspects_.kept()) findings_.keep(sighting, worker_.now);
}

void Doctor::look(const Surroundings& with) {
  last_look_ = worker_.now;
  calls_.allow_next();
  suspects_.look(worker_.table, with.acceptors, worker_.now);
  note_suspects();
  to_confirm_ = suspects_.any();
  check_shortage(with);
  if (worker_.now >= last_count_ + kAsleepMs) check_ledgers(with.descriptors);
  if (with.verbose) report_long_waits();
  end_findings();
  turns_.use_baseline(sys::thread_usage());
}

// What was taken and not returned is what its owners have.
void Doctor::check_ledgers(std::size_t other_descriptors) {
  last_count_ = worker_.now;
  const Census census = take_census(worker_);
  check_ledger(records_wrong_, Finding::slot_ledger, worker_.table.used(), census.records);
  const std::size_t open = sys::descriptors().open(), owned = census.descriptors + other_descriptors;
  check_ledger(descriptors_wrong_, Finding::fd_ledger, open, owned,
               open > owned ? "They are open, and nothing uses them." : "They are in use, and closed.");
}

// `looks`: that found it wrong, in a row. `booked`: taken and not returned; `owned`: counted at the owners.
void Doctor::check_ledger(unsigned& looks, Finding finding, std::size_t booked, std::size_t owned,
                          std::string_view cause) {
  looks = booked == owned ? 0 : looks + 1;
  if (looks > 2) findings_.keep({.finding = finding}, worker_.now);
  if (looks == 2)
    see({.finding = finding, .value = std::max(booked, owned) - std::min(booked, owned), .cause = cause});
}

void Doctor::check_shortage(const Surroundings& with) {
  const bool starved = worker_.scheduler.block_needed();
  if (!starved) starved_since_ = 0;
  if (starved && starved_since_ == 0) starved_since_ = worker_.now;
  if (starved && worker_.now > starved_since_ + kStarvedMs)
    see({.finding = Finding::starved, .value = worker_.now - starved_since_});
  if (const std::size_t open = sys::descriptors().open(); open * 10 > descriptors_max_ * 9)
    see({.finding = Finding::descriptors_short, .value = open});
  const std::uint64_t dropped = with.dropped_lines - std::exchange(dropped_before_, with.dropped_lines);
  if (dropped > 0) see({.finding = Finding::log_dropped, .value = dropped});
  const std::uint64_t lost = with.lost_entries - std::exchange(lost_before_, with.lost_entries);
  if (lost > 0) see({.finding = Finding::steps_dropped, .value = lost});
}

// Once for each wait, as its deadline identifies it.
void Doctor::report_long_waits() {
  if (reported_.size() < worker_.table.touched()) reported_.resize(worker_.table.touched());
  for (std::uint32_t slot = suspects_.visited_from(); slot < suspects_.visited_to(); ++slot) {
    const request_info& record = worker_.table.at(slot);
    const bool waits = record.state != State::FREE && !record.viewer && record.timer.linked() &&
                       record.wait != plan::Wait::throttle;
    if (!waits || record.deadline == reported_[slot]) continue;
    if (situation_of(record, worker_.now).waited < kLongWaitMs) continue;
    reported_[slot] = record.deadline;
    messages_.push_back(text_of_wait(record, slot, worker_.now));
  }
}

}  // namespace doctor
