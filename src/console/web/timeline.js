// The table of records at any position of a recording, and the time of each entry: what src/replay/timeline.cpp
// and src/replay/clock.cpp compute, with the same results.
import {kCalled, kEntered, kFinding, kTurnBegan, kTurnEnded, kWaited} from './decode.js';

export const kWaitNotKnown = 255; // as `wait`: it began before the recording
export const kRuns = 254;         // as `wait`: the record does not wait
const kDistance = 1024;           // entries between two copies, at least
const kCopiedRowsMax = 1 << 18;   // rows of all copies: bounds the memory for a long recording

const newRow = (id, state) => (
  {id, state, wait: kWaitNotKnown, bytes: -1, since: 0, finding: false, tunnel: false, served: 0, table: null});

// Moves in a recording, in both directions. Copies of the table at regular distances, made once, let it go
// backwards: a step takes at most one such distance.
//
// A row: {id, state, wait, bytes, since} as replay::Row; `finding`: a finding names it since its last step;
// `tunnel`; `served`: requests that its connection had before, in the recording; `table`: its row at the end of
// the file, if it has had no entry so far and has none later.
export class Timeline {
  // `recording`: as decodeRecording returns it. `tunnelEvent`: the number of tunnel_opened.
  constructor(recording, tunnelEvent = -1) {
    this.entries = recording.entries;
    this.first = recording.first;
    this.end = recording.first + recording.entries.length;
    this.tunnelEvent = tunnelEvent;
    this.clock = new Clock(recording.entries);
    this.table = this.firstTable(recording);
    this.copies = [copyOf(this.table)];
    this.distance = this.chooseDistance();
    while (this.table.position < this.end) {
      this.step();
      if ((this.table.position - this.first) % this.distance === 0) this.copies.push(copyOf(this.table));
    }
  }

  // Copies of a large table are further apart, so that all together have no more rows than there are entries.
  chooseDistance() {
    const slots = new Set(this.table.rows.keys());
    for (let i = 0; i < this.entries.length; ++i) if (this.entries.isOfSlot(i)) slots.add(this.entries.slot[i]);
    return Math.max(kDistance, slots.size, Math.ceil(this.entries.length * slots.size / kCopiedRowsMax));
  }

  // The first entry of a slot says what was before it; a slot without entries stood still.
  firstTable(recording) {
    const {entries} = this, rows = new Map(), seen = new Set(), named = new Set();
    for (const cell of recording.table) {
      const inState = cell.inStateMs * 1000, last = this.clock.last;
      rows.set(cell.slot, {...newRow(cell.id, cell.state), wait: cell.wait, tunnel: (cell.flags & 8) !== 0,
        since: inState < last ? last - inState : 0, served: cell.served, table: cell});
    }
    for (let i = 0; i < entries.length; ++i) {
      if (!entries.isOfSlot(i)) continue;
      const slot = entries.slot[i];
      if (!seen.has(slot)) rows.set(slot, newRow(rows.get(slot)?.id ?? 0, entries.before(i)));
      seen.add(slot);
      if (entries.kind[i] === kCalled || named.has(slot)) continue;
      named.add(slot);
      rows.get(slot).id = entries.id[i];
    }
    for (const [slot, row] of rows) if (row.state === 0) rows.delete(slot);
    return {position: this.first, now: 0, rows};
  }

  step() {
    const {entries, table} = this, i = table.position++ - this.first, slot = entries.slot[i];
    if (entries.isTurn(i)) table.now = entries.time(i);
    if (entries.kind[i] === kFinding && table.rows.has(slot)) table.rows.get(slot).finding = true;
    if (!entries.isOfSlot(i)) return;
    if (entries.state(i) === 0) {
      table.rows.delete(slot);
      return;
    }
    if (!table.rows.has(slot)) table.rows.set(slot, newRow(0, 0));
    this.apply(i, table.rows.get(slot));
  }

  apply(i, row) {
    const {entries} = this, kind = entries.kind[i];
    row.state = entries.state(i);
    if (kind !== kCalled) row.id = entries.id[i];
    if (kind !== kWaited && kind !== kEntered) return;
    const waits = kind === kWaited;
    row.wait = waits ? entries.detail[i] : kRuns;
    row.bytes = waits ? entries.value[i] : -1;
    row.since = this.table.now;
    if (waits) return;
    row.finding = false;
    if (entries.detail[i] === this.tunnelEvent) row.tunnel = true;
    if (row.state === 1 && entries.before(i) !== 0) ++row.served;
  }

  // Returns the table before the entry at `position`; at `end`, after all entries: {position, now (µs of the
  // latest turn; 0: not known), rows (a Map by slot)}. It is valid until the next call.
  at(position) {
    const copy = this.copies[Math.min(Math.floor((position - this.first) / this.distance), this.copies.length - 1)];
    if (position < this.table.position || copy.position > this.table.position) this.table = copyOf(copy);
    while (this.table.position < position) this.step();
    return this.table;
  }
}

const copyOf = table =>
  ({...table, rows: new Map([...table.rows].map(([slot, row]) => [slot, {...row}]))});

// The time of each entry: exact for those of turns, between them by their order. Entries are meant by their index.
export class Clock {
  constructor(entries) {
    this.entries = entries;
    let count = 0;
    for (let i = 0; i < entries.length; ++i) if (entries.isTurn(i)) ++count;
    this.at = new Uint32Array(count);     // the indexes of the entries of turns
    this.time = new Float64Array(count);  // their times in µs, never decreasing
    for (let i = 0, turn = 0; i < entries.length; ++i) {
      if (!entries.isTurn(i)) continue;
      this.at[turn] = i;
      this.time[turn] = Math.max(turn > 0 ? this.time[turn - 1] : 0, entries.time(i));
      ++turn;
    }
    this.start = this.time[0] ?? 0;
    this.last = count > 0 ? entries.time(this.at[count - 1]) : 0;
  }

  // The number of the latest entry of a turn at or before index i; -1: none.
  turnOf(i) { return upperBound(this.at, i) - 1; }

  // The time of the latest turn entry at or before index i; that of the first one before it.
  turnTimeOf(i) { return this.time[Math.max(0, this.turnOf(i))] ?? 0; }

  // The time of the entry; the entries of a turn divide its time evenly.
  timeOf(i) {
    const turn = this.turnOf(i);
    if (turn < 0) return this.start;
    if (!this.endsTurn(turn + 1)) return this.time[turn];
    const part = (i - this.at[turn]) / (this.at[turn + 1] - this.at[turn]);
    return this.time[turn] + (this.time[turn + 1] - this.time[turn]) * part;
  }

  // How many entries had happened by then.
  countBy(us) {
    const turn = upperBound(this.time, us) - 1;
    if (turn < 0) return 0;
    if (turn + 1 === this.at.length) return this.entries.length;
    const from = this.at[turn], to = this.at[turn + 1];
    if (!this.endsTurn(turn + 1)) return to;
    const part = (us - this.time[turn]) / (this.time[turn + 1] - this.time[turn]);
    return from + 1 + Math.floor(part * (to - from) + 1e-9);
  }

  endsTurn(turn) { return turn < this.at.length && this.entries.kind[this.at[turn]] === kTurnEnded; }
  beginsTurn(turn) { return this.entries.kind[this.at[turn]] === kTurnBegan; }
}

// The number of elements at the front of the sorted list that are at most `value`.
export function upperBound(list, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = low + high >>> 1;
    if (list[middle] <= value) low = middle + 1; else high = middle;
  }
  return low;
}
