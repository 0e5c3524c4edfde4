// Output: the sink, the access log and the trace printer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "../../src/sys/call_trace.hpp"
#include "../../src/watch/access_log.hpp"
#include "../../src/watch/sink.hpp"
#include "../../src/watch/trace_printer.hpp"
#include "bench.hpp"

namespace {

using std::string;

class SinkTest : public testing::Test {
 protected:
  SinkTest() : world(chooser, bench::kind()) {
    world.enter();
    sink.emplace(sys::open_stdout().fd);
  }
  ~SinkTest() override {
    sink.reset();
    world.leave();
  }
  SinkTest(const SinkTest&) = delete;
  SinkTest& operator=(const SinkTest&) = delete;
  // The nth write fails with `error`.
  void refuse(std::uint32_t nth, int error) { world.failure = {sim::Call::append, nth, error}; }

  bench::First chooser;
  sim::World world;
  std::optional<watch::Sink> sink;
};

TEST_F(SinkTest, WritesInBatches) {
  sink->add("one\n", 1000);
  sink->flush_if_due(1000);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(sink->next_flush(), 1000 + watch::Sink::kBatchMs);
  sink->add("two\n", 1100);
  sink->flush_if_due(1000 + watch::Sink::kBatchMs);
  EXPECT_EQ(world.log, "one\ntwo\n");
  EXPECT_EQ(sink->next_flush(), 0U);
}

TEST_F(SinkTest, WritesACompleteBatchAtOnce) {
  const string line(1000, 'x');
  for (int i = 0; i < 17; ++i) sink->add(line, 1000);
  sink->flush_if_due(1000);
  EXPECT_EQ(world.log.size(), 17'000U);
}

TEST_F(SinkTest, DropsLinesWhenFullAndReportsThem) {
  const string line(1023, 'x');
  for (int i = 0; i < 300; ++i) sink->add(line + "\n", 1000);
  EXPECT_EQ(sink->dropped(), 300 - watch::Sink::kBufferMax / 1024);
  refuse(0, EAGAIN);
  sink->flush(1000);
  EXPECT_TRUE(world.log.empty());
  EXPECT_EQ(sink->next_flush(), 1000 + watch::Sink::kBatchMs) << "it is retried";
  sink->flush(2000);
  sink->flush(2000);
  EXPECT_NE(world.log.find("44 log lines dropped"), string::npos) << world.log.substr(world.log.size() - 100);
}

TEST_F(SinkTest, RetriesAFailedWriteWhenDue) {
  sink->add(string(20'000, 'x') + "\n", 1000);
  refuse(0, ENOSPC);
  sink->flush_if_due(1000);
  EXPECT_EQ(sink->next_flush(), 1000 + watch::Sink::kFailedMs);
  world.failure.reset();
  sink->add("more\n", 1001);
  sink->flush_if_due(1001);
  EXPECT_TRUE(world.log.empty()) << "a full disk is not retried for each line";
  sink->flush_if_due(1000 + watch::Sink::kFailedMs);
  EXPECT_EQ(world.log.size(), 20'006U);
}

TEST_F(SinkTest, SyslogSendsOneDatagramPerLineAtOnce) {
  watch::Sink syslog{sys::open_datagrams("/dev/log").fd, watch::log_target("syslog")};
  syslog.add("one\n", 1000);
  syslog.flush_if_due(1000);
  syslog.add("two \n", 1000);
  syslog.flush_if_due(1000);
  // 1'700'001'000 s: the simulated kernel's time.
  EXPECT_EQ(world.log, "<30>Nov 14 22:30:00 proxy: one\n<30>Nov 14 22:30:00 proxy: two \n");
}

TEST_F(SinkTest, RetriesAFullSyslogQueueSoon) {
  watch::Sink syslog{sys::open_datagrams("/dev/log").fd, watch::log_target("syslog")};
  syslog.add("one\n", 1000);
  refuse(0, EAGAIN);
  syslog.flush_if_due(1000);
  EXPECT_EQ(syslog.next_flush(), 1000 + watch::kSyslog.again_ms);
  world.failure.reset();
  for (int i = 0; i < 30'000; ++i) syslog.add("0123456789\n", 1000);
  EXPECT_GT(syslog.dropped(), 0U);
  syslog.flush(2000);
  EXPECT_NE(world.log.find(" proxy: proxy: " + std::to_string(syslog.dropped()) + " log lines dropped here"),
            string::npos);
}

TEST_F(SinkTest, ReopensAFileByItsName) {
  EXPECT_EQ(sink->reopen(1000), 0) << "standard output has no name";
  watch::Sink file{sys::open_log("log").fd, watch::log_target("log")};
  const std::size_t descriptors = world.descriptors();
  file.add("before\n", 1000);
  EXPECT_EQ(file.reopen(1000), 0);
  EXPECT_EQ(world.log, "before\n") << "written to the old file";
  EXPECT_EQ(world.descriptors(), descriptors) << "the old file is closed";
  world.failure = {sim::Call::open, world.calls_made[static_cast<std::size_t>(sim::Call::open)], EACCES};
  EXPECT_EQ(file.reopen(1000), EACCES);
  file.add("after\n", 1000);
  file.flush(1000);
  EXPECT_EQ(world.log, "before\nafter\n") << "the old file stays in use";
}

TEST(LogTarget, Parse) {
  struct Row {
    const char *option, *path;
    const watch::LogBackend* backend;
  };
  const Row rows[] = {{"log", "log", &watch::kFile},
                      {"syslog", "/dev/log", &watch::kSyslog},
                      {"syslog:/run/x", "/run/x", &watch::kSyslog},
                      {"./syslog", "./syslog", &watch::kFile},
                      {"syslog.txt", "syslog.txt", &watch::kFile}};
  for (const Row& row : rows) {
    const watch::LogTarget target = watch::log_target(row.option);
    EXPECT_EQ(target.path, row.path);
    EXPECT_EQ(target.backend, row.backend) << row.option;
  }
}

TEST(Notice, TextAndJson) {
  EXPECT_EQ(watch::as_text("a \"b\""), "a \"b\"\n");
  EXPECT_EQ(watch::as_json("a \"b\" \\"), "{\"notice\":\"a \\\"b\\\" \\\\\"}\n");
}

TEST(Sink, WithoutADescriptorIgnoresLines) {
  watch::Sink sink;
  sink.add("line\n", 0);
  EXPECT_EQ(sink.next_flush(), 0U);
}

using plan::LogFormat;

template <std::size_t N>
std::size_t set(std::array<char, N>& field, std::string_view text) {
  return text.copy(field.data(), N);
}

class AccessLog : public testing::Test {
 protected:
  AccessLog() {
    exchange.id = 17;
    exchange.wall_ms = 784'111'777'123;  // 1994-11-06 08:49:37
    exchange.client = sys::loopback4(50312);
    exchange.sent_up = 92;
    exchange.sent_down = 5120;
    exchange.head_down = 120;
    exchange.state_ms = {0, 1, 20, 3, 4};
    exchange.phase_ms = {5, 6, 9};
    exchange.phases = 0b111;
    exchange.announced = true;
    exchange.body_length = 6000;
    exchange.ended_in = State::SEND_RESPONSE;
    exchange.status = 200;
    exchange.reason = base::Reason::complete;
    exchange.method_length = static_cast<std::uint8_t>(set(exchange.method, "GET"));
    url("http://o.test/a");
  }
  void url(std::string_view text) {
    exchange.target_length = static_cast<std::uint16_t>(set(exchange.target, text));
  }
  void agent(std::string_view text) {
    exchange.agent_length = static_cast<std::uint8_t>(set(exchange.agent, text));
  }
  void referer(std::string_view text) {
    exchange.referer_length = static_cast<std::uint8_t>(set(exchange.referer, text));
  }
  [[nodiscard]] string line(LogFormat format) const {
    std::array<char, watch::kAccessLineMax> room;
    base::Writer out{room};
    watch::write_access_line(format, exchange, out);
    EXPECT_FALSE(out.overflowed());
    return string{out.view()};
  }

  AccessRecord exchange;
};

TEST_F(AccessLog, Own) {
  EXPECT_EQ(
      line(LogFormat::own),
      "1994-11-06T08:49:37.123Z 127.0.0.1:50312 #17 GET http://o.test/a 200 up=92 down=5120 body=5000/6000 "
      "READ_REQUEST=1ms SEND_REQUEST=20ms(resolve=5ms,connect=6ms,send=9ms) READ_RESPONSE=3ms "
      "SEND_RESPONSE=4ms in=SEND_RESPONSE end=complete by=upstream\n");
  exchange.phases = 0b100;
  exchange.announced = false;
  EXPECT_NE(line(LogFormat::own).find(" body=5000 READ_REQUEST=1ms SEND_REQUEST=20ms(send=9ms) "),
            string::npos);
  exchange.phases = 0;
  exchange.ended_in = State::READ_REQUEST;
  EXPECT_NE(line(LogFormat::own).find(" SEND_REQUEST=20ms READ_RESPONSE=3ms "), string::npos);
  exchange.method_length = 0;
  exchange.reason = base::Reason::bad_response;
  exchange.detail = base::Reason::bad_header;
  exchange.error = ECONNRESET;
  EXPECT_NE(line(LogFormat::own).find(" - - 200 "), string::npos);
  EXPECT_NE(line(LogFormat::own)
                .find(" in=READ_REQUEST end=bad-response(bad-header) by=upstream error=ECONNRESET\n"),
            string::npos);
}

TEST_F(AccessLog, Common) {
  EXPECT_EQ(line(LogFormat::common),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET http://o.test/a HTTP/1.1\" 200 5000\n");
  exchange.http10 = true;
  exchange.sent_down = 100;  // less than the head
  exchange.target_cut = true;
  EXPECT_EQ(line(LogFormat::common),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET http://o.test/a... HTTP/1.0\" 200 -\n");
  exchange.method_length = 0;
  exchange.status = 0;
  exchange.client = sys::loopback6(1);
  EXPECT_EQ(line(LogFormat::common), "::1 - - [06/Nov/1994:08:49:37 +0000] \"-\" - -\n");
}

TEST_F(AccessLog, Combined) {
  const string common =
      "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET http://o.test/a HTTP/1.1\" 200 5000";
  EXPECT_EQ(line(LogFormat::combined), common + " \"-\" \"-\"\n");
  referer("http://o.test/");
  agent("me/1 (a \"b\" \\ \x7f)");
  EXPECT_EQ(line(LogFormat::combined), common + " \"http://o.test/\" \"me/1 (a \\x22b\\x22 \\x5c \\x7f)\"\n");
}

TEST_F(AccessLog, TheUserInEachFormat) {
  exchange.user_length = static_cast<std::uint8_t>(set(exchange.user, "bob \"x\" \xe4"));
  EXPECT_TRUE(
      line(LogFormat::own).ends_with(" end=complete by=upstream user=bob\\x20\\x22x\\x22\\x20\\xe4\n"));
  EXPECT_TRUE(line(LogFormat::common).starts_with("127.0.0.1 - bob\\x20\\x22x\\x22\\x20\\xe4 [06/Nov/1994:"));
  EXPECT_TRUE(
      line(LogFormat::combined).starts_with("127.0.0.1 - bob\\x20\\x22x\\x22\\x20\\xe4 [06/Nov/1994:"));
  EXPECT_NE(line(LogFormat::json).find(R"("id":17,"user":"bob \"x\" \u00e4","trace_id":null,"method")"),
            string::npos)
      << line(LogFormat::json);
}

TEST_F(AccessLog, Json) {
  EXPECT_EQ(
      line(LogFormat::json),
      R"({"time":"1994-11-06T08:49:37.123Z","client":"127.0.0.1:50312","id":17,"user":null,"trace_id":null,"method":"GET",)"
      R"("url":"http://o.test/a","url_cut":false,"status":200,"up":92,"down":5120,)"
      R"("body_bytes":5000,"body_length":6000,)"
      R"("READ_REQUEST_ms":1,"SEND_REQUEST_ms":20,"READ_RESPONSE_ms":3,"SEND_RESPONSE_ms":4,)"
      R"("resolve_ms":5,"connect_ms":6,"send_ms":9,)"
      R"("state":"SEND_RESPONSE","end":"complete","detail":null,"by":"upstream","error":null})"
      "\n");
  exchange.method_length = 0;
  exchange.reason = base::Reason::bad_response;
  exchange.detail = base::Reason::bad_header;
  exchange.error = ECONNRESET;
  exchange.announced = false;
  exchange.phases = 0b001;
  EXPECT_NE(line(LogFormat::json).find(R"("body_bytes":5000,"body_length":null,)"), string::npos);
  EXPECT_NE(line(LogFormat::json).find(R"("resolve_ms":5,"connect_ms":null,"send_ms":null,)"), string::npos);
  EXPECT_NE(line(LogFormat::json).find(R"("method":null,"url":null,"url_cut":false,)"), string::npos);
  EXPECT_NE(line(LogFormat::json)
                .find(R"("end":"bad-response","detail":"bad-header","by":"upstream","error":"ECONNRESET"})"),
            string::npos);
  exchange.error = 99'999;
  EXPECT_NE(line(LogFormat::json).find(R"("error":"99999"})"), string::npos);
}

TEST_F(AccessLog, TheTraceInJson) {
  const string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  exchange.trace_length = static_cast<std::uint8_t>(set(exchange.trace, id));
  EXPECT_NE(line(LogFormat::json).find(R"("user":null,"trace_id":")" + id + R"(","method")"), string::npos);
  EXPECT_EQ(line(LogFormat::own).find(id), string::npos);
}

TEST_F(AccessLog, EscapesTextFromClients) {
  url("a\n\"\\\x1b\x7f\xc3\xa9 b");
  referer("\r\nx \"y\"");
  EXPECT_NE(line(LogFormat::own).find(R"( GET a\x0a\x22\x5c\x1b\x7f\xc3\xa9\x20b 200)"), string::npos);
  EXPECT_NE(line(LogFormat::common).find(R"("GET a\x0a\x22\x5c\x1b\x7f\xc3\xa9\x20b HTTP/1.1")"),
            string::npos);
  EXPECT_NE(line(LogFormat::combined).find(R"( "\x0d\x0ax \x22y\x22" "-")"), string::npos);
  EXPECT_NE(line(LogFormat::json).find(R"("url":"a\u000a\"\\\u001b\u007f\u00c3\u00a9 b",)"), string::npos);
}

TEST_F(AccessLog, TheLongestLineFitsOnOneLine) {
  std::memset(static_cast<void*>(&exchange), 0xff, offsetof(AccessRecord, method));
  exchange.client.family = sys::Address::Family::ipv6;
  exchange.wall_ms = 784'111'777'123;
  exchange.method_length = AccessRecord::kMethodBytes;
  exchange.target_length = AccessRecord::kTargetBytes;
  exchange.referer_length = exchange.agent_length = AccessRecord::kFieldBytes;
  exchange.user_length = AccessRecord::kUserBytes;
  exchange.trace_length = AccessRecord::kTraceBytes;
  exchange.target_cut = exchange.http10 = true;
  exchange.announced = true;
  exchange.ended_in = State::READ_RESPONSE;
  exchange.reason = exchange.detail = base::Reason::conflicting_framing;
  exchange.head_down = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    exchange.method.fill(c);
    exchange.target.fill(c);
    exchange.referer.fill(c);
    exchange.agent.fill(c);
    exchange.user.fill(c);
    for (const plan::LogFormatRow& row : plan::kLogFormats) {
      const string text = line(row.format);
      EXPECT_EQ(text.find('\n'), text.size() - 1) << row.name << ' ' << byte;
      EXPECT_TRUE(std::all_of(text.begin(), text.end() - 1, [](char it) { return it >= ' ' && it < 0x7f; }))
          << row.name << ' ' << byte;
    }
  }
}

TEST(TracePrinter, PrintsTheStepsOfARequest) {
  bench::Bench b;
  auto& host = b.origin();
  const auto client = b.client();
  b.send(client, "GET http://10.0.0.1/ HTTP/1.0\r\n\r\n");
  b.send(b.arrival(host), "HTTP/1.0 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
  b.settle();
  watch::Sink sink{sys::open_stdout().fd};
  watch::TracePrinter trace_printer;
  trace_printer.print(b.trace, plan::Verbosity::steps, sink);
  sink.flush(0);
  std::size_t at = 0;
  for (const char* step :
       {"[slot 0, #1] accepted, descriptor", "FREE -> READ_REQUEST", "READ_REQUEST -> SEND_REQUEST",
        "SEND_REQUEST connecting to address 1", "SEND_REQUEST -> READ_RESPONSE",
        "READ_RESPONSE -> SEND_RESPONSE", "SEND_RESPONSE -> FREE: complete"}) {
    at = b.world.log.find(step, at);
    ASSERT_NE(at, string::npos) << step << " missing or out of order in\n" << b.world.log;
  }
  const std::size_t printed = b.world.log.size();
  trace_printer.print(b.trace, plan::Verbosity::steps, sink);
  sink.flush(0);
  EXPECT_EQ(b.world.log.size(), printed) << "entries are printed once";
}

// A client that sends nothing at first, and then a part of a head.
TEST(TracePrinter, PrintsTurnsEventsAndCalls) {
  bench::Bench b;
  sys::trace_calls(&b.trace);
  b.origin();
  const auto client = b.client();
  b.settle();
  b.send(client, "GET http://10.0.0.1/ HT");
  sys::trace_calls(nullptr);
  b.trace.add(base::turn_entry(base::TraceEvent::turn_began, 5'000'042, 0));  // without other entries
  b.trace.add(base::turn_entry(base::TraceEvent::turn_ended, 5'000'099, 0));
  b.trace.add(base::turn_entry(base::TraceEvent::turn_began, 7'000'001, 1));
  b.trace.add({.id = 9, .value = 12, .event = base::TraceEvent::called});  // sys::Call::accept
  b.trace.add(base::turn_entry(base::TraceEvent::turn_ended, 7'000'103, 0));
  watch::Sink sink{sys::open_stdout().fd};
  watch::TracePrinter{}.print(b.trace, plan::Verbosity::calls, sink);
  sink.flush(0);
  const string descriptor = std::to_string(b.record(0).side[kClient].fd.get());
  std::size_t at = 0;
  for (const string& line :
       {string{"[slot 0, #1] accepted"}, "[slot 0] READ_REQUEST recv(" + descriptor + ") = EAGAIN\n",
        string{"READ_REQUEST waiting for"}, "[slot 0] READ_REQUEST recv(" + descriptor + ") = 23\n",
        string{"turn begins at 7.000001 s, events: 1\n[loop] accept4(9) = descriptor 12\n"
               "turn ends at 7.000103 s, runs of records: 0\n"}}) {
    at = b.world.log.find(line, at);
    ASSERT_NE(at, string::npos) << line << " missing or out of order in\n" << b.world.log;
  }
  EXPECT_EQ(b.world.log.find("5.000042"), string::npos);
}

TEST(TracePrinter, ReportsLostEntries) {
  bench::Bench b;
  for (std::size_t i = 0; i < b.trace.capacity() + 5; ++i)
    b.trace.add({.id = 1, .slot = 0, .event = base::TraceEvent::entered, .state = 1});
  watch::Sink sink{sys::open_stdout().fd};
  watch::TracePrinter trace_printer;
  trace_printer.print(b.trace, plan::Verbosity::steps, sink);
  sink.flush(0);
  EXPECT_EQ(b.world.log.find("proxy: trace overrun: 5 entries lost\n"), 0U);
  EXPECT_EQ(trace_printer.lost(), 5U);
}

TEST(TracePrinter, PrintsEachKindOfEntry) {
  const auto text = [](base::TraceEvent event, std::uint8_t detail, int error) {
    std::array<char, 256> room;
    base::Writer line{room};
    watch::write_entry({.id = 9,
                        .slot = 3,
                        .value = 7,
                        .event = event,
                        .state = static_cast<std::uint8_t>(State::SEND_REQUEST),
                        .detail = detail,
                        .error = static_cast<std::uint8_t>(error & 127U)},
                       watch::built_in_names(), line);
    EXPECT_FALSE(line.overflowed());
    return string{line.view()};
  };
  EXPECT_EQ(text(base::TraceEvent::waited, static_cast<std::uint8_t>(plan::Wait::upstream_write), 0),
            "[slot 3, #9] SEND_REQUEST waiting for the upstream to read request bytes (7 bytes moved)\n");
  EXPECT_EQ(text(base::TraceEvent::retried, static_cast<std::uint8_t>(base::Reason::connection_refused),
                 ECONNREFUSED),
            "[slot 3, #9] SEND_REQUEST connection attempt failed: connection-refused (Connection refused)\n");
  EXPECT_EQ(text(base::TraceEvent::notified, base::TraceEntry::kReadable | base::TraceEntry::kFinished, 0),
            "[slot 3, #9] SEND_REQUEST event of the upstream: readable finished\n");
  const auto call = [&](sys::Call which, int error) {
    return text(base::TraceEvent::called, static_cast<std::uint8_t>(which), error);
  };
  EXPECT_EQ(call(sys::Call::accept, 0), "[slot 3] SEND_REQUEST accept4(9) = descriptor 7\n");
  EXPECT_EQ(call(sys::Call::connect, 0), "[slot 3] SEND_REQUEST connect(9)\n");
  EXPECT_EQ(call(sys::Call::close, 0), "[slot 3] SEND_REQUEST close(9)\n");
  EXPECT_EQ(call(sys::Call::shutdown_write, 0), "[slot 3] SEND_REQUEST shutdown(9)\n");
  EXPECT_EQ(call(sys::Call::transmit, 0), "[slot 3] SEND_REQUEST send(9) = 7\n");
  EXPECT_EQ(call(sys::Call::transmit, EAGAIN), "[slot 3] SEND_REQUEST send(9) = EAGAIN\n");
  EXPECT_EQ(call(sys::Call::receive, ECONNRESET),
            "[slot 3] SEND_REQUEST recv(9) failed (Connection reset by peer)\n");
  EXPECT_EQ(text(base::TraceEvent::answered, static_cast<std::uint8_t>(base::Reason::connection_refused), 0),
            "[slot 3, #9] SEND_REQUEST responds with 7: connection-refused\n");
}

// As an entry of a recording, printed by another version of the program.
TEST(TracePrinter, PrintsTheNamesItIsGiven) {
  const auto text = [](base::TraceEntry entry, const watch::TraceNames& names) {
    std::array<char, 256> room;
    base::Writer line{room};
    watch::write_entry(entry, names, line);
    return string{line.view()};
  };
  const std::string_view states[] = {"EMPTY", "ONE", "TWO"}, waits[] = {"tea"}, events[] = {"knocked"},
                         reasons[] = {"well"}, calls[] = {"take"}, errors[] = {"", "", "", "ENOTEA"},
                         texts[] = {"", "", "", "Out of tea"},
                         kinds[] = {"", "", "", "", "", "", "", "", "", "", "", "", "", "", "later"},
                         findings[] = {"sneeze"};
  const watch::TraceNames names{kinds, states, events, waits, reasons, calls, errors, texts, findings};
  const base::TraceEntry base{.id = 9, .slot = 3, .value = 7, .state = 2, .before = 1};
  const auto entry = [&](base::TraceEvent event, std::uint8_t error = 0) {
    base::TraceEntry changed = base;
    changed.event = event;
    changed.error = static_cast<std::uint8_t>(base::traced_error(error) & 127U);
    return changed;
  };
  EXPECT_EQ(text(entry(base::TraceEvent::entered), names), "[slot 3, #9] ONE -> TWO (knocked)\n");
  EXPECT_EQ(text(entry(base::TraceEvent::waited), names),
            "[slot 3, #9] TWO waiting for tea (7 bytes moved)\n");
  EXPECT_EQ(text(entry(base::TraceEvent::retried, 3), names),
            "[slot 3, #9] TWO connection attempt failed: well (Out of tea)\n");
  EXPECT_EQ(text(entry(base::TraceEvent::called, 3), names), "[slot 3] TWO take(9) failed (Out of tea)\n");
  EXPECT_EQ(text(entry(base::TraceEvent{14}), names), "[slot 3, #9] TWO later, value 7, detail 0\n");
  EXPECT_EQ(text(entry(base::TraceEvent::finding), names), "[slot 3, #9] finding sneeze, value 7\n");
  EXPECT_EQ(text(entry(base::TraceEvent::entered, 104), {}), "[slot 3, #9] ?1 -> ?2 (?0) (?104)\n")
      << "without names, their numbers";
}

TEST(TraceNames, BuiltIn) {
  const watch::TraceNames& names = watch::built_in_names();
  EXPECT_EQ(watch::name_in(names.trace_events, static_cast<std::size_t>(base::TraceEvent::released)),
            "released");
  EXPECT_EQ(watch::name_in(names.states, static_cast<std::size_t>(State::SEND_RESPONSE)), "SEND_RESPONSE");
  EXPECT_EQ(watch::name_in(names.events, static_cast<std::size_t>(Event::closed)), "closed");
  EXPECT_EQ(watch::name_in(names.waits, static_cast<std::size_t>(plan::Wait::resolve)), "DNS");
  EXPECT_EQ(watch::name_in(names.reasons, static_cast<std::size_t>(base::Reason::shutdown)), "shutdown");
  EXPECT_EQ(watch::name_in(names.calls, static_cast<std::size_t>(sys::Call::send_file)), "sendfile");
  EXPECT_EQ(watch::name_in(names.error_names, EPIPE), "EPIPE");
  EXPECT_EQ(watch::name_in(names.error_texts, EPIPE), std::strerror(EPIPE));
  EXPECT_EQ(watch::name_in(names.error_names, ENOKEY), "ENOKEY") << "126, the last one";
  EXPECT_EQ(watch::name_in(names.error_names, base::TraceEntry::kErrorAbove), "errno above 126");
  for (const auto& list :
       {names.trace_events, names.states, names.events, names.waits, names.reasons, names.calls})
    for (const std::string_view name : list) EXPECT_NE(name, "");
}

}  // namespace
