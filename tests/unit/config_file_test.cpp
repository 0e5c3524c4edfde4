// The configuration file: its keys, errors with their line numbers, and listeners defined by options.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "../../src/base/text.hpp"
#include "../../src/config/command_line.hpp"
#include "../../src/config/file.hpp"
#include "../../src/config/json.hpp"
#include "../../src/config/text_file.hpp"
#include "../../src/config/value.hpp"
#include "../sim/kernel.hpp"
#include "address.hpp"

namespace {

using config::CommandLine;
using config::Findings;
using plan::Balance;
using plan::Config;
using plan::Listener;
using plan::Role;
using plan::RouteKind;
using std::string;

CommandLine parse(std::vector<const char*> arguments) { return config::parse_command_line(arguments); }

class ConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    if (!config::has_json()) GTEST_SKIP() << "built without nlohmann-json";
    sim::files = {{"public/", ""}, {"logs/", ""}, {"plain", "a file"}};
  }
  void TearDown() override { sim::files.clear(); }

  static Findings read(const string& text, Config& config) {
    return config::read_config("c.json", text, config);
  }
  static Config good(const string& text) {
    Config config;
    const Findings found = read(text, config);
    EXPECT_EQ(found.errors, std::vector<string>{}) << text;
    EXPECT_EQ(found.warnings, std::vector<string>{}) << text;
    return config;
  }
  static Findings findings(const string& text) {
    Config config;
    return read(text, config);
  }
  // A file with one server and one route.
  static string route(const string& members) {
    return R"({"servers": [{"listeners": [{"host": "127.0.0.1", "port": 80}], "routes": [{)" + members +
           "}]}]}";
  }
  static string stream(const string& members) {
    return R"({"servers": [{"listeners": [{"host": "127.0.0.1", "port": 80}], "stream": {)" + members +
           "}}]}";
  }
};

// ---- keys ------------------------------------------------------------------------------------------------

TEST_F(ConfigFile, AFileOfTheCourse) {
  Config config;
  const Findings found = read(R"({
	"server_name": "eXpServer",
	"workers": 4,
	"servers": [
		{ "listeners": [ { "host": "0.0.0.0", "port": 8001 } ],
			"routes": [
				{ "req_path": "/", "type": "file_serve", "dir_path": "public", "index": [ "index.html" ],
					"gzip_enable": true, "gzip_level": 8 },
				{ "req_path": "/redirect", "type": "redirect", "http_status_code": 302,
					"redirect_url": "http://localhost:8002/" } ] },
		{ "listeners": [ { "host": "0.0.0.0", "port": 8002 } ],
			"routes": [ { "req_path": "/", "type": "reverse_proxy", "upstreams": [ "localhost:3000" ] } ] },
		{ "listeners": [ { "host": "0.0.0.0", "port": 8004 } ] }
	]
})",
                              config);
  EXPECT_EQ(found.errors, std::vector<string>{});
  ASSERT_EQ(found.warnings.size(), 1U);
  EXPECT_EQ(found.warnings[0].find("c.json:3: workers: "), 0U) << found.warnings[0];
  EXPECT_EQ(config.name, "eXpServer");
  ASSERT_EQ(config.listeners.size(), 3U);
  ASSERT_EQ(config.sites.size(), 3U);
  EXPECT_EQ(config.listeners[0].address, at("0.0.0.0", 8001));
  EXPECT_EQ(config.listeners[0].role, Role::web);
  EXPECT_EQ(config.listeners[2].sites, std::vector<std::size_t>{2});
  ASSERT_EQ(config.sites[0].routes.size(), 2U);
  const plan::WebRoute& files = config.sites[0].routes[0];
  EXPECT_EQ(files.kind, RouteKind::files);
  EXPECT_EQ(files.directory, "public");
  EXPECT_EQ(files.index, std::vector<string>{"index.html"});
  EXPECT_TRUE(files.compresses());
  EXPECT_EQ(files.gzip_level, 8);
  const plan::WebRoute& redirect = config.sites[0].routes[1];
  EXPECT_EQ(redirect.prefix, "/redirect");
  EXPECT_EQ(redirect.kind, RouteKind::redirect);
  EXPECT_EQ(redirect.status, 302);
  EXPECT_EQ(redirect.location, "http://localhost:8002/");
  ASSERT_EQ(config.groups.size(), 1U);
  EXPECT_EQ(config.sites[1].routes[0].kind, RouteKind::reverse);
  EXPECT_EQ(config.sites[1].routes[0].group, 0U);
  EXPECT_EQ(config.groups[0].members, (std::vector<plan::Hop>{{"localhost", 3000, ""}}));
  EXPECT_TRUE(config.sites[2].routes.empty()) << "404";
}

TEST_F(ConfigFile, EachKeyOfARoute) {
  Config config;
  const Findings found = read(route(R"("req_path": "/api", "type": "reverse_proxy",
               "upstreams": ["a.test:1", "http://b.test", "http://[::1]:7/", "unix:/run/s"], "load_balancing": "ip_hash",
               "request_timeout_ms": 1500, "health_check": {"path": "/up", "interval_ms": 250}, "keep_alive": false,
               "ip_whitelist": ["10.0.0.0/8", "::1"], "ip_blacklist": ["10.0.0.1"]}, {
               "req_path": "/files", "type": "file_serve", "dir_path": "logs", "index": "a.txt", "listing": false,
               "gzip_enable": true, "gzip_level": -1, "gzip_mime_types": ["text/*", "image/svg+xml"]}, {
               "req_path": "/numbers", "type": "metrics")"),
                              config);
  EXPECT_EQ(found.errors, std::vector<string>{});
  EXPECT_EQ(found.warnings, std::vector<string>{});
  ASSERT_EQ(config.sites.at(0).routes.size(), 3U);
  const plan::WebRoute &api = config.sites[0].routes[0], &files = config.sites[0].routes[1];
  EXPECT_FALSE(api.keep_alive);
  for (const plan::Wait wait :
       {plan::Wait::request_head, plan::Wait::request_body, plan::Wait::response_head})
    EXPECT_EQ(plan::find(api.timeouts, wait)->ms, 1500U);
  EXPECT_EQ(plan::find(config.listeners.at(0).timeouts, plan::Wait::request_head)->ms, 1500U);
  ASSERT_EQ(api.allow.size(), 2U);
  ASSERT_EQ(api.deny.size(), 1U);
  EXPECT_TRUE(api.allow[0].has(at("10.9.9.9", 1)));
  EXPECT_TRUE(api.deny[0].has(at("10.0.0.1", 1)));
  const plan::Group& group = config.groups.at(api.group);
  EXPECT_EQ(group.balance, Balance::ip_hash);
  EXPECT_EQ(group.check_path, "/up");
  EXPECT_EQ(group.check_ms, 250U);
  EXPECT_EQ(group.members, (std::vector<plan::Hop>{
                               {"a.test", 1, ""}, {"b.test", 80, ""}, {"::1", 7, ""}, {"", 0, "/run/s"}}));
  EXPECT_EQ(files.index, std::vector<string>{"a.txt"});
  EXPECT_FALSE(files.listing);
  EXPECT_TRUE(files.keep_alive);
  EXPECT_EQ(files.gzip_level, 6);
  EXPECT_EQ(files.gzip_types, (std::vector<string>{"text/*", "image/svg+xml"}));
  EXPECT_EQ(config.sites[0].routes[2].kind, RouteKind::metrics);
}

TEST_F(ConfigFile, ProxyHeadersOfListeners) {
  const Config config = good(R"({
    "forward": [{"host": "localhost", "port": 1, "proxy_protocol_in": true, "proxy_protocol_from": ["10.0.0.0/8"]},
                {"host": "127.0.0.1", "port": 2}],
    "servers": [
      {"listeners": [{"host": "127.0.0.1", "port": 3, "proxy_protocol_in": true},
                     {"host": "127.0.0.1", "port": 4, "proxy_protocol_in": false}],
       "routes": [{"req_path": "/", "type": "metrics"}]},
      {"listeners": [{"host": "127.0.0.1", "port": 5, "proxy_protocol_in": true},
                     {"host": "127.0.0.1", "port": 6}],
       "stream": {"type": "echo", "head_timeout": 5}}]})");
  ASSERT_EQ(config.listeners.size(), 7U);
  for (const plan::Listener& listener : config.listeners) {
    const int port = listener.address.port;
    EXPECT_EQ(listener.proxy_header_in, port % 2 == 1) << port;
    ASSERT_EQ(listener.proxy_header_from.size(), port == 1 ? 1U : plan::loopback_networks().size()) << port;
    EXPECT_EQ(listener.proxy_header_from[0].prefix == 8U && port == 1, port == 1) << port;
  }
}

TEST_F(ConfigFile, Streams) {
  sim::files["logs/a.txt"] = "a";
  const Config config = good(R"({"servers": [
    {"listeners": [{"host": "localhost", "port": 0}],
     "stream": {"type": "proxy", "upstream": "db.test:5432", "proxy_protocol_in": true,
                "proxy_protocol_from": ["10.0.0.0/8"], "proxy_protocol_out": 2}},
    {"listeners": [{"host": "::", "port": 7}], "stream": {"type": "echo"}},
    {"listeners": [{"host": "[::1]", "port": 8}], "stream": {"type": "reverse"}},
    {"listeners": [{"host": "*", "port": 9}], "stream": {"type": "file", "file": "a.txt", "root": "logs"}}]})");
  ASSERT_EQ(config.listeners.size(), 6U);
  EXPECT_EQ(config.listeners[0].role, Role::relay);
  EXPECT_EQ(config.listeners[0].address, at("127.0.0.1", 0));
  EXPECT_FALSE(config.listeners[0].optional);
  EXPECT_TRUE(config.listeners[0].proxy_header_in);
  ASSERT_EQ(config.listeners[0].proxy_header_from.size(), 1U);
  EXPECT_EQ(config.listeners[0].proxy_header_from[0].prefix, 8U);
  EXPECT_EQ(config.listeners[0].proxy_header_out, 2);
  EXPECT_EQ(config.listeners[1].address, at("::1", 0));
  EXPECT_TRUE(config.listeners[1].optional);
  EXPECT_EQ(config.listeners[1].group, config.listeners[0].group);
  EXPECT_EQ(config.listeners[2].role, Role::echo);
  EXPECT_EQ(config.listeners[2].address, at("::", 7));
  EXPECT_EQ(config.listeners[3].role, Role::reverse_lines);
  EXPECT_EQ(config.listeners[4].role, Role::send_file);
  EXPECT_EQ(config.listeners[4].file, "a.txt");
  EXPECT_EQ(config.listeners[4].root, "logs");
  EXPECT_EQ(config.listeners[4].address, at("0.0.0.0", 9));
  EXPECT_EQ(config.listeners[5].address, at("::", 9));
}

TEST_F(ConfigFile, TheLimitOfABody) {
  const Config config =
      good(R"({"max_body": "1k", "forward": [{"host": "::1", "port": 1, "max_body": 5}], "servers": [
    {"listeners": [{"host": "::1", "port": 2, "max_body": "1G"}], "max_body": "3m", "routes": [
      {"req_path": "/", "type": "reverse_proxy", "upstreams": ["a.test:1"]},
      {"req_path": "/b", "type": "reverse_proxy", "upstreams": ["a.test:1"], "max_body": 0}]}]})");
  EXPECT_EQ(config.max_body, 1024U);
  EXPECT_EQ(config.listeners.at(1).max_body, 5U) << "of forward, which is read after the servers";
  EXPECT_EQ(config.listeners.at(0).max_body, std::uint64_t{1} << 30);
  EXPECT_EQ(config.sites.at(0).routes.at(0).max_body, std::uint64_t{3} << 20);
  EXPECT_EQ(config.sites[0].routes.at(1).max_body, plan::kUnlimited) << "0: none";
}

TEST_F(ConfigFile, ServersShareAListenerByTheirNames) {
  const Config config = good(R"({"servers": [
    {"listeners": [{"host": "127.0.0.1", "port": 80}], "hostnames": ["A.test", "192.0.2.1", "[2001:db8::1]"]},
    {"listeners": [{"host": "127.0.0.1", "port": 80}, {"host": "127.0.0.1", "port": 81}]},
    {"listeners": [{"host": "localhost", "port": 80}], "hostnames": "b.test"}]})");
  ASSERT_EQ(config.listeners.size(), 3U);
  EXPECT_EQ(config.listeners[0].sites, (std::vector<std::size_t>{1, 0, 2}))
      << "the server for all names is first";
  EXPECT_EQ(config.listeners[1].address, at("127.0.0.1", 81));
  EXPECT_EQ(config.listeners[2].address, at("::1", 80));
  EXPECT_EQ(config.listeners[2].sites, (std::vector<std::size_t>{2}));
  EXPECT_EQ(config.sites[0].hostnames, (std::vector<string>{"a.test", "192.0.2.1", "2001:db8::1"}));
}

TEST_F(ConfigFile, EveryOptionIsAKey) {
  const Config config =
      good(R"({"forward": [{"host": "localhost", "port": 0}], "listen": ["127.0.0.2:1", "[::1]:2"],
    "rules": [{"deny": "host=a.test"}, {"allow": "10.0.0.0/8"}], "connect_ports": [443, "8000-8999"],
    "no_parent": ["a.test", ".b.test"], "parent": "http://p:1", "max_requests": 100, "verbose": true,
    "request_id": false, "http": 1.0, "client_bytes": "1k", "drain": 0.5, "echo": "7", "log_format": "json"})");
  ASSERT_EQ(config.listeners.size(), 6U);
  EXPECT_EQ(config.rules.size(), 2U);
  EXPECT_EQ(config.connect_ports.size(), 2U);
  EXPECT_EQ(config.no_parent.size(), 2U);
  EXPECT_EQ(config.max_requests, 100U);
  EXPECT_EQ(config.verbosity, plan::Verbosity::steps);
  EXPECT_TRUE(config.http10);
  EXPECT_EQ(config.drain_ms, 500U);
  EXPECT_EQ(config.listeners[4].role, Role::echo);
  for (const plan::WaitRow& row : plan::kDeadlineRows) {
    string key{row.option.substr(2)};
    std::replace(key.begin(), key.end(), '-', '_');
    EXPECT_EQ(good("{\"" + key + "\": 1.25}").wait(row.wait), 1250U) << key;
  }
}

// ---- errors ----------------------------------------------------------------------------------------------

TEST_F(ConfigFile, EachErrorHasItsLineAndKey) {
  struct Row {
    string text;
    std::vector<const char*> says;
  };
  const Row rows[] = {
      {"[]", {"c.json:1: got an array, expected an object"}},
      {"{\n\n\"servers\": 3\n}", {"c.json:3: servers: got 3, expected an array"}},
      {"{\"servers\":\n[\n{},\n{\n\"routes\": []}]}",
       {"c.json:3: servers[0]: missing listeners", "c.json:4: servers[1]: missing listeners"}},
      {R"({"servers": [{"listeners": []}]})", {"servers[0].listeners: got an empty array"}},
      {R"({"forward": [{"host": "example.com", "port": 1}]})",
       {"forward[0].host: got \"example.com\", expected a numeric address, localhost"}},
      {R"({"forward": [{"host": "::1", "port": 65536}]})",
       {"forward[0].port: got 65536, expected a whole number from 0 to 65535"}},
      {R"({"forward": [{"host": "::1", "port": "80"}]})", {"forward[0].port: got \"80\", expected a whole"}},
      {R"({"forward": [{"host": "::1", "port": 80.5}]})", {"got 80.5"}},
      {R"({"forward": [{"host": "::1", "port": -1}]})", {"got -1"}},
      {R"({"forward": [{"port": 1}]})", {"forward[0]: missing host"}},
      {"{\"max_requests\":\n0}", {"c.json:2: max_requests: invalid number '0': expected 1-"}},
      {R"({"max_requests": null})", {"max_requests: got null, expected"}},
      {R"({"max_requests": [1]})", {"max_requests: got an array, expected one value"}},
      {R"({"verbose": "yes"})", {"verbose: got \"yes\", expected true or false"}},
      {R"({"allow": "all"})", {"allow: the order of rules matters: use \"rules\""}},
      {R"({"rules": [{"allow": "all", "deny": "all"}]})", {"rules[0]: expected either allow or deny"}},
      {R"({"rules": [{}]})", {"rules[0]: expected either allow or deny"}},
      {R"({"rules": [{"allow": "ten"}]})", {"rules[0].allow: invalid rule 'ten'"}},
      {R"({"server_name": "my server"})", {"server_name: invalid name 'my server'"}},
      {R"({"workers": "4"})", {"workers: got \"4\", expected a number"}},
      {route(R"("type": "metrics")"), {"servers[0].routes[0]: missing req_path"}},
      {route(R"("req_path": "/")"), {"servers[0].routes[0]: missing type"}},
      {route(R"("req_path": "a", "type": "metrics")"), {"req_path: got \"a\", expected a path"}},
      {route(R"("req_path": "", "type": "metrics")"), {"req_path: got \"\", expected a path"}},
      {route(R"("req_path": "/a?b", "type": "metrics")"), {"req_path: got \"/a?b\""}},
      {stream(R"("type": "file", "root": "public", "file": "../plain")"),
       {"stream.file: got \"../plain\", expected the path of a file below root"}},
      {stream(R"("type": "file", "file": "/etc/hosts")"), {"expected the path of a file below root"}},
      {route(R"("req_path": "/a%6", "type": "metrics")"),
       {"req_path: got \"/a%6\", expected a path with valid"}},
      {route(R"("req_path": "/../a", "type": "metrics")"),
       {"req_path: got \"/../a\", expected a path with valid"}},
      {route(R"("req_path": "/a%20b", "type": "reverse_proxy", "upstream": "a:1", "strip_prefix": true)"),
       {"strip_prefix: impossible with this req_path"}},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "/caf\u00e9")"),
       {"expected a URL of visible ASCII characters"}},
      {route(R"("req_path": "/", "type": "file_server")"),
       {"servers[0].routes[0].type: got \"file_server\", expected file_serve, redirect, reverse_proxy, "
        "metrics, health, ready, doctor (did you mean 'file_serve'?)"}},
      {route(R"("req_path": "/", "type": "file_serve")"), {"missing dir_path"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "none")"),
       {"no such directory: '/work/none'"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "plain")"),
       {"not a directory: '/work/plain'"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "a\u0000b")"), {R"(got "a\x00b")"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "public", "index": ["../a"])"),
       {"index[0]: got \"../a\""}},
      {route(
           R"("req_path": "/", "type": "file_serve", "dir_path": "public", "gzip_enable": true, "gzip_level": 10)"),
       {"gzip_level: got 10, expected a whole number from -1 to 9"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a.test:1"], "max_body": "ten")"),
       {"max_body: invalid size 'ten': expected bytes or a unit, as in 1000, 500k or 10m; 0 for none"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a.test:1"], "max_body": true)"),
       {"max_body: got true, expected a size, as in 1000"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "public", "gzip_enable": 1)"),
       {"gzip_enable: got 1, expected true or false"}},
      {route(R"("req_path": "/", "type": "metrics", "users": 1)"), {"users: got 1, expected a file"}},
      {route(R"("req_path": "/", "type": "metrics", "realm": "a\"b")"),
       {"realm: got \"a\"b\", expected at most 64"}},
      {route(
           R"("req_path": "/", "type": "metrics", "add_response_fields": {"Content-Length": "1", "A b": "c", "X": "\u00e4"})"),
       {"add_response_fields.Content-Length: the proxy writes Content-Length itself",
        "add_response_fields.A b: invalid field name 'A b'", "add_response_fields.X: got"}},
      {route(
           R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1"], "remove_request_fields": ["Host", "Via"])"),
       {"remove_request_fields[0]: the proxy writes Host itself",
        "remove_request_fields[1]: the proxy writes Via itself"}},
      {route(R"("req_path": "/", "type": "metrics", "head_timeout": 0, "answer_timeout": "soon")"),
       {"head_timeout: invalid time '0'",
        "answer_timeout: invalid time 'soon': expected seconds or a unit, 1 ms to 24 h, as in 30, 0.5, 10m "
        "or 1h; 0 for none"}},
      {route(R"("req_path": "/", "type": "file_serve", "dir_path": "public", "charset": "utf 8")"),
       {"charset: got"}},
      {route(R"("req_path": "/", "type": "redirect")"), {"missing redirect_url"}},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "/a b")"), {"got \"/a b\""}},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "/a\r\nX: y")"),
       {R"(got "/a\x0d\x0aX: y")"}},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "/", "http_status_code": 200)"),
       {"http_status_code: got 200, expected 301"}},
      {route(R"("req_path": "/", "type": "reverse_proxy")"), {"missing upstreams"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": [])"), {"upstreams: got an array"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a", "b:0"])"),
       {"upstreams[0]: missing port after host 'a'", "upstreams[1]: invalid port '0': expected 1-65535"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["https://a:1"])"),
       {"do not use TLS"}},
      {route(
           R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1", "b:1"], "load_balancing": "robin")"),
       {"got \"robin\", expected round_robin, least_conn, ip_hash"}},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1"], "request_timeout_ms": 0)"),
       {"request_timeout_ms: got 0"}},
      {route(
           R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1"], "health_check": {"interval_ms": 1})"),
       {"health_check: missing path", "health_check.interval_ms: got 1,"}},
      {route(
           R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1"], "health_check": {"path": "/\u00e4"})"),
       {"health_check.path: got"}},
      {route(R"("req_path": "/", "type": "metrics", "ip_whitelist": ["10.0.0.0/33", 5, "127.0.0.1/0"])"),
       {"ip_whitelist[0]: invalid network '10.0.0.0/33'", "ip_whitelist[1]: got 5",
        "ip_whitelist[2]: invalid network '127.0.0.1/0': expected 0.0.0.0/0"}},
      {stream(R"("type": "echos")"),
       {"stream.type: got \"echos\", expected proxy, echo, reverse, file (did you mean 'echo'?)"}},
      {stream(R"("type": "proxy")"), {"stream: missing upstreams"}},
      {stream(R"("type": "proxy", "upstream": "a:1", "proxy_protocol_out": 3)"), {"got 3, expected"}},
      {stream(R"("type": "echo", "proxy_protocol_in": true, "proxy_protocol_from": ["127.0.0.1/0"])"),
       {"proxy_protocol_from[0]: invalid network '127.0.0.1/0'"}},
      {R"({"forward": [{"host": "::1", "port": 1, "proxy_protocol_in": 1, "proxy_protocol_from": ["10.0.0.0/33"]}]})",
       {"forward[0].proxy_protocol_in: got 1", "proxy_protocol_from[0]: invalid network '10.0.0.0/33'"}},
      {stream(R"("type": "file")"), {"stream: missing file"}},
      {stream(R"("type": "file", "file": "a", "root": "none")"),
       {"stream.root: no such directory: '/work/none'"}},
      {stream(R"("type": "echo"}, "routes": [], "keep_alive": {)"),
       {"expected either routes or stream, not both"}},
      {"{\"servers\": [{\"listeners\": [{\"host\": \"*\", \"port\": 7}], \"stream\": {\"type\": \"echo\"}},\n"
       "{\"listeners\": [{\"host\": \"0.0.0.0\", \"port\": 7}]}]}",
       {"c.json:2: servers[1]: listener 0.0.0.0:7 is already used in line 1"}},
  };
  for (const Row& row : rows) {
    const Findings found = findings(row.text);
    EXPECT_GE(found.errors.size(), row.says.size()) << row.text;
    for (const char* says : row.says) {
      const auto has = [says](const string& line) {
        return line.find("c.json:") == 0 && line.find(says) != string::npos &&
               line.find('\n') == string::npos;
      };
      EXPECT_TRUE(std::any_of(found.errors.begin(), found.errors.end(), has))
          << row.text << "\nshould say " << says << "\nand says "
          << (found.errors.empty() ? "" : found.errors[0]);
    }
  }
}

// Two keys of a file have no order, so neither can override the other.
TEST_F(ConfigFile, KeysThatExcludeEachOther) {
  const struct {
    const char *text, *error;
  } rows[] = {{R"({"listen": 80, "sandbox": true, "no_sandbox": true})",
               "c.json:1: no_sandbox: sandbox and no_sandbox exclude each other: give one of them"},
              {R"({"listen": 80, "console": 81, "no_console": true})",
               "c.json:1: no_console: console and no_console exclude each other: give one of them"},
              {R"({"listen": 80, "sandbox": false, "no_sandbox": true})", ""},
              {R"({"listen": 80, "sandbox": true, "no_sandbox": false})", ""},
              {R"({"listen": 80, "console": 81, "no_console": false})", ""}};
  for (const auto& row : rows)
    EXPECT_EQ(findings(row.text).errors,
              row.error[0] == '\0' ? std::vector<string>{} : std::vector<string>{row.error})
        << row.text;
}

TEST_F(ConfigFile, OneNameUnderSeveralKeys) {
  Config config;
  EXPECT_EQ(
      read("{\n\"name\": \"a\",\n\"via\": \"b\",\n\"server_name\": \"c\",\n\"listen\": 80}", config).warnings,
      std::vector<string>{"c.json:2: name: no effect: via in line 3 is the same setting"});
  EXPECT_EQ(config.name, "b");
  EXPECT_EQ(config.server_name, "c") << "of Server";
  for (const char* same :
       {R"({"name": "a", "via": "a", "listen": 80})", R"({"name": "a", "via": "off", "listen": 80})"})
    EXPECT_EQ(findings(same).warnings, std::vector<string>{}) << same;
}

// RFC 9110 section 5.3: such a field must not have two lines.
TEST_F(ConfigFile, FieldsThatResponsesOfATypeHave) {
  const struct {
    const char *members, *field;
  } rows[] = {{R"("type": "file_serve", "dir_path": "public")", "Content-Type"},
              {R"("type": "file_serve", "dir_path": "public", "gzip_enable": true)", "Content-Encoding"},
              {R"("type": "file_serve", "dir_path": "public")", "Content-Range"},
              {R"("type": "file_serve", "dir_path": "public")", "Accept-Ranges"},
              {R"("type": "file_serve", "dir_path": "public")", "ETag"},
              {R"("type": "file_serve", "dir_path": "public")", "Last-Modified"},
              {R"("type": "redirect", "redirect_url": "/x")", "Location"},
              {R"("type": "health")", "Cache-Control"},
              {R"("type": "metrics")", "Content-Type"}};
  for (const auto& row : rows) {
    const auto with = [&](const string& name) {
      return findings(route(string{R"("req_path": "/", )"} + row.members + R"(, "add_response_fields": {")" +
                            name + R"(": "x"})"))
          .errors;
    };
    EXPECT_EQ(with(row.field).size(), 1U) << row.members << row.field;
    EXPECT_EQ(with(base::lowered(row.field)).size(), 1U) << row.members << row.field;
    EXPECT_EQ(with("X-Mine"), std::vector<string>{});
  }
  EXPECT_EQ(findings(route(R"("req_path": "/", "type": "reverse_proxy", "upstreams": ["a:1"],
                              "add_response_fields": {"Cache-Control": "x", "Location": "y"})"))
                .errors,
            std::vector<string>{});
  EXPECT_EQ(findings(route(R"("req_path": "/", "type": "file_serve", "dir_path": "public",
                              "add_response_fields": {"Server": "x", "Content-Encoding": "br"})"))
                .errors,
            std::vector<string>{})
      << "without a server_name and compression";
  EXPECT_EQ(
      findings(route(R"("req_path": "/", "type": "health", "add_response_fields": {"Content-Type": 3})"))
          .errors.size(),
      1U);
  const string named =
      R"({"server_name": "s", )" +
      route(R"("req_path": "/", "type": "health", "add_response_fields": {"Server": "x"})").substr(1);
  EXPECT_EQ(findings(named).errors.size(), 1U);
}

TEST_F(ConfigFile, RoutesAndAStreamAreOneError) {
  const Findings found = findings(
      R"({"servers": [{"listeners": [{"host": "127.0.0.1", "port": 80}], "stream": {"type": "echo"}, "routes": []}]})");
  EXPECT_EQ(found.errors,
            std::vector<string>{"c.json:1: servers[0].stream: expected either routes or stream, not both"});
  EXPECT_EQ(found.warnings, std::vector<string>{});
}

// "rule" for "rules" would open what its rules close.
TEST_F(ConfigFile, AMisspeltKeyIsAnError) {
  EXPECT_EQ(findings("{\n\"max_request\": 1}").errors,
            std::vector<string>{"c.json:2: unknown key 'max_request' (did you mean 'max_requests'?)"});
  string text = "{";
  for (std::size_t i = 0; i <= 2 * config::kFindingsMax; ++i) text += "\"drain\": 1,\n";
  const Findings found = findings(text + "\"rule\": []}");
  EXPECT_EQ(found.warnings.size(), config::kFindingsMax);
  EXPECT_EQ(found.errors, std::vector<string>{"c.json:42: unknown key 'rule' (did you mean 'rules'?)"})
      << "after more warnings than are kept";
}

TEST_F(ConfigFile, SettingsWithoutEffectAreReported) {
  struct Row {
    string text;
    const char* says;
  };
  const Row rows[] = {
      {R"({"config": "x"})", "c.json:1: unknown key 'config': it is ignored"},
      {R"({"routes": []})", "c.json:1: routes: no effect here: it belongs to a server"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 1}], "upstreams": []}]})",
       "c.json:1: servers[0].upstreams: no effect here: it belongs to a route or stream"},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "https://$host/")"),
       "redirect_url: $host, {uri} and others are sent as they are"},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "https://{host}/")"),
       "redirect_url: $host, {uri} and others are sent as they are"},
      {R"({"a\u001b]0;b\u0007\nc\u009b1m": 1})",
       R"(c.json:1: unknown key 'a\x1b]0;b\x07\x0ac\xc2\x9b1m': it is ignored)"},
      {"{\"name\": \"a\",\n\"name\": \"b\"}", "c.json:1: name: no effect: given again in line 2"},
      {route(R"("req_path": "/", "type": "redirect", "redirect_url": "/a", "dir_path": "x")"),
       "servers[0].routes[0].dir_path: no effect with type redirect"},
      {route(R"("req_path": "/a", "type": "metrics"}, {"req_path": "/a", "type": "metrics")"),
       "servers[0].routes[1].req_path: never used: an earlier route"},
      {route(
           R"("req_path": "/a", "type": "metrics", "ip_whitelist": ["10.1.0.0/16"], "ip_blacklist": ["10.0.0.0/8"])"),
       "ip_blacklist: covers the whole ip_whitelist"},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstream": "a:1", "strip_prefix": true)"),
       "strip_prefix: no effect with req_path /"},
      {route(R"("req_path": "/", "type": "reverse_proxy", "upstream": "a:1", "upstreams": ["b:1"])"),
       "upstreams: no effect beside upstream"},
      {route(R"("req_path": "/", "type": "metrics", "idle_timeout": 3)"),
       "idle_timeout: no effect here: it belongs to the top level, a listener, server or stream"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 7, "max_body": 1}], "hostnames": ["a.test"],
                        "routes": [{"req_path": "/", "type": "reverse_proxy", "upstream": "a:1"}]},
                       {"listeners": [{"host": "::1", "port": 7, "max_body": 2}], "hostnames": ["b.test"]}]})",
       "c.json:3: servers[1].listeners[0].max_body: no effect: the settings of listener [::1]:7 are in line "
       "1"},
      {stream(R"("type": "echo", "upstream": "a:1")"), "stream.upstream: no effect with type echo"},
      {stream(R"("type": "file", "root": "public", "file": "none")"),
       "stream.file: no such file: '/work/public/none'"},
      {stream(R"("type": "echo", "users": "a")"),
       "stream.users: no effect here: it belongs to the top level, a server or route"},
      {route(R"("req_path": "/", "type": "metrics", "server_name": "a")"),
       "server_name: no effect here: it belongs to the top level"},
      {route(R"("req_path": "/", "type": "metrics", "max_requests": 9)"),
       "max_requests: no effect here: it belongs to the top level"},
      {route(R"("req_path": "/", "type": "metrics", "users": "none", "realm": "a")"),
       "realm: no effect without users"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 7}], "hostnames": ["a.test"]},
                       {"listeners": [{"host": "::1", "port": 7}], "hostnames": ["b.test", "A.TEST"]}]})",
       "c.json:2: servers[1]: never used for a.test at [::1]:7: the server in line 1"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 7}]},
                       {"listeners": [{"host": "::1", "port": 7}]}]})",
       "c.json:2: servers[1]: never used at [::1]:7"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 7}, {"host": "localhost", "port": 7}]}]})",
       "listener [::1]:7 is given twice"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 7}], "hostnames": ["a.test:8080"]}]})",
       "hostnames[0]: the port has no effect"},
  };
  for (const Row& row : rows) {
    const Findings found = findings(row.text);
    EXPECT_TRUE(found.errors.empty()) << row.text << found.errors[0];
    ASSERT_EQ(found.warnings.size(), 1U) << row.text;
    EXPECT_NE(found.warnings[0].find(row.says), string::npos) << found.warnings[0];
  }
  EXPECT_TRUE(findings(R"({"servers": [{"listeners": [{"host": "::1", "port": 0}]},
                                       {"listeners": [{"host": "::1", "port": 0}]}]})")
                  .warnings.empty())
      << "each needs a port of its own";
}

TEST_F(ConfigFile, ReportsAtMostTwentyErrors) {
  string text = "{\"forward\": [";
  for (int i = 0; i < 30; ++i) text += "\n1,";
  text.back() = ']';
  const Findings found = findings(text + "}");
  ASSERT_EQ(found.errors.size(), config::kFindingsMax + 1);
  EXPECT_EQ(found.errors[19].find("c.json:21: "), 0U) << found.errors[19];
  EXPECT_EQ(found.errors.back(), "c.json: and 10 more errors");
}

TEST_F(ConfigFile, ReportsTheFirstFindingsOfAll) {
  string text = "{";
  for (int i = 0; i < 30; ++i) text += "\n\"drai\": 1,";
  for (int i = 0; i < 30; ++i) text += "\n\"drai" + std::to_string(i) + "\": 1,";
  const Findings found = findings(text + "\"forward\": []}");
  ASSERT_EQ(found.warnings.size(), config::kFindingsMax);
  EXPECT_EQ(found.warnings.front(), "c.json:2: drai: no effect: given again in line 3");
  EXPECT_EQ(found.warnings.back(), "c.json:21: drai: no effect: given again in line 22");
}

// To look for a resembling name takes time for each unknown one, and a file can have many.
TEST_F(ConfigFile, SuggestsANameForAtMostTwentyUnknownOnes) {
  Config config;
  config::Report report{"c.json"};
  const std::array<std::string_view, 1> names{"drain"};
  for (std::size_t i = 0; i < config::kFindingsMax; ++i)
    EXPECT_EQ(report.suggest("drai", names), " (did you mean 'drain'?)");
  EXPECT_EQ(report.suggest("drai", names), "");
}

TEST_F(ConfigFile, TheNumberOfValuesIsLimited) {
  const auto with = [](std::size_t zeros) {
    string text = R"({"forward": [{"host": "localhost", "port": 80}], "x": [0)";
    for (std::size_t i = 1; i < zeros; ++i) text += ",0";
    return text + "]}";
  };
  EXPECT_TRUE(findings(with(19'994)).errors.empty());
  const Findings many = findings(with(19'995));
  ASSERT_EQ(many.errors.size(), 1U);
  EXPECT_NE(many.errors[0].find("too many values: at most 20000"), string::npos) << many.errors[0];
}

// A name counts for each listener: their product is the size of the table.
TEST_F(ConfigFile, TheNumberOfHostNamesIsLimited) {
  string text = R"({"servers": [{"routes": [], "hostnames": ["a0.test")";
  for (int i = 1; i < 10'000; ++i) text += ",\"a" + std::to_string(i) + ".test\"";
  text += R"(], "listeners": [{"host": "127.0.0.1", "port": 1})";
  for (int port = 2; port <= 10; ++port)
    text += R"(,{"host": "127.0.0.1", "port": )" + std::to_string(port) + "}";
  EXPECT_TRUE(findings(text + "]}]}").errors.empty());
  const Findings many = findings(text + R"(,{"host": "127.0.0.1", "port": 11}]}]})");
  ASSERT_EQ(many.errors.size(), 1U);
  EXPECT_EQ(many.errors[0], "c.json:1: servers[0]: too many host names: at most 100000 at all listeners");
}

TEST_F(ConfigFile, InvalidJsonHasLineAndColumn) {
  struct Row {
    const char *text, *says;
  };
  const Row rows[] = {
      {"", "c.json:1:1: unexpected end of file"},
      {"{\"a\": [1,\n2\n", "c.json:2:2: unexpected end of file"},
      {"{\n  \"a\": 1,\n}", "c.json:3:1: trailing comma before }"},
      {"{\"a\": [1,]}", "c.json:1:10: trailing comma before ]"},
      {"{\"a\": 1\n \"b\": 2}", "c.json:2:2: expected a comma or }"},
      {"{\"a\": [1 2]}", "c.json:1:10: expected a comma or ]"},
      {"{\"a\" 1}", "c.json:1:6: expected a colon"},
      {"{a: 1}", "c.json:1:2: expected a key"},
      {"{'a': 1}", "c.json:1:2: single quotes are not allowed"},
      {"{\"a\": tru}", "c.json:1:7: invalid value"},
      {"{\"a\": \"x\n}", "c.json:1:9: missing closing quote"},
      {"// c\n{}", "c.json:1:1: comments are not allowed"},
      {"{\"a\": \"\\x\"}", "invalid string"},
      {"{\"a\": \"\xff\"}", "invalid string"},
      {"{} x", "c.json:1:4: unexpected text after the end"},
      {"{\"a\": }", "c.json:1:7: expected a value"},
      {"{\"a\": 1e999}", "c.json:1:7: number out of range"},
  };
  for (const Row& row : rows) {
    const Findings found = findings(row.text);
    ASSERT_EQ(found.errors.size(), 1U) << row.text;
    EXPECT_NE(found.errors[0].find(row.says), string::npos) << row.text << "\n" << found.errors[0];
  }
  const string deep(40, '[');
  EXPECT_NE(findings(deep).errors.at(0).find("c.json:1:33: too deeply nested"), string::npos);
}

// The library of JSON quotes what it has read last, in the same line as its own words.
TEST_F(ConfigFile, WordsOfTheFileAreNotTakenForThoseOfTheLibrary) {
  const auto message = [this](const string& key) {
    const Findings found = findings("{\n\"" + key + "\":\x7f}");
    return found.errors.size() == 1 ? found.errors[0].substr(found.errors[0].find(": ")) : "";
  };
  for (const char* const key :
       {"invalid string: ", "invalid string: U+000A", "invalid literal", "'; last read: '", "parsing array",
        "parsing object key", "x'; expected end of input"})
    EXPECT_EQ(message(key), message("a")) << key;
  EXPECT_NE(message("a").find("invalid value"), string::npos) << message("a");
}

TEST_F(ConfigFile, NothingFollowsANulByte) {
  const Findings found = findings(string{"{}\n\0{\"max_requests\": 0}", 23});
  ASSERT_EQ(found.errors.size(), 1U);
  EXPECT_EQ(found.errors[0], "c.json:2:1: unexpected NUL byte: is this a text file?");
}

TEST_F(ConfigFile, EveryValueKnowsItsLine) {
  config::JsonValue root;
  ASSERT_EQ(config::parse_json(
                "\xef\xbb\xbf\n{\"a\":\n1\n,\"b\"\n:\n[true\n,\n2.5\n,\n\"\\u0041\", null\n,\n{\n}]}\n", root)
                .what,
            "");
  EXPECT_EQ(root.line, 2U);
  ASSERT_EQ(root.items.size(), 2U);
  EXPECT_EQ(root.items[0].key, "a");
  EXPECT_EQ(root.items[0].line, 3U);
  const config::JsonValue& list = root.items[1];
  EXPECT_EQ(list.line, 6U);
  ASSERT_EQ(list.items.size(), 5U);
  const std::vector<std::size_t> lines{6, 8, 10, 10, 12};
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(list.items[i].line, lines[i]) << i;
  EXPECT_EQ(list.items[1].text, "2.5");
  EXPECT_EQ(list.items[2].text, "A");
}

// ---- combined with options -------------------------------------------------------------------------------

TEST_F(ConfigFile, OptionsFollowTheFileAndOverrideIt) {
  sim::files["p.json"] = R"({"forward": [{"host": "127.0.0.1", "port": 1}], "max_requests": 5, "buffers": 7,
                             "rules": [{"allow": "client=127.0.0.1"}]})";
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"--max-requests", "6", "--deny=host=a.test", "p.json"},
        {"--config", "p.json", "--max-requests=6", "--deny=host=a.test"},
        {"--deny=host=a.test", "--config=p.json", "--max-requests=6"}}) {
    const CommandLine line = parse(arguments);
    ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
    EXPECT_EQ(line.config.max_requests, 6U);
    EXPECT_EQ(line.config.buffer_mib, 7U);
    ASSERT_EQ(line.config.rules.size(), 2U);
    EXPECT_EQ(line.config.rules.before_lookup({sys::loopback4(1), "a.test", 80, "GET"}).decision,
              plan::Decision::deny)
        << "the first matching rule decides, and it is the option's";
  }
  EXPECT_EQ(parse({"p.json", "8"}).config.listeners.size(), 3U) << "including the two of PORT";
}

TEST_F(ConfigFile, CheckOnly) {
  sim::files["p.json"] = R"({"forward": [{"host": "localhost", "port": 0}], "nonsense": 1})";
  const CommandLine line = parse({"p.json", "--check"});
  EXPECT_EQ(line.what, CommandLine::What::checked);
  EXPECT_EQ(line.message, "p.json: OK, 2 listeners");
  EXPECT_EQ(line.warnings.size(), 1U);
  EXPECT_EQ(parse({"--check", "--echo", "127.0.0.1:7"}).message, "options: OK, 1 listener");
  EXPECT_EQ(parse({"--check", "--echo", "x"}).what, CommandLine::What::wrong);
}

TEST_F(ConfigFile, AByteOrderMarkDoesNotCount) {
  sim::files["p.json"] =
      "\xef\xbb\xbf"
      R"({"forward": [{"host": "127.0.0.1", "port": 0}]})";
  EXPECT_EQ(parse({"p.json"}).what, CommandLine::What::run);
  sim::files["p.json"] = string{"\xff\xfe{\0", 4};
  EXPECT_NE(parse({"p.json"}).message.find("p.json: its text is UTF-16: save it as UTF-8"), string::npos);
  string text;
  sim::files["users"] =
      "\xef\xbb\xbf"
      "ann:x";
  EXPECT_EQ(config::read_text_file("users", 100, text, config::When::start), "");
  EXPECT_EQ(text, "ann:x");
}

TEST_F(ConfigFile, RelativePathsStartFromTheFilesFolder) {
  sim::files["conf/public/"] = sim::files["conf/./"] = "";
  const string text =
      R"("listeners": [{"host": "127.0.0.1", "port": 0}], "routes": [{"req_path": "/", "type": "file_serve",
          "dir_path": "public", "users": "a.users"}, {"req_path": "/b", "type": "metrics", "users": "/b.users"}]},
         {"listeners": [{"host": "127.0.0.1", "port": 0}], "stream": {"type": "file", "file": "a"}}],)";
  sim::files["conf/p.json"] =
      R"({"servers": [{)" + text + R"("users": "all.users", "access_log": "log", "files": "8080=public"})";
  const CommandLine line = parse({"conf/p.json", "--files", "8081=public"});
  ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
  EXPECT_EQ(line.config.sites.at(0).routes.at(0).directory, "conf/public");
  EXPECT_EQ(line.config.sites.at(1).routes.at(0).directory, "conf/public");
  EXPECT_EQ(line.config.sites.at(2).routes.at(0).directory, "public") << "of the command line";
  EXPECT_EQ(line.config.users_files, (std::vector<string>{"conf/all.users", "conf/a.users", "/b.users"}));
  EXPECT_EQ(line.config.access_log, "conf/log");
  EXPECT_EQ(line.config.listeners.at(1).root, "conf/.");
}

TEST_F(ConfigFile, UsersOfARouteOfAServerAndOfAll) {
  const Config config = good(R"({"users": "all", "servers": [
      {"listeners": [{"host": "::1", "port": 0}], "users": "mine", "realm": "my site", "routes": [
         {"req_path": "/", "type": "metrics"}, {"req_path": "/a", "type": "metrics", "users": "other", "realm": "a"},
         {"req_path": "/b", "type": "metrics", "users": "none"}, {"req_path": "/c", "type": "metrics", "users": "mine"}]},
      {"listeners": [{"host": "::1", "port": 0}], "routes": [{"req_path": "/", "type": "metrics"}]}]})");
  EXPECT_EQ(config.users_files, (std::vector<string>{"all", "mine", "other"}));
  const std::vector<plan::WebRoute>& routes = config.sites.at(0).routes;
  EXPECT_EQ(routes.at(0).users, 1U);
  EXPECT_EQ(routes.at(0).realm, "my site");
  EXPECT_EQ(routes.at(1).users, 2U);
  EXPECT_EQ(routes.at(1).realm, "a");
  EXPECT_EQ(routes.at(2).users, plan::kNoUsers);
  EXPECT_EQ(routes.at(3).users, 1U);
  EXPECT_EQ(config.sites.at(1).routes.at(0).users, 0U) << "those of --users";
}

// Each kind of listener or route by a letter: forward proxy, files, redirect (d), reverse proxy, metrics, TCP
// proxy, echo, line reverser, and a stream that sends a file.
constexpr std::string_view kKindLetters = "Ffdrmtels", kWebLetters = "fdrm", kStreamLetters = "tels";

// A value of each key, and the kinds that it has an effect on by the docs. Not here: keys that make a kind
// what it is.
struct KeyRow {
  const char* value;
  std::string_view kinds;
};
const std::map<std::string_view, KeyRow> kKeyRows{
    {"server_name", {R"("a")", "Ffdrm"}},
    {"workers", {"1", kKindLetters}},
    {"rules", {R"([{"allow": "all"}])", "Ffdrm"}},
    {"users", {R"("plain")", "Ffdrm"}},
    {"client_connections", {"9", kKindLetters}},
    {"client_requests", {"9", "Ffdrm"}},
    {"client_bytes", {"9", kKindLetters}},
    {"parent", {R"("http://p.test")", "F"}},
    {"no_parent", {R"("a.test")", ""}},  // without parent
    {"nameserver", {R"("192.0.2.1")", "Frt"}},
    {"name", {R"("a")", "Ffdrm"}},
    {"via", {R"("off")", "Fr"}},
    {"charset", {R"("utf-8")", "f"}},
    {"gzip", {"true", "f"}},
    {"connect_ports", {"443", "F"}},
    {"upgrade", {R"("none")", "Fr"}},
    {"trusted_proxies", {R"("::1")", "r"}},
    {"http_ports", {"80", "F"}},
    {"http", {R"("1.0")", "Ffdrm"}},
    {"keep_upstreams", {"9", "Fr"}},
    {"access_log", {R"("off")", kKindLetters}},
    {"log_format", {R"("json")", kKindLetters}},
    {"max_requests", {"9", kKindLetters}},
    {"max_head", {"9", "Ffdrm"}},
    {"max_fields", {"9", "Ffdrm"}},
    {"max_body", {"9", "Fr"}},
    {"buffers", {"9", kKindLetters}},
    {"drain", {"9", kKindLetters}},
    {"takeover", {R"("t")", kKindLetters}},
    {"user", {R"("a")", kKindLetters}},
    {"group", {R"("a")", kKindLetters}},
    {"reuse_port", {"true", kKindLetters}},
    {"sandbox", {"true", kKindLetters}},
    {"no_sandbox", {"true", kKindLetters}},
    {"request_id", {"true", "Fr"}},
    {"server_timing", {"true", "Ffdrm"}},
    {"record", {R"("logs/a")", kKindLetters}},
    {"no_console", {"true", "F"}},
    {"verbose", {"true", kKindLetters}},
    {"verbose_calls", {"true", kKindLetters}},
    {"trace_entries", {"9999", kKindLetters}},
    {"record_dir", {R"("logs")", kKindLetters}},
    {"lens", {R"("crumbs")", kKindLetters}},
    {"idle_timeout", {"9", "Ffdrm"}},
    {"keep_alive_timeout", {"9", "Ffdrm"}},
    {"head_timeout", {"9", "Ffdrm"}},
    {"body_timeout", {"9", "Fr"}},
    {"resolve_timeout", {"9", "Frt"}},
    {"attempt_delay", {"9", "Frt"}},
    {"connect_timeout", {"9", "Frt"}},
    {"send_timeout", {"9", "Fr"}},
    {"answer_timeout", {"9", "Fr"}},
    {"stream_timeout", {"9", "Fr"}},
    {"half_closed_timeout", {"9", "Fr"}},
    {"reader_timeout", {"9", "Ffdrmels"}},
    {"tunnel_timeout", {"9", "Frtel"}},
    {"linger_timeout", {"9", kKindLetters}},
    {"hostnames", {R"("a.test")", "fdrm"}},
    {"keep_alive", {"false", "fdrm"}},
    {"realm", {R"("a")", ""}},  // without users
    {"request_timeout_ms", {"9", "fdrm"}},
    {"ip_whitelist", {R"(["::1"])", "fdrm"}},
    {"ip_blacklist", {R"(["::1"])", "fdrm"}},
    {"index", {R"("a")", "f"}},
    {"listing", {"false", "f"}},
    {"dotfiles", {"true", "f"}},
    {"gzip_enable", {"true", "f"}},
    {"gzip_level", {"9", ""}},  // without gzip_enable
    {"gzip_mime_types", {R"(["font/*"])", ""}},
    {"http_status_code", {"301", "d"}},
    {"load_balancing", {R"("ip_hash")", "rt"}},
    {"strip_prefix", {"true", "r"}},
    {"add_request_fields", {R"({"A": "b"})", "r"}},
    {"remove_request_fields", {R"(["A"])", "r"}},
    {"add_response_fields", {R"({"A": "b"})", "fdrm"}},
    {"remove_response_fields", {R"(["A"])", "r"}},
    {"health_check", {R"({"path": "/a"})", "r"}},
    {"proxy_protocol_in", {"true", kKindLetters}},
    {"proxy_protocol_from", {R"(["::1"])", ""}},  // without proxy_protocol_in
    {"proxy_protocol_out", {"1", "t"}},
    {"root", {R"("public")", "s"}},
};

// These make a listener or a route, or are not for a file.
constexpr std::array<std::string_view, 24> kMakers{
    "servers", "forward", "listen",   "reverse",  "files",     "redirect",     "metrics",   "relay",
    "console", "echo",    "allow",    "deny",     "host",      "port",         "listeners", "routes",
    "stream",  "type",    "req_path", "dir_path", "upstreams", "redirect_url", "upstream",  "file"};

// A file that has that kind alone, with `member` at that level.
string file_with(config::Level level, char kind, const string& member) {
  const auto at = [level, &member](config::Level wanted) {
    return level == wanted ? ", " + member : string{};
  };
  const std::map<char, string> bodies{
      {'f', R"("type": "file_serve", "dir_path": "public")"},
      {'d', R"("type": "redirect", "redirect_url": "/b")"},
      {'r', R"("type": "reverse_proxy", "upstreams": ["a.test:1", "b.test:1"])"},
      {'m', R"("type": "metrics")"},
      {'t', R"("type": "proxy", "upstreams": ["a.test:1", "b.test:1"])"},
      {'e', R"("type": "echo")"},
      {'l', R"("type": "reverse")"},
      {'s', R"("type": "file", "file": "plain")"},
  };
  const string place = R"({"host": "127.0.0.1", "port": 0)" + at(config::Level::listener) + "}";
  // With PROXY headers, a forward proxy has to restrict its clients.
  const bool restricts = member.find("proxy_protocol_in") != string::npos;
  const string rules = restricts ? R"(, "rules": [{"allow": "127.0.0.1"}])" : "";
  if (kind == 'F') return R"({"forward": [)" + place + "]" + rules + at(config::Level::file) + "}";
  const bool web = kWebLetters.find(kind) != string::npos;
  const string inner =
      web ? R"("routes": [{"req_path": "/a", )" + bodies.at(kind) + at(config::Level::route) + "}]"
          : R"("stream": {)" + bodies.at(kind) + at(config::Level::stream) + "}";
  return R"({"servers": [{"listeners": [)" + place + "], " + inner + at(config::Level::server) + "}]" +
         at(config::Level::file) + "}";
}

TEST_F(ConfigFile, EachKeyHasAnEffectOrAWarning) {
  using config::Level;
  const std::pair<Level, std::string_view> levels[] = {{Level::file, kKindLetters},
                                                       {Level::listener, kKindLetters},
                                                       {Level::server, "fdrmtels"},
                                                       {Level::route, kWebLetters},
                                                       {Level::stream, kStreamLetters}};
  for (const auto& [level, kinds] : levels)
    for (const config::FileKey& key : config::keys_of(level)) {
      if (std::find(kMakers.begin(), kMakers.end(), key.name) != kMakers.end()) continue;
      ASSERT_TRUE(kKeyRows.contains(key.name)) << key.name << ": say here where it has an effect";
      const KeyRow& row = kKeyRows.at(key.name);
      for (const char kind : kinds) {
        sim::files["c.json"] = file_with(level, kind, '"' + string{key.name} + "\": " + row.value);
        const CommandLine line = parse({"c.json"});
        ASSERT_EQ(line.what, CommandLine::What::run) << line.message << sim::files["c.json"];
        const bool warned =
            std::any_of(line.warnings.begin(), line.warnings.end(), [&key](const string& warning) {
              return warning.find(string{key.name} + ": no effect") != string::npos;
            });
        EXPECT_EQ(warned, row.kinds.find(kind) == string::npos)
            << sim::files["c.json"] << (line.warnings.empty() ? "" : line.warnings[0]);
      }
    }
}

TEST_F(ConfigFile, EffectsThatDependOnOtherSettings) {
  struct Row {
    const char* text;
    std::vector<const char*> arguments;
    const char* says;  // empty: nothing
  };
  const Row rows[] = {
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0, "head_timeout": 3}], "head_timeout": 4,
          "stream": {"type": "echo", "proxy_protocol_in": true, "head_timeout": 5}}]})",
       {},
       ""},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "routes": [
          {"req_path": "/", "type": "metrics", "realm": "a"}]}]})",
       {},
       "realm: no effect without --users"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "realm": "a", "routes": [
          {"req_path": "/", "type": "metrics"}]}]})",
       {"--users", "u"},
       ""},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "realm": "a", "users": "none", "routes": [
          {"req_path": "/", "type": "metrics", "users": "u"}]}]})",
       {"--users", "u"},
       ""},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "routes": [
          {"req_path": "/", "type": "metrics", "users": "none"}]}]})",
       {},
       "users: no effect without --users"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "routes": [
          {"req_path": "/", "type": "file_serve", "dir_path": "public", "gzip_level": 3}]}]})",
       {},
       "gzip_level: no effect without \"gzip_enable\": true"},
      {R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "routes": [
          {"req_path": "/", "type": "file_serve", "dir_path": "public", "gzip_level": 3}]}]})",
       {"--gzip"},
       ""},
      {R"({"forward": [{"host": "::1", "port": 0}], "http": "1.0", "keep_upstreams": 3})",
       {},
       "keep_upstreams: no effect without --http 1.1"},
  };
  for (const Row& row : rows) {
    sim::files["c.json"] = row.text;
    std::vector<const char*> arguments{"c.json"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    const CommandLine line = parse(arguments);
    ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
    ASSERT_EQ(line.warnings.size(), *row.says == 0 ? 0U : 1U) << row.text;
    const string all = line.warnings.empty() ? "" : line.warnings[0];
    EXPECT_NE(all.find(row.says), string::npos) << all;
  }
}

TEST_F(ConfigFile, TimeoutsOfARouteAServerAStreamAndAListener) {
  const Config config = good(
      R"({"tunnel_timeout": 0, "forward": [{"host": "::1", "port": 0, "tunnel_timeout": "1h"}], "servers": [
      {"listeners": [{"host": "127.0.0.1", "port": 0}], "stream": {"type": "proxy", "upstream": "a:1", "tunnel_timeout": 0}},
      {"listeners": [{"host": "127.0.0.1", "port": 0, "idle_timeout": 7}], "answer_timeout": 2, "request_timeout_ms": 900,
       "routes": [{"req_path": "/", "type": "reverse_proxy", "upstream": "a:1"}, {"req_path": "/a", "type": "reverse_proxy", "upstream": "a:1", "answer_timeout": "3m"},
                  {"req_path": "/b", "type": "reverse_proxy", "upstream": "a:1", "request_timeout_ms": 1000}]}]})");
  using plan::Wait;
  const auto ms = [](const plan::Timeouts& timeouts, Wait wait) {
    const plan::Timeout* const found = plan::find(timeouts, wait);
    return found == nullptr ? -1 : static_cast<int>(found->ms);
  };
  EXPECT_EQ(config.wait(Wait::tunnel), 0U);
  ASSERT_EQ(config.listeners.size(), 3U);
  EXPECT_EQ(ms(config.listeners[0].timeouts, Wait::tunnel), 0);
  EXPECT_EQ(ms(config.listeners[1].timeouts, Wait::idle), 7000);
  EXPECT_EQ(ms(config.listeners[1].timeouts, Wait::request_head), 1000) << "the longest of its routes";
  EXPECT_EQ(ms(config.listeners[2].timeouts, Wait::tunnel), 3'600'000);
  const std::vector<plan::WebRoute>& routes = config.sites.at(0).routes;
  EXPECT_EQ(ms(routes.at(0).timeouts, Wait::response_head), 2000);
  EXPECT_EQ(ms(routes.at(0).timeouts, Wait::request_body), 900);
  EXPECT_EQ(ms(routes.at(1).timeouts, Wait::response_head), 180'000);
  EXPECT_EQ(ms(routes.at(2).timeouts, Wait::response_head), 1000);
}

// The command line comes first, as with rules.
TEST_F(ConfigFile, ParentsOfBothPlaces) {
  sim::files["p.json"] = R"({"forward": [{"host": "::1", "port": 0}],
      "parent": ["http://a=.a.test,b.test", "none=.intern", "http://z"]})";
  const auto way = [](const Config& config, const char* host) {
    const plan::Parent* const parent = plan::way_to(config, host, 80).parent();
    return parent == nullptr ? "direct" : plan::text_of(parent->hop);
  };
  const CommandLine file = parse({"p.json"});
  ASSERT_EQ(file.what, CommandLine::What::run) << file.message;
  EXPECT_EQ(way(file.config, "x.a.test"), "a:8080");
  EXPECT_EQ(way(file.config, "x.intern"), "direct");
  EXPECT_EQ(way(file.config, "x.test"), "z:8080");
  const CommandLine both = parse({"p.json", "--parent", "http://c=x.a.test", "--parent", "http://d"});
  ASSERT_EQ(both.what, CommandLine::What::run) << both.message;
  EXPECT_EQ(way(both.config, "x.a.test"), "c:8080");
  EXPECT_EQ(way(both.config, "y.a.test"), "a:8080");
  EXPECT_EQ(way(both.config, "x.test"), "d:8080");
}

TEST_F(ConfigFile, OptionsWithoutEffectAreReported) {
  sim::files["web.json"] = R"({"servers": [{"listeners": [{"host": "::1", "port": 0}], "routes": [
      {"req_path": "/", "type": "metrics"}]}],
      "connect_ports": [443],
      "name": "me"})";
  struct Row {
    std::vector<const char*> arguments;
    std::vector<string> warnings;
  };
  const std::vector<Row> rows = {
      {{"web.json"}, {"web.json:3: connect_ports: no effect without a forward proxy"}},
      {{"--echo", "80", "--users", "u", "--tunnel-timeout", "3"},
       {"--users: no effect without a forward proxy or a web server"}},
      {{"--relay", "80=a:1", "--allow", "all", "--deny", "port=1", "--nameserver", "::1"},
       {"--allow: no effect without a forward proxy or a web server",
        "--deny: no effect without a forward proxy or a web server"}},
      {{"--files", "80=public", "--deny", "all", "--users", "u", "--parent", "http://p", "--answer-timeout",
        "3"},
       {"--parent: no effect without a forward proxy",
        "--answer-timeout: no effect without a forward proxy or a reverse proxy"}},
      {{"--reverse", "80=a:1", "--trusted-proxies", "::1", "--upgrade", "none", "--connect-timeout", "1"},
       {}},
      {{"80", "--trusted-proxies", "::1"}, {"--trusted-proxies: no effect without a reverse proxy"}},
      {{"80", "--no-parent", "a.test"}, {"--no-parent: no effect without --parent"}},
      {{"80", "--no-parent", "a.test", "--parent", "http://p"}, {}},
      {{"80", "--no-parent", "a.test", "--parent", "none"},
       {"--no-parent: no effect without --parent",
        "--parent: no effect without the URL of an upstream proxy"}},
      {{"80", "--parent", "none=.a.test"}, {"--parent: no effect without the URL of an upstream proxy"}},
      {{"80", "--parent", "none=.a.test", "--parent", "http://p"}, {}},
      {{"--reverse", "80=a:1", "--deny", "to=127.0.0.0/8"},
       {"--deny to=127.0.0.0/8: no effect without a forward proxy: web servers ignore to="}},
      {{"--reverse", "80=a:1", "--allow", "client=::1", "--allow", "to=10.0.0.0/8"},
       {"--allow to=10.0.0.0/8: no effect without a forward proxy: web servers ignore to="}},
      {{"80", "--reverse", "81=a:1", "--allow", "to=10.0.0.0/8"}, {}},
      {{"--redirect", "80=https://a/{uri}"},
       {"--redirect 80=https://a/{uri}: $host, {uri} and others are sent as they are: only {path} and "
        "{query} are replaced"}},
      {{"80", "--parent", "http://p=.a", "--parent", "http://p=b.a"},
       {"--parent http://p:8080=b.a: no effect: --parent http://p:8080=.a matches the same hosts earlier"}},
      {{"80", "--access-log", "off", "--log-format", "json"},
       {"--log-format: no effect without an access log"}},
      {{"80", "--name", "a", "--name", "b"}, {"--name a: no effect: given again"}},
  };
  for (const Row& row : rows) {
    const CommandLine line = parse(row.arguments);
    EXPECT_EQ(line.what, CommandLine::What::run) << line.message;
    EXPECT_EQ(line.warnings, row.warnings) << row.arguments[0];
  }
}

TEST_F(ConfigFile, ThePathOfARouteIsNormal) {
  for (const auto& [written, normal] :
       {std::pair{"/a%62", "/ab"}, {"/a%20b", "/a b"}, {"//", "/"}, {"/x/../y/", "/y/"}, {"/%3Fa", "/?a"}}) {
    const string text = route(R"("type": "metrics", "req_path": ")" + string{written} + '"');
    EXPECT_EQ(good(text).sites.at(0).routes.at(0).prefix, normal) << written;
  }
}

TEST_F(ConfigFile, InvalidFiles) {
  sim::files["bad.json"] = "{\"max_requests\": 0,\n\"buffers\": 0}";
  sim::files["empty.json"] = "{}";
  sim::files["users.json"] = R"({"forward": [{"host": "::1", "port": 0}], "rules": [{"allow": "user=ann"}]})";
  sim::files["open.json"] = R"({"forward": [{"host": "0.0.0.0", "port": 1}]})";
  sim::files["twice.json"] = R"({"forward": [{"host": "::1", "port": 1}], "listen": "[::1]:1"})";
  sim::files["large.json"] = string(config::kConfigFileMax + 1, ' ');
  struct Row {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Row rows[] = {
      {{"bad.json"}, "bad.json:1: max_requests: invalid number '0'"},
      {{"bad.json"}, "\nbad.json:2: buffers: invalid number '0'"},
      {{"users.json"}, "--allow user=ann: the users are not known: add --users FILE"},
      {{"80", "--allow", "10.0.0.0/8,user=none"}, "--allow 10.0.0.0/8,user=none: the users are not known"},
      {{"empty.json"}, "empty.json: no listeners"},
      {{"--metrics", "80", "--allow", "to=10.0.0.0/8", "--deny", "client=::1"},
       "--allow to=10.0.0.0/8: web servers ignore to=, so this rule would leave them open to everybody"},
      {{"open.json"}, "listener 0.0.0.0:1 is reachable from other machines"},
      {{"twice.json"}, "two listeners at [::1]:1"},
      {{"large.json"}, "cannot read /work/large.json: larger than 1048576 bytes"},
      {{"none.json"}, "cannot read /work/none.json: No such file"},
      {{"none"},
       "neither a file nor a port: 'none': expected 1-65535, 0 for a free port, or a configuration file"},
      {{"--config", "none.json"}, "cannot read /work/none.json: No such file"},
      {{"--config="}, "missing file name"},
      {{"--config"}, "missing value"},
      {{"empty.json", "--config", "open.json"}, "more than one configuration file"},
      {{"80", "--check=yes"}, "unexpected value"},
  };
  for (const Row& row : rows) {
    const CommandLine line = parse(row.arguments);
    EXPECT_EQ(line.what, CommandLine::What::wrong) << row.says;
    EXPECT_NE(line.message.find(row.says), string::npos) << line.message;
  }
}

// ---- listeners defined by options, with or without JSON --------------------------------------------------

TEST(Listeners, ByOptions) {
  sim::files = {{"public/", ""}};
  const CommandLine line = parse({"--reverse", "8001=a.test:1,unix:/run/s", "--files=0.0.0.0:8002=public",
                                  "--relay", "[::1]:8003=b.test:2", "--echo", "*:0"});
  sim::files.clear();
  ASSERT_EQ(line.what, CommandLine::What::run) << line.message;
  const std::vector<Listener>& all = line.config.listeners;
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].address, at("127.0.0.1", 8001));
  EXPECT_EQ(all[1].address, at("::1", 8001));
  EXPECT_TRUE(all[1].optional);
  EXPECT_EQ(all[1].role, Role::web);
  EXPECT_EQ(all[1].sites, all[0].sites);
  const plan::WebRoute& reverse = line.config.sites.at(all[0].sites.at(0)).routes.at(0);
  EXPECT_EQ(reverse.kind, RouteKind::reverse);
  EXPECT_EQ(line.config.groups.at(reverse.group).members,
            (std::vector<plan::Hop>{{"a.test", 1, ""}, {"", 0, "/run/s"}}));
  EXPECT_EQ(all[2].address, at("0.0.0.0", 8002)) << "public, as specified";
  EXPECT_EQ(line.config.sites.at(all[2].sites.at(0)).routes.at(0).directory, "public");
  EXPECT_EQ(all[3].role, Role::relay);
  EXPECT_EQ(line.config.groups.at(all[3].group).members, (std::vector<plan::Hop>{{"b.test", 2, ""}}));
  EXPECT_EQ(all[4].role, Role::echo);
  EXPECT_EQ(all[4].address, at("0.0.0.0", 0));
  EXPECT_EQ(all[5].address, at("::", 0));
}

TEST(Listeners, ErrorsSayWhatToDo) {
  struct Row {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Row rows[] = {
      {{"--reverse", "8080"},
       "--reverse: invalid listener '8080': expected [ADDRESS:]PORT=HOST:PORT, as in 8080=HOST:PORT"},
      {{"--reverse", "x=a:1"}, "expected [ADDRESS:]PORT"},
      {{"--reverse", "a.test:80=a:1"}, "expected [ADDRESS:]PORT"},
      {{"--reverse", "65536=a:1"}, "expected [ADDRESS:]PORT"},
      {{"--reverse", "80=a"}, "missing port after host 'a'"},
      {{"--reverse", "80="}, "invalid host name"},
      {{"--reverse", "80=a:1,"}, "invalid host name"},
      {{"--reverse", "80=unix:run/s"}, "invalid socket path"},
      {{"--relay", "80=a:99999"}, "invalid port '99999': expected 1-65535"},
      {{"--relay", "80=http://a/x"}, "invalid host name"},
      {{"--files", "80=nowhere"}, "--files: no such directory: '/work/nowhere'"},
      {{"--files", "80="}, "no such directory: ''"},
      {{"--echo", "80=a"}, "expected [ADDRESS:]PORT"},
      {{"--echo", ""}, "expected [ADDRESS:]PORT"},
      {{"--ecko", "80"}, "did you mean '--echo'?"},
      {{"--echo", "80", "--relay", "localhost:80=a:1"}, "two listeners at 127.0.0.1:80"},
      {{"80", "--echo", "80"}, "two listeners at 127.0.0.1:80"},
      {{"--echo", "80", "--listen", "0.0.0.0:81"}, "listener 0.0.0.0:81 is reachable"},
  };
  for (const Row& row : rows) {
    const CommandLine line = parse(row.arguments);
    EXPECT_EQ(line.what, CommandLine::What::wrong) << row.says;
    EXPECT_NE(line.message.find(row.says), string::npos) << line.message;
    EXPECT_EQ(line.message.find('\n'), string::npos) << "one line";
  }
}

TEST(Listeners, AGroupHasAMaximum) {
  string text = "80=a:1";
  for (int i = 1; i < 64; ++i) text += ",a:1";
  EXPECT_EQ(parse({"--relay", text.c_str()}).what, CommandLine::What::run);
  text += ",a:1";
  EXPECT_NE(parse({"--relay", text.c_str()}).message.find("at most 64"), string::npos);
}

TEST(CommandLine, TheNumberOfRulesIsLimited) {
  std::vector<const char*> arguments(plan::kRulesMax, "--deny=port=1");
  arguments.push_back("80");
  EXPECT_EQ(parse(arguments).what, CommandLine::What::run);
  arguments.push_back("--deny=port=1");
  EXPECT_NE(parse(arguments).message.find("too many rules: at most 1000"), string::npos);
}

TEST(Listeners, HaveAMaximum) {
  std::vector<const char*> arguments(plan::kListenersMax, "--echo=127.0.0.1:0");
  EXPECT_EQ(parse(arguments).what, CommandLine::What::run);
  arguments.push_back("--echo=127.0.0.1:0");
  EXPECT_NE(parse(arguments).message.find("too many listeners: 201, at most 200"), string::npos);
}

}  // namespace
