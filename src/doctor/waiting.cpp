#include "waiting.hpp"

#include "../state/timeouts.hpp"

namespace doctor {
namespace {

using state::Awaited;

void add(Needs& needs, Side side, bool write) noexcept { needs.all[needs.count++] = {side, write}; }

// What the lane could not do when it ran last. `from`: the side that it reads.
void add_of_lane(Needs& needs, const net::Lane& lane, Side from, Side to) noexcept {
  if (lane.flow == net::Flow::need_read) add(needs, from, false);
  if (lane.flow == net::Flow::need_write) add(needs, to, true);
}

Needs needs_for(const request_info& record, Awaited awaited) noexcept {
  Needs needs;
  switch (awaited) {
    case Awaited::client_sends: add(needs, kClient, false); break;
    case Awaited::client_reads: add(needs, kClient, true); break;
    case Awaited::upstream_sends: add(needs, kUpstream, false); break;
    case Awaited::upstream_reads:
    case Awaited::attempts: add(needs, kUpstream, true); break;
    case Awaited::lanes:
      add_of_lane(needs, record.lane[kRequest], kClient, kUpstream);
      add_of_lane(needs, record.lane[kResponse], kUpstream, kClient);
      break;
    case Awaited::proxy: break;
  }
  return needs;
}

}  // namespace

Needs needs_of(const request_info& record) noexcept {
  const state::DiagnosisRow* const row = state::find_diagnosis(record.state, record.wait);
  const bool waits = row != nullptr && !record.ready.linked() && record.verdict == base::Reason::none;
  return waits ? needs_for(record, row->awaited) : Needs{};
}

bool is_marked(const request_info& record, const Need& need) noexcept {
  const net::Endpoint& side = record.side[need.side];
  return need.write ? side.writable : side.readable;
}

// While a head is read, all bytes of its block that were parsed so far count as sent in the lane.
Held held_by(const request_info& record) noexcept {
  const net::Lane &request = record.lane[kRequest], &response = record.lane[kResponse];
  const bool reads_request = record.state == State::READ_REQUEST,
             reads_response = record.state == State::READ_RESPONSE;
  return {.up = static_cast<std::uint32_t>(reads_request ? request.end : request.held()),
          .down = static_cast<std::uint32_t>(reads_response ? response.end : response.held())};
}

state::Situation situation_of(const request_info& record, std::uint64_t now) noexcept {
  using state::Situation;
  const bool timed = record.timer.linked();
  const bool endless = timed && state::timeout_ms(record, record.wait) == 0;
  const std::uint64_t since = timed ? state::waiting_since(record) : record.entered;
  const Held held = held_by(record);
  const std::uint64_t left = record.deadline > now ? record.deadline - now : 0;
  return {.state = record.state,
          .wait = record.wait,
          .needs_block = record.needs_block,
          .held = std::uint64_t{held.up} + held.down,
          .waited = now > since ? now - since : 0,
          .remaining = endless ? Situation::kNever
                       : timed ? left
                               : Situation::kUnknown,
          .own = timed ? state::own_timeout(record, record.wait) : nullptr};
}

void write_wait(std::uint32_t slot, std::uint64_t id, const state::Situation& situation,
                base::Writer& out) noexcept {
  out << "[slot " << std::uint64_t{slot} << ", #" << id << "] " << name(situation.state) << ": ";
  state::write_diagnosis(situation, out);
}

}  // namespace doctor
