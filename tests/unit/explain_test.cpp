// The output of `proxy explain`.
#include "../../src/explain/explain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "../../src/base/text.hpp"
#include "../../src/config/options.hpp"

namespace {

using explain::Question;
using std::string;

explain::Found two_addresses(const plan::Config&, const http::Authority& host) {
  explain::Found found;
  for (const char* text : {"10.0.0.1", "192.0.2.1"}) {
    sys::Address address;
    sys::parse_ip(text, host.port, address);
    found.addresses.add(address);
  }
  return found;
}
explain::Found nothing(const plan::Config&, const http::Authority&) {
  return {{}, base::Reason::host_not_found};
}

// Without a listener: of a forward proxy, as parse_options adds one.
string explained(plan::Config config, std::vector<const char*> arguments,
                 explain::LookUp look_up = two_addresses) {
  Question question;
  std::vector<const char*> rest;
  EXPECT_EQ(explain::read_question(arguments, question, rest), "");
  if (config.listeners.empty()) config.listeners.emplace_back();
  return explain::explain(config, question, look_up);
}

bool has(const string& text, const string& line) {
  return ("\n" + text).find("\n" + line + "\n") != string::npos;
}

TEST(Explain, TheRuleForEachAddress) {
  plan::Config config;
  ASSERT_EQ(config::apply_option(config, "--deny", "to=10.0.0.0/8"), "");
  const string text = explained(config, {"GET", "http://o.test:81/a"});
  EXPECT_TRUE(has(text, "host        o.test, port 81")) << text;
  EXPECT_TRUE(has(text, "rule        depends on the address: --deny to=10.0.0.0/8")) << text;
  EXPECT_TRUE(has(text, "address     10.0.0.1:81, denied: --deny to=10.0.0.0/8")) << text;
  EXPECT_NE(text.find("\naddress     192.0.2.1:81, allowed: "), string::npos) << text;
  EXPECT_TRUE(has(text, "timeout     10 s for DNS")) << text;
}

TEST(Explain, WhichParentAndWhy) {
  plan::Config config;
  for (const char* parent : {"http://me:secret@p:3128=.a.test", "none=.b.test", "socks5://q"})
    ASSERT_EQ(config::apply_option(config, "--parent", parent), "");
  ASSERT_EQ(config::apply_option(config, "--no-parent", "c.test"), "");
  struct Row {
    const char *url, *line;
  };
  const Row rows[] = {
      {"http://x.a.test/", "parent      http://p:3128, by --parent http://p:3128=.a.test"},
      {"http://x.b.test/", "parent      none, by --parent none=.b.test"},
      {"http://c.test/", "parent      none: the host is in --no-parent"},
      {"http://127.0.0.1/", "parent      none: this machine is always reached directly"},
      {"http://d.test/", "parent      socks5://q:1080, for all other hosts"},
  };
  for (const Row& row : rows) {
    const string text = explained(config, {"GET", row.url});
    EXPECT_TRUE(has(text, row.line)) << text;
    EXPECT_EQ(text.find("secret"), string::npos) << text;
    const bool direct = string{row.line}.find("none") != string::npos;
    EXPECT_EQ(text.find("\naddress  ") != string::npos, direct) << "the parent does the lookup: " << text;
  }
  config.parents.pop_back();
  EXPECT_TRUE(
      has(explained(config, {"GET", "http://d.test/"}), "parent      none: no --parent is for this host"));
  EXPECT_EQ(explained({}, {"GET", "http://d.test/"}).find("parent "), string::npos);
}

TEST(Explain, UsersAndPasswords) {
  plan::Config config;
  config.users_files.front() = "users";
  for (const char* rule : {"host=free.test,user=none", "user=ann,host=*.test"})
    ASSERT_EQ(config::apply_option(config, "--allow", rule), "");
  const string free = explained(config, {"GET", "http://free.test/"});
  EXPECT_TRUE(has(free, "password    not required, by user=none")) << free;
  EXPECT_TRUE(has(free, "address     192.0.2.1:80, allowed: --allow host=free.test,user=none")) << free;
  const string unknown = explained(config, {"GET", "http://o.test/"});
  EXPECT_TRUE(has(unknown, "password    required (--users users), otherwise 407")) << unknown;
  EXPECT_NE(unknown.find("\nuser        not known: "), string::npos) << unknown;
  const string ann = explained(config, {"--user", "ann", "GET", "http://o.test/"});
  EXPECT_EQ(ann.find("\nuser  "), string::npos) << ann;
  EXPECT_TRUE(has(ann, "address     192.0.2.1:80, allowed: --allow user=ann,host=*.test")) << ann;
  const string bob = explained(config, {"GET", "http://o.test/", "--user", "bob"});
  EXPECT_NE(bob.find("\nrefused     403 "), string::npos) << bob;
}

TEST(Explain, EachChangedFieldWithItsReason) {
  const string text =
      explained({}, {"GET", "http://o.test/a", "-H", "Connection: x-mine, close", "-H", "X-Mine: 1", "-H",
                     "Keep: this", "-H", "Proxy-Authorization: Basic eDp5", "-H", "TE: trailers"});
  for (const char* line :
       {"  - GET http://o.test/a HTTP/1.1", "  + GET /a HTTP/1.1    (origin-form, RFC 9112 section 3.2.1)",
        "    Host: o.test", "    Keep: this",
        "  - X-Mine: 1    (listed in Connection, RFC 9110 section 7.6.1)",
        "  - Connection: x-mine, close    (hop-by-hop, RFC 9110 section 7.6.1)",
        "  - Proxy-Authorization: Basic eDp5    (for one proxy only, RFC 9110 section 11.7.2)",
        "  - TE: trailers    (hop-by-hop, RFC 9110 section 10.1.4)",
        "  + Via: 1.1 proxy    (lists the proxies passed, RFC 9110 section 7.6.3)"})
    EXPECT_TRUE(has(text, line)) << line << "\n" << text;
  EXPECT_EQ(text.find("+ Connection"), string::npos) << text;
}

TEST(Explain, AHostFieldThatDiffersFromTheUrl) {
  const string text = explained({}, {"GET", "http://o.test/", "-H", "Host: other"});
  EXPECT_TRUE(has(text, "  - Host: other    (taken from the URL, RFC 9112 section 3.2.2)")) << text;
  EXPECT_TRUE(has(text, "  + Host: o.test    (taken from the URL, RFC 9112 section 3.2.2)")) << text;
}

TEST(Explain, UserinfoIsNotShown) {
  const string text = explained({}, {"GET", "http://joe:hunter2@o.test/a"});
  EXPECT_TRUE(has(text, "  - GET http://o.test/a HTTP/1.1")) << text;
  EXPECT_TRUE(has(text, "    Host: o.test")) << text;
  EXPECT_EQ(text.find("hunter2"), string::npos) << text;
}

TEST(Explain, RefusalsWithTheirReasons) {
  struct Row {
    std::vector<const char*> arguments;
    const char* refused;
  };
  const Row rows[] = {
      {{"GET", "ftp://h/"}, "refused     501 Not Implemented, scheme-unsupported: "},
      {{"CONNECT", "h:25"}, "refused     403 Forbidden, port-not-allowed: "},
      {{"GET", "http://h/", "-H", "Via: 1.1 proxy"}, "refused     508 Loop Detected, loop-detected: "},
      {{"GET", "nonsense"}, "refused     400 Bad Request, bad-target: "},
  };
  for (const Row& row : rows) {
    const string text = explained({}, row.arguments);
    EXPECT_NE(("\n" + text).find(string{"\n"} + row.refused), string::npos) << text;
    EXPECT_EQ(text.find("at most"), string::npos) << text;
  }
  EXPECT_NE(
      explained({}, {"GET", "http://h/"}, nothing).find("\naddresses   none: The host name does not exist."),
      string::npos);
}

// Requests to the proxy itself, which listens at port 8080 of all addresses.
TEST(Explain, TheBoard) {
  constexpr const char* kOpen = "board       the request is to the proxy itself, and the client may see it";
  const struct {
    std::vector<const char*> options, arguments;
    const char* line;
    bool served = false;
  } rows[] = {
      {{}, {"GET", "http://localhost:8080/"}, kOpen, true},
      {{}, {"GET", "http://[::1]:8080/metrics"}, kOpen, true},
      {{"--allow", "host=example.com"}, {"HEAD", "http://127.0.0.1:8080/"}, kOpen, true},
      {{"--no-console", nullptr}, {"GET", "http://localhost:8080/"}, "board       not served (--no-console)"},
      {{"--console", "9000"},
       {"GET", "http://localhost:8080/"},
       "board       not served here: it has a listener of its own (--console)"},
      {{"--console", "9000"}, {"GET", "http://localhost:9000/"}, kOpen, true},
      {{}, {"POST", "http://localhost:8080/"}, "board       not for this method: it has GET and HEAD"},
      {{},
       {"--client", "10.0.0.7", "GET", "http://localhost:8080/"},
       "board       not served: the client is not on this machine, and no rule names client and proxy "
       "(--allow client=ADDRESS,host=ADDRESS)"},
      {{"--deny", "host=localhost"},
       {"GET", "http://localhost:8080/"},
       "board       not served: the rules deny it to this client"},
      {{},
       {"-H", "Via: 1.1 other", "GET", "http://localhost:8080/"},
       "board       not served: another proxy has passed the request on (Via, Forwarded or X-Forwarded-For)"},
      {{},
       {"GET", "http://a.test:8080/"},
       "board       not asked for: target and Host do not both name localhost or a loopback address with a "
       "port "
       "of the proxy"},
      {{},
       {"-H", "Origin: http://a.test", "GET", "http://localhost:8080/"},
       "board       refused: the page of another site asks"},
      {{},
       {"GET", "http://localhost:8088/"},
       "board       only if 8088 is the port of the proxy: ask with --listen 8088"},
  };
  for (const auto& row : rows) {
    plan::Config config;
    ASSERT_EQ(config::apply_option(config, "--listen", "0.0.0.0:8080"), "");
    if (!row.options.empty()) {
      const char* const value = row.options[1] == nullptr ? "true" : row.options[1];
      ASSERT_EQ(config::apply_option(config, row.options[0], value), "");
    }
    const string text = explained(config, row.arguments);
    EXPECT_TRUE(has(text, row.line)) << text;
    EXPECT_EQ(text.find("the board\n") != string::npos, row.served) << text;
  }
  plan::Config config;
  EXPECT_EQ(explained(config, {"GET", "http://o.test:8080/"}).find("board"), string::npos);
}

// A URL with the port of another listener is a request to that listener.
TEST(Explain, RequestsToAWebServer) {
  plan::Config config;
  for (const auto& [option, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--reverse", "8081=a.test:9001,b.test:9002"},
           {"--metrics", "9100"},
           {"--echo", "127.0.0.1:7000"},
           {"--listen", "127.0.0.1:8080"},
           {"--deny", "10.0.0.0/8"}})
    ASSERT_EQ(config::apply_option(config, option, value), "");
  const struct {
    std::vector<const char*> arguments, lines;
  } rows[] = {
      {{"GET", "http://localhost:8081/x?y=1", "-H", "X-Real-IP: 192.0.2.9"},
       {"listener    127.0.0.1:8081, reverse proxy to a.test:9001, b.test:9002", "path        /x?y=1",
        "route       /, reverse proxy to a.test:9001, b.test:9002",
        "rule        allowed: no rule matches, and none is about clients",
        "timeout     60 s for response body bytes", "    GET /x?y=1 HTTP/1.1", "    Host: localhost:8081",
        "  - X-Real-IP: 192.0.2.9    (the client's address for the server)",
        "  + X-Real-IP: 127.0.0.1    (the client's address for the server)",
        "  + Via: 1.1 proxy    (lists the proxies passed, RFC 9110 section 7.6.3)"}},
      {{"GET", "http://localhost:8081/", "--client", "10.1.1.1"}, {"rule        denied: --deny 10.0.0.0/8"}},
      {{"GET", "http://localhost:9100/metrics"}, {"route       /, metrics"}},
      {{"GET", "http://localhost:7000/"},
       {"listener    127.0.0.1:7000, echo: it does not read HTTP requests"}},
      {{"GET", "http://localhost:8082/"}, {"route       forwarded"}},
      {{"CONNECT", "localhost:8081"}, {"route       tunnel, forwarded unread"}},
  };
  for (const auto& row : rows) {
    const string text = explained(config, row.arguments);
    for (const char* const line : row.lines) EXPECT_TRUE(has(text, line)) << line << '\n' << text;
  }
  config.listeners.pop_back();  // the forward proxy
  EXPECT_NE(explained(config, {"GET", "http://o.test/"}).find("listener    none: "), string::npos);
}

// The address of the URL decides which of two listeners with one port gets the request; a name does if a site
// has it.
TEST(Explain, WhichListener) {
  plan::Config config;
  for (const auto& [option, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"--reverse", "127.0.0.1:80=a.test:9001"}, {"--listen", "127.0.0.2:80"}})
    ASSERT_EQ(config::apply_option(config, option, value), "");
  constexpr const char* kWebServer = "listener    127.0.0.1:80, reverse proxy to a.test:9001";
  const struct {
    const char* url;
    bool web;
  } rows[] = {{"http://127.0.0.1/", true},    {"http://localhost/", true},   {"http://127.0.0.2/", false},
              {"http://example.com/", false}, {"http://[::1]/", false},      {"http://127.0.0.1:81/", false},
              {"http://site.test/", true},    {"http://x.site.test/", false}};
  config.sites.front().hostnames = {"site.test"};
  for (const auto& row : rows)
    EXPECT_EQ(has(explained(config, {"GET", row.url}), kWebServer), row.web) << row.url;
  config.listeners.pop_back();
  EXPECT_TRUE(has(explained(config, {"GET", "http://example.com/"}), kWebServer)) << "there is no other one";
}

// As the running proxy refuses them.
TEST(Explain, WhatIsRefused) {
  plan::Config config;
  for (const auto& [option, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"--listen", "127.0.0.1:8080"},
                                                                  {"--metrics", "9100"},
                                                                  {"--console", "9000"},
                                                                  {"--max-fields", "5"}})
    ASSERT_EQ(config::apply_option(config, option, value), "");
  const struct {
    std::vector<const char*> arguments;
    const char* refused;
  } rows[] = {{{"DELETE", "http://localhost:9100/metrics"}, "405 Method Not Allowed, method-not-allowed"},
              {{"FOO", "http://localhost:9100/metrics"}, "400 Bad Request, unknown-method"},
              {{"POST", "http://localhost:9000/"}, "405 Method Not Allowed, method-not-allowed"},
              {{"GET", "http://a.test/", "-H", "A: 1", "-H", "B: 2"}, "431 Request Header Fields Too Large"},
              {{"GET", "http://localhost:9100/", "-H", "A: 1", "-H", "B: 2", "-H", "C: 3"},
               "431 Request Header Fields Too Large"}};
  for (const auto& row : rows)
    EXPECT_NE(("\n" + explained(config, row.arguments)).find(string{"\nrefused     "} + row.refused),
              string::npos)
        << row.refused;
  const auto itself = [](const plan::Config&, const http::Authority& host) {
    explain::Found found;
    found.addresses.add(sys::loopback4(host.port));
    return found;
  };
  EXPECT_TRUE(has(explained(config, {"POST", "http://a.test:8080/"}, itself),
                  "address     127.0.0.1:8080, refused with 508: it leads back to this proxy"));
}

TEST(Explain, ABuiltInRule) {
  EXPECT_TRUE(has(explained({}, {"GET", "http://169.254.169.254/"}),
                  "rule        denied by a built-in rule: 169.254.0.0/16 is link-local"));
}

// Rules know the users of --users; a route without a password, or with a file of its own, has none of them.
TEST(Explain, TheUserOfARoute) {
  plan::Config config;
  config.users_files = {"users", "others"};
  for (const char* rule : {"user=bob", "user=ann,method=HEAD"})
    ASSERT_EQ(config::apply_option(config, "--allow", rule), "");
  ASSERT_EQ(config::apply_option(config, "--metrics", "9100"), "");
  const struct {
    std::uint8_t users;
    std::vector<const char*> user;
    bool allowed;
  } rows[] = {
      {0, {"--user", "bob"}, true}, {0, {"--user", "ann"}, false}, {plan::kNoUsers, {"--user", "bob"}, false},
      {plan::kNoUsers, {}, false},  {1, {"--user", "bob"}, false}, {1, {}, false}};
  for (const auto& row : rows) {
    for (plan::WebRoute& route : config.sites.front().routes) route.users = row.users;
    std::vector<const char*> arguments{"GET", "http://localhost:9100/metrics"};
    arguments.insert(arguments.end(), row.user.begin(), row.user.end());
    const string text = explained(config, arguments);
    EXPECT_EQ(has(text, "rule        allowed: --allow user=bob"), row.allowed) << text;
    EXPECT_EQ(has(text, "password    required (others), otherwise 401"), row.users == 1) << text;
    EXPECT_EQ(text.find("\nrefused     403") != string::npos, !row.allowed) << text;
  }
}

// As for a forward proxy: the user does not matter.
TEST(Explain, AWebServerWithoutAPasswordByARule) {
  plan::Config config;
  config.users_files.front() = "users";
  ASSERT_EQ(config::apply_option(config, "--allow", "user=none,method=GET"), "");
  ASSERT_EQ(config::apply_option(config, "--metrics", "9100"), "");
  const string text = explained(config, {"GET", "http://localhost:9100/metrics"});
  EXPECT_TRUE(has(text, "password    not required, by user=none")) << text;
  EXPECT_EQ(text.find("\nuser  "), string::npos) << text;
  EXPECT_EQ(text.find("\nrefused  "), string::npos) << text;
}

// To an upstream proxy: its own login, or that of the client.
TEST(Explain, TheLoginOfAnUpstreamProxy) {
  for (const auto& [parent, line] : std::initializer_list<std::pair<const char*, const char*>>{
           {"http://p:3128", "    Proxy-Authorization: Basic eDp5"},
           {"http://me:secret@p:3128",
            "  + Proxy-Authorization: Basic (of --parent)    (for one proxy only, RFC 9110 section "
            "11.7.2)"}}) {
    plan::Config config;
    ASSERT_EQ(config::apply_option(config, "--parent", parent), "");
    const string text = explained(config, {"GET", "http://o.test/", "-H", "Proxy-Authorization: Basic eDp5"});
    EXPECT_TRUE(has(text, line)) << text;
  }
}

TEST(Explain, ATunnelHasNoHead) {
  const string text = explained({}, {"CONNECT", "h:443", "--client", "127.0.0.9"});
  EXPECT_TRUE(has(text, "client      127.0.0.9")) << text;
  EXPECT_TRUE(has(text, "route       tunnel, forwarded unread")) << text;
  EXPECT_EQ(text.find("The head"), string::npos);
}

TEST(Explain, ArgumentsAndOptions) {
  Question question;
  std::vector<const char*> rest;
  const std::vector<const char*> arguments{"--http", "1.0",        "GET",       "-H",
                                           "A: b",   "--deny=all", "http://h/", "-v"};
  EXPECT_EQ(explain::read_question(arguments, question, rest), "");
  EXPECT_EQ((std::vector<string>{rest.begin(), rest.end()}),
            (std::vector<string>{"--http", "1.0", "--deny=all", "-v"}));
  EXPECT_EQ(question.url, "http://h/");
  rest.clear();
  EXPECT_EQ(explain::read_question(
                std::array{"--request-id", "8080", "--metrics", "9100", "GET", "http://h/"}, question, rest),
            "");
  EXPECT_EQ((std::vector<string>{rest.begin(), rest.end()}),
            (std::vector<string>{"--request-id", "--metrics", "9100", "8080"}));
  rest.clear();
  EXPECT_EQ(explain::read_question(std::array{"none.json", "GET", "http://h/"}, question, rest), "");
  EXPECT_EQ((std::vector<string>{rest.begin(), rest.end()}), std::vector<string>{"none.json"})
      << "the proxy's own error says that there is no such file";
  EXPECT_EQ(question.method, "GET");
  EXPECT_EQ(question.fields, std::vector<string>{"A: b"});
  const std::vector<const char*> wrong[] = {{},
                                            {"GET"},
                                            {"GET", "http://h/", "more"},
                                            {"PURGE", "http://h/", "more"},
                                            {"--client", "here", "GET", "http://h/"}};
  for (const auto& words : wrong) EXPECT_NE(explain::read_question(words, question, rest), "");
}

TEST(Explain, HelpIsAllThatIsWanted) {
  for (const char* const word : {"--help", "-h"}) {
    explain::Question question;
    std::vector<const char*> rest;
    EXPECT_EQ(explain::read_question(std::array{"GET", word}, question, rest), "");
    EXPECT_TRUE(question.help);
    EXPECT_TRUE(rest.empty());
  }
  EXPECT_TRUE(explain::help_text().starts_with("Usage: proxy explain [OPTION]... "));
}

// Each text stays one element of the head.
TEST(Explain, BlanksAndControlCharactersAreErrors) {
  struct Row {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Row rows[] = {
      {{"\r\nGET", "http://h/"}, R"(invalid method '\x0d\x0aGET')"},
      {{"GET /", "http://h/"}, "invalid method 'GET /'"},
      {{"", "http://h/"}, "invalid method ''"},
      {{"GET\x7f", "http://h/"}, "invalid method"},
      {{"GET", ""}, "invalid URL ''"},
      {{"GET", "http://h/ HTTP/1.1\r\nA: b"}, "invalid URL"},
      {{"GET", "http://h/a b"}, "invalid URL"},
      {{"GET", "http://h/", "-H", "A: b\r\nC: d"}, R"(invalid header field 'A: b\x0d\x0aC: d')"},
      {{"GET", "http://h/", "-H", "A: b\x1b[31m"}, "invalid header field"},
      {{"GET", "http://h/", "-H", "A : b"}, "invalid header field"},
      {{"GET", "http://h/", "-H", "A"}, "invalid header field"},
      {{"GET", "http://h/", "-H", ": b"}, "invalid header field"},
      {{"GET", "http://h/", "-H", ""}, "invalid header field"},
  };
  for (const Row& row : rows) {
    Question question;
    std::vector<const char*> rest;
    const string error = explain::read_question(row.arguments, question, rest);
    EXPECT_EQ(error.find(row.says), 0U) << error;
    EXPECT_EQ(std::find_if(error.begin(), error.end(), base::is_control), error.end()) << error;
  }
}

TEST(Explain, AHeadThatCannotBeWritten) {
  string options = "Connection: a";
  for (int i = 0; i < 100; ++i) options += ",a";
  const string text = explained({}, {"GET", "http://h/", "-H", options.c_str()});
  EXPECT_NE(text.find("\nrefused     431 "), string::npos) << text;
}

}  // namespace
