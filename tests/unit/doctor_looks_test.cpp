// The looks of the loop doctor at the records, on the simulated kernel.
#include <gtest/gtest.h>

#include "../../src/doctor/census.hpp"
#include "../../src/doctor/doctor.hpp"
#include "../../src/net/acceptors.hpp"
#include "../../src/state/blocks.hpp"
#include "../../src/sys/call_trace.hpp"
#include "bench.hpp"

namespace {

using bench::Bench;
using doctor::Doctor;
using std::string;
using watch::Finding;

constexpr const char* kGet = "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n";

// The doctor beside a bench, which stands for the event loop.
struct Hospital {
  Hospital() { sys::trace_calls(&bench.trace); }
  ~Hospital() { sys::trace_calls(nullptr); }
  Hospital(const Hospital&) = delete;
  Hospital& operator=(const Hospital&) = delete;

  // A turn in which all goes right: its events are delivered.
  void turn(bool verbose = false) {
    bench.settle();
    doctor.begin_turn({}, true, {});
    end(verbose);
  }
  // A turn whose events are lost.
  void lose_events() {
    bench.world.settle();
    std::vector<sys::Event> events(16);
    (void)sys::wait(bench.poller, events, 0);
    doctor.begin_turn({}, true, {});
    end(false);
  }
  void end(bool verbose) {
    const std::uint64_t us = bench.worker->now * 1000;
    doctor.end_turn({.timeout_ms = -1, .woke = us, .ended = us});
    doctor.look({.descriptors = bench_descriptors, .verbose = verbose});
    bench.worker->now += Doctor::kLookMs;
  }
  [[nodiscard]] std::uint64_t seen(Finding finding) const { return doctor.findings()[finding].total; }
  [[nodiscard]] bool healthy() const { return !doctor.findings().any(); }

  Bench bench;
  Doctor doctor{*bench.worker};
  // Of the bench itself.
  std::size_t bench_descriptors = sys::descriptors().open() - doctor::take_census(*bench.worker).descriptors;
};

TEST(DoctorLooks, ALostEdge) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  h.bench.world.remote_send(*client, "GET ");
  h.lose_events();
  EXPECT_TRUE(h.healthy()) << "one look: it may be on its way";
  h.lose_events();
  EXPECT_TRUE(h.healthy()) << "confirmed once";
  h.lose_events();
  EXPECT_EQ(h.seen(Finding::edge_not_drained), 1U);
  EXPECT_EQ(h.doctor.take_error(), Finding::edge_not_drained);
  EXPECT_EQ(h.doctor.take_error(), Finding::count) << "once";
  const auto messages = h.doctor.take_messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(messages[0].starts_with("finding edge-not-drained (error): Slot 0 waits for a socket"))
      << messages[0];
  const base::TraceEntry& entry = h.bench.trace.at(h.bench.trace.written() - 1);
  EXPECT_EQ(entry.event, base::TraceEvent::finding);
  EXPECT_EQ(entry.detail, static_cast<std::uint8_t>(Finding::edge_not_drained));
}

TEST(DoctorLooks, ALostEdgeLastsUntilTheSocketIsRead) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  h.bench.world.remote_send(*client, "GET ");
  const auto looks = [&h] {
    for (std::uint64_t ms = 0; ms < 2 * watch::FindingLog::kQuietMs; ms += Doctor::kLookMs) h.lose_events();
  };
  looks();
  EXPECT_TRUE(h.doctor.findings()[Finding::edge_not_drained].lasts) << "it is still so";
  h.bench.world.remote_send(*client, "/");
  h.turn();  // the event of the new byte: all are read
  looks();
  EXPECT_FALSE(h.doctor.findings()[Finding::edge_not_drained].lasts);
}

TEST(DoctorLooks, EachRecordWithALostEdgeIsNamedAsLongAsItIsThere) {
  Hospital h;
  const auto one = h.bench.client(), other = h.bench.client();
  h.turn();
  for (const auto& client : {one, other}) h.bench.world.remote_send(*client, "GET ");
  const auto looks = [&h] {
    for (std::uint64_t ms = 0; ms < 2 * watch::FindingLog::kQuietMs; ms += Doctor::kLookMs) h.lose_events();
  };
  looks();
  const auto& entry = h.doctor.findings()[Finding::edge_not_drained];
  ASSERT_EQ(entry.named().size(), 2U);
  for (const auto& record : entry.named()) EXPECT_GE(record.last + 2 * Doctor::kLookMs, h.bench.worker->now);
  EXPECT_EQ(entry.shown().slot, 0U);
  h.bench.world.remote_send(*one, "/");
  h.turn();
  looks();
  EXPECT_TRUE(entry.lasts);
  EXPECT_EQ(entry.shown().slot, 1U) << "the record that is still so";
}

TEST(DoctorLooks, AnEventOnItsWayIsRight) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  for (int i = 0; i < 5; ++i) {
    h.bench.world.remote_send(*client, "G");
    h.bench.world.settle();
    h.end(false);  // the bytes are there, and the event is due
    h.turn();
  }
  EXPECT_TRUE(h.healthy());
}

TEST(DoctorLooks, AForgottenMark) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  h.bench.record().side[kClient].readable = true;
  h.end(false);
  EXPECT_TRUE(h.healthy());
  h.end(false);
  EXPECT_EQ(h.seen(Finding::forgotten_mark), 1U);
}

TEST(DoctorLooks, NoDeadline) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  h.bench.scheduler.stop_timer(h.bench.record());
  h.end(false);
  h.end(false);
  EXPECT_EQ(h.seen(Finding::no_deadline), 1U);
}

TEST(DoctorLooks, Overdue) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  h.bench.worker->now += h.bench.config.wait(plan::Wait::idle) + 1000;
  h.end(false);
  h.end(false);
  h.end(false);
  EXPECT_EQ(h.seen(Finding::overdue), 1U);
}

TEST(DoctorLooks, ForeignEvents) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  const net::Token own{h.bench.record().side[kClient].serial, 0, net::Token::Kind::client};
  const net::Token old{own.serial + 100, 0, net::Token::Kind::client};
  sys::Event event{
      .token = own.packed(), .readable = true, .writable = false, .finished = false, .hung = false};
  h.doctor.begin_turn({&event, 1}, true, {});
  EXPECT_TRUE(h.healthy());
  event.token = old.packed();
  deliver(old, event, *h.bench.worker);
  h.doctor.begin_turn({&event, 1}, true, {});
  EXPECT_TRUE(h.healthy()) << "it was counted as stale";
  h.doctor.begin_turn({&event, 1}, true, {});
  EXPECT_EQ(h.seen(Finding::stale_event), 1U) << "it was not";
}

TEST(DoctorLooks, EventsWithoutNews) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  const net::Token token{h.bench.record().side[kClient].serial, 0, net::Token::Kind::client};
  const sys::Event event{
      .token = token.packed(), .readable = false, .writable = true, .finished = false, .hung = false};
  for (int i = 0; i < 10'001; ++i) {
    deliver(token, event, *h.bench.worker);
    h.bench.run_turn();
  }
  h.doctor.begin_turn({}, true, {});
  EXPECT_EQ(h.seen(Finding::level_noise), 1U);
}

TEST(DoctorLooks, Descriptors) {
  Hospital h;
  h.turn();
  EXPECT_TRUE(h.healthy());
  sys::descriptors().closed(9999);
  h.turn();
  EXPECT_EQ(h.seen(Finding::double_close), 1U);
  sys::descriptors().opened(9999);
  sys::descriptors().ended(9999);
  h.turn();
  EXPECT_EQ(h.seen(Finding::eof_read_again), 0U);
  sys::descriptors().ended(9999);
  h.turn();
  EXPECT_EQ(h.seen(Finding::eof_read_again), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::eof_read_again].first.value, 9999U);
  for (int fd = 10'000; fd < 10'250; ++fd) sys::descriptors().opened(fd);
  h.turn();
  EXPECT_EQ(h.seen(Finding::descriptors_short), 1U);
  for (int fd = 9999; fd < 10'250; ++fd) sys::descriptors().closed(fd);
}

// A second passes at each.
void look_twice(Hospital& h) {
  for (int i = 0; i < 2; ++i) {
    h.bench.worker->now += Doctor::kAsleepMs;
    h.end(false);
  }
}

TEST(DoctorLooks, TheDescriptorThatIsMisusedNow) {
  Hospital h;
  sys::descriptors().closed(9998);
  h.turn(true);
  EXPECT_EQ(h.doctor.findings()[Finding::double_close].first.value, 9998U);
  h.bench.worker->now += 60'000;  // that has ended
  h.turn(true);
  h.turn(true);
  sys::descriptors().not_open(9999);
  h.turn(true);
  EXPECT_EQ(h.doctor.findings()[Finding::double_close].first.value, 9999U);
}

TEST(DoctorLooks, ADescriptorThatNothingUses) {
  Hospital h;
  auto& host = h.bench.origin();
  const auto client = h.bench.client();
  h.bench.send(client, kGet);
  h.turn();
  look_twice(h);
  EXPECT_TRUE(h.healthy());
  const int upstream = h.bench.record().side[kUpstream].fd.release();
  h.bench.worker->now += Doctor::kAsleepMs;
  h.end(false);
  EXPECT_TRUE(h.healthy()) << "one look";
  look_twice(h);
  EXPECT_EQ(h.seen(Finding::fd_ledger), 1U);
  EXPECT_EQ(h.doctor.take_messages().at(0),
            "finding fd-ledger (error): 1 descriptors are not accounted for. They are open, and nothing uses "
            "them.");
  h.bench.worker->now += watch::FindingLog::kQuietMs;
  h.end(false);
  EXPECT_TRUE(h.doctor.findings()[Finding::fd_ledger].lasts) << "it is still so";
  sys::close_fd(upstream);
  look_twice(h);
  h.bench.worker->now += watch::FindingLog::kQuietMs;
  h.end(false);
  EXPECT_FALSE(h.doctor.findings()[Finding::fd_ledger].lasts);
  (void)host;
}

TEST(DoctorLooks, ADescriptorThatIsClosedByAnother) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  sys::descriptors().closed(h.bench.record().side[kClient].fd.get());
  look_twice(h);
  EXPECT_EQ(h.seen(Finding::fd_ledger), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::fd_ledger].first.cause, "They are in use, and closed.");
  sys::descriptors().opened(h.bench.record().side[kClient].fd.get());
}

TEST(DoctorLooks, DroppedLogLines) {
  Hospital h;
  h.doctor.look({.dropped_lines = 3});
  EXPECT_EQ(h.doctor.findings()[Finding::log_dropped].first.value, 3U);
}

TEST(DoctorLooks, DroppedSteps) {
  Hospital h;
  h.doctor.look({.lost_entries = 3});
  h.doctor.look({.lost_entries = 3});
  EXPECT_EQ(h.seen(Finding::steps_dropped), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::steps_dropped].first.value, 3U);
}

// ---- shortage --------------------------------------------------------------------------------------------

TEST(DoctorLooks, Starved) {
  Hospital h;
  std::vector<base::BlockPtr> held;
  for (int i = 0; i < 16; ++i) held.push_back(h.bench.blocks_pool.take());
  const auto client = h.bench.client();
  h.bench.send(client, "GET ");
  ASSERT_TRUE(h.bench.record().needs_block);
  h.turn();
  h.bench.worker->now += Doctor::kStarvedMs - Doctor::kLookMs;
  h.turn();
  EXPECT_EQ(h.seen(Finding::starved), 0U) << "a second is not over";
  h.turn();
  EXPECT_EQ(h.seen(Finding::starved), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::starved].first.value, Doctor::kStarvedMs + Doctor::kLookMs);
  held.clear();
  state::feed_starved(*h.bench.worker);
  h.turn();
  held.clear();
  for (int i = 0; i < 20; ++i) h.turn();
  EXPECT_EQ(h.seen(Finding::starved), 1U) << "it has its block";
}

// ---- listeners -------------------------------------------------------------------------------------------

constexpr std::uint16_t kPort = 9090;

// The doctor beside a listener of its own.
struct Entrance : Hospital {
  Entrance() { open(); }
  void open() {
    const net::Acceptors::Wanted wanted{.address = sys::loopback4(kPort)};
    EXPECT_EQ(acceptors.prepare({&wanted, 1}).error, 0);
    EXPECT_EQ(acceptors.commit(bench.poller), 0);
  }
  // A look, and then a wait. `report`: its events reach the listener.
  void look_and_wait(bool report) {
    doctor.look({.acceptors = acceptors.all(), .descriptors = bench_descriptors + acceptors.descriptors()});
    bench.worker->now += Doctor::kLookMs;
    bench.world.settle();
    std::vector<sys::Event> events(16);
    const std::size_t count = sys::wait(bench.poller, events, 0).count;
    for (std::size_t i = 0; i < count && report; ++i)
      acceptors.mark(net::Token::unpacked(events[i].token).slot);
    doctor.begin_turn({}, true, acceptors.all());
  }
  net::Acceptors acceptors;
};

TEST(DoctorLooks, AListenerThatIsNotDrained) {
  Entrance e;
  e.look_and_wait(true);
  const auto client = e.bench.world.connect_to_program(kPort);
  e.look_and_wait(false);
  EXPECT_TRUE(e.healthy()) << "the event may have been on its way";
  e.look_and_wait(false);
  e.look_and_wait(false);
  EXPECT_EQ(e.seen(Finding::listener_not_drained), 1U);
  EXPECT_EQ(e.doctor.take_messages().at(0),
            "finding listener-not-drained (error): Clients wait at listener 9090, and no further event will "
            "report them: accept stopped before EAGAIN.");
}

TEST(DoctorLooks, AListenerThatIsDrained) {
  Entrance e;
  for (int i = 0; i < 5; ++i) {
    const auto client = e.bench.world.connect_to_program(kPort);
    e.look_and_wait(true);
    net::Acceptor& acceptor = e.acceptors.all()[0].acceptor;
    sys::Address peer;
    while (acceptor.ready(e.bench.worker->now))
      (void)acceptor.accept(peer, e.bench.worker->now, "", e.bench.worker->upstreams);
  }
  EXPECT_TRUE(e.healthy());
}

// Without a descriptor, not even a reserved one, accepting pauses.
TEST(DoctorLooks, Backlog) {
  Entrance e;
  net::Acceptor& acceptor = e.acceptors.all()[0].acceptor;
  const auto first = e.bench.world.connect_to_program(kPort);
  const auto second = e.bench.world.connect_to_program(kPort);
  e.look_and_wait(true);
  sys::Address peer;
  e.bench.world.failure = {.call = sim::Call::accept, .nth = 0, .error = ENOMEM};
  EXPECT_FALSE(acceptor.accept(peer, e.bench.worker->now, "", e.bench.worker->upstreams));
  ASSERT_NE(acceptor.wakes_at(), 0U);
  e.look_and_wait(true);
  EXPECT_TRUE(e.healthy()) << "one look";
  e.look_and_wait(true);
  EXPECT_EQ(e.seen(Finding::backlog), 1U);
  EXPECT_EQ(e.seen(Finding::listener_not_drained), 0U) << "it will be accepted after the pause";
}

// ---- runs and records ------------------------------------------------------------------------------------

TEST(DoctorLooks, SlotLedger) {
  Hospital h;
  const auto client = h.bench.client();
  h.turn();
  look_twice(h);
  EXPECT_TRUE(h.healthy());
  request_info* const lost = h.bench.table.take();
  look_twice(h);
  EXPECT_EQ(h.seen(Finding::slot_ledger), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::slot_ledger].first.value, 1U);
  h.bench.table.give(*lost);
}

// A turn that took long, and then one in which a record ran so long.
TEST(DoctorLooks, SlowRun) {
  Hospital h;
  const auto client = h.bench.client();
  const auto turn = [&h](std::uint64_t woke, std::uint64_t ended) {
    h.doctor.end_turn({.timeout_ms = -1, .woke = woke, .ended = ended, .events = 1, .progress = true});
  };
  turn(1'000'000, 1'009'000);
  EXPECT_FALSE(h.bench.worker->longest_run.measured) << "the loop is fast";
  turn(1'010'000, 1'021'000);
  EXPECT_TRUE(h.bench.worker->longest_run.measured);
  h.bench.send(client, "GET ");
  EXPECT_EQ(h.bench.worker->longest_run.us, 0U) << "the clock of this world stands still";
  h.bench.worker->longest_run.us = Doctor::kSlowRunUs;
  turn(1'030'000, 1'031'000);
  EXPECT_EQ(h.seen(Finding::slow_run), 0U);
  h.bench.worker->longest_run = {.measured = true, .slot = 0, .id = 1, .us = 12'000};
  turn(1'040'000, 1'041'000);
  EXPECT_EQ(h.seen(Finding::slow_run), 1U);
  EXPECT_EQ(h.doctor.findings()[Finding::slow_run].first.value, 12U);
  EXPECT_EQ(h.bench.worker->longest_run.us, 0U) << "of each turn";
  turn(1'021'000 + Doctor::kTimedUs, 1'021'001 + Doctor::kTimedUs);
  EXPECT_FALSE(h.bench.worker->longest_run.measured) << "the loop has been fast for a second";
}

TEST(DoctorLooks, ALongWaitIsReportedOnce) {
  Hospital h;
  const auto client = h.bench.client();
  h.bench.send(client, "GET http");
  h.turn(true);
  h.bench.worker->now += doctor::kLongWaitMs;
  h.turn(true);
  h.turn(true);
  const auto messages = h.doctor.take_messages();
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0],
            "[slot 0, #1] READ_REQUEST: The request head has been incomplete for 5.1 s; 8 bytes are held. In "
            "24.9 s "
            "the client gets 408 (--head-timeout).");
}

TEST(DoctorLooks, SleepsWithoutConnections) {
  Hospital h;
  h.turn();
  EXPECT_EQ(h.doctor.next_look(), 0U);
  const std::uint64_t last = h.bench.worker->now - Doctor::kLookMs;
  {
    const auto client = h.bench.client();
    EXPECT_EQ(h.doctor.next_look(), last + Doctor::kAsleepMs);
    h.bench.world.remote_close(*client);
    h.bench.settle();
  }
  EXPECT_EQ(h.doctor.next_look(), 0U);
}

TEST(DoctorLooks, AHealthyRequest) {
  Hospital h;
  auto& host = h.bench.origin();
  const auto client = h.bench.client();
  h.turn();
  h.bench.send(client, kGet);
  h.turn();
  const auto origin = h.bench.arrival(host);
  h.turn();
  h.bench.send(origin, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
  h.turn();
  h.bench.world.remote_close(*origin);
  h.bench.world.remote_close(*client);
  h.turn();
  h.turn();
  EXPECT_TRUE(h.healthy());
}

}  // namespace
