// The looks of the loop doctor at the records, on the simulated kernel.
#include <gtest/gtest.h>

#include "../../src/doctor/census.hpp"
#include "../../src/doctor/doctor.hpp"
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

TEST(DoctorLooks, ALongWaitIsReportedOnce) {
  Hospital h;
  const auto client = h.bench.client();
  h.bench.send(client, "GET http");
  h.turn(true);
  h.bench.worker->now += Doctor::kLongWaitMs;
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
