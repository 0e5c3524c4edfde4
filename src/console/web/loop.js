// The turns of the event loop: a bar each, as high as the turn was long, on a logarithmic scale.
import {html, render} from './vendor/lit-html.js';
import {fit} from './canvas.js';
import {colours} from './cell.js';
import {kTurnsKept} from './decode.js';
import {count, duration} from './format.js';

const kHeight = 112, kBase = 98, kTop = 8, kLeft = 46;
const kLowMs = 0.02, kSlowMs = 50, kHighMs = 80;
const kTicks = [0.1, 1, 10, kSlowMs];
const kBar = 4;          // px of a bar and the gap after it
const kRecentUs = 1e6;   // "a second" of the facts
const kMinuteUs = 60e6;

// The turns that were awake in the last second, and the time in µs that they stand for: shorter only if the model keeps no
// more turns.
function lastSecond(model) {
  const {turns, nowUs} = model, since = nowUs - kRecentUs, recent = turns.filter(turn => turn.beganUs + turn.awakeUs > since && turn.beganUs <= nowUs);
  const spanUs = turns.length >= kTurnsKept && recent.length === turns.length ? Math.max(1, nowUs - turns[0].beganUs) : kRecentUs;
  return {recent, spanUs, sum: name => recent.reduce((total, turn) => total + turn[name], 0)};
}

const heightOf = ms => (kBase - kTop) * Math.max(0, Math.min(1, Math.log(Math.max(ms, kLowMs) / kLowMs) / Math.log(kHighMs / kLowMs)));

export class LoopView {
  constructor(container) {
    render(html`<div class="strip"><canvas role="img" aria-label="The event loop"></canvas><div class="tip" aria-hidden="true"></div></div><div class="facts num"></div>`, container);
    this.container = container;
    this.canvas = container.querySelector('canvas');
    this.tip = container.querySelector('.tip');
    this.facts = container.querySelector('.facts');
    this.canvas.addEventListener('pointermove', event => this.showTip(event));
    this.canvas.addEventListener('pointerleave', () => this.tip.classList.remove('shown'));
    new ResizeObserver(() => this.model && this.update(this.model)).observe(container);
  }

  redraw() { this.colours = null, this.model && this.update(this.model); }

  update(model) {
    this.model = model;
    const width = this.container.clientWidth;
    if (!width) return;
    this.colours ??= colours();
    this.bars = model.turns.slice(-Math.max(1, Math.floor((width - kLeft) / kBar)));
    const g = fit(this.canvas, width, kHeight);
    this.drawScale(g, width);
    this.bars.forEach((turn, i) => this.drawBar(g, turn, kLeft + i * kBar));
    g.fillStyle = this.colours.ink;
    g.fillRect(kLeft, kBase, width - kLeft, 1);
    const longest = this.drawLongest(g, width);
    this.canvas.setAttribute('aria-label', `The last ${this.bars.length} turns of the event loop: ` + (longest ? `the longest took ${duration(longest.awakeUs / 1000)}.` : 'none yet.'));
    render(this.factsView(model), this.facts);
  }

  drawScale(g, width) {
    const c = this.colours;
    g.font = `10.5px ${c.sans}`;
    for (const ms of kTicks) {
      const y = Math.round(kBase - heightOf(ms)) + 0.5, slow = ms === kSlowMs;
      g.strokeStyle = slow ? c.finding : c.line;
      g.setLineDash(slow ? [4, 3] : []);
      g.beginPath(), g.moveTo(kLeft, y), g.lineTo(width, y), g.stroke();
      g.fillStyle = slow ? c.finding : c.muted;
      g.fillText(`${ms} ms`, 2, y + 3.5);
    }
    g.setLineDash([]);
  }

  // The colours say how many runs left a record in which state.
  drawBar(g, turn, x) {
    const h = Math.max(1, heightOf(turn.awakeUs / 1000)), total = turn.byState.reduce((sum, n) => sum + n, 0);
    if (!total) {
      g.fillStyle = this.colours.faint;
      return g.fillRect(x, kBase - h, kBar - 1.4, h);
    }
    let y = kBase;
    turn.byState.forEach((runs, i) => {
      const part = h * runs / total;
      g.fillStyle = this.colours.fill[i + 1];
      g.fillRect(x, y - part, kBar - 1.4, part);
      y -= part;
    });
  }

  drawLongest(g, width) {
    const at = this.bars.reduce((best, turn, i) => best < 0 || turn.awakeUs > this.bars[best].awakeUs ? i : best, -1);
    if (at < 0) return null;
    const turn = this.bars[at], x = kLeft + at * kBar, right = x > width * 0.6;
    g.fillStyle = this.colours.ink;
    g.textAlign = right ? 'right' : 'left';
    g.fillText(`${duration(turn.awakeUs / 1000)}: ${count(turn.runs)} ${turn.runs === 1 ? 'run' : 'runs'}, ${count(turn.calls)} calls`, right ? x - 5 : x + kBar + 4, Math.max(12, kBase - heightOf(turn.awakeUs / 1000) - 3));
    g.textAlign = 'left';
    return turn;
  }

  factsView(model) {
    const {turns, nowUs} = model, {recent, spanUs, sum} = lastSecond(model), per = name => (sum(name) / recent.length).toFixed(1), perSecond = Math.round(recent.length * 1e6 / spanUs);
    const longest = turns.reduce((most, turn) => nowUs - turn.beganUs <= kMinuteUs ? Math.max(most, turn.awakeUs) : most, 0), {flags, state} = model.cells;
    let ready = 0, starved = 0;
    for (let i = 0; i < model.touched; ++i) if (state[i]) ready += flags[i] >> 3 & 1, starved += flags[i] >> 4 & 1;
    const now = recent.length === 0 ? html`<span>The event loop has slept for the last second.</span>` : html`<span><b>${count(perSecond)}</b> ${perSecond === 1 ? 'turn' : 'turns'} a second</span>
      <span><b>${per('events')}</b> events a turn</span><span><b>${per('calls')}</b> calls a turn</span><span><b>${Math.round(sum('again') / Math.max(1, sum('calls')) * 100)} %</b> of them EAGAIN</span>`;
    return html`${now}<span>longest turn kept <b>${duration(longest / 1000)}</b></span><span><b>${count(ready)}</b> ready, <b>${count(starved)}</b> starved</span>`;
  }

  showTip(event) {
    const box = this.canvas.getBoundingClientRect(), i = Math.floor((event.clientX - box.left - kLeft) / kBar), turn = this.bars?.[i];
    this.tip.classList.toggle('shown', !!turn);
    if (!turn) return;
    this.tip.textContent = `${duration(turn.awakeUs / 1000)} awake after ${duration(turn.asleepUs / 1000)} asleep: ${count(turn.events)} events, ${count(turn.runs)} runs, ${count(turn.calls)} calls, ` +
      `${count(turn.again)} EAGAIN${turn.failed ? `, ${count(turn.failed)} failed` : ''}`;
    this.tip.style.setProperty('left', `${Math.max(0, Math.min(box.width - 280, kLeft + i * kBar - 120))}px`);
    this.tip.style.setProperty('top', '4px');
  }
}

// "asleep 94 %", of the last second.
export function asleepText(model) {
  const {turns, nowUs} = model, {recent, spanUs} = lastSecond(model);
  if (!turns.length) return '';
  const awakeUs = recent.reduce((sum, turn) => sum + Math.min(turn.beganUs + turn.awakeUs, nowUs) - Math.max(turn.beganUs, nowUs - spanUs), 0);
  return `asleep ${Math.round(Math.max(0, 1 - awakeUs / spanUs) * 100)} %`;
}
