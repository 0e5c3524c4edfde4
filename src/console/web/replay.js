// Going back in time: the trace as the proxy has it now is fetched as a recording, and shown in the proxy's place until
// the user comes back to now. The address holds the moment: #at=POSITION&slot=N.
import {html, nothing} from './vendor/lit-html.js';
import {kVar} from './cell.js';
import {capital, count, duration} from './format.js';
import {fetchRecording} from './recording.js';

// Reads "#at=POSITION&slot=N"; a member is null if it is missing or not a number.
export function parseHash(text) {
  const number = name => /^\d{1,15}$/.test(values.get(name) ?? '') ? Number(values.get(name)) : null;
  const values = new URLSearchParams(text.replace(/^#/, ''));
  return {at: number('at'), slot: number('slot')};
}

// What the keys search for, in their sentences.
const kSearched = {again: 'EAGAIN', error: 'error', finding: 'finding'};
const kWritesMs = 10000, kWritesMost = 50, kLaterMs = 400;

export class Replay {
  constructor(board) {
    this.board = board;
    this.writes = [];  // performance.now() of the last changes of the address
    this.actions = {onSeek: (position, us) => this.to(position, us), onSeekTime: us => this.toTime(us), onStep: (kind, direction) => this.go(kind, direction), onLive: () => this.now()};
  }

  // Shows what the address asks for.
  async start() {
    const {board} = this, {live} = board, {slot, at} = parseHash(location.hash);
    if (slot !== null && slot < live.slots) board.selected = slot, board.followed = false;
    if (live.hello.mode === 'file') {
      board.live = await fetchRecording(live.names, live.hello);
      board.show(board.live);
      board.live.subscribe(() => this.writeHash());
      if (at !== null) this.to(at);
      return;
    }
    board.show(live);
    live.start();
    if (at !== null) this.to(at);
  }

  readHash() {
    const {at, slot} = parseHash(location.hash), {board} = this;
    if (location.hash === this.written) return;
    if (slot !== null && slot < board.model.slots && slot !== board.selected) board.pick(slot);
    if (at !== null) this.to(at);
    else this.now();
  }

  // A slot that is only followed is not in the address.
  writeHash() {
    const {model, selected, followed} = this.board, parts = [];
    if (!model.live) parts.push(`at=${model.position}`);
    if (selected >= 0 && !followed) parts.push(`slot=${selected}`);
    this.written = parts.length ? `#${parts.join('&')}` : '';
    if (location.hash !== this.written) this.replaceAddress();
  }

  // Browsers take 200 changes of the address in 30 s: those of a drag or of playing are written a little later.
  replaceAddress() {
    const now = performance.now();
    clearTimeout(this.later);
    this.writes = this.writes.filter(at => now - at < kWritesMs);
    if (this.writes.length >= kWritesMost) return this.later = setTimeout(() => this.writeHash(), kLaterMs);
    this.writes.push(now);
    history.replaceState(null, '', this.written || location.pathname);
  }

  // Calls `move(model)` with the recording; it is fetched first if the proxy is shown as it is now. What the user does
  // meanwhile is done after it.
  async inRecording(move) {
    const {board} = this;
    if (this.fetching) return this.moves.push(move);
    if (board.model.live) this.followed = board.followed;
    board.followed = false;  // the chosen slot stays while the user moves in time
    this.said = null;
    if (board.model.live) {
      this.fetching = true;
      this.moves = [move];
      try {
        const model = await fetchRecording(board.live.names, board.live.hello);
        board.live.pause(true);
        for (const each of this.moves) each(model);
        board.show(model);
        model.subscribe(() => this.writeHash());
      } catch (error) {
        board.live.fail(error);
      }
      this.fetching = false;
    } else {
      board.model.pause();
      move(board.model);
    }
    this.writeHash();
  }

  to(position, us) {
    return this.inRecording(model => {
      model.seek(position, us);
      if (position < model.first) this.say(model, `Step ${count(position)} has been overwritten; the oldest is shown.`);
      else if (position > model.end) this.say(model, `There is no step ${count(position)}; the latest is shown.`);
    });
  }
  toTime(us) { return this.inRecording(model => model.seekTime(us)); }
  // A sentence above the page, until the moment changes.
  say(model, text) {
    this.said = {text, position: model.position};
    if (model === this.board.model) this.board.refresh();
  }
  // A call that returned EAGAIN, an error and a finding open their slot. What happens now is the end: from there, they are
  // searched backwards.
  go(kind, direction) {
    const searched = kSearched[kind], to = searched && this.board.model.live ? -1 : direction;
    return this.inRecording(model => {
      const found = model.go(kind, to);
      if (!searched) return;
      if (!found) return this.say(model, `There is no ${searched} ${to < 0 ? 'before' : 'after'} this step.`);
      if (model.current.slot >= model.slots) return;
      this.board.open(model.current.slot);
      if (model === this.board.model) this.board.refresh();
    });
  }
  toRequest(note) {
    return this.inRecording(model => {
      model.seek(note.position);
      for (let back = 0; back < 64; ++back) {  // the last step of its connection says in which slot it was
        const step = model.current;
        if (!step || step.id === note.id % 4294967296 && step.kind > 2 && step.kind !== 3) break;
        model.seek(model.position - 1);
      }
      const step = model.current;
      if (step && step.id === note.id % 4294967296) this.followed = false, this.board.selected = step.slot;
    });
  }

  // Back to the proxy as it is now; of a file, to its end.
  now() {
    const {board} = this, {model, live} = board;
    if (model.live) return;
    model.pause();
    if (!live.live) return model.seek(model.end);
    live.pause(false);
    board.followed = this.followed ?? board.followed;
    board.show(live);
    this.writeHash();
  }

  // The sentence at the top.
  headline() {
    const {model} = this.board, ago = (model.endUs - model.nowUs) / 1000, step = model.current;
    return html`<h1>${model.position >= model.end ? 'The end of the recording' : html`${duration(ago)} before the end`}, step ${count(model.position - model.first)} of ${count(model.end - model.first)}.
      ${step ? html`<mark class=${kVar[step.state] ?? ''}>${this.stepText(step)}</mark>` : ''}</h1>
      ${this.said?.position === model.position ? html`<p class="said" role="status">${this.said.text}</p>` : nothing}
      <p>← → go by one step, with shift by one turn, space plays, e goes to the next EAGAIN, esc ${this.board.live.live ? 'comes back to now' : 'goes to the end'}.</p>`;
  }

  stepText(step) {
    const {names} = this.board.model, slot = step.slot < this.board.model.slots && step.kind > 1 ? `Slot ${step.slot}: ` : '', error = names.errors[step.error]?.name;
    const text = {
      turn_began: () => `a turn begins with ${count(step.slot)} ${step.slot === 1 ? 'event' : 'events'}.`,
      turn_ended: () => 'the turn ends.',
      notified: () => `an event of its ${step.value ? 'upstream' : 'client'}.`,
      called: () => `${names.calls[step.detail] ?? 'a call'} on descriptor ${step.id} ${step.error ? `returned ${error || `error ${step.error}`}` : `returned ${count(step.value)}`}.`,
      accepted: () => 'the connection was accepted.',
      entered: () => `${names.states[step.before]} → ${names.states[step.state]} (${names.events[step.detail] ?? ''}).`,
      waited: () => `it waits for ${names.waits[step.detail] ?? 'something'}.`,
      connected: () => 'a connection attempt was started.', reused: () => 'an idle upstream connection was taken.', retried: () => `an attempt failed: ${names.reasons[step.detail] ?? ''}.`,
      answered: () => `the proxy answers ${step.value} itself (${names.reasons[step.detail] ?? ''}).`,
      released: () => `the record was released (${names.reasons[step.detail] ?? ''}).`,
      finding: () => `finding ${names.findings[step.detail]?.code ?? ''}.`, lost: () => 'entries are missing here.'}[step.event];
    const all = slot + (text?.() ?? step.event);
    return step.event === 'called' ? all : capital(all);  // the name of a call keeps its letters
  }
}
