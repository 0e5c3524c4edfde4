// The board of a real proxy ($PROXY), in Chromium, against traffic on loopback.
import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {connect} from 'node:net';
import {after, before, describe, test} from 'node:test';
import {becomes, closeBrowser, open, reads, shows} from './browser.mjs';
import {startProxy, startReplay, through, tunnel} from './programs.mjs';

after(closeBrowser);

// An origin: /big sends 64 MiB, everything else a few bytes with a cookie.
async function startOrigin() {
  const server = createServer((incoming, response) => {
    response.setHeader('Set-Cookie', 'secret=tell');
    response.end(incoming.url.startsWith('/big') ? Buffer.alloc(64 << 20, 120) : 'hello\n');
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return {port: server.address().port, stop: () => (server.closeAllConnections(), server.close())};
}

// A client that sends a request and reads nothing.
function slowReader(proxy, url) {
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => {});  // the proxy ends its connection at last
  socket.pause();
  socket.write(`GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
  return socket;
}

const text = (page, selector) => page.locator(selector).first().innerText();

describe('a proxy with a client that reads nothing', () => {
  let origin, proxy, board, page, reader, url;
  before(async () => {
    origin = await startOrigin();
    proxy = await startProxy('--reader-timeout', '3600');
    url = path => `http://127.0.0.1:${origin.port}${path}`;
    board = await open(`http://localhost:${proxy.port}/`);  // ::1 for the browser, which uses the proxy at 127.0.0.1
    ({page} = board);
    await page.waitForSelector('#header .live');
    reader = slowReader(proxy, url('/big?token=tell'));
  });
  after(async () => {
    reader.destroy();
    await board.close();
    await proxy.stop();
    origin.stop();
  });

  test('names it in the headline and opens its slot', async () => {
    await page.waitForFunction(() => /the client has read no response bytes for/.test(document.querySelector('h1').textContent));
    await page.waitForFunction(() => /The client has read no response bytes/.test(document.querySelector('.diag')?.textContent));
    await becomes(page, async () => {
      const [, slot] = /Slot (\d+) waits longest/.exec(await text(page, 'h1')) ?? [];
      return await text(page, '#slot h2') === `Slot ${slot}`;
    }, true);
    await reads(page, '.chip', 'SEND_RESPONSE');
    await shows(page, '.end.waited', /Client/);
  });

  test('has it in the table, and only it', async () => {
    await page.keyboard.press('t');
    // Chromium also opens connections on which it asks for nothing yet: those are in READ_REQUEST.
    const rows = () => page.$$eval('#array-table tbody tr', all => all.map(row => row.textContent).filter(each => !/viewer|READ_REQUEST/.test(each))
      .map(each => /SEND_RESPONSE/.test(each) && /The client has read no response bytes/.test(each)));
    await becomes(page, rows, [true]);
    await page.keyboard.press('t');
  });

  test('has in its ladder the call that returned EAGAIN', async () => {
    await page.waitForSelector('.ld-again');
    await shows(page, '.ladder-box', /EAGAIN\s+mark writable cleared/);
  });

  test('shows the request with its heads, and no secret', async () => {
    assert.equal(await through(proxy, url('/page?token=tell'), {Cookie: 'a=tell', Authorization: 'Basic dGVsbA=='}), 200);
    await page.waitForFunction(() => /\/page/.test(document.querySelector('#requests').textContent));
    await page.click('#tab-Heads');
    await page.waitForFunction(() => /GET http/.test(document.querySelector('[role=tabpanel]').textContent));
    await shows(page, '[role=tabpanel]', /Via: 1\.1/);
    await page.click('#tab-JSON');
    await shows(page, '[role=tabpanel] pre', /"slot"/);
    const all = await page.evaluate(() => document.documentElement.textContent);
    assert.doesNotMatch(all, /tell\b/);
    await page.click('#tab-Ladder');
  });

  test('goes back in time to before its first EAGAIN, and returns', async () => {
    await page.keyboard.press('Shift+E');
    await page.waitForSelector('.live.replay');
    await shows(page, 'h1', /EAGAIN/);
    await page.keyboard.press('Escape');
    await reads(page, '.live', 'live');
  });

  test('has no setup line once this browser goes through it', async () => {
    await page.waitForSelector('#setup .setup');
    assert.equal(await through(proxy, url('/'), {'User-Agent': await page.evaluate(() => navigator.userAgent)}), 200);
    await page.waitForSelector('#setup .setup', {state: 'detached'});
  });

  test('reports that it has ended', async () => {
    await proxy.stop();
    await page.waitForSelector('.live.lost');
    await board.violations();
    assert.deepEqual(board.faults.filter(each => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(each)), []);
  });
});

describe('a proxy that this browser uses for HTTPS alone', () => {
  test('has no setup line', async () => {
    const origin = await startOrigin(), proxy = await startProxy(), board = await open(`http://localhost:${proxy.port}/`), {page} = board;
    await shows(page, '#setup', /^No request of this browser has come through the proxy since this board was opened\./);
    assert.equal(await tunnel(proxy, origin.port, {'User-Agent': 'another'}), 200);
    const agent = await page.evaluate(() => navigator.userAgent);
    await page.waitForSelector('#setup .setup');
    assert.equal(await tunnel(proxy, origin.port, {'User-Agent': agent}), 200);
    await page.waitForSelector('#setup .setup', {state: 'detached'});
    await board.close();
    await proxy.stop();
    origin.stop();
  });
});

describe('a recording', () => {
  let replay, board, page;
  before(async () => {
    replay = await startReplay(new URL('../../docs/recordings/slow_reader.pxr', import.meta.url).pathname);
    board = await open(replay.address);
    ({page} = board);
    await page.waitForSelector('.ld-row');
  });
  after(async () => {
    await board.close();
    await replay.stop();
  });

  test('opens at its end', async () => {
    await shows(page, 'h1', /^The end of the recording, step ([\d,]+) of \1\./);
    await shows(page, '.notice', /slow_reader\.pxr/);
    await becomes(page, () => page.locator('#setup .setup').count(), 0);
  });

  test('goes back to the EAGAIN of the slow reader, and to the end again', async () => {
    await page.keyboard.press('Shift+E');
    await shows(page, 'h1', /Slot \d+: \w+ on descriptor \d+ returned EAGAIN\./);
    await page.waitForSelector('.ld-now');
    await page.keyboard.press('Escape');
    await shows(page, 'h1', /^The end of the recording/);
  });

  test('leaves no error, no violation of the policy, no request to others', async () => {
    await board.violations();
    assert.deepEqual(board.faults, []);
  });
});
