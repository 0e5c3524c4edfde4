#include "recorder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "../base/elapsed.hpp"
#include "../console/notes.hpp"
#include "../doctor/waiting.hpp"
#include "../plan/config.hpp"
#include "../state/table.hpp"

namespace server {
namespace {

using record::Cell;
using std::string;
using std::string_view;

constexpr std::uint64_t kEntriesInPart = 16 * record::kEntriesInBlock;
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

Cell cell_of(const request_info& record, std::uint32_t slot, std::uint64_t now) noexcept {
  const net::Endpoint &client = record.side[kClient], &upstream = record.side[kUpstream];
  const doctor::Held held = doctor::held_by(record);
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
          .held_up = held.up,
          .held_down = held.down,
          .in_state_ms = base::elapsed(record.entered, now),
          .left_ms = record.timer.linked() ? base::elapsed(now, record.deadline, Cell::kNoTimer - 1)
                                           : Cell::kNoTimer,
          .client_fd = client.fd.get(),
          .upstream_fd = upstream.fd.get(),
          .sent_up = record.lane[kRequest].bytes_sent,
          .sent_down = record.lane[kResponse].bytes_sent,
          .served = record.served};
}

// Calls `add` with each record in use and its slot, without those of viewers: the trace knows nothing of
// them.
template <class Add>
void for_each_used(const Table& table, Add add) noexcept {
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
    if (table.at(slot).state != State::FREE && !table.at(slot).viewer) add(table.at(slot), slot);
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

bool put_notes_in_progress(const Worker& worker, record::Output& out) noexcept {
  std::size_t count = 0;
  for_each_used(worker.table,
                [&count](const request_info& record, std::uint32_t) { count += record.exchange ? 1 : 0; });
  ItemWriter<record::Note> notes{record::kNotesBlock, 0, count, out};
  for_each_used(worker.table, [&notes, &worker](const request_info& record, std::uint32_t slot) {
    if (record.exchange) notes.add(console::note_in_progress(record, slot, worker));
  });
  return notes.end();
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
      names_(record::names_text(watch::built_in_names())),
      notes_(std::max<std::size_t>(worker.trace.capacity() / kEntriesOfARequest, 1)) {}

Recorder::~Recorder() {
  if (crashing != this) return;
  sys::on_crash(nullptr);
  crashing = nullptr;
}

void Recorder::add(const Exchange& exchange) {
  notes_.add(console::note_of(exchange, worker_.trace.written()));
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

bool Recorder::put_entries(record::Output& out, record::Progress& at, std::uint64_t most) const noexcept {
  const base::Trace& trace = worker_.trace;
  const std::uint64_t from = std::max(at.next, trace.oldest());
  const std::uint64_t end = std::min(trace.written(), from + most);
  at.lost += from - at.next;
  at.saved += end - from;
  at.next = end;
  ++at.parts;
  return record::put_entries(trace, from, end, out);
}

// Those that no part of the file has.
bool Recorder::put_notes(record::Output& out, record::Progress& at) const noexcept {
  return put_notes_from(std::exchange(at.notes, notes_.next()), out);
}

bool Recorder::put_notes_from(std::uint64_t from, record::Output& out) const noexcept {
  const auto parts = notes_.from(from);
  return record::put_notes(parts[0], out) && record::put_notes(parts[1], out);
}

// The table is that after the last entry, so both are written in one turn.
bool Recorder::put_end(record::Output& out, record::Progress& at) const noexcept {
  return put_notes(out, at) && put_table(at.next, out);
}

bool Recorder::put_table(std::uint64_t position, record::Output& out) const noexcept {
  return put_notes_in_progress(worker_, out) && put_cells(worker_.table, position, worker_.now, out) &&
         record::put_end(out);
}

bool Recorder::write_whole(string_view reason, record::Output& out) const noexcept {
  const base::Trace& trace = worker_.trace;
  return put_beginning(out, reason) && record::put_entries(trace, trace.oldest(), trace.written(), out) &&
         put_notes_from(0, out) && put_table(trace.written(), out);
}

// If the parts do not reach the end of the trace, the last one has all.
bool Recorder::write_part(string_view reason, record::Output& out, record::Progress& at,
                          std::uint64_t most) const noexcept {
  const base::Trace& trace = worker_.trace;
  if (!std::exchange(at.begun, true)) {
    put_beginning(out, reason);
    at.next = trace.oldest();
  }
  const std::uint64_t parts = 2 * trace.capacity() / most + 2;
  put_entries(out, at, at.parts < parts ? most : trace.capacity());
  if (at.next < trace.written()) return false;
  if (at.notes == 0 && notes_.next() > 0) {
    put_notes(out, at);
    return false;
  }
  put_end(out, at);
  return true;
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

string no_regular_file(const string& path) {
  return "cannot create " + path + ": it exists, and is not a regular file";
}

string check_record_folder(const string& folder) {
  const int error = folder.empty() ? 0 : sys::check_writable(folder.c_str());
  return error == 0 ? string{}
                    : "--record-dir: cannot create files in " + folder + ": " + std::strerror(error);
}

string Recorder::begin_run(const string& path) {
  sys::Opened opened = sys::replace_file(path.c_str());
  if (opened.error == EEXIST) return no_regular_file(path);
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
  return put_entries(run_, kPartEntries) && put_notes(run_, run_) ? string{} : failure(run_);
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
