#include "recorder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "../plan/config.hpp"
#include "../state/table.hpp"

namespace server {
namespace {

using record::Cell;
using std::string;
using std::string_view;

constexpr std::uint64_t kEntriesInPart = 16 * record::kEntriesInBlock;
constexpr std::uint64_t kEntriesInTurn = 4 * record::kEntriesInBlock;  // of --record
constexpr std::uint64_t kRunMs = 1000;
constexpr std::size_t kEntriesOfARequest = 32;  // about: the trace and the notes go back equally far

bool is_port(string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == string_view::npos;
}

std::uint8_t marks_of(const net::Endpoint& side) noexcept {
  return static_cast<std::uint8_t>((side.readable ? Cell::kReadable : 0) |
                                   (side.writable ? Cell::kWritable : 0) |
                                   (side.finished ? Cell::kFinished : 0) | (side.eof ? Cell::kEof : 0) |
                                   (side.hung ? Cell::kHung : 0) | (side.shut ? Cell::kShut : 0));
}

std::uint8_t flags_of(const request_info& record) noexcept {
  const bool tunneled = record.exchange && record.exchange->message.tunneled;
  return static_cast<std::uint8_t>(
      (record.ready.linked() ? Cell::kReady : 0) | (record.needs_block ? Cell::kNeedsBlock : 0) |
      (record.awaits != Share::none ? Cell::kAwaitsShare : 0) | (tunneled ? Cell::kTunneled : 0));
}

// ms, at most what the file has room for.
std::uint32_t ms_between(std::uint64_t from, std::uint64_t to) noexcept {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(to > from ? to - from : 0, Cell::kNoTimer - 1));
}

Cell cell_of(const request_info& record, std::uint32_t slot, std::uint64_t now) noexcept {
  const net::Endpoint &client = record.side[kClient], &upstream = record.side[kUpstream];
  return {.slot = slot,
          .id = static_cast<std::uint32_t>(record.id),
          .state = static_cast<std::uint8_t>(record.state),
          .wait = static_cast<std::uint8_t>(record.wait),
          .verdict = static_cast<std::uint8_t>(record.verdict),
          .flags = flags_of(record),
          .client_marks = marks_of(client),
          .upstream_marks = marks_of(upstream),
          .client_link = static_cast<std::uint8_t>(client.link),
          .upstream_link = static_cast<std::uint8_t>(upstream.link),
          .held_up = static_cast<std::uint32_t>(record.lane[kRequest].held()),
          .held_down = static_cast<std::uint32_t>(record.lane[kResponse].held()),
          .in_state_ms = ms_between(record.entered, now),
          .left_ms = record.timer.linked() ? ms_between(now, record.deadline) : Cell::kNoTimer,
          .client_fd = client.fd.get(),
          .upstream_fd = upstream.fd.get(),
          .sent_up = record.lane[kRequest].bytes_sent,
          .sent_down = record.lane[kResponse].bytes_sent,
          .served = record.served};
}

// Copies the text, or as much as there is room for. Returns whether it was cut.
template <std::size_t N>
bool copy_text(string_view text, std::array<char, N>& room) noexcept {
  return text.copy(room.data(), N) < text.size();
}

// The path without its query, and the scheme; empty for CONNECT and for what could not be parsed.
struct Target {
  string_view scheme{}, path{};
};
Target target_of(string_view url) noexcept {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t colon = url.find("://");
  if (colon == string_view::npos) return url.starts_with('/') ? Target{.path = url} : Target{};
  const std::size_t slash = url.find('/', colon + 3);
  return {url.substr(0, colon), slash == string_view::npos ? string_view{} : url.substr(slash)};
}

// Calls `add` with each record in use and its slot.
template <class Add>
void for_each_used(const Table& table, Add add) noexcept {
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
    if (table.at(slot).state != State::FREE) add(table.at(slot), slot);
}

// Items, written a few at a time.
template <class Item>
class ItemWriter {
 public:
  ItemWriter(record::BlockType type, std::uint64_t first, std::size_t count, record::Output& out) noexcept
      : block_(record::items_block<Item>(type, first, count, out)) {}
  void add(const Item& item) noexcept {
    room_[used_++] = item;
    if (used_ == room_.size()) flush();
  }
  bool end() noexcept {
    flush();
    return block_.end();
  }

 private:
  void flush() noexcept { block_.put(std::as_bytes(std::span{room_}.first(std::exchange(used_, 0)))); }

  record::Block block_;
  std::array<Item, 64> room_;
  std::size_t used_ = 0;
};

bool put_cells(const Table& table, std::uint64_t position, std::uint64_t now, record::Output& out) noexcept {
  std::size_t count = 0;
  for_each_used(table, [&count](const request_info&, std::uint32_t) { ++count; });
  ItemWriter<Cell> cells{record::kTableBlock, position, count, out};
  for_each_used(table, [&cells, now](const request_info& record, std::uint32_t slot) {
    cells.add(cell_of(record, slot, now));
  });
  return cells.end();
}

// The note of a request in progress.
record::Note note_in_progress(const request_info& record, std::uint32_t slot, const Worker& worker) noexcept {
  const Exchange& exchange = *record.exchange;
  record::Note note = note_of(exchange, worker.trace.written());
  note.slot = slot;
  note.sent_up = record.lane[kRequest].bytes_sent - exchange.sent_up_at_start;
  note.sent_down = record.lane[kResponse].bytes_sent - exchange.sent_down_at_start;
  note.state_ms[static_cast<std::size_t>(record.state)] += ms_between(record.entered, worker.now);
  if (exchange.phase != Phase::none)
    note.phase_ms[static_cast<std::size_t>(exchange.phase)] += ms_between(exchange.phase_at, worker.now);
  return note;
}

bool put_notes_in_progress(const Worker& worker, record::Output& out) noexcept {
  std::size_t count = 0;
  for_each_used(worker.table,
                [&count](const request_info& record, std::uint32_t) { count += record.exchange ? 1 : 0; });
  ItemWriter<record::Note> notes{record::kNotesBlock, 0, count, out};
  for_each_used(worker.table, [&notes, &worker](const request_info& record, std::uint32_t slot) {
    if (record.exchange) notes.add(note_in_progress(record, slot, worker));
  });
  return notes.end();
}

void put_client(const sys::Address& client, record::Note& note) noexcept {
  constexpr std::array<std::uint8_t, 4> kFamilies{0, 4, 6, 1};  // in the order of Family
  note.client_family = kFamilies[static_cast<std::size_t>(client.family)];
  note.client_port = client.port;
  note.client = client.bytes;
}

// What does not change while the program runs.
string constant_head(const Worker& worker, std::span<const char* const> arguments, string_view lens) {
  const string slots = std::to_string(worker.table.slots()), pid = std::to_string(sys::process_id());
  return "version: " + string{plan::kVersion} + "\nbuild: " + string{plan::kCompiler} + ", build ID " +
         sys::build_id() + "\nrun_id: " + string{worker.run_id} + "\ncommand: " + public_command(arguments) +
         "\nslots: " + slots + "\nlens: " + string{lens} + "\npid: " + pid + '\n';
}

Recorder* crashing = nullptr;  // that saves a crash

}  // namespace

record::Note note_of(const Exchange& exchange, std::uint64_t position) noexcept {
  using record::Note;
  const AccessRecord& log = exchange.log;
  Note note{.id = log.id,
            .position = position,
            .wall_ms = log.wall_ms,
            .sent_up = log.sent_up,
            .sent_down = log.sent_down,
            .nth = log.nth,
            .state_ms = log.state_ms,
            .phase_ms = log.phase_ms,
            .status = log.status,
            .port = exchange.route.port,
            .reason = static_cast<std::uint8_t>(log.reason),
            .error = base::traced_error(log.error),
            .phases = log.phases};
  put_client(log.client, note);
  const Target target = target_of(log.target_view());
  copy_text(log.method_view(), note.method);
  copy_text(target.scheme, note.scheme);
  const bool host_cut = copy_text(exchange.route.host_view(), note.host);
  const bool path_cut = copy_text(target.path, note.path);
  copy_text(log.trace_view(), note.trace_id);
  note.flags =
      static_cast<std::uint8_t>((log.reused ? Note::kReused : 0) | (log.tunnel_opened ? Note::kTunnel : 0) |
                                (log.http10 ? Note::kHttp10 : 0) | (host_cut || path_cut ? Note::kCut : 0));
  return note;
}

string public_command(std::span<const char* const> arguments) {
  string text = "proxy";
  for (const string_view argument : arguments)
    if (argument.starts_with("-"))
      text += ' ' + string{argument.substr(0, argument.find('='))};
    else if (is_port(argument))
      text += ' ' + string{argument};
  return text;
}

bool Recorder::File::put(std::span<const std::byte> bytes) noexcept {
  if (error == 0) error = sys::write_all(fd, bytes);
  return error == 0;
}

Recorder::Recorder(const Worker& worker, std::span<const char* const> arguments, string_view lens)
    : worker_(worker),
      head_(constant_head(worker, arguments, lens)),
      names_(record::names_text(watch::built_in_names())) {}

Recorder::~Recorder() {
  if (crashing != this) return;
  sys::on_crash(nullptr);
  crashing = nullptr;
}

void Recorder::add(const Exchange& exchange) {
  const std::size_t most = worker_.trace.capacity() / kEntriesOfARequest;
  const record::Note note = note_of(exchange, worker_.trace.written());
  if (notes_.size() < most) {
    notes_.reserve(most);
    notes_.push_back(note);
  } else {
    notes_[notes_added_ % most] = note;
  }
  ++notes_added_;
}

// ---- the parts of a file: without allocation, for a crash ------------------------------------------------

bool Recorder::put_beginning(record::Output& out, string_view reason) const noexcept {
  std::array<char, 256> room;
  base::Writer now{room};
  now << "reason: " << reason << "\nwall_ms: " << worker_.wall_ms << "\nclock_us: " << 1000 * worker_.now
      << '\n';
  return record::put_file_head(out) && record::put_text(record::kHeadBlock, head_, now.view(), out) &&
         record::put_text(record::kNamesBlock, names_, out);
}

bool Recorder::put_entries(File& file, std::uint64_t most) const noexcept {
  const base::Trace& trace = worker_.trace;
  const std::uint64_t from = std::max(file.next, trace.oldest());
  const std::uint64_t end = std::min(trace.written(), from + most);
  file.lost += from - file.next;
  file.saved += end - from;
  file.next = end;
  return record::put_entries(trace, from, end, file);
}

// Those that no part of the file has.
bool Recorder::put_notes(File& file) const noexcept {
  return put_notes_from(std::exchange(file.notes, notes_added_), file);
}

bool Recorder::put_notes_from(std::uint64_t from, record::Output& out) const noexcept {
  const std::span<const record::Note> ring{notes_};
  from = std::max(from, notes_added_ - ring.size());
  const auto count = static_cast<std::size_t>(notes_added_ - from);
  if (count == 0) return true;
  const auto at = static_cast<std::size_t>(from % ring.size());
  const std::size_t unbroken = std::min(count, ring.size() - at);
  return record::put_notes(ring.subspan(at, unbroken), out) &&
         record::put_notes(ring.first(count - unbroken), out);
}

// The table is that after the last entry, so both are written in one turn.
bool Recorder::put_end(File& file) const noexcept { return put_notes(file) && put_table(file.next, file); }

bool Recorder::put_table(std::uint64_t position, record::Output& out) const noexcept {
  return put_notes_in_progress(worker_, out) && put_cells(worker_.table, position, worker_.now, out) &&
         record::put_end(out);
}

bool Recorder::write_whole(string_view reason, record::Output& out) const noexcept {
  const base::Trace& trace = worker_.trace;
  return put_beginning(out, reason) && record::put_entries(trace, trace.oldest(), trace.written(), out) &&
         put_notes_from(0, out) && put_table(trace.written(), out);
}

string Recorder::failure(File& file) const {
  file.fd.reset();
  return "cannot write " + file.path + ": " + std::strerror(std::exchange(file.error, 0));
}

// ---- on SIGUSR2 and at a finding -------------------------------------------------------------------------

string Recorder::begin(string_view folder, string_view reason) {
  return active() ? string{} : begin_file(folder, reason, {});
}

string Recorder::begin_for_finding(string_view folder, string_view code) {
  if (active() || worker_.now < finding_due_) return {};
  finding_due_ = worker_.now + kFindingPauseMs;
  if (kept_.size() == kFindingFiles) remove_oldest();
  string error = begin_file(folder, "finding " + string{code}, '-' + string{code});
  if (!error.empty()) return error;
  kept_.push_back({.path = file_.path, .status = {}});
  sys::status_of(file_.fd, kept_.back().status);
  return {};
}

// If the file is not there any more, there is nothing to remove.
void Recorder::remove_oldest() {
  sys::remove_file(kept_.front().path.c_str(), kept_.front().status);
  kept_.erase(kept_.begin());
}

string Recorder::begin_file(string_view folder, string_view reason, string_view ending) {
  const string path = string{folder} + "/proxy-" + string{worker_.run_id} + '-' + std::to_string(++files_) +
                      string{ending} + ".pxr";
  sys::Opened opened = sys::create_file(path.c_str());
  if (!opened.fd) return "cannot create " + path + ": " + std::strerror(opened.error);
  file_ = {};
  file_.fd = std::move(opened.fd);
  file_.path = path;
  file_.next = worker_.trace.oldest();
  put_beginning(file_, reason);  // an error is seen again by the next part
  return {};
}

string Recorder::write_next() {
  const bool good = put_entries(file_, kEntriesInPart);
  if (good && file_.next < worker_.trace.written()) return {};
  if (!good || !put_end(file_)) return failure(file_);
  file_.fd.reset();
  return "saved the last " + std::to_string(file_.saved) + " trace entries in " + file_.path;
}

// ---- of the whole run ------------------------------------------------------------------------------------

string Recorder::begin_run(const string& path) {
  sys::Opened opened = sys::replace_file(path.c_str());
  if (opened.error == EEXIST) return "cannot create " + path + ": it exists, and is not a regular file";
  if (!opened.fd) return "cannot create " + path + ": " + std::strerror(opened.error);
  run_.fd = std::move(opened.fd);
  run_.path = path;
  return put_beginning(run_, "--record") ? string{} : failure(run_);
}

string Recorder::write_run() {
  if (!run_.fd) return {};
  const base::Trace& trace = worker_.trace;
  const std::size_t enough = std::min(record::kEntriesInBlock, trace.capacity() / 2);
  if (trace.written() - run_.next < enough && worker_.now < run_due_) return {};
  run_due_ = worker_.now + kRunMs;
  return put_entries(run_, kEntriesInTurn) && put_notes(run_) ? string{} : failure(run_);
}

string Recorder::end_run() {
  if (!run_.fd) return {};
  if (!put_entries(run_, worker_.trace.capacity()) || !put_end(run_)) return failure(run_);
  run_.fd.reset();
  const string lost = run_.lost == 0 ? string{} : ", " + std::to_string(run_.lost) + " lost";
  return "saved " + std::to_string(run_.saved) + " trace entries in " + run_.path + lost;
}

// ---- after a crash ---------------------------------------------------------------------------------------

void Recorder::save_crash_in(const string& folder) {
  crash_.path = folder.empty() ? string{} : folder + "/proxy-" + string{worker_.run_id} + "-crash.pxr";
  crashing = this;
  sys::on_crash(folder.empty() && !run_.fd ? nullptr : save_crash);
}

// In a signal handler: only calls of signal-safety(7).
void Recorder::save_crash(string_view signal) noexcept {
  Recorder& self = *crashing;
  if (self.run_.fd && self.put_entries(self.run_, self.worker_.trace.capacity())) self.put_end(self.run_);
  File& file = self.crash_;
  if (file.path.empty()) return;
  file.fd = sys::create_file(file.path.c_str()).fd;
  if (!file.fd) return;
  std::array<char, 32> room;
  base::Writer reason{room};
  reason << "crash (" << signal << ')';
  // The entries first: the table may be what is broken.
  const bool saved = self.put_beginning(file, reason.view()) &&
                     self.put_entries(file, self.worker_.trace.capacity()) && self.put_end(file);
  for (const string_view part :
       {string_view{"proxy: "}, signal,
        string_view{saved ? ": the trace is saved in " : ": cannot save all of the trace in "},
        string_view{file.path}, string_view{"\n"}})
    sys::write_stderr(part);
}

}  // namespace server
