// Parsing of upstream proxies, and the hosts that use them.
#include "../../src/plan/parent.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../src/config/command_line.hpp"
#include "../../src/config/options.hpp"
#include "../../src/config/parent_text.hpp"

namespace {

using plan::Parent;
using std::string;
using Kind = Parent::Kind;

TEST(Parent, Parses) {
  struct Row {
    const char* text;
    Kind kind;
    const char* host;
    std::uint16_t port;
    const char *socket, *user, *password;
  };
  const Row rows[] = {
      {"http://proxy.example.com", Kind::http, "proxy.example.com", 8080, "", "", ""},
      {"http://proxy.example.com/", Kind::http, "proxy.example.com", 8080, "", "", ""},
      {"HTTP://p:3128", Kind::http, "p", 3128, "", "", ""},
      {"http://p:3128/", Kind::http, "p", 3128, "", "", ""},
      {"http://[::1]", Kind::http, "::1", 8080, "", "", ""},
      {"http://[::1]:65535", Kind::http, "::1", 65535, "", "", ""},
      {"socks5://127.0.0.1", Kind::socks5, "127.0.0.1", 1080, "", "", ""},
      {"socks5h://me:pw@p", Kind::socks5, "p", 1080, "", "me", "pw"},
      {"SOCKS5H://p:9050/", Kind::socks5, "p", 9050, "", "", ""},
      {"http://me@p", Kind::http, "p", 8080, "", "me", ""},
      {"http://me:@p", Kind::http, "p", 8080, "", "me", ""},
      {"http://me:a:b@p:1", Kind::http, "p", 1, "", "me", "a:b"},
      {"http://m%40e:%2F%25%c3%A4@p", Kind::http, "p", 8080, "", "m@e", "/%\xc3\xa4"},
      {"http://me:a@b@p", Kind::http, "p", 8080, "", "me", "a@b"},
      {"socks5://a%3Ab:c@[2001:db8::1]:9", Kind::socks5, "2001:db8::1", 9, "", "a:b", "c"},
      {"http://unix:/run/p.sock", Kind::http, "", 0, "/run/p.sock", "", ""},
      {"socks5://me:pw@unix:/run/a@b%41", Kind::socks5, "", 0, "/run/a@b%41", "me", "pw"},
      {"http://unix:81", Kind::http, "unix", 81, "", "", ""},
  };
  for (const Row& row : rows) {
    Parent parent;
    EXPECT_EQ(config::parse_parent(row.text, parent), "") << row.text;
    const Parent expected{row.kind, {row.host, row.port, row.socket}, row.user, row.password};
    EXPECT_TRUE(parent == expected) << row.text << ": " << parent.hop.host << " " << parent.hop.port << " "
                                    << parent.hop.socket << " " << parent.user << " " << parent.password;
  }
}

TEST(Parent, Errors) {
  struct Row {
    string text;
    const char* says;
  };
  const Row rows[] = {
      {"", "http://HOST:PORT"},
      {"p:8080", "http://HOST:PORT"},
      {"https://p:8080", "http://HOST:PORT"},
      {"socks4://p", "http://HOST:PORT"},
      {"http://", "invalid host name ''"},
      {"http://:8080", "invalid host name ''"},
      {"http://a b", "invalid host name 'a b'"},
      {"http://p/path", "invalid host name 'p/path'"},
      {"http://p:0", "invalid port '0'"},
      {"http://p:", "invalid port ''"},
      {"http://p:65536", "invalid port '65536'"},
      {"http://p:80/x", "invalid port '80/x'"},
      {"http://[::1", "IPv6"},
      {"http://[1.2.3.4]", "IPv6"},
      {"http://[::1]8080", "invalid port '8080'"},
      {"http://" + string(254, 'a'), "invalid host name"},
      {"http://@p", "missing user name before '@'"},
      {"http://:secret@p", "missing user name before '@'"},
      {"http://m%4:secret@p", "%25"},
      {"http://me:secret%zz@p", "%25"},
      {"http://m%3ae:secret@p", "no colon"},
      {"http://me:secret%0a@p", "no control character"},
      {"socks5://me@p", "1-255"},
      {"socks5://me:" + string(256, 's') + "@p", "1-255"},
      {"http://unix:/", "2-107"},
      {"http://unix:/" + string(107, 'a'), "2-107"},
  };
  for (const Row& row : rows) {
    Parent parent{Kind::socks5, {"h", 7, ""}, "u", "p"};
    const Parent before = parent;
    const string wrong = config::parse_parent(row.text, parent);
    EXPECT_NE(wrong.find(row.says), string::npos) << row.text << ": " << wrong;
    EXPECT_EQ(wrong.find("secret"), string::npos) << "a password is not printed";
    EXPECT_TRUE(parent == before) << row.text << ": unchanged";
  }
}

plan::Config with(const char* no_parent) {
  plan::Config config;
  EXPECT_EQ(config::apply_option(config, "--parent", "http://p"), "");
  EXPECT_EQ(config::parse_no_parent(no_parent, config.no_parent), "") << no_parent;
  return config;
}

TEST(Parent, HostsThatUseIt) {
  struct Row {
    const char *list, *host;
    std::uint16_t port;
    bool asked;
  };
  const Row rows[] = {
      {"", "example.com", 80, true},
      {"example.com", "example.com", 80, false},
      {"example.com", "EXAMPLE.com.", 80, false},
      {"Example.COM.", "a.example.com", 80, false},
      {"example.com", "aexample.com", 80, true},
      {"example.com", "com", 80, true},
      {".example.com", "example.com", 80, true},
      {".example.com", "a.example.com", 80, false},
      {".example.com", "b.a.example.com", 80, false},
      {".example.com", ".example.com", 80, true},
      {"*.example.com", "example.com", 80, true},
      {"*.example.com", "a.example.com", 80, false},
      {" , a.test ,, b.test", "b.test", 80, false},
      {"*", "anything.test", 1, false},
      {"*:443", "anything.test", 443, false},
      {"*:443", "anything.test", 80, true},
      {"example.com:8080", "www.example.com", 8080, false},
      {"example.com:8080", "www.example.com", 80, true},
      {"10.0.0.0/8", "10.1.2.3", 80, false},
      {"10.0.0.0/8", "11.1.2.3", 80, true},
      {"10.0.0.0/8", "10.example.com", 80, true},
      {"10.0.0.0/8:81", "10.1.2.3", 80, true},
      {"10.0.0.0/8:81", "10.1.2.3", 81, false},
      {"10.0.0.1", "::ffff:10.0.0.1", 80, false},
      {"fd00::/8", "fd12::1", 80, false},
      {"fd00::/8", "fe12::1", 80, true},
      {"[fd00::]/8:81", "fd12::1", 81, false},
      {"[fd00::]/8:81", "fd12::1", 80, true},
      {"[2001:db8::1]:81", "2001:db8:0::1", 81, false},
      {"[2001:db8::1]", "2001:db8::1", 5, false},
      {"", "localhost", 80, false},
      {"", "LOCALHOST.", 80, false},
      {"", "a.localhost", 80, false},
      {"", "localhost.test", 80, true},
      {"", "127.0.0.1", 80, false},
      {"", "127.8.9.10", 80, false},
      {"", "::1", 80, false},
      {"", "::ffff:127.0.0.1", 80, false},
      {"", "128.0.0.1", 80, true},
  };
  for (const Row& row : rows) {
    const plan::Config config = with(row.list);
    const Parent* const expected = row.asked ? &*config.parents.front().parent : nullptr;
    EXPECT_EQ(plan::way_to(config, row.host, row.port).parent(), expected) << row.list << " " << row.host;
  }
  EXPECT_EQ(plan::way_to(plan::Config{}, "example.com", 80).parent(), nullptr) << "there is none";
}

// ---- an upstream proxy for each domain -------------------------------------------------------------------

plan::Config with_parents(const std::vector<const char*>& values) {
  plan::Config config;
  for (const char* value : values) EXPECT_EQ(config::apply_option(config, "--parent", value), "") << value;
  return config;
}

// "http://a:8080", "direct".
string way(const plan::Config& config, const char* host) {
  const Parent* const parent = plan::way_to(config, host, 80).parent();
  return parent == nullptr ? "direct" : plan::text_of(parent->hop);
}

TEST(Parents, TheFirstRowThatMatchesDecides) {
  struct Row {
    std::vector<const char*> parents;
    const char *host, *way;
  };
  const Row rows[] = {
      {{"http://a=.a.test", "http://b"}, "a.test", "a:8080"},
      {{"http://a=.a.test", "http://b"}, "X.A.test.", "a:8080"},
      {{"http://a=.a.test", "http://b"}, "xa.test", "b:8080"},
      {{"http://a=.a.test"}, "b.test", "direct"},
      {{"http://b", "http://a=.a.test"}, "a.test", "a:8080"},  // the default comes last
      {{"http://a=*.a.test"}, "a.test", "direct"},
      {{"http://a=*.a.test"}, "x.a.test", "a:8080"},
      {{"http://a=a.test"}, "x.a.test", "direct"},
      {{"http://a=ads*"}, "ads7.test", "a:8080"},
      {{"http://a=x.test", "http://b=*.test"}, "x.test", "a:8080"},
      {{"http://b=*.test", "http://a=x.test"}, "x.test", "b:8080"},
      {{"http://a=x.test,y.test|z.test"}, "y.test", "a:8080"},
      {{"http://a=x.test, y.test|z.test"}, "z.test", "a:8080"},
      {{"none=.intern", "http://a"}, "x.intern", "direct"},
      {{"http://a", "direct=.intern"}, "x.intern", "direct"},
      {{"http://a", "none=.intern"}, "x.test", "a:8080"},
      {{"none=*", "http://a=x.test"}, "x.test", "direct"},
      {{"http://a=x.test", "none"}, "y.test", "direct"},
      {{"http://a=*"}, "y.test", "a:8080"},
      {{"http://a=10.0.0.0/8"}, "10.1.2.3", "a:8080"},
      {{"http://a=10.0.0.0/8"}, "::ffff:10.1.2.3", "a:8080"},
      {{"http://a=10.0.0.0/8"}, "11.1.2.3", "direct"},
      {{"http://a=10.0.0.0/8"}, "10.test", "direct"},
      {{"http://a=10.0.0.1"}, "10.0.0.1", "a:8080"},
      {{"http://a=2001:db8::1"}, "2001:db8:0::1", "a:8080"},
      {{"http://a=[2001:db8::]/32"}, "2001:db8::7", "a:8080"},
      {{"http://a=*"}, "localhost", "direct"},
      {{"http://a=*"}, "127.0.0.1", "direct"},
      {{"http://u:p=@a:1"}, "y.test", "a:1"},            // "=" in the login
      {{"http://u:p=@a:1=x.test"}, "y.test", "direct"},  // and one before the hosts
      {{"http://unix:/run/a=b=x.test"}, "x.test", "unix:/run/a=b"},
      {{"http://unix:/run/a=b@c"}, "x.test", "unix:/run/a=b@c"},
      {{"http://u:p=@a:1=@f"}, "y.test", "direct"},  // a file, see HostFiles
      {{"http://u:p==@a:1"}, "y.test", "a:1"},
      {{"socks5://a=.onion"}, "x.onion", "a:1080"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(way(with_parents(row.parents), row.host), row.way) << row.parents.front() << " " << row.host;
}

TEST(Parents, NoParentComesFirst) {
  plan::Config config = with_parents({"http://a=.a.test", "http://b"});
  EXPECT_EQ(config::parse_no_parent("x.a.test:80", config.no_parent), "");
  EXPECT_EQ(way(config, "x.a.test"), "direct");
  EXPECT_EQ(plan::way_to(config, "x.a.test", 81).parent(), &*config.parents.front().parent);
  EXPECT_EQ(way(config, "y.a.test"), "a:8080");
}

TEST(Parents, Errors) {
  struct Row {
    const char *text, *says;
  };
  const Row rows[] = {{"http://a=", "missing host"},
                      {"http://a=x.test,", "missing host"},
                      {"none=", "missing host"},
                      {"none:80=x.test", "http://HOST:PORT"},
                      {"http://a=x.test:80", "invalid host 'x.test:80': expected no port"},
                      {"http://a=http://x.test/", "without scheme"},
                      {"http://a=10.0.0.0/33", "invalid network '10.0.0.0/33'"},
                      {"http://a=10.0.0.1/8", "invalid network '10.0.0.1/8'"},
                      {"http://me:secret@a b=x.test", "invalid host name 'a b'"},
                      {"http://me:secret@a=x..test", "invalid host pattern 'x..test'"}};
  for (const Row& row : rows) {
    plan::Config config;
    const string wrong = config::apply_option(config, "--parent", row.text);
    EXPECT_NE(wrong.find(row.says), string::npos) << row.text << ": " << wrong;
    EXPECT_EQ(wrong.find("secret"), string::npos) << wrong;
    EXPECT_TRUE(config.parents.empty()) << row.text;
  }
  plan::Config full;
  for (std::size_t i = 0; i < plan::kParentsMax; ++i) config::apply_option(full, "--parent", "http://a");
  EXPECT_NE(config::apply_option(full, "--parent", "http://a").find("at most 100"), string::npos);
}

TEST(Parents, ThoseWithoutEffectAreReported) {
  struct Row {
    std::vector<const char*> parents;
    std::vector<string> warnings;
  };
  const string subject = "--parent ", shadow = " matches the same hosts earlier";
  const Row rows[] = {
      {{"http://a=.a.test", "http://b=.b.test", "http://c"}, {}},
      {{"http://u:secret@a", "http://u:secret@b"},
       {subject + "http://b:8080: no effect: --parent http://a:8080" + shadow}},
      {{"http://a=.a.test", "http://b=x.a.test"},
       {subject + "http://b:8080=x.a.test: no effect: --parent http://a:8080=.a.test" + shadow}},
      {{"http://a", "http://b=*"}, {subject + "http://a:8080: no effect: --parent http://b:8080=*" + shadow}},
      {{"http://a=10.0.0.0/8", "none=10.0.0.1"},
       {subject + "none=10.0.0.1: no effect: --parent http://a:8080=10.0.0.0/8" + shadow}},
      {{"http://a=localhost,127.0.0.0/8"},
       {subject + "http://a:8080=localhost,127.0.0.0/8: no effect: this machine is always reached directly"}},
      {{"none=localhost", "http://a"}, {}},
  };
  for (const Row& row : rows)
    EXPECT_EQ(config::parent_warnings(with_parents(row.parents).parents), row.warnings)
        << row.parents.front();
}

TEST(Parent, InvalidLists) {
  for (const char* text : {"a b", "example.com:0", "example.com:http", "10.0.0.300", "1.2", ".", "..a", "a..",
                           "*a", "a*", "[::1", "[::1]:", "http://a"}) {
    std::vector<plan::NoParent> rows(3);
    const string wrong = config::parse_no_parent(string{"good.test,"} + text, rows);
    EXPECT_NE(wrong.find("invalid host '" + string{text} + "'"), string::npos) << text << ": " << wrong;
    EXPECT_EQ(rows.size(), 3U) << text << ": unchanged";
  }
  for (const char* text : {"10.0.0.0/33", "fd00::/129", "127.0.0.1/0"}) {
    std::vector<plan::NoParent> rows;
    const string wrong = config::parse_no_parent(text, rows);
    EXPECT_EQ(wrong.find("invalid network '" + string{text} + "'"), 0U) << wrong;
  }
}

TEST(CommandLine, ParentsRatesAndDrain) {
  const std::vector<const char*> arguments{
      "80",           "--parent",       "socks5://p:9", "--no-parent", ".test,10.0.0.0/8",
      "--drain=0.25", "--client-bytes", "1k:3k"};
  const config::CommandLine line = config::parse_command_line(arguments);
  ASSERT_EQ(line.what, config::CommandLine::What::run) << line.message;
  ASSERT_EQ(line.config.parents.size(), 1U);
  EXPECT_EQ(line.config.parents.front().parent->hop.host, "p");
  EXPECT_EQ(line.config.no_parent.size(), 2U);
  EXPECT_EQ(line.config.drain_ms, 250U);
  EXPECT_EQ(line.config.allowance.bytes.per_second, 1024U);
  EXPECT_EQ(line.config.allowance.bytes.burst, 3072U);
  EXPECT_TRUE(line.config.allowance.is_limited());
  EXPECT_EQ(plan::Config{}.drain_ms, 30'000U);
  for (const std::vector<const char*>& wrong : {std::vector<const char*>{"80", "--drain", "soon"},
                                                {"80", "--drain", "86401"},
                                                {"80", "--client-bytes", "0"},
                                                {"80", "--parent", "p"},
                                                {"80", "--no-parent", "a b"}}) {
    const config::CommandLine refused = config::parse_command_line(wrong);
    EXPECT_EQ(refused.what, config::CommandLine::What::wrong) << wrong[1];
    EXPECT_EQ(refused.message.find(wrong[1]), 0U) << refused.message;
  }
  EXPECT_EQ(config::parse_command_line(std::vector<const char*>{"80", "--drain=0"}).config.drain_ms, 0U);
}

}  // namespace
