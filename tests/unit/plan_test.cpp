// Options and decisions.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../src/config/command_line.hpp"
#include "../../src/config/options.hpp"
#include "../../src/plan/router.hpp"

namespace {

using base::Reason;
using config::CommandLine;
using std::string;

CommandLine parse(std::vector<const char*> arguments) { return config::parse_command_line(arguments); }

TEST(CommandLine, Port) {
  const CommandLine line = parse({"8080"});
  ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
  ASSERT_EQ(line.config.listeners.size(), 2U);
  EXPECT_EQ(line.config.listeners[0].address, sys::loopback4(8080));
  EXPECT_EQ(line.config.listeners[1].address, sys::loopback6(8080));
  EXPECT_EQ(line.config.rules.size(), 0U);
  EXPECT_EQ(line.config.access_log, "-");
}

TEST(CommandLine, EachOption) {
  const CommandLine line = parse({"--listen",
                                  "[::1]:81",
                                  "--listen=127.0.0.2:0",
                                  "--allow=10.0.0.0/8",
                                  "--allow",
                                  "::1",
                                  "--access-log",
                                  "off",
                                  "--log-format",
                                  "json",
                                  "--max-requests=7",
                                  "--buffers",
                                  "3",
                                  "-v",
                                  "80",
                                  "--head-timeout",
                                  "0.25",
                                  "--linger-timeout=3",
                                  "--max-head",
                                  "60",
                                  "--max-fields=300"});
  ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
  const plan::Config& config = line.config;
  ASSERT_EQ(config.listeners.size(), 4U);
  EXPECT_EQ(config.listeners[0].address, sys::loopback4(80)) << "PORT comes first wherever it stands";
  EXPECT_EQ(config.listeners[2].address, sys::loopback6(81));
  EXPECT_EQ(config.rules.size(), 2U);
  EXPECT_EQ(config.access_log, "off");
  EXPECT_EQ(config.log_format, plan::LogFormat::json);
  EXPECT_EQ(config.max_requests, 7U);
  EXPECT_EQ(config.buffer_mib, 3U);
  EXPECT_EQ(config.head_limits, (http::HeadLimits{61'440, 300}));
  EXPECT_EQ(config.verbosity, plan::Verbosity::steps);
  EXPECT_EQ(config.wait(plan::Wait::request_head), 250U);
  EXPECT_EQ(config.wait(plan::Wait::linger), 3000U);
  EXPECT_EQ(config.wait(plan::Wait::idle), 60'000U);
}

TEST(CommandLine, TheTrace) {
  EXPECT_EQ(parse({"80"}).config.verbosity, plan::Verbosity::none);
  EXPECT_EQ(parse({"80", "-vv", "-v"}).config.verbosity, plan::Verbosity::calls);
  EXPECT_EQ(parse({"80", "--verbose-calls"}).config.verbosity, plan::Verbosity::calls);
  EXPECT_EQ(parse({"80", "-vvv"}).what, CommandLine::What::wrong);
  EXPECT_EQ(parse({"80", "--trace-entries", "1024"}).config.trace_entries, 1024U);
  EXPECT_EQ(parse({"80", "--trace-entries", "1023"}).what, CommandLine::What::wrong);
  EXPECT_EQ(parse({"80", "--trace-entries", "16777217"}).what, CommandLine::What::wrong);
}

TEST(CommandLine, EveryWaitIsAnOption) {
  for (const plan::WaitRow& row : plan::kDeadlineRows) {
    const string option = string{row.option} + "=1.5";
    const CommandLine line = parse({"80", option.c_str()});
    ASSERT_EQ(line.what, CommandLine::What::run) << option;
    EXPECT_EQ(line.config.wait(row.wait), 1500U) << option;
    EXPECT_NE(config::help_text().find(row.option), string::npos);
  }
}

TEST(CommandLine, APlaceToListenAt) {
  struct Row {
    const char *text, *first, *second;
  };
  const Row rows[] = {
      {"8080", "127.0.0.1:8080", "[::1]:8080"}, {"localhost:8080", "127.0.0.1:8080", "[::1]:8080"},
      {":8080", "0.0.0.0:8080", "[::]:8080"},   {"*:8080", "0.0.0.0:8080", "[::]:8080"},
      {"[::1]:8080", "[::1]:8080", ""},         {"10.0.0.1:8080", "10.0.0.1:8080", ""}};
  for (const Row& row : rows) {
    const CommandLine line = parse({"--listen", row.text, "--allow", "10.0.0.0/8"});
    ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
    ASSERT_EQ(line.config.listeners.size(), *row.second == 0 ? 1U : 2U) << row.text;
    EXPECT_EQ(sys::endpoint_text(line.config.listeners[0].address).view(), row.first);
    EXPECT_EQ(line.config.listeners.back().optional, *row.second != 0) << row.text;
    if (*row.second != 0) {
      EXPECT_EQ(sys::endpoint_text(line.config.listeners[1].address).view(), row.second);
    }
  }
}

TEST(CommandLine, EachLogFormatByItsName) {
  EXPECT_EQ(parse({"80"}).config.log_format, plan::LogFormat::own);
  for (const plan::LogFormatRow& row : plan::kLogFormats) {
    EXPECT_EQ(parse({"80", "--log-format", row.name.data()}).config.log_format, row.format);
    EXPECT_EQ(plan::row(row.format).name, row.name) << "the rows stand in the order of the enum";
  }
}

TEST(CommandLine, HelpAndVersion) {
  EXPECT_EQ(parse({"--help"}).what, CommandLine::What::help);
  EXPECT_EQ(parse({"8080", "-h"}).what, CommandLine::What::help);
  EXPECT_EQ(parse({"--version"}).what, CommandLine::What::version);
}

TEST(CommandLine, WhatIsWrongAndWhatToDo) {
  struct Row {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Row rows[] = {
      {{}, "missing port"},
      {{"http"}, "neither a file nor a port: 'http'"},
      {{"65536"}, "invalid port '65536'"},
      {{"-1"}, "unknown option '-1'"},
      {{"80", "81"}, "more than one PORT"},
      {{"80", "--no-sandbox", "--sandbox"}, "--sandbox and --no-sandbox exclude each other"},
      {{"80", "--lisen", "x"}, "did you mean '--listen'?"},
      {{"80", "--fly"}, "unknown option '--fly'"},
      {{"--listen"}, "missing value"},
      {{"--listen", "h:80"}, "expected [ADDRESS:]PORT"},
      {{"--listen", "1.2.3.4:99999"}, "expected [ADDRESS:]PORT"},
      {{"--listen", ":80"}, "0.0.0.0:80 is reachable"},
      {{"--listen", "*:80"}, "0.0.0.0:80 is reachable"},
      {{"--listen", "0.0.0.0:80"}, "--allow"},
      {{"--listen", "192.168.1.1:80"}, "--allow"},
      {{"80", "--allow", "ten"}, "invalid rule"},
      {{"80", "--allow", "10.0.0.0/33"}, "invalid network"},
      {{"80", "--allow", "10.0.0.0/"}, "invalid network"},
      {{"80", "--allow", "127.0.0.1/0"}, "expected 0.0.0.0/0 for the network"},
      {{"80", "--max-requests", "0"}, "expected 1-"},
      {{"80", "--max-requests", "many"}, "expected 1-"},
      {{"80", "--buffers", "0"}, "expected 1-"},
      {{"80", "--max-head", "61"}, "invalid number '61': expected 1-60"},
      {{"80", "--max-fields", "0"}, "invalid number '0': expected 1-1000"},
      {{"80", "--max-body", "10x"}, "invalid size '10x': expected bytes or a unit"},
      {{"80", "--max-body", "-1"}, "invalid size"},
      {{"80", "--max-body", "2000g"}, "invalid size"},
      {{"80", "--access-log="}, "missing file name"},
      {{"80", "--access-log=syslog:"}, "as in syslog:/dev/log"},
      {{"80", "--log-format", "JSON"}, "invalid format 'JSON': expected own, common, combined, json"},
      {{"80", "--head-timeout", "0"}, "seconds"},
      {{"80", "--head-timeout", "1w"}, "seconds"},
      {{"80", "--head-timeout", "1.2345"}, "seconds"},
      {{"80", "--head-timeout", "99999999"}, "seconds"},
      {{"80", "--verbose=yes"}, "unexpected value"},
  };
  for (const Row& row : rows) {
    const CommandLine line = parse(row.arguments);
    EXPECT_EQ(line.what, CommandLine::What::wrong) << row.says;
    EXPECT_NE(line.message.find(row.says), string::npos) << line.message;
    EXPECT_EQ(line.message.find('\n'), string::npos) << "one line";
  }
}

TEST(CommandLine, APublicListenerWithARuleIsWelcome) {
  EXPECT_EQ(parse({"--listen", "0.0.0.0:80", "--allow", "10.0.0.0/8"}).what, CommandLine::What::run);
}

http::RequestHead head_of(const string& text) {
  http::RequestHead head;
  EXPECT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << text;
  return head;
}

TEST(Plan, EachDecision) {
  struct Row {
    const char* title;
    string text;
    Reason reason;  // none: forward
  };
  const Row rows[] = {
      {"a good request", "GET http://h/ HTTP/1.0\r\n\r\n", Reason::none},
      {"any method", "BREW http://h/ HTTP/1.0\r\n\r\n", Reason::none},
      {"a body with length", "POST http://h/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n", Reason::none},
      {"POST in 1.1 without body", "POST http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::none},
      {"POST in 1.0 without length", "POST http://h/ HTTP/1.0\r\n\r\n", Reason::length_required},
      {"PUT in 1.0 without length", "PUT http://h/ HTTP/1.0\r\n\r\n", Reason::length_required},
      {"chunks", "PUT http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::none},
      {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", Reason::none},
      {"CONNECT to a port of mail", "CONNECT h:25 HTTP/1.1\r\nHost: h\r\n\r\n", Reason::port_not_allowed},
      {"CONNECT to the last port below", "CONNECT h:1023 HTTP/1.1\r\nHost: h\r\n\r\n",
       Reason::port_not_allowed},
      {"CONNECT to the first high port", "CONNECT h:1024 HTTP/1.1\r\nHost: h\r\n\r\n", Reason::none},
      {"CONNECT with a body", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n",
       Reason::connect_with_body},
      {"origin form", "GET / HTTP/1.0\r\n\r\n", Reason::not_a_proxy_request},
      {"asterisk form", "GET * HTTP/1.0\r\n\r\n", Reason::not_a_proxy_request},
      {"https", "GET https://h/ HTTP/1.0\r\n\r\n", Reason::scheme_unsupported},
  };
  const plan::Config config;
  for (const Row& row : rows) {
    const http::RequestHead head = head_of(row.text);
    const plan::Plan decided = plan::plan_request(config, plan::Listener{}, head, sys::loopback4(1));
    EXPECT_EQ(decided.reason, row.reason) << row.title;
    const plan::Kind served = row.text.starts_with("CONNECT") ? plan::Kind::tunnel : plan::Kind::forward;
    EXPECT_EQ(decided.kind, row.reason == Reason::none ? served : plan::Kind::refuse) << row.title;
    if (decided.kind == plan::Kind::forward) {
      EXPECT_EQ(decided.target.host, "h") << row.title;
    }
  }
}

TEST(Plan, TheLimitOfABody) {
  plan::Config config;
  config.max_body = 10;
  plan::Listener forward, web;
  web.role = plan::Role::web;
  web.sites = {0};
  config.sites.resize(1);
  for (const char* const path : {"/files", "/up", "/upload"})
    config.sites[0].routes.emplace_back().prefix = path;
  config.sites[0].routes[1].kind = config.sites[0].routes[2].kind = plan::RouteKind::reverse;
  config.sites[0].routes[2].max_body = 30;
  const auto reason = [&config](const plan::Listener& listener, const string& target, int length) {
    const string text =
        "PUT " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
    return plan::plan_request(config, listener, head_of(text), sys::loopback4(1)).reason;
  };
  EXPECT_EQ(reason(forward, "http://h/", 10), Reason::none);
  EXPECT_EQ(reason(forward, "http://h/", 11), Reason::body_too_large);
  EXPECT_EQ(reason(web, "/up", 10), Reason::none);
  EXPECT_EQ(reason(web, "/up", 11), Reason::body_too_large);
  EXPECT_EQ(reason(web, "/files", 11), Reason::none) << "405 follows";
  forward.max_body = web.max_body = 20;
  EXPECT_EQ(reason(forward, "http://h/", 20), Reason::none) << "the listener's counts";
  EXPECT_EQ(reason(forward, "http://h/", 21), Reason::body_too_large);
  EXPECT_EQ(reason(web, "/up", 21), Reason::body_too_large);
  EXPECT_EQ(reason(web, "/upload", 30), Reason::none) << "the route's counts";
  EXPECT_EQ(reason(web, "/upload", 31), Reason::body_too_large);
}

TEST(Plan, WhereTheWayEnds) {
  for (const string text :
       {"OPTIONS * HTTP/1.0\r\n\r\n", "TRACE http://h/ HTTP/1.0\r\nMax-Forwards: 0\r\n\r\n",
        "OPTIONS http://h HTTP/1.0\r\nMax-Forwards: 00\r\n\r\n"})
    EXPECT_EQ(plan::plan_request({}, plan::Listener{}, head_of(text), sys::loopback4(1)).kind,
              plan::Kind::reply)
        << text;
  for (const string text : {"GET http://h/ HTTP/1.0\r\nMax-Forwards: 0\r\n\r\n",
                            "TRACE http://h/ HTTP/1.0\r\nMax-Forwards: 1\r\n\r\n",
                            "TRACE http://h/ HTTP/1.0\r\nMax-Forwards: none\r\n\r\n"})
    EXPECT_EQ(plan::plan_request({}, plan::Listener{}, head_of(text), sys::loopback4(1)).kind,
              plan::Kind::forward)
        << text;
}

TEST(Plan, ClientsThatAreNotAllowed) {
  const string text = "GET http://h/ HTTP/1.0\r\n\r\n";
  const http::RequestHead head = head_of(text);
  plan::Config config;
  ASSERT_EQ(config::apply_option(config, "--allow", "10.0.0.0/8"), "");
  EXPECT_EQ(plan::plan_request(config, plan::Listener{}, head, sys::loopback4(1)).reason,
            Reason::client_not_allowed);
  sys::Address client;
  sys::parse_ip("10.2.3.4", 5, client);
  EXPECT_EQ(plan::plan_request(config, plan::Listener{}, head, client).reason, Reason::none);
}

TEST(Options, UpgradeAndTrustedProxies) {
  plan::Config config;
  EXPECT_EQ(config::apply_option(config, "--upgrade", "WebSocket, foo/2"), "");
  EXPECT_EQ(*config.upgrade, (std::vector<string>{"websocket", "foo/2"}));
  EXPECT_EQ(config::apply_option(config, "--upgrade", "none"), "");
  EXPECT_TRUE(config.upgrade->empty());
  EXPECT_EQ(config::apply_option(config, "--upgrade", "all"), "");
  EXPECT_FALSE(config.upgrade) << "the default";
  for (const char* text : {"", "a b", "websocket,", "x;y", "all,websocket", "websocket,none"})
    EXPECT_TRUE(config::apply_option(config, "--upgrade", text).starts_with("invalid protocol '")) << text;
  for (const char* text : {"h2c", "websocket,TLS/1.0"})
    EXPECT_NE(config::apply_option(config, "--upgrade", text).find("is never passed on"), string::npos)
        << text;
  EXPECT_EQ(config::apply_option(config, "--trusted-proxies", "10.0.0.0/8, ::1"), "");
  EXPECT_TRUE(plan::is_among(config.trusted_proxies, sys::loopback6(1)));
  EXPECT_FALSE(plan::is_among(config.trusted_proxies, sys::loopback4(1)));
  for (const char* text : {"", "10.0.0.1/8", "10.0.0.0/8,", "host"})
    EXPECT_NE(config::apply_option(config, "--trusted-proxies", text), "") << text;
}

}  // namespace
