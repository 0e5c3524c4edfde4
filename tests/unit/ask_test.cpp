// `proxy doctor`: its command line, its HTTP client, and what it makes of the responses.
#include <gtest/gtest.h>

#include <cerrno>

#include "../../src/ask/configured.hpp"
#include "../../src/ask/doctor.hpp"
#include "../../src/config/command_line.hpp"
#include "../../src/config/json.hpp"
#include "bench.hpp"

namespace {

using ask::Answer;
using ask::Fetched;
using ask::Question;
using std::string;
using What = ask::Fetched::What;

// ---- the command line ------------------------------------------------------------------------------------

string read(std::vector<const char*> arguments, Question& question) {
  return ask::read_question(arguments, question);
}

TEST(Ask, Question) {
  struct Row {
    std::vector<const char*> arguments;
    std::vector<sys::Address> addresses;
    string where, path;
    bool json;
  };
  sys::Address far;
  ASSERT_TRUE(sys::parse_ip("10.0.0.9", 80, far));
  const Row rows[] = {
      {{"9100"}, {sys::loopback4(9100), sys::loopback6(9100)}, "port 9100", "/doctor", false},
      {{"--json", "[::1]:9100"}, {sys::loopback6(9100)}, "[::1]:9100", "/doctor", true},
      {{"10.0.0.9:80/intern/doc?x", "--json"}, {far}, "10.0.0.9:80", "/intern/doc?x", true},
      {{"localhost:1/"}, {sys::loopback4(1), sys::loopback6(1)}, "localhost:1", "/", false},
  };
  for (const Row& row : rows) {
    Question question;
    EXPECT_EQ(read(row.arguments, question), "") << row.where;
    EXPECT_EQ(question.proxy.addresses, row.addresses) << row.where;
    EXPECT_EQ(question.proxy.name, row.where);
    EXPECT_EQ(question.path, row.path);
    EXPECT_EQ(question.json, row.json) << row.where;
    EXPECT_FALSE(question.help);
  }
}

TEST(Ask, Help) {
  for (const char* const word : {"--help", "-h"}) {
    Question question;
    EXPECT_EQ(read({word}, question), "");
    EXPECT_TRUE(question.help);
  }
  EXPECT_EQ(ask::help().status, Answer::kHealthy);
  EXPECT_TRUE(
      ask::help().page.starts_with("Usage: proxy doctor [--json] [--user NAME] [ADDRESS:]PORT[/PATH]\n"));
}

TEST(Ask, WrongQuestions) {
  const struct {
    std::vector<const char*> arguments;
    string error;
  } rows[] = {
      {{}, "doctor needs the port or the configuration file of a running proxy, e.g. proxy doctor 8080"},
      {{"--json"}, "doctor needs the port"},
      {{"0"}, "doctor: invalid address '0': expected [ADDRESS:]PORT[/PATH]"},
      {{"70000"}, "doctor: invalid address '70000'"},
      {{"example.com:80"}, "doctor: invalid address 'example.com:80'"},
      {{"http://127.0.0.1:80"}, "doctor: invalid address 'http://127.0.0.1:80'"},
      {{""}, "doctor: invalid address ''"},
      {{"-"}, "doctor: invalid address '-'"},
      {{"9100/a b"}, "doctor: invalid path '/a b': expected visible ASCII characters"},
      {{"9100/a\r\nX: y"}, "doctor: invalid path '/a\\x0d\\x0aX: y'"},
      {{"9100", "9101"}, "doctor: expected one address, got '9101' too"},
      {{"9100", "--text"}, "doctor: unknown option '--text': expected --json, --user or --help"},
  };
  for (const auto& row : rows) {
    Question question;
    const string error = read(row.arguments, question);
    EXPECT_TRUE(error.starts_with(row.error)) << error;
  }
}

// ---- a configuration file in place of the address --------------------------------------------------------

TEST(Ask, AConfigurationFileNamesTheProxy) {
  if (!config::has_json()) GTEST_SKIP() << "built without nlohmann-json";
  const string web = R"({"servers": [{"listeners": [{"host": "0.0.0.0", "port": 9100}], "routes": [)"
                     R"({"req_path": "/", "type": "metrics"}, {"req_path": "/ill", "type": "doctor"}]}]})";
  const struct {
    string text, doctor, path, top;  // "!": an error
  } rows[] = {
      {R"({"forward": [{"host": "localhost", "port": 8080}]})", "127.0.0.1:8080", "/doctor",
       "127.0.0.1:8080"},
      {R"({"forward": [{"host": "::1", "port": 8080}]})", "[::1]:8080", "/doctor", "[::1]:8080"},
      {web, "127.0.0.1:9100", "/ill", "!"},
      {R"({"forward": [{"host": "localhost", "port": 8080}], "no_console": true})", "!", "", "!"},
      {R"({"forward": [{"host": "localhost", "port": 0}]})", "!", "", "!"},
      {R"({"forward": [)", "!", "", "!"},
      // the page of --metrics, and no board for this machine
      {R"({"forward": [{"host": "10.0.0.11", "port": 8080}], "rules": [{"allow": "10.0.0.0/8"}],
          "metrics": "10.0.0.11:9100"})",
       "10.0.0.11:9100", "/doctor", "!"},
      // a route before a board
      {R"({"forward": [{"host": "localhost", "port": 8080}], "metrics": "127.0.0.1:9100"})", "127.0.0.1:9100",
       "/doctor", "127.0.0.1:8080"},
      {R"({"forward": [{"host": "localhost", "port": 8080}], "rules": [{"deny": "client=127.0.0.1"}]})",
       "[::1]:8080", "/doctor", "[::1]:8080"},
      // The rules deny the site of the route, and the second of two names is not denied.
      {R"({"servers": [{"listeners": [{"host": "0.0.0.0", "port": 8001}], "hostnames": ["example.com"],
           "routes": [{"req_path": "/d", "type": "doctor"}]}], "forward": [{"host": "localhost", "port": 8080}],
           "rules": [{"deny": "host=.example.com"}, {"allow": "127.0.0.0/8"}]})",
       "127.0.0.1:8080", "/doctor", "127.0.0.1:8080"},
      {R"({"servers": [{"listeners": [{"host": "0.0.0.0", "port": 8001}], "hostnames": ["example.com", "o.test"],
           "routes": [{"req_path": "/d", "type": "doctor"}]}],
           "rules": [{"deny": "host=.example.com"}, {"allow": "127.0.0.0/8"}]})",
       "127.0.0.1:8001", "/d", "!"},
  };
  for (const auto& row : rows) {
    sim::files = {{"a.json", row.text}};
    Question question;
    const string error = read({"a.json", "--json"}, question);
    EXPECT_EQ(error.empty() ? question.proxy.name : "!", row.doctor) << row.text << error;
    EXPECT_EQ(error.empty() ? question.path : "", row.path);
    ask::ProxyAddress proxy{.login = "kept"};
    string path;
    const bool found = ask::read_configured("a.json", ask::Wanted::board, proxy, path).empty();
    EXPECT_EQ(found ? proxy.name : "!", row.top) << row.text;
    EXPECT_EQ(proxy.login, "kept");
  }
  sim::files = {{"a.json", web}};
  Question question;
  EXPECT_EQ(read({"9100", "a.json"}, question), "doctor: expected one address, got 'a.json' too");
  ask::ProxyAddress proxy;
  string path;
  EXPECT_EQ(
      ask::read_configured("a.json", ask::Wanted::board, proxy, path),
      "a.json: no listener with a fixed port serves the board to this machine: give [ADDRESS:]PORT instead");
  EXPECT_FALSE(config::is_configuration("b.json"));
  EXPECT_FALSE(config::is_configuration("8080"));
  sim::files.clear();
}

// A site with names is asked by the first of them.
TEST(Ask, TheHostOfASite) {
  if (!config::has_json()) GTEST_SKIP() << "built without nlohmann-json";
  sim::files = {{"a.json", R"({"servers": [{"listeners": [{"host": "127.0.0.1", "port": 9100}],
      "routes": [{"req_path": "/", "type": "metrics"}]}, {"listeners": [{"host": "127.0.0.1", "port": 9100}],
      "hostnames": ["ops.test"], "routes": [{"req_path": "/ill", "type": "doctor"}]}]})"}};
  Question question;
  ASSERT_EQ(read({"a.json"}, question), "");
  EXPECT_TRUE(ask::request_for(question).starts_with("GET /ill HTTP/1.1\r\nHost: ops.test\r\n"))
      << ask::request_for(question);
  sim::files.clear();
}

TEST(Ask, Request) {
  Question question;
  ASSERT_EQ(read({"[::1]:9100/d"}, question), "");
  EXPECT_EQ(ask::request_for(question),
            "GET /d HTTP/1.1\r\nHost: [::1]:9100\r\nAccept: text/plain\r\nConnection: close\r\n\r\n");
  question.json = true;
  EXPECT_NE(ask::request_for(question).find("\r\nAccept: application/json\r\n"), string::npos);
}

// ---- responses -------------------------------------------------------------------------------------------

Answer answer_to(const Fetched& fetched) {
  Question question;
  EXPECT_EQ(read({"9100"}, question), "");
  return ask::read_answer(question, fetched);
}

Answer answer_to(const string& status, const string& fields, const string& body = {}) {
  return answer_to({What::response, 0,
                    "HTTP/1.1 " + status + "\r\n" + fields +
                        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
}

TEST(Ask, ThePageIsPrinted) {
  const Answer healthy = answer_to("200 OK", "Proxy-Findings: error=0, warning=3, note=0\r\n", "a\nb\n");
  EXPECT_EQ(healthy.status, Answer::kHealthy);
  EXPECT_EQ(healthy.page, "a\nb\n");
  EXPECT_EQ(healthy.error, "");
  const Answer ill = answer_to("200 OK", "proxy-findings: error=12, warning=0, note=0\r\n", "c\n");
  EXPECT_EQ(ill.status, Answer::kErrorLasts);
  EXPECT_EQ(ill.page, "c\n");
  EXPECT_EQ(answer_to("200 OK", "Proxy-Findings: error=1\r\n", "c\n").status, Answer::kErrorLasts);
}

TEST(Ask, OtherResponses) {
  const struct {
    string status, fields, body, error;
  } rows[] = {
      {"200 OK", "", "# HELP\n",
       "with 200 to GET /doctor: the page is not that of the doctor; give the port of the proxy"},
      {"200 OK", "Proxy-Findings: error=\r\n", "", "the page is not that of the doctor"},
      {"200 OK", "Proxy-Findings: warning=1\r\n", "", "the page is not that of the doctor"},
      {"200 OK", "Proxy-Findings: error=0\r\n", "\x1b[2J", "the page is not that of the doctor"},
      {"400 Bad Request", "Proxy-Status: proxy; error=proxy_internal_response\r\n", "",
       "with 400 to GET /doctor: it is a forward proxy. Start the proxy with --metrics PORT"},
      {"400 Bad Request", "", "", "with 400 to GET /doctor: give the port of the proxy"},
      {"401 Unauthorized", "", "", "it needs a password (--users)"},
      {"403 Forbidden", "", "", "this address may not read the page"},
      {"404 Not Found", "Proxy-Findings: error=0\r\n", "",
       "it has no such page. Start the proxy with --metrics PORT"},
      {"503 Service Unavailable", "", "", "with 503 to GET /doctor: give the port of the proxy"},
  };
  for (const auto& row : rows) {
    const Answer answer = answer_to(row.status, row.fields, row.body);
    EXPECT_EQ(answer.status, Answer::kNoAnswer) << row.status;
    EXPECT_EQ(answer.page, "");
    EXPECT_TRUE(answer.error.starts_with("port 9100 responded ")) << answer.error;
    EXPECT_NE(answer.error.find(row.error), string::npos) << answer.error;
  }
}

TEST(Ask, NoResponse) {
  const struct {
    Fetched fetched;
    string error;
  } rows[] = {
      {{What::unreachable, ECONNREFUSED}, "nothing listens at port 9100: start the proxy, and give its port"},
      {{What::unreachable, EHOSTUNREACH}, "cannot connect to port 9100: No route to host"},
      {{What::silent},
       "port 9100 has sent no response for 5 s: its event loop is blocked, or it is not a proxy"},
      {{What::cut_off}, "port 9100 closed the connection without a response"},
      {{What::not_http}, "port 9100 sent no HTTP response: it is not a proxy"},
  };
  for (const auto& row : rows) {
    const Answer answer = answer_to(row.fetched);
    EXPECT_EQ(answer.status, Answer::kNoAnswer);
    EXPECT_TRUE(answer.error.starts_with(row.error)) << answer.error;
  }
}

// ---- the exchange ----------------------------------------------------------------------------------------

constexpr const char* kRequest = "GET /doctor HTTP/1.1\r\n\r\n";

// A server that sends `pieces` after a whole request, and then perhaps closes.
struct Server {
  explicit Server(std::vector<string> with, bool close = false) : pieces(std::move(with)), closes(close) {
    sys::Address address;
    EXPECT_TRUE(sys::parse_ip("10.0.0.1", 9100, address));
    addresses = {address};
    host = &world.host(address, sim::World::Host::Manner::accepts);
    world.actors.emplace_back([this] { return act(); });
  }
  bool act() {
    if (host->arrivals.empty()) return false;
    sim::Connection& client = *host->arrivals.front();
    got += world.remote_read(client, 1000);
    if (got != kRequest) return false;
    if (sent < pieces.size()) return world.remote_send(client, pieces[sent++]) > 0;
    if (!closes) return false;
    closes = false;
    world.remote_close(client);
    return true;
  }
  Fetched fetch() { return ask::fetch(addresses, kRequest, 5000); }

  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
  std::vector<sys::Address> addresses;
  sim::World::Host* host = nullptr;
  std::vector<string> pieces;
  std::size_t sent = 0;
  bool closes;
  string got;
};

TEST(Fetch, AResponseInPieces) {
  Server server{{"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 6\r\n\r\nabc", "def"}};
  const Fetched fetched = server.fetch();
  EXPECT_EQ(fetched.what, What::response);
  EXPECT_EQ(fetched.bytes, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef");
  EXPECT_EQ(server.got, kRequest);
  EXPECT_EQ(server.world.descriptors(), 0U);
}

TEST(Fetch, FailedExchanges) {
  const struct {
    std::vector<string> pieces;
    bool closes;
    What what;
  } rows[] = {
      {{}, false, What::silent},
      {{"HTTP/1.1 200 OK\r\n"}, false, What::silent},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"}, false, What::silent},
      {{}, true, What::cut_off},
      {{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"}, true, What::cut_off},
      {{kRequest}, false, What::not_http},
  };
  for (const auto& row : rows) {
    Server server{row.pieces, row.closes};
    const std::uint64_t began = server.world.now();
    EXPECT_EQ(server.fetch().what, row.what);
    EXPECT_LE(server.world.now(), began + 5000);
    EXPECT_EQ(server.world.now() == began + 5000, row.what == What::silent);
    EXPECT_EQ(server.world.descriptors(), 0U);
  }
}

TEST(Fetch, ALongResponse) {
  const string head = "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n";
  Server server{{head, string(ask::kResponseMax - head.size(), 'a'), "b"}};
  EXPECT_EQ(server.fetch().what, What::not_http);
}

TEST(Fetch, TheSecondAddress) {
  Server server{{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
  sys::Address closed;
  ASSERT_TRUE(sys::parse_ip("10.0.0.2", 9100, closed));
  server.world.host(closed, sim::World::Host::Manner::refuses);
  server.addresses.insert(server.addresses.begin(), closed);
  EXPECT_EQ(server.fetch().what, What::response);
  server.addresses.pop_back();
  const Fetched refused = server.fetch();
  EXPECT_EQ(refused.what, What::unreachable);
  EXPECT_EQ(refused.error, ECONNREFUSED);
}

TEST(Fetch, AServerThatDoesNotAnswerTheConnection) {
  Server server{{}};
  sys::Address silent;
  ASSERT_TRUE(sys::parse_ip("10.0.0.2", 9100, silent));
  server.world.host(silent, sim::World::Host::Manner::swallows);
  server.addresses = {silent};
  EXPECT_EQ(server.fetch().what, What::silent);
}

}  // namespace
