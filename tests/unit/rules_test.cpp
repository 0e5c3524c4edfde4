// Access rules: parsing, decisions and order.
#include "../../src/plan/rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "../../src/config/address_text.hpp"
#include "../../src/config/did_you_mean.hpp"
#include "../../src/config/rule_text.hpp"

namespace {

using plan::AccessRequest;
using plan::Action;
using plan::Decision;
using plan::Fallback;
using plan::Rules;
using plan::Verdict;
using std::string;
using By = Verdict::By;

sys::Address ip(const char* text) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, 0, address)) << text;
  return address;
}

// "+RULE" allows, "-RULE" denies.
Rules rules_of(const std::vector<string>& texts) {
  Rules rules;
  for (const string& text : texts) {
    const Action action = text.front() == '+' ? Action::allow : Action::deny;
    plan::Rule rule;
    EXPECT_EQ(config::parse_rule(action, text.substr(1), rule), "") << text;
    rules.add(std::move(rule));
  }
  return rules;
}

AccessRequest asked_of(const char* client, const char* host, std::uint16_t port = 80,
                       const char* method = "GET") {
  return {ip(client), host, port, method};
}

Verdict by_rule(Decision decision, std::uint16_t index) { return {decision, By::rule, index}; }
Verdict by_default(Decision decision, Fallback row) {
  return {decision, By::fallback, static_cast<std::uint16_t>(row)};
}

// Does this one rule allow a request from another machine?
bool matches(const string& rule, const AccessRequest& asked, const char* address = "192.0.2.80") {
  return rules_of({"+" + rule}).for_address(asked, ip(address)).decision == Decision::allow;
}

TEST(Network, AsText) {
  struct Row {
    const char* text;
    const char* address;
    std::size_t prefix;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.0.0.0", 8},
      {"10.0.0.1", "10.0.0.1", 32},
      {"0.0.0.0/0", "0.0.0.0", 0},
      {"::/0", "::", 0},
      {"2001:db8::/32", "2001:db8::", 32},
      {"::1", "::1", 128},
      {"::ffff:10.0.0.0/104", "10.0.0.0", 8},
      {"::ffff:10.0.0.1", "10.0.0.1", 32},
      {"::ffff:0:0/96", "0.0.0.0", 0},
      {"::fffe:0:0/95", "::fffe:0:0", 95},
  };
  for (const Row& row : rows) {
    plan::Network network;
    ASSERT_EQ(config::parse_network(row.text, network), "");
    EXPECT_EQ(network.address, ip(row.address)) << row.text;
    EXPECT_EQ(network.prefix, row.prefix) << row.text;
  }
  for (const char* text : {"", "/8", "10/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "::/129", "[::1]", "10.0.0.0 /8", "::1/+1", "127.0.0.1/0", "10.1.2.3/8",
                           "10.0.0.1/31", "2001:db8::1/64", "::ffff:10.0.0.1/104", "::ffff:0:0/16"}) {
    plan::Network network{ip("1.2.3.4"), 7};
    EXPECT_NE(config::parse_network(text, network), "") << text;
    EXPECT_EQ(network.prefix, 7U) << text << ": untouched";
  }
}

TEST(Network, BitsAfterThePrefixAreAnError) {
  plan::Network network;
  EXPECT_EQ(config::parse_network("127.0.0.1/0", network),
            "invalid network '127.0.0.1/0': expected 0.0.0.0/0 for the network, or the address without /0");
  EXPECT_EQ(
      config::parse_network("2001:db8::1/33", network),
      "invalid network '2001:db8::1/33': expected 2001:db8::/33 for the network, or the address without /33");
}

TEST(Network, Contains) {
  const auto network = [](const char* text) {
    plan::Network out;
    EXPECT_EQ(config::parse_network(text, out), "");
    return out;
  };
  EXPECT_TRUE(network("10.0.0.0/8").has(network("10.9.0.0/16")));
  EXPECT_TRUE(network("10.0.0.0/8").has(network("10.0.0.0/8")));
  EXPECT_FALSE(network("10.9.0.0/16").has(network("10.0.0.0/8")));
  EXPECT_FALSE(network("10.0.0.0/8").has(network("11.0.0.0/16")));
  EXPECT_FALSE(network("::/0").has(network("10.0.0.0/8")));
}

TEST(Spelling, Nearest) {
  constexpr std::array<std::string_view, 3> kNames{"client", "host", "to"};
  EXPECT_EQ(config::nearest("hots", kNames, 2), "host");
  EXPECT_EQ(config::nearest("clinet", kNames, 2), "client");
  EXPECT_EQ(config::nearest("hots", kNames, 1), "");
  EXPECT_EQ(config::nearest("host", kNames, 0), "host");
  EXPECT_EQ(config::nearest("host", {}, 9), "");
}

TEST(Rules, EachCondition) {
  struct Row {
    const char* rule;
    AccessRequest yes, no;
  };
  const auto from = [](const char* client) { return asked_of(client, "h"); };
  const auto host = [](const char* name) { return asked_of("192.0.2.1", name); };
  const auto port = [](std::uint16_t number) { return asked_of("192.0.2.1", "h", number); };
  const auto method = [](const char* name) { return asked_of("192.0.2.1", "h", 80, name); };
  const Row rows[] = {
      {"client=10.0.0.0/8", from("10.255.0.1"), from("11.0.0.1")},
      {"10.0.0.0/8", from("10.255.0.1"), from("11.0.0.1")},
      {"client=10.0.0.1", from("10.0.0.1"), from("10.0.0.2")},
      {"client=10.0.0.0/8", from("::ffff:10.0.0.1"), from("::ffff:11.0.0.1")},
      {"client=::ffff:10.0.0.0/104", from("10.0.0.1"), from("11.0.0.1")},
      {"client=2001:db8::/32", from("2001:db8::9"), from("2001:db9::9")},
      {"client=::/0", from("2001:db8::9"), from("10.0.0.1")},
      {"client=10.0.0.1|10.0.0.3", from("10.0.0.3"), from("10.0.0.2")},
      {"host=example.com", host("EXAMPLE.com"), host("www.example.com")},
      {"host=Example.COM", host("example.com"), host("example.org")},
      {"host=*.example.com", host("a.b.Example.com"), host("example.com")},
      {"host=*.example.com", host("www.example.com"), host("wwwexample.com")},
      {"host=.example.com", host("example.com"), host("notexample.com")},
      {"host=.example.com", host("www.example.com"), host("example.com.evil.org")},
      {"host=*.*", host("a.b"), host("anything")},
      {"host=a*b*c", host("aXbbYc"), host("aXcYb")},
      {"host=ab*", host("ab"), host("ac")},
      {"host=*ab*", host("xxabab"), host("xaxb")},
      {"host=a|b", host("b"), host("ab")},
      {"host=example.com", host("example.com."), host("example.com..")},
      {"host=example.com.", host("example.com"), host("example.co")},
      {"host=192.0.2.7", host("192.0.2.7"), host("192.0.2.70")},
      {"host=192.0.2.7", host("::ffff:192.0.2.7"), host("::192.0.2.7")},
      {"host=192.0.2.7", host("192.0.2.7."), host("x192.0.2.7")},
      {"host=[2001:db8::1]", host("2001:DB8:0::1"), host("2001:db8::2")},
      {"host=192.0.2.*", host("192.0.2.9"), host("192.0.3.9")},
      {"host=192.0.2.*", host("::ffff:192.0.2.9"), host("::ffff:192.0.3.9")},
      {"port=80", port(80), port(8080)},
      {"port=1024-65535", port(1024), port(1023)},
      {"port=80|8000-8999", port(8999), port(9000)},
      {"method=GET|POST", method("POST"), method("PUT")},
      {"method=GET", method("GET"), method("get")},
      {"port=80, host = h ,client=192.0.2.1", port(80), port(81)},
      {"all", port(80), asked_of("192.0.2.1", "x")},
  };
  for (const Row& row : rows) {
    EXPECT_TRUE(matches(row.rule, row.yes)) << row.rule << ' ' << row.yes.host;
    if (string{row.rule} == "all") continue;
    EXPECT_FALSE(matches(row.rule, row.no)) << row.rule << ' ' << row.no.host;
  }
  EXPECT_TRUE(matches("host=*", host("")));
}

TEST(Rules, AllConditionsMustMatch) {
  const char* const rule = "client=10.0.0.0/8,host=h,to=192.0.2.0/24,port=80,method=GET";
  EXPECT_TRUE(matches(rule, asked_of("10.0.0.1", "h")));
  EXPECT_FALSE(matches(rule, asked_of("11.0.0.1", "h")));
  EXPECT_FALSE(matches(rule, asked_of("10.0.0.1", "i")));
  EXPECT_FALSE(matches(rule, asked_of("10.0.0.1", "h", 81)));
  EXPECT_FALSE(matches(rule, asked_of("10.0.0.1", "h", 80, "PUT")));
  EXPECT_FALSE(matches(rule, asked_of("10.0.0.1", "h"), "192.0.3.1"));
}

// An exponential matcher would not return.
TEST(Rules, APatternOfManyStarsIsFast) {
  string pattern = "host=";
  for (int i = 0; i < 60; ++i) pattern += "*a";
  const string host(250, 'a');
  EXPECT_TRUE(matches(pattern, asked_of("192.0.2.1", host.c_str())));
  EXPECT_FALSE(matches(pattern + "b", asked_of("192.0.2.1", host.c_str())));
}

TEST(Rules, ErrorsSayWhatToDo) {
  struct Row {
    const char* rule;
    const char* says;
  };
  const Row rows[] = {
      {"", "empty condition"},
      {",", "empty condition"},
      {"port=80,", "empty condition"},
      {"port=80,,method=GET", "empty condition"},
      {"ten", "invalid rule 'ten': expected client=, host=, to=, port=, method=, user=, a network, or all"},
      {"10.0.0.0/33", "invalid network '10.0.0.0/33': expected"},
      {"10.1.2.3/8", "expected 10.0.0.0/8 for the network"},
      {"to=10.1.2.3/8", "expected 10.0.0.0/8 for the network"},
      {"10.0.0.0/", "invalid network"},
      {"hots=x", "unknown condition 'hots' (did you mean 'host='?)"},
      {"hots=x", "expected client=, host=, to=, port=, method="},
      {"clients=10.0.0.1", "did you mean 'client='?"},
      {"src=10.0.0.1", "did you mean 'client='?"},
      {"dst=10.0.0.1", "did you mean 'to='?"},
      {"HOST=x", "unknown condition 'HOST'"},
      {"=x", "unknown condition ''"},
      {"prot", "missing value in 'prot': expected port=VALUE"},
      {"port", "missing value in 'port': expected port=VALUE"},
      {"client=", "empty value in client="},
      {"host=a|", "empty value in host="},
      {"host=|a", "empty value in host="},
      {"host=a|b||c", "empty value in host="},
      {"client=ten", "invalid network 'ten': expected ADDRESS or ADDRESS/BITS"},
      {"to=example.com", "(for host names, use host=)"},
      {"host=10.0.0.0/8", "(for networks, use to=)"},
      {"host=h:80", "(for the port, use port=)"},
      {"host=http://h/", "without scheme and path"},
      {"host=b\xc3\xbc"
       "cher.de",
       "xn-- form"},
      {"host=a b", "invalid host pattern"},
      {"host=a?b", "invalid host pattern"},
      {"host=.", "invalid host pattern"},
      {"host=..a", "invalid host pattern"},
      {"host=a..b", "invalid host pattern"},
      {"port=0", "invalid port '0': expected 1-65535"},
      {"port=65536", "invalid port"},
      {"port=http", "invalid port 'http'"},
      {"port=80-", "invalid port '80-'"},
      {"port=-80", "invalid port"},
      {"port=90-80", "the end is below the start"},
      {"method=get", "expected capital letters"},
      {"method=G T", "invalid method 'G T'"},
      {"port=80,port=81", "port= is given twice: write alternatives as port=A|B"},
      {"10.0.0.1,client=10.0.0.2", "client= is given twice"},
      {"all,port=80", "must be the only condition"},
      {"user=", "empty value in user="},
      {"user=a|", "empty value in user="},
      {"user=a:b", "invalid user name 'a:b': expected at most 63 bytes without colon"},
      {"user=*", "without user=, a rule is for all users"},
      {"user=none|ann", "use a rule of its own for other users"},
      {"user=ann|none", "use a rule of its own for other users"},
      {"user=none,to=10.0.0.0/8", "user=none and to= exclude each other"},
      {"user=ann,user=bob", "user= is given twice"},
      {"users=ann", "did you mean 'user='?"},
      {"proxy_auth=ann", "did you mean 'user='?"},
      {"port=80,all", "must be the only condition"},
  };
  for (const Row& row : rows) {
    plan::Rule rule;
    const string error = config::parse_rule(Action::allow, row.rule, rule);
    EXPECT_NE(error.find(row.says), string::npos) << row.rule << " -> " << error;
    EXPECT_EQ(error.find('\n'), string::npos) << "one line";
    EXPECT_EQ(rule.text, "") << row.rule << ": unchanged";
  }
}

// ---- users -----------------------------------------------------------------------------------------------

AccessRequest by(const plan::Requester& user, const char* host = "h.test", const char* client = "10.0.0.1") {
  AccessRequest asked = asked_of(client, host);
  asked.user = user;
  return asked;
}
constexpr plan::Requester kUnknown{}, kNone{plan::Requester::What::known, ""},
    kAnn{plan::Requester::What::known, "ann"}, kBob{plan::Requester::What::known, "bob"},
    kExcused{plan::Requester::What::excused};

TEST(Rules, UsersAreNames) {
  const string longest(plan::kRuleUserMax, 'n');
  struct Row {
    string rule;
    std::vector<string> names;
  };
  const Row rows[] = {{"user=ann", {"ann"}},
                      {"user=ann|bob", {"ann", "bob"}},
                      {"user=Ann Lee | bob,port=80", {"Ann Lee", "bob"}},
                      {"user=" + longest, {longest}},
                      {"user=ann host=.test", {"ann"}},
                      {"port=80 user=ann  method=GET", {"ann"}},
                      {"10.0.0.0/8 user=host", {"host"}},
                      {"user=a=b", {"a=b"}}};
  for (const Row& row : rows) {
    plan::Rule rule;
    EXPECT_EQ(config::parse_rule(Action::allow, row.rule, rule), "") << row.rule;
    EXPECT_EQ(rule.user, row.names) << row.rule;
    EXPECT_FALSE(rule.excuses);
  }
  plan::Rule rule;
  EXPECT_NE(config::parse_rule(Action::allow, "user=n" + longest, rule), "");
  EXPECT_NE(config::parse_rule(Action::deny, "user=none", rule).find("with --allow only"), string::npos);
  EXPECT_EQ(config::parse_rule(Action::allow, "user=none host=.test", rule), "");
  EXPECT_TRUE(rule.excuses && rule.user.empty() && rule.host.size() == 2);
}

TEST(Rules, UsersDecide) {
  struct Row {
    const char* title;
    std::vector<string> rules;
    Decision ann, bob, none, unknown;
  };
  constexpr Decision kAllow = Decision::allow, kDeny = Decision::deny;
  const Row rows[] = {
      {"a list of users", {"+user=ann"}, kAllow, kDeny, kDeny, kAllow},
      {"names differ by case", {"+user=ANN"}, kDeny, kDeny, kDeny, kAllow},
      {"one user is denied", {"-user=bob", "+all"}, kAllow, kDeny, kAllow, kAllow},
      {"a rule before", {"-host=h.test", "+user=ann"}, kDeny, kDeny, kDeny, kDeny},
      {"a rule after", {"+user=ann", "-host=h.test"}, kAllow, kDeny, kDeny, kAllow},
      {"another host", {"+user=ann,host=x.test"}, kDeny, kDeny, kDeny, kDeny},
      {"another client", {"+user=ann,client=192.0.2.0/24"}, kDeny, kDeny, kDeny, kDeny},
      {"of two users", {"+user=ann|bob", "-all"}, kAllow, kAllow, kDeny, kAllow},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    EXPECT_TRUE(rules.have_users());
    const auto decide = [&rules](const plan::Requester& user) {
      const Decision address = rules.for_address(by(user), ip("192.0.2.80")).decision;
      EXPECT_EQ(rules.before_lookup(by(user)).decision == Decision::deny, address == Decision::deny);
      return address;
    };
    EXPECT_EQ(decide(kAnn), row.ann) << row.title;
    EXPECT_EQ(decide(kBob), row.bob) << row.title;
    EXPECT_EQ(decide(kNone), row.none) << row.title;
    EXPECT_EQ(decide(kUnknown), row.unknown) << row.title << ": as the user that the rules treat best";
    EXPECT_FALSE(rules.excuse(by(kUnknown))) << row.title;
  }
  EXPECT_FALSE(rules_of({"+host=h.test"}).have_users());
}

TEST(Rules, ADenialOfAUserIsNotAboutTheClient) {
  const Rules rules = rules_of({"-user=bob,client=10.0.0.0/8", "+all"});
  EXPECT_FALSE(rules.is_about_client(rules.before_lookup(by(kBob))));
}

TEST(Rules, WhichRequestsNeedNoPassword) {
  struct Row {
    const char* title;
    std::vector<string> rules;
    bool excused;
  };
  const Row rows[] = {
      {"its client", {"+client=10.0.0.0/8,user=none"}, true},
      {"another client", {"+client=11.0.0.0/8,user=none"}, false},
      {"its host", {"+host=h.test,user=none", "+all"}, true},
      {"a rule for all before", {"+all", "+client=10.0.0.0/8,user=none"}, false},
      {"a denial before", {"-host=h.test", "+client=10.0.0.0/8,user=none"}, false},
      {"a denial by address stays to be checked", {"-to=192.0.2.0/24", "+10.0.0.0/8,user=none"}, true},
      {"a rule by address may be the first", {"+to=192.0.2.0/24", "+10.0.0.0/8,user=none"}, false},
      {"a user may be the first", {"+user=ann", "+10.0.0.0/8,user=none"}, false},
      {"so may one that is denied", {"-user=bob", "+10.0.0.0/8,user=none"}, false},
      {"also by address", {"-user=bob,to=192.0.2.0/24", "+10.0.0.0/8,user=none"}, false},
      {"of another host", {"-user=bob,host=x.test", "+10.0.0.0/8,user=none"}, true},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    EXPECT_EQ(rules.excuse(by(kUnknown)), row.excused) << row.title;
    if (!row.excused) continue;
    EXPECT_EQ(rules.before_lookup(by(kExcused)).decision, Decision::undecided) << row.title;
  }
}

// Without a password, no other rule opens more.
TEST(Rules, AnExcusedRequestIsAllowedByItsRuleOnly) {
  const Rules rules = rules_of({"+client=10.0.0.0/8,user=none", "+to=127.0.0.1"});
  ASSERT_TRUE(rules.excuse(by(kUnknown)));
  EXPECT_EQ(rules.for_address(by(kExcused), ip("192.0.2.80")).decision, Decision::allow);
  EXPECT_EQ(rules.for_address(by(kExcused), ip("127.0.0.1")).decision, Decision::deny);
  EXPECT_EQ(rules.for_address(by(kAnn), ip("127.0.0.1")).decision, Decision::allow);
  EXPECT_EQ(rules.for_address(by(kAnn), ip("192.0.2.80")).decision, Decision::allow)
      << "a password does not hinder";
}

TEST(Rules, UsersOfAWebServer) {
  const Rules rules = rules_of({"+user=ann", "-all"});
  EXPECT_EQ(rules.for_web(by(kUnknown)).decision, Decision::allow);
  EXPECT_EQ(rules.for_web(by(kAnn)).decision, Decision::allow);
  EXPECT_EQ(rules.for_web(by(kBob)).decision, Decision::deny);
  EXPECT_EQ(rules.for_web(by(kNone)).decision, Decision::deny);
}

TEST(Rules, ShadowedByUsers) {
  EXPECT_EQ(rules_of({"+user=ann|bob", "+user=ann"}).shadowed().size(), 1U);
  EXPECT_EQ(rules_of({"+user=ann", "+user=ann|bob"}).shadowed().size(), 0U);
  EXPECT_EQ(rules_of({"+all", "+user=ann"}).shadowed().size(), 1U);
  EXPECT_EQ(rules_of({"+user=ann", "+all"}).shadowed().size(), 0U);
  EXPECT_EQ(rules_of({"+all", "+10.0.0.0/8,user=none"}).shadowed().size(), 1U) << "too late";
}

// A reload must not take long for a warning.
TEST(Rules, LongListsAreNotCompared) {
  string list = "-host=a";
  for (std::size_t i = 1; i < Rules::kComparedMax; ++i) list += "|a";
  EXPECT_EQ(rules_of({"-host=a", list}).shadowed().size(), 0U);
  EXPECT_EQ(rules_of({list, "-all"}).shadowed().size(), 0U);
  EXPECT_EQ(rules_of({"-all", list}).shadowed().size(), 1U);
}

TEST(Rules, UsersNeedAPasswordFile) {
  EXPECT_EQ(config::lacks_users(rules_of({"+10.0.0.0/8"})), "");
  EXPECT_EQ(config::lacks_users(rules_of({"+10.0.0.0/8", "-user=bob"})),
            "--deny user=bob: the users are not known: add --users FILE");
  EXPECT_NE(config::lacks_users(rules_of({"+user=none"})), "");
}

TEST(Rules, TheFirstMatchDecides) {
  const Rules rules = rules_of({"+host=a.example", "-host=*.example", "+port=80", "-all"});
  const auto decide = [&rules](const char* host, std::uint16_t port) {
    return rules.for_address(asked_of("127.0.0.1", host, port), ip("192.0.2.1"));
  };
  EXPECT_EQ(decide("a.example", 81), by_rule(Decision::allow, 0));
  EXPECT_EQ(decide("b.example", 80), by_rule(Decision::deny, 1));
  EXPECT_EQ(decide("other", 80), by_rule(Decision::allow, 2));
  EXPECT_EQ(decide("other", 81), by_rule(Decision::deny, 3));
  EXPECT_EQ(rules.text(decide("b.example", 80)), "--deny host=*.example");
  EXPECT_EQ(rules.text(decide("other", 80)), "--allow port=80");
}

// The table in rules.hpp, row by row.
TEST(Rules, ClosedByDefault) {
  struct Row {
    const char* title;
    std::vector<string> rules;
    const char* client;
    Verdict verdict;
  };
  const Verdict not_listed = by_default(Decision::deny, Fallback::not_listed);
  const Verdict this_machine = by_default(Decision::allow, Fallback::this_machine);
  const Verdict no_client_rule = by_default(Decision::allow, Fallback::no_client_rule);
  const Verdict unlisted = by_default(Decision::deny, Fallback::unlisted_client);
  const Row rows[] = {
      {"no rule", {}, "127.0.0.1", this_machine},
      {"no rule", {}, "::1", this_machine},
      {"no rule", {}, "::ffff:127.0.0.1", this_machine},
      {"no rule", {}, "192.0.2.1", no_client_rule},
      {"a list of hosts is for this machine too", {"+host=x"}, "127.0.0.1", not_listed},
      {"and for others", {"+host=x"}, "192.0.2.1", not_listed},
      {"a list of networks", {"+to=10.0.0.0/8"}, "127.0.0.1", not_listed},
      {"a deny rule is not a list", {"-host=x"}, "127.0.0.1", this_machine},
      {"nor for others", {"-host=x"}, "192.0.2.1", no_client_rule},
      {"a network is for it alone: not for this machine", {"+client=10.0.0.0/8"}, "127.0.0.1", unlisted},
      {"nor for other machines", {"+client=10.0.0.0/8"}, "192.0.2.1", unlisted},
      {"so does a prohibition with client=", {"-client=10.0.0.0/8"}, "192.0.2.1", unlisted},
      {"and leaves this machine", {"-client=10.0.0.0/8"}, "127.0.0.1", this_machine},
      {"a list for a network", {"+client=10.0.0.0/8,host=x"}, "10.0.0.1", not_listed},
      {"is not for this machine", {"+client=10.0.0.0/8,host=x"}, "127.0.0.1", unlisted},
      {"a list for this machine", {"+client=127.0.0.0/8,host=x"}, "127.0.0.1", not_listed},
      {"does not open for others", {"+client=127.0.0.0/8,host=x"}, "192.0.2.1", unlisted},
      {"a list for all of IPv4", {"+client=0.0.0.0/0,host=x"}, "127.0.0.1", not_listed},
      {"of IPv4 only", {"+client=0.0.0.0/0,host=x"}, "2001:db8::1", unlisted},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    const Verdict verdict = rules.for_address(asked_of(row.client, "h"), ip("192.0.2.80"));
    EXPECT_EQ(verdict, row.verdict) << row.title << ": " << rules.text(verdict);
    EXPECT_FALSE(rules.text(verdict).empty());
  }
}

TEST(Rules, BuiltInDestinations) {
  const Rules none;
  for (const char* address : {"0.0.0.0",
                              "0.1.2.3",
                              "169.254.169.254",
                              "169.254.0.1",
                              "169.254.255.255",
                              "224.0.0.1",
                              "239.255.255.255",
                              "255.255.255.255",
                              "::",
                              "fe80::1",
                              "febf::1",
                              "ff02::1",
                              "fd00:ec2::254",
                              "::ffff:169.254.169.254",
                              "::ffff:0.0.0.0",
                              "::ffff:224.0.0.1",
                              "::169.254.169.254",
                              "64:ff9b::169.254.169.254",
                              "2002:a9fe:a9fe::1",
                              "::ffff:0:169.254.169.254",
                              "64:ff9b:1::169.254.169.254",
                              "64:ff9b:1:a9fe:a9:fe00::",
                              "64:ff9b:1:ffa9:fe:a9fe::",
                              "64:ff9b:1:ffff:a9:fea9:fe00::",
                              "2001::5601:5601",
                              "64:ff9b::224.0.0.1",
                              "64:ff9b::",
                              "64:ff9b::0.0.0.1",
                              "64:ff9b:1::0.0.0.1",
                              "::ffff:0:0.0.0.0",
                              "2002:0:1::1",
                              "100.100.100.200",
                              "64:ff9b::100.100.100.200",
                              "168.63.129.16",
                              "192.0.0.192",
                              "fd00:c1::a9fe:a9fe",
                              "fd00:ec2::23",
                              "fd20:ce::254",
                              "fd00:42::42",
                              "fd00:a9fe:a9fe::1",
                              "fd00:100::100:200"}) {
    const Verdict verdict = none.for_address(asked_of("127.0.0.1", "h"), ip(address));
    EXPECT_EQ(verdict.decision, Decision::deny) << address;
    EXPECT_EQ(verdict.by, By::built_in) << address;
    EXPECT_EQ(rules_of({"+all"}).for_address(asked_of("127.0.0.1", "h"), ip(address)), verdict) << address;
  }
  for (const char* address : {"127.0.0.1",
                              "::1",
                              "1.0.0.0",
                              "169.253.255.255",
                              "169.255.0.0",
                              "223.255.255.255",
                              "240.0.0.0",
                              "255.255.255.254",
                              "::2",
                              "fec0::1",
                              "fd00:ec2::253",
                              "10.0.0.1",
                              "::ffff:10.0.0.1",
                              "2001:db8::1",
                              "64:ff9b::1.2.3.4",
                              "2002:a9ff::1",
                              "64:ff9b:1::1.2.3.4",
                              "64:ff9b:1:102:3:400::",
                              "::ffff:0:1.2.3.4",
                              "2001::1",
                              "100.100.100.201",
                              "168.63.129.15",
                              "fd20:ce::253",
                              "fd00:42::41"})
    EXPECT_EQ(none.for_address(asked_of("127.0.0.1", "h"), ip(address)).decision, Decision::allow) << address;
}

TEST(Rules, TheBuiltInRowsNameWhatTheyDeny) {
  const Rules none;
  const auto text = [&none](const char* address) {
    return none.text(none.for_address(asked_of("127.0.0.1", "h"), ip(address)));
  };
  EXPECT_EQ(text("169.254.169.254"), "169.254.0.0/16 is link-local");
  EXPECT_EQ(text("fe80::1"), "fe80::/10 is link-local");
  EXPECT_EQ(text("fd00:ec2::254"), "fd00:ec2::254 is a cloud's metadata service");
  EXPECT_EQ(text("::"), ":: is unspecified");
  EXPECT_EQ(text("::169.254.1.1"), "169.254.0.0/16 is link-local");
  EXPECT_EQ(text("100.100.100.200"), "100.100.100.200 is a cloud's metadata service");
}

// An IPv6 address that contains an IPv4 address is not a way around a rule about the latter.
TEST(Rules, EmbeddedAddresses) {
  struct Row {
    std::vector<string> rules;
    const char *client, *host, *address;
    Decision decision;
  };
  const char* const anybody = "192.0.2.7";
  const char* const embedded = "64:ff9b::10.0.0.1";
  const char* const ambiguous = "64:ff9b:1:b00:a:1:0:1";  // 11.0.10.0 or 10.0.1.0
  const Row rows[] = {
      {{"-to=10.0.0.0/8"}, anybody, "h", embedded, Decision::deny},
      {{"-to=10.0.0.0/8"}, anybody, "h", "::10.0.0.1", Decision::deny},
      {{"-to=10.0.0.0/8"}, anybody, "h", "::ffff:0:10.0.0.1", Decision::deny},
      {{"-to=10.0.0.0/8"}, anybody, "h", "2002:a00:1::1", Decision::deny},
      {{"-to=10.0.0.0/8"}, anybody, "h", ambiguous, Decision::deny},
      {{"-to=11.0.0.0/8"}, anybody, "h", ambiguous, Decision::deny},
      {{"-to=12.0.0.0/8"}, anybody, "h", ambiguous, Decision::allow},
      {{"-to=10.0.0.0/8"}, anybody, "h", "2001:db8::10.0.0.1", Decision::allow},
      {{"-host=10.0.0.1"}, anybody, embedded, embedded, Decision::deny},
      {{"-host=10.*"}, anybody, embedded, embedded, Decision::deny},
      {{"-client=10.0.0.0/8", "+all"}, embedded, "h", "192.0.2.80", Decision::deny},
      {{"+to=10.0.0.0/8"}, anybody, "h", embedded, Decision::allow},
      {{"+to=10.0.0.0/8"}, anybody, "h", ambiguous, Decision::deny},
      {{"+to=10.0.0.0/7"}, anybody, "h", ambiguous, Decision::allow},
      {{"+client=10.0.0.0/8"}, embedded, "h", "192.0.2.80", Decision::deny},
      {{"+all"}, anybody, "h", "64:ff9b::127.0.0.1", Decision::deny},
      {{"+all"}, "2002:7f00:1::1", "h", "127.0.0.1", Decision::deny},
      {{"+to=64:ff9b::/96"}, anybody, "h", "64:ff9b::169.254.169.254", Decision::deny},
      {{"+to=64:ff9b::169.254.0.0/112"}, anybody, "h", "64:ff9b::169.254.169.254", Decision::allow},
      {{"+to=2002:a9fe::/32"}, anybody, "h", "2002:a9fe:a9fe::1", Decision::allow},
      {{"+to=2002::/16"}, anybody, "h", "2002:a9fe:a9fe::1", Decision::deny},
      {{"+to=169.254.169.254"}, anybody, "h", "64:ff9b::169.254.169.254", Decision::allow},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    const Verdict verdict = rules.for_address(asked_of(row.client, row.host), ip(row.address));
    EXPECT_EQ(verdict.decision, row.decision)
        << row.rules.front() << ' ' << row.client << ' ' << row.address << ": " << rules.text(verdict);
  }
}

// Services on a loopback address are for clients on this machine.
TEST(Rules, LoopbackIsClosedToClientsElsewhere) {
  struct Row {
    std::vector<string> rules;
    const char *client, *host, *address;
    Decision decision;
  };
  const Row rows[] = {
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "localhost", "127.0.0.1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "127.0.0.1", "127.0.0.1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "127.255.255.255", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "::1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "::ffff:127.0.0.1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "0.0.0.0", Decision::deny},
      {{"+client=192.0.2.0/24"}, "::ffff:192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "126.255.255.255", Decision::allow},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "128.0.0.0", Decision::allow},
      {{"+client=192.0.2.0/24"}, "192.0.2.7", "h", "::2", Decision::allow},
      {{"+client=2001:db8::/32"}, "2001:db8::7", "h", "::1", Decision::deny},
      {{"+client=2001:db8::/32"}, "2001:db8::7", "h", "127.0.0.1", Decision::deny},
      {{}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      // An explicit rule opens it.
      {{"+all"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+to=0.0.0.0/0"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+host=localhost"}, "192.0.2.7", "localhost", "127.0.0.1", Decision::deny},
      {{"+host=127.*"}, "192.0.2.7", "127.0.0.1", "127.0.0.1", Decision::deny},
      {{"+to=127.0.0.0/8"}, "192.0.2.7", "h", "127.0.0.1", Decision::allow},
      {{"+to=127.0.0.1,port=80"}, "192.0.2.7", "h", "127.0.0.1", Decision::allow},
      {{"+to=127.0.0.1,port=81"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+to=127.0.0.1"}, "192.0.2.7", "h", "127.0.0.2", Decision::deny},
      {{"+to=127.0.0.1"}, "192.0.2.7", "h", "::1", Decision::deny},
      {{"+to=::1"}, "192.0.2.7", "h", "::1", Decision::allow},
      {{"+host=127.0.0.1"}, "192.0.2.7", "127.0.0.1", "127.0.0.1", Decision::allow},
      {{"+host=127.0.0.1"}, "192.0.2.7", "::ffff:127.0.0.1", "127.0.0.1", Decision::allow},
      {{"+host=127.0.0.1"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      {{"+all", "+to=127.0.0.0/8"}, "192.0.2.7", "h", "127.0.0.1", Decision::allow},
      {{"-to=127.0.0.0/8", "+to=127.0.0.1"}, "192.0.2.7", "h", "127.0.0.1", Decision::deny},
      // Clients on this machine are as free as before.
      {{"+all"}, "127.0.0.1", "h", "127.0.0.1", Decision::allow},
      {{}, "127.0.0.9", "h", "::1", Decision::allow},
      {{}, "::1", "h", "127.0.0.1", Decision::allow},
      {{}, "::ffff:127.0.0.1", "h", "127.0.0.1", Decision::allow},
      {{"-to=127.0.0.0/8"}, "127.0.0.1", "h", "127.0.0.1", Decision::deny},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    const AccessRequest asked = asked_of(row.client, row.host);
    const Verdict verdict = rules.for_address(asked, ip(row.address));
    const string what = (row.rules.empty() ? "no rule" : row.rules.front()) + ' ' + row.client + ' ' +
                        row.host + ' ' + row.address + ": " + string{rules.text(verdict)};
    EXPECT_EQ(verdict.decision, row.decision) << what;
    EXPECT_FALSE(rules.is_about_client(verdict)) << what << ": it may ask for other things";
  }
  const Rules all = rules_of({"+all"});
  EXPECT_EQ(all.text(all.for_address(asked_of("192.0.2.7", "h"), ip("::ffff:127.0.0.1"))),
            "127.0.0.0/8 is for clients on this machine");
  EXPECT_EQ(all.text(all.before_lookup(asked_of("192.0.2.7", "0::1"))), "::1 is for clients on this machine");
}

// A service that listens on all addresses is as open to a remote client as one on loopback.
TEST(Rules, EachAddressOfThisMachineIsClosedToClientsElsewhere) {
  const plan::Networks machine{{ip("127.0.0.0"), 8}, {ip("10.9.0.1"), 32}, {ip("2001:db8::1"), 128}};
  struct Row {
    std::vector<string> rules;
    const char *client, *address;
    Decision decision;
  };
  for (const Row& row : {Row{{"+all"}, "192.0.2.7", "10.9.0.1", Decision::deny},
                         {{"+all"}, "192.0.2.7", "::ffff:10.9.0.1", Decision::deny},
                         {{"+all"}, "192.0.2.7", "64:ff9b::10.9.0.1", Decision::deny},
                         {{"+all"}, "192.0.2.7", "2001:db8::1", Decision::deny},
                         {{"+all"}, "192.0.2.7", "10.9.0.2", Decision::allow},
                         {{}, "192.0.2.7", "10.9.0.1", Decision::deny},
                         {{"+to=10.9.0.0/24"}, "192.0.2.7", "10.9.0.1", Decision::deny},
                         {{"+to=10.9.0.1"}, "192.0.2.7", "10.9.0.1", Decision::allow},
                         {{"+to=2001:db8::1"}, "192.0.2.7", "2001:db8::1", Decision::allow},
                         {{"+all"}, "10.9.0.1", "10.9.0.1", Decision::deny},
                         {{"+all"}, "127.0.0.1", "10.9.0.1", Decision::allow},
                         {{}, "::1", "2001:db8::1", Decision::allow}}) {
    const Rules rules = rules_of(row.rules);
    AccessRequest asked = asked_of(row.client, "h");
    asked.machine = machine;
    const Verdict verdict = rules.for_address(asked, ip(row.address));
    EXPECT_EQ(verdict.decision, row.decision)
        << row.client << ' ' << row.address << ' ' << rules.text(verdict);
  }
  const Rules all = rules_of({"+all"});
  AccessRequest asked = asked_of("192.0.2.7", "10.9.0.1");
  asked.machine = machine;
  EXPECT_EQ(all.text(all.before_lookup(asked)), "addresses of this machine are for clients on it");
}

TEST(Rules, OnlyARuleThatNamesABuiltInDestinationOpensIt) {
  struct Row {
    std::vector<string> rules;
    const char *host, *address;
    Verdict verdict;
  };
  const Verdict link_local{Decision::deny, By::built_in, 1};
  const char* const metadata = "169.254.169.254";
  const Row rows[] = {
      {{"+all"}, metadata, metadata, link_local},
      {{"+to=0.0.0.0/0"}, "h", metadata, link_local},
      {{"+to=169.0.0.0/8"}, "h", metadata, link_local},
      {{"+host=h"}, "h", metadata, link_local},
      {{"+host=*"}, metadata, metadata, link_local},
      {{"+host=169.254.169.*"}, metadata, metadata, link_local},
      {{"+to=169.254.169.254"}, "h", metadata, by_rule(Decision::allow, 0)},
      {{"+to=169.254.0.0/16"}, "h", metadata, by_rule(Decision::allow, 0)},
      {{"+to=0.0.0.0/0|169.254.0.0/16"}, "h", metadata, by_rule(Decision::allow, 0)},
      {{"+to=0.0.0.0/0|169.254.0.0/24"}, "h", metadata, link_local},
      {{"+host=169.254.169.254"}, metadata, metadata, by_rule(Decision::allow, 0)},
      {{"+host=169.254.169.254"}, "::ffff:169.254.169.254", metadata, by_rule(Decision::allow, 0)},
      {{"+host=169.254.169.254"}, "h", metadata, link_local},
      {{"+all", "+to=169.254.169.254"}, "h", metadata, by_rule(Decision::allow, 1)},
      {{"-port=80", "+to=169.254.169.254"}, "h", metadata, by_rule(Decision::deny, 0)},
      {{"+to=169.254.169.254,port=81"}, "h", metadata, link_local},
      {{"+all", "-all"}, "h", metadata, by_rule(Decision::deny, 1)},
      {{"+to=224.0.0.0/4"}, "h", metadata, link_local},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    const AccessRequest asked = asked_of("127.0.0.1", row.host);
    const Verdict verdict = rules.for_address(asked, ip(row.address));
    EXPECT_EQ(verdict, row.verdict) << row.rules.front() << ": " << rules.text(verdict);
    const Verdict mapped = rules.for_address(asked, ip("::ffff:169.254.169.254"));
    EXPECT_EQ(mapped, row.verdict) << row.rules.front();
  }
}

TEST(Rules, BeforeLookup) {
  struct Row {
    std::vector<string> rules;
    const char* host;
    Verdict verdict;
  };
  const auto undecided = [](std::uint16_t index) { return by_rule(Decision::undecided, index); };
  const Row rows[] = {
      {{"-host=h"}, "h", by_rule(Decision::deny, 0)},
      {{"+host=h"}, "h", undecided(0)},
      {{"+host=h"}, "i", by_default(Decision::deny, Fallback::not_listed)},
      {{}, "h", by_default(Decision::undecided, Fallback::this_machine)},
      {{"-to=10.0.0.0/8"}, "h", undecided(0)},
      {{"-to=10.0.0.0/8", "-to=11.0.0.0/8"}, "h", undecided(0)},
      {{"-port=81,to=10.0.0.0/8"}, "h", by_default(Decision::undecided, Fallback::this_machine)},
      // Denied either way: no DNS lookup is needed.
      {{"-to=10.0.0.0/8", "-port=80"}, "h", by_rule(Decision::deny, 1)},
      {{"-to=10.0.0.0/8", "+port=80"}, "h", undecided(0)},
      {{"+to=10.0.0.0/8", "-port=80"}, "h", undecided(0)},
      {{"-to=10.0.0.0/8", "+client=127.0.0.1,port=81"},
       "h",
       by_default(Decision::deny, Fallback::not_listed)},
      {{"+port=81", "-port=80"}, "h", by_rule(Decision::deny, 1)},
      // A numeric host is its own address.
      {{"-to=10.0.0.0/8"}, "10.1.2.3", by_rule(Decision::deny, 0)},
      {{"-to=10.0.0.0/8"}, "::ffff:10.1.2.3", by_rule(Decision::deny, 0)},
      {{"+to=10.0.0.0/8"}, "10.1.2.3", by_rule(Decision::allow, 0)},
      {{"-to=10.0.0.0/8"}, "11.1.2.3", by_default(Decision::allow, Fallback::this_machine)},
      {{"+all"}, "169.254.169.254", {Decision::deny, By::built_in, 1}},
      {{"+all"}, "fe80::1", {Decision::deny, By::built_in, 5}},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    const Verdict verdict = rules.before_lookup(asked_of("127.0.0.1", row.host));
    EXPECT_EQ(verdict, row.verdict) << row.host << ": " << rules.text(verdict);
  }
}

// A decision before the lookup must hold for every address: checks all pairs of a few rules.
TEST(Rules, BothPhasesAgree) {
  const std::vector<string> pieces{
      "+all",           "-all",         "+to=10.0.0.0/8",      "-to=10.0.0.0/8",
      "+host=h",        "-host=h",      "+client=10.0.0.0/8",  "-client=10.0.0.0/8",
      "+port=80",       "-port=81",     "+to=169.254.169.254", "-to=0.0.0.0/0",
      "+host=10.0.0.1", "+to=127.0.0.1"};
  const char* const addresses[] = {"10.0.0.1", "192.0.2.1", "169.254.169.254", "2001:db8::1", "127.0.0.1"};
  int denied = 0, open = 0;
  for (const string& first : pieces)
    for (const string& second : pieces)
      for (const char* client : {"127.0.0.1", "10.0.0.9", "192.0.2.9"})
        for (const char* host : {"h", "i"}) {
          const Rules rules = rules_of({first, second});
          const AccessRequest asked = asked_of(client, host);
          const Verdict before = rules.before_lookup(asked);
          ASSERT_NE(before.decision, Decision::allow) << "not for a name";
          ++(before.decision == Decision::deny ? denied : open);
          bool any_allowed = false;
          for (const char* address : addresses) {
            const Verdict verdict = rules.for_address(asked, ip(address));
            ASSERT_NE(verdict.decision, Decision::undecided);
            any_allowed |= verdict.decision == Decision::allow;
          }
          if (before.decision == Decision::deny) {
            EXPECT_FALSE(any_allowed) << first << ' ' << second << ' ' << client << ' ' << host;
          }
        }
  EXPECT_GT(denied, 100);
  EXPECT_GT(open, 100);
}

TEST(Rules, IsAboutTheClient) {
  const auto about = [](const std::vector<string>& texts, const char* client) {
    const Rules rules = rules_of(texts);
    return rules.is_about_client(rules.before_lookup(asked_of(client, "h")));
  };
  EXPECT_TRUE(about({"-client=10.0.0.0/8"}, "10.0.0.1"));
  EXPECT_TRUE(about({"+client=10.0.0.0/8"}, "11.0.0.1")) << "another client";
  EXPECT_FALSE(about({"-client=10.0.0.0/8,port=80"}, "10.0.0.1"));
  EXPECT_FALSE(about({"-all"}, "10.0.0.1"));
  EXPECT_FALSE(about({"+host=x"}, "10.0.0.1"));
  EXPECT_FALSE(about({"+client=10.0.0.0/8"}, "10.0.0.1")) << "not denied";
  const Rules none;
  EXPECT_FALSE(none.is_about_client(none.before_lookup(asked_of("10.0.0.1", "0.0.0.0"))));
}

TEST(Rules, LintFindsRulesThatNeverDecide) {
  struct Row {
    std::vector<string> rules;
    bool warns;
  };
  const Row rows[] = {
      {{"+all", "-port=80"}, true},
      {{"-port=80", "+all"}, false},
      {{"+client=10.0.0.0/8", "-client=10.1.0.0/16"}, true},
      {{"+client=10.1.0.0/16", "-client=10.0.0.0/8"}, false},
      {{"+client=10.0.0.0/8", "-client=10.1.0.0/16|11.0.0.1"}, false},
      {{"+client=10.0.0.0/8|11.0.0.0/8", "-client=10.1.0.0/16|11.0.0.1"}, true},
      {{"+client=10.0.0.0/8", "-client=10.1.0.0/16,port=80"}, true},
      {{"+client=10.0.0.0/8,port=80", "-client=10.1.0.0/16"}, false},
      {{"-host=*.example.com", "+host=www.example.com"}, true},
      {{"-host=*.example.com", "+host=example.com"}, false},
      {{"-host=.example.com", "+host=EXAMPLE.com"}, true},
      {{"-host=.example.com", "+host=*.www.example.com"}, true},
      {{"-host=*.www.example.com", "+host=*.example.com"}, false},
      {{"-host=a*", "+host=*a"}, false},
      {{"-host=*", "+host=192.0.2.1"}, true},
      {{"-host=::1", "+host=[0::1]"}, true},
      {{"-host=192.0.2.1", "+host=192.0.2.*"}, false},
      {{"-port=1-1024", "+port=80|443"}, true},
      {{"-port=80", "+port=80-81"}, false},
      {{"-method=GET|PUT", "+method=PUT"}, true},
      {{"-method=GET", "+method=PUT"}, false},
      {{"-to=10.0.0.0/8", "+to=10.0.0.1"}, true},
      {{"-host=10.0.0.1", "+to=10.0.0.1"}, false},
      {{"+all", "+to=169.254.169.254"}, false},
      {{"+all", "+host=169.254.169.254"}, false},
      {{"+to=0.0.0.0/0", "-to=169.254.0.0/16"}, false},
      {{"+all", "+to=127.0.0.1"}, false},
      {{"+all", "+host=127.0.0.1"}, false},
      {{"+to=127.0.0.0/8", "+to=127.0.0.1"}, true},
      {{"-all", "+to=169.254.169.254"}, true},
      {{"+to=169.254.0.0/16", "+to=169.254.0.0/16"}, true},
      {{"+all", "+to=10.0.0.0/8"}, true},
      {{"+to=0.0.0.0/0", "+to=0.0.0.0/0|169.254.169.254"}, false},
      {{"+host=169.254.169.254", "+host=169.254.169.254,port=80"}, true},
  };
  for (const Row& row : rows) {
    const Rules rules = rules_of(row.rules);
    EXPECT_EQ(rules.shadowed().size(), row.warns ? 1U : 0U) << row.rules[0] << ' ' << row.rules[1];
  }
  const Rules rules = rules_of({"+port=80", "-host=x", "-port=80"});
  const std::vector<string> warnings = config::rule_warnings(rules);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0], "--deny port=80 has no effect: --allow port=80 matches the same requests earlier");
}

// Checks lint: a rule said never to decide must not change any decision. All pairs of a few rules.
TEST(Rules, LintIsCorrect) {
  const std::vector<string> pieces{"all",
                                   "to=10.0.0.0/8",
                                   "to=0.0.0.0/0",
                                   "host=h",
                                   "host=*",
                                   "host=169.254.169.254",
                                   "to=169.254.0.0/16",
                                   "port=80",
                                   "port=80,host=h",
                                   "client=10.0.0.0/8",
                                   "client=0.0.0.0/0",
                                   "host=10.0.0.1",
                                   "to=0.0.0.0/0|169.254.169.254",
                                   "to=127.0.0.0/8",
                                   "host=127.0.0.1"};
  std::vector<AccessRequest> requests;
  for (const char* client : {"127.0.0.1", "10.0.0.9", "2001:db8::9"})
    for (const char* host : {"h", "i", "10.0.0.1", "169.254.169.254", "127.0.0.1"})
      for (const bool web : {true, false}) requests.push_back(asked_of(client, host, web ? 80 : 81));
  int warned = 0;
  const auto try_out = [&](const string& first, const string& second) {
    const Rules both = rules_of({first, second}), alone = rules_of({first});
    if (both.shadowed().empty()) return;
    ++warned;
    for (const AccessRequest& asked : requests)
      for (const char* address : {"10.0.0.1", "192.0.2.1", "169.254.169.254", "2001:db8::1", "127.0.0.1"}) {
        const Verdict verdict = both.for_address(asked, ip(address));
        if (verdict.by != By::rule || verdict.index != 1) continue;
        EXPECT_EQ(verdict.decision, alone.for_address(asked, ip(address)).decision)
            << first << ' ' << second << ' ' << asked.host << ' ' << address;
      }
  };
  for (const string& first : pieces)
    for (const string& second : pieces)
      for (const char* actions : {"++", "+-", "-+", "--"}) try_out(actions[0] + first, actions[1] + second);
  EXPECT_GT(warned, 50);
}

TEST(Rules, APublicListenerMustRestrictItsClients) {
  const auto objection = [](const std::vector<string>& texts) {
    return config::objection_to_public(rules_of(texts));
  };
  EXPECT_NE(objection({}).find("restrict its clients to a network, as in --allow"), string::npos);
  EXPECT_NE(objection({"+all"}), "");
  EXPECT_NE(objection({"-port=25"}), "");
  EXPECT_EQ(objection({"+10.0.0.0/8"}), "");
  EXPECT_EQ(objection({"+client=0.0.0.0/0|::/0"}), "");
  EXPECT_EQ(objection({"-host=x", "+client=10.0.0.0/8,port=80"}), "");
  EXPECT_EQ(objection({"-client=10.0.0.0/8"}), "") << "only this machine is allowed then";
  const string open = objection({"-client=10.0.0.66", "+host=x"});
  EXPECT_NE(open.find("restrict --allow host=x"), string::npos) << open;
}

}  // namespace
