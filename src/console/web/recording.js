// What a recording shows at a position of it, in the form that live.js has for the proxy as it runs now.
import {kAccepted, kCalled, kCellFinding, kCellSecond, kCellTunnel, kEntered, kFinding, kNoSlot, kNoTimer,
  kNoteHttp10, kNoteReused, kReleased, kTurnBegan, kTurnsKept, decodeRecording} from './decode.js';
import {Sides} from './ladder_rows.js';
import {Timeline, kRuns, kWaitNotKnown, upperBound} from './timeline.js';

export {kWaitNotKnown};
const kRequestsMax = 500, kStepsMax = 4096; // as LiveModel
const kRateUs = 1e6;      // rates are those of the time before the moment
const kLoopFindingUs = 1e6; // how long a finding about no slot is shown: a recording does not say when it ended
const kPlayUs = 20e6;     // a recording that is shorter is played slower, so that it lasts so long

// ---- names --------------------------------------------------------------------------------------------------

const errorsOf = names => Array.from({length: Math.max(names.error_name.length, names.error_text.length)},
  (_, i) => ({name: names.error_name[i] ?? '', text: names.error_text[i] ?? ''}));

// The numbers of a table of this program become those of the file; rows that the file has no names for are left out.
function renumbered(rows, members, program, file) {
  const number = (list, value) => {
    if (typeof value === 'number' && value === program[list].length) return file[list].length; // Wait::none
    return file[list].indexOf(typeof value === 'number' ? program[list][value] : value);
  };
  return rows.map(row => {
    const own = {...row};
    for (const [member, list] of Object.entries(members)) own[member] = number(list, row[member]);
    return own;
  }).filter(row => Object.keys(members).every(member => row[member] >= 0));
}

// Returns names as LiveModel has them, with the numbers of the file: its lists, and the tables of this program
// (`program`: names.json, or what namesFrom makes of it).
export function namesOfRecording(recording, program) {
  const lists = recording.names, pick = (list, own) => list.length > 0 ? list : own;
  const names = {
    ...program, states: pick(lists.state, program.states), events: pick(lists.event, program.events),
    waits: pick(lists.wait, program.waits), reasons: pick(lists.reason, program.reasons),
    calls: pick(lists.call, program.calls), trace_events: pick(lists.trace_event, program.trace_events),
    errors: pick(errorsOf(lists), program.errors)};
  names.wait_options = names.waits.map(wait => program.wait_options[program.waits.indexOf(wait)] ?? '');
  names.findings = lists.finding.length === 0 ? program.findings : lists.finding.map(code =>
    program.findings.find(row => row.code === code) ?? {code, severity: 'note'});
  names.transitions = renumbered(program.transitions, {from: 'states', event: 'events', to: 'states'}, program, names);
  names.diagnosis = renumbered(program.diagnosis, {state: 'states', wait: 'waits'}, program, names);
  const rows = new Map(names.diagnosis.map(row => [row.state << 8 | row.wait, row]));
  names.diagnose = (state, wait) => rows.get(state << 8 | wait);
  names.waitOf = option => names.wait_options.indexOf(option);
  return names;
}

// As base::put_duration.
export function duration(ms) {
  if (ms < 1000) return `${Math.floor(ms)} ms`;
  return ms < 100000 ? `${Math.floor(ms / 1000)}.${Math.floor(ms % 1000 / 100)} s` : `${Math.floor(ms / 1000)} s`;
}

// As state::write_diagnosis; `waitedMs` and `leftMs` null: not known. Empty: the pair has no row.
export function sentenceOf(names, state, wait, waitedMs, leftMs = null, held = 0) {
  const row = names.diagnose(state, wait);
  if (!row) return '';
  let text = row.what + (waitedMs === null ? '' : ` for ${duration(waitedMs)}`);
  if (held > 0) text += held === 1 ? '; 1 byte is held' : `; ${held} bytes are held`;
  text += '.';
  if (wait === names.waits.length || !row.end) return text;
  return `${text} ${leftMs === null ? 'At the timeout' : `In ${duration(leftMs)}`} ${row.end}` +
    (row.option ? ` (${row.option}).` : '.');
}

// ---- places to go to ----------------------------------------------------------------------------------------

// The indexes of the entries that the time bar marks and its keys go to.
class Places {
  constructor(entries, names) {
    this.again = [], this.error = [], this.finding = [], this.transition = [], this.turn = [];
    const number = name => names.errors.findIndex(error => error.name === name);
    const eagain = number('EAGAIN'), quiet = new Set([0, eagain, number('EINPROGRESS')]);
    const retried = names.trace_events.indexOf('retried'), answered = names.trace_events.indexOf('answered');
    for (let i = 0; i < entries.length; ++i) {
      const kind = entries.kind[i], error = entries.error(i);
      if (kind === kTurnBegan) this.turn.push(i);
      if (kind === kEntered || kind === kReleased) this.transition.push(i);
      if (kind === kFinding) this.finding.push(i);
      if (kind === kCalled && error === eagain) this.again.push(i);
      const failed = !quiet.has(error) || kind === retried || (kind === answered && entries.value[i] >= 400);
      if (failed && kind > 1 && kind !== kFinding) this.error.push(i);
    }
  }

  // The index of the next one (direction 1) after index i, or of the one before it (-1); -1: none.
  next(kind, i, direction) {
    const list = this[kind];
    const place = direction > 0 ? upperBound(list, i) : upperBound(list, i - 1) - 1;
    return list[place] ?? -1;
  }
}

// ---- the model ----------------------------------------------------------------------------------------------

const numberOf = (list, name) => list.indexOf(name);

export class RecordedModel {
  // `recording`: as decodeRecording returns it, without an error. `program`: names of this program. `hello`: what
  // hello.json says, if the board is served from a file. It stands at the end of the recording.
  constructor(recording, program, hello = {}) {
    const {head} = recording;
    this.recording = recording;
    this.entries = recording.entries;
    this.names = namesOfRecording(recording, program);
    this.hello = {address: null, proxy: null, mistake: null, file: null, mode: 'file', ...hello, uptime_ms: null,
      version: head.version, build: head.build, run_id: head.run_id, pid: head.pid, slots: head.slots,
      clock_us: head.clock_us, wall_ms: head.wall_ms, lens: head.lens || null, reason: head.reason,
      command: head.command, trace_entries: this.entries.length};
    this.live = this.paused = false;
    this.playing = false;
    this.viewers = 0;
    this.subscribers = [];
    this.timeline = new Timeline(recording, numberOf(this.names.events, 'tunnel_opened'));
    this.clock = this.timeline.clock;
    this.places = new Places(this.entries, this.names);
    this.first = this.timeline.first;
    this.end = this.timeline.end;
    this.startUs = this.clock.start;
    this.endUs = this.clock.last;
    this.notePositions = Float64Array.from({length: recording.notes.length}, (_, i) => recording.notes.positionAt(i));
    this.touched = this.countTouched();
    this.slots = Math.max(head.slots, this.touched);
    this.cells = this.emptyCells();
    this.seek(this.end);
  }

  countTouched() {
    let touched = 0;
    for (let i = 0; i < this.entries.length; ++i)
      if (this.entries.isOfSlot(i)) touched = Math.max(touched, this.entries.slot[i] + 1);
    for (const cell of this.recording.table) touched = Math.max(touched, cell.slot + 1);
    return Math.min(touched, 1 << 24); // the table is never larger
  }

  // The slot of the last step; -1: no step is of a slot.
  get lastSlot() {
    for (let i = this.entries.length - 1; i >= 0; --i) if (this.entries.isOfSlot(i)) return this.entries.slot[i];
    return -1;
  }

  emptyCells() {
    const n = this.touched;
    return {id: new Uint32Array(n), sinceMs: new Uint32Array(n), heldUp: new Uint32Array(n), heldDown: new Uint32Array(n),
      state: new Uint8Array(n), wait: new Uint8Array(n), flags: new Uint8Array(n), marks: new Uint8Array(n)};
  }

  // As LiveModel.subscribe.
  subscribe(fn) {
    this.subscribers.push(fn);
    return () => this.subscribers.splice(this.subscribers.indexOf(fn), 1);
  }
  notify() { for (const fn of [...this.subscribers]) fn(this); }

  // ---- moving

  // Shows the table before the entry at `position`, limited to first … end. `us`: the moment, if it is later than
  // the entry before.
  seek(position, us = 0) {
    this.position = Math.min(Math.max(Math.round(position) || 0, this.first), this.end);
    this.table = this.timeline.at(this.position);
    this.index = this.position - this.first - 1;  // of the step that has just happened; -1: none
    const exact = this.index < 0 ? this.startUs : this.clock.timeOf(this.index);
    const next = this.position < this.end ? this.clock.timeOf(this.index + 1) : Infinity;
    this.nowUs = Math.min(Math.max(exact, us), Math.max(exact, next, this.startUs), Math.max(this.endUs, exact));
    this.fill();
    this.notify();
  }

  // Shows the table as it was at that time, in µs.
  seekTime(us) { this.seek(this.first + this.clock.countBy(us), us); }

  // Where `go` goes to; null: nowhere. `kind`: 'step', 'turn', 'again' (EAGAIN), 'error' or 'finding'; direction: 1
  // or -1; `slot`: only steps of that slot. The step meant is the last one that has happened then.
  placeOf(kind, direction, slot = null) {
    if (kind === 'step' && slot === null) {
      const position = this.position + direction;
      return position < this.first || position > this.end ? null : position;
    }
    let i = this.index;
    do i = this.next(kind, i, direction);
    while (i >= 0 && slot !== null && this.entries.slot[i] !== slot);
    return i < 0 ? null : this.first + i + 1;
  }
  next(kind, i, direction) {
    if (kind !== 'step') return this.places.next(kind, i, direction);
    return i + direction < this.entries.length ? i + direction : -1;
  }

  // Goes there. Returns false if there is no such step.
  go(kind, direction, slot = null) {
    const position = this.placeOf(kind, direction, slot);
    if (position !== null) this.seek(position);
    return position !== null;
  }

  // Goes on by the time that passes; a short recording is played slower. Ends at its end, or with pause(true).
  play(frame = requestAnimationFrame) {
    if (this.playing) return;
    this.playing = true;
    if (this.position === this.end) this.seek(this.first);
    const rate = Math.min(1, (this.endUs - this.startUs) / kPlayUs);
    let last = null, us = this.nowUs;
    const go = now => {
      if (!this.playing) return;
      us += last === null ? 0 : Math.min(now - last, 100) * 1000 * rate;
      last = now;
      this.playing = this.position < this.end && us < this.endUs;
      if (this.playing) this.seekTime(us); else this.seek(this.end);
      if (this.playing) frame(go);
    };
    frame(go);
  }
  pause() { this.playing = false; }

  // ---- what is shown at the position

  fill() {
    const {cells, table} = this;
    for (const member of Object.values(cells)) member.fill(0);
    this.byState = [0, 0, 0, 0, 0];
    this.used = 0;
    for (const [slot, row] of table.rows) {
      if (slot >= this.touched) continue;
      ++this.used;
      if (row.state < 5) ++this.byState[row.state];
      this.fillCell(slot, row);
    }
    this.byState[0] = this.slots - this.used;
    this.findings = upperBound(this.places.finding, this.index);
    this.lazy = {}; // what is made when it is asked for
  }

  fillCell(slot, row) {
    const {cells} = this, held = this.heldBy(slot, row);
    cells.id[slot] = row.id;
    cells.state[slot] = row.state;
    cells.wait[slot] = this.waitOf(row);
    cells.sinceMs[slot] = Math.floor((row.since || this.startUs) / 1000);
    cells.heldUp[slot] = held.up;
    cells.heldDown[slot] = held.down;
    cells.flags[slot] = (row.tunnel ? kCellTunnel : 0) | (row.finding ? kCellFinding : 0) | (row.served > 0 ? kCellSecond : 0);
    const end = row.table ?? this.endOf(slot);
    if (end) cells.marks[slot] = marksOf(end.clientMarks, end.clientLink) | marksOf(end.upstreamMarks, end.upstreamLink) << 4;
  }

  // As plan::Wait; kWaitNotKnown: it began before the recording.
  waitOf(row) { return row.wait === kRuns ? this.names.waits.length : row.wait; }

  // The row of the file's table, if the recording stands at its end.
  endOf(slot) {
    if (this.position !== this.end) return null;
    this.endRows ??= new Map(this.recording.table.map(cell => [cell.slot, cell]));
    return this.endRows.get(slot) ?? null;
  }

  // Only the table at the end says what is held, and a wait while a head is read.
  heldBy(slot, row) {
    const end = row.table ?? this.endOf(slot);
    if (end) return {up: end.heldUp, down: end.heldDown, known: true};
    const bytes = row.bytes < 0 ? 0 : row.bytes;
    return {up: row.state === 1 ? bytes : 0, down: row.state === 3 ? bytes : 0, known: row.bytes >= 0 && row.state % 2 === 1};
  }

  // A second before the moment, by row of names.transitions.
  get transitionRates() { return this.lazy.rates ??= this.countTransitions(); }
  countTransitions() {
    const {entries, places, names} = this, rates = new Float64Array(names.transitions.length);
    const rowOf = new Map(names.transitions.map((row, i) => [row.from << 16 | row.event << 8 | row.to, i]));
    const closed = numberOf(names.events, 'closed');
    for (let k = upperBound(places.transition, this.index) - 1; k >= 0; --k) {
      const i = places.transition[k];
      if (this.clock.turnTimeOf(i) < this.nowUs - kRateUs) break;
      const event = entries.kind[i] === kReleased ? closed : entries.detail[i];
      const row = rowOf.get(entries.before(i) << 16 | event << 8 | entries.state(i));
      if (row !== undefined) ++rates[row];
    }
    return rates;
  }

  // The last turns that have begun, as of /console/turns; `byState`: records by the state that a turn left them in.
  get turns() { return this.lazy.turns ??= this.listTurns(); }
  listTurns() {
    const {turn} = this.places, count = upperBound(turn, this.index), turns = [];
    for (let k = Math.max(0, count - kTurnsKept); k < count; ++k) turns.push(this.turnAt(k));
    return turns;
  }

  turnAt(number) {
    const {entries, clock} = this, from = this.places.turn[number], turn = clock.turnOf(from);
    const ends = clock.endsTurn(turn + 1), to = ends ? clock.at[turn + 1] : Math.min(this.index + 1, entries.length);
    const row = {number, beganUs: clock.time[turn], awakeUs: ends ? clock.time[turn + 1] - clock.time[turn] : 0,
      asleepUs: turn > 0 ? clock.time[turn] - clock.time[turn - 1] : 0, events: entries.slot[from],
      runs: ends ? entries.slot[to] : 0, calls: 0, again: 0, failed: 0, byState: [0, 0, 0, 0]};
    const left = new Map();
    for (let i = from + 1; i < to; ++i) {
      if (entries.isOfSlot(i)) left.set(entries.slot[i], entries.state(i));
      if (entries.kind[i] !== kCalled) continue;
      ++row.calls;
      const name = this.names.errors[entries.error(i)]?.name;
      if (name === 'EAGAIN') ++row.again;
      else if (entries.error(i) !== 0 && name !== 'EINPROGRESS') ++row.failed;
    }
    for (const state of left.values()) if (state >= 1 && state <= 4) ++row.byState[state - 1];
    return row;
  }

  // The last requests that have ended, the newest last; at the end of the recording also those in progress.
  get requests() { return this.lazy.requests ??= this.listRequests(); }
  listRequests() {
    const requests = [];
    for (let i = this.notePositions.length - 1; i >= 0 && requests.length < kRequestsMax; --i) {
      if (this.notePositions[i] > this.position) continue;
      const note = this.recording.notes.at(i);
      if (note.slot === null || this.position === this.end) requests.push({...note, number: i});
    }
    return requests.reverse();
  }

  // What the recording has of the object of /console/slot/N; null: not known.
  async slot(n) {
    const row = this.table.rows.get(n), {names} = this;
    if (!row) return {slot: n, state: 'FREE'};
    const wait = this.waitOf(row), held = this.heldBy(n, row), end = row.table ?? this.endOf(n);
    const waited = row.since > 0 ? Math.max(0, Math.floor((this.nowUs - row.since) / 1000)) : null;
    const left = end && end.leftMs !== kNoTimer ? end.leftMs : null;
    const note = this.noteOf(row), lane = (bytes, sent) => held.known ? {held: bytes, room: null, sent, storage: null} : null;
    return {
      slot: n, id: row.id || null, viewer: false, state: names.states[row.state] ?? `state ${row.state}`,
      wait: wait === kWaitNotKnown ? null : wait, awaited: names.diagnose(row.state, wait)?.awaited ?? null,
      sentence: sentenceOf(names, row.state, wait, waited, left, held.up + held.down) || (wait === kWaitNotKnown ?
        'What the record waits for began before the recording.' : 'The record waits in an unknown way.'),
      waited_ms: waited, remaining_ms: left, option: names.wait_options[wait] || null, tunnel: row.tunnel,
      ready: end ? (end.flags & 1) !== 0 : null, starved: end ? (end.flags & 6) !== 0 : null, served: row.served,
      client: this.endpoint(n, end && {fd: end.clientFd, marks: end.clientMarks}, false, note),
      upstream: this.endpoint(n, end && {fd: end.upstreamFd, marks: end.upstreamMarks}, true),
      request_lane: lane(held.up, end?.sentUp ?? null), response_lane: lane(held.down, end?.sentDown ?? null),
      request: note && this.requestOf(note), heads: {request: {received: null, sent: null}, response: {received: null, sent: null}}};
  }

  // The descriptors are those of the last calls; only the table at the end has the marks.
  endpoint(n, end, isUpstream, note = null) {
    const fd = end ? end.fd : this.descriptors(n)[isUpstream ? 'upstream' : 'client'];
    if (fd === null || fd < 0) return null;
    const names = ['readable', 'writable', 'finished', 'eof', 'hung', 'shut'];
    const marks = end ? Object.fromEntries(names.map((name, bit) => [name, (end.marks >> bit & 1) !== 0])) : null;
    const address = note?.client ? note.client.replace(/:\d+$/, '') : null;
    return {address, port: (address && note.clientPort) || null, fd, marks, kernel: null, ...(isUpstream ? {link: null} : {})};
  }

  descriptors(n) {
    const sides = new Sides(), at = this.indexesOf(n), end = upperBound(at, this.index);
    let from = end;
    while (from > 0 && end - from < kStepsMax && this.entries.kind[at[from]] !== kAccepted) --from;
    for (const i of at.slice(from, end)) {
      const step = this.entries.at(i);
      sides.learn(step);
      sides.forget(step);
    }
    return sides;
  }

  // The note of the request that the connection had at that position: the next one to end. Null: there is none.
  noteOf(row) {
    for (let i = 0; i < this.notePositions.length; ++i)
      if (this.notePositions[i] >= this.position && this.recording.notes.idAt(i) === row.id) return this.recording.notes.at(i);
    return null;
  }
  requestOf(note) {
    return {method: note.method, scheme: note.scheme, host: note.host, port: note.port || null, path: note.path, nth: note.nth,
      http10: (note.flags & kNoteHttp10) !== 0, status: this.position === this.end ? note.status || null : null,
      reused: (note.flags & kNoteReused) !== 0, state_ms: null, phase_ms: null, attempts: []};
  }

  // Resolves to all steps of the slot in the recording, the oldest first, at most kStepsMax: those before the position
  // and some after it.
  async steps(n) {
    const at = this.indexesOf(n), now = upperBound(at, this.index);
    const from = Math.max(0, Math.min(now - kStepsMax / 2, at.length - kStepsMax));
    return at.slice(from, from + kStepsMax).map(i => this.stepAt(i));
  }
  indexesOf(n) {
    if (this.indexes?.slot === n) return this.indexes.at;
    const at = [], {entries} = this;
    for (let i = 0; i < entries.length; ++i) if (entries.slot[i] === n && entries.kind[i] > 1) at.push(i);
    this.indexes = {slot: n, at};
    return at;
  }
  stepAt(i) { return {...this.entries.at(i), position: this.first + i, timeUs: this.clock.turnTimeOf(i)}; }

  // The step that has just happened; null: none.
  get current() { return this.index < 0 ? null : this.stepAt(this.index); }

  // Resolves to the object of /doctor.json, as far as the entries say.
  async findingList() {
    const findings = this.places.finding.slice(0, this.findings).map(i => this.findingAt(i)).reverse();
    const lasting = {note: 0, warning: 0, error: 0};
    for (const finding of findings) if (finding.lasts) lasting[finding.severity] += 1;
    return {uptime_ms: null, records: this.used, records_limit: this.slots, idle_connections: null, long_waits_count: null,
      lasting, findings, long_waits: []};
  }

  // It lasts until the next step of its slot; about no slot, for a moment.
  findingAt(i) {
    const {entries} = this, row = this.names.findings[entries.detail[i]] ?? {code: `finding ${entries.detail[i]}`, severity: 'note'};
    const slot = entries.slot[i] === kNoSlot ? null : entries.slot[i], us = this.clock.turnTimeOf(i), ago = Math.round((this.nowUs - us) / 1000);
    const fill = text => text.replaceAll('{slot}', slot ?? '?').replaceAll('{value}', entries.value[i]);
    return {code: row.code, severity: row.severity, slot, connection: slot === null ? null : entries.id[i],
      sentence: row.sentence ? fill(row.sentence) : `${row.code}, value ${entries.value[i]}`,
      lasts: slot === null ? this.nowUs - us <= kLoopFindingUs : this.table.rows.get(slot)?.finding ?? false,
      first_ms_ago: ago, last_ms_ago: ago, sightings: 1, total: 1, position: this.first + i};
  }

  // For the time bar, in `count` equal parts of that time (µs): {steps, again, error, finding}, the number of entries in
  // each.
  overview(count, from = this.startUs, to = this.endUs) {
    const key = `${count}:${from}:${to}`;
    if (this.parts?.key === key) return this.parts;
    const list = () => new Uint32Array(count), parts = {key, steps: list(), again: list(), error: list(), finding: list()};
    const add = (kind, i) => {
      const us = this.clock.timeOf(i);
      if (us >= from && us <= to) ++parts[kind][Math.min(count - 1, Math.floor((us - from) / Math.max(1, to - from) * count))];
    };
    for (let i = 0; i < this.entries.length; ++i) add('steps', i);
    for (const kind of ['again', 'error', 'finding']) for (const i of this.places[kind]) add(kind, i);
    return this.parts = parts;
  }
}

const marksOf = (marks, link) => (marks & 7) | (link === 4 ? 8 : 0); // net::Link::open

// Returns the model of a record file. Throws an Error that says what is wrong if nothing can be read.
export function openRecording(buffer, program, hello) {
  const recording = decodeRecording(buffer);
  if (recording.error) throw new Error(recording.error);
  return new RecordedModel(recording, program, hello);
}

// Returns the model of /console/record: the trace as the proxy has it now.
export async function fetchRecording(program, hello) {
  const response = await fetch('/console/record', {cache: 'no-store'});
  if (!response.ok) throw new Error(`/console/record: status ${response.status}`);
  return openRecording(await response.arrayBuffer(), program, hello);
}
