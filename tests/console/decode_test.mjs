// Tests src/console/web/decode.js: `node --test tests/console/`. With PROXY, the path of the program, its reader says the
// same about damaged files.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'node:test';
import {crc32c, decodeCells, decodeNote, decodeRecording, decodeRows} from '../../src/console/web/decode.js';
import {block, entry, file, fileHead, items, note, program, random, repaired, row, turn} from './record_writer.mjs';

const folder = new URL('../../docs/recordings/', import.meta.url);
const recordings = readdirSync(folder).filter(name => name.endsWith('.pxr')).map(name => readFileSync(new URL(name, folder)));

test('CRC-32C: the values of RFC 3720 B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({length: 32}, (_, i) => i)), 0x46dd794e);
});

// ---- answers of the data pages -----------------------------------------------------------------------------

// A CellsHead of `head` bytes, counters, and one cell of `size` bytes.
function cellsAnswer({head = 112, size = 24, counters = [7, 0xffffffff]} = {}) {
  const view = new DataView(new ArrayBuffer(head + 4 * counters.length + size));
  'PXC1'.split('').forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)));
  view.setUint32(4, 9, true);
  view.setBigUint64(8, 2n ** 33n + 5n, true);
  view.setBigUint64(16, 0xfedcba9876543210n, true);
  [[24, 70000], [32, 4464], [40, 12], [48, 3]].forEach(([at, value]) => view.setBigUint64(at, BigInt(value), true));
  [[56, 100], [60, 8], [64, 2], [68, 1], [72, 98], [76, 1], [80, 0], [84, 0], [88, 1], [92, 6]]
    .forEach(([at, value]) => view.setUint32(at, value, true));
  [[96, 50], [98, 5], [100, counters.length], [102, size]].forEach(([at, value]) => view.setUint16(at, value, true));
  view.setUint32(104, 1, true);
  counters.forEach((value, i) => view.setUint32(head + 4 * i, value, true));
  const at = head + 4 * counters.length;
  [7, 4711, 123456, 10, 16384].forEach((value, i) => view.setUint32(at + 4 * i, value, true));
  [4, 11, 34, 0x53].forEach((value, i) => view.setUint8(at + 20 + i, value));
  return view.buffer;
}

test('cells: each member', () => {
  const answer = decodeCells(cellsAnswer());
  const {cells, transitions, ...head} = answer;
  assert.deepEqual(head, {frame: 9, nowUs: 2 ** 33 + 5, run: 'fedcba9876543210', position: 70000, oldest: 4464, turns: 12, requests: 3,
    slots: 100, touched: 8, used: 2, viewers: 1, byState: [98, 1, 0, 0, 1], findings: 6, nextMs: 50, flags: 5, all: true,
    proxied: false, draining: true, count: 1});
  assert.deepEqual([...transitions], [7, 0xffffffff]);
  const only = Object.fromEntries(Object.entries(cells).map(([name, list]) => [name, list[0]]));
  assert.deepEqual(only, {slot: 7, id: 4711, sinceMs: 123456, heldUp: 10, heldDown: 16384, state: 4, wait: 11, flags: 34, marks: 0x53});
});

test('cells: a head and cells with members that are not known yet', () => {
  const {cells, transitions} = decodeCells(cellsAnswer({head: 128, size: 32}));
  assert.equal(transitions[0], 7);
  assert.equal(cells.slot[0], 7);
  assert.equal(cells.marks[0], 0x53);
});

test('cells: buffers that are something else', () => {
  assert.throws(() => decodeCells(new ArrayBuffer(0)), /PXC1/);
  assert.throws(() => decodeCells(new ArrayBuffer(200)), /PXC1/);
  assert.throws(() => decodeCells(cellsAnswer().slice(0, 130)), /too few for 1 cells/);
  const small = cellsAnswer();
  new DataView(small).setUint16(102, 20, true);
  assert.throws(() => decodeCells(small), /too few/);
});

function rowsAnswer(first, next, size, list) {
  const head = Buffer.alloc(32);
  [first, next, 1].forEach((value, i) => head.writeBigUInt64LE(BigInt(value), 8 * i));
  head.writeUInt32LE(size, 24);
  head.writeUInt32LE(list.length, 28);
  return Buffer.concat([head, ...list]);
}
const at = (position, bytes) => {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(position));
  return Buffer.concat([head, bytes]);
};

test('steps: members, and the time of their turn', () => {
  const answer = decodeRows(rowsAnswer(40, 90, 24, [at(41, entry({slot: 3, event: 6, value: -1})), at(50, turn(0, 2 ** 40 + 1, 2)),
    at(51, entry({id: 12, slot: 3, value: 4096, event: 3, state: 4, before: 3, detail: 4, error: 11, forced: 1}))]), 'steps');
  assert.deepEqual([answer.first, answer.next, answer.oldest], [40, 90, 1]);
  assert.deepEqual(answer.rows.map(step => step.timeUs), [null, 2 ** 40 + 1, 2 ** 40 + 1]);
  assert.equal(answer.rows[0].value, -1);
  assert.deepEqual(answer.rows[2], {id: 12, slot: 3, value: 4096, event: 'called', kind: 3, state: 4, before: 3, detail: 4, error: 11,
    forced: true, timeUs: 2 ** 40 + 1, position: 51});
  assert.equal(decodeRows(rowsAnswer(0, 1, 24, [at(0, entry({event: 77}))]), 'steps').rows[0].event, 'event 77');
});

test('turns: each member', () => {
  const bytes = Buffer.alloc(40);
  bytes.writeBigUInt64LE(5000000000n);
  [80, 2000, 3, 4, 9].forEach((value, i) => bytes.writeUInt32LE(value, 8 + 4 * i));
  [2, 1, 10, 20, 30, 40].forEach((value, i) => bytes.writeUInt16LE(value, 28 + 2 * i));
  assert.deepEqual(decodeRows(rowsAnswer(6, 7, 40, [bytes]), 'turns').rows, [{beganUs: 5000000000, awakeUs: 80, asleepUs: 2000, events: 3,
    runs: 4, calls: 9, again: 2, failed: 1, byState: [10, 20, 30, 40], number: 6}]);
});

const fullNote = {id: 2 ** 33, position: 17, wallMs: 1795944674391, sentUp: 82, sentDown: 648, nth: 2, slot: 5, stateMs: [0, 1, 2, 3, 4],
  phaseMs: [5, 6, 7], status: 504, port: 80, clientPort: 50312, reason: 49, error: 110, phases: 7, flags: 5, method: 'GET', scheme: 'http',
  host: 'o.test', path: '/a', traceId: '4bf92f3577b34da6a3ce929d0e0e4736'};

test('requests: each member', () => {
  const bytes = note({...fullNote, family: 4, client: [127, 0, 0, 1]});
  assert.equal(bytes.length, 312);
  const [got] = decodeRows(rowsAnswer(9, 10, 312, [bytes]), 'requests').rows;
  assert.deepEqual(got, {...fullNote, clientFamily: 4, client: '127.0.0.1:50312', number: 9});
});

test('addresses of clients: RFC 5952', () => {
  const text = (family, client, clientPort = 1) => decodeNote(new DataView(Uint8Array.from(note({family, client, clientPort})).buffer), 0).client;
  const six = groups => groups.flatMap(group => [group >> 8, group & 255]);
  assert.equal(text(6, six([0, 0, 0, 0, 0, 0, 0, 1])), '[::1]:1');
  assert.equal(text(6, six([0x2001, 0xdb8, 0, 0, 1, 0, 0, 1])), '[2001:db8::1:0:0:1]:1');
  assert.equal(text(6, six([0x2001, 0xdb8, 0, 1, 1, 1, 1, 1]), 0), '[2001:db8:0:1:1:1:1:1]');
  assert.equal(text(6, six([1, 0, 0, 2, 0, 0, 0, 3])), '[1:0:0:2::3]:1');
  assert.equal(text(6, six([0, 0, 0, 0, 0, 0, 0, 0])), '[::]:1');
  assert.equal(text(1, []), 'unix:');
  assert.equal(text(0, []), '');
});

test('rows: buffers that are something else', () => {
  assert.throws(() => decodeRows(new ArrayBuffer(31), 'turns'), /too short/);
  assert.throws(() => decodeRows(rowsAnswer(0, 0, 39, [Buffer.alloc(39)]), 'turns'), /too few/);
  assert.throws(() => decodeRows(rowsAnswer(0, 0, 312, [note()]).subarray(0, 300), 'requests'), /too few/);
  assert.deepEqual(decodeRows(rowsAnswer(0, 0, 0, []), 'steps').rows, []);
});

// ---- record files --------------------------------------------------------------------------------------------

const sample = () => file(
  block('HEAD', 'version: 9.8\nrun_id: abc\ncommand: proxy 0 -v: x\nlens: \nwall_ms: 1795944676394\nclock_us: 76374974000\nslots: 64\npid: 12\nnew: 1\n'),
  block('NAME', 'state 2 SEND_REQUEST\nwait 0 the first byte\nerror_name 11 EAGAIN\nerror_text 11 Try again\nother 1 x\nstate 99999 y\n'),
  block('ENTR', items(100, 16, [turn(0, 5000), entry({slot: 1, id: 9, state: 2, before: 1})])),
  block('NEW?', 'skipped'),
  block('ENTR', items(107, 20, [Buffer.concat([entry({slot: 2, value: -5}), Buffer.alloc(4)]), Buffer.alloc(20)])),
  block('NOTE', items(0, 312, [note({position: 101}), note({position: 108}), note({position: 3}), note({position: 10 ** 9})])),
  block('NOTE', items(0, 16, [note({id: 77, position: 109}).subarray(0, 16)])),
  block('CELL', items(109, 64, [row({slot: 3, id: 4, state: 4, wait: 11, heldDown: 16384, clientFd: 9})])));

test('a record file: each block', () => {
  const got = decodeRecording(sample());
  assert.equal(got.error, '');
  assert.equal(got.damage, '');
  assert.deepEqual(got.head, {major: 2, minor: 0, version: '9.8', build: '', run_id: 'abc', command: 'proxy 0 -v: x', reason: '', lens: '',
    wall_ms: 1795944676394, clock_us: 76374974000, slots: 64, pid: 12});
  assert.deepEqual(got.names.state, ['', '', 'SEND_REQUEST']);
  assert.equal(got.names.error_name[11], 'EAGAIN');
  assert.equal(got.first, 100);
  assert.equal(got.entries.length, 5);
  assert.equal(got.entries.time(0), 5000);
  assert.deepEqual([got.entries.at(2).event, got.entries.time(2)], ['lost', 5]);
  assert.equal(got.entries.at(3).value, -5);
  assert.deepEqual([got.entries.state(1), got.entries.before(1)], [2, 1]);
});

test('a record file: positions of notes count a gap as one entry', () => {
  const {notes, table, tableKnown} = decodeRecording(sample());
  assert.deepEqual(Array.from({length: notes.length}, (_, i) => notes.at(i).position), [101, 104, 3, 105, 105]);
  assert.deepEqual(Array.from({length: notes.length}, (_, i) => notes.positionAt(i)), [101, 104, 3, 105, 105]);
  assert.deepEqual([notes.at(4).id, notes.idAt(4), notes.at(4).slot, notes.at(4).path], [77, 77, null, '']);
  assert.equal(tableKnown, true);
  assert.equal(table.length, 1);
  const {slot, heldDown, clientFd, upstreamFd, leftMs} = table[0];
  assert.deepEqual({slot, heldDown, clientFd, upstreamFd, leftMs}, {slot: 3, heldDown: 16384, clientFd: 9, upstreamFd: -1, leftMs: 0xffffffff});
});

test('a record file of format 1: the whole byte is the errno', () => {
  const names = Array.from({length: 200}, (_, i) => `error_name ${i} E${i}\n`).join('');
  const got = decodeRecording(Buffer.concat([fileHead({major: 1}), block('NAME', names),
    block('ENTR', items(0, 16, [entry({error: 11}), entry({error: 1, forced: 1})])), block('END.')]));
  assert.equal(got.error, '');
  assert.deepEqual([0, 1].map(i => got.entries.error(i)), [11, 127]);
  assert.deepEqual([0, 1].map(i => got.entries.at(i).forced), [false, false]);
  assert.equal(got.names.error_name.length, 127);
});

test('control characters in texts are shown as numbers', () => {
  const got = decodeRecording(file(block('HEAD', 'command: a\x1b[2J\u202eb\u0085\n'), block('NAME', 'state 1 A\x07\n')));
  assert.equal(got.head.command, 'a\\x1b[2J\\xe2\\x80\\xaeb\\xc2\\x85');
  assert.equal(got.names.state[1], 'A\\x07');
});

test('files that cannot be read', () => {
  const errorOf = bytes => decodeRecording(bytes).error;
  assert.match(errorOf(Buffer.alloc(0)), /does not begin with PXREC/);
  assert.match(errorOf(Buffer.from('<!doctype html>, and more')), /does not begin with PXREC/);
  assert.match(errorOf(fileHead({order: [1, 2]})), /another byte order/);
  assert.match(errorOf(fileHead({major: 3})), /format 3\.0, and this program reads formats 1 to 2/);
  assert.match(errorOf(fileHead({major: 0})), /format 0\.0/);
  assert.match(errorOf(fileHead({entryBytes: 32})), /entries of 32 bytes: expected 16/);
  const damaged = fileHead();
  damaged[7] = 1;
  assert.match(errorOf(damaged), /first 16 bytes are damaged/);
});

test('damage is named with its place, and all before it is read', () => {
  const whole = sample(), damageOf = bytes => decodeRecording(bytes).damage;
  assert.match(damageOf(whole.subarray(0, whole.length - 12)), /the file has no end/);
  assert.match(damageOf(whole.subarray(0, whole.length - 1)), /damaged at byte \d+: the file is cut here/);
  assert.match(damageOf(Buffer.concat([whole, Buffer.from('x')])), /bytes follow the end/);
  const flipped = Buffer.from(whole);
  flipped[whole.length - 40] ^= 1;
  assert.match(damageOf(flipped), /a checksum is wrong/);
  assert.equal(decodeRecording(flipped).entries.length, 5);
  for (const payload of ['short', items(0, 16, [], 1), items(0, 16, [entry(), entry()], 1), items(0, 15, [Buffer.alloc(15)]), items(0, 0, []), items(2n ** 60n, 16, [entry()])])
    assert.match(damageOf(file(block('ENTR', payload))), /damaged at byte 16: the block's numbers do not agree/);
  assert.match(damageOf(file(block('ENTR', items(5, 16, [entry()])), block('ENTR', items(5, 16, [entry()])))), /do not agree/);
});

// A part of a file that has been changed at random.
function mutated(bytes, chance) {
  const out = Buffer.from(bytes);
  for (let changes = Math.ceil(chance() * 6); changes > 0; --changes) {
    const place = Math.floor(chance() * out.length);
    if (chance() < 0.5) out[place] = Math.floor(chance() * 256);
    else if (place + 4 <= out.length) out.writeUInt32LE([0, 1, 16, 0xffffffff, 0x7fffffff][Math.floor(chance() * 5)], place);
  }
  return chance() < 0.3 ? out.subarray(0, Math.floor(chance() * out.length)) : out;
}

test('garbage: never an exception, and no more memory than the file has items', () => {
  const chance = random(1), sources = [...recordings, sample()];
  for (let round = 0; round < 1200; ++round) {
    let bytes = mutated(sources[round % sources.length], chance);
    if (round % 3 !== 0) bytes = repaired(bytes);
    const got = decodeRecording(bytes);
    if (got.error) continue;
    assert.ok(got.entries.length <= bytes.length / 16 + 1);
    assert.ok(got.notes.length <= bytes.length / 16 && got.table.length <= bytes.length / 16);
    for (let i = 0; i < got.notes.length; ++i) got.notes.at(i);
    for (let i = 0; i < got.entries.length; ++i) got.entries.at(i);
  }
});

test('the recordings of docs/ are whole', () => {
  assert.ok(recordings.length >= 5);
  for (const bytes of recordings) {
    const got = decodeRecording(bytes);
    assert.deepEqual([got.error, got.damage], ['', '']);
    assert.ok(got.entries.length > 0 && got.names.state[4] === 'SEND_RESPONSE');
  }
});

const proxy = program(existsSync);
test('the program says the same about damaged files', {skip: proxy ? false : 'no program: set PROXY'}, t => {
  const place = mkdtempSync(join(tmpdir(), 'decode-')), path = join(place, 'file.pxr'), chance = random(2);
  t.after(() => rmSync(place, {recursive: true}));
  for (let round = 0; round < 120; ++round) {
    let bytes = mutated(recordings[round % recordings.length], chance);
    if (round % 2) bytes = repaired(bytes);
    writeFileSync(path, bytes);
    const got = decodeRecording(bytes), said = spawnSync(proxy, ['replay', '--text', path], {encoding: 'utf8'});
    const expected = got.error || got.damage;
    assert.equal(said.status, expected ? 1 : 0, said.stderr);
    assert.ok(said.stderr.includes(expected), `${said.stderr} has not: ${expected}`);
    if (!got.error) assert.match(said.stdout, new RegExp(`# entries ${got.first} to ${got.first + got.entries.length}, requests ${got.notes.length}\n`));
  }
});
