// Seeded, made-up traffic for tests of the board's page: records that go through the states of kTransitions, the turns,
// requests and trace entries that this would leave. It has no sockets.
import {names} from './names_of_tables.mjs';

export const kNames = names();
export const kWait = Object.fromEntries(kNames.wait_options.map((option, i) => [option, i]));
export const kNoWait = kNames.waits.length;
const kNoSlot = 0xffffffff;
const kRing = 65536;
const kWarmUpMs = 4000;  // before the first answer
const event = name => kNames.trace_events.indexOf(name);
const call = name => kNames.calls.indexOf(name);
const kEAGAIN = 11, kEINPROGRESS = 115;
const kTransition = kNames.transitions.map(row => ({
  from: kNames.states.indexOf(row.from), event: kNames.events.indexOf(row.event), to: kNames.states.indexOf(row.to)}));

// A small generator of random numbers (mulberry32): the same seed, the same traffic.
function random(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

// The wait of a record that enters `state`, and how long it lasts in ms.
function waitIn(state, chance, again) {
  const of = option => kWait[option];
  if (state === 1) return again && chance() < 0.6 ? [of('--keep-alive-timeout'), 400 + chance() * 4000]
    : [of('--head-timeout'), 5 + chance() * 300];
  if (state === 2) return chance() < 0.3 ? [of('--resolve-timeout'), chance() * 150]
    : chance() < 0.6 ? [of('--connect-timeout'), chance() * 90] : [of('--send-timeout'), chance() * 40];
  if (state === 3) return [of('--answer-timeout'), chance() * chance() * 3500];
  return chance() < 0.35 ? [of('--reader-timeout'), chance() * 1800] : [of('--stream-timeout'), chance() * 900];
}

export class FakeMachine {
  // `used`: about how many records are in use; `stuck`: slot 3 has a client that does not read, slot 317 a finding.
  constructor({slots = 10000, used = 150, touched = Math.min(slots, 576), seed = 7, stuck = true} = {}) {
    Object.assign(this, {slots, used, touched, stuck});
    this.chance = random(seed);
    this.run = BigInt(seed) << 32n | 0x5eedn;
    this.frame = 1;
    this.startMs = 3600e3;  // of the made-up clock
    this.nowMs = this.startMs;
    this.records = Array.from({length: touched}, (_, slot) => ({slot, state: 0, changed: 1}));
    this.counters = new Uint32Array(kTransition.length);
    this.entries = [];
    this.first = 0;
    this.turns = [];
    this.turnCount = 0;
    this.requests = [];
    this.requestCount = 0;
    this.connections = 1700;
    if (used > 0) this.fill();
    this.advance(kWarmUpMs);
  }

  fill() {
    if (this.stuck) this.plant();
    for (let i = 0; i < this.used; ++i) this.accept();
    this.records.filter(record => record.state && record.until !== Infinity).forEach(record => {
      for (let steps = Math.floor(this.chance() * 6); steps > 0 && record.state; --steps) this.move(record);
      record.sinceMs -= this.chance() * 900;
    });
  }

  // A client that does not read, in slot 3; a lost edge, in slot 317; tunnels.
  plant() {
    const slow = this.records[3];
    this.restart(slow, 4, kWait['--reader-timeout']);
    Object.assign(slow, {sinceMs: this.nowMs + kWarmUpMs - 8200, heldDown: 16384, until: Infinity, marks: 0x70 | 4 | 8, id: 1742});
    this.ladder(slow);
    const lost = this.records[Math.min(317, this.touched - 1)];
    this.restart(lost, 3, kWait['--answer-timeout']);
    Object.assign(lost, {sinceMs: this.nowMs + kWarmUpMs - 3400, flags: 2, until: Infinity, marks: 0x80 | 2 | 8});
    for (const slot of [7, 21, 33, 34]) {
      const tunnel = this.records[slot % this.touched];
      if (tunnel === slow || tunnel === lost) continue;
      this.restart(tunnel, 4, kWait['--tunnel-timeout']);
      Object.assign(tunnel, {flags: 1, sinceMs: this.nowMs + kWarmUpMs - 900, heldUp: 900, until: Infinity});
    }
  }

  restart(record, state, wait) {
    Object.assign(record, {state, wait, id: ++this.connections, flags: 0, marks: 0x33 | 8 | 0x80, heldUp: 0, heldDown: 0,
                           sinceMs: this.nowMs, until: this.nowMs, nth: 1, beganMs: this.nowMs, changed: this.frame});
  }

  add(entry) {
    this.entries.push({id: 0, slot: kNoSlot, value: 0, event: 0, state: 0, before: 0, detail: 0, error: 0, forced: 0, ...entry});
    if (this.entries.length > 2 * kRing) this.first += this.entries.splice(0, this.entries.length - kRing).length;
  }

  turnEntry(name, us, count) {
    this.add({event: event(name), id: us % 4294967296 >>> 0, value: Math.floor(us / 4294967296), slot: count});
  }

  of(record, name, more) {
    this.add({id: record.id, slot: record.slot, event: event(name), state: record.state, before: record.state, ...more});
  }

  // The trace of a slow reader.
  ladder(record) {
    let us = 0;
    const at = ms => this.turnEntry('turn_began', us = Math.round((this.nowMs + kWarmUpMs - ms) * 1000), 1);
    const end = () => this.turnEntry('turn_ended', us + 300, 1);
    const calls = (name, fd, value, error = 0) => this.of(record, 'called', {id: fd, value, detail: call(name), error});
    const enter = (before, state, name) => {
      record.state = state;
      this.of(record, 'entered', {value: before, before, detail: kNames.events.indexOf(name)});
    };
    record.state = 0;
    at(8913);
    this.of(record, 'accepted', {value: 9});
    enter(0, 1, 'accepted');
    calls('recv', 9, 344);
    enter(1, 2, 'forwarded');
    calls('connect', 10, 0, kEINPROGRESS);
    end();
    at(8901);
    this.of(record, 'notified', {value: 1, detail: 2});
    calls('send', 10, 351);
    enter(2, 3, 'request_sent');
    calls('recv', 10, 0, kEAGAIN);
    this.of(record, 'waited', {detail: kWait['--answer-timeout'], value: 351});
    end();
    at(8872);
    this.of(record, 'notified', {value: 1, detail: 1});
    calls('recv', 10, 16384);
    enter(3, 4, 'response_head');
    for (let i = 0; i < 64; ++i) {
      calls('send', 9, 16384);
      calls('recv', 10, 16384);
    }
    end();
    at(8204);
    calls('send', 9, 4096);
    calls('send', 9, 0, kEAGAIN);
    this.of(record, 'waited', {detail: kWait['--reader-timeout'], value: 4096});
    end();
  }

  accept() {
    const record = this.records.find(each => each.state === 0);
    if (record === undefined) return;
    this.restart(record, 0, kNoWait);
    this.of(record, 'accepted', {value: 9 + record.slot * 2});
    this.enter(record, kTransition[0]);
  }

  enter(record, row) {
    this.counters[kTransition.indexOf(row)]++;
    const before = record.state;
    record.state = row.to;
    this.of(record, 'entered', {value: before, before, detail: row.event});
    this.wait(record);
  }

  wait(record) {
    const [wait, ms] = record.state === 0 ? [kNoWait, 0] : waitIn(record.state, this.chance, record.nth > 1);
    Object.assign(record, {wait, sinceMs: this.nowMs, until: this.nowMs + ms, changed: this.frame, heldUp: 0, heldDown: 0});
    const fd = 9 + record.slot * 2 + (record.state === 2 || record.state === 3 ? 1 : 0);
    record.marks = record.state > 1 ? 0xb0 | 8 | 2 : 8 | 2;
    if (wait === kWait['--reader-timeout']) {
      record.heldDown = Math.round(this.chance() * 16384);
      record.marks &= ~2;
    }
    if (wait === kWait['--head-timeout']) record.heldUp = Math.round(this.chance() * 900);
    if (record.state) this.of(record, 'called', {id: fd, detail: call(record.state === 4 || record.state === 2 ? 'send' : 'recv'), error: kEAGAIN});
    if (record.state) this.of(record, 'waited', {detail: wait, value: record.heldDown});
  }

  move(record) {
    const next = {1: ['forwarded', 'forwarded', 'forwarded', 'local_response'], 2: ['request_sent', 'request_sent', 'request_sent', 'tunnel_opened'],
                  3: ['response_head', 'response_head', 'response_head', 'retry'], 4: ['response_sent', 'closed', 'response_sent', 'response_sent']};
    const names = next[record.state];
    const name = kNames.events.indexOf(this.chance() < 0.03 ? names[3] : names[Math.floor(this.chance() * 3)]);
    if (record.state === 4) this.note(record);
    if (record.state === 1) record.beganMs = this.nowMs;
    const row = kTransition.find(each => each.from === record.state && each.event === name);
    if (row.to === 1) ++record.nth;
    if (row.to === 0) this.of(record, 'released', {value: 4096, detail: 1, state: 0});
    this.enter(record, row);
  }

  // The note of a request that has ended.
  note(record) {
    const at = Math.floor(this.chance() * kRequests.length), [method, scheme, host, port, path, status, reason] = kRequests[at];
    const ms = Math.max(1, Math.round(this.nowMs - (record.beganMs ?? this.nowMs)));
    const share = [0.02, 0.1, 0.1, 0.5, 0.28].map(part => Math.round(part * ms));
    this.requests.push({id: record.id, position: this.first + this.entries.length, wallMs: Date.now() - ms, sentUp: 351, sentDown: Math.round(this.chance() * 90000),
      nth: record.nth, slot: kNoSlot, stateMs: [0, share[0], share[1] + share[2], share[3], share[4]], phaseMs: [share[1], share[2], 1], status, port,
      clientPort: 40000 + record.slot, clientFamily: 4, reason: kNames.reasons.indexOf(reason), error: status === 502 ? 111 : 0, phases: record.nth > 1 ? 4 : 7,
      flags: (record.nth > 1 ? 1 : 0) | (method === 'CONNECT' ? 2 : 0), client: [127, 0, 0, 1], method, scheme, host, path, traceId: ''});
    ++this.requestCount;
    if (this.requests.length > 500) this.requests.shift();
  }

  // Lets `ms` pass: turns, each with the records whose wait has ended.
  advance(ms) {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      const asleep = 1 + this.chance() * 8;
      this.nowMs += asleep;
      const due = this.records.filter(record => record.state && record.until <= this.nowMs).slice(0, 400);
      const inUse = this.records.reduce((sum, record) => sum + (record.state ? 1 : 0), 0);
      const began = Math.round(this.nowMs * 1000);
      this.turnEntry('turn_began', began, due.length);
      due.forEach(record => this.move(record));
      for (let free = this.used - inUse; free > 0 && this.chance() < 0.97; --free) this.accept();
      const awakeUs = Math.round(60 + due.length * (40 + this.chance() * 160) + (this.chance() < 0.004 ? 3000 : 0));
      this.nowMs += awakeUs / 1000;
      this.turnEntry('turn_ended', Math.round(this.nowMs * 1000), due.length);
      const byState = [0, 0, 0, 0];
      due.forEach(record => record.state && byState[record.state - 1]++);
      this.turns.push({beganUs: began, awakeUs, asleepUs: Math.round(asleep * 1000), events: due.length, runs: due.length,
                       calls: due.length * 4 + 1, again: due.length, failed: 0, byState});
      ++this.turnCount;
      if (this.turns.length > 1024) this.turns.shift();
    }
  }
}

const kRequests = [
  ['GET', 'http', 'o.test', 80, '/style.css', 200, 'complete'], ['GET', 'http', 'o.test', 80, '/logo.png', 200, 'complete'],
  ['CONNECT', '', 'example.org', 443, '', 200, 'complete'], ['GET', 'http', 'slow.test', 80, '/report', 200, 'complete'],
  ['GET', 'http', 'localhost', 8081, '/', 502, 'connection-refused'], ['POST', 'http', 'o.test', 80, '/upload', 201, 'complete'],
  ['GET', 'http', 'o.test', 80, '/cut', 200, 'response-truncated'], ['GET', 'http', 'o.test', 80, '/index.html', 304, 'complete'],
];
