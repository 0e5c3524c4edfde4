// The time bar: how many steps each moment has, with EAGAIN, errors and findings marked; dragged, it goes back in time.
import {html, nothing, render} from './vendor/lit-html.js';
import {fit} from './canvas.js';
import {colours} from './cell.js';
import {count, counted, duration} from './format.js';

const kHeight = 36, kBase = 35, kBarPx = 3, kBarsTop = 13;  // px of the track, its bars' feet, a bar with its gap, the highest bar's top
const kPageParts = 10;  // PageUp and PageDown move by a tenth of what the track shows
const bars = new WeakMap();  // container: its TimeBar

// ---- what is drawn ---------------------------------------------------------------------------------------------

// Steps by part of the time, as RecordedModel.overview has them, from the turns that a LiveModel keeps.
function overviewOf(model, parts, from, to) {
  if (model.overview) return model.overview(parts, from, to);
  const all = {steps: new Float64Array(parts), again: new Float64Array(parts), error: new Float64Array(parts), finding: new Float64Array(parts)};
  for (const turn of model.turns) {
    const part = Math.floor((turn.beganUs - from) / Math.max(1, to - from) * parts);
    if (part < 0 || part >= parts) continue;
    all.steps[part] += 2 + turn.calls + turn.events + turn.runs;
    all.again[part] += turn.again;
    all.error[part] += turn.failed;
  }
  return all;
}

function drawMarks(g, x, part, colour) {
  if (part.error) g.fillStyle = colour.fill[4], g.fillRect(x, 2, kBarPx, 8);
  if (part.again) g.fillStyle = colour.muted, g.fillRect(x, kBase - 2, kBarPx - 1, 3);
}

function triangle(g, x, colour) {
  g.fillStyle = colour.finding;
  g.strokeStyle = colour.card;
  g.beginPath(), g.moveTo(x, 2), g.lineTo(x + 7, 14), g.lineTo(x - 7, 14), g.closePath();
  g.stroke(), g.fill();
}

function drawParts(g, parts, overview, colour) {
  const most = overview.steps.reduce((a, b) => Math.max(a, b), 1), findings = [];
  for (let i = 0; i < parts; ++i) {
    if (!overview.steps[i]) continue;
    const height = 2 + Math.sqrt(overview.steps[i] / most) * (kBase - kBarsTop - 2);
    g.fillStyle = colour.bar;
    g.fillRect(i * kBarPx, kBase - height, kBarPx - 1, height);
    drawMarks(g, i * kBarPx, {error: overview.error[i], again: overview.again[i]}, colour);
    if (overview.finding[i]) findings.push(i);
  }
  for (const i of findings) triangle(g, i * kBarPx + kBarPx / 2, colour);
}

// The moment: all after it is pale.
function drawMoment(g, x, width, live, colour) {
  if (!live) {
    g.globalAlpha = 0.55;
    g.fillStyle = colour.card;
    g.fillRect(x + 1, 0, width - x, kHeight);
    g.globalAlpha = 1;
  }
  g.fillStyle = colour.ink;
  g.fillRect(Math.min(width - 3, Math.max(1, x - 1)), 0, 2.5, kHeight);
  if (live) return;
  g.beginPath();
  g.roundRect(Math.min(width - 15, Math.max(2, x - 6)), 0, 13, 9, 3);
  g.fill();
}

// ---- texts -----------------------------------------------------------------------------------------------------

const span = model => Math.max(0, model.endUs - model.startUs) / 1000;

function whereText(model) {
  if (model.live) return `now · the last ${counted(model.turns.length, 'turn')}`;
  const ago = (model.endUs - model.nowUs) / 1000;
  return `${ago > 0 ? `−${duration(ago)}` : 'the end'} · step ${count(model.position - model.first)} of ${count(model.end - model.first)}`;
}

function spokenText(model) {
  if (model.live) return 'now';
  const ago = (model.endUs - model.nowUs) / 1000;
  return `${duration(ago)} before the end, step ${count(model.position - model.first)} of ${count(model.end - model.first)}`;
}

const kSteps = [
  {kind: 'again', direction: -1, text: '⇤ EAGAIN', label: 'The EAGAIN before', keys: 'Shift+E', wide: true},
  {kind: 'step', direction: -1, text: '◀', label: 'One step back', keys: 'ArrowLeft'},
  {kind: 'step', direction: 1, text: '▶', label: 'One step forward', keys: 'ArrowRight'},
  {kind: 'again', direction: 1, text: 'EAGAIN ⇥', label: 'The next EAGAIN', keys: 'E', wide: true}];

const kLegend = [['steps', 'steps'], ['again', 'EAGAIN'], ['error', 'errors'], ['finding', 'findings']];

// ---- the bar ---------------------------------------------------------------------------------------------------

class TimeBar {
  constructor(container) {
    this.container = container;
    this.shown = null;      // the range of time that the track had when the user began to drag
    this.dragging = false;
    container.classList.add('tb-bar');
    new ResizeObserver(() => this.model && this.draw()).observe(container);
    const again = () => (this.colour = null, this.model && this.draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
    new MutationObserver(again).observe(document.documentElement, {attributeFilter: ['data-theme']});
  }

  update(model, actions) {
    this.model = model;
    this.actions = actions;
    if (model.live && !this.dragging) this.shown = null;
    render(this.view(), this.container);
    this.track = this.container.querySelector('.tb-track');
    this.draw();
  }

  view() {
    const {model, actions} = this;
    return html`<div class="tb-buttons" role="group" aria-label="Steps">${kSteps.map(step => html`<button class=${step.wide ? 'tb-wide' : ''} aria-label=${step.label} title="${step.label} (${step.keys})"
        aria-keyshortcuts=${step.keys} @click=${() => actions.onStep(step.kind, step.direction)}>${step.text}</button>`)}</div>
      <div class="tb-track" role="slider" tabindex="0" aria-label="Moment" aria-valuemin="0" aria-valuemax=${Math.round(span(model))} aria-valuenow=${Math.round(this.nowMs())} aria-valuetext=${spokenText(model)}
        @pointerdown=${event => this.grab(event)} @pointermove=${event => this.move(event)} @pointerup=${() => this.drop()} @pointercancel=${() => this.drop()} @keydown=${event => this.key(event)}>
        <canvas aria-hidden="true"></canvas><span class="tb-from" aria-hidden="true">${this.distance(this.range().from)}</span><span class="tb-to" aria-hidden="true">${this.distance(this.range().to)}</span></div>
      <div class="tb-at num">${whereText(model)}${model.live || model.hello.mode !== 'file' ? nothing : html` <button class="tb-end" @click=${() => actions.onLive()} aria-keyshortcuts="Escape">To the end</button>`}</div>
      <ul class="tb-legend" aria-label="Marks of the time bar">${kLegend.map(([kind, text]) => html`<li><i class="tb-key tb-${kind}" aria-hidden="true"></i>${text}</li>`)}</ul>`;
  }

  // Since the start, in ms.
  nowMs() {
    const {model} = this;
    return model.live ? span(model) : Math.min(span(model), Math.max(0, (model.nowUs - model.startUs) / 1000));
  }

  // What the track shows: all, or after a drag what it showed then, as long as the moment is there. The proxy as it is now has fewer
  // steps than a recording, and the moment stays where the user left it.
  range() {
    const {model, shown} = this, inside = shown && !model.live && model.nowUs >= shown.from && model.nowUs <= shown.to;
    return this.dragging || inside ? shown : {from: model.startUs, to: model.endUs};
  }

  // How far that time is from the end of the track.
  distance(us) {
    const {model} = this, ms = (model.endUs - us) / 1000;
    if (ms <= 0) return model.live ? 'now' : 'end';
    return `${duration(ms)} ${model.live ? 'ago' : 'before the end'}`;
  }

  draw() {
    const width = Math.floor(this.track?.clientWidth ?? 0);
    if (!width) return;
    this.colour ??= {...colours(), bar: getComputedStyle(this.track).getPropertyValue('--tb-bar').trim()};
    const g = fit(this.track.querySelector('canvas'), width, kHeight), {from, to} = this.range(), parts = Math.max(1, Math.floor(width / kBarPx));
    drawParts(g, parts, overviewOf(this.model, parts, from, to), this.colour);
    const x = this.model.live && !this.dragging ? width : Math.min(1, Math.max(0, (this.model.nowUs - from) / Math.max(1, to - from))) * width;
    drawMoment(g, x, width, this.model.live, this.colour);
  }

  // ---- what the user does

  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.track.focus();
    this.track.setPointerCapture(event.pointerId);
    this.shown = this.range();
    this.dragging = true;
    this.move(event);
  }

  move(event) {
    if (!this.dragging) return;
    const box = this.track.getBoundingClientRect(), part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    this.actions.onSeekTime(this.shown.from + (this.shown.to - this.shown.from) * part);
  }

  drop() {
    this.dragging = false;
    this.draw();
  }

  // The keys of a slider; the board has the others.
  key(event) {
    const {model, actions} = this, {from, to} = this.range(), us = (to - from) / kPageParts;
    const action = {
      ArrowLeft: () => actions.onStep(event.shiftKey ? 'turn' : 'step', -1), ArrowDown: () => actions.onStep('step', -1),
      ArrowRight: () => actions.onStep(event.shiftKey ? 'turn' : 'step', 1), ArrowUp: () => actions.onStep('step', 1),
      PageDown: () => actions.onSeekTime(model.nowUs - us), PageUp: () => actions.onSeekTime(model.nowUs + us),
      Home: () => actions.onSeekTime(model.startUs), End: () => actions.onLive()}[event.key];
    if (!action || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}

// Draws the time bar of a LiveModel or RecordedModel into `container`. The user's wishes: `onSeekTime(us)`;
// `onStep(kind, direction)`, as of RecordedModel.go; `onLive()`, back to now.
export function renderTimebar(container, model, actions) {
  if (!bars.has(container)) bars.set(container, new TimeBar(container));
  bars.get(container).update(model, actions);
}
