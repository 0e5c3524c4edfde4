#include "har.hpp"

#include <array>
#include <unordered_set>

#include "../base/escape.hpp"
#include "../http/status.hpp"
#include "../http/url_path.hpp"
#include "../state/states.hpp"
#include "../watch/access_log.hpp"
#include "clock.hpp"

namespace replay {
namespace {

using record::Note;
using record::text_of;
using std::string;

// RFC 3339.
string date_time(std::uint64_t wall_ms) {
  std::array<char, 32> room;
  base::Writer out{room};
  watch::put_time(out, wall_ms);
  return string{out.view()};
}

// The path, with the characters that a URL cannot contain (RFC 3986 section 2) percent-encoded.
string url_path(const Note& note) {
  constexpr std::string_view kReserved = "!#$&'()*+,/:;=?@[]%";  // and what is encoded already
  return http::percent_encoded(text_of(note.path), kReserved);
}

// Without scheme in CONNECT.
string url_of(const Note& note) {
  const std::string_view scheme = text_of(note.scheme);
  std::array<char, 512> room;
  base::Writer out{room};
  out << (scheme.empty() ? std::string_view{"http"} : scheme) << "://";
  base::put_host(out, text_of(note.host));
  if (note.port != 0) out << ':' << std::uint64_t{note.port};
  out << url_path(note);
  return string{out.view()};
}

std::uint32_t in_state(const Note& note, State state) {
  return note.state_ms[static_cast<std::size_t>(state)];
}

// -1: the request had no such phase.
string phase(const Note& note, Phase which) {
  const auto index = static_cast<std::size_t>(which);
  return (note.phases >> index & 1U) != 0 ? std::to_string(note.phase_ms[index]) : "-1";
}

// The phases of SEND_REQUEST are parts of it; `send` takes what they leave, so that the sum is right.
string timings(const Note& note, std::uint64_t& total) {
  const std::uint32_t blocked = in_state(note, State::READ_REQUEST);
  const std::uint32_t wait = in_state(note, State::READ_RESPONSE);
  const std::uint32_t receive = in_state(note, State::SEND_RESPONSE);
  const std::uint32_t sending = in_state(note, State::SEND_REQUEST);
  const std::uint32_t before = note.phase_ms[0] + note.phase_ms[1];
  total = std::uint64_t{blocked} + sending + wait + receive;
  return R"({"blocked":)" + std::to_string(blocked) + R"(,"dns":)" + phase(note, Phase::resolve) +
         R"(,"connect":)" + phase(note, Phase::connect) + R"(,"send":)" +
         std::to_string(sending > before ? sending - before : 0) + R"(,"wait":)" + std::to_string(wait) +
         R"(,"receive":)" + std::to_string(receive) + "}";
}

string entry_of(const Note& note, const watch::TraceNames& names) {
  std::uint64_t total = 0;
  const string times = timings(note, total);
  const string version = (note.flags & Note::kHttp10) != 0 ? R"("HTTP/1.0")" : R"("HTTP/1.1")";
  const string nothing = R"(,"cookies":[],"headers":[],"headersSize":-1,"bodySize":-1)";
  const string end{watch::name_in(names.reasons, note.reason)};
  const char* const cut = (note.flags & Note::kCut) != 0 ? ", host or path are cut" : "";
  return R"({"startedDateTime":")" + date_time(note.wall_ms) + R"(","time":)" + std::to_string(total) +
         R"(,"request":{"method":)" + base::json_string(text_of(note.method)) + R"(,"url":)" +
         base::json_string(url_of(note)) + R"(,"httpVersion":)" + version + R"(,"queryString":[])" + nothing +
         R"(},"response":{"status":)" + std::to_string(note.status) + R"(,"statusText":)" +
         base::json_string(http::phrase(note.status)) + R"(,"httpVersion":)" + version +
         R"(,"redirectURL":"","content":{"size":-1,"mimeType":"x-unknown"})" + nothing +
         R"(},"cache":{},"timings":)" + times + R"(,"connection":")" + std::to_string(note.id) +
         R"(","comment":)" +
         base::json_string("end=" + (note.slot == Note::kNoSlot ? end : "in progress") + cut) + "}";
}

// The connections of the selected slot, by the low halves of their ids.
std::unordered_set<std::uint32_t> connections_of(const record::Recording& recording, std::uint32_t slot) {
  std::unordered_set<std::uint32_t> ids;
  for (const base::TraceEntry& entry : recording.entries)
    if (is_of_slot(entry) && entry.slot == slot && entry.event != base::TraceEvent::called)
      ids.insert(entry.id);
  return ids;
}

bool is_selected(const Note& note, const Selection& selection) {
  const bool in_progress = note.slot != Note::kNoSlot;
  const bool in_range = in_progress || (note.position >= selection.from && note.position <= selection.to);
  return in_range && !text_of(note.method).empty() && !text_of(note.host).empty();
}

}  // namespace

void write_har(const record::Recording& recording, const Selection& selection, Output& out) {
  const watch::TraceNames names = recording.names.view();
  out.write(R"({"log":{"version":"1.2","creator":{"name":"proxy","version":)" +
            base::json_string(recording.head.version) + R"(},"entries":[)");
  const auto ids = connections_of(recording, selection.slot.value_or(Note::kNoSlot));
  bool first = true;
  for (const Note& note : recording.notes) {
    if (!is_selected(note, selection) || out.failed()) continue;
    if (selection.slot && !ids.contains(static_cast<std::uint32_t>(note.id))) continue;
    out.write((first ? "\n" : ",\n") + entry_of(note, names));
    first = false;
  }
  out.write("\n]}}\n");
}

}  // namespace replay
