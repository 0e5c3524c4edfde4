// What programs that observe requests read: the trace-id of traceparent, and Server-Timing.
#include <gtest/gtest.h>

#include <string>

#include "../../src/http/server_timing.hpp"
#include "../../src/http/trace_context.hpp"
#include "bench.hpp"

namespace {

using bench::Bench;
using std::string;
using std::string_view;

// The trace-id of a request with these lines; "-": none.
string trace_of(const string& lines) {
  const string text = "GET http://o.test/ HTTP/1.1\r\nHost: o.test\r\n" + lines + "\r\n";
  http::RequestHead head;
  EXPECT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << lines;
  const string id{http::trace_id(head.fields)};
  return id.empty() ? "-" : id;
}

// The examples and rules of W3C Trace Context, sections 3.2 and 4.3.
TEST(TraceContext, TraceId) {
  const string id = "4bf92f3577b34da6a3ce929d0e0e4736", parent = "00f067aa0ba902b7";
  struct Row {
    const char* title;
    string value, id;
  };
  const Row rows[] = {
      {"the example", "00-" + id + "-" + parent + "-01", id},
      {"not sampled", "00-" + id + "-" + parent + "-00", id},
      {"unknown flags", "00-" + id + "-" + parent + "-ff", id},
      {"a later version", "cc-" + id + "-" + parent + "-01", id},
      {"with more parts", "cc-" + id + "-" + parent + "-01-what-the-future-will-be-like", id},
      {"with more of the same part", "cc-" + id + "-" + parent + "-01.what", "-"},
      {"version 00 has no more parts", "00-" + id + "-" + parent + "-01-x", "-"},
      {"nor a dash", "00-" + id + "-" + parent + "-01-", "-"},
      {"the version that is invalid", "ff-" + id + "-" + parent + "-01", "-"},
      {"capital letters", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01", "-"},
      {"an id of zeros", "00-" + string(32, '0') + "-" + parent + "-01", "-"},
      {"a parent of zeros", "00-" + id + "-" + string(16, '0') + "-01", "-"},
      {"another character", "00-" + string(31, 'a') + "g-" + parent + "-01", "-"},
      {"in the parent", "00-" + id + "-" + string(15, 'a') + "g-01", "-"},
      {"in the version", "0x-" + id + "-" + parent + "-01", "-"},
      {"in the flags", "00-" + id + "-" + parent + "-0.", "-"},
      {"too short", "00-" + id.substr(1) + "-" + parent + "-01", "-"},
      {"another separator", "00_" + id + "-" + parent + "-01", "-"},
      {"no flags", "00-" + id + "-" + parent, "-"},
      {"empty", "", "-"},
  };
  for (const Row& row : rows) EXPECT_EQ(trace_of("traceparent: " + row.value + "\r\n"), row.id) << row.title;
  const string line = "TraceParent: " + rows[0].value + "\r\n";
  EXPECT_EQ(trace_of(line), id);
  EXPECT_EQ(trace_of(line + line), "-") << "more than one";
  EXPECT_EQ(trace_of(""), "-");
}

string timing_of(const http::ServerTiming& timing) {
  std::array<char, http::kServerTimingMax> room;
  base::Writer out{room};
  http::put_server_timing(out, &timing);
  EXPECT_FALSE(out.overflowed());
  return string{out.view()};
}

TEST(ServerTiming, Line) {
  http::ServerTiming timing;
  EXPECT_EQ(timing_of(timing), "");
  timing.add("resolve", 0);
  EXPECT_EQ(timing_of(timing), "Server-Timing: resolve;dur=0\r\n");
  timing.add("connect", 12);
  EXPECT_EQ(timing_of(timing), "Server-Timing: resolve;dur=0, connect;dur=12\r\n");
  http::ServerTiming longest;
  for (std::size_t i = 0; i < http::ServerTiming::kMetricsMax; ++i)
    longest.add(string_view{"read_response"}, UINT64_MAX);
  EXPECT_NE(timing_of(longest).find("read_response;dur=4294967295, "), string::npos);
}

constexpr const char* kGet = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";

TEST(ServerTiming, OfAForwardedRequest) {
  for (const bool on : {false, true}) {
    Bench b;
    b.config.server_timing = on;
    auto& host = b.origin();
    const auto client = b.client();
    b.send(client, kGet);
    const auto origin = b.arrival(host);
    EXPECT_EQ(b.read(origin).find("Server-Timing"), string::npos) << "responses only";
    b.pass(30);
    b.send(origin, "HTTP/1.1 103 Early\r\n\r\n");
    EXPECT_EQ(b.read(client).find("Server-Timing"), string::npos) << "final responses only";
    b.pass(12);
    b.send(origin, "HTTP/1.1 200 OK\r\nServer-Timing: db;dur=1\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
    const string got = b.read(client);
    const string line =
        "Server-Timing: read_request;dur=0, resolve;dur=0, connect;dur=0, send;dur=0, "
        "read_response;dur=42\r\n";
    EXPECT_EQ(got.find(line) != string::npos, on) << got;
    EXPECT_NE(got.find("Server-Timing: db;dur=1\r\n"), string::npos) << "the server's own stays";
  }
}

TEST(ServerTiming, OfTheProxysOwnResponses) {
  Bench b;
  b.config.server_timing = true;
  const auto client = b.client();
  b.send(client, "GET /no-proxy-request HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(b.read(client).find("\r\nServer-Timing: read_request;dur=0\r\n"), string::npos);
}

TEST(Trace, IsNotedForTheJsonLogOnly) {
  for (const auto format : {plan::LogFormat::json, plan::LogFormat::combined}) {
    Bench b;
    b.config.log_format = format;
    auto& host = b.origin();
    const auto client = b.client();
    const string field = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    b.send(client, "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n" + field + "\r\n");
    const auto origin = b.arrival(host);
    EXPECT_NE(b.read(origin).find(field), string::npos) << "it goes on unchanged";
    b.send(origin, "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n");
    b.read(client);
    EXPECT_EQ(b.last().trace_view(),
              format == plan::LogFormat::json ? "4bf92f3577b34da6a3ce929d0e0e4736" : "");
  }
}

}  // namespace
