// Starts the program for the tests and the pictures of the board: as a proxy, as a replay of a record file, in the demo.
import {spawn} from 'node:child_process';
import {request} from 'node:http';
import {resolve} from 'node:path';

const root = new URL('../../', import.meta.url).pathname;
export const kProgram = resolve(process.env.PROXY ?? `${root}build/g++/proxy`);

// What runs does not keep this process alive, and ends with it: so a test that fails before `stop` does not hang.
const running = new Set();
process.on('exit', () => running.forEach(child => child.kill('SIGINT')));

// Ends a process, if it has not ended before.
async function end(child) {
  running.delete(child);
  child.removeAllListeners('exit');
  child.ref();
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise(done => (child.on('exit', done), child.kill('SIGINT')));
}

// Starts a command in the folder of the project. Resolves once its output matches `pattern` to {found: the match, stop, pid}; fails if it ends before.
export async function start(pattern, command, ...args) {
  const child = spawn(command, args, {cwd: root, stdio: ['ignore', 'pipe', 'pipe']});
  running.add(child);
  let output = '';
  const found = await new Promise((done, fail) => {
    const read = data => pattern.test(output += data) && done(pattern.exec(output));
    child.stdout.on('data', read), child.stderr.on('data', read);
    child.on('exit', status => fail(new Error(`${command} ${args.join(' ')} ended with status ${status}: ${output}`)));
    child.on('error', fail);
  });
  [child, child.stdout, child.stderr].forEach(each => each.unref());
  return {found, pid: child.pid, stop: () => end(child)};
}

// Starts the program with these arguments and a free port. Resolves to {port, pid, stop}.
export async function startProxy(...args) {
  const {found, ...proxy} = await start(/:(\d+)(?: and |\. Try)[^]*Ctrl-C/, kProgram, '0', ...args);
  return {...proxy, port: Number(found[1])};
}

// Serves the board from a record file, whose name the board shows. Resolves to {address, stop}.
export async function startReplay(file, program = kProgram) {
  const {found, stop} = await start(/http:\S+(?=\s)/, program, 'replay', file);
  return {address: found[0], stop};
}

// Starts what `make demo` starts, with `program`. Resolves to {address, port, stop}.
export async function startDemo(program, folder, port = 0) {
  const {found, stop} = await start(/The board: +(http:\/\/localhost:(\d+)\/)[^]*Ctrl-C stops/, 'python3', `${root}demo/demo.py`, '--proxy', program, '--folder', folder, '--port', String(port));
  return {address: found[1], port: Number(found[2]), stop};
}

// Sends a request through the proxy; resolves to its status.
export const through = (proxy, url, headers = {}) => new Promise((done, fail) => {
  request({host: '127.0.0.1', port: proxy.port, path: url, headers: {Host: new URL(url).host, ...headers}}, response => (response.resume(), response.on('end', () => done(response.statusCode)))).on('error', fail).end();
});

// Opens a tunnel through the proxy to that port of this machine, and closes it; resolves to the status.
export const tunnel = (proxy, port, headers = {}) => new Promise((done, fail) => {
  request({host: '127.0.0.1', port: proxy.port, method: 'CONNECT', path: `127.0.0.1:${port}`, headers}).on('connect', (response, socket) => (socket.destroy(), done(response.statusCode))).on('error', fail).end();
});
