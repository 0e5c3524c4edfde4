#include "recorder.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "../plan/config.hpp"
#include "../state/table.hpp"

namespace server {
namespace {

using record::Cell;
using std::string;
using std::string_view;

constexpr std::uint64_t kEntriesInPart = 16 * record::kEntriesInBlock;

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

std::uint32_t held(const net::Lane& lane) noexcept {
  return static_cast<std::uint32_t>(lane.block || lane.pipe ? lane.held() : 0);
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
          .held_up = held(record.lane[kRequest]),
          .held_down = held(record.lane[kResponse]),
          .in_state_ms = ms_between(record.entered, now),
          .left_ms = record.timer.linked() ? ms_between(now, record.deadline) : Cell::kNoTimer,
          .client_fd = client.fd.get(),
          .upstream_fd = upstream.fd.get(),
          .sent_up = record.lane[kRequest].bytes_sent,
          .sent_down = record.lane[kResponse].bytes_sent,
          .served = record.served};
}

std::vector<Cell> cells_of(const Table& table, std::uint64_t now) {
  std::vector<Cell> cells;
  cells.reserve(table.used());
  for (std::uint32_t slot = 0; slot < table.touched(); ++slot)
    if (table.at(slot).state != State::FREE) cells.push_back(cell_of(table.at(slot), slot, now));
  return cells;
}

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
  error = sys::write_all(fd, bytes);
  return error == 0;
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

// The table is that after the last entry, so both are written in one turn.
bool Recorder::put_end() noexcept {
  return record::put_table(next_, cells_of(worker_.table, worker_.now), file_) && record::put_end(file_);
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
