// Writes the pictures of the documents, docs/pictures/*.png: the board of a demo (`make demo`), and for the steps of
// docs/tour.md that of the record files of docs/recordings.
//
//   node tests/console/pictures.mjs [NAME...]   of the program $PROXY; `make pictures` builds what it needs
//
// Needs pngquant. A demo gives another picture each time: look at it.
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {closeBrowser, open, reads, shows} from './browser.mjs';
import {kProgram, startDemo, startReplay, through} from './programs.mjs';

const root = new URL('../../', import.meta.url).pathname, folder = join(root, 'docs/pictures');
const kPort = 8080;  // of the demo: that of the documents, if it is free
const kView = {width: 1600, height: 1230}, kStepView = {width: 1280, height: 1000}, kTallView = {width: 1280, height: 1200};

// ---- a demo ------------------------------------------------------------------------------------------------------

// This browser has used the proxy: the line about its setup goes.
async function useProxy(page, {port}) {
  await page.waitForSelector('.chip');  // the proxy remembers browsers from the first viewer on
  await through({port}, 'http://demo.test/', {'User-Agent': await page.evaluate(() => navigator.userAgent)});
  await page.waitForSelector('#setup .setup', {state: 'detached'});
}

const kStepMs = 50;  // in which the ladder follows

// A client has read nothing for some seconds.
const waitForSlowReader = page => shows(page, 'h1', /the client has read no response bytes for ([5-9]|[12]\d)\.\d\ss/u);

// To a step of a slot: the loop's own steps are in no ladder.
async function goBack(page) {
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector('.live.replay');
  for (let back = 0; back < 40 || !await page.locator('.ld-now').count(); ++back) {
    await page.keyboard.press('Shift+E');
    await page.waitForTimeout(kStepMs);
  }
}

async function waitForFinding(page) {
  await page.waitForSelector('.find-line');
  await page.locator('#doctor .finding button').first().click();
  await page.evaluate(() => scrollTo(0, 0));
}

// Each demo: its program, and {picture: [view, what happens before it is taken]}.
const kDemos = [
  [kProgram, {
    'board-light': [kView, waitForSlowReader],
    'board-dark': [{...kView, dark: true}, waitForSlowReader],
    'board-narrow': [{width: 400, height: 2600}, waitForSlowReader],
    'board-replay': [kView, goBack]}],
  [`${root}build/mistakes/no-drain/proxy`, {'tour-10': [kTallView, waitForFinding]}]];

async function takeDemo([program, pictures], chosen) {
  const names = Object.keys(pictures).filter(chosen);
  if (!names.length) return;
  const files = mkdtempSync(join(tmpdir(), 'demo-')), demo = await startDemo(program, files, kPort);
  try {
    for (const name of names) {
      const [view, act] = pictures[name], board = await open(demo.address, view);
      await useProxy(board.page, demo);
      await act(board.page);
      await take(board, name);
    }
  } finally {
    await demo.stop();
    rmSync(files, {recursive: true});
  }
}

// ---- a record file -----------------------------------------------------------------------------------------------

// The steps of the tour: file, number of steps that have happened, slot, window.
const kSteps = {
  'tour-1': ['first_requests', 9, 0],
  'tour-2': ['first_requests', 33, 0],
  'tour-3': ['first_requests', 51, 0],
  'tour-4': ['tunnel', 44, 0, kTallView],
  'tour-5': ['slow_reader', 46, 0, kTallView],
  'tour-6': ['dead_server', 23, 0, kTallView],
  'tour-7': ['lost_edge', 32, 0, kTallView],
  'tour-8': ['stalled_loop', 56, 1, kTallView],
  'tour-9': ['no_descriptors', 81, 0]};

async function takeStep(name, [file, steps, slot, view = kStepView]) {
  const replay = await startReplay(`docs/recordings/${file}.pxr`);
  const board = await open(`${replay.address}#at=${steps}&slot=${slot}`, view), {page} = board;
  try {
    await page.waitForSelector('.ld-row');
    await reads(page, '#slot h2', `Slot ${slot}`);
    await take(board, name);
  } finally {
    await replay.stop();
  }
}

// ---- what is written ---------------------------------------------------------------------------------------------

const kSettleMs = 1500;  // then all parts have been drawn

async function take(board, name) {
  const path = join(folder, `${name}.png`);
  await board.page.waitForTimeout(kSettleMs);
  await board.page.screenshot({path});
  await board.close();
  execFileSync('pngquant', ['--force', '--strip', '--speed', '1', '--nofs', '--output', path, '128', path]);
}

const names = process.argv.slice(2), chosen = name => !names.length || names.includes(name);
mkdirSync(folder, {recursive: true});
for (const demo of kDemos) await takeDemo(demo, chosen);
for (const [name, step] of Object.entries(kSteps)) if (chosen(name)) await takeStep(name, step);
await closeBrowser();
