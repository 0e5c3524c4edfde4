// Tests src/console/web/recording.js and timeline.js: `node --test tests/console/`. With PROXY, the path of the program, its
// `replay --at` prints the same tables.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'node:test';
import {decodeRecording} from '../../src/console/web/decode.js';
import {RecordedModel, duration, namesOfRecording, openRecording, sentenceOf} from '../../src/console/web/recording.js';
import {Timeline, kRuns, kWaitNotKnown} from '../../src/console/web/timeline.js';
import {names} from './names_of_tables.mjs';
import {block, entry, file, items, note, program, random, row, turn} from './record_writer.mjs';

const folder = new URL('../../docs/recordings/', import.meta.url);
const recordings = readdirSync(folder).filter(name => name.endsWith('.pxr')).map(name => [name, readFileSync(new URL(name, folder))]);

// Tables of a program, as far as the tests need them.
const errors = Array.from({length: 128}, () => ({name: '', text: ''}));
errors[11] = {name: 'EAGAIN', text: 'Try again'};
errors[104] = {name: 'ECONNRESET', text: 'Connection reset by peer'};
errors[115] = {name: 'EINPROGRESS', text: 'In progress'};
const kProgram = {
  states: ['FREE', 'READ_REQUEST', 'SEND_REQUEST', 'READ_RESPONSE', 'SEND_RESPONSE'],
  events: ['accepted', 'forwarded', 'tunnel_opened', 'response_sent', 'closed'],
  waits: ['a request', 'the client to read'], wait_options: ['--idle', '--reader'], reasons: ['none', 'complete'],
  calls: ['accept4', 'connect', 'close', 'recv', 'send'], errors,
  trace_events: ['turn_began', 'turn_ended', 'notified', 'called', 'accepted', 'entered', 'waited', 'connected', 'reused', 'retried',
    'answered', 'released', 'lost', 'finding'],
  findings: [{code: 'slow-turn', severity: 'warning', sentence: 'A turn took {value} ms, slot {slot}.'}],
  transitions: [{from: 0, event: 0, to: 1}, {from: 1, event: 1, to: 2}, {from: 1, event: 4, to: 0}],
  diagnosis: [{state: 1, wait: 0, awaited: 'client_sends', what: 'The client has sent nothing', end: 'the connection closes', option: '--idle'},
    {state: 1, wait: 2, awaited: 'proxy', what: 'The record has been ready to run', end: '', option: ''},
    {state: 4, wait: 1, awaited: 'client_reads', what: 'The client has read no bytes', end: 'the connection closes', option: '--reader'}],
};
const namesBlock = (of = kProgram) => block('NAME', [['state', of.states], ['event', of.events], ['wait', of.waits], ['reason', of.reasons],
  ['call', of.calls], ['trace_event', of.trace_events], ['finding', of.findings.map(each => each.code)],
  ['error_name', of.errors.map(each => each.name)], ['error_text', of.errors.map(each => each.text)]]
  .flatMap(([list, names]) => names.map((name, i) => `${list} ${i} ${name}\n`)).join(''));

const kTurnBegan = 0, kTurnEnded = 1, kCalled = 3, kAccepted = 4, kEntered = 5, kWaited = 6, kAnswered = 10, kReleased = 11, kFinding = 13;

// One connection in slot 2, of the times 1.000000 to 4.000000 s; the position of each entry in front.
const kStory = [
  turn(kTurnBegan, 1000000, 1),                                                        // 50
  entry({event: kAccepted, slot: 2, id: 7, value: 9, state: 1, before: 0}),            // 51
  entry({event: kEntered, slot: 2, id: 7, detail: 0, state: 1, before: 0}),            // 52
  entry({event: kCalled, slot: 2, id: 9, detail: 3, error: 11, state: 1, before: 1}),  // 53
  entry({event: kWaited, slot: 2, id: 7, value: 100, state: 1, before: 1}),            // 54
  turn(kTurnEnded, 1000500, 1),                                                        // 55
  turn(kTurnBegan, 3000000, 1),                                                        // 56
  entry({event: kCalled, slot: 2, id: 9, detail: 3, value: 10, state: 1, before: 1}),  // 57
  entry({event: kEntered, slot: 2, id: 7, detail: 1, state: 2, before: 1}),            // 58
  entry({event: kCalled, slot: 2, id: 10, detail: 1, error: 115, state: 2, before: 2}),   // 59
  entry({event: kCalled, slot: 2, id: 10, detail: 4, error: 104, state: 2, before: 2}),   // 60
  entry({event: kFinding, slot: 2, id: 7, value: 33, state: 2, before: 2}),            // 61
  turn(kTurnEnded, 3000800, 1),                                                        // 62
  turn(kTurnBegan, 4000000, 0),                                                        // 63
  entry({event: kAnswered, slot: 2, id: 7, value: 502, state: 2, before: 2}),          // 64
  entry({event: kReleased, slot: 2, id: 7, detail: 1, state: 0, before: 2}),           // 65
  turn(kTurnEnded, 4000000, 1),                                                        // 66
];
const kHead = block('HEAD', 'version: 1\nclock_us: 4000000\nwall_ms: 1700000000000\nslots: 8\nreason: a test\n');
const story = () => openRecording(file(kHead, namesBlock(), block('ENTR', items(50, 16, kStory)),
  block('NOTE', items(0, 312, [note({id: 7, position: 66, status: 502, method: 'GET', host: 'o.test', path: '/a'})])),
  block('CELL', items(67, 64, [row({slot: 5, id: 3, state: 4, wait: 1, heldDown: 16384, inStateMs: 2000, leftMs: 500, clientMarks: 1, clientFd: 12})]))),
  kProgram);

// ---- moving --------------------------------------------------------------------------------------------------

test('the table is that before the entry at the position, in both directions', async () => {
  const model = story();
  const states = position => (model.seek(position), [...model.cells.state].join(''));
  const forward = Array.from({length: 18}, (_, i) => states(50 + i));
  assert.deepEqual(forward.slice(0, 4), ['000004', '000004', '001004', '001004']);
  assert.equal(forward[9], '002004');
  assert.equal(forward[16], '000004');
  assert.deepEqual(Array.from({length: 18}, (_, i) => states(67 - i)), forward.reverse());
});

test('positions outside are limited', () => {
  const model = story();
  for (const [asked, got] of [[0, 50], [-5, 50], [1e9, 67], [NaN, 50], [60, 60]]) {
    model.seek(asked);
    assert.equal(model.position, got);
  }
  assert.equal(model.go('step', 1) && model.position, 61);
  model.seek(67);
  assert.equal(model.go('step', 1), false);
  model.seek(50);
  assert.equal(model.go('step', -1), false);
});

test('to the next and the one before: turn, EAGAIN, error, finding, step of a slot', () => {
  const model = story();
  const way = (from, kind, direction, slot) => {
    model.seek(from);
    const places = [];
    while (model.go(kind, direction, slot) && places.length < 20) places.push(model.position);
    return places;
  };
  assert.deepEqual(way(50, 'turn', 1), [51, 57, 64]);
  assert.deepEqual(way(67, 'turn', -1), [64, 57, 51]);
  assert.deepEqual(way(50, 'again', 1), [54]);
  assert.deepEqual(way(67, 'again', -1), [54]);
  assert.deepEqual(way(54, 'again', -1), []);
  assert.deepEqual(way(50, 'error', 1), [61, 65]);
  assert.deepEqual(way(64, 'finding', -1), [62]);
  assert.deepEqual(way(62, 'finding', 1), []);
  assert.deepEqual(way(56, 'step', 1, 2), [58, 59, 60, 61, 62, 65, 66]);
  assert.deepEqual(way(67, 'again', -1, 5), []);
  model.seek(62);
  assert.equal(model.current.event, 'finding');
});

test('a time: as many entries as had happened, and the clock stands there', () => {
  const model = story();
  const at = us => (model.seekTime(us), [model.position, model.nowUs]);
  assert.deepEqual(at(0), [50, 1000000]);
  assert.deepEqual(at(1000000), [51, 1000000]);
  assert.deepEqual(at(1000300), [54, 1000300]); // the entries of a turn divide its 500 µs
  assert.deepEqual(at(2000000), [56, 2000000]);
  assert.deepEqual(at(9e9), [67, 4000000]);
  model.seek(56);
  assert.equal(model.nowUs, 1000500);
});

test('a subscriber is called at each move, until it ends', () => {
  const model = story();
  let calls = 0;
  const end = model.subscribe(() => ++calls);
  model.seek(60);
  end();
  model.seek(61);
  assert.equal(calls, 1);
});

test('play goes from the start to the end, and pause stops it', () => {
  const model = story(), frames = [];
  const run = at => frames.shift()(at);
  model.play(frame => frames.push(frame));
  assert.equal(model.position, 50);
  for (let at = 0; frames.length > 0 && at < 1e6; at += 50) run(at);
  assert.equal(model.position, 67);
  assert.equal(model.playing, false);
  model.seek(50);
  model.play(frame => frames.push(frame));
  model.pause();
  run(0);
  assert.deepEqual([model.position, frames.length], [50, 0]);
});

// ---- what is shown -------------------------------------------------------------------------------------------

test('cells: held while a head is read, flags, marks of a slot that stood still', () => {
  const model = story();
  model.seek(55);
  const {cells} = model;
  assert.deepEqual([cells.id[2], cells.sinceMs[2], cells.heldUp[2], cells.wait[2]], [7, 1000, 100, 0]);
  assert.deepEqual([cells.id[5], cells.heldDown[5], cells.marks[5], cells.sinceMs[5]], [3, 16384, 1, 2000]);
  model.seek(59);
  assert.equal(cells.wait[2], 2); // it runs
  model.seek(62);
  assert.equal(cells.flags[2] & 2, 2);
  assert.equal(model.findings, 1);
  assert.deepEqual([model.used, model.byState], [2, [6, 0, 1, 0, 1]]);
});

test('rates: the transitions of the last second', () => {
  const model = story();
  const rates = position => (model.seek(position), [...model.transitionRates]);
  assert.deepEqual(rates(52), [0, 0, 0]);
  assert.deepEqual(rates(56), [1, 0, 0]);
  assert.deepEqual(rates(60), [0, 1, 0]);
});

test('turns so far', () => {
  const model = story();
  model.seek(63);
  assert.deepEqual(model.turns, [
    {number: 0, beganUs: 1000000, awakeUs: 500, asleepUs: 0, events: 1, runs: 1, calls: 1, again: 1, failed: 0, byState: [1, 0, 0, 0]},
    {number: 1, beganUs: 3000000, awakeUs: 800, asleepUs: 1999500, events: 1, runs: 1, calls: 3, again: 0, failed: 1, byState: [0, 1, 0, 0]}]);
  model.seek(50);
  assert.deepEqual(model.turns, []);
});

test('requests so far; at the end also those in progress', () => {
  const model = story();
  model.seek(65);
  assert.equal(model.requests.length, 0);
  model.seek(66);
  assert.equal(model.requests[0].path, '/a');
});

test('a slot: what is not known is null', async () => {
  const model = story();
  model.seek(55);
  const slot = await model.slot(2);
  assert.deepEqual([slot.state, slot.wait, slot.awaited, slot.option], ['READ_REQUEST', 0, 'client_sends', '--idle']);
  assert.equal(slot.sentence, 'The client has sent nothing for 0 ms; 100 bytes are held. At the timeout the connection closes (--idle).');
  assert.deepEqual([slot.client.fd, slot.client.marks, slot.upstream, slot.request.path, slot.request.status], [9, null, null, '/a', null]);
  assert.deepEqual(await model.slot(3), {slot: 3, state: 'FREE'});
  const still = await model.slot(5);
  assert.deepEqual([still.client.marks.readable, still.client.marks.writable, still.response_lane.held], [true, false, 16384]);
  model.seek(67);
  assert.match((await model.slot(5)).sentence, /for 2\.0 s; 16384 bytes are held\. In 500 ms the connection closes \(--reader\)\./);
});

test('steps of a slot have the time of their turn', async () => {
  const model = story();
  model.seek(60);
  const steps = await model.steps(2);
  assert.deepEqual(steps.map(step => step.position), [51, 52, 53, 54, 57, 58, 59, 60, 61, 64, 65]);
  assert.deepEqual([steps[0].timeUs, steps[4].timeUs], [1000000, 3000000]);
});

test('findings so far', async () => {
  const model = story();
  model.seek(61);
  assert.deepEqual((await model.findingList()).findings, []);
  model.seek(63);
  const list = await model.findingList();
  assert.equal(list.findings[0].sentence, 'A turn took 33 ms, slot 2.');
  assert.deepEqual([list.findings[0].lasts, list.lasting], [true, {note: 0, warning: 1, error: 0}]);
  model.seek(67);
  assert.equal((await model.findingList()).findings[0].lasts, false);
});

test('the overview counts each entry once', () => {
  const model = story(), sum = list => list.reduce((a, b) => a + b, 0);
  const {steps, again, error, finding} = model.overview(30);
  assert.deepEqual([steps, again, error, finding].map(sum), [17, 1, 2, 1]);
  assert.deepEqual([again[0], finding[20], error[29]], [1, 1, 1]);
});

test('numbers of another version: the names say what they mean', () => {
  const other = {...kProgram, waits: ['the client to read', 'something new'], events: ['closed', 'forwarded']};
  const names = namesOfRecording(decodeRecording(file(namesBlock(other))), kProgram);
  assert.deepEqual(names.wait_options, ['--reader', '']);
  assert.equal(names.diagnose(4, 0).option, '--reader');
  assert.equal(names.diagnose(4, 1), undefined);
  assert.equal(names.diagnose(1, 2).what, 'The record has been ready to run');
  assert.deepEqual(names.transitions, [{from: 1, event: 1, to: 2}, {from: 1, event: 0, to: 0}]);
  const bare = namesOfRecording(decodeRecording(file()), kProgram);
  assert.deepEqual(bare.states, kProgram.states);
});

test('durations as the program writes them', () => {
  assert.deepEqual([0, 999, 1000, 8249, 99999, 100000].map(duration), ['0 ms', '999 ms', '1.0 s', '8.2 s', '99.9 s', '100 s']);
});

test('an empty recording', async () => {
  const model = openRecording(file(), kProgram);
  model.seek(5);
  model.seekTime(5);
  assert.deepEqual([model.position, model.touched, model.used, model.turns.length, model.current], [0, 0, 0, 0, null]);
  assert.equal(model.go('again', 1), false);
  assert.deepEqual([...model.overview(10).steps], Array(10).fill(0));
  assert.throws(() => openRecording(new ArrayBuffer(3), kProgram), /not a record file/);
});

// ---- the same as the program ---------------------------------------------------------------------------------

// A history of several slots that need not make sense: tables must agree all the same.
function history(seed) {
  const chance = random(seed), below = n => Math.floor(chance() * n), list = [];
  let us = 1000000;
  for (let i = 0; i < 3000; ++i) {
    if (i % 9 === 0) list.push(turn(i % 2, us += below(5000), below(5)));
    else
      list.push(entry({event: [2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 13][below(12)], slot: chance() < 0.05 ? 0xffffffff : below(12), id: 1 + below(50),
        value: below(1000), state: below(5), before: below(5), detail: below(16), error: chance() < 0.1 ? 11 : 0}));
  }
  const table = [10, 11, 12, 13].map(slot => row({slot, id: slot, state: 1 + below(4), wait: below(16), inStateMs: below(9000)}));
  const [, bytes] = recordings[0];
  return file(namesOf(bytes), block('ENTR', items(1000, 16, list.slice(0, 1500))), block('ENTR', items(2510, 16, list.slice(1500))),
    block('CELL', items(4010, 64, table)));
}

// The block NAME of a file.
function namesOf(bytes) {
  for (let at = 16; ; at += 12 + bytes.readUInt32LE(at + 4))
    if (bytes.toString('latin1', at, at + 4) === 'NAME') return bytes.subarray(at, at + 12 + bytes.readUInt32LE(at + 4));
}

// What `proxy replay --at` prints of each slot. `names`: of this version.
function printed(recording, timeline, position, names) {
  const {rows, now} = timeline.at(position), {state, wait} = recording.names;
  const time = us => us === 0 ? '?' : `-${(Math.max(0, timeline.clock.last - us) / 1e6).toFixed(6)}`;
  const lines = [...rows].sort(([a], [b]) => a - b).map(([slot, {id, state: of, wait: waits, bytes, since}]) => {
    const what = waits === kWaitNotKnown ? 'waiting for something that began before the recording' :
      waits < wait.length ? `waiting for ${wait[waits]}` : 'running or about to run';
    const held = bytes >= 0 ? `, ${bytes} bytes ${of === 1 || of === 3 ? 'buffered' : 'moved'}` : '';
    const diagnosis = waits < wait.length ? sentenceOf(names, of, waits, since !== 0 && now >= since ? Math.floor((now - since) / 1000) : null) : '';
    return `[slot ${slot}, #${id || '?'}] ${state[of] || `?${of}`}, ${what}${held}, since ${time(since)}${since === 0 ? '' : ' s'}\n${diagnosis && `    ${diagnosis}\n`}`;
  });
  return [`# position ${position}, time ${time(now)} s, records in use: ${rows.size}\n`, ...lines];
}

const proxy = program(existsSync);
const compared = [...recordings, ...[1, 2, 3].map(seed => [`history ${seed}`, history(seed)])];
for (const [name, bytes] of compared)
  test(`the program prints the same tables: ${name}`, {skip: proxy ? false : 'no program: set PROXY'}, t => {
    const place = mkdtempSync(join(tmpdir(), 'recording-')), path = join(place, 'file.pxr');
    t.after(() => rmSync(place, {recursive: true}));
    writeFileSync(path, bytes);
    const recording = decodeRecording(bytes), timeline = new Timeline(recording), chance = random(3);
    const own = namesOfRecording(recording, names());
    const count = Math.min(25, recording.entries.length + 1), range = timeline.end - timeline.first;
    for (let i = 0; i < count; ++i) {
      const position = i < 2 ? [timeline.first, timeline.end][i] : timeline.first + Math.floor(chance() * (range + 1));
      const said = spawnSync(proxy, ['replay', path, '--at', String(position)], {encoding: 'utf8'});
      assert.equal(said.stdout.replace(/^# (?!position).*\n/mg, ''), printed(recording, timeline, position, own).join(''));
    }
  });

test('copies of the table at any distance make no difference', () => {
  const recording = decodeRecording(history(4)), near = new Timeline(recording), chance = random(5);
  const far = new Timeline(recording);
  far.copies.length = 1;
  for (let i = 0; i < 200; ++i) {
    const position = near.first + Math.floor(chance() * (near.end - near.first + 1));
    assert.deepEqual([...near.at(position).rows], [...far.at(position).rows]);
  }
  assert.ok(near.copies.length >= 2);
});

test('any file that can be read can be shown', async () => {
  for (let seed = 10; seed < 20; ++seed) {
    const model = new RecordedModel(decodeRecording(history(seed)), kProgram);
    for (let position = model.first; position <= model.end; position += 97) {
      model.seek(position);
      await Promise.all([model.slot(3), model.steps(3), model.findingList()]);
      assert.ok(model.turns.length <= 1024 && model.transitionRates.length > 0);
      assert.equal(model.used, model.byState.slice(1).reduce((a, b) => a + b, 0));
    }
  }
});

test('the sentence of a wait', () => {
  const names = namesOfRecording(decodeRecording(file()), kProgram);
  assert.equal(sentenceOf(names, 4, 1, 8249, 51800, 1), 'The client has read no bytes for 8.2 s; 1 byte is held. In 51.8 s the connection closes (--reader).');
  assert.equal(sentenceOf(names, 1, 2, null), 'The record has been ready to run.');
  assert.equal(sentenceOf(names, 2, 1, 5), '');
  assert.equal(kRuns, 254);
});
