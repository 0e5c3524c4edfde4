// The data of the board: cells, turns, rows, heads and files.
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "../../src/console/cells.hpp"
#include "../../src/console/heads.hpp"
#include "../../src/console/query.hpp"
#include "../../src/console/record_page.hpp"
#include "../../src/console/rows.hpp"
#include "../../src/console/viewers.hpp"
#include "../../src/console/web_files.hpp"
#include "bench.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;
using console::Cell;
using console::CellsHead;
using console::RowsHead;
using std::string;

template <class T>
T read(const string& bytes, std::size_t at) {
  T value;
  EXPECT_LE(at + sizeof value, bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// ---- cells ------------------------------------------------------------------------------------------------

bool same(const Cell& a, const Cell& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

// What a viewer has put together from the answers to its polls.
struct Viewer {
  std::uint32_t frame = 0;
  std::map<std::uint32_t, Cell> cells{};

  CellsHead poll(const console::Cells& from, std::size_t slots) {
    CellsHead head;
    head.slots = static_cast<std::uint32_t>(slots);
    string bytes;
    from.append_since(frame, head, bytes);
    EXPECT_EQ(bytes.size(), head.count * sizeof(Cell));
    if ((head.flags & CellsHead::kAll) != 0) cells.clear();
    for (std::size_t i = 0; i < head.count; ++i) {
      const Cell cell = read<Cell>(bytes, i * sizeof(Cell));
      if (cell.state == 0)
        cells.erase(cell.slot);
      else
        cells[cell.slot] = cell;
    }
    frame = head.frame;
    return head;
  }
};

struct History {
  static constexpr std::size_t kSlots = 40;
  bench::Room<request_info> memory{kSlots * sizeof(request_info)};
  Table table{reinterpret_cast<request_info*>(memory.memory), kSlots};
  watch::FindingLog findings;
  console::Cells cells{7};
  std::mt19937 draw;
  std::uint64_t now = 1000, ids = 0;
  std::map<std::uint32_t, Cell> expected;  // at the last scan

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(draw() % n); }

  void change() {
    const std::uint32_t what = below(4);
    if (what == 0) {
      if (request_info* const record = table.take(); record != nullptr) {
        record->id = ++ids;
        record->state = State::READ_REQUEST;
        record->entered = now;
      }
      return;
    }
    if (table.touched() == 0) return;
    request_info& record = table.at(below(static_cast<std::uint32_t>(table.touched())));
    if (record.state == State::FREE) return;
    if (what == 1) return table.give(record);
    record.state = static_cast<State>(1 + below(4));
    record.entered = now;
    record.served = below(2);
    record.viewer = below(5) == 0;
    record.needs_block = below(3) == 0;
    record.side[kClient].readable = below(2) == 0;
    record.side[kUpstream].writable = below(2) == 0;
    record.lane[kResponse].end = static_cast<std::uint16_t>(below(3));
    if (below(6) == 0)
      findings.add({.finding = watch::Finding::overdue, .slot = table.slot_of(record), .id = record.id}, now);
  }
  // Scans, and notes what a scan of all records finds.
  void scan() {
    const std::uint32_t before = cells.frame();
    cells.scan(table, findings, now);
    if (cells.frame() == before) return;
    expected.clear();
    const auto& finding = findings[watch::Finding::overdue];
    for (std::uint32_t slot = 0; slot < table.touched(); ++slot) {
      if (table.at(slot).state == State::FREE) continue;
      Cell cell = console::cell_of(table.at(slot), slot, now);
      for (const auto& place : finding.named())
        if (finding.lasts && place.slot == slot && place.id == table.at(slot).id &&
            now < place.last + watch::FindingLog::kQuietMs)
          cell.flags |= Cell::kFinding;
      expected[slot] = cell;
    }
  }
  void check(const Viewer& viewer) {
    ASSERT_EQ(viewer.cells.size(), expected.size());
    for (const auto& [slot, cell] : expected) {
      ASSERT_TRUE(viewer.cells.contains(slot)) << slot;
      ASSERT_TRUE(same(viewer.cells.at(slot), cell)) << slot;
    }
  }
};

TEST(Cells, EachRecordWithAFindingHasItsMark) {
  History history;
  const auto sees = [&](request_info& record) {
    history.findings.add(
        {.finding = watch::Finding::overdue, .slot = history.table.slot_of(record), .id = record.id},
        history.now);
  };
  std::array<request_info*, 3> records{};
  for (request_info*& record : records) {
    record = history.table.take();
    record->id = ++history.ids;
    record->state = State::READ_REQUEST;
    sees(*record);
  }
  const auto marked = [&] {
    history.now += console::Cells::kScanMs;
    history.cells.scan(history.table, history.findings, history.now);
    Viewer viewer;
    viewer.poll(history.cells, History::kSlots);
    string slots;
    for (const auto& [slot, cell] : viewer.cells)
      if ((cell.flags & Cell::kFinding) != 0) slots += std::to_string(slot);
    return slots;
  };
  EXPECT_EQ(marked(), "012");
  history.table.give(*records[0]);
  EXPECT_EQ(marked(), "12") << "its connection has ended";
  history.now += watch::FindingLog::kQuietMs / 2;
  sees(*records[2]);
  history.now += watch::FindingLog::kQuietMs / 2;
  EXPECT_EQ(marked(), "2") << "nothing was seen of the other one";
}

TEST(Cells, ChangesAddUpToAFullScan) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    History history;
    history.draw.seed(seed);
    std::array<Viewer, 3> viewers;
    for (int step = 0; step < 400; ++step) {
      for (std::uint32_t n = history.below(4); n > 0; --n) history.change();
      history.now += history.below(80);
      if (history.below(200) == 0)
        viewers[2] = {.frame = history.below(1000),
                      .cells = {{99, Cell{.slot = 99, .state = 1}}}};  // of another run
      if (history.below(3) == 0) continue;
      Viewer& viewer = viewers[history.below(10) < 7 ? 0 : 1 + history.below(2)];
      history.scan();
      const CellsHead head = viewer.poll(history.cells, History::kSlots);
      history.check(viewer);
      std::array<std::uint32_t, kStates> by_state{};
      for (const auto& [slot, cell] : history.expected)
        if ((cell.flags & Cell::kViewer) == 0) ++by_state[cell.state];
      const std::uint32_t used = by_state[1] + by_state[2] + by_state[3] + by_state[4];
      EXPECT_EQ(head.used, used);
      EXPECT_EQ(head.viewers, history.expected.size() - used);
      by_state[0] = History::kSlots - static_cast<std::uint32_t>(history.expected.size());
      EXPECT_EQ(head.by_state, by_state);
    }
  }
}

TEST(Cells, ARecordThatStandsStillIsSentOnce) {
  History history;
  request_info* const record = history.table.take();
  record->id = 1;
  record->state = State::READ_REQUEST;
  record->entered = 900;
  Viewer viewer;
  history.scan();
  EXPECT_EQ(viewer.poll(history.cells, 1).count, 1U);
  history.now += 5000;
  history.scan();
  const CellsHead head = viewer.poll(history.cells, 1);
  EXPECT_EQ(head.count, 0U) << "its age is not in the cell";
  EXPECT_EQ(head.flags & CellsHead::kAll, 0);
  EXPECT_EQ(viewer.cells.at(0).since_ms, 900U);
}

TEST(Cells, BytesOfAnIncompleteHead) {
  bench::Bench bench;
  const auto client = bench.client("192.0.2.8");
  const string half = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.";
  bench.send(client, half);
  bench.settle();
  request_info& record = bench.worker->table.at(0);
  ASSERT_EQ(record.state, State::READ_REQUEST);
  EXPECT_EQ(console::cell_of(record, 0, bench.worker->now).held_up, half.size());
  record.state = State::READ_RESPONSE;
  record.lane[kResponse].begin = record.lane[kResponse].end = 17;
  const Cell cell = console::cell_of(record, 0, bench.worker->now);
  EXPECT_EQ(cell.held_up, 0U) << "parsed bytes of the request are those of a retry";
  EXPECT_EQ(cell.held_down, 17U);
  record.state = State::READ_REQUEST;
}

TEST(Viewers, TheMoreTheSlower) {
  console::Viewers viewers;
  EXPECT_EQ(viewers.next_ms(1000), 50);
  for (std::uint64_t id = 1; id <= 4; ++id) viewers.polled(id, 1000);
  for (int n = 0; n < 20; ++n) viewers.polled(3, 1100);
  EXPECT_EQ(viewers.next_ms(1100), 50);
  viewers.polled(5, 1100);
  EXPECT_EQ(viewers.next_ms(1100), 200);
  for (std::uint64_t id = 1; id <= 200; ++id) viewers.polled(id, 1200);
  EXPECT_EQ(viewers.next_ms(1200), 1000);
  EXPECT_EQ(viewers.next_ms(1200 + console::Viewers::kGoneMs), 50);
}

// ---- the trace --------------------------------------------------------------------------------------------

struct Ring {
  std::array<TraceEntry, 64> room{};
  base::Trace trace{room};

  void began(std::uint64_t us, std::size_t events) {
    trace.add(turn_entry(TraceEvent::turn_began, us, events));
  }
  void ended(std::uint64_t us, std::size_t runs) { trace.add(turn_entry(TraceEvent::turn_ended, us, runs)); }
  void entered(std::uint32_t slot, State from, Event event) {
    trace.add({.id = 1,
               .slot = slot,
               .value = static_cast<std::int32_t>(from),
               .event = TraceEvent::entered,
               .state = static_cast<std::uint8_t>(static_cast<unsigned>(next_state(from, event)) & 15U),
               .before = static_cast<std::uint8_t>(static_cast<unsigned>(from) & 15U),
               .detail = static_cast<std::uint8_t>(event)});
  }
  void called(std::uint32_t slot, State state, unsigned error) {
    trace.add({.id = 9,
               .slot = slot,
               .event = TraceEvent::called,
               .state = static_cast<std::uint8_t>(static_cast<unsigned>(state) & 15U),
               .before = static_cast<std::uint8_t>(static_cast<unsigned>(state) & 15U),
               .error = static_cast<std::uint8_t>(error & 127U)});
  }
  void released(std::uint32_t slot, State from, base::Reason reason) {
    trace.add({.id = 1,
               .slot = slot,
               .event = TraceEvent::released,
               .state = 0,
               .before = static_cast<std::uint8_t>(static_cast<unsigned>(from) & 15U),
               .detail = static_cast<std::uint8_t>(reason)});
  }
};

std::uint32_t taken(const console::Tally& tally, State from, Event event) {
  for (std::size_t i = 0; i < kTransitions.size(); ++i)
    if (kTransitions[i].from == from && kTransitions[i].event == event) return tally.transitions()[i];
  return ~0U;
}

TEST(Tally, TurnsAndTransitions) {
  Ring ring;
  console::Tally tally;
  ring.began(1'000, 1);
  ring.entered(1, State::FREE, Event::accepted);  // before the first viewer came
  ring.ended(1'100, 0);
  tally.read(ring.trace, ring.trace.written());
  ring.began(5'000, 2);
  ring.entered(3, State::FREE, Event::accepted);
  ring.called(3, State::READ_REQUEST, 0);
  ring.entered(3, State::READ_REQUEST, Event::forwarded);
  ring.called(3, State::SEND_REQUEST, EAGAIN);
  ring.called(4, State::SEND_RESPONSE, EPIPE);
  ring.released(4, State::SEND_RESPONSE, base::Reason::complete);
  ring.released(5, State::READ_REQUEST, base::Reason::board);
  ring.ended(5'700, 2);
  ring.began(6'000, 0);  // goes on
  tally.read(ring.trace, ring.trace.written());
  ASSERT_EQ(tally.next(), 2U);
  const console::TurnRow& row = tally.turn(1);
  EXPECT_EQ(row.began_us, 5'000U);
  EXPECT_EQ(row.awake_us, 700U);
  EXPECT_EQ(row.asleep_us, 3'900U);
  EXPECT_EQ(row.events, 2U);
  EXPECT_EQ(row.runs, 2U);
  EXPECT_EQ(row.calls, 3U);
  EXPECT_EQ(row.again, 1U);
  EXPECT_EQ(row.failed, 1U);
  EXPECT_EQ(row.by_state, (std::array<std::uint16_t, 4>{0, 1, 0, 0})) << "slot 4 was released";
  EXPECT_EQ(taken(tally, State::FREE, Event::accepted), 1U);
  EXPECT_EQ(taken(tally, State::READ_REQUEST, Event::forwarded), 1U);
  EXPECT_EQ(taken(tally, State::SEND_RESPONSE, Event::closed), 1U);
  EXPECT_EQ(taken(tally, State::READ_REQUEST, Event::closed), 0U) << "a viewer's connection is still open";
}

TEST(Tally, KeepsTheLastTurnsAndSurvivesALoss) {
  Ring ring;
  console::Tally tally;
  for (std::uint64_t n = 0; n < 1'500; ++n) {
    ring.began(n * 10, n);
    ring.ended(n * 10 + 5, 0);
    if (n % 30 == 0) tally.read(ring.trace, ring.trace.written());
  }
  EXPECT_EQ(tally.next() - tally.oldest(), console::Tally::kTurns);
  EXPECT_EQ(tally.turn(tally.next() - 1).events, 1'470U);
  for (std::uint64_t n = 0; n < 100; ++n) ring.began(n, n);  // the ring is overwritten
  ring.ended(1'000'000, 0);
  const std::uint64_t before = tally.next();
  tally.read(ring.trace, ring.trace.written());
  EXPECT_EQ(tally.next(), before + 1);
}

TEST(Rows, StepsOfASlotHaveTheirTurns) {
  Ring ring;
  ring.began(1'000, 3);                    // 0; its number of events is not a slot
  ring.called(1, State::READ_REQUEST, 0);  // 1
  ring.ended(1'100, 3);                    // 2
  ring.began(2'000, 1);                    // 3
  ring.called(3, State::READ_REQUEST, 0);  // 4
  ring.called(3, State::READ_REQUEST, 0);  // 5
  ring.ended(2'100, 1);                    // 6
  const string all = console::steps(ring.trace, 7, 0, std::nullopt).bytes;
  EXPECT_EQ(read<RowsHead>(all, 0).count, 7U);
  EXPECT_EQ(read<RowsHead>(all, 0).next, 7U);
  const string bytes = console::steps(ring.trace, 7, 0, 3).bytes;
  const auto head = read<RowsHead>(bytes, 0);
  ASSERT_EQ(head.count, 3U);
  EXPECT_EQ(head.row_bytes, sizeof(console::Step));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(read<console::Step>(bytes, sizeof head + i * sizeof(console::Step)).position, 3 + i);
  const string later = console::steps(ring.trace, 7, 100, 3).bytes;
  EXPECT_EQ(read<RowsHead>(later, 0).first, 7U) << "a position that is not written yet";
  EXPECT_EQ(read<RowsHead>(later, 0).count, 0U);
}

TEST(Rows, AnAnswerIsBounded) {
  std::vector<TraceEntry> room(std::size_t{1} << 17U);
  base::Trace trace{room};
  for (std::size_t n = 0; n < room.size(); ++n) trace.add({.slot = 1, .event = TraceEvent::called});
  const string bytes = console::steps(trace, trace.written(), 0, std::nullopt).bytes;
  const auto head = read<RowsHead>(bytes, 0);
  EXPECT_LE(head.count, console::kStepsMax);
  EXPECT_EQ(head.next, head.count);
  const console::Rows none = console::steps(trace, trace.written(), 0, 2);
  EXPECT_EQ(none.looked_at, console::kEntriesMax);
  EXPECT_EQ(read<RowsHead>(none.bytes, 0).next, console::kEntriesMax) << "the next answer goes on there";
}

TEST(Rows, RequestsByTheirNumbers) {
  record::NoteRing notes{600};
  for (std::uint64_t n = 0; n < 1'000; ++n) notes.add({.id = n});
  const string bytes = console::requests(notes, 0);
  auto head = read<RowsHead>(bytes, 0);
  EXPECT_EQ(head.oldest, 400U);
  EXPECT_EQ(head.first, 400U);
  EXPECT_EQ(head.next, 900U);
  ASSERT_EQ(head.count, console::kRequestsMax);
  for (std::size_t i = 0; i < head.count; ++i)
    EXPECT_EQ(read<record::Note>(bytes, sizeof head + i * sizeof(record::Note)).id, 400 + i);
  head = read<RowsHead>(console::requests(notes, 900), 0);
  EXPECT_EQ(head.count, 100U);
  EXPECT_EQ(head.next, 1'000U);
}

TEST(Trace, AMutedEntryLeavesNoMark) {
  Ring ring;
  for (int n = 0; n < 63; ++n) ring.called(1, State::READ_REQUEST, 0);
  {
    const base::Trace::Mute outer{ring.trace, true};
    ring.called(2, State::READ_REQUEST, 0);
    const base::Trace::Mute inner{ring.trace, true};
    ring.called(2, State::READ_REQUEST, 0);
  }
  EXPECT_EQ(ring.trace.written(), 63U);
  {
    const base::Trace::Mute later{ring.trace, false};
    ring.called(3, State::READ_REQUEST, 0);
    ring.trace.mute();
    ring.called(4, State::READ_REQUEST, 0);
  }
  ring.called(5, State::READ_REQUEST, 0);
  EXPECT_EQ(ring.trace.written(), 65U);
  EXPECT_EQ(ring.trace.at(63).slot, 3U);
  EXPECT_EQ(ring.trace.at(64).slot, 5U);
  EXPECT_EQ(ring.trace.capacity(), 64U);
}

TEST(Trace, AnEntryThatIsTakenBack) {
  Ring ring;
  for (std::uint32_t n = 0; n < 100; ++n) ring.called(n, State::READ_REQUEST, 0);
  for (int n = 0; n < 70; ++n) {
    const base::Trace::Mark mark = ring.trace.mark();
    ring.began(1, 2);
    ring.trace.take_back(mark);
  }
  EXPECT_EQ(ring.trace.written(), 100U);
  for (std::uint64_t at = ring.trace.oldest(); at < 100; ++at) EXPECT_EQ(ring.trace.at(at).slot, at);
}

// ---- queries ----------------------------------------------------------------------------------------------

TEST(BoardQuery, OnlyWhatThePageKnows) {
  EXPECT_EQ(console::parse_query("", {})->since, 0U);
  EXPECT_EQ(console::parse_query("since=18446744073709551615", {})->since, UINT64_MAX);
  const auto both = console::parse_query("since=7&slot=3", {.slots = 500});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->since, 7U);
  EXPECT_EQ(both->slot, 3U);
  EXPECT_EQ(console::parse_query("slot=3&since=7", {.slots = 500})->since, 7U);
  for (const char* wrong : {"since", "since=", "since=-1", "since=+1", "since=0x1", "since=1 ",
                            "since=18446744073709551616", "slot=3", "since=1&since=2", "x=1", "since=1&x",
                            "&", "&since=1", "since=1&&", "SINCE=1", "since=1%00"})
    EXPECT_FALSE(console::parse_query(wrong, {})) << wrong;
  EXPECT_FALSE(console::parse_query("slot=1&slot=1", {.slots = 500}));
  EXPECT_EQ(console::parse_query("slot=499", {.slots = 500})->slot, 499U);
  for (const char* wrong : {"slot=500", "slot=4294967295", "slot=4294967296", "since=1&slot=500"})
    EXPECT_FALSE(console::parse_query(wrong, {.slots = 500})) << wrong;
  EXPECT_EQ(console::parse_query("since=7", {.since_most = 7})->since, 7U);
  EXPECT_FALSE(console::parse_query("since=8", {.since_most = 7}));
  EXPECT_EQ(console::query_help({.since_most = 7}), "Invalid query: expected since=NUMBER, at most 7.");
  EXPECT_EQ(console::query_help({.since_most = 7, .slots = 500}),
            "Invalid query: expected since=NUMBER, at most 7, and slot=NUMBER after &, at most 499; each at "
            "most once.");
}

// ---- the record file -------------------------------------------------------------------------------------

TEST(RecordPage, APartInATurnAndTheFileForASecond) {
  console::RecordPage page;
  int parts = 0, files = 0;
  std::uint64_t written = 0;
  const auto get = [&](std::uint64_t now, std::uint64_t turn) {
    return page.get(now, turn, written, [&](record::Output& out, record::Progress& at) {
      at.begun = true;
      out.put(std::as_bytes(std::span{"abc", 3}));
      ++parts;
      if (++at.parts < 3) return false;
      ++files;
      return true;
    });
  };
  EXPECT_EQ(get(1000, 1), nullptr);
  EXPECT_EQ(written, 3U);
  EXPECT_EQ(get(1000, 1), nullptr) << "another viewer";
  EXPECT_EQ(written, 0U);
  EXPECT_EQ(parts, 1);
  EXPECT_EQ(get(1001, 2), nullptr);
  const auto file = get(1002, 3);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(*file, "abcabcabc");
  for (std::uint64_t turn = 3; turn < 203; ++turn) EXPECT_EQ(get(2001, turn), file);
  EXPECT_EQ(files, 1);
  EXPECT_EQ(get(2002, 203), nullptr) << "a second later";
  EXPECT_EQ(get(3002, 204), nullptr) << "without a request for a second, it begins again";
  EXPECT_EQ(get(3002, 205), nullptr);
  const auto next = get(3002, 206);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(*next, "abcabcabc") << "not the parts of the file that was left";
}

// ---- heads ------------------------------------------------------------------------------------------------

TEST(Heads, NothingSecretIsKept) {
  const string shown = console::public_head(
      "GET http://ann:pw@a.test/path?token=t1#f HTTP/1.1\r\n"
      "Host: a.test\r\n"
      "Authorization: Basic c2VjcmV0\r\n"
      "proxy-authorization: Basic c2VjcmV0\r\n"
      "Cookie: session=s1; b=2\r\n"
      "X-Forwarded-Access-Token: s3\r\n"
      "X-Api-Key: k\r\n"
      "Referer: http://u:p@b.test/from?q=s4\r\n"
      "Accept: */*\r\n"
      "\r\n");
  EXPECT_EQ(shown,
            "GET http://a.test/path?... HTTP/1.1\n"
            "Host: a.test\n"
            "Authorization: (not shown, 14 bytes)\n"
            "proxy-authorization: (not shown, 14 bytes)\n"
            "Cookie: (not shown, 15 bytes)\n"
            "X-Forwarded-Access-Token: (not shown, 2 bytes)\n"
            "X-Api-Key: (not shown, 1 byte)\n"
            "Referer: http://b.test/from?...\n"
            "Accept: */*\n");
  EXPECT_EQ(console::public_head("HTTP/1.1 302 Found\r\n"
                                 "Set-Cookie: id=s5; Secure\r\n"
                                 "Location: /next?code=s6\r\n"
                                 "WWW-Authenticate: Bearer error=x\r\n\r\n"),
            "HTTP/1.1 302 Found\n"
            "Set-Cookie: (not shown, 13 bytes)\n"
            "Location: /next?...\n"
            "WWW-Authenticate: (not shown, 14 bytes)\n");
}

TEST(Heads, LongOnesAreCut) {
  string head = "GET /" + string(20'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_LE(console::public_head(head).size(), console::kHeadTextMax + 4);
  head = "GET / HTTP/1.1\r\n";
  for (int n = 0; n < 900; ++n) head += "Accept: text/html\r\n";
  EXPECT_LE(console::public_head(head + "\r\n").size(), console::kHeadTextMax + 4);
}

TEST(Heads, AreKeptOnlyWhileSomebodyAsks) {
  bench::Bench bench;
  console::HeadStore store{*bench.worker};
  request_info record;
  record.id = 5;
  record.client = sys::loopback4(1);
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: browser\r\n\r\n";
  EXPECT_EQ(bench.worker->heads, nullptr);
  store.watch();
  ASSERT_EQ(bench.worker->heads, &store);
  store.keep(record, HeadKeeper::Message::request, kRequest, "GET / HTTP/1.1\r\nVia: 1.1 proxy\r\n\r\n");
  ASSERT_NE(store.find(5, 1), nullptr);
  EXPECT_EQ(store.find(5, 1)->sent[0], "GET / HTTP/1.1\nVia: 1.1 proxy\n");
  EXPECT_EQ(store.find(5, 2), nullptr);
  store.note_client(sys::loopback4(1), "browser");
  EXPECT_TRUE(store.has_seen(sys::loopback4(99), "browser")) << "the port does not count";
  EXPECT_FALSE(store.has_seen(sys::loopback4(99), "other"));
  EXPECT_TRUE(store.has_seen(sys::loopback6(99), "browser")) << "localhost is either address";
  sys::Address elsewhere;
  ASSERT_TRUE(sys::parse_ip("192.0.2.1", 1, elsewhere));
  EXPECT_FALSE(store.has_seen(elsewhere, "browser"));
  for (std::uint64_t id = 10; id < 10 + console::HeadStore::kRequests; ++id) {
    record.id = id;
    store.keep(record, HeadKeeper::Message::request, kRequest, kRequest);
  }
  EXPECT_EQ(store.find(5, 1), nullptr) << "the oldest makes room";
  bench.worker->now += console::HeadStore::kWatchedMs;
  store.keep(record, HeadKeeper::Message::request, kRequest, kRequest);
  EXPECT_EQ(bench.worker->heads, nullptr);
  EXPECT_EQ(store.find(10, 1), nullptr);
}

// ---- files ------------------------------------------------------------------------------------------------

TEST(WebFiles, TheTableIsTheFolder) {
  namespace fs = std::filesystem;
  const fs::path folder = "src/console/web";
  ASSERT_TRUE(fs::is_directory(folder)) << "run it at the root of the repository";
  std::set<string> there, listed;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) there.insert(fs::relative(entry.path(), folder).string());
  for (const console::WebFile& file : console::web_files()) {
    listed.emplace(file.name);
    std::ifstream in{folder / file.name, std::ios::binary};
    std::stringstream text;
    text << in.rdbuf();
    EXPECT_EQ(file.text, text.str()) << file.name;
    EXPECT_FALSE(file.type.empty());
  }
  EXPECT_EQ(listed, there) << "each file needs a line in src/console/web_files.inc";
  EXPECT_NE(console::find_web_file("index.html"), nullptr);
  EXPECT_EQ(console::find_web_file("../board.cpp"), nullptr);
}

}  // namespace
