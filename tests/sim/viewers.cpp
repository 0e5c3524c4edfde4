// Viewers of the board as actors.
#include "viewers.hpp"

#include <algorithm>

#include "viewers_model.hpp"

namespace sim {

using namespace views;

namespace {

constexpr std::size_t kPiece = 4096;        // bytes read at once
constexpr std::uint64_t kPauseMs = 700;     // of a slow reader, after each piece
constexpr std::uint64_t kStopMs = 20'000;   // of a reader that stops

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  if (const std::size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

std::string_view path_of(const Row& row) { return row.target.substr(0, row.target.find('?')); }

}  // namespace

Viewer::Viewer(World& world, const ViewPlan& plan, bool own, bool http10) : world_(world), plan_(plan), own_(own), http10_(http10) {
  if (plan.pause_ms != 0) waiting_until_ = world.now() + plan.pause_ms;
  ask_next();
  while (plan.pipelines && ends_.size() < plan.asks.size()) ask_next();
}

// Adds the next request to what it says.
void Viewer::ask_next() {
  const std::size_t nth = ends_.size();
  const Row& asked = row(nth);
  const std::string port = std::to_string(own_ ? kBoardPort : 8080);
  const std::string target = replaced(replaced(std::string{asked.target}, "{next}", std::to_string(next_[path_of(asked)])), "{port}", port);
  said_ += std::string{asked.method} + " " + target + " HTTP/1.1\r\nHost: ";
  said_ += (asked.host.empty() ? "localhost:" + port : std::string{asked.host}) + "\r\n" + std::string{asked.fields};
  if (plan_.closes && nth + 1 == plan_.asks.size()) said_ += "Connection: close\r\n";
  said_ += "\r\n";
  ends_.push_back(said_.size());
}

std::size_t Viewer::asked() const {
  return static_cast<std::size_t>(std::count_if(ends_.begin(), ends_.end(), [this](std::size_t end) { return end <= sent_; }));
}

std::size_t Viewer::complete_answers() const {
  return answers.size() - (!answers.empty() && !answers.back().complete ? 1 : 0);
}

// It has all answers, and no reason to stay.
bool Viewer::is_done() const {
  return complete_answers() == plan_.asks.size() && !plan_.closes && !http10_ && plan_.manner != ViewManner::stall;
}

void Viewer::leave(bool by_reset) {
  over = left = true;
  waiting_until_ = 0;
  by_reset ? world_.remote_rst(*connection_) : world_.remote_close(*connection_);
}

bool Viewer::send() {
  const bool leaves = plan_.manner == ViewManner::vanish || plan_.manner == ViewManner::reset;
  const bool cuts = leaves || plan_.manner == ViewManner::stall;
  const std::size_t end = cuts ? std::min(plan_.cut, said_.size()) : said_.size();
  if (sent_ < end) {
    const std::size_t piece = world_.chooser().some(std::min<std::size_t>(end - sent_, 500));
    const std::size_t taken = world_.remote_send(*connection_, std::string_view{said_}.substr(sent_, piece));
    sent_ += taken;
    return taken > 0;
  }
  if (!leaves || (sent_ < plan_.cut && ends_.size() < plan_.asks.size())) return false;
  leave(plan_.manner == ViewManner::reset);
  return true;
}

// Takes the answers from what it has received, and asks for more.
void Viewer::take_answers() {
  while (fault.empty() && !rest.empty()) {
    Answer answer;
    const std::size_t nth = complete_answers();
    const std::size_t length = take_answer(rest, nth < plan_.asks.size() ? &row(nth) : nullptr, answer, fault);
    if (length == 0) return;
    if (nth < answers.size()) answers.pop_back();
    answers.push_back(answer);
    if (!answer.complete) return;
    rest.erase(0, length);
    if (nth >= plan_.asks.size()) continue;
    if (answer.status == status_at(row(nth), own_)) fault = check_body(row(nth), answer);
    if (answer.status == 200 && fault.empty()) next_[path_of(row(nth))] = next_of(row(nth), answer);
    if (!answer.closes && ends_.size() == nth + 1 && ends_.size() < plan_.asks.size()) ask_next();
  }
}

bool Viewer::read() {
  Connection& c = *connection_;
  std::size_t most = kPiece;
  const bool holds = (plan_.manner == ViewManner::stop && !stopped_) || plan_.manner == ViewManner::leave;
  if (holds) most = std::min(most, plan_.cut - std::min(plan_.cut, heard_));
  if (holds && most == 0) {
    stopped_ = true;
    waiting_until_ = world_.now() + kStopMs;
    if (plan_.manner == ViewManner::leave) leave(false);
    return true;
  }
  const bool deaf = plan_.manner == ViewManner::deaf;
  if (!c.down.arrived.empty() && !deaf) {
    const std::string came = world_.remote_read(c, world_.chooser().some(most));
    heard_ += came.size();
    rest += came;
    if (plan_.manner == ViewManner::slow) waiting_until_ = world_.now() + kPauseMs;
    take_answers();
    if (is_done()) leave(false);
    return true;
  }
  if (!c.down.fin_arrived && !c.remote_reset) return false;
  saw_eof = c.down.fin_arrived;
  saw_reset = c.remote_reset && !saw_eof;
  over = true;
  world_.remote_close(c);
  return true;
}

bool Viewer::act() {
  if (over || waiting_until_ > world_.now()) return false;
  waiting_until_ = 0;
  if (!connection_) {
    connection_ = world_.connect_to_program(own_ ? kBoardPort : 8080);
    over = refused = !connection_;
    refused_in_ = world_.edition;
    return true;
  }
  return world_.chooser().choose(2) == 0 ? send() || read() : read() || send();
}

// ---- all of them -----------------------------------------------------------------------------------------

Viewers::Viewers(World& world, const ViewersPlan& plan, std::size_t slots, bool http10) : world_(world), plan_(plan), slots_(slots) {
  for (const ViewPlan& view : plan.views) {
    viewers_.push_back(std::make_unique<Viewer>(world, view, plan.own, http10));
    world.actors.emplace_back([viewer = viewers_.back().get()] { return viewer->act(); });
  }
}
Viewers::~Viewers() = default;

bool Viewers::over() const {
  return std::all_of(viewers_.begin(), viewers_.end(), [](const auto& viewer) { return viewer->over; });
}

std::uint64_t Viewers::next_time() const {
  std::uint64_t next = 0;
  for (const auto& viewer : viewers_)
    if (const std::uint64_t time = viewer->next_time(); time != 0 && (next == 0 || time < next)) next = time;
  return next;
}

// ---- what the program shows of them ----------------------------------------------------------------------

namespace {

std::size_t viewers_in(Worker& worker) {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
    count += worker.table.at(slot).state != State::FREE && worker.table.at(slot).viewer ? 1 : 0;
  return count;
}

// The sum of the metric's values, without the series whose labels contain `except`.
std::uint64_t sum_of(const std::string& metrics, std::string_view name, std::string_view except = "\n") {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < metrics.size();) {
    const std::size_t end = std::min(metrics.find('\n', at), metrics.size());
    const std::string_view line = std::string_view{metrics}.substr(at, end - at);
    const std::size_t value = line.rfind(' ');
    at = end + 1;
    if (!line.starts_with(name) || line.substr(0, line.find_first_of("{ ")) != name) continue;
    if (line.substr(0, value).find(except) == std::string_view::npos) sum += std::strtoull(std::string{line.substr(value + 1)}.c_str(), nullptr, 10);
  }
  return sum;
}

constexpr std::uint64_t kMetricsEach = 16;  // turns: metrics are a long text

}  // namespace

void Viewers::begin_turn(const Worker& worker) {
  alone_ = worker.table.used() == worker.viewers;
  had_ = worker.viewers;
}

std::string Viewers::check_turn(Worker& worker) {
  if (plan_.views.empty()) return {};
  ++turns_;
  if (std::string fault = check_trace(worker); !fault.empty()) return fault;
  return check_records(worker);
}

// The records of viewers: those that have an answer of the board, and no others.
std::string Viewers::check_records(Worker& worker) const {
  const std::size_t viewers = viewers_in(worker), share = std::max<std::size_t>(1, slots_ / 2);
  if (viewers != worker.viewers) return "the viewers are miscounted";
  if (!plan_.own && viewers > share) return "viewers have more than half of the records";
  if (turns_ % kMetricsEach != 0) return {};
  const std::string metrics = *worker.pages->metrics(Pages::MetricsFormat::text);
  if (sum_of(metrics, "proxy_records", "FREE") != worker.table.used() - viewers) return "the metrics count records of viewers";
  return {};
}

// A connection is in the trace from its acceptance to its release, and a viewer is released when it becomes one.
std::string Viewers::check_entry(const base::TraceEntry& entry) {
  using base::TraceEvent;
  const auto place = occupants_.find(entry.slot);
  const bool used = place != occupants_.end() && place->second.known == Known::used && place->second.id == entry.id;
  switch (entry.event) {
    case TraceEvent::turn_began:
    case TraceEvent::turn_ended:
    case TraceEvent::lost:
    case TraceEvent::finding: return {};
    case TraceEvent::accepted:
      if (place != occupants_.end() && place->second.known == Known::used) return "the trace has two connections in a slot";
      occupants_[entry.slot] = {entry.id, Known::used};
      return {};
    case TraceEvent::called:
      if (entry.slot == base::TraceEntry::kNoSlot) return {};
      if (place == occupants_.end()) return "the trace has a call of a slot that is not in use";
      return place->second.known == Known::board ? "the trace has a call of a viewer" : "";
    case TraceEvent::released:
      if (!used) return "the trace has the end of a connection that it does not know";
      place->second.known = entry.detail == static_cast<std::uint8_t>(base::Reason::board) ? Known::board : Known::ended;
      return {};
    default: return used ? "" : "the trace has a step of a viewer";
  }
}

std::string Viewers::check_trace(const Worker& worker) {
  const std::uint64_t written = worker.trace.written();
  if (position_ < worker.trace.oldest()) return {};  // entries were lost: nothing is known from now on
  if (alone_ && worker.table.used() == worker.viewers && had_ + worker.viewers > 0 && written == position_ + 2)
    return "a turn of viewers is in the trace";
  for (; position_ < written; ++position_)
    if (std::string fault = check_entry(worker.trace.at(position_)); !fault.empty()) return fault;
  std::erase_if(occupants_, [](const auto& one) { return one.second.known == Known::ended; });
  return {};
}

// ---- the access log and the metrics ----------------------------------------------------------------------

namespace {

// A line of the access log: TIME CLIENT #NUMBER METHOD TARGET STATUS … end=REASON by=PARTY
bool is_request(std::string_view line) { return line.find(" end=") != std::string_view::npos && line.find(" by=") != std::string_view::npos; }

// Only viewers have such targets.
bool is_of_viewer(std::string_view line) {
  std::size_t at = line.find(" #");
  for (int word = 0; word < 2 && at != std::string_view::npos; ++word) at = line.find(' ', at + 1);
  if (at == std::string_view::npos) return false;
  const std::string_view target = line.substr(at + 1);
  return target.starts_with('/') || target.starts_with("http://localhost:") || target.starts_with("http://10.9.0.9");
}

struct Lines {
  std::size_t all = 0, of_viewers = 0;
};

Lines count_lines(const std::string& log) {
  Lines lines;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t end = std::min(log.find('\n', at), log.size());
    const std::string_view line = std::string_view{log}.substr(at, end - at);
    at = end + 1;
    if (!is_request(line)) continue;
    ++lines.all;
    lines.of_viewers += is_of_viewer(line) ? 1 : 0;
  }
  return lines;
}

// How many lines the log must and may have, and how many requests the metrics must and may count as those of viewers.
struct Bounds {
  std::size_t logged_least = 0, logged_most = 0, board_least = 0, board_most = 0;

  void add(const Viewer& viewer, bool changes) {
    bool is_viewer = viewer.owns_listener(), certain = true;
    for (std::size_t i = 0; i < viewer.asked(); ++i) {
      const Answer* const answer = i < viewer.answers.size() && viewer.answers[i].complete ? &viewer.answers[i] : nullptr;
      const Row& row = viewer.row(i);
      const bool expected = answer != nullptr && answer->status == status_at(row, viewer.owns_listener());
      const bool other = row.sort == Sort::other, method = row.sort == Sort::method;
      certain &= expected && !changes;
      const bool logged = other || (method && !is_viewer);
      logged_least += certain && logged ? 1 : 0;
      logged_most += certain && !logged ? 0 : 1;
      board_least += certain && !logged ? 1 : 0;
      board_most += certain && logged ? 0 : 1;
      if (other) is_viewer = false;
      if (row.sort == Sort::board) is_viewer = true;
    }
  }
};

std::string bounds_text(std::uint64_t found, std::size_t least, std::size_t most) {
  return std::to_string(found) + " requests of viewers, expected " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

void Viewers::keep_metrics(const Worker& worker) {
  if (!plan_.views.empty()) metrics_ = *worker.pages->metrics(Pages::MetricsFormat::text);
}

std::string Viewers::judge_counts(const ViewedWorld& seen) const {
  if (metrics_.empty()) return {};
  Bounds bounds;
  for (const auto& viewer : viewers_) bounds.add(*viewer, seen.changes);
  const std::uint64_t board = sum_of(metrics_, "proxy_board_requests_total");
  if (board < bounds.board_least || board > bounds.board_most)
    return "the metrics have " + bounds_text(board, bounds.board_least, bounds.board_most);
  const std::uint64_t counted = sum_of(metrics_, "proxy_requests_total");
  const Lines lines = count_lines(world_.log);
  if (seen.errors) return {};
  if (lines.all != counted) return "the log has " + std::to_string(lines.all) + " requests, and the metrics count " + std::to_string(counted);
  if (lines.of_viewers < bounds.logged_least || lines.of_viewers > bounds.logged_most)
    return "the log has " + bounds_text(lines.of_viewers, bounds.logged_least, bounds.logged_most);
  return {};
}

}  // namespace sim
