// Prints as a table what the board costs with many slots: node tests/console/measure.mjs [SLOTS] [SECONDS], or `make measure-board`.
// - the proxy ($PROXY): CPU time with and without a viewer, with so many connections and a few requests on them;
// - the page, in Chromium: CPU time of its own code in each frame, as Chromium's trace has it, with these connections and with made-up slots.
// Exit status 1 if a figure is above its limit. Nothing else should run meanwhile.
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {connect} from 'node:net';
import {closeBrowser, open, trace} from './browser.mjs';
import {serve} from './fake_proxy.mjs';
import {startProxy} from './programs.mjs';

const slots = Number(process.argv[2] ?? 10000), seconds = Number(process.argv[3] ?? 20);
const kPercentMost = 3, kUpdatesASecond = 20;  // of a processor, at this rate
const kFrameMsMost = 16;
const kPart = 200;         // connections that are opened at once
const kRequestEveryMs = 10;
const kTickMs = 10;        // of /proc/PID/stat
const pause = ms => new Promise(done => setTimeout(done, ms));

// ---- the page ----------------------------------------------------------------------------------------------------

const kScripts = new Set(['FireAnimationFrame', 'FunctionCall', 'RunMicrotasks', 'TimerFire', 'EventDispatch', 'EvaluateScript', 'v8.callFunction']);

// CPU time in ms of the scripts on the page's thread, for each frame: from one animation frame to the next one. Scripts within another one are a part of it.
function framesOf(events) {
  const thread = events.find(each => each.name === 'FireAnimationFrame'), frames = [];
  const scripts = events.filter(each => each.ph === 'X' && each.pid === thread?.pid && each.tid === thread.tid && kScripts.has(each.name));
  let end = 0;
  for (const each of scripts.sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    if (each.ts < end) continue;
    end = each.ts + each.dur;
    if (each.name === 'FireAnimationFrame') frames.push(0);
    if (frames.length) frames[frames.length - 1] += (each.tdur ?? each.dur) / 1000;
  }
  if (end - (thread?.ts ?? 0) < 900_000 * seconds) throw new Error(`the trace of Chromium has ${((end - (thread?.ts ?? 0)) / 1e6).toFixed(1)} s of ${seconds} s`);
  return frames;
}

// Resolves to the number of updates in that time, and the frames.
async function watch(board) {
  let updates = 0;
  board.page.on('response', response => response.url().includes('/console/cells') && ++updates);
  const events = await trace(board.page, 'devtools.timeline,v8', async () => (updates = 0, await pause(seconds * 1000)));
  return {updates, frames: framesOf(events)};
}

async function openBoard(address) {
  const board = await open(address);
  await board.page.waitForSelector('.chip');
  await pause(3000);
  return board;
}

async function measureMadeUp() {
  const server = await serve({slots, touched: slots, used: Math.round(slots * 0.86)}), board = await openBoard(`http://${server.address}/`);
  const watched = await watch(board);
  await board.close();
  server.close();
  return watched;
}

// ---- the proxy ---------------------------------------------------------------------------------------------------

const cpuMs = pid => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0) * kTickMs;

async function openClients(port, count) {
  const clients = [];
  while (clients.length < count) {
    await Promise.all(Array.from({length: Math.min(kPart, count - clients.length)}, () => new Promise((done, fail) => {
      const client = connect(port, '127.0.0.1', done);
      client.on('error', fail);
      client.on('data', () => {});
      clients.push(client);
    })));
  }
  return clients;
}

async function percent(proxy, work) {
  const before = cpuMs(proxy.pid), began = performance.now(), result = await work();
  return {result, percent: (cpuMs(proxy.pid) - before) / (performance.now() - began) * 100};
}

// Resolves to what `watch` gives, and the proxy's percentages.
async function measureProxy() {
  const origin = createServer((_, response) => response.end('hello\n'));
  await new Promise(done => origin.listen(0, '127.0.0.1', done));
  const proxy = await startProxy('--max-requests', String(slots + 100), '--idle-timeout', '3600', '--keep-alive-timeout', '3600');
  const clients = await openClients(proxy.port, slots), host = `127.0.0.1:${origin.address().port}`;
  let next = 0;
  const traffic = setInterval(() => clients[next++ % clients.length].write(`GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`), kRequestEveryMs);
  await pause(2000);
  const alone = await percent(proxy, () => pause(seconds * 1000)), board = await openBoard(`http://127.0.0.1:${proxy.port}/`), watched = await percent(proxy, () => watch(board));
  clearInterval(traffic);
  await board.close();
  for (const client of clients) client.destroy();
  await proxy.stop();
  origin.closeAllConnections();
  origin.close();
  return {...watched.result, alone: alone.percent, watched: watched.percent};
}

// ---- the table ---------------------------------------------------------------------------------------------------

let exceeded = 0;

function row(what, value, limit) {
  if (limit !== undefined && value > limit) ++exceeded;
  console.log(`| ${what} | ${value.toFixed(2)} | ${limit === undefined ? '' : `${limit}${value > limit ? ', exceeded' : ''}`} |`);
}

function rowsOfPage(title, {updates, frames}) {
  const sorted = frames.toSorted((a, b) => a - b);
  row(`${title}: updates a second`, updates / seconds);
  row(`${title}: frames a second`, frames.length / seconds);
  row(`${title}: the page's own code a frame, mean, ms`, frames.reduce((a, b) => a + b, 0) / frames.length);
  row(`${title}: the same, 99th percentile, ms`, sorted[Math.floor(sorted.length * 0.99)]);
  row(`${title}: the same, worst, ms`, sorted.at(-1), kFrameMsMost);
}

const ofProxy = await measureProxy(), madeUp = await measureMadeUp(), cost = ofProxy.watched - ofProxy.alone;
await closeBrowser();
console.log(`${slots} slots, ${seconds} s each\n\n| What | Measured | Limit |\n|---|---|---|`);
row('the proxy without a viewer, % of a processor', ofProxy.alone);
row('the proxy with a viewer, % of a processor', ofProxy.watched);
row('a viewer, % of a processor', cost);
row(`a viewer at ${kUpdatesASecond} updates a second, % of a processor`, cost * kUpdatesASecond * seconds / ofProxy.updates, kPercentMost);
rowsOfPage('connections', ofProxy);
rowsOfPage('made-up slots', madeUp);
process.exitCode = exceeded ? 1 : 0;
