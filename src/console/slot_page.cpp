#include "slot_page.hpp"

#include <array>
#include <cerrno>

#include "../../request_state.hpp"
#include "../doctor/waiting.hpp"
#include "../record/recording.hpp"
#include "../state/diagnosis.hpp"
#include "cells.hpp"
#include "json_text.hpp"
#include "names.hpp"
#include "notes.hpp"

namespace console {
namespace {

using std::string_view;

// In the order of net::Link.
constexpr std::array<string_view, 5> kLinks{"none", "resolving", "connecting", "handshaking", "open"};

void put_marks(JsonText& out, const net::Endpoint& side) {
  out.name("marks").open('{').flag_member("readable", side.readable).flag_member("writable", side.writable);
  out.flag_member("finished", side.finished).flag_member("eof", side.eof);
  out.flag_member("hung", side.hung).flag_member("shut", side.shut).close('}');
}

void put_kernel(JsonText& out, const net::Endpoint& side) {
  out.name("kernel");
  sys::SocketFigures figures;
  if (!side.fd || !sys::socket_figures(side.fd.get(), figures)) {
    out.raw("null");
    return;
  }
  out.open('{').name("state").string_or_null(figures.state);
  out.member("unread", figures.unread).member("unsent", figures.unsent);
  out.member("rtt_us", figures.rtt_us).member("window", figures.window);
  out.member("retransmits", figures.retransmits).member("segment_bytes", figures.segment_bytes).close('}');
}

void put_endpoint(JsonText& out, const net::Endpoint& side, const sys::Address& address) {
  out.open('{').member("address", sys::ip_text(address).view()).member("port", address.port);
  out.name("fd");
  side.fd ? out.number(static_cast<std::uint64_t>(side.fd.get())) : out.raw("null");
  out.member("link", kLinks[static_cast<std::size_t>(side.link)]);
  put_marks(out, side);
  put_kernel(out, side);
  out.close('}');
}

// The bytes that the lane can take before it must send.
std::size_t room_of(const net::Lane& lane, const Worker& worker) noexcept {
  if (lane.pipe) return (lane.pipe->large ? sys::kPipeBytesMax : sys::kPipeBytes) - lane.pipe->held;
  if (!lane.block) return worker.blocks.block_bytes();
  return lane.end < lane.block->size ? lane.block->size - lane.end : 0;
}

// `held`: as the record sees it, with the bytes of an incomplete head.
void put_lane(JsonText& out, string_view name, const net::Lane& lane, std::uint32_t held,
              const Worker& worker) {
  out.name(name).open('{').member("held", held).member("room", room_of(lane, worker));
  out.member("sent", lane.bytes_sent);
  out.member("storage", lane.pipe ? "pipe" : lane.block ? "block" : "none").close('}');
}

void put_attempts(JsonText& out, const net::Connector& connector) {
  out.name("attempts").open('[');
  const auto addresses = connector.addresses();
  const auto attempts = connector.attempts();
  for (std::size_t i = 0; i < std::min(addresses.size(), attempts.size()); ++i) {
    std::array<char, 32> room;
    base::Writer result{room};
    if (attempts[i].error == 0)
      result << "connected";
    else
      base::put_error_name(result, attempts[i].error);
    out.separate().open('{').member("address", sys::endpoint_text(addresses[i]).view());
    out.member("result", result.view()).member("ms", attempts[i].ms).close('}');
  }
  out.close(']');
}

template <class Numbers>
void put_numbers(JsonText& out, string_view name, const Numbers& numbers) {
  out.name(name).open('[');
  for (const auto number : numbers) out.separate().number(number);
  out.close(']');
}

void put_request(JsonText& out, const request_info& record, const record::Note& note) {
  const Exchange& exchange = *record.exchange;
  out.open('{').member("method", record::text_of(note.method)).member("scheme", record::text_of(note.scheme));
  out.member("host", record::text_of(note.host)).member("port", note.port);
  out.member("path", record::text_of(note.path)).member("nth", note.nth);
  out.flag_member("http10", exchange.log.http10).member("status", note.status);
  out.flag_member("reused", exchange.log.reused);
  put_numbers(out, "state_ms", note.state_ms);
  put_numbers(out, "phase_ms", note.phase_ms);
  put_attempts(out, exchange.connector);
  out.close('}');
}

void put_lines(JsonText& out, string_view name, string_view text) {
  out.name(name);
  if (text.empty()) {
    out.raw("null");
    return;
  }
  out.open('[');
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.separate().string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out.close(']');
}

void put_heads(JsonText& out, const Heads* heads) {
  static const Heads kNone;
  const Heads& shown = heads == nullptr ? kNone : *heads;
  out.name("heads").open('{');
  constexpr std::array<string_view, 2> kMessages{"request", "response"};
  for (std::size_t i = 0; i < kMessages.size(); ++i) {
    out.name(kMessages[i]).open('{');
    put_lines(out, "received", shown.received[i]);
    put_lines(out, "sent", shown.sent[i]);
    out.close('}');
  }
  out.close('}');
}

void put_ms(JsonText& out, string_view name, std::uint64_t ms) {
  out.name(name);
  ms >= state::Situation::kNever ? out.raw("null") : out.number(ms);
}

void put_wait(JsonText& out, const request_info& record, std::uint64_t now) {
  const state::Situation situation = doctor::situation_of(record, now);
  const state::DiagnosisRow* const row = state::find_diagnosis(record.state, record.wait);
  std::array<char, state::kDiagnosisMax> room;
  base::Writer sentence{room};
  state::write_diagnosis(situation, sentence);
  out.member("state", name(record.state)).member("wait", static_cast<std::uint64_t>(record.wait));
  out.name("awaited").string_or_null(row == nullptr ? string_view{} : awaited_name(row->awaited));
  out.member("sentence", sentence.view());
  put_ms(out, "waited_ms", situation.waited);
  put_ms(out, "remaining_ms", situation.remaining);
  std::array<char, 64> setting_room;
  base::Writer setting{setting_room};
  if (record.wait != plan::Wait::none && !plan::row(record.wait).option.empty())
    state::write_setting(record.wait, situation.own, setting);
  out.name("option").string_or_null(setting.view());
}

void put_record(JsonText& out, const Worker& worker, const request_info& record, std::uint32_t slot) {
  const Cell cell = cell_of(record, slot, worker.now);
  const auto flag = [&cell](Cell::Flag bit) { return (cell.flags & bit) != 0; };
  out.member("slot", slot).member("id", record.id).flag_member("viewer", record.viewer);
  put_wait(out, record, worker.now);
  out.flag_member("tunnel", flag(Cell::kTunnel)).flag_member("ready", flag(Cell::kReady));
  out.flag_member("starved", flag(Cell::kStarved));
  out.member("served", record.served);
  out.name("client");
  put_endpoint(out, record.side[kClient], record.client);
  out.name("upstream");
  if (record.side[kUpstream].link == net::Link::none)
    out.raw("null");
  else
    put_endpoint(out, record.side[kUpstream],
                 record.exchange ? record.exchange->connector.address() : sys::Address{});
  put_lane(out, "request_lane", record.lane[kRequest], cell.held_up, worker);
  put_lane(out, "response_lane", record.lane[kResponse], cell.held_down, worker);
}

}  // namespace

std::string slot_json(const Worker& worker, std::uint32_t slot, const HeadStore& heads) {
  JsonText out;
  out.open('{');
  const bool used = slot < worker.table.touched() && worker.table.at(slot).state != State::FREE;
  if (!used) {
    out.member("slot", slot).member("state", name(State::FREE));
    return out.close('}').take() + '\n';
  }
  const request_info& record = worker.table.at(slot);
  put_record(out, worker, record, slot);
  out.name("request");
  if (record.exchange)
    put_request(out, record, note_in_progress(record, slot, worker));
  else
    out.raw("null");
  put_heads(out, heads.find(record.id, record.served + (record.exchange ? 1 : 0)));
  return out.close('}').take() + '\n';
}

}  // namespace console
