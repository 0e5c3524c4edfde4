// The checks of the loop doctor on what they are given: entries of the trace, and turns.
#include <gtest/gtest.h>

#include <vector>

#include "../../src/doctor/call_checks.hpp"
#include "../../src/doctor/turn_checks.hpp"
#include "../../src/sys/call_trace.hpp"
#include "../sim/kernel.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;
using doctor::CallChecks;
using doctor::TurnChecks;
using sys::Call;
using watch::Finding;

// ---- calls -----------------------------------------------------------------------------------------------

class Calls {
 public:
  Calls& call(std::uint32_t slot, Call call, std::uint32_t fd, std::int32_t value, int error = 0) {
    trace_.add({.id = fd,
                .slot = slot,
                .value = value,
                .event = TraceEvent::called,
                .detail = static_cast<std::uint8_t>(call),
                .error = static_cast<std::uint8_t>(base::traced_error(error) & 127U)});
    return *this;
  }
  Calls& step(std::uint32_t slot, TraceEvent event, std::int32_t value = 0) {
    trace_.add({.id = 1, .slot = slot, .value = value, .event = event});
    connections_ += event == TraceEvent::accepted ? 1 : 0;
    return *this;
  }
  Calls& allow_next() {
    checks_.allow_next();
    return *this;
  }
  watch::Sighting wrong(std::size_t runs = 1) { return checks_.read(trace_, runs, connections_); }
  // The entries since the last call show progress.
  bool progress() {
    const bool shown = CallChecks::shows_progress(trace_, checks_.next());
    wrong();
    return shown;
  }

 private:
  std::vector<TraceEntry> room_ = std::vector<TraceEntry>(64);
  base::Trace trace_{room_};
  CallChecks checks_;
  std::uint64_t connections_ = 0;
};

TEST(DoctorCalls, ARequestIsRight) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).call(3, Call::receive, 9, 80).call(3, Call::transmit, 10, 80);
  calls.call(3, Call::receive, 10, 500).call(3, Call::transmit, 9, 500).call(3, Call::receive, 9, 0);
  EXPECT_EQ(calls.step(3, TraceEvent::released, 580).wrong().finding, Finding::count);
}

TEST(DoctorCalls, BytesLost) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).call(3, Call::receive, 9, 80).call(3, Call::transmit, 9, 40);
  const watch::Sighting wrong = calls.step(3, TraceEvent::released, 80).wrong();
  EXPECT_EQ(wrong.finding, Finding::bytes_lost);
  EXPECT_EQ(wrong.slot, 3U);
  EXPECT_EQ(wrong.value, 40U);
}

TEST(DoctorCalls, TheBytesOfTheLastConnectionDoNotCount) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).call(3, Call::transmit, 9, 40).step(3, TraceEvent::released, 40);
  EXPECT_EQ(calls.wrong().finding, Finding::count);
  calls.allow_next().step(3, TraceEvent::accepted, 9);
  EXPECT_EQ(calls.step(3, TraceEvent::released, 1).wrong().finding, Finding::bytes_lost);
}

TEST(DoctorCalls, FollowsOneConnection) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).step(4, TraceEvent::accepted, 10);
  EXPECT_EQ(calls.step(4, TraceEvent::released, 1).wrong().finding, Finding::count) << "not this one";
  EXPECT_EQ(calls.step(3, TraceEvent::released, 0).wrong().finding, Finding::count);
  calls.step(4, TraceEvent::accepted, 10);
  EXPECT_EQ(calls.step(4, TraceEvent::released, 1).wrong().finding, Finding::count) << "too soon";
  calls.allow_next().step(4, TraceEvent::accepted, 10);
  EXPECT_EQ(calls.step(4, TraceEvent::released, 1).wrong().finding, Finding::bytes_lost) << "the next one";
  calls.allow_next().step(5, TraceEvent::accepted, 9).wrong();
  for (std::uint64_t i = 0; i < CallChecks::kEntriesMax; ++i) calls.call(5, Call::transmit, 9, 1).wrong();
  calls.allow_next().step(6, TraceEvent::accepted, 10).wrong();
  EXPECT_EQ(calls.step(6, TraceEvent::released, 1).wrong().finding, Finding::bytes_lost)
      << "one that does not end is not followed without end";
}

// A transfer of no record, such as a DNS message, after the end of the connection in the same turn.
TEST(DoctorCalls, OtherCallsAfterItsEnd) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).step(3, TraceEvent::released, 0);
  for (int i = 0; i < 3; ++i) calls.call(TraceEntry::kNoSlot, Call::receive, 12, 1 << 20);
  EXPECT_EQ(calls.wrong().finding, Finding::count);
}

TEST(DoctorCalls, LostEntries) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).wrong();
  for (int i = 0; i < 70; ++i) calls.call(3, Call::transmit, 9, 10);
  EXPECT_EQ(calls.step(3, TraceEvent::released, 700).wrong().finding, Finding::count)
      << "what was counted is not all";
}

TEST(DoctorCalls, Unfair) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9);
  const std::int32_t share = 65'536;
  calls.call(3, Call::receive, 9, 4 * share).call(4, Call::receive, 10, 1);
  EXPECT_EQ(calls.wrong(100).finding, Finding::count);
  calls.call(3, Call::receive, 9, 4 * share + 1).call(4, Call::receive, 10, 1);
  EXPECT_EQ(calls.wrong(100).finding, Finding::unfair);
  EXPECT_EQ(calls.call(3, Call::receive, 9, 4 * share + 1).wrong(1).finding, Finding::count)
      << "no other record runs";
}

TEST(DoctorCalls, UnfairInItsLastTurn) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9).call(3, Call::receive, 9, 1 << 20);
  const watch::Sighting wrong = calls.step(3, TraceEvent::released, 0).wrong(100);
  EXPECT_EQ(wrong.finding, Finding::unfair);
  EXPECT_EQ(wrong.slot, 3U);
}

TEST(DoctorCalls, ReadAhead) {
  Calls calls;
  calls.step(3, TraceEvent::accepted, 9);
  for (int i = 0; i < 3; ++i) calls.call(3, Call::receive, 9, 1 << 20);
  EXPECT_EQ(calls.wrong().finding, Finding::read_ahead);
  for (int i = 0; i < 3; ++i) calls.call(3, Call::receive, 9, 1 << 20).call(3, Call::transmit, 10, 1 << 20);
  EXPECT_EQ(calls.wrong().finding, Finding::count);
}

TEST(DoctorCalls, Progress) {
  Calls calls;
  EXPECT_FALSE(calls.progress());
  EXPECT_FALSE(calls.call(3, Call::receive, 9, 0, EAGAIN).step(3, TraceEvent::waited).progress());
  EXPECT_FALSE(calls.call(3, Call::accept, 5, 0, EMFILE).call(3, Call::close, 6, 0).progress());
  EXPECT_FALSE(calls.call(3, Call::receive, 9, 0).progress()) << "the end of a stream";
  EXPECT_TRUE(calls.call(3, Call::receive, 9, 1).progress());
  EXPECT_TRUE(calls.call(TraceEntry::kNoSlot, Call::accept, 5, 9).progress());
  EXPECT_TRUE(calls.step(3, TraceEvent::entered).progress());
}

// ---- turns -----------------------------------------------------------------------------------------------

class NoChoice final : public sim::Chooser {
 public:
  std::uint32_t choose(std::uint32_t) override { return 0; }
};

class Turns {
 public:
  Turns() { world_.enter(); }
  ~Turns() { world_.leave(); }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // A turn that begins `after` the last one and takes `took`, in µs. Returns what it shows.
  std::vector<watch::Sighting> turn(std::uint64_t after, std::uint64_t took, doctor::TurnFacts facts) {
    facts.woke = now_ + after;
    facts.ended = now_ = facts.woke + took;
    const auto found = checks_.check(facts);
    return {found.begin(), found.end()};
  }
  // The number of such turns until something is found.
  std::size_t turns_until_found(std::size_t most, std::uint64_t took, const doctor::TurnFacts& facts) {
    for (std::size_t i = 1; i <= most; ++i)
      if (const auto found = turn(1, took, facts); !found.empty()) {
        EXPECT_EQ(found.front().finding, Finding::spin);
        return i;
      }
    return 0;
  }

 private:
  NoChoice choice_;
  sim::World world_{choice_, {}};
  TurnChecks checks_;
  std::uint64_t now_ = 5'000'000;
};

TEST(DoctorTurns, Slow) {
  Turns turns;
  EXPECT_TRUE(turns.turn(0, 50'000, {.events = 1, .progress = true}).empty());
  const auto found = turns.turn(0, 81'000, {.events = 1, .progress = true});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding, Finding::slow_turn);
  EXPECT_EQ(found[0].value, 81U);
  EXPECT_FALSE(found[0].cause.empty());
}

TEST(DoctorTurns, LateWake) {
  Turns turns;
  turns.turn(0, 10, {.events = 1, .progress = true});
  EXPECT_TRUE(turns.turn(1'019'000, 10, {.timeout_ms = 1000}).empty());
  EXPECT_TRUE(turns.turn(9'000'000, 10, {.timeout_ms = -1, .events = 1}).empty())
      << "it slept until the event";
  const auto found = turns.turn(1'031'000, 10, {.timeout_ms = 1000});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].finding, Finding::late_wake);
  EXPECT_EQ(found[0].value, 31U);
}

TEST(DoctorTurns, Spin) {
  Turns turns;
  EXPECT_EQ(turns.turns_until_found(5000, 10, {.timeout_ms = 0}), TurnChecks::kSpinTurns);
  EXPECT_EQ(turns.turns_until_found(5000, 3000, {.timeout_ms = 0, .events = 1}), TurnChecks::kSpinTurnsMin);
  EXPECT_EQ(turns.turns_until_found(5000, 10, {.timeout_ms = 0, .progress = true}), 0U);
  EXPECT_EQ(turns.turns_until_found(5000, 10, {.timeout_ms = 1}), 0U) << "it sleeps";
  EXPECT_EQ(turns.turns_until_found(5000, 3000, {.timeout_ms = -1, .events = 1}), 0U)
      << "events cause its turns";
}

TEST(DoctorTurns, ManyRuns) {
  struct Row {
    const char* title;
    std::uint64_t took;
    std::size_t events;
    Finding finding;
  };
  const Row rows[] = {{"a full loop", 12'000, 10, Finding::scheduled_late},
                      {"large transfers", 5'000, 0, Finding::self_wakes},
                      {"small requests", 1'000, 10, Finding::count}};
  for (const Row& row : rows) {
    Turns turns;
    Finding found = Finding::count;
    for (std::size_t i = 0; i < 2500 && found == Finding::count; ++i)
      for (const auto& one : turns.turn(10, row.took, {.events = row.events, .runs = 50, .progress = true}))
        found = one.finding;
    EXPECT_EQ(found, row.finding) << row.title;
  }
}

}  // namespace
