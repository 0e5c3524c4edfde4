// The board's page in Chromium, against made-up data (fake_proxy.mjs): what it shows, that all of it works by pointer and
// by keyboard, and that axe and the content security policy have nothing against it.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {readFileSync} from 'node:fs';
import {after, before, describe, test} from 'node:test';
import {becomes, closeBrowser, open, reads, shows} from './browser.mjs';
import {kNames} from './fake_machine.mjs';
import {serve} from './fake_proxy.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
after(closeBrowser);

// The page with frozen data: it changes only when `advance(ms)` is called.
async function openBoard(options, view) {
  const server = await serve({frozen: true, ...options});
  const board = await open(`http://${server.address}/${view?.hash ?? ''}`, view);
  await board.page.waitForFunction(() => document.querySelector('#header .live') && !/Connecting/.test(document.querySelector('h1').textContent));
  const close = async () => (await board.close(), server.close());
  return {...board, server, machine: server.machine, close};
}

async function assertAccessible(page, what) {
  if (await page.evaluate(() => !globalThis.axe)) await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await globalThis.axe.run(document, {resultTypes: ['violations']})).violations
    .map(each => `${each.id}: ${each.nodes.slice(0, 3).map(node => `${node.html.slice(0, 140)} ${node.failureSummary.slice(0, 200)}`).join(' | ')}`));
  assert.deepEqual(violations, [], what);
}

async function assertNoFaults(board) {
  await board.violations();
  assert.deepEqual(board.faults, []);
}

const text = (page, selector) => page.locator(selector).first().innerText();

describe('a proxy at work', () => {
  let board, page;
  before(async () => {
    board = await openBoard();
    ({page} = board);
  });
  after(() => board.close());

  test('names the slot that waits longest, and opens it', async () => {
    await shows(page, 'h1', /requests in progress\. Slot 3 waits longest: the client has read no response bytes for \d+\.\d\ss\./u);
    await reads(page, '#slot h2', 'Slot 3');
    await shows(page, '.diag', /The client has read no response bytes/);
    await shows(page, '.find-line', /1 finding\. Slot 317 waits for a socket that is ready/);
  });

  test('says the same time in the headline and in the panel, at each moment', async () => {
    const times = await page.evaluate(async () => {
      const time = selector => / for (\d+\.\d)\ss/u.exec(document.querySelector(selector).textContent)[1], seen = [];
      while (seen.length < 100) {
        await new Promise(requestAnimationFrame);
        seen.push([time('h1 mark'), time('.diag')]);
      }
      return seen;
    });
    assert.deepEqual(times.filter(([headline, panel]) => headline !== panel), []);
  });

  test('counts the same requests in the headline and in the boxes, at each moment', async () => {
    const seen = await page.evaluate(async () => {
      const number = text => Number(text.replaceAll(',', '')), seen = [];
      while (new Set(seen.map(([all]) => all)).size < 5) {
        await fetch('/fake/advance?ms=60');
        await new Promise(requestAnimationFrame);
        seen.push([number(/^([\d,]+) request/.exec(document.querySelector('h1').textContent)[1]), [...document.querySelectorAll('.st .n')].reduce((sum, each) => sum + number(each.textContent), 0)]);
      }
      return seen;
    });
    assert.deepEqual(seen.filter(([headline, boxes]) => headline !== boxes), []);
  });

  test('shows the records by state, without idle ones', async () => {
    const {records} = board.machine, idle = records.filter(each => each.state === 1 && [0, 1].includes(each.wait)).length;
    const shown = () => page.$$eval('.st .n', all => all.map(each => Number(each.textContent.replaceAll(',', ''))));
    await becomes(page, shown, [1, 2, 3, 4].map(state => records.filter(each => each.state === state).length - (state === 1 ? idle : 0)));
  });

  test('has all transitions with a rate', async () => {
    await page.click('.all summary');
    const rows = () => page.$$eval('.all tbody tr', all => all.map(row => [...row.cells].slice(0, 3).map(cell => cell.textContent)));
    await becomes(page, rows, kNames.transitions.map(row => [row.from, row.event, row.to]));
    await page.click('.all summary');
  });

  test('has the same records in the table as in the proxy', async () => {
    await page.keyboard.press('t');
    const rows = () => page.$$eval('#array-table tbody tr', all => all.map(row => [0, 1, 2, 5, 6].map(column => row.cells[column].textContent.trim())));
    const used = board.machine.records.filter(each => each.state);
    await becomes(page, rows, used.map(each => [String(each.slot), String(each.id), kNames.states[each.state],
      `${each.heldUp.toLocaleString('en')}\u00a0B`, `${each.heldDown.toLocaleString('en')}\u00a0B`]));
    await assertAccessible(page, 'table');
    await page.keyboard.press('t');
  });

  test('opens a slot by arrow keys and enter, and puts it into the address', async () => {
    await page.focus('.array');
    await page.keyboard.press('Home');
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Enter']) await page.keyboard.press(key);
    await reads(page, '#slot h2', 'Slot 5');
    await page.waitForFunction(() => location.hash === '#slot=5');
    await shows(page, '#array [aria-live]', /^Slot 5, /);
  });

  test('opens a slot by a click', async () => {
    const box = await page.locator('.array').boundingBox();
    const size = await page.evaluate(() => Math.floor(document.querySelector('.array').clientWidth / 22));
    const left = (box.width - size * 22) / 2;
    await page.mouse.click(box.x + left + 22 * 3 + 11, box.y + 4 + 11);
    await reads(page, '#slot h2', 'Slot 3');
  });

  test('shows heads, counters and JSON of the slot', async () => {
    await page.click('#tab-Heads');
    await shows(page, '[role=tabpanel]', /Proxy-Connection: keep-alive[\s\S]*RFC 9110 7\.6\.1[\s\S]*Via: 1\.1 proxy[\s\S]*RFC 9110 7\.6\.3/);
    await page.focus('#tab-Heads');
    await page.keyboard.press('ArrowRight');
    await shows(page, '[role=tabpanel]', /Response: bytes held\s+16,384/);
    await page.keyboard.press('ArrowRight');
    await becomes(page, async () => JSON.parse(await text(page, '[role=tabpanel] pre')).slot, 3);
    await page.click('#tab-Ladder');
  });

  test('shows the slots of one state alone', async () => {
    const button = page.locator('.st.read-response button');
    await button.click();
    await becomes(page, () => button.getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('t');
    const states = () => page.$$eval('#array-table tbody tr', all => [...new Set(all.map(row => row.cells[2].textContent))]);
    await becomes(page, states, ['READ_RESPONSE']);
    await page.keyboard.press('t');
    await button.click();
  });

  test('explains how to set up a browser until a request comes through', async () => {
    for (const name of ['Firefox', 'Chromium', 'the system', 'curl and other programs']) {
      await page.locator('#setup button', {hasText: name}).click();
      await shows(page, '#setup-steps', /127\.0\.0\.1/);
    }
    await assertAccessible(page, 'setup');
    await page.evaluate(() => fetch('/fake/proxied'));
    await page.waitForSelector('#setup .setup', {state: 'detached'});
  });

  test('has the names of eXpServer in each part, by a key', async () => {
    await page.keyboard.press('t');
    const shown = async selector => (await text(page, selector)).replace(/\s+/gu, ' ');
    await reads(page, '#array-title', 'The array');
    const before = [await shown('#legend'), await shown('#array-table thead'), await shown('.diag .more'), await shown('.end .marks')];
    await page.click('h1');
    await page.keyboard.press('v');
    await reads(page, '#array-title', 'The sessions');
    await shows(page, '#legend', /waits for the client source or sink/);
    await shows(page, '#array-table thead', /In the pipe to the client\s+Client’s source, sink/);
    await shows(page, '#array-table tbody', /sink ready/);
    await shows(page, '.diag .more', /the session reads no more from the upstream’s source/);
    await shows(page, '.end .marks', /source not ready/);
    await page.keyboard.press('v');
    await reads(page, '#array-title', 'The array');
    await becomes(page, async () => [await shown('#legend'), await shown('#array-table thead'), await shown('.diag .more'), await shown('.end .marks')], before);
    await page.keyboard.press('t');
  });

  test('changes the names and the colours, and keeps them', async () => {
    await page.click('.vocabulary');
    await reads(page, '#array-title', 'The sessions');
    await page.locator('header button', {hasText: '◐'}).click();
    await page.waitForSelector('html[data-theme=dark]');
    await page.reload();
    await page.waitForSelector('.chip');
    await reads(page, '#array-title', 'The sessions');
    await page.waitForSelector('html[data-theme=dark]');
    await page.click('.vocabulary');
    await page.locator('header button', {hasText: '◐'}).click();
  });

  test('pauses and goes on', async () => {
    await page.click('h1');
    await page.keyboard.press('Space');
    await reads(page, '.live', 'paused');
    await page.keyboard.press('Space');
    await reads(page, '.live', 'live');
  });

  test('shows its words and keys', async () => {
    await page.keyboard.press('?');
    await shows(page, 'dialog', /EAGAIN/);
    await page.setViewportSize({width: 400, height: 800});
    await becomes(page, () => page.$eval('dialog .scroll', each => each.clientWidth >= each.closest('dialog').clientWidth - 60), true);
    await page.setViewportSize({width: 1600, height: 1300});
    await assertAccessible(page, 'help');
    await page.keyboard.press('Escape');
    await becomes(page, () => page.locator('dialog[open]').count(), 0);
  });

  test('leaves no error, no violation of the policy, no request to others', () => assertNoFaults(board));
});

describe('going back in time', () => {
  let board, page;
  const moment = () => page.evaluate(() => Number(/at=(\d+)/.exec(location.hash)?.[1]));
  before(async () => {
    board = await openBoard();
    ({page} = board);
    await page.waitForSelector('#slot h2');
  });
  after(() => board.close());

  test('says what the time bar covers', async () => {
    const kept = () => Math.min(1024, board.machine.turnCount).toLocaleString('en');
    await becomes(page, () => text(page, '.tb-at'), `now · the last ${kept()} turns`);
  });

  test('begins with an arrow key, and the address holds the moment', async () => {
    await page.keyboard.press('ArrowLeft');
    await page.waitForSelector('.live.replay');
    await page.waitForFunction(() => /at=/.test(location.hash));
    const last = await moment();
    await page.keyboard.press('ArrowLeft');
    await becomes(page, moment, last - 1);
    await page.keyboard.press('ArrowRight');
    await becomes(page, moment, last);
    await shows(page, 'h1', /before the end, step [\d,]+ of [\d,]+\./);
  });

  test('goes to EAGAIN, turns and back', async () => {
    await page.keyboard.press('Shift+E');
    await shows(page, 'h1 mark', /EAGAIN/);
    const again = await moment(), [slot] = /Slot \d+/.exec(await text(page, 'h1 mark'));
    await reads(page, '#slot h2', slot);
    await page.keyboard.press('Shift+ArrowLeft');
    await shows(page, 'h1 mark', /A turn begins/);
    await becomes(page, async () => await moment() < again, true);
  });

  test('opens the moment of a step of the ladder', async () => {
    await page.locator('.ld-row').first().click();
    await page.waitForSelector('.ld-now');
    await becomes(page, async () => (await text(page, 'h1')).includes(`${await text(page, '#slot h2')}: `), true);
  });

  test('is the same after a reload', async () => {
    const address = () => page.evaluate(() => location.href), url = await address(), sentence = await text(page, 'h1');
    await page.reload();
    await page.waitForSelector('.live.replay');
    await becomes(page, address, url);
    await reads(page, 'h1', sentence);
    await assertAccessible(page, 'replay');
  });

  test('ends with escape', async () => {
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
    await page.waitForFunction(() => !/at=/.test(location.hash));
  });

  test('has the moment where it was dragged to', async () => {
    const kUnits = {'µs': 1e-3, ms: 1, s: 1e3, min: 6e4}, box = await page.locator('.tb-track').boundingBox();
    const ago = async selector => {
      const [, number, unit] = /([\d.]+)\s(µs|ms|s|min)/u.exec(await text(page, selector)) ?? [null, 0, 's'];
      return number * kUnits[unit];
    };
    let dragged = null;
    const whileFetching = new Promise(done => (dragged = done));
    await page.route('**/console/record*', async route => (await whileFetching, route.continue()));
    await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    dragged();
    await page.waitForSelector('.live.replay');
    await page.unroute('**/console/record*');
    await page.mouse.up();
    const from = await ago('.tb-from'), to = await ago('.tb-to'), at = await ago('.tb-at');
    assert.ok(Math.abs((from - at) / (from - to) - 0.5) < 0.1, JSON.stringify({from, to, at}));
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
  });

  test('searches backwards from now, and says when there is none', async () => {
    await page.keyboard.press('e');
    await shows(page, 'h1 mark', /EAGAIN/);
    await shows(page, 'h1', /before the end/);
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
    await page.keyboard.press('f');
    await reads(page, '.said', 'There is no finding before this step.');
    await page.keyboard.press('ArrowLeft');
    await page.waitForSelector('.said', {state: 'detached'});
    await page.keyboard.press('f');
    await reads(page, '.said', 'There is no finding after this step.');
  });

  test('says that the moment of the address is not kept', async () => {
    await page.evaluate(() => location.hash = '#at=99999999');
    await shows(page, '.said', /^There is no step 99,999,999; the latest is shown\.$/);
    const {machine} = board;
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
    machine.first += 10, machine.entries.splice(0, 10);
    await page.evaluate(() => location.hash = '#at=1');
    await reads(page, '.said', 'Step 1 has been overwritten; the oldest is shown.');
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
  });

  test('leaves no error, no violation of the policy, no request to others', () => assertNoFaults(board));
});

// The board of the made-up machine, changed by `change(machine)`; it is closed after `look(page, board)`.
async function withBoard(options, look) {
  const board = await openBoard(options);
  try {
    await look(board.page, board);
    await assertNoFaults(board);
  } finally {
    await board.close();
  }
}

// Ends the record's connection; `flags`: another one takes the slot.
function end(machine, slot, flags = null) {
  Object.assign(machine.records[slot], {state: 0, changed: machine.frame});
  if (flags !== null) machine.restart(machine.records[slot], 1, 0), Object.assign(machine.records[slot], {flags, until: Infinity});
}

describe('the slot that waits longest', () => {
  test('is left at once when it becomes free', () => withBoard({}, async (page, {machine}) => {
    await reads(page, '.follow', 'This is the slot that waits longest.');
    await page.evaluate(() => {  // of each frame, which slot is said to be the longest
      globalThis.wrong = [];
      const look = () => {
        const longest = /Slot (\d+) waits longest/.exec(document.querySelector('h1').textContent)?.[1], slot = /\d+/.exec(document.querySelector('#slot h2').textContent)?.[0];
        if (/^This is/.test(document.querySelector('.follow').textContent) && slot !== longest) globalThis.wrong.push([longest, slot]);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    end(machine, 3);
    machine.advance(60);
    await shows(page, 'h1', /Slot 317 waits longest/);
    await reads(page, '#slot h2', 'Slot 317');
    assert.deepEqual(await page.evaluate(() => globalThis.wrong), []);
  }));

  test('is never a viewer', () => withBoard({used: 1, stuck: false, touched: 4}, async (page, {machine}) => {
    await page.waitForSelector('#slot h2');
    machine.records.forEach(({slot}) => end(machine, slot, slot === 0 ? 4 : null));
    machine.advance(60);
    await reads(page, '#slot h2', 'No slot is chosen');
    end(machine, 2, 0);
    machine.advance(60);
    await reads(page, '#slot h2', 'Slot 2');
    await reads(page, '.follow', 'This panel follows the slot that waits longest.');
  }));
});

describe('the doctor’s panel', () => {
  const finding = {code: 'slow-turn', severity: 'warning', lasts: false, slot: null, connection: null, first_ms_ago: 3100, last_ms_ago: 3100, sightings: 1, total: 1, sentence: 'It was slow.'};

  test('says that no finding lasts, and how long ago the only sighting was', () => withBoard({found: () => ({findings: [finding], long_waits_count: null})}, async page => {
    await shows(page, '#doctor', /1 sighting, 3\.1\s+s ago; it has ended\./u);
    await shows(page, '#doctor .ok', /^No finding lasts\./);
  }));

  test('opens the connection that a finding names, and no other one', () => withBoard({found: () => ({findings: [{...finding, slot: 3, connection: 1742}], long_waits_count: null})}, async (page, {machine}) => {
    await page.waitForSelector('.finding');
    await page.locator('.finding button', {hasText: 'Open slot 3'}).click();
    await reads(page, '#slot h2', 'Slot 3');
    end(machine, 3, 0);
    machine.advance(60);
    await shows(page, '.finding', /Its connection has ended\./);
    assert.equal(await page.locator('.finding button').count(), 0);
  }));
});

test('says what the kernel has unread, although the mark is off', () => {
  const changedSlot = data => ({...data, awaited: 'client_sends', client: {...data.client, marks: {...data.client?.marks, readable: false}, kernel: {...data.client?.kernel, unread: 96256}}});
  return withBoard({changedSlot}, page => shows(page, '.diag .more', /^The kernel has 94\s+KiB of the client unread, and its mark says “not readable”/u));
});

test('a response that has not arrived', () => withBoard({changedSlot: data => ({...data, state: 'READ_RESPONSE', heads: {...data.heads, response: null}})}, async page => {
  await page.click('#tab-Heads');
  await shows(page, '[role=tabpanel]', /The response has not arrived yet\./);
}));

test('the loop of an idle proxy has slept', () => withBoard({used: 0, touched: 1, stuck: false}, async (page, {machine}) => {
  await shows(page, '#loop .facts', /turns a second/);
  machine.nowMs += 5000;
  await shows(page, '#loop .facts', /The event loop has slept for the last second\./);
  await reads(page, '#asleep', 'asleep 100 %');
}));

test('one long request leaves the others visible', () => withBoard({}, async (page, {machine}) => {
  await page.waitForSelector('.wf-bar');
  const of = (path, ms) => ({...machine.requests.at(-1), path, stateMs: [0, 0, 0, ms, 0], phaseMs: [0, 0, 0]});
  machine.requests.push(of('/hour', 3_600_000), of('/short', 400), of('/shortest', 1));
  machine.requestCount += 3;
  await shows(page, '.wf-axis', /^\(square root, up to 1\s+h 0\s+min\)$/u);
  const row = path => page.locator('#requests tbody tr', {has: page.locator(`[title$="${path}"]`)});
  const part = await row('/short').locator('.wf-bar').evaluate(each => each.querySelector('rect').getBoundingClientRect().width / each.getBoundingClientRect().width);
  assert.ok(part > 0.01, `a request of 0.4 s beside one of an hour: ${part}`);
  await becomes(page, async () => (await row('/shortest').locator('.wf-time span').innerText()).replace('\u00a0', ' '), '1 ms');
}));

describe('accessibility', () => {
  for (const width of [400, 1600])
    for (const dark of [false, true])
      test(`${width} px, ${dark ? 'dark' : 'light'}: axe finds nothing, and nothing is cut off`, async () => {
        const board = await openBoard({}, {width, dark});
        try {
          await assertAccessible(board.page, `${width} ${dark}`);
          assert.ok(await board.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'scrolls sideways');
          await assertNoFaults(board);
        } finally {
          await board.close();
        }
      });

  test('forced colours: those that say something stay', () => withBoard({}, async page => {
    const colours = () => page.evaluate(() => ['.chip', '.ld-square', '.tb-error', '.arrow'].map(each => getComputedStyle(document.querySelector(each)).backgroundColor));
    await page.waitForSelector('.ld-square');
    await page.locator('.chip').first().waitFor();
    const before = await colours();
    await page.emulateMedia({forcedColors: 'active'});
    assert.deepEqual(await colours(), before);
  }));
});

describe('a proxy without clients', () => {
  test('says how to begin', async () => {
    const board = await openBoard({used: 0, touched: 0});
    try {
      await board.page.waitForFunction(() => /No client is connected/.test(document.querySelector('h1').textContent));
      await shows(board.page, '#headline', /curl -x http:\/\/127/);
      await assertAccessible(board.page, 'empty');
      await assertNoFaults(board);
    } finally {
      await board.close();
    }
  });
});

test('all parts are drawn, although the array takes the time of an update', async () => {
  const board = await openBoard(), {page} = board;
  await shows(page, 'h1', /Slot 3 waits longest/);
  await page.evaluate(() => {  // the clock goes on by 20 ms whenever it is read
    let now = performance.now();
    performance.now = () => now += 20;
  });
  const before = await text(page, 'h1'), requests = await text(page, '#requests');
  board.machine.advance(5000);
  await becomes(page, async () => await text(page, 'h1') !== before, true);
  await becomes(page, async () => await text(page, '#requests') !== requests, true);
  await page.keyboard.press('t');
  await becomes(page, () => page.evaluate(() => document.activeElement.matches('#array-table .scroll')), true);
  await assertNoFaults(board);
  await board.close();
});

describe('a proxy that ends', () => {
  test('is reported, and what was shown stays', async () => {
    const board = await openBoard();
    await board.page.waitForSelector('#slot h2');
    board.server.close();
    try {
      await board.page.waitForSelector('.live.lost');
      await shows(board.page, '.notice', /not been reachable since/);
      await reads(board.page, '#slot h2', 'Slot 3');
      await assertAccessible(board.page, 'not reachable');
    } finally {
      await board.close();
    }
  });
});

describe('10,000 slots', () => {
  test('are all in the array', async () => {
    const board = await openBoard({touched: 10000, used: 8600});
    try {
      await board.page.waitForFunction(() => document.querySelector('.array canvas').height > 500);
      await shows(board.page, '#array-summary', /^10,000 records · /);
      await assertAccessible(board.page, 'many');
      await assertNoFaults(board);
    } finally {
      await board.close();
    }
  });
});
