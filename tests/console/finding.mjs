// Checks that the board shows findings of the loop doctor, in Chromium: in the doctor's panel, and at the slot.
//
//   node finding.mjs live ADDRESS CODE...   of a running proxy; what is about a slot must last
//   node finding.mjs replay FILE CODE...    of a record file, with the program $PROXY
//
// tests/mistakes calls it with what a mistake has led to. Exit status 0: each of the findings is shown.
import assert from 'node:assert/strict';
import {becomes, closeBrowser, open, reads, shows} from './browser.mjs';
import {startReplay} from './programs.mjs';

// In the doctor's panel: a sentence, and the code.
async function isInPanel(page, code) {
  const entry = page.locator('#doctor .finding', {hasText: `${code} (`}).first();
  await entry.waitFor();
  assert.match(await entry.locator('b').innerText(), /^[A-Z0-9].*\.$/);
  return entry;
}

// In the table of records: the slot has a finding.
async function isInTable(page, slot) {
  await page.keyboard.press('t');
  await becomes(page, () => page.$$eval('#array-table tbody tr', (rows, is) => rows.filter(row => row.cells[0].textContent.trim() === is)
    .map(row => /finding/.test(row.cells[9].textContent)), slot), [true]);
  await page.keyboard.press('t');
}

// The slot of an entry in the doctor's panel, or null.
async function slotOf(entry) {
  const button = entry.locator('button');
  return await button.count() ? /\d+/.exec(await button.innerText())[0] : null;
}

async function checkLive(page, code) {
  const entry = await isInPanel(page, code), slot = await slotOf(entry);
  if (slot === null) return;
  await isInTable(page, slot);
  await entry.locator('button').click();
  await reads(page, '#slot h2', `Slot ${slot}`);
}

// From the end backwards to the moment of the finding.
async function goBackTo(page, code) {
  await page.keyboard.press('Escape');
  await shows(page, 'h1', /^The end of the recording/);
  for (let left = await page.locator('#doctor .finding').count(); left > 0; --left) {
    const before = await page.locator('h1').innerText();
    await page.keyboard.press('Shift+F');
    await becomes(page, async () => await page.locator('h1').innerText() !== before, true);
    const sentence = await page.locator('h1 mark').innerText();
    if (sentence.toLowerCase().includes(`finding ${code}.`)) return sentence;
  }
  throw new Error(`the recording has no moment of ${code}`);
}

async function checkRecording(page, code) {
  const sentence = await goBackTo(page, code), slot = /^Slot (\d+): /.exec(sentence)?.[1] ?? null;
  await becomes(page, async () => slotOf(await isInPanel(page, code)), slot);
  if (slot === null) return;
  await reads(page, '#slot h2', `Slot ${slot}`);
  await shows(page, '.ld-now', new RegExp(`▲\\s*${code}`));
  if (await page.locator('.chip').innerText() !== 'FREE') await isInTable(page, slot);
}

const [how, where, ...codes] = process.argv.slice(2);
const replay = how === 'replay' ? await startReplay(where) : null, board = await open(replay?.address ?? where);
try {
  for (const code of codes) await (replay ? checkRecording : checkLive)(board.page, code);
  await board.violations();
  assert.deepEqual(board.faults, []);
} finally {
  await board.close();
  await closeBrowser();
  await replay?.stop();
}
