// Selects the site and the route of a web server for a request.
#include <gtest/gtest.h>

#include <string>

#include "../../src/config/address_text.hpp"
#include "../../src/config/options.hpp"
#include "../../src/plan/router.hpp"
#include "../../src/plan/web_router.hpp"

namespace {

using base::Reason;
using plan::Kind;
using plan::Plan;
using plan::RouteKind;
using std::string;

sys::Address ip(const char* text) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, 1234, address));
  return address;
}

plan::Network network(const char* text) {
  plan::Network out;
  EXPECT_EQ(config::parse_network(text, out), "");
  return out;
}

plan::WebRoute route(string prefix, RouteKind kind = RouteKind::files) {
  plan::WebRoute made;
  made.prefix = std::move(prefix);
  made.kind = kind;
  return made;
}

class WebTest : public testing::Test {
 protected:
  WebTest() {
    listener.role = plan::Role::web;
    listener.sites = {0};
    config.sites.emplace_back();
  }
  std::vector<plan::WebRoute>& routes() { return config.sites[0].routes; }

  Plan decide(const string& target, const string& host = "h", const string& method = "GET") {
    text = method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    http::RequestHead head;
    EXPECT_EQ(http::parse_request(text, 0, head).what, http::Parsed::What::complete) << text;
    return plan::plan_web(config, listener, head, client);
  }
  // The prefix of the route found, or the reason if there is none.
  string found(const string& target, const string& host = "h") {
    const Plan plan = decide(target, host);
    return plan.reason == Reason::none ? plan.route->prefix : string{base::row(plan.reason).name};
  }

  plan::Config config;
  plan::Listener listener;
  sys::Address client = ip("192.0.2.1");
  string text;
};

TEST_F(WebTest, TheSiteByTheHost) {
  config.sites.resize(3);
  config.sites[1].hostnames = {"one.test", "uno.test"};
  config.sites[2].hostnames = {"two.test", "2001:db8::1"};
  config.sites[0].routes = {route("/any")};
  config.sites[1].routes = {route("/one")};
  config.sites[2].routes = {route("/two")};
  listener.sites = {0, 1, 2};
  struct Row {
    const char *host, *path;
  };
  for (const Row& row : {Row{"one.test", "/one"},
                         {"ONE.Test", "/one"},
                         {"one.test:8080", "/one"},
                         {"one.test.", "/one"},
                         {"one.test.:80", "/one"},
                         {"uno.test", "/one"},
                         {"two.test", "/two"},
                         {"[2001:db8::1]:80", "/two"},
                         {"sub.one.test", "/any"},
                         {"test", "/any"},
                         {"192.0.2.1", "/any"}}) {
    EXPECT_EQ(found(row.path, row.host), row.path) << row.host;
    EXPECT_EQ(found("/none", row.host), "file-not-found");
    EXPECT_EQ(found(string{"http://"} + row.host + row.path, "two.test"), row.path)
        << "the target's host counts (RFC 9112 section 3.2.2)";
  }
  listener.sites = {2, 1};
  EXPECT_EQ(found("/two", "elsewhere.test"), "/two") << "the listener's first site is the default";
}

TEST_F(WebTest, ANameWithAllBelowIt) {
  config.sites.resize(4);
  config.sites[1].hostnames = {".one.test"};
  config.sites[2].hostnames = {".sub.one.test"};
  config.sites[3].hostnames = {"x.sub.one.test"};
  config.sites[0].routes = {route("/any")};
  config.sites[1].routes = {route("/one")};
  config.sites[2].routes = {route("/sub")};
  config.sites[3].routes = {route("/x")};
  listener.sites = {0, 1, 2, 3};
  struct Row {
    const char *host, *path;
  };
  for (const Row& row : {Row{"one.test", "/one"},
                         {"a.One.test:80", "/one"},
                         {"a.b.one.test.", "/one"},
                         {"sub.one.test", "/sub"},
                         {"y.sub.one.test", "/sub"},
                         {"x.sub.one.test", "/x"},
                         {"none.test", "/any"},
                         {"xone.test", "/any"},
                         {"test", "/any"}})
    EXPECT_EQ(found(row.path, row.host), row.path) << row.host;
}

TEST_F(WebTest, TheLongestPrefixOnABoundary) {
  routes() = {route("/"), route("/a"), route("/a/b"), route("/c/")};
  struct Row {
    const char *path, *prefix;
  };
  for (const Row& row : {Row{"/", "/"},
                         {"/x", "/"},
                         {"/a", "/a"},
                         {"/a/", "/a"},
                         {"/a?q", "/a"},
                         {"/ab", "/"},
                         {"/a/x", "/a"},
                         {"/a/b", "/a/b"},
                         {"/a/b/c", "/a/b"},
                         {"/a/bc", "/a"},
                         {"/a/b?/x", "/a/b"},
                         {"/A", "/"},
                         {"/c", "/"},
                         {"/c/", "/c/"},
                         {"/c/x", "/c/"},
                         {"/x?/a/b", "/"},
                         {"http://h", "/"},
                         {"http://h?x", "/"}}) {
    EXPECT_EQ(found(row.path), row.prefix) << row.path;
  }
  std::reverse(routes().begin(), routes().end());
  EXPECT_EQ(found("/a/b/c"), "/a/b") << "their order does not matter";
}

// A server might interpret each of these as a path below the closed route.
TEST_F(WebTest, NoSpellingBypassesARoute) {
  for (const RouteKind kind : {RouteKind::files, RouteKind::reverse}) {
    routes() = {route("/", kind), route("/secret", kind)};
    routes()[1].deny = {network("0.0.0.0/0")};
    for (const char* path : {"/secret",
                             "/secret/",
                             "/secret/x",
                             "//secret/x",
                             "/secret//x",
                             "/./secret",
                             "/./secret/x",
                             "/.//secret",
                             "/x/../secret",
                             "/x/../secret/y",
                             "/x/y/../../secret",
                             "/%73ecret",
                             "/%53ecret/../secret",
                             "/%2e/secret",
                             "/%2E%2e/secret",
                             "/x/%2e%2e/secret",
                             "/x/.%2e/secret",
                             "/x%2f..%2fsecret",
                             "/%2fsecret",
                             "/secret%2fx",
                             "/secret%2Fx",
                             "/secret/.",
                             "/secret/./",
                             "/secret/x/..",
                             "/secret?x",
                             "/secret%3fx/../../secret",
                             "/secre%74/a%00",
                             "/public/..//secret",
                             "http://h//secret",
                             "/x/..%2fsecret#y",
                             "/x/..;/secret",
                             "/x/..;a=1/secret",
                             "/.;/secret",
                             "/;/secret",
                             "/secret;a=1",
                             "/secret%3ba",
                             "/x/%2e%2e;/secret",
                             "/x/..%3b/secret",
                             "/x;%2f..%2f..%2fsecret",
                             R"(/x/..\secret)",
                             R"(/x\..\secret)",
                             R"(/\secret)",
                             R"(/secret\x)",
                             "/x%5C..%5Csecret",
                             "/x%5c..%5csecret",
                             "/%2573ecret",
                             "/x/%252e%252e/secret",
                             "/x/%c0%ae%c0%ae/secret",
                             "/x/..%c0%afsecret",
                             "/x/..%e0%80%afsecret",
                             "/%c1%b3ecret",
                             "/x%252f..%252fsecret",
                             "/x%255c..%255csecret",
                             "/x/..%253b/secret",
                             "/secret/%2e%2e/public",
                             "/secret/..;/public",
                             "/x//../secret",
                             "/..;/x",
                             R"(/..\x)"}) {
      const Plan plan = decide(path);
      EXPECT_NE(plan.reason, Reason::none) << path;
      EXPECT_EQ(plan.kind, Kind::refuse) << path;
    }
    // These are not below it.
    for (const char* path : {"/secrets", "/secret%20", "/x/secret", "/secret/../public", "/SECRET",
                             "/x?/../secret", "/x;y=1", "/x;/y", R"(/x\y)", "/100%25"})
      EXPECT_EQ(found(path), "/") << path;
    for (const char* path : {"/..", "/../secret", "/%2e%2e/", "/x/../..", "/a%2f..%2f..%2f"})
      EXPECT_EQ(found(path), "bad-target") << path;
  }
}

// Programs differ in how they decode invalid escapes.
TEST_F(WebTest, AnInvalidEscapeIsRefused) {
  for (const RouteKind kind :
       {RouteKind::files, RouteKind::redirect, RouteKind::reverse, RouteKind::metrics}) {
    routes() = {route("/", kind), route("/a", kind)};
    for (const char* path :
         {"/a%zz", "/a%", "/a%2", "/a%g0", "/a/%2x", "/%%2F", "/%", "/a%?b", "/a%00", "/a/%00/b"})
      EXPECT_EQ(found(path), "bad-target") << path;
    EXPECT_EQ(found("/a?b=%zz"), "/a") << "a query is not decoded";
  }
  routes() = {route("/a")};
  EXPECT_EQ(found("/b%"), "bad-target") << "with or without a matching route";
}

// A separator to some servers, but not to others.
TEST_F(WebTest, AnEncodedSlash) {
  for (const char* path : {"/a%2Fb", "/a%2f", "/x/a%2Fb/c", "/a%2Fb/../c"}) {
    routes() = {route("/")};
    EXPECT_EQ(found(path), "file-not-found") << path << ": no file has such a name";
    for (const RouteKind kind : {RouteKind::redirect, RouteKind::reverse, RouteKind::metrics}) {
      routes() = {route("/", kind)};
      EXPECT_EQ(found(path), "/") << path;
    }
  }
  routes() = {route("/", RouteKind::reverse), route("/open", RouteKind::reverse),
              route("/closed", RouteKind::reverse)};
  for (const char* path : {"/open/x%2Fy", "/open/%2F", "/open/x;y", "/open/x%252Fy"})
    EXPECT_EQ(found(path), "/open") << path;
  // Each of these is below one route for some servers, and below another for others.
  for (const char* path :
       {"/closed%2Fx", "/open/x%2F..%2F..%2Fclosed", "/closed/x%2F..%2F..%2Fopen", "/open/..%2Fclosed",
        "/open/x%2fy/../../closed", "/%2Fclosed", "/open/x%252F..%252F..%252Fclosed"})
    EXPECT_EQ(found(path), "file-not-found") << path;
  const string many = "/open/;%2f%2e%25%5c";
  string longer = many;
  while (longer.size() < 4096) longer += "/x";
  EXPECT_EQ(found(many.c_str()), "/open");
  EXPECT_EQ(found(longer.c_str()), "file-not-found") << "too much work to read in each way";
  EXPECT_EQ(found("/open/x%2Fy/../../.."), "file-not-found") << "above the root for some";
}

TEST_F(WebTest, TheFileOfARoute) {
  routes() = {route("/"), route("/f"), route("/g/")};
  struct Row {
    const char *path, *name;
    bool slash;
    const char* query;
  };
  for (const Row& row : {Row{"/", "", true, ""},
                         {"/a//b/", "a/b", true, ""},
                         {"/f", "", false, ""},
                         {"/f/", "", true, ""},
                         {"/f?x", "", false, "x"},
                         {"/f/x?y=%2f?z", "x", false, "y=%2f?z"},
                         {"/f/a%20b", "a b", false, ""},
                         {"/f/%61", "a", false, ""},
                         {"/f/%2561", "%61", false, ""},
                         {"/f/x/../y", "y", false, ""},
                         {"/f/x/..", "", true, ""},
                         {"/g/x", "x", false, ""},
                         {"/g/", "", true, ""}}) {
    const Plan plan = decide(row.path);
    EXPECT_EQ(plan.file.name, row.name) << row.path;
    EXPECT_EQ(plan.file.slash, row.slash) << row.path;
    EXPECT_EQ(plan.file.query, row.query) << row.path;
  }
}

TEST_F(WebTest, NamesThatBeginWithADot) {
  routes() = {route("/"), route("/.open"), route("/up", RouteKind::reverse)};
  for (const char* path : {"/.git/config", "/.htpasswd", "/a/.b", "/a/.b/c", "/%2ehtpasswd",
                           "/.well-known/.x", "/...", "/.well-known-x", "/.open/.x"})
    EXPECT_EQ(found(path), "file-not-found") << path;
  for (const char* path : {"/.well-known/acme", "/a/.well-known", "/a.b", "/a./b"})
    EXPECT_EQ(found(path), "/") << path;
  EXPECT_EQ(found("/.open/x"), "/.open") << "the configuration names it";
  EXPECT_EQ(found("/up/.x"), "/up") << "not a file";
  routes()[0].dotfiles = true;
  EXPECT_EQ(found("/.git/config"), "/");
}

TEST_F(WebTest, Authorization) {
  routes() = {route("/")};
  struct Row {
    std::vector<const char*> allow, deny;
    const char* client;
    bool may;
  };
  for (const Row& row : {Row{{}, {}, "192.0.2.1", true},
                         {{"192.0.2.0/24"}, {}, "192.0.2.1", true},
                         {{"192.0.2.0/24"}, {}, "192.0.3.1", false},
                         {{"192.0.2.0/24"}, {}, "::ffff:192.0.2.1", true},
                         {{"192.0.2.0/24"}, {}, "2001:db8::1", false},
                         {{"192.0.2.0/24", "2001:db8::/32"}, {}, "2001:db8::1", true},
                         {{}, {"192.0.2.1"}, "192.0.2.1", false},
                         {{}, {"192.0.2.1"}, "::ffff:192.0.2.1", false},
                         {{}, {"192.0.2.1"}, "192.0.2.2", true},
                         {{"192.0.2.0/24"}, {"192.0.2.1"}, "192.0.2.1", false},
                         {{"192.0.2.1"}, {"192.0.2.0/24"}, "192.0.2.1", false}}) {
    routes()[0].allow.clear();
    routes()[0].deny.clear();
    for (const char* text_of : row.allow) routes()[0].allow.push_back(network(text_of));
    for (const char* text_of : row.deny) routes()[0].deny.push_back(network(text_of));
    client = ip(row.client);
    EXPECT_EQ(found("/x"), row.may ? "/" : "client-not-allowed") << row.client;
  }
}

// The access rules hold for web servers too. Those with to= are about other servers.
TEST_F(WebTest, AccessRules) {
  struct Row {
    std::vector<std::pair<const char*, const char*>> rules;  // option, value
    const char *client, *why;                                // "/": allowed
  };
  const Row rows[] = {
      {{}, "192.0.2.1", "/"},
      {{{"--deny", "all"}}, "192.0.2.1", "request-not-allowed"},
      {{{"--deny", "192.0.2.0/24"}}, "192.0.2.1", "client-not-allowed"},
      {{{"--deny", "192.0.2.0/24"}}, "192.0.3.1", "/"},
      {{{"--allow", "192.0.2.0/24"}}, "192.0.2.1", "/"},
      {{{"--allow", "192.0.2.0/24"}}, "192.0.3.1", "client-not-allowed"},
      {{{"--allow", "192.0.2.0/24"}}, "127.0.0.1", "client-not-allowed"},
      {{{"--deny", "host=h"}}, "192.0.2.1", "request-not-allowed"},
      {{{"--allow", "192.0.2.0/24,host=other"}}, "192.0.2.1", "request-not-allowed"},
      {{{"--deny", "method=POST"}, {"--allow", "all"}}, "192.0.2.1", "/"},
      {{{"--deny", "method=GET"}}, "192.0.2.1", "request-not-allowed"},
      {{{"--deny", "port=8080"}}, "192.0.2.1", "request-not-allowed"},
      {{{"--deny", "port=80"}}, "192.0.2.1", "/"},
      {{{"--deny", "to=0.0.0.0/0"}, {"--allow", "to=10.0.0.0/8"}}, "192.0.2.1", "/"},
  };
  for (const Row& row : rows) {
    config.rules = {};
    routes() = {route("/")};
    for (const auto& [option, value] : row.rules)
      ASSERT_EQ(config::apply_option(config, option, value), "") << value;
    client = ip(row.client);
    listener.address.port = 8080;
    EXPECT_EQ(found("/x"), row.why) << row.client << " " << (row.rules.empty() ? "" : row.rules[0].second);
  }
}

TEST_F(WebTest, Kinds) {
  routes() = {route("/f"),
              route("/r", RouteKind::redirect),
              route("/p", RouteKind::reverse),
              route("/m", RouteKind::metrics),
              route("/healthz", RouteKind::health),
              route("/readyz", RouteKind::ready),
              route("/doctor", RouteKind::doctor)};
  EXPECT_EQ(decide("/f").kind, Kind::files);
  EXPECT_EQ(decide("/r/x").kind, Kind::redirect);
  EXPECT_EQ(decide("/p/x").kind, Kind::reverse);
  EXPECT_EQ(decide("/m").kind, Kind::metrics);
  EXPECT_EQ(decide("/healthz").kind, Kind::health);
  EXPECT_EQ(decide("/readyz").kind, Kind::ready);
  EXPECT_EQ(decide("/doctor").kind, Kind::doctor);
  EXPECT_EQ(decide("*", "h", "OPTIONS").kind, Kind::reply);
  EXPECT_EQ(decide("*", "h", "GET").reason, Reason::bad_target);
  EXPECT_EQ(decide("h:443", "h:443", "CONNECT").reason, Reason::method_not_allowed);
  EXPECT_EQ(decide("https://h/f").reason, Reason::scheme_unsupported);
}

TEST_F(WebTest, WhetherTheConnectionIsKept) {
  routes() = {route("/f"), route("/g")};
  routes()[1].keep_alive = false;
  EXPECT_TRUE(decide("/f").keep_alive);
  EXPECT_FALSE(decide("/g").keep_alive);
  EXPECT_TRUE(decide("/x").keep_alive);
  config.sites[0].keep_alive = false;
  EXPECT_FALSE(decide("/x").keep_alive);
  EXPECT_TRUE(decide("/f").keep_alive) << "the route decides";
}

}  // namespace
