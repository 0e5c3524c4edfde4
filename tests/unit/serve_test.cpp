// A web server's responses, from its routes to the bytes at its clients, and its upstream servers.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "../../src/config/options.hpp"
#include "../../src/files/gzip.hpp"
#include "role_bench.hpp"

namespace {

using base::Reason;
using bench::files_at;
using bench::reverse_at;
using bench::RoleBench;
using plan::Role;
using plan::Wait;
using std::string;
using std::string_view;
using Manner = sim::World::Host::Manner;

string get(const string& path, const string& more = "", const string& version = "1.1") {
  return "GET " + path + " HTTP/" + version + "\r\nHost: h\r\n" + more + "\r\n";
}

// Removes the first of several pipelined responses; its body by its length.
struct Answer {
  string head, body;
  [[nodiscard]] string status() const { return head.substr(0, 12); }
  [[nodiscard]] bool has(string_view line) const {
    return head.find("\r\n" + string{line} + "\r\n") != string::npos;
  }
};
Answer next_answer(string& text, bool to_head = false) {
  Answer answer;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == string::npos) return {std::exchange(text, {}), ""};
  answer.head = text.substr(0, end + 4);
  text.erase(0, end + 4);
  const std::size_t at = answer.head.find("Content-Length: ");
  const std::size_t length = to_head || at == string::npos ? 0 : std::stoul(answer.head.substr(at + 16));
  answer.body = text.substr(0, length);
  text.erase(0, length);
  return answer;
}

struct Web : RoleBench {
  explicit Web(std::vector<plan::WebRoute> routes = {files_at("/")}, std::size_t blocks = 16,
               std::size_t send_room = 1 << 20)
      : RoleBench(Role::web, blocks, send_room) {
    site(std::move(routes));
  }
  Answer ask(const string& request) {
    const auto asking = client();
    send(asking, request);
    string text = read(asking);
    return next_answer(text);
  }
};

// ---- files -----------------------------------------------------------------------------------------------

TEST(Serve, ASmallFileIsSentWithItsHead) {
  Web b;
  b.world.put_file("/www/a", "content");
  const auto client = b.client();
  const auto sends = b.world.calls_made[static_cast<std::size_t>(sim::Call::transmit)];
  b.send(client, get("/a"));
  string text = b.read(client);
  EXPECT_EQ(b.world.calls_made[static_cast<std::size_t>(sim::Call::transmit)], sends + 1);
  const Answer answer = next_answer(text);
  EXPECT_EQ(answer.status(), "HTTP/1.1 200");
  EXPECT_TRUE(answer.has("Content-Length: 7")) << answer.head;
  EXPECT_EQ(answer.head.find("Via"), string::npos);
  EXPECT_EQ(answer.head.find("Connection: close"), string::npos);
  EXPECT_EQ(answer.body, "content");
  EXPECT_EQ(b.last().body_bytes(), 7U);
  EXPECT_EQ(b.blocks_pool.used(), 0U);
}

TEST(Serve, ALargeFileByteForByte) {
  string content;
  for (int i = 0; i < 500'000; ++i) content += static_cast<char>(i * 31 + i / 251);
  for (const std::size_t room : {std::size_t{1000}, std::size_t{70'000}, std::size_t{1} << 20}) {
    Web b{{files_at("/")}, 2, room};
    b.world.put_file("/www/a", content);
    const auto client = b.client();
    b.send(client, get("/a"));
    string text = b.read(client);
    EXPECT_TRUE(next_answer(text).body == content) << room;
    EXPECT_EQ(b.last().body_bytes(), content.size());
    EXPECT_EQ(b.blocks_pool.used(), 0U);
  }
}

TEST(Serve, AShrinkingFileIsDetectablyTruncated) {
  for (const char* version : {"1.0", "1.1"}) {
    Web b{{files_at("/")}, 16, 1000};
    b.world.put_file("/www/a", string(100'000, 'x'));
    const auto client = b.client();
    b.send(client, get("/a", "", version));
    b.world.tree["/www/a"]->text.resize(5000);
    string text = b.read(client);
    const Answer answer = next_answer(text);
    EXPECT_TRUE(answer.has("Content-Length: 100000"));
    EXPECT_LE(answer.body.size(), 5000U);
    EXPECT_TRUE(client->down.fin_arrived || client->remote_reset);
    EXPECT_TRUE(b.settled());
  }
}

TEST(Serve, HeadHasNoBody) {
  Web b;
  b.world.put_file("/www/a", "content");
  b.world.put_file("/www/large", string(50'000, 'x'));
  const auto client = b.client();
  for (const auto& [path, length] : {std::pair<string, string>{"/a", "7"}, {"/large", "50000"}}) {
    b.send(client, "HEAD " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    string text = b.read(client);
    const Answer answer = next_answer(text, true);
    EXPECT_EQ(answer.status(), "HTTP/1.1 200");
    EXPECT_TRUE(answer.has("Content-Length: " + length)) << answer.head;
    EXPECT_EQ(text, "");
  }
}

TEST(Serve, PipelinedRequestsInOrder) {
  for (const bool pipelined : {false, true})
    for (const std::size_t room : {std::size_t{600}, std::size_t{1} << 20}) {
      Web b{{files_at("/")}, 16, room};
      b.world.put_file("/www/a", "small");
      b.world.put_file("/www/b", string(60'000, 'b'));
      b.world.put_file("/www/c", "");
      const auto client = b.client();
      string all, text;
      for (const char* path : {"/a", "/b", "/nothing", "/c", "/b", "/a"}) {
        if (pipelined) {
          all += get(path);
        } else {
          b.send(client, get(path));
          text += b.read(client);
        }
      }
      b.send(client, all);
      text += b.read(client);
      EXPECT_EQ(next_answer(text).body, "small");
      EXPECT_EQ(next_answer(text).body, string(60'000, 'b'));
      EXPECT_EQ(next_answer(text).status(), "HTTP/1.1 404");
      const Answer empty = next_answer(text);
      EXPECT_TRUE(empty.has("Content-Length: 0")) << empty.head;
      EXPECT_EQ(next_answer(text).body, string(60'000, 'b'));
      EXPECT_EQ(next_answer(text).body, "small");
      EXPECT_EQ(text, "");
      EXPECT_EQ(b.table.used(), 1U);
      EXPECT_EQ(b.blocks_pool.used(), 0U);
      b.world.remote_close(*client);
      b.settle();
      EXPECT_TRUE(b.settled());
    }
}

TEST(Serve, SplitAnywhereBetweenTwoRequests) {
  const string two = get("/a") + get("/b");
  for (std::size_t at = 0; at <= two.size(); ++at) {
    Web b;
    b.world.put_file("/www/a", "first");
    b.world.put_file("/www/b", "second");
    const auto client = b.client();
    b.send(client, string_view{two}.substr(0, at));
    b.send(client, string_view{two}.substr(at));
    string text = b.read(client);
    EXPECT_EQ(next_answer(text).body, "first") << at;
    EXPECT_EQ(next_answer(text).body, "second") << at;
  }
}

TEST(Serve, ARequestWithABodyIsTheLast) {
  for (const string& body : {string{"Content-Length: 3\r\n\r\nabc"}, string{"Content-Length: 30\r\n\r\nabc"},
                             string{"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}}) {
    Web b;
    b.world.put_file("/www/a", "content");
    const auto client = b.client();
    b.send(client, "GET /a HTTP/1.1\r\nHost: h\r\n" + body + get("/a"));
    string text = b.read(client);
    const Answer answer = next_answer(text);
    EXPECT_EQ(answer.body, "content");
    EXPECT_TRUE(answer.has("Connection: close")) << answer.head;
    EXPECT_EQ(text, "") << "bytes after it may belong to the body";
    EXPECT_TRUE(client->down.fin_arrived);
    EXPECT_FALSE(client->remote_reset) << "the response could be lost";
    b.world.remote_close(*client);
    b.settle();
    EXPECT_TRUE(b.settled());
  }
}

TEST(Serve, ErrorsKeepTheConnection) {
  struct Row {
    string method, path;
    int status;
  };
  for (const Row& row : {Row{"GET", "/nothing", 404},
                         {"GET", "/secret", 403},
                         {"DELETE", "/a", 405},
                         {"GET", "/%2e%2e/%2e%2e/etc", 400},
                         {"GET", "/a%zz", 400},
                         {"GET", "/a%", 400},
                         {"GET", "/folder%2Fa", 404},
                         {"GET", "/closed/a", 403}}) {
    for (const char* version : {"1.1", "1.0"}) {
      plan::WebRoute closed = files_at("/closed");
      closed.deny = {plan::Network{sys::loopback4(0), 8}};
      Web b{{files_at("/"), closed}};
      b.world.put_file("/www/a", "content");
      b.world.put_file("/www/folder/a", "content");
      b.world.put_file("/www/secret", "x").status.world_readable = false;
      const auto client = b.client();
      b.send(client, row.method + " " + row.path + " HTTP/" + version + "\r\nHost: h\r\n\r\n");
      string text = b.read(client);
      const Answer answer = next_answer(text);
      const bool stays = version == string{"1.1"};
      EXPECT_EQ(answer.status(), (stays ? "HTTP/1.1 " : "HTTP/1.0 ") + std::to_string(row.status))
          << row.path;
      EXPECT_EQ(answer.has("Allow: GET, HEAD, OPTIONS"), row.status == 405);
      EXPECT_EQ(client->down.fin_arrived, !stays);
      if (!stays) continue;
      b.send(client, get("/a"));
      text = b.read(client);
      EXPECT_EQ(next_answer(text).body, "content");
    }
  }
}

TEST(Serve, RedirectsAndKeepsTheConnection) {
  plan::WebRoute route;
  route.prefix = "/old";
  route.kind = plan::RouteKind::redirect;
  route.status = 308;
  route.location = "https://new.test/";
  Web b{{files_at("/"), route}};
  const auto client = b.client();
  for (int i = 0; i < 2; ++i) {
    b.send(client, get("/old/x?y"));
    string text = b.read(client);
    const Answer answer = next_answer(text);
    EXPECT_EQ(answer.status(), "HTTP/1.1 308");
    EXPECT_TRUE(answer.has("Location: https://new.test/"));
    EXPECT_TRUE(answer.has("Content-Length: 0"));
    EXPECT_EQ(text, "");
  }
}

struct FixedPages final : Pages {
  [[nodiscard]] std::shared_ptr<const string> metrics(MetricsFormat format) override {
    const std::array<string, kMetricsFormats> pages{string(40'000, 'm'), "{}", "# EOF\n"};
    return std::make_shared<const string>(pages[static_cast<std::size_t>(format)]);
  }
  [[nodiscard]] FindingsPage findings_page(bool json) override {
    return {std::make_shared<const string>(json ? "{}" : "none\n"), "Proxy-Findings: error=0\r\n"};
  }
  [[nodiscard]] Page board_page(const http::RequestHead& head, const request_info&) override {
    return {.text = std::make_shared<const string>(head.path), .fields = "Cache-Control: no-store\r\n"};
  }
};

string ask_board(string_view path) {
  return "GET " + string{path} + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
}

// The bytes that a viewer gets count as those of a file, and nothing else is left of it.
TEST(Serve, AViewerOfTheBoardLeavesNoMark) {
  RoleBench b{Role::forward};
  FixedPages pages;
  b.worker->pages = &pages;
  b.worker->machine.set_listeners({{sys::loopback4(8080), 0, plan::Forwards::requests}});
  const auto viewer = b.client("127.0.0.1");
  b.send(viewer, ask_board("/a"));
  EXPECT_EQ(b.worker->viewers, 1U);
  const std::uint64_t written = b.trace.written();
  EXPECT_EQ(b.trace.at(written - 1).event, base::TraceEvent::released);
  EXPECT_EQ(static_cast<Reason>(b.trace.at(written - 1).detail), Reason::board);
  for (int n = 0; n < 20; ++n) b.send(viewer, ask_board("/b"));
  string text = b.read(viewer);
  EXPECT_EQ(next_answer(text).body, "/a");
  for (int n = 0; n < 20; ++n) EXPECT_EQ(next_answer(text).body, "/b");
  EXPECT_EQ(requests_in_flight(*b.worker), 0U);
  b.world.remote_close(*viewer);
  b.settle();
  EXPECT_EQ(b.worker->viewers, 0U);
  EXPECT_EQ(b.worker->board_requests, 21U);
  EXPECT_TRUE(b.worker->finished.empty());
  EXPECT_EQ(b.trace.written(), written);
  EXPECT_TRUE(b.clean());
}

plan::WebRoute board_route() {
  plan::WebRoute route;
  route.kind = plan::RouteKind::board;
  return route;
}

// A listener of its own.
struct BoardListener : Web {
  FixedPages pages;
  BoardListener() : Web{{board_route()}} {
    worker->pages = &pages;
    worker->machine.set_listeners({{sys::loopback4(8080), 0, plan::Forwards::nothing}});
  }
};

// There a connection is a viewer's before it sends anything.
TEST(Serve, AListenerOfTheBoard) {
  BoardListener b;
  const auto viewer = b.client("127.0.0.1");
  EXPECT_EQ(b.worker->viewers, 1U);
  b.send(viewer, ask_board("/a"));
  string text = b.read(viewer);
  EXPECT_EQ(next_answer(text).body, "/a");
  EXPECT_EQ(b.trace.written(), 0U);
}

// A request that is refused there is traced and logged as any other one.
TEST(Serve, ARefusalOnAListenerOfTheBoard) {
  BoardListener b;
  const auto client = b.client("127.0.0.1");
  b.send(client, "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n");
  string text = b.read(client);
  EXPECT_EQ(next_answer(text).status(), "HTTP/1.1 421");
  EXPECT_EQ(b.worker->viewers, 0U);
  EXPECT_EQ(b.worker->board_requests, 0U);
  ASSERT_GT(b.trace.written(), 2U);
  EXPECT_EQ(b.trace.at(0).event, base::TraceEvent::accepted);
  EXPECT_EQ(b.trace.at(1).event, base::TraceEvent::entered);
  EXPECT_EQ(b.trace.at(1).state, static_cast<std::uint8_t>(State::READ_REQUEST));
}

TEST(Serve, Metrics) {
  plan::WebRoute route;
  route.prefix = "/metrics";
  route.kind = plan::RouteKind::metrics;
  Web b{{route}};
  FixedPages pages;
  b.worker->pages = &pages;
  const auto client = b.client();
  b.send(client, get("/metrics") + get("/metrics", "Accept: application/json\r\n") +
                     "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
  string text = b.read(client);
  const Answer plain = next_answer(text), json = next_answer(text), head = next_answer(text, true);
  EXPECT_EQ(plain.body, string(40'000, 'm'));
  EXPECT_TRUE(plain.has("Content-Type: " + string{Pages::kTextType}));
  EXPECT_EQ(json.body, "{}");
  EXPECT_TRUE(json.has("Content-Type: application/json"));
  EXPECT_TRUE(head.has("Content-Length: 40000"));
  EXPECT_EQ(text, "");
}

TEST(Serve, MetricsInTheFormatThatAcceptPrefers) {
  struct Row {
    string accept;
    string_view type;
  };
  const std::array<Row, 13> rows{{
      {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
       "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       Pages::kOpenMetricsType},
      {"application/openmetrics-text", Pages::kOpenMetricsType},
      {"text/plain, Application/OpenMetrics-Text", Pages::kOpenMetricsType},
      {"application/json;q=0.5, application/openmetrics-text", Pages::kOpenMetricsType},
      {"application/json, application/openmetrics-text", Pages::kOpenMetricsType},
      {"application/openmetrics-text;q=0.5, application/json", Pages::kJsonType},
      {"application/openmetrics-text;q=0, application/*", Pages::kJsonType},
      {"application/*", Pages::kJsonType},
      {"text/plain;q=0, */*", Pages::kJsonType},
      {"application/openmetrics-text;q=0.4, text/plain;q=0.5", Pages::kTextType},
      {"application/openmetrics-text;q=0, */*", Pages::kTextType},
      {"text/plain;version=0.0.4;q=0.5, */*;q=0.1", Pages::kTextType},
      {"*/*", Pages::kTextType},
  }};
  plan::WebRoute route;
  route.prefix = "/metrics";
  route.kind = plan::RouteKind::metrics;
  for (const Row& row : rows) {
    Web b{{route}};
    FixedPages pages;
    b.worker->pages = &pages;
    const auto client = b.client();
    b.send(client, get("/metrics", "Accept: " + row.accept + "\r\n"));
    string text = b.read(client);
    const Answer answer = next_answer(text);
    EXPECT_TRUE(answer.has("Content-Type: " + string{row.type})) << row.accept << '\n' << answer.head;
    EXPECT_EQ(answer.body == "# EOF\n", row.type == Pages::kOpenMetricsType) << row.accept;
    EXPECT_EQ(answer.body == "{}", row.type == Pages::kJsonType) << row.accept;
  }
}

TEST(Serve, MetricsAreReadOnly) {
  plan::WebRoute route;
  route.prefix = "/metrics";
  route.kind = plan::RouteKind::metrics;
  for (const string method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    Web b{{route}};
    FixedPages pages;
    b.worker->pages = &pages;
    const auto client = b.client();
    b.send(client, method + " /metrics HTTP/1.1\r\nHost: h\r\n\r\n" +
                       get("/metrics", "Accept: application/json\r\n"));
    string text = b.read(client);
    const Answer refused = next_answer(text);
    EXPECT_EQ(refused.status(), method == "get" ? "HTTP/1.1 400" : "HTTP/1.1 405") << method;
    EXPECT_EQ(refused.has("Allow: GET, HEAD"), method != "get") << refused.head;
    EXPECT_EQ(next_answer(text).body, "{}") << "the connection stays";
  }
}

TEST(Serve, Findings) {
  plan::WebRoute page, json_page;
  page.kind = json_page.kind = plan::RouteKind::doctor;
  page.prefix = "/doctor";
  json_page.prefix = "/doctor.json";
  Web b{{page, json_page}};
  FixedPages pages;
  b.worker->pages = &pages;
  const auto client = b.client();
  b.send(client, get("/doctor") + get("/doctor", "Accept: application/json\r\n") + get("/doctor.json") +
                     "HEAD /doctor HTTP/1.1\r\nHost: h\r\n\r\nPOST /doctor HTTP/1.1\r\nHost: h\r\n\r\n");
  string text = b.read(client);
  const Answer plain = next_answer(text), json = next_answer(text), by_path = next_answer(text),
               head = next_answer(text, true), refused = next_answer(text);
  EXPECT_EQ(plain.body, "none\n");
  EXPECT_TRUE(plain.has("Content-Type: text/plain; charset=utf-8"));
  for (const Answer& answer : {json, by_path}) {
    EXPECT_EQ(answer.body, "{}");
    EXPECT_TRUE(answer.has("Content-Type: application/json"));
  }
  for (const Answer& answer : {plain, json, by_path, head}) {
    EXPECT_TRUE(answer.has("Proxy-Findings: error=0")) << answer.head;
    EXPECT_TRUE(answer.has("Cache-Control: no-store")) << answer.head;
  }
  EXPECT_EQ(refused.status(), "HTTP/1.1 405");
  EXPECT_TRUE(refused.has("Allow: GET, HEAD"));
}

TEST(Serve, HealthAndReadiness) {
  plan::WebRoute health, ready;
  health.prefix = "/healthz";
  health.kind = plan::RouteKind::health;
  ready.prefix = "/readyz";
  ready.kind = plan::RouteKind::ready;
  Web b{{health, ready}};
  const auto client = b.client();
  const auto ask = [&](const string& path) {
    b.send(client, get(path));
    string text = b.read(client);
    return next_answer(text);
  };
  for (const char* path : {"/healthz", "/readyz", "/healthz"}) {
    const Answer answer = ask(path);
    EXPECT_EQ(answer.status(), "HTTP/1.1 200") << path;
    EXPECT_EQ(answer.body, "ok\n");
    EXPECT_TRUE(answer.has("Cache-Control: no-store")) << answer.head;
  }
  b.worker->draining = true;
  const Answer draining = ask("/readyz");
  EXPECT_EQ(draining.status(), "HTTP/1.1 503");
  EXPECT_EQ(draining.body, "draining\n");
}

TEST(Serve, AProxyThatDrainsIsHealthy) {
  plan::WebRoute health;
  health.kind = plan::RouteKind::health;
  Web b{{health}};
  const auto client = b.client();
  b.send(client, get("/"));
  b.read(client);
  b.worker->draining = true;
  b.send(client, get("/"));
  string text = b.read(client);
  EXPECT_EQ(next_answer(text).status(), "HTTP/1.1 200");
}

// ---- the budget of a turn --------------------------------------------------------------------------------

// What the turn may exceed its budget by: a record's share of it, and the piece that it began last.
constexpr std::uint64_t kShareMax = 64 * 1024 / 32 + 1100;

// Clients that together ask for much more work than a turn has room for.
struct Busy : Web {
  Busy() {
    for (int i = 0; i < 2000; ++i) world.put_file("/www/big/f" + std::to_string(i), string(500, 'x'));
  }
  void ask_at_once(const string& request) {
    std::vector<sim::ConnectionPtr> clients;
    for (std::uint32_t i = 0; i < kSlots; ++i) clients.push_back(client("10.0.0." + std::to_string(i + 1)));
    for (const auto& one : clients) world.remote_send(*one, request);
    world.settle();
    settle();
    for (const auto& one : clients) EXPECT_GT(read(one).size(), 40'000U);
  }
};

TEST(TurnBudget, ListingsAreWrittenInPieces) {
  Busy b;
  b.ask_at_once(get("/big/", "Connection: close\r\n"));
  EXPECT_GT(b.turns, 2U);
  EXPECT_LE(b.most_spent, base::TurnBudget::kUnits + kShareMax);
  EXPECT_EQ(b.world.names_listed, 2000U) << "read once for all";
}

TEST(TurnBudget, PipelinedRequestsForFilesWait) {
  Busy b;
  string requests;
  for (int i = 0; i < 300; ++i) requests += get("/big/f" + std::to_string(i));
  b.ask_at_once(requests);
  EXPECT_GT(b.turns, 2U);
  EXPECT_LE(b.most_spent, base::TurnBudget::kUnits + kShareMax);
}

// However many connections another client has that wait for work.
TEST(TurnBudget, AClientsFirstRequestIsNotBehindThoseOfAnother) {
  Busy b;
  for (int i = 0; i < 7; ++i) {
    const auto greedy = b.client(bench::kGreedy);
    b.world.remote_send(
        *greedy, get("/big/?sort=" + string{i % 2 == 0 ? "size" : "time"} + (i < 4 ? "&order=desc" : "")));
  }
  const auto modest = b.client(bench::kModest);
  b.world.remote_send(*modest, get("/big/f1"));
  b.world.settle();
  b.deliver_events();
  int turns = 0;
  for (; b.world.remote_read(*modest, 1).empty() && turns < 100; ++turns) {
    b.run_turn();
    b.world.settle();
  }
  EXPECT_LE(turns, 3);
  EXPECT_FALSE(b.scheduler.idle()) << "the others are not ready yet";
}

// The request's block has the next request too, so the response needs another one.
TEST(Serve, WithoutASecondBlockTheClientRepeatsItsNextRequest) {
  Web b{{files_at("/")}, 2};
  b.world.put_file("/www/a", "content");
  auto held = b.blocks_pool.take();
  const auto client = b.client();
  b.send(client, get("/a") + get("/a"));
  string text = b.read(client);
  const Answer answer = next_answer(text);
  EXPECT_EQ(answer.body, "content");
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_EQ(text, "");
  EXPECT_TRUE(client->down.fin_arrived && !client->remote_reset) << "it can read the response";
}

TEST(Serve, OneBlockIsEnough) {
  Web b{{files_at("/")}, 1};
  b.world.put_file("/www/a", "content");
  b.world.put_file("/www/large", string(5000, 'x'));
  for (const string path : {"/a", "/large", "/nothing", "/"}) {
    const Answer answer = b.ask(get(path));
    EXPECT_TRUE(answer.status().starts_with("HTTP/1.1 ")) << path;
    EXPECT_EQ(b.blocks_pool.used(), 0U);
  }
}

// The bytes that are sent together with the head, and the head itself.
TEST(Serve, EachByteOfASmallFileCounts) {
  Web b;
  b.world.put_file("/www/a", string(3000, 'x'));
  b.config.allowance.bytes = {1000, 1000};
  limit_clients(b.generation, nullptr, 8, {});
  const auto client = b.client();
  std::size_t got = 0;
  for (int second = 0; second < 20; ++second) {
    b.send(client, get("/a"));
    got += b.read(client).size();
    EXPECT_LE(got, 1000U * (static_cast<std::size_t>(second) + 1));
    for (int step = 0; step < 20; ++step) b.pass(50);
  }
  EXPECT_GT(got, 10'000U) << "and it goes on";
}

// A body of unknown length.
TEST(Serve, UnknownLengthInChunksOrUntilTheEnd) {
  if (!files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
  string content;
  for (int i = 0; i < 60'000; ++i) content += "line " + std::to_string(i) + "\n";
  for (const char* version : {"1.1", "1.0"}) {
    plan::WebRoute route = files_at("/");
    route.gzip = true;
    Web b{{route}};
    b.world.put_file("/www/a.txt", content);
    const auto client = b.client();
    b.send(client, get("/a.txt", "Accept-Encoding: gzip\r\n", version));
    string text = b.read(client);
    const Answer answer = next_answer(text);
    const bool chunked = version == string{"1.1"};
    EXPECT_EQ(answer.has("Transfer-Encoding: chunked"), chunked) << answer.head;
    EXPECT_EQ(answer.has("Content-Encoding: gzip"), true) << answer.head;
    EXPECT_EQ(answer.head.find("Content-Length"), string::npos);
    EXPECT_EQ(text.ends_with("\r\n0\r\n\r\n"), chunked);
    EXPECT_EQ(client->down.fin_arrived, !chunked);
    EXPECT_FALSE(client->remote_reset);
    if (!chunked) continue;
    b.send(client, get("/a.txt"));
    text = b.read(client);
    EXPECT_TRUE(next_answer(text).body == content);
  }
}

// Bytes that are computed take time, so a record computes little in a turn, whatever is ready.
TEST(Serve, ATurnMovesMoreOfAFileThanItCompresses) {
  string content;
  for (int i = 0; i < 400'000; ++i) content += "line " + std::to_string(i) + "\n";
  for (const bool gzip : {false, true}) {
    if (gzip && !files::has_gzip()) GTEST_SKIP() << "this build has no zlib";
    plan::WebRoute route = files_at("/");
    route.gzip = gzip;
    Web b{{route}, 16, 8 << 20};
    b.world.put_file("/www/a.txt", content);
    const auto client = b.client();
    client->up.arrived += get("/a.txt", gzip ? "Accept-Encoding: gzip\r\n" : "");
    run_records(*b.worker);
    if (gzip)
      EXPECT_LE(client->down.flight.size(), base::TurnBudget::kShareMin + base::kBlockBytes);
    else
      EXPECT_GE(client->down.flight.size(), base::TurnBudget::kShareMax);
  }
}

TEST(Serve, OptionsForTheWholeServer) {
  Web b;
  EXPECT_EQ(b.ask("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").status(), "HTTP/1.1 200");
  EXPECT_EQ(b.ask("GET * HTTP/1.1\r\nHost: h\r\n\r\n").status().substr(9, 1), "4");
  const auto connect = b.ask("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
  EXPECT_EQ(connect.status().substr(9), "405");
  EXPECT_TRUE(connect.has("Allow: ")) << "RFC 9110 section 15.5.6";
}

TEST(Serve, AnIdleConnectionIsEvictedForAFile) {
  for (const bool idle : {true, false}) {
    Web b{{files_at("/"), reverse_at("/api")}};
    b.group(1);
    auto& host = b.member(1);
    b.world.put_file("/www/large", string(50'000, 'x'));
    const auto client = b.client();
    b.send(client, get("/nothing"));
    b.read(client);  // now the directory is open
    b.send(client, get("/api"));
    const auto server = b.arrival(host);
    b.send(server, "HTTP/1.1 204 No Content\r\n\r\n");
    b.read(client);
    ASSERT_EQ(b.upstreams.idle(), 1U);
    b.world.descriptor_limit = 3 + b.world.descriptors();  // all that the limit allows are open
    auto kept = b.upstreams.acquire({"10.0.0.1", 80}, base::kNoIndex);
    if (idle) b.upstreams.release(std::move(kept), {"10.0.0.1", 80}, b.worker->now);
    b.send(client, get("/large"));
    string text = b.read(client);
    EXPECT_EQ(next_answer(text).status(), idle ? "HTTP/1.1 200" : "HTTP/1.1 503");
    EXPECT_EQ(b.upstreams.idle(), 0U);
  }
}

// ---- upstream servers ------------------------------------------------------------------------------------

struct Reverse : Web {
  explicit Reverse(int members = 1, plan::WebRoute route = reverse_at("/"), std::size_t blocks = 16)
      : Web({std::move(route)}, blocks) {
    group(members);
  }
};

TEST(Reverse, TheForwardedRequest) {
  Reverse b;
  auto& host = b.member(1);
  const auto client = b.client();
  b.send(client, "GET /a?b HTTP/1.1\r\nHost: Public.test:8080\r\nX-A: 1\r\nX-Forwarded-Proto: https\r\n\r\n");
  const auto server = b.arrival(host);
  ASSERT_NE(server, nullptr);
  string text = b.read(server);
  const Answer asked = next_answer(text);
  EXPECT_TRUE(asked.head.starts_with("GET /a?b HTTP/1.1\r\nHost: Public.test:8080\r\n")) << asked.head;
  EXPECT_TRUE(asked.has("X-A: 1"));
  EXPECT_TRUE(asked.has("X-Forwarded-For: 127.0.0.1"));
  EXPECT_TRUE(asked.has("X-Forwarded-Proto: http")) << "the client's own field does not count";
  EXPECT_TRUE(asked.has("X-Forwarded-Host: Public.test:8080"));
  EXPECT_TRUE(asked.has("Via: 1.1 proxy"));
  b.send(server, "HTTP/1.1 404 Gone\r\nContent-Length: 2\r\nX-B: 2\r\n\r\nno");
  text = b.read(client);
  const Answer answer = next_answer(text);
  EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 404 Gone\r\n"));
  EXPECT_TRUE(answer.has("X-B: 2"));
  EXPECT_EQ(answer.head.find("Via"), string::npos) << answer.head;
  EXPECT_EQ(answer.body, "no");
  EXPECT_EQ(b.generation.groups->open(0, 0), 0U);
  EXPECT_FALSE(b.generation.groups->is_ejected(0, 0, b.worker->now)) << "an error response is a response";
}

// The spelling is between the client and the server; the proxy only parses it.
TEST(Reverse, ThePathIsForwardedUnchanged) {
  for (const string path : {"/a%2Fb", "/a%2fb//c", "/%41/./x/../y", "/%7e?%zz", "/a;b=%2F?c/../d"}) {
    Reverse b;
    auto& host = b.member(1);
    const auto client = b.client();
    b.send(client, get(path));
    const auto server = b.arrival(host);
    ASSERT_NE(server, nullptr) << path;
    EXPECT_TRUE(b.read(server).starts_with("GET " + path + " HTTP/1.1\r\n")) << path;
  }
}

TEST(Reverse, ConnectionsAreKeptOnBothSides) {
  Reverse b;
  auto& host = b.member(1);
  const auto client = b.client();
  sim::ConnectionPtr server;
  for (int i = 0; i < 3; ++i) {
    b.send(client, get("/"));
    const auto arrived = b.arrival(host);
    EXPECT_EQ(arrived != nullptr, i == 0);
    if (arrived) server = arrived;
    EXPECT_TRUE(b.read(server).starts_with("GET / "));
    b.send(server, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    string text = b.read(client);
    EXPECT_EQ(next_answer(text).body, "x");
    EXPECT_EQ(b.upstreams.idle(), 1U);
    EXPECT_EQ(b.generation.groups->open(0, 0), 0U);
  }
}

TEST(Reverse, EachMemberInTurn) {
  Reverse b{2};
  auto& first = b.member(1);
  auto& second = b.member(2);
  for (auto* const host : {&first, &second, &first}) {
    const auto client = b.client();
    b.send(client, get("/", "Connection: close\r\n"));
    const auto server = b.arrival(*host);
    ASSERT_NE(server, nullptr);
    b.read(server);
    b.send(server, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 204"));
    b.world.remote_close(*server);
    b.world.remote_close(*client);
  }
  b.settle();
  EXPECT_TRUE(b.settled());
}

TEST(Reverse, TheNextMemberIfOneIsUnreachable) {
  for (const Manner manner : {Manner::refuses, Manner::swallows}) {
    Reverse b{2};
    b.member(1, manner);
    auto& second = b.member(2);
    const auto client = b.client();
    b.send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    if (manner == Manner::swallows) b.pass(b.config.wait(Wait::connect));
    const auto server = b.arrival(second);
    ASSERT_NE(server, nullptr);
    b.send(client, "def");
    const string asked = b.read(server);
    EXPECT_TRUE(asked.starts_with("POST / HTTP/1.1\r\nHost: h\r\n")) << asked;
    EXPECT_TRUE(asked.ends_with("\r\n\r\nabcdef")) << asked;
    EXPECT_EQ(asked.find("POST", 1), string::npos);
    b.send(server, "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 204"));
    EXPECT_TRUE(b.generation.groups->is_ejected(0, 0, b.worker->now));
    EXPECT_FALSE(b.generation.groups->is_ejected(0, 1, b.worker->now));
    b.world.remote_close(*client);
    b.settle();
    EXPECT_TRUE(b.settled());
  }
}

// The attempts are to the first server, the error is of the second.
TEST(Reverse, AReusedConnectionAfterAServerThatRefused) {
  Reverse b{2};
  b.member(1, Manner::refuses);
  auto& second = b.member(2);
  const auto client = b.client();
  b.send(client, get("/"));
  const auto server = b.arrival(second);
  ASSERT_NE(server, nullptr);
  b.read(server);
  b.send(server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(b.read(client).ends_with("ok"));
  EXPECT_EQ(b.last().error, 0) << "the first server's does not matter any more";
  while (b.generation.groups->is_ejected(0, 0, b.worker->now)) b.pass(1000);
  b.send(client, get("/"));
  b.send(server, "HTTP/1.1 200 OK\r\nContent-Le");
  b.world.remote_rst(*server);
  b.settle();
  const string answer = b.read(client);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 502")) << answer;
  EXPECT_TRUE(b.last().reused);
  EXPECT_NE(answer.find("\nTried: 10.0.0.1:80: Connection refused (ECONNREFUSED), after 0 ms\n"
                        "Error: Connection reset by peer (ECONNRESET)\n"),
            string::npos)
      << answer;
}

TEST(Reverse, TheNextMemberIfANameIsNotFound) {
  for (const bool silent : {false, true}) {
    Reverse b{2};
    auto& second = b.member(2);
    b.config.groups[0].members[0].host = "away.test";
    if (silent) b.world.unanswered.insert("away.test");
    const auto client = b.client();
    b.send(client, get("/"));
    if (silent) b.pass(b.config.wait(Wait::resolve));
    const auto server = b.arrival(second);
    ASSERT_NE(server, nullptr) << silent;
    b.read(server);
    b.send(server, "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 204"));
    EXPECT_EQ(b.generation.groups->open(0, 0), 0U);
  }
}

TEST(Reverse, AllMembersAreUnreachable) {
  Reverse b{2};
  b.member(1, Manner::refuses);
  b.member(2, Manner::refuses);
  const auto client = b.client();
  b.send(client, get("/"));
  EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 502"));
  EXPECT_EQ(b.worker->finished.back()->route.tried, 3U);
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
}

// A request that a member has received may have had its effect.
TEST(Reverse, NoRetryOnceAMemberHasReceivedTheRequest) {
  Reverse b{2};
  auto& first = b.member(1);
  auto& second = b.member(2);
  const auto client = b.client();
  b.send(client, get("/"));
  const auto server = b.arrival(first);
  b.read(server);
  b.world.remote_rst(*server);
  EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 502"));
  EXPECT_EQ(b.arrival(second), nullptr);
  EXPECT_TRUE(b.generation.groups->is_ejected(0, 0, b.worker->now)) << "it did not respond";
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
}

TEST(Reverse, ADeadIdleConnectionIsReplaced) {
  Reverse b{2};
  auto& first = b.member(1);
  auto& second = b.member(2);
  const auto client = b.client();
  b.send(client, get("/"));
  auto server = b.arrival(first);
  b.read(server);
  b.send(server, "HTTP/1.1 204 No Content\r\n\r\n");
  b.read(client);
  b.send(client, get("/"));
  const auto other = b.arrival(second);
  b.read(other);
  b.send(other, "HTTP/1.1 204 No Content\r\n\r\n");
  b.read(client);
  ASSERT_EQ(b.upstreams.idle(), 2U);
  // It dies during the next request, and nothing listens there any more.
  b.send(client, get("/"));
  b.read(server);
  first.manner = Manner::refuses;
  b.world.remote_close(*server);
  b.settle();
  const auto again = b.arrival(second);
  ASSERT_NE(again == nullptr && !other->up.fin_sent ? other : again, nullptr);
  const string asked = b.read(again ? again : other);
  EXPECT_TRUE(asked.starts_with("GET / ")) << asked;
  b.send(again ? again : other, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 204"));
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
}

TEST(Reverse, ARoutesOwnTimeout) {
  plan::WebRoute route = reverse_at("/");
  route.timeouts = {{plan::Wait::response_head, 700}};
  Reverse b{1, route};
  auto& host = b.member(1);
  const auto client = b.client();
  b.send(client, get("/"));
  b.read(b.arrival(host));
  b.pass(699);
  EXPECT_FALSE(b.read(client).starts_with("HTTP"));
  b.pass(1);
  EXPECT_NE(b.read(client).find("504"), string::npos);
}

TEST(Reverse, TimeoutWithoutAResponse) {
  Reverse b;
  auto& host = b.member(1);
  const auto client = b.client();
  b.send(client, get("/"));
  b.read(b.arrival(host));
  b.pass(b.config.wait(Wait::response_head));
  EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 504"));
  EXPECT_TRUE(b.generation.groups->is_ejected(0, 0, b.worker->now));
  b.world.remote_close(*client);
  b.settle();
  EXPECT_TRUE(b.settled());
}

TEST(Reverse, AClientThatLeavesLeavesNothingOpen) {
  Reverse b;
  auto& host = b.member(1);
  for (int stage = 0; stage < 3; ++stage) {
    host.manner = stage == 0 ? Manner::swallows : Manner::accepts;
    const auto client = b.client();
    b.send(client, get("/"));
    const auto server = b.arrival(host);
    if (stage == 2) b.send(server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    b.world.remote_rst(*client);
    b.settle();
    EXPECT_TRUE(b.settled()) << stage;
    EXPECT_FALSE(b.generation.groups->is_ejected(0, 0, b.worker->now)) << "the member did not fail";
  }
}

// RFC 9110 section 7.6.2: at 0 the recipient responds itself.
TEST(Reverse, MaxForwardsIsZero) {
  for (const string method : {"OPTIONS", "TRACE"}) {
    Reverse b;
    auto& host = b.member(1);
    const auto client = b.client();
    b.send(client, method + " /a HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n");
    EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 200")) << method;
    EXPECT_EQ(b.arrival(host), nullptr);
  }
}

TEST(Reverse, ItsOwnViaIsALoop) {
  Reverse b;
  EXPECT_EQ(b.ask(get("/", "Via: 1.1 proxy\r\n")).status().substr(9), "508");
}

TEST(Reverse, TogetherWithFilesOnOneConnection) {
  Web b{{files_at("/"), reverse_at("/api")}};
  b.group(1);
  auto& host = b.member(1);
  b.world.put_file("/www/a", "file");
  const auto client = b.client();
  b.send(client, get("/a") + get("/api/x") + get("/a"));
  string text = b.read(client);
  EXPECT_EQ(next_answer(text).body, "file");
  EXPECT_EQ(text, "");
  const auto server = b.arrival(host);
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(b.read(server).starts_with("GET /api/x HTTP/1.1\r\n"));
  b.send(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  text = b.read(client);
  EXPECT_NE(text.find("3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200"), string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\nfile"));
}

// Clients with different permissions share a pool, and the upstream server knows neither.
TEST(Reverse, AReusedConnectionDoesNotBypassARule) {
  Reverse b;
  auto& host = b.member(1);
  ASSERT_EQ(config::apply_option(b.config, "--deny", "to=10.0.0.0/8"), "");
  net::Found found;
  found.what = net::Found::What::found;
  found.ttl_ms = 1000;
  found.addresses.add(bench::member_address(1));
  b.world.names["o.test"] = found;
  b.config.groups[0].members[0].host = "o.test";
  const auto client = b.client();
  b.send(client, get("/"));
  const auto server = b.arrival(host);
  b.read(server);
  b.send(server, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(b.read(client).starts_with("HTTP/1.1 204"));
  ASSERT_EQ(b.upstreams.idle(), 1U);
  b.config.listeners.emplace_back();
  auto another = b.world.connect_to_program(8080);
  sys::Address peer;
  admit(sys::accept(b.Bench::listener, peer).fd, peer, 1, *b.worker);
  b.send(another, "GET http://o.test/ HTTP/1.1\r\nHost: o.test\r\n\r\n");
  EXPECT_EQ(b.read(server), "");
  EXPECT_TRUE(b.read(another).starts_with("HTTP/1.1 403"));
}

}  // namespace
