// The page with a recording, in Chromium: time bar, ladder and table of requests, by pointer and by keyboard.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {after, before, describe, test} from 'node:test';
import {becomes, closeBrowser, open, reads, shows} from './browser.mjs';
import {kNames} from './fake_machine.mjs';
import {serve} from './fake_proxy.mjs';
import {namesBlock} from './fake_record.mjs';
import {block, entry, file, items, note, turn} from './record_writer.mjs';

const number = (list, name) => kNames[list].indexOf(name), event = name => number('trace_events', name), call = name => number('calls', name);
const of = (name, more) => entry({event: event(name), slot: 2, id: 7, ...more});
const called = (name, fd, more) => of('called', {id: fd, detail: call(name), ...more});
const state = (before, next, name) => of('entered', {before, state: next, detail: number('events', name)});
const kReader = number('wait_options', '--reader-timeout'), kEAGAIN = 11, kFirst = 1000;

// A response whose first part the client reads; a call that the lens made; a request that got 502.
const kSteps = [
  turn(0, 10000000, 1), of('accepted', {value: 9, state: 1}), state(0, 1, 'accepted'), called('recv', 9, {value: 344, state: 1, before: 1}), state(1, 2, 'forwarded'),
  called('connect', 10, {state: 2, before: 2}), turn(1, 10000900, 1),
  turn(0, 12000000, 1), called('send', 10, {value: 351, state: 2, before: 2}), state(2, 3, 'request_sent'),
  called('recv', 10, {error: kEAGAIN, state: 3, before: 3, forced: 1}), turn(1, 12000500, 1),
  turn(0, 14000000, 1), called('recv', 10, {value: 16384, state: 3, before: 3}), state(3, 4, 'response_head'),
  ...Array.from({length: 5}, () => [called('send', 9, {value: 16384, state: 4, before: 4}), called('recv', 10, {value: 16384, state: 4, before: 4})]).flat(),
  called('send', 9, {value: 4096, state: 4, before: 4}), called('send', 9, {error: kEAGAIN, state: 4, before: 4}),
  of('waited', {value: 86016, detail: kReader, state: 4, before: 4}), turn(1, 14000800, 1),
  turn(0, 19000000, 0), of('finding', {detail: 0, state: 4, before: 4}), called('send', 9, {error: 104, state: 4, before: 4}),
  of('released', {before: 4, state: 0, detail: number('reasons', 'client-closed'), value: 86016}), turn(1, 20000000, 1)];
const kEnd = kFirst + kSteps.length, kAgain = kFirst + kSteps.findLastIndex(bytes => bytes[12] === event('called') && bytes[15] === kEAGAIN);
const kRequest = {method: 'GET', scheme: 'http', port: 80, stateMs: [0, 1, 2, 3, 4]};
const kFile = file(block('HEAD', 'version: 0.1.0\nreason: a test\nslots: 16\nclock_us: 20000000\nlens: eagain=4%\n'), namesBlock(kNames),
  block('ENTR', items(kFirst, 16, kSteps)), block('CELL', items(kEnd, 64, [])),
  block('NOTE', items(0, 312, [note({...kRequest, id: 3, position: kFirst, host: 'dead.test', path: '/', status: 502, reason: number('reasons', 'connection-refused'), error: 111}),
    note({...kRequest, id: 7, position: kEnd - 1, host: 'o.test', path: '/big', status: 200, reason: number('reasons', 'client-closed')})])));

const folder = mkdtempSync(join(tmpdir(), 'replay-')), record = join(folder, 'a.pxr');
writeFileSync(record, kFile);
after(async () => (await closeBrowser(), rmSync(folder, {recursive: true})));

// The page with the recording; it is shown at position `at`, with slot 2 open.
async function openRecording(view, at = kEnd) {
  const server = await serve({mode: 'file', frozen: true, record}), board = await open(`http://${server.address}/#at=${at}&slot=2`, view), {page} = board;
  await page.waitForSelector('.ld-row');
  const moment = () => page.evaluate(() => Number(/at=(\d+)/.exec(location.hash)?.[1]));
  const text = selector => page.locator(selector).first().innerText(), isAt = position => becomes(page, moment, position);
  return {...board, isAt, text, close: async () => (await board.close(), server.close())};
}

describe('a recording', () => {
  let board, page;
  before(async () => ({page} = board = await openRecording()));
  after(() => board.close());

  test('goes to the time that the time bar is dragged to', async () => {
    const box = await page.locator('.tb-track').boundingBox(), at = part => [box.x + box.width * part, box.y + box.height / 2];
    await page.mouse.move(...at(0.9));
    await page.mouse.down();
    await page.mouse.move(...at(0.3)); // 13 s: between the second turn and the third
    await page.mouse.up();
    await board.isAt(kFirst + 12);
    await page.mouse.move(...at(0.8)); // without the button: nothing
    await board.isAt(kFirst + 12);
    await page.mouse.click(...at(0.6));
    await board.isAt(kFirst + kSteps.length - 5);
  });

  test('has a slider with the keys of a slider', async () => {
    const track = page.locator('.tb-track');
    await track.focus();
    await page.keyboard.press('End');
    await board.isAt(kEnd);
    await page.keyboard.press('ArrowLeft');
    await board.isAt(kEnd - 1);
    await page.keyboard.press('Shift+ArrowLeft');
    await board.isAt(kEnd - 4);
    await page.keyboard.press('PageDown');
    await board.isAt(kEnd - 5);
    await becomes(page, async () => (await track.getAttribute('aria-valuetext')).replace(/\s/gu, ' '), `2.0 s before the end, step ${kSteps.length - 5} of ${kSteps.length}`);
    await page.keyboard.press('Home');
    await board.isAt(kFirst + 1);
  });

  test('goes to EAGAIN, an error, a finding, by button and by key', async () => {
    await page.getByRole('button', {name: 'The next EAGAIN'}).click();
    await page.getByRole('button', {name: 'The next EAGAIN'}).click();
    await board.isAt(kAgain + 1);
    await page.keyboard.press('f');
    await board.isAt(kEnd - 3);
    await page.keyboard.press('r');
    await board.isAt(kEnd - 2);
    await page.keyboard.press('Shift+E');
    await board.isAt(kAgain + 1);
    await page.getByRole('button', {name: 'One step back'}).click();
    await board.isAt(kAgain);
  });

  test('has the turns of the last second before the moment', async () => {
    const facts = async position => {
      await page.evaluate(at => location.hash = `#at=${at}&slot=2`, position);
      await board.isAt(position);
      return (await board.text('#loop .facts')).replace(/\s+/gu, ' ');
    };
    assert.match(await facts(kFirst + 6), /^1 turn a second/);
    assert.match(await facts(kFirst + 30), /^1 turn a second/);  // the one before was 2 s ago
    await page.locator('.tb-track').press('End');
    await board.isAt(kEnd);
    await page.keyboard.press('f');
    await reads(page, '.said', 'There is no finding after this step.');
    await page.locator('.tb-track').press('Home');
    await shows(page, 'h1 mark', /^A turn begins/);
    await page.keyboard.press('ArrowRight');
    await shows(page, 'h1 mark', /^Slot 2: the connection/);
  });

  test('has a ladder with what has happened, what follows, and what the lens made', async () => {
    await page.locator('.ld-row').filter({hasText: '5 × 16'}).click();
    await board.isAt(kFirst + 25);
    await page.waitForFunction(() => /5 × 16/.test(document.querySelector('.ld-now')?.textContent));
    await becomes(page, () => page.locator('.ld-now').getAttribute('aria-current'), 'step');
    await shows(page, '.ld-later', /a short write/);
    await shows(page, '.ld-later >> nth=1', /EAGAIN\s+mark writable cleared/);
    await shows(page, '.ld-forced', /□ EAGAIN\s+mark readable cleared forced/);
    await shows(page, '.ld-is-state', /FREE → READ_REQUEST/);
  });

  test('selects requests by words, and goes to the end of one', async () => {
    await page.keyboard.press('End');
    await page.locator('.tb-track').press('End');
    await page.keyboard.press('/');
    await page.keyboard.type('5xx refused');
    await becomes(page, () => page.locator('.wf-pick').allInnerTexts(), ['GET http://dead.test/']);
    await reads(page, '#requests [role=status]', '1 of 2 requests');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('nowhere');
    await shows(page, '#requests', /No request has all these words/);
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('-dead');
    await becomes(page, () => page.locator('.wf-pick').count(), 1);
    await page.locator('.wf-pick').click();
    await board.isAt(kEnd - 1);
  });

  test('opens the last slot that had a step, although all records are free at its end', async () => {
    const other = await open(page.url().replace(/#.*/, ''));
    await reads(other.page, '#slot h2', 'Slot 2');
    await other.close();
  });

  test('leaves no error, no violation of the policy, no request to others', async () => {
    await board.violations();
    assert.deepEqual(board.faults, []);
  });
});

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
for (const width of [400, 1600])
  for (const dark of [false, true])
    test(`a recording at ${width} px, ${dark ? 'dark' : 'light'}: axe finds nothing, and nothing is cut off`, async () => {
      const board = await openRecording({width, dark}, kFirst + 12), {page} = board;
      try {
        await page.evaluate(axe);
        const found = await page.evaluate(async () => (await globalThis.axe.run(document, {resultTypes: ['violations']})).violations
          .map(each => `${each.id}: ${each.nodes.slice(0, 3).map(node => `${node.html.slice(0, 140)} ${node.failureSummary}`).join(' | ')}`));
        assert.deepEqual(found, []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'scrolls sideways');
      } finally {
        await board.close();
      }
    });
