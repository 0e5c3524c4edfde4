// src/sys/call_trace: what is noted of a system call, on the simulated kernel.
#include "../../src/sys/call_trace.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "bench.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;
using std::string;
using sys::Call;

// The calls in the trace: "recv 23", "recv EAGAIN", with an error as its number.
class CallTrace : public testing::Test {
 protected:
  CallTrace() { sys::trace_calls(&b.trace); }
  ~CallTrace() override { sys::trace_calls(nullptr); }
  CallTrace(const CallTrace&) = delete;
  CallTrace& operator=(const CallTrace&) = delete;

  [[nodiscard]] string calls_since(std::uint64_t position) const {
    string all;
    for (; position < b.trace.written(); ++position) {
      const TraceEntry& entry = b.trace.at(position);
      if (entry.event != TraceEvent::called) continue;
      all += string{all.empty() ? "" : ", "} + string{name(static_cast<Call>(entry.detail))} + ' ';
      all += entry.error == 0 ? std::to_string(entry.value) : "error " + std::to_string(entry.error);
    }
    return all;
  }

  bench::Bench b;
};

TEST_F(CallTrace, ResultsAndErrors) {
  const string again = "error " + std::to_string(EAGAIN);
  auto& host = b.origin();
  const auto client = b.client();
  b.settle();
  std::uint64_t from = b.trace.written();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  EXPECT_NE(calls_since(from).find("recv 33"), string::npos) << calls_since(from);
  EXPECT_NE(calls_since(from).find("connect 0"), string::npos) << calls_since(from);
  const auto upstream = b.arrival(host);
  from = b.trace.written();
  b.send(upstream, "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_NE(calls_since(from).find("recv 50"), string::npos) << calls_since(from);
  EXPECT_NE(calls_since(from).find("close 0"), string::npos) << calls_since(from);
  from = b.trace.written();
  const sys::Opened nowhere = sys::connect_local("/nowhere");
  EXPECT_EQ(calls_since(from), "connect error " + std::to_string(ENOENT));
  EXPECT_EQ(static_cast<std::int32_t>(b.trace.at(from).id), -1);
  EXPECT_EQ(b.trace.at(from).slot, TraceEntry::kNoSlot) << "no record runs";
  sys::Address peer;
  from = b.trace.written();
  EXPECT_FALSE(sys::accept(b.listener, peer).fd);
  EXPECT_EQ(calls_since(from), "accept4 " + again);
}

TEST_F(CallTrace, ACallBelongsToTheRecordThatRuns) {
  b.origin();
  const auto one = b.client(), two = b.client();
  b.settle();
  for (const auto& [client, slot] : {std::pair{one, 0U}, std::pair{two, 1U}}) {
    const std::uint64_t from = b.trace.written();
    b.send(client, "GET http://10.0.0.1/ HT");
    std::size_t calls = 0;
    for (std::uint64_t at = from; at < b.trace.written(); ++at) {
      if (b.trace.at(at).event != TraceEvent::called) continue;
      ++calls;
      EXPECT_EQ(b.trace.at(at).slot, slot);
      EXPECT_EQ(b.trace.at(at).state, static_cast<std::uint8_t>(State::READ_REQUEST));
    }
    EXPECT_EQ(calls, 1U) << "recv(2)";
  }
}

// So a reader can go backwards: each entry of a slot begins where the one before it ended.
TEST_F(CallTrace, EachEntryTellsTheStateBeforeIt) {
  auto& host = b.origin();
  for (int round = 0; round < 3; ++round) {
    const auto client = b.client();
    b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
    b.send(b.arrival(host), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
    b.settle();
  }
  std::map<std::uint32_t, std::uint8_t> state;
  std::size_t steps = 0;
  for (std::uint64_t at = b.trace.oldest(); at < b.trace.written(); ++at) {
    const TraceEntry& entry = b.trace.at(at);
    if (entry.slot == TraceEntry::kNoSlot) continue;
    EXPECT_EQ(entry.before, state[entry.slot]) << at;
    steps += entry.before == entry.state ? 0 : 1;
    state[entry.slot] = entry.state;
  }
  EXPECT_EQ(steps, 3U * 5U) << "FREE, four states, FREE again, three times";
}

TEST_F(CallTrace, NothingIsNotedWithoutATrace) {
  sys::trace_calls(nullptr);
  const std::uint64_t from = b.trace.written();
  const sys::Opened nowhere = sys::connect_local("/nowhere");
  EXPECT_EQ(b.trace.written(), from);
}

}  // namespace
