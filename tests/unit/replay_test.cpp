// proxy replay: the table of records at any position, of recordings made on the simulated kernel; selection.
#include "../../src/replay/replay.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "../../src/replay/chrome.hpp"
#include "../../src/replay/har.hpp"
#include "../../src/replay/text.hpp"
#include "../../src/replay/timeline.hpp"
#include "../../src/sys/call_trace.hpp"
#include "bench.hpp"

namespace {

using base::TraceEntry;
using base::TraceEvent;
using std::string;

// The names of this program, as those of a recording.
record::Names built_in() {
  record::Names names;
  for (std::size_t i = 0; i < watch::kNameLists; ++i) {
    const auto list = watch::built_in_names().*watch::kNameRows[i].list;
    names.lists[i].assign(list.begin(), list.end());
  }
  return names;
}

// State and id of each slot in use.
using Slots = std::map<std::uint32_t, std::pair<unsigned, std::uint32_t>>;

Slots slots_of(const replay::Table& table) {
  Slots slots;
  for (const auto& [slot, row] : table.rows) slots[slot] = {row.state, row.id};
  return slots;
}

// A recording of random clients and origins, and the real table at many of its positions.
class Made {
 public:
  explicit Made(unsigned seed) : random_(seed) {
    sys::trace_calls(&b_.trace);
    b_.config.http10 = seed % 2 == 0;
    for (int step = 0; step < 120; ++step) {
      b_.trace.add(
          base::turn_entry(TraceEvent::turn_began, 1'000'000 + 500U * static_cast<unsigned>(step), 1));
      act();
      b_.settle();
      b_.trace.add(
          base::turn_entry(TraceEvent::turn_ended, 1'000'300 + 500U * static_cast<unsigned>(step), 1));
      real[b_.trace.written()] = real_table();
    }
    sys::trace_calls(nullptr);
    fill();
  }

  record::Recording recording;
  std::map<std::uint64_t, Slots> real;  // by position

 private:
  std::size_t any(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_);
  }

  // As far as the connection takes it, which may be closed.
  void send(const sim::ConnectionPtr& connection, std::string_view bytes) {
    b_.world.remote_send(*connection, bytes);
    b_.settle();
  }

  void act() {
    constexpr std::string_view kRequest = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";
    if (auto origin = b_.arrival(host_); origin != nullptr) origins_.push_back(origin);
    const std::size_t what = any(6);
    if (clients_.empty() || what == 0) {
      clients_.push_back(b_.client());
      progress_.push_back(0);
    } else if (what <= 2) {
      const std::size_t one = any(clients_.size());
      const std::size_t bytes = std::min(kRequest.size() - progress_[one], 1 + any(kRequest.size()));
      send(clients_[one], kRequest.substr(progress_[one], bytes));
      progress_[one] = (progress_[one] + bytes) % kRequest.size();
    } else if (what <= 4 && !origins_.empty()) {
      send(origins_[any(origins_.size())], "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok");
    } else {
      b_.pass(any(2) == 0 ? 100 : 20'000);
    }
    for (const auto& client : clients_) b_.read(client);
  }

  Slots real_table() {
    Slots slots;
    for (std::uint32_t slot = 0; slot < b_.table.touched(); ++slot) {
      const request_info& record = b_.table.at(slot);
      if (record.state != State::FREE)
        slots[slot] = {static_cast<unsigned>(record.state), static_cast<std::uint32_t>(record.id)};
    }
    return slots;
  }

  void fill() {
    recording.first = b_.trace.oldest();
    for (std::uint64_t at = recording.first; at < b_.trace.written(); ++at)
      recording.entries.push_back(b_.trace.at(at));
    for (const auto& [slot, what] : real_table())
      recording.table.push_back({.slot = slot,
                                 .id = what.second,
                                 .state = static_cast<std::uint8_t>(what.first),
                                 .wait = static_cast<std::uint8_t>(b_.table.at(slot).wait)});
    recording.has_table = true;
    recording.names = built_in();
    recording.head.version = "0.1.0";
    recording.head.reason = "a test";
  }

  std::mt19937 random_;
  bench::Bench b_{16, 1 << 20, true};
  sim::World::Host& host_ = b_.origin();
  std::vector<sim::ConnectionPtr> clients_, origins_;
  std::vector<std::size_t> progress_;
};

// The recording from `first` on, as if the ring buffer had lost what is before.
record::Recording without_beginning(const record::Recording& whole, std::size_t entries) {
  record::Recording rest = whole;
  rest.first += entries;
  rest.entries.erase(rest.entries.begin(), rest.entries.begin() + static_cast<std::ptrdiff_t>(entries));
  return rest;
}

TEST(Timeline, IsTheRealTable) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Made made{seed};
    replay::Timeline timeline{made.recording};
    ASSERT_GT(made.recording.entries.size(), 300U);
    ASSERT_GE(made.real.size(), 100U);
    for (const auto& [position, slots] : made.real) {
      if (position < timeline.first()) continue;
      ASSERT_EQ(slots_of(timeline.at(position)), slots) << "seed " << seed << ", position " << position;
    }
  }
}

// The states before each entry, undone one by one from the table at the end.
TEST(Timeline, IsTheSameForwardsAndBackwards) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    const Made made{seed};
    for (const std::size_t lost : {0U, 150U, 277U}) {
      const record::Recording recording = without_beginning(made.recording, lost);
      replay::Timeline forwards{recording}, backwards{recording};
      std::vector<replay::Table> tables;
      for (std::uint64_t at = forwards.first(); at <= forwards.end(); ++at) tables.push_back(forwards.at(at));
      std::map<std::uint32_t, unsigned> undone;
      for (const record::Cell& cell : recording.table) undone[cell.slot] = cell.state;
      for (std::uint64_t at = forwards.end();; --at) {
        const replay::Table& table = tables[at - forwards.first()];
        ASSERT_EQ(backwards.at(at), table) << "seed " << seed << ", position " << at;
        std::map<std::uint32_t, unsigned> states;
        for (const auto& [slot, row] : table.rows) states[slot] = row.state;
        std::erase_if(undone, [](const auto& one) { return one.second == 0; });
        ASSERT_EQ(states, undone) << "seed " << seed << ", position " << at;
        if (at == forwards.first()) break;
        const TraceEntry& entry = recording.entries[at - 1 - forwards.first()];
        if (replay::is_of_slot(entry)) undone[entry.slot] = entry.before;
      }
    }
  }
}

TEST(Timeline, AWaitIsKnownFromItsEntryOn) {
  record::Recording recording;
  recording.first = 100;
  recording.entries = {
      base::turn_entry(TraceEvent::turn_began, 5'000'000, 1),
      {.id = 7, .slot = 2, .value = 20, .event = TraceEvent::waited, .state = 1, .before = 1, .detail = 3},
      base::turn_entry(TraceEvent::turn_ended, 5'000'010, 1),
      base::turn_entry(TraceEvent::turn_began, 6'000'000, 1),
      {.id = 7, .slot = 2, .value = 1, .event = TraceEvent::entered, .state = 2, .before = 1}};
  recording.table = {{.slot = 2, .id = 7, .state = 2, .wait = 16},
                     {.slot = 5, .id = 3, .state = 4, .wait = 11}};
  replay::Timeline timeline{recording};
  EXPECT_EQ(timeline.at(101).rows.at(2).wait, replay::Row::kNotKnown);
  const replay::Row row = timeline.at(104).rows.at(2);
  EXPECT_EQ(row, (replay::Row{.id = 7, .state = 1, .wait = 3, .bytes = 20, .since = 5'000'000}));
  EXPECT_EQ(timeline.at(105).rows.at(2).wait, replay::Row::kRuns);
  EXPECT_EQ(timeline.at(100).rows.at(5).wait, 11) << "a slot without entries did not change";
}

TEST(Moment, Parse) {
  struct Row {
    const char* text;
    bool valid, before_end;
    std::uint64_t value;
  };
  const Row rows[] = {{"48213", true, false, 48'213},  {"-1.5s", true, true, 1'500'000},
                      {"-200ms", true, true, 200'000}, {"-0.25ms", true, true, 250},
                      {"-3s", true, true, 3'000'000},  {"", false, false, 0},
                      {"-", false, false, 0},          {"-s", false, false, 0},
                      {"-5", false, false, 0},         {"5s", false, false, 0},
                      {"-1.s", false, false, 0},       {"-1.1234567s", false, false, 0},
                      {"+5", false, false, 0},         {"-99999999999999999999s", false, false, 0}};
  for (const Row& row : rows) {
    replay::Moment moment;
    ASSERT_EQ(replay::parse_moment(row.text, moment), row.valid) << row.text;
    if (!row.valid) continue;
    EXPECT_EQ(moment.before_end, row.before_end) << row.text;
    EXPECT_EQ(moment.value, row.value) << row.text;
  }
}

TEST(Moment, Position) {
  record::Recording recording;
  recording.first = 10;
  for (const std::uint64_t time : {1'000'000U, 2'000'000U, 3'000'000U}) {
    recording.entries.push_back(base::turn_entry(TraceEvent::turn_began, time, 0));
    recording.entries.push_back(base::turn_entry(TraceEvent::turn_ended, time, 0));
  }
  EXPECT_EQ(replay::position_of({.before_end = true, .value = 1'000'000}, recording), 12U);
  EXPECT_EQ(replay::position_of({.before_end = true, .value = 1'500'000}, recording), 12U);
  EXPECT_EQ(replay::position_of({.before_end = true, .value = 9'000'000}, recording), 10U);
  EXPECT_EQ(replay::position_of({.value = 11}, recording), 11U);
  EXPECT_EQ(replay::position_of({.value = 99}, recording), 16U);
}

// Times never decrease, are exact for turns, and lie within their turn.
TEST(Times, AreThoseOfTheTurns) {
  const Made made{3};
  const auto times = replay::times_of(made.recording);
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (i > 0) {
      ASSERT_GE(times[i], times[i - 1]) << i;
    }
    if (replay::is_turn(made.recording.entries[i])) {
      ASSERT_EQ(times[i], 1000 * base::turn_time(made.recording.entries[i])) << i;
    }
  }
}

TEST(ReplayRequest, ErrorsSayWhatToDo) {
  struct Row {
    std::vector<const char*> arguments;
    const char* error;
  };
  const Row rows[] = {
      {{}, "replay needs a record file, e.g. proxy replay proxy.pxr"},
      {{"a", "b"}, "replay: expected one file, got 'b' too"},
      {{"a", "--solt", "3"},
       "replay: unknown option '--solt': expected --port, --text, --calls, --slot, --from, --to, --at or "
       "--format"},
      {{"a", "--slot"}, "--slot needs a value"},
      {{"a", "--slot=x"}, "--slot: 'x' is not the number of a slot, e.g. 3"},
      {{"a", "--from", "5s"},
       "--from: '5s' is not a position such as 48213, nor a time before the end such as -1.5s or -200ms"},
      {{"a", "--format", "xml"}, "--format: 'xml' is not a format: expected text, chrome or har"},
      {{"a", "--port", "65536"}, "--port: '65536' is not a port: expected 1 to 65535, or 0 for a free one"},
      {{"a", "--at", "5", "--format", "har"},
       "--at prints the table as text: omit --format, or use --from and --to"},
  };
  for (const Row& row : rows) {
    replay::Request request;
    EXPECT_EQ(replay::read_request(row.arguments, request), row.error);
  }
  replay::Request request;
  const char* const arguments[] = {"--slot=3", "a.pxr", "--from", "-2s", "--calls"};
  ASSERT_EQ(replay::read_request(arguments, request), "");
  EXPECT_EQ(request.path, "a.pxr");
  EXPECT_EQ(request.slot, 3U);
  EXPECT_TRUE(request.calls && request.from.before_end && !request.table);
}

TEST(ReplayRequest, TheBoardUnlessSomethingIsPrinted) {
  using Format = replay::Format;
  const auto format_of = [](std::vector<const char*> arguments) {
    replay::Request request;
    arguments.push_back("a.pxr");
    EXPECT_EQ(replay::read_request(arguments, request), "");
    return request.format;
  };
  EXPECT_EQ(format_of({}), Format::board);
  EXPECT_EQ(format_of({"--port", "9000"}), Format::board);
  for (const std::vector<const char*>& printed : {std::vector<const char*>{"--text"},
                                                  {"--calls"},
                                                  {"-vv"},
                                                  {"--slot=0"},
                                                  {"--from", "1"},
                                                  {"--to=1"},
                                                  {"--at=1"}})
    EXPECT_EQ(format_of(printed), Format::text) << printed[0];
  EXPECT_EQ(format_of({"--format", "har", "--slot", "1"}), Format::har);
}

TEST(ReplayRequest, HelpIsAskedFor) {
  for (const char* const word : {"--help", "-h"}) {
    replay::Request request;
    const char* const arguments[] = {"--slot", "3", word};
    EXPECT_EQ(replay::read_request(arguments, request), "");
    EXPECT_TRUE(request.help);
  }
  EXPECT_TRUE(replay::help_text().starts_with("Usage: proxy replay [OPTION]... FILE\n"));
}

class Memory final : public replay::Output {
 public:
  string text;

 private:
  bool put(std::string_view more) override {
    text += more;
    return true;
  }
};

string written(const record::Recording& recording, const replay::Request& request) {
  Memory out;
  EXPECT_EQ(replay::write_recording(recording, request, out), "");
  return out.text;
}

record::Recording small() {
  record::Recording recording;
  recording.first = 40;
  recording.entries = {
      base::turn_entry(TraceEvent::turn_began, 5'000'000, 1),
      {.id = 7, .slot = 2, .value = 9, .event = TraceEvent::accepted, .state = 0, .before = 0},
      {.id = 7, .slot = 2, .event = TraceEvent::entered, .state = 1, .before = 0, .detail = 0},
      {.id = 9,
       .slot = 2,
       .value = 0,
       .event = TraceEvent::called,
       .state = 1,
       .before = 1,
       .detail = 3,
       .error = 11},
      {.id = 7, .slot = 2, .event = TraceEvent::waited, .state = 1, .before = 1, .detail = 0},
      base::turn_entry(TraceEvent::turn_ended, 5'000'050, 1),
      base::turn_entry(TraceEvent::turn_began, 6'500'000, 0),
      base::turn_entry(TraceEvent::turn_ended, 6'500'000, 0)};
  recording.table = {{.slot = 2, .id = 7, .state = 1, .wait = 0}};
  recording.has_table = true;
  recording.names = built_in();
  recording.head.version = "0.1.0";
  recording.head.reason = "SIGUSR2";
  return recording;
}

constexpr const char* kSummary = "# proxy 0.1.0, recorded for SIGUSR2\n# entries 40 to 48, requests 0\n";

TEST(ReplayText, StepsAndCalls) {
  EXPECT_EQ(written(small(), {}),
            string{kSummary} +
                "-1.500000 41 [slot 2, #7] accepted, descriptor 9\n"
                "-1.500000 42 [slot 2, #7] FREE -> READ_REQUEST (accepted)\n"
                "-1.500000 44 [slot 2, #7] READ_REQUEST waiting for the first byte of a "
                "client connection (0 bytes buffered)\n");
  EXPECT_EQ(written(small(), {.calls = true, .from = {.value = 43}, .to = {.value = 44}}),
            string{kSummary} +
                "-1.500000 40 turn begins at 5.000000 s, events: 1\n"
                "-1.500000 43 [slot 2] READ_REQUEST recv(9) = EAGAIN\n");
  EXPECT_EQ(written(small(), {.slot = 3}), kSummary);
}

TEST(ReplayText, TheTableAtAPosition) {
  EXPECT_EQ(
      written(small(), {.at = {.value = 45}, .table = true}),
      string{kSummary} +
          "# position 45, time -1.500000 s, records in use: 1\n"
          "[slot 2, #7] READ_REQUEST, waiting for the first byte of a client connection, 0 bytes buffered, "
          "since -1.500000 s\n"
          "    The client has sent nothing for 0 ms. At the timeout the connection closes "
          "(--idle-timeout).\n");
  EXPECT_EQ(written(small(), {.at = {.value = 41}, .table = true}),
            string{kSummary} + "# position 41, time -1.500000 s, records in use: 0\n");
}

TEST(ReplayText, DamageIsReported) {
  record::Recording recording = small();
  recording.damage = "damaged at byte 99: the file is cut here";
  Memory out;
  EXPECT_EQ(replay::write_recording(recording, {.path = "a.pxr"}, out),
            "a.pxr: damaged, printed as far as it is whole: damaged at byte 99: the file is cut here");
  EXPECT_NE(out.text.find("accepted, descriptor 9"), string::npos);
}

TEST(ReplayChrome, IsCutWithAWord) {
  const Made made{1};
  Memory out;
  replay::Selection all{.from = made.recording.first,
                        .to = made.recording.first + made.recording.entries.size()};
  EXPECT_FALSE(replay::write_chrome(made.recording, all, out, 2000));
  EXPECT_LT(out.text.size(), 2500U);
  EXPECT_TRUE(out.text.ends_with("}\n]}\n")) << "it is valid JSON";
}

}  // namespace
