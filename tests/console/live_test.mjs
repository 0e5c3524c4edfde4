// The model of the proxy as it runs: what it makes of the answers of the data pages, without a browser.
import assert from 'node:assert/strict';
import {after, beforeEach, test} from 'node:test';
import {serve} from './fake_proxy.mjs';

globalThis.matchMedia = () => ({matches: false});
const {connect} = await import('../../src/console/web/live.js');
const browserFetch = globalThis.fetch;
let server = null, model = null, asked = [];
// Without the page's limit of time: the server of a busy machine answers late, but it does.
globalThis.fetch = (path, options) => (asked.push(path), browserFetch(`http://${server.address}${path}`, {...options, signal: undefined}));

beforeEach(async () => {
  server?.close();
  server = await serve({frozen: true, used: 60});
  model = await connect();
  asked = [];
});
after(() => server.close());

const usedSlots = () => [...model.cells.state.keys()].filter(i => model.cells.state[i]);

test('has after each answer exactly the cells that the proxy has', async () => {
  for (let i = 0; i < 20; ++i) {
    await model.poll();
    const used = server.machine.records.filter(each => each.state);
    assert.deepEqual(usedSlots(), used.map(each => each.slot));
    for (const each of used) {
      const {slot} = each;
      assert.deepEqual([model.cells.id[slot], model.cells.state[slot], model.cells.wait[slot], model.cells.heldDown[slot]], [each.id, each.state, each.wait, each.heldDown]);
    }
    server.machine.advance(70);
  }
});

test('forgets what it had when the answer has all cells', async () => {
  await model.poll();
  model.head.frame = 4000000000;  // the proxy does not know it
  server.machine.records.slice(0, 20).forEach(each => each.state = 0);
  await model.poll();
  assert.deepEqual(usedSlots(), server.machine.records.filter(each => each.state).map(each => each.slot));
});

test('asks only for what has changed', async () => {
  await model.poll();
  asked = [];
  await model.poll();
  assert.equal(asked.length, 1);
  assert.match(asked[0], /^\/console\/cells\?since=[1-9]/);
  assert.equal(model.head.count, 0);
});

test('counts rates across the wrap-around of a counter', async () => {
  await model.poll();
  const first = model.counted[0].transitions;
  model.takeRates({nowUs: model.counted[0].at * 1000, transitions: first.map(() => 4294967294)});
  model.counted.shift();
  model.takeRates({nowUs: model.counted[0].at * 1000 + 2e6, transitions: first.map(() => 8)});
  assert.deepEqual([...new Set(model.transitionRates)], [5]);
});

test('starts over when another run of the program answers', async () => {
  await model.poll();
  const other = await serve({frozen: true, used: 5, stuck: false, seed: 99});
  server.close();
  server = other;
  await model.poll();
  await model.poll();
  assert.deepEqual(usedSlots(), server.machine.records.filter(each => each.state).map(each => each.slot));
  assert.ok(model.turns.length > 0);
});

test('says since when the proxy does not answer, and keeps what it had', async () => {
  await model.poll();
  const before = usedSlots();
  let updates = 0;
  model.subscribe(() => ++updates);
  server.close();
  await model.poll();
  assert.ok(model.failedSince instanceof Date);
  assert.deepEqual(usedSlots(), before);
  assert.equal(updates, 1);
});

test('has the steps of a slot, and asks for later ones only', async () => {
  await model.poll();
  const steps = await model.steps(3);
  assert.equal(steps.at(-1).event, 'waited');
  assert.ok(steps.every(step => step.slot === 3 && step.timeUs > 0));
  assert.ok(steps.every((step, i) => i === 0 || step.position > steps[i - 1].position));
  asked = [];
  assert.equal((await model.steps(3)).length, steps.length);
  assert.deepEqual(asked, []);
});

test('keeps at most 1,024 turns and 500 requests', async () => {
  for (let i = 0; i < 6; ++i) {
    server.machine.advance(4000);
    await model.poll();
  }
  assert.equal(model.turns.length, 1024);
  assert.ok(model.requests.length > 100 && model.requests.length <= 500);
  assert.ok(model.turns.every((turn, i) => i === 0 || turn.beganUs > model.turns[i - 1].beganUs));
});

test('does not poll while it is paused, and its clock stands', async () => {
  await model.poll();
  model.pause(true);
  const {nowUs} = model;
  await new Promise(done => setImmediate(done));
  assert.equal(model.nowUs, nowUs);
});
