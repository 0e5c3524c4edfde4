// Serves the board's page with made-up data in the form of src/console/wire.hpp: for tests that need the same data
// each time, and for work on the page without the proxy.
//
//   node tests/console/fake_proxy.mjs [--port N] [--slots N] [--used N] [--touched N] [--seed N] [--frozen] [--proxied]
//                                     [--record FILE] [--mode file]
//
// Prints its address. --frozen: time passes only by GET /fake/advance?ms=N.
import {createServer} from 'node:http';
import {readFileSync, existsSync} from 'node:fs';
import {dirname, extname, join, normalize} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {FakeMachine, kNames, kNoWait} from './fake_machine.mjs';
import {recordOf} from './fake_record.mjs';

const here = dirname(fileURLToPath(import.meta.url)), web = join(here, '..', '..', 'src', 'console', 'web');
const kTypes = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml'};
const kHeaders = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
  'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin', 'Cache-Control': 'no-store'};

// ---- binary answers ------------------------------------------------------------------------------------------

class Bytes {
  constructor(size) {
    this.view = new DataView(new ArrayBuffer(size));
    this.at = 0;
  }
  u8(value) { this.view.setUint8(this.at++, value); }
  u16(value) { this.view.setUint16(this.at, Math.min(value, 65535), true), this.at += 2; }
  u32(value) { this.view.setUint32(this.at, value >>> 0, true), this.at += 4; }
  i32(value) { this.view.setInt32(this.at, value | 0, true), this.at += 4; }
  u64(value) { this.view.setBigUint64(this.at, BigInt(value), true), this.at += 8; }
  text(value, room) {
    const bytes = Buffer.from(value).subarray(0, room);
    bytes.forEach((byte, i) => this.view.setUint8(this.at + i, byte));
    this.at += room;
  }
  get done() { return Buffer.from(this.view.buffer, 0, this.at); }
}

function cells(machine, since, proxied) {
  const all = since === 0 || since > machine.frame;
  const rows = machine.records.filter(each => all ? each.state : each.changed > since);
  const used = machine.records.filter(each => each.state), out = new Bytes(120 + machine.counters.length * 4 + rows.length * 24);
  out.text('PXC1', 4);
  out.u32(machine.frame);
  out.u64(Math.round(machine.nowMs * 1000));
  out.u64(machine.run);
  out.u64(machine.first + machine.entries.length);
  out.u64(machine.first);
  out.u64(machine.turnCount);
  out.u64(machine.requestCount);
  [machine.slots, machine.touched, used.length, 1].forEach(value => out.u32(value));
  for (let state = 0; state < 5; ++state)
    out.u32(state ? used.filter(each => each.state === state).length : machine.slots - used.length);
  out.u32(used.filter(each => each.flags & 2).length);
  out.u16(50);
  out.u16((all ? 1 : 0) | (proxied ? 2 : 0));
  out.u16(machine.counters.length);
  out.u16(24);
  out.u32(rows.length);
  out.u32(0);
  machine.counters.forEach(value => out.u32(value));
  for (const row of rows) {
    out.u32(row.slot), out.u32(row.id ?? 0), out.u32(Math.max(0, row.sinceMs ?? 0)), out.u32(row.heldUp ?? 0), out.u32(row.heldDown ?? 0);
    out.u8(row.state), out.u8(row.wait ?? kNoWait), out.u8((row.flags ?? 0) | (row.nth > 1 ? 32 : 0)), out.u8(row.marks ?? 0);
  }
  ++machine.frame;
  return out.done;
}

function rows(first, next, oldest, size, list, write) {
  const out = new Bytes(32 + size * list.length);
  out.u64(first), out.u64(next), out.u64(oldest), out.u32(size), out.u32(list.length);
  list.forEach(row => write(out, row));
  return out.done;
}

function putEntry(out, {position, entry}) {
  out.u64(position), out.u32(entry.id), out.u32(entry.slot), out.i32(entry.value), out.u8(entry.event);
  out.u8(entry.state | entry.before << 4), out.u8(entry.detail), out.u8(entry.error | entry.forced << 7);
}

function steps(machine, since, slot) {
  const first = Math.max(since, machine.first), end = machine.first + machine.entries.length, list = [];
  let position = first, turn = null;
  for (; position < end && list.length < 4095; ++position) {
    const entry = machine.entries[position - machine.first];
    if (entry.event === 0) turn = {position, entry};
    const isTurn = entry.event <= 1;
    if (slot !== null && (isTurn || entry.slot !== slot)) continue;
    if (slot !== null && turn) list.push(turn), turn = null;
    list.push({position, entry});
  }
  return rows(first, position, machine.first, 24, list, putEntry);
}

const kept = (list, count, since) => list.slice(Math.max(0, list.length - (count - since)));

function turns(machine, since) {
  const list = since >= machine.turnCount ? [] : kept(machine.turns, machine.turnCount, since);
  return rows(machine.turnCount - list.length, machine.turnCount, machine.turnCount - machine.turns.length, 40, list, (out, row) => {
    out.u64(row.beganUs), out.u32(row.awakeUs), out.u32(row.asleepUs), out.u32(row.events), out.u32(row.runs), out.u32(row.calls);
    out.u16(row.again), out.u16(row.failed), row.byState.forEach(runs => out.u16(runs));
  });
}

function putNote(out, note) {
  out.u64(note.id), out.u64(note.position), out.u64(note.wallMs), out.u64(note.sentUp), out.u64(note.sentDown), out.u32(note.nth), out.u32(note.slot);
  note.stateMs.forEach(ms => out.u32(ms)), note.phaseMs.forEach(ms => out.u32(ms));
  out.u16(note.status), out.u16(note.port), out.u16(note.clientPort);
  [note.clientFamily, note.reason, note.error, note.phases, note.flags, 0].forEach(value => out.u8(value));
  for (let i = 0; i < 16; ++i) out.u8(note.client[i] ?? 0);
  out.text(note.method, 16), out.text(note.scheme, 8), out.text(note.host, 64), out.text(note.path, 80), out.text(note.traceId, 32), out.u32(0);
}

function requests(machine, since) {
  const list = since >= machine.requestCount ? [] : kept(machine.requests, machine.requestCount, since);
  return rows(machine.requestCount - list.length, machine.requestCount, machine.requestCount - machine.requests.length, 312, list, putNote);
}

// ---- JSON answers --------------------------------------------------------------------------------------------

const seconds = ms => ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

function sentence(record, row, waited, remaining) {
  const held = record.heldDown + record.heldUp;
  return `${row.what} for ${seconds(waited)}${held ? `; ${held} bytes are held` : ''}.` +
    (row.end ? ` In ${seconds(remaining)} ${row.end}${row.option ? ` (${row.option})` : ''}.` : '');
}

const marks = bits => ({readable: !!(bits & 1), writable: !!(bits & 2), finished: !!(bits & 4), eof: false, hung: false, shut: false});

// `changed(data)`: of a test, what is to be otherwise.
function slot(machine, number, changed = data => data) {
  const record = machine.records[number];
  if (!record?.state) return {slot: number, state: 'FREE'};
  const row = kNames.diagnosis.find(each => each.state === record.state && each.wait === record.wait) ?? kNames.diagnosis[0];
  const waited = Math.round(machine.nowMs - record.sinceMs), remaining = Math.max(0, 60000 - waited), slow = number === 3;
  const upstream = record.state > 1;
  return changed({slot: number, id: record.id, viewer: false, state: kNames.states[record.state], wait: record.wait, awaited: row.awaited,
    sentence: sentence(record, row, waited, remaining), waited_ms: waited, remaining_ms: remaining, option: row.option, tunnel: !!(record.flags & 1), ready: false,
    starved: false, served: record.nth - 1,
    client: {address: '127.0.0.1', port: 50312, fd: 9, marks: marks(record.marks & 15), kernel: {state: 'ESTABLISHED', unread: 0, unsent: slow ? 2621440 : 0, rtt_us: 41, window: slow ? 1 : 10}},
    upstream: upstream ? {address: '192.0.2.7', port: 80, fd: 10, marks: marks(record.marks >> 4), link: 'open',
      kernel: {state: 'ESTABLISHED', unread: slow ? 4194304 : 0, unsent: 0, rtt_us: 12010, window: 10}} : null,
    request_lane: {held: record.heldUp, room: 0, sent: 351, storage: 'none'},
    response_lane: {held: record.heldDown, room: 16384 - record.heldDown, sent: slow ? 1052672 : 2048, storage: record.heldDown ? 'block' : 'none'},
    request: {method: 'GET', scheme: 'http', host: 'o.test', port: 80, path: '/big', nth: record.nth, http10: false, status: 200, reused: false,
      state_ms: [0, 4, 37, 29, waited + 668], phase_ms: [3, 12, 0], attempts: [{address: '192.0.2.7:80', result: 'connected'}]},
    heads: {request: {received: ['GET http://o.test/big HTTP/1.1', 'Host: o.test', 'Proxy-Connection: keep-alive', 'Accept: */*', 'Cookie: (not shown, 212 bytes)'],
                      sent: ['GET /big HTTP/1.1', 'Host: o.test', 'Accept: */*', 'Cookie: (not shown, 212 bytes)', 'Via: 1.1 proxy']},
            response: record.state < 4 ? null : {received: ['HTTP/1.1 200 OK', 'Content-Length: 5242880', 'Connection: close', 'Server: origin', 'Set-Cookie: (not shown, 48 bytes)'],
                       sent: ['HTTP/1.1 200 OK', 'Content-Length: 5242880', 'Server: origin', 'Set-Cookie: (not shown, 48 bytes)', 'Via: 1.1 proxy']}}});
}

function findings(machine) {
  const lost = machine.records.find(each => each.state && each.flags & 2), list = [];
  if (lost) list.push({code: 'edge-not-drained', severity: 'error', lasts: true, slot: lost.slot, connection: lost.id, first_ms_ago: 3400, last_ms_ago: 40, sightings: 34, total: 34,
    sentence: `Slot ${lost.slot} waits for a socket that is ready, and no further event will report it: an earlier read or write stopped before EAGAIN.`});
  return {uptime_ms: 8040000 + machine.nowMs - machine.startMs, records: machine.used, records_limit: machine.slots, idle_connections: 40, long_waits_count: 1,
          lasting: {note: 0, warning: 0, error: list.length}, findings: list, long_waits: []};
}

// ---- the server ----------------------------------------------------------------------------------------------

function pages(machine, options, address) {
  const number = (url, name) => url.searchParams.has(name) ? Number(url.searchParams.get(name)) : null;
  return {
    '/console/cells': url => cells(machine, number(url, 'since') ?? 0, options.proxied),
    '/console/steps': url => steps(machine, number(url, 'since') ?? 0, number(url, 'slot')),
    '/console/turns': url => turns(machine, number(url, 'since') ?? 0),
    '/console/requests': url => requests(machine, number(url, 'since') ?? 0),
    '/console/names.json': () => kNames,
    '/console/hello.json': () => ({mode: options.mode ?? 'live', version: '0.1.0', build: 'fake', run_id: 'c0ffee', address: address(), proxy: address(), pid: 1, uptime_ms: 8040000,
      slots: machine.slots, trace_entries: 65536, clock_us: Math.round(machine.nowMs * 1000), wall_ms: Date.now(), mistake: options.mistake ?? null, lens: options.lens ?? null,
      file: options.mode === 'file' ? 'slow_reader.pxr' : null, reason: options.mode === 'file' ? 'SIGUSR2' : null}),
    '/console/record': () => options.record ? readFileSync(options.record) : recordOf(machine, kNames),
    '/doctor.json': () => options.found?.(machine) ?? findings(machine),
    '/console/findings.json': () => findings(machine),
    '/proxy.pac': () => Buffer.from(`function FindProxyForURL() { return "PROXY ${address()}"; }\n`),
    '/fake/advance': url => (machine.advance(number(url, 'ms') ?? 50), {now_ms: machine.nowMs}),
    '/fake/proxied': () => (options.proxied = true, {}),
  };
}

function file(path) {
  const name = path === '/' ? 'index.html' : normalize(path.slice('/console/app/'.length));
  const whole = join(web, name);
  return name.startsWith('..') || !existsSync(whole) ? null : {type: kTypes[extname(name)] ?? 'text/plain', body: readFileSync(whole)};
}

// Starts the server; `options` as on the command line. Returns {address, machine, close, ref}. It does not keep the process
// alive, so that a test that fails before `close` does not hang; after `ref()` it does.
export async function serve(options = {}) {
  const machine = new FakeMachine(options);
  let last = Date.now();
  const server = createServer((request, response) => {
    if (!options.frozen) machine.advance(Math.min(500, Date.now() - last)), last = Date.now();
    const url = new URL(request.url, 'http://localhost'), page = pages(machine, options, address)[url.pathname];
    const number = /^\/console\/slot\/(\d+)$/.exec(url.pathname);
    let answer = number ? slot(machine, Number(number[1]), options.changedSlot) : page?.(url);
    const served = answer === undefined && (url.pathname === '/' || url.pathname.startsWith('/console/app/')) ? file(url.pathname) : null;
    const type = served?.type ?? (Buffer.isBuffer(answer) ? 'application/octet-stream' : 'application/json');
    if (served) answer = served.body;
    if (answer === undefined) response.writeHead(404, kHeaders).end('not found\n');
    else response.writeHead(200, {...kHeaders, 'Content-Type': type}).end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer));
  });
  const address = () => `127.0.0.1:${server.address().port}`;
  await new Promise(done => server.listen(Number(options.port ?? 0), '127.0.0.1', done));
  server.unref();
  return {address: address(), machine, ref: () => server.ref(), close: () => (server.closeAllConnections(), server.close())};
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = {};
  for (let i = 2; i < process.argv.length; ++i) {
    const key = process.argv[i].replace(/^--/, ''), value = process.argv[i + 1];
    options[key] = value === undefined || value.startsWith('--') ? true : (++i, /^\d+$/.test(value) ? Number(value) : value);
  }
  const server = await serve(options);
  server.ref();
  console.log(`http://${server.address}/`);
}
