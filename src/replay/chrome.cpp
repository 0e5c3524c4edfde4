#include "chrome.hpp"

#include <array>
#include <map>
#include <optional>

#include "../base/escape.hpp"
#include "../state/states.hpp"
#include "clock.hpp"
#include "timeline.hpp"

namespace replay {
namespace {

using base::TraceEntry;
using base::TraceEvent;
using std::string;
using std::string_view;

constexpr std::size_t kLoop = 0;  // thread

string number(std::uint64_t value) { return std::to_string(value); }

// µs with three decimals.
string us(std::uint64_t ns) {
  std::array<char, 24> room;
  base::Writer out{room};
  out << ns / 1000 << '.';
  out.padded(ns % 1000, 3);
  return string{out.view()};
}

// The events of the output.
class Events {
 public:
  Events(Output& out, std::uint64_t bytes_max) : out_(out), bytes_max_(bytes_max) {
    out_.write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
    name("process_name", kLoop, "proxy");
    name("thread_name", kLoop, "loop");
  }
  void end() { out_.write("\n]}\n"); }

  void name(string_view what, std::size_t thread, string_view value) {
    add("M", what, thread, 0, R"(,"args":{"name":)" + base::json_string(value) + "}");
  }
  void slice(string_view name, std::size_t thread, std::uint64_t from, std::uint64_t to, const string& args) {
    add("X", name, thread, from, R"(,"dur":)" + us(to - from) + R"(,"args":{)" + args + "}");
  }
  void instant(string_view name, std::size_t thread, std::uint64_t at, const string& args) {
    add("i", name, thread, at, R"(,"s":"t","args":{)" + args + "}");
  }
  void counter(string_view name, std::uint64_t at, const string& args) {
    add("C", name, kLoop, at, R"(,"args":{)" + args + "}");
  }
  // From an event to the run that it caused.
  void arrow(bool start, std::size_t id, std::size_t thread, std::uint64_t at) {
    add(start ? "s" : "f", "event", thread, at,
        R"(,"cat":"event","id":)" + number(id) + (start ? "" : R"(,"bp":"e")"));
  }
  // No more is written.
  [[nodiscard]] bool full() const { return full_ || out_.failed(); }
  [[nodiscard]] bool cut() const { return full_; }

 private:
  void add(string_view kind, string_view name, std::size_t thread, std::uint64_t at, const string& rest) {
    full_ = full_ || out_.written() >= bytes_max_;
    if (full()) return;
    string line = first_ ? R"({"ph":")" : ",\n{\"ph\":\"";
    first_ = false;
    line.append(kind).append(R"(","pid":1,"tid":)").append(number(thread));
    line.append(R"(,"ts":)")
        .append(us(at))
        .append(R"(,"name":)")
        .append(base::json_string(name))
        .append(rest)
        .append("}");
    out_.write(line);
  }

  Output& out_;
  const std::uint64_t bytes_max_;
  bool first_ = true, full_ = false;
};

// What goes on in a slot; each lies within the one before it.
enum Level : std::uint8_t { kConnection, kRequest, kState, kWait };
constexpr std::size_t kLevels = 4;

class Slot {
 public:
  Slot(Events& events, std::size_t slot) : events_(events), thread_(slot + 1) {
    events_.name("thread_name", thread_, "slot " + number(slot));
  }

  void open(Level level, string name, std::uint64_t at, string args = {}) {
    close(level, at);
    open_[level] = Slice{std::move(name), at, std::move(args)};
  }
  // Ends what goes on in this level and in those inside it.
  void close(Level level, std::uint64_t at) {
    for (std::size_t inner = kLevels; inner-- > level;) {
      if (!open_[inner]) continue;
      events_.slice(open_[inner]->name, thread_, open_[inner]->from, at, open_[inner]->args);
      open_[inner].reset();
    }
  }
  [[nodiscard]] bool has(Level level) const { return open_[level].has_value(); }
  [[nodiscard]] std::size_t thread() const { return thread_; }
  std::optional<std::size_t> arrow;  // an event without a run so far

 private:
  struct Slice {
    string name;
    std::uint64_t from;
    string args;
  };
  Events& events_;
  std::size_t thread_;
  std::array<std::optional<Slice>, kLevels> open_;
};

class Converter {
 public:
  Converter(const record::Recording& recording, const Selection& selection, Output& out,
            std::uint64_t bytes_max)
      : recording_(recording),
        selection_(selection),
        names_(recording.names.view()),
        times_(times_of(recording)),
        events_(out, bytes_max) {}

  bool convert() {
    begin();
    for (std::uint64_t at = selection_.from; at < selection_.to && !events_.full(); ++at)
      add(recording_.entries[at - recording_.first], times_[at - recording_.first]);
    end_run(now_);
    for (auto& [number, slot] : slots_) slot.close(kConnection, now_);
    events_.end();
    return !events_.cut();
  }

 private:
  [[nodiscard]] string state_name(std::uint8_t state) const { return text(names_.states, state); }
  static string text(watch::TraceNames::List list, std::size_t number) {
    std::array<char, 128> room;
    base::Writer out{room};
    watch::put_name(out, list, number);
    return string{out.view()};
  }
  Slot& slot(std::uint32_t number) { return slots_.try_emplace(number, events_, number).first->second; }

  // What goes on when the selection begins.
  void begin() {
    Timeline timeline{recording_};
    const std::uint64_t from = selection_.from - recording_.first;
    now_ = from < times_.size() ? times_[from] : 0;
    for (const auto& [number, row] : timeline.at(selection_.from).rows) {
      if (!selection_.has(number)) continue;
      ++used_;
      open_connection(slot(number), row.id);
      slot(number).open(kRequest, "request", now_);
      slot(number).open(kState, state_name(row.state), now_);
      if (row.wait < names_.waits.size()) slot(number).open(kWait, text(names_.waits, row.wait), now_);
    }
  }

  void open_connection(Slot& slot, std::uint32_t id) const {
    slot.open(kConnection, "connection #" + number(id), now_, R"("id":)" + number(id));
  }

  void add(const TraceEntry& entry, std::uint64_t time) {
    now_ = time;
    if (is_turn(entry)) return add_turn(entry);
    if (!is_of_slot(entry) || !selection_.has(entry.slot)) return end_run(now_);
    Slot& one = slot(entry.slot);
    if (entry.event == TraceEvent::notified) return add_event(one);
    run(entry.slot, one);
    add_step(entry, one);
  }

  void add_turn(const TraceEntry& entry) {
    end_run(now_);
    if (entry.event == TraceEvent::turn_began) {
      turn_ = now_;
      turn_events_ = entry.slot;
      return;
    }
    if (!turn_) return;
    const string runs = number(entry.slot);
    events_.slice("turn", kLoop, *turn_, now_, R"("events":)" + number(turn_events_) + R"(,"runs":)" + runs);
    turn_.reset();
    events_.counter("records in use", now_, R"("records":)" + number(used_));
    events_.counter("a turn's work", now_, R"("events":)" + number(turn_events_) + R"(,"runs":)" + runs);
  }

  void add_event(Slot& one) {
    end_run(now_);
    if (one.arrow) return;
    one.arrow = ++arrows_;
    events_.instant("event", one.thread(), now_, "");
  }

  // A run is all that is noted of a slot without another between.
  void run(std::uint32_t number_of, Slot& one) {
    if (runs_ == number_of) return;
    end_run(now_);
    runs_ = number_of;
    run_began_ = now_;
    if (!one.arrow || !turn_) return;
    events_.arrow(true, *one.arrow, one.thread(), now_);
    events_.arrow(false, *one.arrow, kLoop, now_);
    one.arrow.reset();
  }
  void end_run(std::uint64_t at) {
    if (runs_ && turn_)
      events_.slice("slot " + number(*runs_), kLoop, run_began_, at, R"("slot":)" + number(*runs_));
    runs_.reset();
  }

  void add_step(const TraceEntry& entry, Slot& one) {
    switch (entry.event) {
      case TraceEvent::accepted:
        open_connection(one, entry.id);
        ++used_;
        break;
      case TraceEvent::entered: enter(entry, one); break;
      case TraceEvent::waited: one.open(kWait, text(names_.waits, entry.detail), now_, bytes(entry)); break;
      case TraceEvent::released:
        one.close(kConnection, now_);
        used_ -= used_ > 0 ? 1 : 0;
        break;
      case TraceEvent::called: add_call(entry, one); break;
      default:
        events_.instant(text(names_.trace_events, static_cast<std::size_t>(entry.event)), one.thread(), now_,
                        bytes(entry));
    }
  }

  // A request begins with READ_REQUEST, which is entered from FREE or after a response.
  void enter(const TraceEntry& entry, Slot& one) {
    if (!one.has(kConnection)) open_connection(one, entry.id);
    if (entry.state == static_cast<std::uint8_t>(State::READ_REQUEST) || !one.has(kRequest))
      one.open(kRequest, "request", now_);
    one.open(kState, state_name(entry.state), now_,
             R"("event":)" + base::json_string(text(names_.events, entry.detail)));
  }

  void add_call(const TraceEntry& entry, Slot& one) {
    if (entry.error == 0 && entry.forced == 0) return;
    const string call = text(names_.calls, entry.detail);
    const string name = entry.error == 0 ? call : text(names_.error_names, entry.error);
    events_.instant(name, one.thread(), now_,
                    R"("call":)" + base::json_string(call) + (entry.forced == 0 ? "" : R"(,"forced":true)"));
  }

  static string bytes(const TraceEntry& entry) { return R"("value":)" + std::to_string(entry.value); }

  const record::Recording& recording_;
  const Selection& selection_;
  const watch::TraceNames names_;
  const std::vector<std::uint64_t> times_;
  Events events_;
  std::map<std::uint32_t, Slot> slots_;
  std::uint64_t now_ = 0, run_began_ = 0;
  std::optional<std::uint64_t> turn_;  // when it began
  std::uint32_t turn_events_ = 0;
  std::optional<std::uint32_t> runs_;  // the slot
  std::size_t used_ = 0, arrows_ = 0;
};

}  // namespace

bool write_chrome(const record::Recording& recording, const Selection& selection, Output& out,
                  std::uint64_t bytes_max) {
  return Converter{recording, selection, out, bytes_max}.convert();
}

}  // namespace replay
