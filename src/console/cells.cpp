#include "cells.hpp"

#include <algorithm>
#include <cstring>

#include "../doctor/waiting.hpp"

namespace console {
namespace {

std::uint8_t marks_of(const net::Endpoint& side) noexcept {
  return static_cast<std::uint8_t>(
      (side.readable ? Cell::kReadable : 0) | (side.writable ? Cell::kWritable : 0) |
      (side.finished ? Cell::kFinished : 0) | (side.link == net::Link::open ? Cell::kConnected : 0));
}

std::uint8_t flags_of(const request_info& record) noexcept {
  const bool tunnel = record.exchange && record.exchange->message.tunneled;
  const bool starved = record.needs_block || record.awaits != Share::none;
  return static_cast<std::uint8_t>((tunnel ? Cell::kTunnel : 0) | (record.viewer ? Cell::kViewer : 0) |
                                   (record.ready.linked() ? Cell::kReady : 0) |
                                   (starved ? Cell::kStarved : 0) | (record.served > 0 ? Cell::kSecond : 0));
}

bool equal(const Cell& a, const Cell& b) noexcept { return std::memcmp(&a, &b, sizeof a) == 0; }

std::uint32_t first_frame(std::uint64_t run) noexcept {
  return static_cast<std::uint32_t>(run * 0x9e3779b97f4a7c15U >> 32) | 1U;
}

}  // namespace

Cell cell_of(const request_info& record, std::uint32_t slot, std::uint64_t now) noexcept {
  const state::Situation situation = doctor::situation_of(record, now);
  const doctor::Held held = doctor::held_by(record);
  return {.slot = slot,
          .id = static_cast<std::uint32_t>(record.id),
          .since_ms = static_cast<std::uint32_t>(now - situation.waited),
          .held_up = held.up,
          .held_down = held.down,
          .state = static_cast<std::uint8_t>(record.state),
          .wait = static_cast<std::uint8_t>(record.wait),
          .flags = flags_of(record),
          .marks = static_cast<std::uint8_t>(marks_of(record.side[kClient]) | marks_of(record.side[kUpstream])
                                                                                  << 4)};
}

Cells::Cells(std::uint64_t run) noexcept : first_(first_frame(run)), frame_(first_) {}

void Cells::store(std::uint32_t slot, const Cell& cell) noexcept {
  if (equal(cells_[slot], cell)) return;
  cells_[slot] = cell;
  stamps_[slot] = frame_;
}

void Cells::mark_findings(const Table& table, const watch::FindingLog& findings, std::uint64_t now) noexcept {
  for (const std::uint32_t slot : named_) found_[slot] = 0;
  named_.clear();
  for (const watch::FindingRow& row : watch::kFindingRows) {
    if (!findings[row.finding].lasts) continue;
    for (const watch::FindingLog::Record& record : findings[row.finding].named()) {
      const bool quiet = now >= record.last + watch::FindingLog::kQuietMs;
      if (quiet || record.slot >= table.touched() || table.at(record.slot).id != record.id) continue;
      found_[record.slot] = 1;
      named_.push_back(record.slot);
    }
  }
}

std::size_t Cells::scan(const Table& table, const watch::FindingLog& findings, std::uint64_t now) {
  if (scanned_ != 0 && now < scanned_ + kScanMs) return 0;
  scanned_ = now;
  ++frame_;
  const std::uint32_t touched = table.touched();
  cells_.resize(touched);
  stamps_.resize(touched, frame_);
  found_.resize(touched);
  mark_findings(table, findings, now);
  for (std::uint32_t slot = 0; slot < touched; ++slot) {
    const request_info& record = table.at(slot);
    Cell cell = record.state == State::FREE ? Cell{.slot = slot} : cell_of(record, slot, now);
    if (found_[slot] != 0) cell.flags |= Cell::kFinding;
    store(slot, cell);
  }
  return touched;
}

void Cells::append_since(std::uint32_t frame, CellsHead& head, std::string& out) const {
  const bool all = frame == 0 || frame_ - frame > frame_ - first_;
  head.frame = frame_;
  head.cell_bytes = sizeof(Cell);
  head.flags = static_cast<std::uint16_t>(head.flags | (all ? CellsHead::kAll : 0));
  head.touched = static_cast<std::uint32_t>(cells_.size());
  for (std::size_t slot = 0; slot < cells_.size(); ++slot) {
    const Cell& cell = cells_[slot];
    const bool free = cell.state == static_cast<std::uint8_t>(State::FREE),
               viewer = (cell.flags & Cell::kViewer) != 0;
    head.used += free || viewer ? 0 : 1;
    head.viewers += viewer ? 1 : 0;
    if (!viewer) ++head.by_state[cell.state];
    if (all ? free : frame_ - stamps_[slot] >= frame_ - frame) continue;
    ++head.count;
    out.append(reinterpret_cast<const char*>(&cell), sizeof cell);
  }
  head.by_state[0] = head.slots - head.used - head.viewers;
}

}  // namespace console
