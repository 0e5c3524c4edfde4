#include "recorder.hpp"

#include <algorithm>
#include <cstring>

#include "../plan/config.hpp"
#include "../state/table.hpp"

namespace server {
namespace {

using record::Cell;
using std::string;
using std::string_view;

constexpr std::uint64_t kEntriesInPart = 16 * record::kEntriesInBlock;
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

std::vector<Cell> cells_of(const Table& table, std::uint64_t now) {
  std::vector<Cell> cells;
  cells.reserve(table.used());
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
    if (table.at(slot).state != State::FREE) cells.push_back(cell_of(table.at(slot), slot, now));
  return cells;
}

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
  error = sys::write_all(fd, bytes);
  return error == 0;
}

void Recorder::add(const Exchange& exchange) {
  const std::size_t most = worker_.trace.capacity() / kEntriesOfARequest;
  const record::Note note = note_of(exchange, worker_.trace.written());
  if (notes_.size() < most) {
    notes_.reserve(most);
    return notes_.push_back(note);
  }
  notes_[oldest_note_] = note;
  oldest_note_ = (oldest_note_ + 1) % most;
}

string Recorder::head(string_view reason) const {
  return "version: " + string{plan::kVersion} + "\nrun_id: " + string{worker_.run_id} +
         "\ncommand: " + public_command(arguments_) + "\nreason: " + string{reason} +
         "\nwall_ms: " + std::to_string(worker_.wall_ms) +
         "\nclock_us: " + std::to_string(worker_.now * 1000) +
         "\nslots: " + std::to_string(worker_.table.slots()) + '\n';
}

string Recorder::begin(string_view folder, string_view reason) {
  if (active()) return {};
  path_ = string{folder} + "/proxy-" + string{worker_.run_id} + '-' + std::to_string(++files_) + ".pxr";
  sys::Opened opened = sys::create_file(path_.c_str());
  if (!opened.fd) return "cannot create " + path_ + ": " + std::strerror(opened.error);
  file_.fd = std::move(opened.fd);
  first_ = next_ = worker_.trace.oldest();
  // An error is seen again by the next part.
  if (record::put_file_head(file_) && record::put_text(record::kHeadBlock, head(reason), file_))
    record::put_text(record::kNamesBlock, record::names_text(watch::built_in_names()), file_);
  return {};
}

bool Recorder::put_notes() noexcept {
  const std::span<const record::Note> notes{notes_};
  return record::put_notes(notes.subspan(oldest_note_), file_) &&
         record::put_notes(notes.first(oldest_note_), file_);
}

// The table is that after the last entry, so both are written in one turn.
bool Recorder::put_end() noexcept {
  return put_notes() && record::put_table(next_, cells_of(worker_.table, worker_.now), file_) &&
         record::put_end(file_);
}

string Recorder::write_next() {
  const base::Trace& trace = worker_.trace;
  const std::uint64_t from = std::max(next_, trace.oldest());
  const std::uint64_t end = std::min(trace.written(), from + kEntriesInPart);
  const bool last = end == trace.written();
  const bool good = file_.error == 0 && record::put_entries(trace, from, end, file_);
  next_ = end;
  if (good && !last) return {};
  const bool complete = good && put_end();
  file_.fd.reset();
  if (complete) return "saved the last " + std::to_string(next_ - first_) + " trace entries in " + path_;
  return "cannot write " + path_ + ": " + std::strerror(std::exchange(file_.error, 0));
}

}  // namespace server
