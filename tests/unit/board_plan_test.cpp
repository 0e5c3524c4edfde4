// Which requests are for the board, and which clients may see it.
#include <string>

#include "../../src/config/rule_text.hpp"
#include "../../src/plan/board.hpp"
#include "../../src/plan/router.hpp"
#include "address.hpp"

namespace {

using base::Reason;
using plan::Kind;
using std::string;

// A forward proxy at port 8080 and a board of its own at port 8081, on a machine with an address in a LAN.
struct Decision {
  plan::Config config;
  plan::ThisMachine machine;
  plan::Listener listener;
  sys::Address client = at("127.0.0.1", 4000);
  plan::Requester user{};

  Decision() {
    config.listeners.resize(2);
    config.listeners[1].role = plan::Role::web;
    machine.set_addresses({{at("127.0.0.0", 0), 8}, {at("::1", 0), 128}, {at("10.0.0.1", 0), 32}});
    machine.set_listeners({{at("0.0.0.0", 8080), 0, plan::Forwards::requests},
                           {at("127.0.0.1", 8081), 1, plan::Forwards::nothing, plan::Role::web}});
  }
  void rule(plan::Action action, const char* text) {
    plan::Rule rule;
    ASSERT_EQ(config::parse_rule(action, text, rule), "");
    config.rules.add(std::move(rule));
  }
  plan::Plan operator()(const string& text) {
    http::RequestHead head;
    kept = text;
    EXPECT_EQ(http::parse_request(kept, 0, head).what, http::Parsed::What::complete) << text;
    return plan::plan_board(plan::plan_request(config, listener, head, client, machine.addresses(), user),
                            config, listener, head, client, machine, user);
  }
  plan::Plan get(const string& path, const string& host, const string& more = "") {
    return (*this)("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n");
  }

 private:
  string kept;
};

TEST(BoardPlan, AHostOfThisMachineWithAPortOfAListener) {
  Decision decide;
  for (const char* host : {"localhost:8080", "LocalHost:8080", "127.0.0.1:8080", "127.8.9.1:8080",
                           "[::1]:8080", "localhost:8081"})
    EXPECT_EQ(decide.get("/", host).kind, Kind::board) << host;
  for (const char* host : {"localhost", "localhost:80", "localhost:8082", "a.test:8080", "localhost.:8080",
                           "a.localhost:8080", "10.0.0.1:8080", "192.0.2.1:8080", "127.0.0.1.a.test:8080"}) {
    const plan::Plan plan = decide.get("/", host);
    EXPECT_EQ(plan.kind, Kind::refuse) << host;
    EXPECT_EQ(plan.reason, Reason::misdirected_request) << host;
  }
  EXPECT_EQ(decide("GET / HTTP/1.0\r\n\r\n").reason, Reason::not_a_proxy_request) << "no Host";
}

TEST(BoardPlan, AnAbsoluteTargetThatIsTheProxyItself) {
  Decision decide;
  EXPECT_EQ(decide.get("http://localhost:8080/", "localhost:8080").kind, Kind::board);
  EXPECT_EQ(decide.get("http://[::1]:8080/console/cells?since=1", "[::1]:8080").kind, Kind::board);
  EXPECT_EQ(decide("GET http://localhost:8080/ HTTP/1.0\r\n\r\n").kind, Kind::board) << "no Host";
  for (const char* host : {"x", "localhost", "127.0.0.1:8080", "localhost:8081"})
    EXPECT_EQ(decide.get("http://localhost:8080/", host).kind, Kind::forward) << host << ": a loop";
  EXPECT_EQ(decide.get("http://localhost:8082/", "localhost:8082").kind, Kind::forward);
  EXPECT_EQ(decide.get("http://localhost:8081/", "localhost:8081").kind, Kind::forward)
      << "another server of this program";
  EXPECT_EQ(decide.get("http://10.0.0.1:8080/", "10.0.0.1:8080").kind, Kind::forward)
      << "not a loopback address";
  EXPECT_EQ(decide.get("http://a.test:8080/", "localhost:8080").kind, Kind::forward)
      << "the target counts, not Host (RFC 9112 section 3.2.2)";
  EXPECT_EQ(
      decide("POST http://localhost:8080/ HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 0\r\n\r\n")
          .kind,
      Kind::forward);
  EXPECT_EQ(decide("CONNECT localhost:8080 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n").kind, Kind::tunnel);
}

// A record keeps its configuration over a reload; the listeners are those of the newest, in another order.
TEST(BoardPlan, TheListenersOfANewerConfiguration) {
  Decision decide;
  decide.config.listeners.resize(1);
  decide.machine.set_listeners({{at("127.0.0.1", 8081), 0, plan::Forwards::nothing, plan::Role::web},
                                {at("0.0.0.0", 8080), 1, plan::Forwards::requests}});
  EXPECT_EQ(decide.get("http://localhost:8080/", "localhost:8080").kind, Kind::board);
  EXPECT_EQ(decide.get("http://localhost:8081/", "localhost:8081").kind, Kind::forward)
      << "another server of this program";
}

TEST(BoardPlan, PagesOfOtherSites) {
  struct Row {
    const char *path, *fields;
    Kind kind;
  };
  constexpr const char* kNavigation =
      "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  Decision decide;
  for (const Row& row :
       {Row{"/console/cells", "Sec-Fetch-Site: same-origin\r\n", Kind::board},
        {"/console/cells", "Sec-Fetch-Site: none\r\n", Kind::board},
        {"/console/cells", "Sec-Fetch-Site: cross-site\r\n", Kind::refuse},
        {"/console/cells", "Sec-Fetch-Site: same-site\r\n", Kind::refuse},
        {"/console/cells", "sec-fetch-site: nonsense\r\n", Kind::refuse},
        {"/console/cells", kNavigation, Kind::refuse},
        {"/console/record", kNavigation, Kind::refuse},
        {"/", kNavigation, Kind::board},
        {"/?at=5", kNavigation, Kind::board},
        {"/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
         Kind::refuse},
        {"/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
         Kind::refuse},
        {"/console/cells", "Origin: http://localhost:8080\r\n", Kind::board},
        {"/console/cells", "Origin: null\r\n", Kind::refuse},
        {"/console/cells", "Origin: https://localhost:8080\r\n", Kind::refuse},
        {"/console/cells", "Origin: http://localhost:8081\r\n", Kind::refuse},
        {"/console/cells", "Origin: http://127.0.0.1:8080\r\n", Kind::refuse},
        {"/console/cells", "Origin: http://a.test\r\n", Kind::refuse},
        {"/console/cells", "Origin: http://localhost:8080\r\nOrigin: http://a.test\r\n", Kind::refuse}}) {
    const plan::Plan plan = decide.get(row.path, "localhost:8080", row.fields);
    EXPECT_EQ(plan.kind, row.kind) << row.path << ' ' << row.fields;
    const Reason why = row.kind == Kind::refuse ? Reason::cross_site_request : Reason::none;
    EXPECT_EQ(plan.reason, why) << row.fields;
  }
}

TEST(BoardPlan, ClientsOnThisMachine) {
  Decision decide;
  decide.rule(plan::Action::allow, "host=example.com");
  EXPECT_EQ(decide.get("/", "localhost:8080").kind, Kind::board) << "the rule is about other servers";
  Decision denied;
  denied.rule(plan::Action::deny, "host=localhost");
  EXPECT_NE(denied.get("/", "localhost:8080").kind, Kind::board);
  Decision others;
  others.rule(plan::Action::allow, "client=10.0.0.0/8");
  EXPECT_NE(others.get("/", "localhost:8080").kind, Kind::board) << "only these clients are allowed";
}

TEST(BoardPlan, ClientsOnOtherMachines) {
  Decision decide;
  decide.client = at("10.0.0.7", 4000);
  EXPECT_EQ(decide.get("/", "10.0.0.1:8080").reason, Reason::not_a_proxy_request);
  decide.rule(plan::Action::allow, "client=10.0.0.0/8");
  EXPECT_EQ(decide.get("/", "10.0.0.1:8080").reason, Reason::not_a_proxy_request)
      << "the rule lets clients use the proxy, and does not name it";
  Decision unnamed;
  unnamed.client = at("10.0.0.7", 4000);
  unnamed.rule(plan::Action::allow, "host=10.0.0.1");
  EXPECT_NE(unnamed.get("/", "10.0.0.1:8080").kind, Kind::board) << "the rule does not name the client";
  Decision opened;
  opened.client = at("10.0.0.7", 4000);
  opened.rule(plan::Action::allow, "client=10.0.0.7,host=10.0.0.1");
  EXPECT_EQ(opened.get("/", "10.0.0.1:8080").kind, Kind::board);
  EXPECT_NE(opened.get("/", "localhost:8080").kind, Kind::board);
  EXPECT_NE(opened.get("/", "a.test:8080").kind, Kind::board);
  opened.client = at("10.0.0.8", 4000);
  EXPECT_NE(opened.get("/", "10.0.0.1:8080").kind, Kind::board);
}

// At the listener of its own.
struct OwnListener : Decision {
  OwnListener() {
    plan::WebRoute route;
    route.kind = plan::RouteKind::board;
    config.board = plan::Board::own;
    config.sites.emplace_back().routes = {route};
    listener.role = plan::Role::web;
    listener.sites = {0};
  }
};

// As at the listener of the forward proxy.
TEST(BoardPlan, RulesAtAListenerOfItsOwn) {
  OwnListener decide;
  decide.rule(plan::Action::allow, "host=example.com");
  EXPECT_EQ(decide.get("/", "localhost:8081").kind, Kind::board) << "the rule is about other servers";
  EXPECT_EQ(decide.get("/", "a.test:8081").reason, Reason::misdirected_request);
  EXPECT_NE(decide("OPTIONS * HTTP/1.1\r\nHost: localhost:8081\r\n\r\n").kind, Kind::board);
  for (const char* client : {"10.0.0.7", "::ffff:10.0.0.7"}) {
    decide.client = at(client, 4000);
    EXPECT_EQ(decide.get("/", "localhost:8081").reason, Reason::client_not_allowed) << client;
  }
  for (const char* deny : {"host=localhost", "client=127.0.0.0/8", "port=8081", "method=GET"}) {
    OwnListener denied;
    denied.rule(plan::Action::deny, deny);
    EXPECT_EQ(denied.get("/", "localhost:8081").reason, Reason::client_not_allowed) << deny;
  }
  OwnListener others;
  others.rule(plan::Action::allow, "client=10.0.0.0/8");
  EXPECT_EQ(others.get("/", "localhost:8081").reason, Reason::client_not_allowed)
      << "only these clients are allowed";
  OwnListener files;
  files.config.sites[0].routes[0].kind = plan::RouteKind::files;
  files.rule(plan::Action::allow, "host=example.com");
  EXPECT_EQ(files.get("/", "localhost:8081").reason, Reason::request_not_allowed) << "not the board";
}

// Of --users. Before the password is checked, the user counts as the one that the rules treat best.
TEST(BoardPlan, RulesByUser) {
  using What = plan::Requester::What;
  Decision forward;
  OwnListener own;
  for (Decision* decide : {&forward, static_cast<Decision*>(&own)}) {
    const string host = decide == &own ? "localhost:8081" : "localhost:8080";
    decide->rule(plan::Action::allow, "user=ann");
    EXPECT_EQ(decide->get("/", host).kind, Kind::board);
    decide->user = {What::known, "ann"};
    EXPECT_EQ(decide->get("/", host).kind, Kind::board);
    decide->user = {What::known, "bob"};
    EXPECT_NE(decide->get("/", host).kind, Kind::board) << host;
  }
}

TEST(BoardPlan, WhereItIsServed) {
  Decision forward;
  forward.config.board = plan::Board::own;
  EXPECT_EQ(forward.get("/", "localhost:8080").reason, Reason::not_a_proxy_request);
  OwnListener decide;
  EXPECT_EQ(decide.get("/console/hello.json", "localhost:8081").kind, Kind::board);
  EXPECT_EQ(decide.get("/", "a.test:8081").reason, Reason::misdirected_request);
  EXPECT_EQ(decide("GET / HTTP/1.0\r\n\r\n").reason, Reason::misdirected_request) << "no Host";
  decide.client = at("10.0.0.7", 4000);
  EXPECT_EQ(decide.get("/", "10.0.0.1:8081").reason, Reason::client_not_allowed) << "closed by default";
}

}  // namespace
