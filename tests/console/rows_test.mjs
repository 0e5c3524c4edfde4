// Tests src/console/web/ladder_rows.js and request_rows.js: `node --test tests/console/`.
import assert from 'node:assert/strict';
import test from 'node:test';
import {wholeMs} from '../../src/console/web/format.js';
import {Sides, ladderRows} from '../../src/console/web/ladder_rows.js';
import {endOf, partsOf, selects, targetOf} from '../../src/console/web/request_rows.js';

const errors = Array.from({length: 128}, () => ({name: '', text: ''}));
errors[11] = {name: 'EAGAIN', text: 'Try again'};
errors[104] = {name: 'ECONNRESET', text: 'Connection reset by peer'};
errors[111] = {name: 'ECONNREFUSED', text: 'Connection refused'};
const kNames = {
  states: ['FREE', 'READ_REQUEST', 'SEND_REQUEST', 'READ_RESPONSE', 'SEND_RESPONSE'], events: ['accepted', 'forwarded'],
  waits: ['a request'], reasons: ['none', 'complete', 'client-closed'], errors, findings: [{code: 'slow-turn', severity: 'warning'}, {code: 'no-deadline', sentence: 'Slot {slot} waits.'}, {code: 'spin', sentence: 'It made {value} turns.'}],
  calls: ['accept4', 'connect', 'close', 'recv', 'send', 'splice', 'splice', 'sendfile', 'getsockopt SO_ERROR', 'shutdown'],
  trace_events: ['turn_began', 'turn_ended', 'notified', 'called', 'accepted', 'entered', 'waited', 'connected', 'reused', 'retried', 'answered',
    'released', 'lost', 'finding', 'new']};
const kConnect = 1, kClose = 2, kRecv = 3, kSend = 4, kSocketError = 8;

let position = 100;
const step = (event, more = {}) => ({event, kind: kNames.trace_events.indexOf(event), position: position++, timeUs: 1000, slot: 1, id: 5, value: 0,
  state: 4, before: 4, detail: 0, error: 0, forced: false, ...more});
const call = (detail, id, value, more) => step('called', {detail, id, value, ...more});
const rows = (...steps) => ladderRows(steps, kNames);
const texts = list => list.map(row => [row.what, row.result, row.why].join(' | '));

// ---- the ladder ----------------------------------------------------------------------------------------------

test('calls: results and what follows', () => {
  assert.deepEqual(texts(rows(step('accepted', {value: 9}), call(kRecv, 9, 344, {state: 1}), call(kRecv, 9, 0, {error: 11}), call(kRecv, 9, 0),
    call(kSend, 9, 0, {error: 104}), call(kSend, 9, 0, {error: 11}), call(kConnect, 10, 0, {state: 2}), call(kSocketError, 10, 111), call(kSocketError, 10, 0),
    call(kClose, 10, 0), call(kSend, 10, 0, {error: 99}))), [
    'accepted | descriptor 9 | a new client', 'recv(9) | 344\u00a0B | ', 'recv(9) | EAGAIN | mark readable cleared', 'recv(9) | 0 | end of the client’s stream',
    'send(9) | ECONNRESET | Connection reset by peer', 'send(9) | EAGAIN | mark writable cleared', 'connect(10) |  | the connection attempt has started',
    'getsockopt SO_ERROR(10) | ECONNREFUSED | Connection refused', 'getsockopt SO_ERROR(10) | 0 | the connection is open', 'close(10) |  | ',
    'send(10) | error 99 | ']);
});

test('a short write, and only after a read in SEND_RESPONSE', () => {
  assert.equal(rows(call(kRecv, 10, 16384), call(kSend, 9, 4096))[1].why, 'of 16,384: a short write');
  assert.equal(rows(call(kRecv, 10, 4096), call(kSend, 9, 4096))[1].why, '');
  assert.equal(rows(call(kRecv, 10, 300, {state: 2}), call(kSend, 9, 200, {state: 2}))[1].why, '');
});

test('which side a descriptor is', () => {
  const of = (...steps) => rows(...steps).map(row => row.side ?? '');
  assert.deepEqual(of(step('accepted', {value: 9}), call(kRecv, 9, 1), call(kConnect, 10, 0), call(kSend, 10, 1), call(kClose, 10, 0), call(kClose, 9, 0)),
    ['', 'client', 'upstream', 'upstream', 'upstream', 'client']);
  // A reused connection, and one that began before the trace.
  assert.deepEqual(of(step('accepted', {value: 9}), step('reused'), call(kSend, 14, 1, {state: 2}), step('entered', {state: 1}), call(kRecv, 9, 3, {state: 1})),
    ['', '', 'upstream', '', 'client']);
  assert.deepEqual(of(call(kRecv, 14, 1, {state: 3}), call(kSend, 9, 1, {state: 4})), ['upstream', 'client']);
  assert.deepEqual(of(call(kRecv, 14, 1, {state: 2})), ['']);
  const sides = new Sides();
  sides.learn(step('accepted', {value: 9}));
  assert.deepEqual([sides.client, sides.upstream], [9, null]);
});

test('events, states, waits and notes', () => {
  assert.deepEqual(texts(rows(step('notified', {value: 1, detail: 5}), step('entered', {before: 1, state: 2, detail: 1}), step('waited', {value: 100, state: 1}),
    step('waited', {value: 0}), step('released', {state: 0, detail: 2, value: 2048}), step('answered', {value: 502, detail: 2}), step('retried', {detail: 2, error: 111}),
    step('connected', {value: 1}), step('finding', {value: 81}), step('lost', {id: 7}), step('new', {value: 3}))), [
    'upstream: readable, finished |  | ', ' |  | forwarded', 'waits for a request | 100\u00a0B held | ', 'waits for a request |  | ', ' |  | client-closed, 2\u00a0KiB moved',
    'answers 502 itself |  | client-closed', 'the attempt failed |  | client-closed: Connection refused', 'connects to address 2 |  | ', 'slow-turn |  | value 81',
    '7 steps are missing |  | ', 'new | 3 | ']);
});

test('a finding has its value if its sentence has one', () => {
  assert.deepEqual(rows(...[0, 1, 2, 9].map(detail => step('finding', {detail, value: 7}))).map(row => `${row.what} ${row.why}`), ['slow-turn value 7', 'no-deadline ', 'spin value 7', 'finding 9 value 7']);
});

test('equal calls are one row; the one before an EAGAIN stays', () => {
  const pairs = Array.from({length: 5}, () => [call(kRecv, 10, 16384), call(kSend, 9, 16384)]).flat();
  const list = rows(...pairs, call(kRecv, 10, 16384), call(kSend, 9, 4096), call(kSend, 9, 0, {error: 11}));
  assert.deepEqual(texts(list), ['recv(10), send(9) | 5 × 16\u00a0KiB | ', 'recv(10) | 16,384\u00a0B | ', 'send(9) | 4,096\u00a0B | of 16,384: a short write',
    'send(9) | EAGAIN | mark writable cleared']);
  assert.deepEqual([list[0].from, list[0].to, list[0].times], [pairs[0].position, pairs.at(-1).position, 5]);
});

test('rows that are not folded: two alike, other descriptors, forced ones, states', () => {
  assert.equal(rows(call(kRecv, 9, 1), call(kRecv, 9, 1)).length, 2);
  assert.equal(rows(call(kRecv, 9, 1), call(kRecv, 10, 1), call(kRecv, 11, 1)).length, 3);
  assert.equal(rows(call(kRecv, 9, 1), call(kRecv, 9, 1, {forced: true}), call(kRecv, 9, 1)).length, 3);
  assert.equal(rows(...Array.from({length: 4}, () => step('entered'))).length, 4);
});

test('patterns of several turns: the sum of what moved', () => {
  const turns = [1, 2, 3].flatMap(n => [step('notified', {detail: 1, value: 1, timeUs: n}), call(kRecv, 10, n * 1024, {timeUs: n}), call(kSend, 9, n * 1024, {timeUs: n})]);
  assert.deepEqual(texts(rows(...turns)), ['upstream: readable, recv(10), send(9) | 3 ×, 6\u00a0KiB | in 3 turns']);
});

test('times are since the connection was accepted', () => {
  const list = rows(call(kRecv, 9, 1, {timeUs: 500}), step('accepted', {timeUs: 2000, value: 9}), call(kRecv, 9, 1, {timeUs: 2700}));
  assert.deepEqual(list.map(row => row.sinceUs), [0, 0, 700]);
  assert.deepEqual(rows(step('accepted', {timeUs: null})).map(row => row.sinceUs), [null]);
});

test('words of the chosen vocabulary', () => {
  const [row] = ladderRows([call(kRecv, 9, 0, {error: 11, state: 1})], kNames, word => `<${word}>`);
  assert.deepEqual([row.why, row.side], ['<mark readable cleared>', '<client>']);
});

test('times of whole milliseconds', () => {
  assert.deepEqual([0, 0.4, 1, 9.7, 42, 8200].map(wholeMs).map(text => text.replace('\u00a0', ' ')), ['under 1 ms', 'under 1 ms', '1 ms', '9 ms', '42 ms', '8.2 s']);
});

// ---- requests ------------------------------------------------------------------------------------------------

const note = more => ({id: 7, nth: 1, slot: null, stateMs: [0, 1, 60, 30, 4], phaseMs: [20, 10, 5], status: 200, port: 80, reason: 1, error: 0, flags: 0,
  client: '127.0.0.1:5000', method: 'GET', scheme: 'http', host: 'o.test', path: '/A/b', traceId: '', ...more});

test('the parts of the time', () => {
  assert.deepEqual(partsOf(note()), {parts: [1, 20, 10, 30, 30, 4], total: 95});
  assert.deepEqual(partsOf(note({stateMs: [0, 0, 1, 0, 0], phaseMs: [1, 1, 0]})).parts, [0, 1, 1, 0, 0, 0]);
});

test('the target', () => {
  assert.equal(targetOf(note()), 'GET http://o.test/A/b');
  assert.equal(targetOf(note({port: 8080, flags: 8})), 'GET http://o.test:8080/A/b…');
  assert.equal(targetOf(note({method: 'CONNECT', scheme: '', port: 443, path: ''})), 'CONNECT o.test:443');
  assert.equal(targetOf(note({host: '::1', port: 8080})), 'GET http://[::1]:8080/A/b');
  assert.equal(targetOf(note({scheme: '', host: '', port: 0})), 'GET /A/b');
  assert.equal(targetOf(note({method: ''})), '(not a valid request)');
});

test('why it ended', () => {
  assert.deepEqual([note(), note({slot: 3}), note({reason: 99})].map(each => endOf(each, kNames)), ['complete', 'in progress', 'ended']);
});

test('the filter', () => {
  const has = (filter, more) => selects(filter, note(more), kNames);
  for (const filter of ['', '  ', 'O.TEST', '/a/B', '2xx', '200', 'complete', 'get o.test', '-5xx', '127.0.0.1'])
    assert.equal(has(filter), true, filter);
  for (const filter of ['5xx', '404', 'client-closed', 'get other', '-200', '-o.test', 'econnrefused']) assert.equal(has(filter), false, filter);
  assert.equal(has('5xx client-closed econnrefused', {status: 502, reason: 2, error: 111}), true);
  assert.equal(has('443', {method: 'CONNECT', port: 443}), true);
  assert.equal(has('in progress', {slot: 1}), true);
});
