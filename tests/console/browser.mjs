// Debian's Chromium with one page, that notes what must not happen: errors, CSP violations, requests to others.
import assert from 'node:assert/strict';
import {isDeepStrictEqual} from 'node:util';
import {chromium} from 'playwright-core';

const kPatienceMs = 300_000;  // an event that is awaited for so long is missing; nothing is measured by it

let browser = null;

// Ends Chromium.
export async function closeBrowser() {
  await browser?.close();
  browser = null;
}

// Opens `address` in a window of `width` px. Returns {page, faults, violations, close}: `faults` is a list of texts, and
// `violations` adds to it what the content security policy has blocked.
export async function open(address, {width = 1600, height = 1300, dark = false, calm = false, scale = 1} = {}) {
  browser ??= await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server']});
  const context = await browser.newContext({viewport: {width, height}, colorScheme: dark ? 'dark' : 'light', reducedMotion: calm ? 'reduce' : 'no-preference', deviceScaleFactor: scale});
  context.setDefaultTimeout(kPatienceMs);
  const page = await context.newPage(), faults = [], origin = new URL(address).origin;
  page.on('console', message => ['error', 'warning'].includes(message.type()) && faults.push(`console: ${message.text()}`));
  page.on('pageerror', error => faults.push(`error: ${error.stack}`));
  page.on('request', request => new URL(request.url()).protocol.startsWith('http') && new URL(request.url()).origin !== origin && faults.push(`request to ${request.url()}`));
  await page.addInitScript(() => {
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', event => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  });
  await page.goto(address);
  const violations = async () => faults.push(...(await page.evaluate(() => globalThis.violations.splice(0))).map(text => `CSP: ${text}`));
  return {page, faults, violations, close: () => context.close()};
}

// The events of Chromium's trace (these categories, with commas) while `work()` runs.
export async function trace(page, categories, work) {
  await browser.startTracing(page, {categories: ['-*', ...categories.split(',')]});
  await work();
  return JSON.parse(await browser.stopTracing()).traceEvents;
}

// Waits until `read()` resolves to what equals `expected`: what the page shows follows what was done a little later.
export async function becomes(page, read, expected, what) {
  const until = Date.now() + kPatienceMs;
  for (;;) {
    const value = await read();
    if (isDeepStrictEqual(value, expected)) return;
    if (Date.now() > until) assert.deepEqual(value, expected, what);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

// Waits until the text of the first such element matches: the page asks for its parts one after the other.
export async function shows(page, selector, pattern) {
  const until = Date.now() + kPatienceMs;
  for (;;) {
    const text = await page.locator(selector).first().innerText();
    if (pattern.test(text)) return;
    if (Date.now() > until) assert.match(text, pattern);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

// Waits until the text of the first such element is this one.
export const reads = (page, selector, expected) => becomes(page, () => page.locator(selector).first().innerText(), expected);
