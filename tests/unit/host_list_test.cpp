// Lists of hosts from files: the look-up, the text, rules with them, and a reload that reads them.
#include "../../src/plan/host_list.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../../src/config/host_list_text.hpp"
#include "../../src/config/options.hpp"
#include "../../src/server/reload.hpp"
#include "../sim/kernel.hpp"

namespace {

using plan::Decision;
using plan::HostList;
using std::string;

HostList list_of(const string& text) {
  HostList list{"f", 7};
  EXPECT_EQ(config::parse_host_list(text, list), "") << text;
  return list;
}

TEST(HostList, Has) {
  struct Row {
    const char *text, *yes, *no;
  };
  const Row rows[] = {
      {"example.com", "EXAMPLE.com", "www.example.com"},
      {"Example.COM.", "example.com", "example.co"},
      {".example.com", "example.com", "notexample.com"},
      {".example.com", "a.b.Example.com", "example.com.evil.org"},
      {"*.example.com", "a.example.com", "example.com"},
      {"*.example.com\nexample.com", "example.com", "com"},
      {"com", "com", "a.com"},
      {".com", "a.b.c.com", "coma"},
      {"192.0.2.7", "192.0.2.7", "192.0.2.70"},
      {"[2001:DB8:0::1]", "2001:db8::1", "2001:db8::2"},
      {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"},
      {"a_b.test", "a_b.test", "ab.test"},
      {"x.test # why\n# all of it\n\n \t\r\n  y.test\t\r\n", "y.test", "#"},
      {"x.test\r\ny.test\r\n", "x.test", "x.test\r"},
      {"x.test\nx.test\n.x.test", "y.x.test", "z.test"},
  };
  for (const Row& row : rows) {
    const HostList list = list_of(row.text);
    EXPECT_TRUE(list.has(row.yes)) << row.text << " " << row.yes;
    EXPECT_FALSE(list.has(row.no)) << row.text << " " << row.no;
    for (const char* never : {"", ".", "..", ".a"})
      EXPECT_FALSE(list.has(never)) << row.text << " '" << never << "'";
  }
  EXPECT_FALSE((HostList{"f", 7}.has("a"))) << "nothing was read";
  const string longest(HostList::kNameMax, 'a');
  EXPECT_TRUE(list_of(longest).has(longest));
  EXPECT_FALSE(list_of(longest).has(longest + "a"));
}

// All of them are found, whatever their number, and none of their neighbours.
TEST(HostList, ManyNames) {
  string text;
  for (int i = 0; i < 50'000; ++i) text += (i % 2 == 0 ? "a" : ".b") + std::to_string(i) + ".example.com\n";
  const HostList list = list_of(text);
  EXPECT_EQ(list.size(), 50'000U);
  for (int i = 0; i < 50'000; ++i) {
    const string number = std::to_string(i) + ".example.com";
    ASSERT_EQ(list.has("a" + number), i % 2 == 0) << i;
    ASSERT_EQ(list.has("b" + number), i % 2 == 1) << i;
    ASSERT_EQ(list.has("x.b" + number), i % 2 == 1) << i;
    ASSERT_FALSE(list.has("x.a" + number)) << i;
  }
  HostList grown{"f", 7};
  for (int i = 0; i < 1000; ++i) grown.add("n" + std::to_string(i), HostList::kItself);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(grown.has("n" + std::to_string(i)));
  grown.clear(1);
  EXPECT_FALSE(grown.has("n1"));
}

TEST(HostList, ErrorsNameTheLine) {
  struct Row {
    string text;
    const char* says;
  };
  string many;
  for (std::size_t i = 0; i <= config::kHostListNamesMax; ++i) many += "n" + std::to_string(i) + "\n";
  const Row rows[] = {
      {"", "no names: expected a name, as in example.com or .example.com in each line"},
      {"# only\n\n", "no names"},
      {"a.test\n\na b\n", "line 3: invalid host 'a b': write one name in a line"},
      {"0.0.0.0 ads.test\n",
       "line 1: invalid host '0.0.0.0 ads.test': this is a line of a hosts file: remove the address"},
      {"\n||ads.test^\n", "line 2: invalid host '||ads.test^': this is a line of an ad blocker"},
      {"http://a.test/\n", "remove the scheme and the path"},
      {"10.0.0.0/8\n", "write networks into the rule, with to="},
      {"a.test:80\n", "remove the port; the rule can have port="},
      {"ads*.test\n", "* at the start only"},
      {"*\n", "* at the start only"},
      {"b\xc3\xbc"
       "cher.test\n",
       "xn-- form"},
      {"a..test\n", "invalid host 'a..test': expected a name"},
      {".\n", "expected a name"},
      {"..a\n", "expected a name"},
      {"*.\n", "invalid host"},
      {string(254, 'a'), "invalid host"},
      {"a\rb\n", "line 1: invalid host"},
      {many, "line 100001: too many names: at most 100000"},
  };
  for (const Row& row : rows) {
    HostList list{"f", 7};
    const string error = config::parse_host_list(row.text, list);
    EXPECT_NE(error.find(row.says), string::npos) << row.text.substr(0, 40) << ": " << error;
    EXPECT_EQ(error.find('\n'), string::npos) << "one line";
  }
}

class HostFiles : public testing::Test {
 protected:
  void SetUp() override {
    sim::files = {{"blocked", "\xef\xbb\xbf.ads.test\r\n192.0.2.7\r\n"}, {"open", "good.test\n"}};
  }
  void TearDown() override { sim::files.clear(); }
  static plan::Config config_of(const std::vector<const char*>& rules) {
    plan::Config config;
    for (std::size_t i = 0; i < rules.size(); i += 2)
      EXPECT_EQ(config::apply_option(config, rules[i], rules[i + 1]), "");
    EXPECT_EQ(server::read_host_lists(config), "");
    return config;
  }
  static Decision decide(const plan::Config& config, const char* host) {
    sys::Address client, address;
    EXPECT_TRUE(sys::parse_ip("192.0.2.1", 1, client) && sys::parse_ip("192.0.2.80", 80, address));
    sys::parse_ip(host, 80, address);
    return config.rules.for_address({client, host, 80, "GET"}, address).decision;
  }
};

TEST_F(HostFiles, InRules) {
  const plan::Config config = config_of(
      {"--deny", "host=@blocked|x.test", "--allow", "host=@open|*.org,port=80", "--deny", "host=@blocked"});
  EXPECT_EQ(config.host_lists.size(), 2U) << "each file once";
  EXPECT_EQ(decide(config, "a.ads.test"), Decision::deny);
  EXPECT_EQ(decide(config, "x.test"), Decision::deny);
  EXPECT_EQ(decide(config, "192.0.2.7"), Decision::deny);
  EXPECT_EQ(decide(config, "::ffff:192.0.2.7"), Decision::deny);
  EXPECT_EQ(decide(config, "64:ff9b::192.0.2.7"), Decision::deny) << "embedded";
  EXPECT_EQ(decide(config, "good.test."), Decision::allow);
  EXPECT_EQ(decide(config, "a.org"), Decision::allow);
  EXPECT_EQ(decide(config, "other.test"), Decision::deny);
  EXPECT_EQ(config.rules.shadowed().size(), 1U) << "the same file again";
}

TEST_F(HostFiles, InParents) {
  plan::Config config;
  for (const char* parent : {"http://a:3128=@blocked", "http://u:p@b=x.test,@open", "none=*"})
    EXPECT_EQ(config::apply_option(config, "--parent", parent), "");
  EXPECT_EQ(server::read_host_lists(config), "");
  const auto way = [&config](const char* host) {
    const plan::Parent* const parent = plan::way_to(config, host, 80).parent();
    return parent == nullptr ? "direct" : plan::text_of(parent->hop);
  };
  EXPECT_EQ(way("x.ads.test"), "a:3128");
  EXPECT_EQ(way("good.test"), "b:8080");
  EXPECT_EQ(way("x.test"), "b:8080");
  EXPECT_EQ(way("other.test"), "direct");
}

// An address of this machine or a cloud's metadata service must be named in the rule itself.
TEST_F(HostFiles, OpenNoBuiltInDestination) {
  sim::files["open"] = "169.254.169.254\n";
  EXPECT_EQ(decide(config_of({"--allow", "host=@open"}), "169.254.169.254"), Decision::deny);
  EXPECT_EQ(decide(config_of({"--allow", "host=169.254.169.254"}), "169.254.169.254"), Decision::allow);
}

TEST_F(HostFiles, Errors) {
  plan::Config config;
  EXPECT_EQ(config::apply_option(config, "--deny", "host=@"),
            "missing file name after '@', as in @/etc/proxy/blocked");
  EXPECT_EQ(config::apply_option(config, "--deny", "host=@missing"), "");
  EXPECT_EQ(server::read_host_lists(config).substr(0, 12), "cannot read ");
  sim::files["missing"] = "a.test\na b\n";
  EXPECT_NE(server::read_host_lists(config).find("missing: line 2: invalid host 'a b'"), string::npos);
  for (std::size_t i = 1; i < config::kHostListsMax; ++i)
    EXPECT_EQ(config::apply_option(config, "--deny", "host=@f" + std::to_string(i)), "");
  EXPECT_EQ(config::apply_option(config, "--deny", "host=@f"), "too many files of hosts: at most 16");
  EXPECT_EQ(config::apply_option(config, "--deny", "host=@f1,port=1"), "");
}

// So that a turn of the loop does not take the time of all files together.
TEST_F(HostFiles, AReloadReadsOneInEachStep) {
  const std::vector<const char*> arguments{"80", "--deny", "host=@blocked", "--allow", "host=@open"};
  const plan::Generation current;
  server::Reload reload{arguments, current, 10, server::Sandbox{}};
  int steps = 0;
  for (; reload.pending(); ++steps) reload.read_next();
  EXPECT_EQ(steps, 2);
  const server::Loaded loaded = std::move(reload).result();
  EXPECT_EQ(loaded.error, "");
  ASSERT_NE(loaded.generation, nullptr);
  EXPECT_EQ(decide(loaded.generation->config, "ads.test"), Decision::deny);

  sim::files["open"] = "a b";
  server::Reload failing{arguments, current, 10, server::Sandbox{}};
  while (failing.pending()) failing.read_next();
  const server::Loaded failed = std::move(failing).result();
  EXPECT_EQ(failed.generation, nullptr);
  EXPECT_NE(failed.error.find("open: line 1: "), string::npos) << failed.error;
}

}  // namespace
