#include "notes.hpp"

#include "../../request_state.hpp"
#include "../base/elapsed.hpp"

namespace console {
namespace {

using std::string_view;

// Copies the text, or as much as there is room for. Returns whether it was cut.
template <std::size_t N>
bool copy_text(string_view text, std::array<char, N>& room) noexcept {
  return text.copy(room.data(), N) < text.size();
}

// The path without its query, and the scheme; empty for CONNECT and for what could not be parsed. A path can
// have "://" in it.
struct Target {
  string_view scheme{}, path{};
};
Target target_of(string_view url) noexcept {
  url = url.substr(0, url.find_first_of("?#"));
  if (url.starts_with('/')) return {.path = url};
  const std::size_t colon = url.find("://");
  if (colon == string_view::npos) return {};
  const std::size_t slash = url.find('/', colon + 3);
  return {url.substr(0, colon), slash == string_view::npos ? string_view{} : url.substr(slash)};
}

void put_client(const sys::Address& client, record::Note& note) noexcept {
  constexpr std::array<std::uint8_t, 4> kFamilies{0, 4, 6, 1};  // in the order of Family
  note.client_family = kFamilies[static_cast<std::size_t>(client.family)];
  note.client_port = client.port;
  note.client = client.bytes;
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

record::Note note_in_progress(const request_info& record, std::uint32_t slot, const Worker& worker) noexcept {
  const Exchange& exchange = *record.exchange;
  record::Note note = note_of(exchange, worker.trace.written());
  note.slot = slot;
  note.sent_up = record.lane[kRequest].bytes_sent - exchange.sent_up_at_start;
  note.sent_down = record.lane[kResponse].bytes_sent - exchange.sent_down_at_start;
  note.state_ms[static_cast<std::size_t>(record.state)] += base::elapsed(record.entered, worker.now);
  if (exchange.phase != Phase::none)
    note.phase_ms[static_cast<std::size_t>(exchange.phase)] += base::elapsed(exchange.phase_at, worker.now);
  return note;
}

}  // namespace console
