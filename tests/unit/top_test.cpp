// `proxy top`: the kept connection, the decoder of the board's answers, and what is drawn from them.
#include "../../src/ask/top.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <functional>

#include "../../src/ask/board_poller.hpp"
#include "../../src/ask/sentences.hpp"
#include "bench.hpp"

namespace {

using ask::Board;
using ask::Fetched;
using ask::Known;
using ask::Members;
using ask::View;
using std::string;
using What = ask::Fetched::What;

// ---- bytes as docs/board.md describes them ---------------------------------------------------------------

string number(std::uint64_t value, int bytes) {
  string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255);
  return out;
}
string u16(std::uint64_t value) { return number(value, 2); }
string u32(std::uint64_t value) { return number(value, 4); }
string u64(std::uint64_t value) { return number(value, 8); }

struct CellBytes {
  std::uint32_t slot = 0, id = 0, since_ms = 0, up = 0, down = 0;
  State state = State::FREE;
  plan::Wait wait = plan::Wait::none;
  int flags = 0;
  [[nodiscard]] string bytes() const {
    return u32(slot) + u32(id) + u32(since_ms) + u32(up) + u32(down) +
           number(static_cast<unsigned>(state), 1) + number(static_cast<unsigned>(wait), 1) +
           number(static_cast<unsigned>(flags), 1) + number(0, 1);
  }
};
constexpr int kTunnel = 1, kFinding = 2, kViewer = 4;

struct AnswerBytes {
  string magic = "PXC1";
  std::uint64_t frame = 1, now_us = 10'000'000, run = 7, turns = 0;
  std::uint64_t slots = 100, touched = 20, used = 3, viewers = 0, findings = 0, flags = 1, cell_bytes = 24,
                next_ms = 50;
  std::vector<std::uint32_t> by_state{0, 0, 0, 0, 0};
  std::vector<std::uint32_t> transitions{};
  std::vector<CellBytes> cells{};
  [[nodiscard]] string bytes() const {
    string out = magic + u32(frame) + u64(now_us) + u64(run) + u64(0) + u64(0) + u64(turns) + u64(0) +
                 u32(slots) + u32(touched) + u32(used) + u32(viewers);
    for (const std::uint32_t count : by_state) out += u32(count);
    out += u32(findings) + u16(next_ms) + u16(flags) + u16(transitions.size()) + u16(cell_bytes) +
           u32(cells.size()) + u32(0);
    for (const std::uint32_t count : transitions) out += u32(count);
    for (const CellBytes& cell : cells) out += cell.bytes();
    return out;
  }
};

string turns_bytes(std::uint64_t first, const std::vector<std::pair<std::uint64_t, std::uint32_t>>& turns) {
  string out = u64(first) + u64(first + turns.size()) + u64(0) + u32(40) + u32(turns.size());
  for (const auto& [began_us, awake_us] : turns)
    out += u64(began_us) + u32(awake_us) + u32(0) + u32(2) + u32(3) + u32(10) + u16(4) + u16(0) + u64(0);
  return out;
}

Board board_of(const AnswerBytes& answer) {
  Board board;
  EXPECT_EQ(ask::apply_cells(answer.bytes(), board), "");
  return board;
}

constexpr CellBytes kReader{3, 1742, 1800, 0, 16384, State::SEND_RESPONSE, plan::Wait::client_write};
constexpr CellBytes kIdle{5, 9, 100, 0, 0, State::READ_REQUEST, plan::Wait::keep_alive};
constexpr CellBytes kHead{0, 8, 9500, 0, 0, State::READ_RESPONSE, plan::Wait::response_head};

// ---- the decoder -----------------------------------------------------------------------------------------

TEST(TopBoard, CellsAndChanges) {
  Board board = board_of({.frame = 4, .cells = {kReader, kIdle}});
  ASSERT_EQ(board.cells.size(), 6U);
  EXPECT_EQ(board.cells[3].id, 1742U);
  EXPECT_EQ(board.cells[3].held_down, 16384U);
  EXPECT_EQ(ask::waited_ms(board, board.cells[3]), 8200U);
  EXPECT_EQ(board.cells[4].state, 0U);
  EXPECT_EQ(board.head.frame, 4U);
  CellBytes freed = kReader;
  freed.state = State::FREE;
  ASSERT_EQ(ask::apply_cells(AnswerBytes{.frame = 5, .flags = 0, .cells = {freed, kHead}}.bytes(), board),
            "");
  EXPECT_EQ(board.cells[0].id, 8U);
  EXPECT_EQ(board.cells[3].state, 0U);
  EXPECT_EQ(board.cells[5].id, 9U) << "it has not changed";
  ASSERT_EQ(ask::apply_cells(AnswerBytes{.frame = 6, .flags = 1, .cells = {kHead}}.bytes(), board), "");
  EXPECT_EQ(board.cells.size(), 1U) << "the answer has all that are in use";
}

TEST(TopBoard, AnotherRun) {
  Board board = board_of({.frame = 4, .cells = {kReader}});
  board.turns.resize(3);
  ASSERT_EQ(ask::apply_cells(AnswerBytes{.frame = 1, .run = 8, .cells = {kHead}}.bytes(), board), "");
  EXPECT_EQ(board.cells.size(), 1U);
  EXPECT_TRUE(board.turns.empty());
}

TEST(TopBoard, OtherVersionsAndBrokenAnswers) {
  const string whole = AnswerBytes{.transitions = {1, 2}, .cells = {kReader}}.bytes();
  CellBytes wait = kReader, slot = kReader;
  wait.wait = static_cast<plan::Wait>(plan::kWaits + 1);
  slot.slot = 20;
  const struct {
    string bytes, wrong;
  } rows[] = {
      {"", "cut short"},
      {whole.substr(0, 111), "cut short"},
      {whole.substr(0, whole.size() - 1), "cut short"},
      {whole + "x", "cut short"},
      {AnswerBytes{.cells = {slot}}.bytes(), "malformed"},
      {AnswerBytes{.touched = 101}.bytes(), "malformed"},
      {AnswerBytes{.slots = 1U << 25U}.bytes(), "malformed"},
      {AnswerBytes{.magic = "PXC2"}.bytes(), "another version"},
      {AnswerBytes{.cell_bytes = 28}.bytes(), "another version"},
      {AnswerBytes{.cells = {wait}}.bytes(), "another version"},
  };
  for (const auto& row : rows) {
    Board board = board_of({.frame = 4, .cells = {kIdle}});
    const string wrong = ask::apply_cells(row.bytes, board);
    EXPECT_NE(wrong.find(row.wrong), string::npos) << wrong;
    EXPECT_EQ(board.head.frame, 4U) << "it stays as it was";
    EXPECT_EQ(board.cells.size(), 6U);
  }
  Board board;
  EXPECT_NE(ask::apply_turns(u64(1), board), "");
  EXPECT_NE(ask::apply_turns(turns_bytes(1, {{1, 1}}).substr(0, 71), board), "");
  EXPECT_EQ(board.next_turn, 0U);
}

// A second later, two connections were accepted, and one counter has wrapped around.
TEST(TopBoard, RatesOfStates) {
  AnswerBytes answer{.transitions = std::vector<std::uint32_t>(kTransitions.size(), UINT32_MAX)};
  Board board = board_of(answer);
  EXPECT_FALSE(board.rates);
  answer.now_us += 500'000;
  answer.transitions[0] += 2;
  ASSERT_EQ(kTransitions[0].to, State::READ_REQUEST);
  ASSERT_EQ(ask::apply_cells(answer.bytes(), board), "");
  EXPECT_FALSE(board.rates) << "half a second is too short";
  answer.now_us += 500'000;
  ASSERT_EQ(ask::apply_cells(answer.bytes(), board), "");
  EXPECT_TRUE(board.rates);
  EXPECT_DOUBLE_EQ(board.entered[static_cast<std::size_t>(State::READ_REQUEST)], 2.0);
  EXPECT_DOUBLE_EQ(board.entered[static_cast<std::size_t>(State::SEND_REQUEST)], 0.0);
}

TEST(TopBoard, OtherTransitions) {
  EXPECT_TRUE(board_of({.transitions = {1, 2, 3}}).rateless);
  EXPECT_FALSE(board_of({.transitions = std::vector<std::uint32_t>(kTransitions.size())}).rateless);
}

TEST(TopBoard, RatesOfTheLoop) {
  Board board = board_of({});
  ASSERT_EQ(
      ask::apply_turns(turns_bytes(40, {{8'000'000, 900'000}, {9'100'000, 2000}, {9'500'000, 8000}}), board),
      "");
  EXPECT_EQ(board.next_turn, 43U);
  const ask::LoopRates rates = ask::loop_rates(board);
  EXPECT_DOUBLE_EQ(rates.turns, 2);
  EXPECT_DOUBLE_EQ(rates.calls, 20);
  EXPECT_DOUBLE_EQ(rates.again, 8);
  EXPECT_DOUBLE_EQ(rates.awake, 0.01);
  EXPECT_EQ(rates.longest_us, 8000U);
}

TEST(TopBoard, TheClockOfWaitsWrapsAround) {
  Board board = board_of({.now_us = 5'000 + (std::uint64_t{1} << 32U) * 1000, .cells = {kReader}});
  board.cells[3].since_ms = UINT32_MAX - 994;
  EXPECT_EQ(ask::waited_ms(board, board.cells[3]), 1000U);
  board.cells[3].since_ms = 6;
  EXPECT_EQ(ask::waited_ms(board, board.cells[3]), 0U) << "it began after the answer's time";
}

TEST(TopBoard, TheLongestWait) {
  const Board board = board_of(
      {.cells = {
           kHead, kReader, kIdle, {7, 1, 0, 0, 0, State::READ_REQUEST, plan::Wait::request_head, kViewer}}});
  ASSERT_NE(ask::longest_wait(board), nullptr);
  EXPECT_EQ(ask::longest_wait(board)->slot, 3U) << "neither the idle one nor the viewer";
  std::vector<std::uint32_t> order;
  for (const console::Cell* const cell : ask::by_wait(board)) order.push_back(cell->slot);
  EXPECT_EQ(order, (std::vector<std::uint32_t>{3, 0, 5}));
  EXPECT_EQ(ask::longest_wait(board_of({.cells = {kHead, kIdle}})), nullptr) << "half a second is not long";
}

// ---- JSON ------------------------------------------------------------------------------------------------

TEST(TopJson, Members) {
  Members members;
  ASSERT_TRUE(ask::read_members(
      R"( {"a":{"b":[1,{"c":"x\"\\\/\u0041\u00e9\n"},null,[]]},"d":-1.5e3,"e":true,"f":null,"g":""} )",
      members));
  EXPECT_EQ(members, (Members{{"a.b.0", "1"},
                              {"a.b.1.c", "x\"\\/A??"},
                              {"a.b.3.length", "0"},
                              {"a.b.length", "4"},
                              {"d", "-1.5e3"},
                              {"e", "true"},
                              {"g", ""}}));
  EXPECT_EQ(ask::member(members, "f"), "");
  ASSERT_TRUE(ask::read_members("{\"a\":\"\x1b[2J\xc2\x9b\"}", members));
  EXPECT_EQ(ask::member(members, "a"), "?[2J??") << "nothing has an effect on a terminal";
}

TEST(TopJson, NotJson) {
  Members members;
  for (const string text : {"", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1", "[1,]", "\"a", "\"\\",
                            "\"\\x\"", "\"\\u12g4\"", "nul", "{} {}", "{a:1}"})
    EXPECT_FALSE(ask::read_members(text, members)) << text;
  EXPECT_TRUE(ask::read_members(string(16, '[') + string(16, ']'), members));
  EXPECT_FALSE(ask::read_members(string(17, '[') + string(17, ']'), members));
}

// ---- what is drawn ---------------------------------------------------------------------------------------

Known known_of(const AnswerBytes& answer) {
  Known known;
  known.board = board_of(answer);
  known.hello = {{"version", "1.2.3"}, {"proxy", "127.0.0.1:8080"}};
  return known;
}

string joined(const std::vector<string>& lines) {
  string text;
  for (const string& line : lines) text += line + '\n';
  return text;
}

bool has(const string& text, const string& part) { return text.find(part) != string::npos; }

TEST(TopScreen, Headline) {
  EXPECT_EQ(ask::headline(known_of({.cells = {kReader, kIdle}})),
            "Slot 3 waits longest: the client has read no response bytes for 8.2 s; 16384 bytes are held.");
  EXPECT_EQ(ask::headline(known_of({.used = 2, .cells = {kHead}})),
            "2 connections; no request has waited for over a second.");
  EXPECT_EQ(ask::headline(known_of({.used = 0})),
            "The proxy has no clients. Try: curl -x http://127.0.0.1:8080/ http://example.com/");
}

TEST(TopScreen, VersionNotice) {
  EXPECT_EQ(ask::version_notice({}, "1.0", "ab"), "");
  EXPECT_EQ(ask::version_notice({{"version", "1.0"}, {"build", "g++ 12, build ID ab"}}, "1.0", "ab"), "");
  EXPECT_EQ(ask::version_notice({{"version", "1.0"}}, "1.0", "ab"), "") << "the build has no ID";
  EXPECT_TRUE(has(ask::version_notice({{"version", "1.1"}, {"build", "ab"}}, "1.0", "ab"),
                  "The proxy is version 1.1"));
  EXPECT_TRUE(has(ask::version_notice({{"version", "1.0"}, {"build", "cd"}}, "1.0", "ab"),
                  "The proxy is another build"));
}

// One letter for each slot that was ever used.
TEST(TopScreen, TheGrid) {
  const Known known =
      known_of({.touched = 8,
                .by_state = {4, 1, 0, 0, 3},
                .cells = {kReader,
                          kIdle,
                          {1, 2, 9900, 0, 0, State::SEND_RESPONSE, plan::Wait::tunnel, kTunnel},
                          {4, 3, 9900, 0, 0, State::SEND_REQUEST, plan::Wait::connect, kFinding},
                          {6, 4, 9900, 0, 0, State::READ_RESPONSE, plan::Wait::none, kViewer}}});
  const string text = joined(ask::draw_screen(known, {.proxy = "port 8080", .columns = 200}, ""));
  EXPECT_TRUE(has(text, "proxy 1.2.3 at port 8080: live\x1b[0m\n")) << text;
  EXPECT_TRUE(has(text, "     0 .T.\x1b[1m[\x1b[0m\x1b[7mS\x1b[0m\x1b[1m]\x1b[0m\x1b[1m!\x1b[0mov.\n"))
      << text;
  EXPECT_TRUE(
      has(text, "3 of 100 slots are in use, 0 more are used by viewers; slots from 8 on were never in use."))
      << text;
  EXPECT_TRUE(has(text, "Slot 3\x1b[0m, connection #1742, SEND_RESPONSE\n")) << text;
  EXPECT_TRUE(has(text, "At the timeout the connection closes (--reader-timeout).")) << text;
  EXPECT_TRUE(has(joined(ask::draw_screen(known, {.utf8 = true}, "")), "○")) << text;
}

TEST(TopScreen, TheHelpHasTheSignsOfTheGrid) {
  const auto help = [](bool utf8) {
    return joined(
        ask::draw_screen(known_of({}), {.columns = 120, .rows = 50, .utf8 = utf8, .help = true}, ""));
  };
  EXPECT_TRUE(has(help(false), "o idle (") && has(help(false), ". FREE\n")) << help(false);
  EXPECT_TRUE(has(help(true), "○ idle (") && has(help(true), "· FREE\n")) << help(true);
}

// Escape sequences take no columns, and a character of UTF-8 takes one.
std::size_t width(const string& line) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '\x1b')
      i = line.find('m', i);
    else if ((static_cast<unsigned char>(line[i]) & 0xc0U) != 0x80)
      ++columns;
  return columns;
}

TEST(TopScreen, ItFitsIntoEachTerminal) {
  Known known = known_of({.slots = 5000, .touched = 3000, .findings = 2, .cells = {kReader, kIdle}});
  ASSERT_EQ(ask::apply_turns(turns_bytes(0, std::vector<std::pair<std::uint64_t, std::uint32_t>>(
                                                300, {9'900'000, 60'000})),
                             known.board),
            "");
  known.findings = {
      {"findings.length", "1"}, {"findings.0.lasts", "true"}, {"findings.0.code", string(200, 'x')}};
  known.slot = {{"slot", "3"},
                {"state", "SEND_RESPONSE"},
                {"sentence", string(500, 'y')},
                {"client.address", "127.0.0.1"}};
  for (const std::size_t columns : {1U, 20U, 40U, 80U, 300U})
    for (const std::size_t rows : {1U, 5U, 24U, 100U})
      for (const bool help : {false, true}) {
        const View view{.columns = columns,
                        .rows = rows,
                        .colours = ask::Colours::many,
                        .utf8 = true,
                        .help = help,
                        .open = true};
        const std::vector<string> lines = ask::draw_screen(known, view, "a notice");
        EXPECT_LE(lines.size(), rows);
        for (const string& line : lines) EXPECT_LE(width(line), columns) << line;
      }
}

TEST(TopScreen, TheChosenSlotIsInView) {
  const Known known = known_of({.slots = 5000, .touched = 3000, .cells = {kReader}});
  const View view{.columns = 120, .rows = 20, .chosen = true, .slot = 2999};
  const string text = joined(ask::draw_screen(known, view, ""));
  EXPECT_TRUE(has(text, "  2970 ")) << text;
  EXPECT_TRUE(has(text, "Slot 2999\x1b[0m\nThe record is free.\n")) << text;
}

TEST(TopScreen, Details) {
  Known known = known_of({.cells = {kReader}});
  known.slot = {{"slot", "3"},
                {"state", "SEND_RESPONSE"},
                {"sentence", "A sentence."},
                {"client.address", "127.0.0.1"},
                {"client.port", "4711"},
                {"client.fd", "9"},
                {"client.marks.readable", "true"},
                {"client.marks.writable", "false"},
                {"client.kernel.unsent", "4096"},
                {"request.method", "GET"},
                {"request.scheme", "http"},
                {"request.host", "a.test"},
                {"request.port", "80"},
                {"request.path", "/x?..."},
                {"request.status", "200"},
                {"response_lane.held", "16384"},
                {"response_lane.storage", "pipe"},
                {"response_lane.sent", "5"}};
  const string text = joined(ask::draw_screen(known, {.rows = 40, .open = true}, ""));
  EXPECT_TRUE(
      has(text,
          "\nA sentence.\nRequest: GET http://a.test:80/x?..., status 200\n"
          "Client: 127.0.0.1:4711, descriptor 9; marks: readable; kernel: unsent 4096\nUpstream: none\n"))
      << text;
  EXPECT_TRUE(has(text, "\nResponse lane: 16 KiB held in a pipe, 5 bytes sent\n")) << text;
  known.slot["slot"] = "4";
  EXPECT_FALSE(has(joined(ask::draw_screen(known, {.rows = 40, .open = true}, "")), "A sentence."))
      << "that is of another slot";
}

TEST(TopScreen, WithoutAnAnswer) {
  Known known;
  known.problem = "nothing listens at port 1";
  EXPECT_EQ(ask::draw_screen(known, {}, ""),
            (std::vector<string>{"\x1b[1mNo answer: nothing listens at port 1\x1b[0m"}));
}

TEST(TopScreen, Once) {
  Known known = known_of({.used = 2, .findings = 1, .by_state = {0, 1, 0, 0, 1}, .cells = {kReader, kIdle}});
  known.findings = {
      {"findings.length", "2"},         {"findings.0.lasts", "true"},         {"findings.0.code", "spin"},
      {"findings.0.severity", "error"}, {"findings.0.sentence", "It spins."}, {"findings.1.lasts", "false"},
      {"findings.1.code", "unfair"}};
  EXPECT_EQ(
      ask::draw_once(known, {.proxy = "port 8080"}, "A notice."),
      "proxy 1.2.3 at port 8080: live\nA notice.\n"
      "Slot 3 waits longest: the client has read no response bytes for 8.2 s; 16384 bytes are held.\n"
      "2 of 100 slots are in use, 0 more are used by viewers; slots from 20 on were never in use.\n"
      "READ_REQUEST      1\nSEND_REQUEST      0\nREAD_RESPONSE     0\nSEND_RESPONSE     1\n"
      "The event loop has slept for the last second.\n1 finding of the loop doctor lasts.\n! spin (error): "
      "It spins.\n\n"
      "SLOT  CONNECTION  STATE          WAITED    HELD       WAITS FOR\n"
      "3     #1742       SEND_RESPONSE  8.2 s     16 KiB     the client to read response bytes\n"
      "5     #9          READ_REQUEST   9.9 s     0 B        the next request on a keep-alive connection\n");
}

// ---- the command line, the terminal, the keys ------------------------------------------------------------

TEST(Top, CommandLine) {
  const auto read = [](std::vector<const char*> arguments, ask::TopOptions& options) {
    return ask::read_top(arguments, options);
  };
  ask::TopOptions options;
  EXPECT_EQ(read({"--once", "[::1]:8080"}, options), "");
  EXPECT_TRUE(options.once);
  EXPECT_EQ(options.proxy.addresses, std::vector<sys::Address>{sys::loopback6(8080)});
  for (const auto& [arguments, error] : std::vector<std::pair<std::vector<const char*>, string>>{
           {{}, "top needs the port or the configuration file of a running proxy, e.g. proxy top 8080"},
           {{"0"}, "top: invalid address '0': expected [ADDRESS:]PORT"},
           {{"80/x"}, "top: invalid address '80/x'"},
           {{"80", "81"}, "top: expected one address, got '81' too"},
           {{"--json", "80"}, "top: unknown option '--json': expected --once, --user or --help"}}) {
    ask::TopOptions other;
    EXPECT_TRUE(read(arguments, other).starts_with(error)) << read(arguments, other);
  }
}

TEST(Top, Environment) {
  const struct {
    ask::Environment environment;
    bool placeable;
    ask::Colours colours;
    bool utf8;
  } rows[] = {
      {{"", "", ""}, false, ask::Colours::few, false},
      {{"dumb", "", "C.UTF-8"}, false, ask::Colours::few, true},
      {{"xterm", "", "C"}, true, ask::Colours::few, false},
      {{"xterm-256color", "", "de_DE.utf8"}, true, ask::Colours::many, true},
      {{"xterm-256color", "1", "C"}, true, ask::Colours::none, false},
  };
  for (const auto& row : rows) {
    View view;
    EXPECT_EQ(ask::adapt(view, row.environment), row.placeable) << row.environment.term;
    EXPECT_EQ(view.colours, row.colours);
    EXPECT_EQ(view.utf8, row.utf8);
  }
}

TEST(Top, Keys) {
  const Known known = known_of({.touched = 100, .cells = {kReader}});
  View view;
  const auto press = [&](const char* keys) { return ask::apply_keys(keys, known, view); };
  EXPECT_TRUE(press("\x1b[C\x1b[C"));
  EXPECT_TRUE(view.chosen);
  EXPECT_EQ(view.slot, 5U) << "from the slot that waits longest";
  EXPECT_TRUE(press("\x1bOB"));
  EXPECT_EQ(view.slot, 5 + ask::grid_width(view));
  EXPECT_TRUE(press("\x1b[A\x1b[A\x1b[D"));
  EXPECT_EQ(view.slot, 0U);
  EXPECT_TRUE(press("\x1b[B\x1b[B\x1b[B"));
  EXPECT_EQ(view.slot, 99U);
  EXPECT_TRUE(press("\r ?"));
  EXPECT_TRUE(view.open && view.paused && view.help);
  EXPECT_TRUE(press("\x1b"));
  EXPECT_FALSE(view.chosen || view.open || view.help);
  EXPECT_TRUE(view.paused);
  EXPECT_FALSE(press(" q "));
  EXPECT_FALSE(view.paused);
}

// ---- the exchange ----------------------------------------------------------------------------------------

// A server that answers each request by what `answers` makes of its path.
struct Server {
  explicit Server(std::function<string(const string&)> with) : answers(std::move(with)) {
    EXPECT_TRUE(sys::parse_ip("10.0.0.1", 8080, proxy.addresses.emplace_back()));
    proxy.name = "port 8080";
    host = &world.host(proxy.addresses[0], sim::World::Host::Manner::accepts);
    world.actors.emplace_back([this] { return act(); });
    poller = sys::make_poller().fd;
  }
  bool act() {
    if (host->arrivals.empty()) return false;
    sim::Connection& client = *host->arrivals.back();
    got += world.remote_read(client, 1000);
    if (!got.ends_with("\r\n\r\n")) return false;
    const string path = got.substr(4, got.find(" HTTP/") - 4);
    asked.push_back(path);
    heads += got;
    got.clear();
    const string body = answers(path);
    world.remote_send(client, "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                                  "\r\n\r\n" + body);
    if (closes) world.remote_close(client);
    return true;
  }
  // Steps until `done`, or for at most 100 events.
  bool until(ask::BoardPoller& board_poller, std::optional<std::uint32_t> slot,
             const std::function<bool()>& done) {
    for (int i = 0; i < 100 && !done(); ++i) {
      board_poller.step(sys::now_ms(), slot);
      std::array<sys::Event, 4> events;
      const std::uint64_t now = sys::now_ms();
      if (!done())
        (void)sys::wait(poller, events,
                        board_poller.due() > now ? static_cast<int>(board_poller.due() - now) : 0);
    }
    return done();
  }

  bench::First chooser;
  sim::World world{chooser, bench::kind()};
  bench::Inside inside{world};
  std::function<string(const string&)> answers;
  ask::ProxyAddress proxy;
  sim::World::Host* host = nullptr;
  sys::Fd poller;
  string got, heads, status = "200 OK";
  std::vector<string> asked;
  bool closes = false;
};

string page(const string& path) {
  if (path.starts_with("/console/cells"))
    return AnswerBytes{.frame = 9, .turns = 2, .findings = 1, .cells = {kReader}}.bytes();
  if (path.starts_with("/console/turns")) return turns_bytes(0, {{1, 1}, {2, 2}});
  return R"({"version":"1.2.3","slot":3})";
}

TEST(TopFeed, PagesInTurnOverOneConnection) {
  Server server{page};
  ask::BoardPoller board_poller{server.poller, server.proxy};
  ASSERT_TRUE(server.until(board_poller, 3, [&] { return server.asked.size() == 6; }));
  EXPECT_EQ(server.asked,
            (std::vector<string>{"/console/hello.json", "/console/cells?since=0", "/console/turns?since=0",
                                 "/console/findings.json", "/console/slot/3", "/console/cells?since=9"}));
  EXPECT_EQ(server.host->arrivals.size(), 1U);
  EXPECT_EQ(board_poller.known.problem, "");
  EXPECT_TRUE(board_poller.complete());
  EXPECT_EQ(ask::member(board_poller.known.hello, "version"), "1.2.3");
}

TEST(TopFeed, AConnectionThatClosesIsMadeAgain) {
  Server server{page};
  server.closes = true;
  ask::BoardPoller board_poller{server.poller, server.proxy};
  ASSERT_TRUE(server.until(board_poller, {}, [&] { return server.asked.size() == 6; }));
  EXPECT_EQ(board_poller.known.problem, "");
  EXPECT_GT(server.host->arrivals.size(), 3U);
}

TEST(TopFeed, FailuresAreShownAndTriedAgain) {
  Server server{
      [](const string& path) { return path.starts_with("/console/cells") ? string{"no"} : page(path); }};
  ask::BoardPoller board_poller{server.poller, server.proxy};
  ASSERT_TRUE(server.until(board_poller, {}, [&] { return !board_poller.known.problem.empty(); }));
  EXPECT_EQ(board_poller.known.problem, "port 8080 sends data that are cut short or malformed");
  EXPECT_FALSE(board_poller.complete());
  const std::uint64_t failed = sys::now_ms();
  EXPECT_EQ(board_poller.due(), failed + 1000);
  server.answers = page;
  ASSERT_TRUE(server.until(board_poller, {}, [&] { return board_poller.complete(); }));
  EXPECT_EQ(board_poller.known.problem, "");
}

TEST(TopFeed, AServerThatDoesNotAnswer) {
  Server server{page};
  server.world.actors.clear();
  ask::BoardPoller board_poller{server.poller, server.proxy};
  ASSERT_TRUE(server.until(board_poller, {}, [&] { return !board_poller.known.problem.empty(); }));
  EXPECT_EQ(board_poller.known.problem,
            "port 8080 has sent no response for 5 s: its event loop is blocked, or it is not a proxy");
}

ask::Answer once() {
  constexpr std::array<const char*, 2> kArguments{"--once", "10.0.0.1:8080"};
  return ask::show_top(kArguments);
}

// Rates are of a second of the proxy's clock, which can stand still, and it says when to ask again.
TEST(TopOnce, TheClockOfTheProxyStandsStill) {
  AnswerBytes still{.frame = 9, .turns = 2, .cells = {kReader}};
  still.transitions.resize(kTransitions.size());
  for (const std::uint64_t next_ms : {50, 65'535}) {
    still.next_ms = next_ms;
    Server server{
        [&](const string& path) { return path.starts_with("/console/cells") ? still.bytes() : page(path); }};
    const std::uint64_t began = server.world.now();
    const ask::Answer answer = once();
    EXPECT_EQ(answer.error, "");
    EXPECT_NE(answer.page.find("\nNo rates: the clock of the proxy has not advanced for 5 s.\n"),
              string::npos)
        << answer.page;
    EXPECT_NE(answer.page.find("\nREAD_REQUEST      0\n"), string::npos) << answer.page;
    EXPECT_GE(server.world.now(), began + 5000);
    EXPECT_LE(server.world.now(), began + 6000);
  }
}

TEST(TopOnce, ItEndsWhenTheRatesAreKnown) {
  AnswerBytes answer{.frame = 9, .turns = 2, .cells = {kReader}};
  answer.transitions.resize(kTransitions.size());
  Server server{[&](const string& path) {
    if (!path.starts_with("/console/cells")) return page(path);
    answer.now_us += 600'000;
    return answer.bytes();
  }};
  const std::uint64_t began = server.world.now();
  const ask::Answer got = once();
  EXPECT_EQ(got.page.find("No rates"), string::npos);
  EXPECT_NE(got.page.find("\nREAD_REQUEST      0  0.0/s\n"), string::npos) << got.page;
  EXPECT_LT(server.world.now(), began + 1000);
}

TEST(TopOnce, APasswordIsNeeded) {
  Server server{page};
  server.status = "401 Unauthorized";
  ::unsetenv("PROXY_PASSWORD");
  EXPECT_EQ(
      once().error,
      "10.0.0.1:8080 responded with 401 to GET /console/hello.json: it needs a password (--users): put it "
      "into the environment variable PROXY_PASSWORD, and add --user NAME");
  EXPECT_EQ(server.heads.find("Authorization"), string::npos);
  constexpr std::array<const char*, 4> kArguments{"--once", "--user", "Aladdin", "10.0.0.1:8080"};
  EXPECT_EQ(ask::show_top(kArguments).error,
            "top: --user: put the password into the environment variable PROXY_PASSWORD");
  ::setenv("PROXY_PASSWORD", "open sesame", 1);
  EXPECT_EQ(
      ask::show_top(kArguments).error,
      "10.0.0.1:8080 responded with 401 to GET /console/hello.json: the user name or the password is wrong "
      "(--user, PROXY_PASSWORD)");
  ::unsetenv("PROXY_PASSWORD");
  EXPECT_NE(server.heads.find("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), string::npos)
      << "the example of RFC 7617 section 2";
}

}  // namespace
