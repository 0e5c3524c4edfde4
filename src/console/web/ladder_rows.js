// What the ladder of a slot says: its steps as rows of text, with runs of equal steps as one row.
import {bytes, count, exactBytes} from './format.js';

const kPeriodMax = 4;   // steps of a pattern that can repeat
const kRepeatsMin = 3;  // of a pattern, before it becomes one row

// A row: {kind, what, side, result, why, from, to (positions, both included), timeUs, sinceUs (since its connection was
// accepted, or the first step), before, state, times (how often), forced, again (EAGAIN), failed, key}. `kind`: 'call',
// 'event', 'state', 'wait', 'note' or 'finding'; `key`: equal for rows that can be folded; empty: never.

const kReads = new Set([3, 5]), kWrites = new Set([4, 6, 7]);  // sys::Call: their numbers keep their meaning
const kConnect = 1, kClose = 2, kSocketError = 8, kShutdown = 9;
const kReadRequest = 1, kSendRequest = 2, kReadResponse = 3, kSendResponse = 4;

// The descriptors of a slot's endpoints, learnt from its steps in their order.
export class Sides {
  constructor() { this.client = this.upstream = null; }

  learn(step) {
    if (step.event === 'accepted') this.client = step.value, this.upstream = null;
    if (step.event === 'reused' || (step.event === 'entered' && step.state === kReadRequest)) this.upstream = null;
    if (step.event !== 'called' || this.of(step.id)) return;
    if (step.detail === kConnect || step.detail === kSocketError) this.upstream = step.id;
    else if (kReads.has(step.detail) || kWrites.has(step.detail)) this.infer(step);
  }
  // Of a connection that began before the trace, or a reused one: the state says which side is read or written.
  infer(step) {
    const reads = kReads.has(step.detail);
    if (this.client === null && step.state === (reads ? kReadRequest : kSendResponse)) this.client = step.id;
    else if (this.client !== null || step.state === (reads ? kReadResponse : kSendRequest)) this.upstream = step.id;
  }
  forget(step) {
    if (step.event !== 'called' || step.detail !== kClose) return;
    if (step.id === this.upstream) this.upstream = null;
    if (step.id === this.client) this.client = null;
  }
  // 'client', 'upstream' or ''.
  of(fd) { return fd === this.client ? 'client' : fd === this.upstream ? 'upstream' : ''; }
}

function callError(step, names, words) {
  const error = names.errors[step.error] ?? {name: '', text: ''}, name = error.name || `error ${step.error}`;
  if (name !== 'EAGAIN') return {result: name, why: error.text, failed: name !== 'EINPROGRESS'};
  const why = kReads.has(step.detail) ? words('mark readable cleared') :
    kWrites.has(step.detail) ? words('mark writable cleared') : 'nothing more for now';
  return {result: name, why, again: true};
}

// What a call without an error returned. `last`: the row before it.
function callResult(step, names, side, last) {
  const {detail, value} = step;
  if (detail === kSocketError)
    return value === 0 ? {result: '0', why: 'the connection is open'} :
      {result: names.errors[value]?.name || `error ${value}`, why: names.errors[value]?.text ?? '', failed: true};
  if (detail === kConnect) return {result: '', why: 'the connection attempt has started'};
  if (detail === kShutdown) return {result: '', why: 'FIN is sent'};
  if (detail === kClose) return {result: '', why: ''};
  if (kReads.has(detail) && value === 0) return {result: '0', why: `end of the ${side || 'peer'}’s stream`};
  const short = kWrites.has(detail) && step.state === kSendResponse && last?.reads && last.moved > value;
  const why = short ? `of ${count(last.moved)}: a short write` : '';
  return {result: exactBytes(value), why, moved: value, reads: kReads.has(detail)};
}

function callRow(step, names, sides, words, last) {
  const call = names.calls[step.detail] ?? `call ${step.detail}`, side = sides.of(step.id);
  const result = step.error ? callError(step, names, words) : callResult(step, names, side && words(side), last);
  return {kind: 'call', what: `${call}(${step.id})`, side: side && words(side), ...result,
    key: step.error ? '' : `${step.detail}:${step.id}:${step.state}:${step.forced}`};
}

const kReady = [[1, 'readable'], [2, 'writable'], [4, 'finished'], [8, 'hung']];

function eventRow(step, sides, words) {
  const side = step.value === 0 ? 'client' : 'upstream', fd = sides[side];
  const bits = kReady.filter(([bit]) => step.detail & bit).map(([, name]) => words(name)).join(', ');
  return {kind: 'event', what: `${words(side)}: ${bits}`, side: fd === null ? '' : `descriptor ${fd}`, result: '', why: '',
    key: `event:${step.value}:${step.detail}:${step.state}:${step.forced}`};
}

// The rows about the record itself.
const kNotes = {
  accepted: step => ({what: 'accepted', result: `descriptor ${step.value}`, why: 'a new client'}),
  connected: step => ({what: `connects to address ${step.value + 1}`}),
  reused: () => ({what: 'takes an idle connection', why: 'of the pool'}),
  retried: (step, names) => ({what: 'the attempt failed', why: names.reasons[step.detail] ?? '', failed: true}),
  answered: (step, names) => ({what: `answers ${step.value} itself`, why: names.reasons[step.detail] ?? '', failed: step.value >= 400}),
  lost: step => ({what: `${count((step.value >>> 0) * 0x100000000 + step.id)} steps are missing`}),
};

function otherRow(step, names) {
  const note = kNotes[step.event];
  const row = note ? note(step, names) : {what: names.trace_events[step.kind] ?? step.event, result: count(step.value)};
  const error = step.error ? names.errors[step.error]?.text ?? `error ${step.error}` : '';
  return {kind: 'note', result: '', key: '', ...row, why: [row.why, error].filter(Boolean).join(': ')};
}

// Its value, if its sentence has one, or is not known.
function findingRow(step, names) {
  const {code = `finding ${step.detail}`, sentence = '{value}'} = names.findings[step.detail] ?? {};
  return {kind: 'finding', what: code, key: '', result: '', why: sentence.includes('{value}') ? `value ${step.value}` : ''};
}

function rowOf(step, names, sides, words, last) {
  switch (step.event) {
    case 'called': return callRow(step, names, sides, words, last);
    case 'notified': return eventRow(step, sides, words);
    case 'entered': return {kind: 'state', what: '', result: '', why: names.events[step.detail] ?? '', key: ''};
    case 'released':
      return {kind: 'state', what: '', result: '', key: '',
        why: `${names.reasons[step.detail] ?? ''}, ${bytes(Math.max(0, step.value))} moved`};
    case 'waited':
      return {kind: 'wait', what: `waits for ${names.waits[step.detail] ?? 'something'}`, key: '',
        result: step.value > 0 ? `${exactBytes(step.value)} ${step.state % 2 === 1 ? 'held' : 'moved'}` : '', why: ''};
    case 'finding': return findingRow(step, names);
    default: return otherRow(step, names);
  }
}

// One row of `repeats` times the `period` rows from `i`.
function fold(rows, i, period, repeats) {
  const pattern = rows.slice(i, i + period), all = rows.slice(i, i + period * repeats);
  const last = pattern.filter(row => row.moved !== undefined).at(-1);
  const moved = all.filter(row => row.moved !== undefined && row.what === last?.what).map(row => row.moved);
  const equal = moved.every(value => value === moved[0]), sum = moved.reduce((a, b) => a + b, 0);
  const turns = new Set(all.map(row => row.timeUs)).size;
  return {...pattern[0], what: pattern.map(row => row.what).join(', '), side: '', to: all.at(-1).to, times: repeats,
    result: moved.length === 0 ? `${repeats} ×` : equal ? `${count(moved.length)} × ${bytes(moved[0])}` : `${count(moved.length)} ×, ${bytes(sum)}`,
    why: turns > 1 ? `in ${turns} turns` : '', moved: undefined, reads: false};
}

// How often the pattern of that many rows is repeated at i.
function repeatsAt(rows, i, period) {
  let end = i + period;
  if (end > rows.length || rows.slice(i, end).some(row => row.key === '')) return 0;
  while (end < rows.length && rows[end].key !== '' && rows[end].key === rows[end - period].key) ++end;
  return Math.floor((end - i) / period);
}

function folded(rows) {
  const out = [];
  for (let i = 0; i < rows.length;) {
    let period = 1;
    while (period <= kPeriodMax && repeatsAt(rows, i, period) < kRepeatsMin) ++period;
    const repeats = period > kPeriodMax ? 1 : repeatsAt(rows, i, period);
    out.push(period > kPeriodMax ? rows[i] : fold(rows, i, period, repeats));
    i += period > kPeriodMax ? 1 : period * repeats;
  }
  return out;
}

// The rows of a slot's steps (as of decodeRows, the oldest first). The call before an EAGAIN is never folded: it shows
// how little was left.
export function ladderRows(steps, names, words = name => name) {
  const sides = new Sides(), rows = [];
  let startUs = steps[0]?.timeUs ?? null;
  for (const step of steps) {
    sides.learn(step);
    if (step.event === 'accepted' || startUs === null) startUs = step.timeUs;
    const row = {...rowOf(step, names, sides, words, rows.at(-1)), from: step.position, to: step.position, timeUs: step.timeUs,
      sinceUs: step.timeUs === null ? null : step.timeUs - startUs, before: step.before, state: step.state, times: 1, forced: step.forced};
    sides.forget(step);
    if (row.again && rows.length > 0) rows.at(-1).key = '';
    rows.push(row);
  }
  return folded(rows);
}
