// What the proxy does now: polls its data pages and keeps what they say, in the form that recording.js has too.
import {decodeCells, decodeRows, kTurnsKept} from './decode.js';

const kRequestsKept = 500, kStepsKept = 4096;
const kPollMs = 50, kCalmPollMs = 500;  // between two polls at least; with prefers-reduced-motion
const kRetryMs = 1000;                  // after a failed poll
const kAnswerMs = 10000;                // an answer that takes longer has failed
const kRateMs = 1000;                   // rates are those of about this time

const calm = matchMedia('(prefers-reduced-motion: reduce)');

// Asks for one of our pages. Throws an Error if the answer is not 200.
export async function ask(path) {
  const response = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(kAnswerMs)});
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return response;
}
const json = async path => (await ask(path)).json();
const binary = async path => (await ask(path)).arrayBuffer();

// Numbers of states and events in the tables, whether the page has names or numbers there.
function numbered(names) {
  const number = (list, value) => typeof value === 'number' ? value : names[list].indexOf(value);
  const transitions = names.transitions.map(row => (
    {from: number('states', row.from), event: number('events', row.event), to: number('states', row.to)}));
  const diagnosis = names.diagnosis.map(row => (
    {...row, state: number('states', row.state), wait: typeof row.wait === 'number' ? row.wait : names.waits.length}));
  return {...names, transitions, diagnosis};
}

// Returns names.json with the numbers that the page looks up: `transitions` {from, event, to} and `diagnosis` by number,
// `diagnose(state, wait)` its row or undefined, `waitOf(option)` the number of the wait with that option (-1: none).
export function namesFrom(raw) {
  const names = numbered(raw), rows = new Map(names.diagnosis.map(row => [row.state << 8 | row.wait, row]));
  names.diagnose = (state, wait) => rows.get(state << 8 | wait);
  names.waitOf = option => names.wait_options.indexOf(option);
  return names;
}

function emptyCells(slots) {
  return {id: new Uint32Array(slots), sinceMs: new Uint32Array(slots), heldUp: new Uint32Array(slots),
          heldDown: new Uint32Array(slots), state: new Uint8Array(slots), wait: new Uint8Array(slots),
          flags: new Uint8Array(slots), marks: new Uint8Array(slots)};
}

export class LiveModel {
  constructor(names, hello) {
    this.names = names;
    this.hello = hello;
    this.live = true;
    this.failedSince = null;  // Date, while the proxy does not answer
    this.pollMs = 0;          // how long the page worked on the last update
    this.subscribers = [];
    this.paused = false;
    this.busy = false;
    this.next = 0;  // performance.now() of the next poll
    this.reset();
  }

  reset() {
    this.head = null;
    this.slots = this.hello.slots;
    this.touched = this.used = this.viewers = this.findings = 0;
    this.byState = [0, 0, 0, 0, 0];
    this.proxied = this.draining = false;
    this.cells = emptyCells(this.slots);
    this.turns = [];
    this.requests = [];
    this.turnsNext = this.requestsNext = 0;
    this.transitionRates = new Float64Array(this.names.transitions.length);
    this.counted = [];  // {at, transitions}, for the rates
    this.stepsOf = null;
    this.clock = {us: this.hello.clock_us, at: performance.now()};
  }

  // Monotonic time of the proxy in µs, continued between two answers.
  get nowUs() {
    return this.clock.us + (this.paused || this.failedSince ? 0 : (performance.now() - this.clock.at) * 1000);
  }
  get startUs() { return this.turns.length ? this.turns[0].beganUs : this.nowUs; }
  get endUs() { return this.clock.us; }
  // The trace entries that the proxy has: from `oldest` to before `position`.
  get oldest() { return this.head?.oldest ?? 0; }
  get position() { return this.head?.position ?? 0; }

  // `fn(model)` is called after each update, at most once a frame. Returns a function that ends this.
  subscribe(fn) {
    this.subscribers.push(fn);
    return () => this.subscribers.splice(this.subscribers.indexOf(fn), 1);
  }
  notify() {
    const began = performance.now();
    for (const fn of [...this.subscribers]) fn(this);
    this.pollMs = performance.now() - began;
  }

  // Polls as long as the page is seen: a hidden page has no animation frames.
  start() {
    const frame = () => {
      if (this.stopped) return;
      requestAnimationFrame(frame);
      if (!this.busy && !this.paused && performance.now() >= this.next) this.poll();
    };
    requestAnimationFrame(frame);
  }
  stop() { this.stopped = true; }

  pause(paused) {
    if (paused) this.clock = {us: this.nowUs, at: performance.now()};
    else this.clock.at = performance.now();
    this.paused = paused;
  }

  async poll() {
    this.busy = true;
    const began = performance.now();
    try {
      const head = decodeCells(await binary(`/console/cells?since=${this.head?.frame ?? 0}`));
      if (this.head && head.run !== this.head.run) await this.restart();
      else await this.update(head);
      this.next = began + Math.max(calm.matches ? kCalmPollMs : kPollMs, this.head?.nextMs ?? 0);
    } catch (error) {
      this.fail(error);
    }
    this.busy = false;
  }

  fail(error) {
    if (!this.failedSince) this.clock = {us: this.nowUs, at: performance.now()};
    this.failedSince ??= new Date();
    this.failure = String(error.message ?? error);
    this.next = performance.now() + kRetryMs;
    this.notify();
  }

  // Another run of the program answers: nothing of the one before holds.
  async restart() {
    const [names, hello] = await Promise.all([json('/console/names.json'), json('/console/hello.json')]);
    this.names = namesFrom(names);
    this.hello = hello;
    this.reset();
  }

  async update(head) {
    const turns = head.turns > this.turnsNext ? await binary(`/console/turns?since=${this.turnsNext}`) : null;
    const requests = head.requests > this.requestsNext ? await binary(`/console/requests?since=${this.requestsNext}`) : null;
    if (this.paused) return;
    this.failedSince = null;
    this.clock = {us: head.nowUs, at: performance.now()};
    if (turns) this.turnsNext = this.append(this.turns, decodeRows(turns, 'turns'), this.turnsNext, kTurnsKept);
    if (requests) this.requestsNext = this.append(this.requests, decodeRows(requests, 'requests'), this.requestsNext, kRequestsKept);
    this.takeCells(head);
    this.takeRates(head);
    this.head = head;
    this.notify();
  }

  append(list, answer, since, most) {
    if (answer.first > since) list.length = 0;  // rows are missing
    list.push(...answer.rows);
    if (list.length > most) list.splice(0, list.length - most);
    return answer.next;
  }

  takeCells(head) {
    if (head.slots !== this.slots) this.cells = emptyCells(this.slots = head.slots);
    const {cells} = this, from = head.cells;
    if (head.all) cells.state.fill(0), cells.flags.fill(0), cells.heldUp.fill(0), cells.heldDown.fill(0);
    for (let i = 0; i < head.count; ++i) {
      const slot = from.slot[i];
      for (const member in cells) cells[member][slot] = from[member][i];
    }
    Object.assign(this, {touched: head.touched, used: head.used, viewers: head.viewers, byState: head.byState,
                         findings: head.findings, proxied: head.proxied, draining: head.draining});
  }

  // The counters wrap around at 32 bits.
  takeRates(head) {
    const at = head.nowUs / 1000;
    this.counted.push({at, transitions: head.transitions});
    while (this.counted.length > 2 && at - this.counted[1].at >= kRateMs) this.counted.shift();
    const [first] = this.counted, seconds = (at - first.at) / 1000;
    if (seconds <= 0) return;
    for (let row = 0; row < this.transitionRates.length; ++row)
      this.transitionRates[row] = ((head.transitions[row] ?? 0) - (first.transitions[row] ?? 0) >>> 0) / seconds;
  }

  // Resolves to the object of /console/slot/N.
  slot(n) { return json(`/console/slot/${n}`); }

  // Resolves to the steps of the slot that the trace still has, the oldest first, at most kStepsKept.
  async steps(n) {
    const run = this.head?.run;
    let known = this.stepsOf?.slot === n && this.stepsOf.run === run ? this.stepsOf : {slot: n, run, next: this.oldest, rows: []};
    for (let rounds = 0; rounds < 40 && known.next < this.position; ++rounds) {
      const answer = decodeRows(await binary(`/console/steps?since=${known.next}&slot=${n}`), 'steps');
      if (answer.next <= known.next) break;
      const lost = answer.first > known.next;
      known = {slot: n, run, next: answer.next, rows: (lost ? [] : known.rows).concat(answer.rows.filter(row => row.slot === n && row.kind > 1)).slice(-kStepsKept)};
    }
    this.stepsOf = known;
    return known.rows;
  }

  // Resolves to the object of /doctor.json.
  findingList() { return json('/doctor.json'); }
}

// Resolves to the model of the proxy that serves this page.
export async function connect() {
  const [names, hello] = await Promise.all([json('/console/names.json'), json('/console/hello.json')]);
  return new LiveModel(namesFrom(names), hello);
}
