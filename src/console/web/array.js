// The array of records as a grid, one cell a slot. Large cells are copied from a sheet of drawn looks; thousands of
// small ones are written to one image.
import {html, render} from './vendor/lit-html.js';
import {fit} from './canvas.js';
import {colours, drawCell, drawFinding, drawRing, hasFinding, heldOf, kDim, kIdle, kLooks, kOld, kTunnel, kViewer, lookTableOf, stateOf, waitedMs} from './cell.js';
import {bytes, count, wholeMs} from './format.js';
import {words} from './words.js';

const kNarrow = 560;
const kMargin = 4;  // px above and below the cells, for the ring and the triangle
const kSizes = [22, 19, 16, 12], kSmall = 8, kSmallNarrow = 6, kSheetMin = 12;  // px of a cell
const kHeightMost = 640, kHeightMostNarrow = 420;

// What a slot does, in a sentence without its end: for the tip, the spoken label and the table.
export function describe(model, i) {
  const {cells, names} = model, state = cells.state[i];
  if (!state) return `Slot ${i}, FREE`;
  const row = names.diagnose(state, cells.wait[i]), ms = waitedMs(model.nowUs / 1000, cells.sinceMs[i]);
  const held = cells.heldUp[i] + cells.heldDown[i];
  return `Slot ${i}, ${names.states[state]}${cells.flags[i] & 1 ? ' (tunnel)' : ''}${cells.flags[i] & 4 ? ' (a viewer of this board)' : ''}. ` +
    `${row ? row.what : 'It waits'} for ${wholeMs(ms)}${held ? `; ${bytes(held)} held` : ''}${hasFinding(cells, i) ? '; the doctor has a finding' : ''}.`;
}

// A colour #RRGGBB as a pixel of an image, mixed with `under` by `alpha`.
function pixel(colour, under = colour, alpha = 1) {
  const at = (text, i) => parseInt(text.slice(i, i + 2), 16);
  const mix = i => Math.round(at(colour, i) * alpha + at(under, i) * (1 - alpha));
  return (255 << 24 | mix(5) << 16 | mix(3) << 8 | mix(1)) >>> 0;
}

export class ArrayView {
  // `onPick(slot)` is called when a slot is chosen.
  constructor(container, {onPick}) {
    this.container = container;
    this.onPick = onPick;
    this.cursor = 0;
    this.selected = -1;
    this.shown = 0;
    render(html`<div class="array" tabindex="0" role="application" aria-label="The array of slots">
      <canvas class="cells" aria-hidden="true"></canvas><canvas class="over" aria-hidden="true"></canvas><div class="tip" aria-hidden="true"></div></div>
      <p class="unseen" aria-live="polite"></p>`, container);
    this.element = container.querySelector('.array');
    [this.canvas, this.over] = container.querySelectorAll('canvas');
    this.tip = container.querySelector('.tip');
    this.spoken = container.querySelector('[aria-live]');
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(container);
  }

  // Forgets what is drawn: other colours, another size.
  redraw() {
    this.drawn = null;
    if (this.model) this.update(this.model, this.selected, this.only);
  }

  // Draws what has changed. `only`: the state to show alone; 0: all.
  update(model, selected, only) {
    Object.assign(this, {model, selected, only, table: lookTableOf(model.names)});
    if (this.container.hidden || this.container.clientWidth === 0) return;
    if (!this.layOut()) this.drawn = null;
    if (!this.drawn) this.prepare();
    this.size >= kSheetMin ? this.drawSheet() : this.drawImage();
    this.drawOver();
  }

  lastInUse() {
    const {state} = this.model.cells;
    for (let i = this.model.touched - 1; i >= 0; --i) if (state[i]) return i;
    return 0;
  }

  // Chooses how many slots are shown, and how large. Returns false if that has changed.
  layOut() {
    const width = this.container.clientWidth, narrow = width < kNarrow, {slots, touched} = this.model;
    let wanted = Math.max(1, touched);
    if (narrow) {  // its unused end is not drawn; it does not shrink at each release
      const last = this.lastInUse() + 1;
      wanted = last > this.shown || last < this.shown / 2 ? last : Math.min(this.shown, touched);
    }
    const most = narrow ? kHeightMostNarrow : kHeightMost, sizes = narrow ? kSizes.slice(1) : kSizes;
    const fits = size => Math.ceil(wanted / Math.floor(width / size)) * size <= most;
    const size = sizes.find(fits) ?? (narrow ? kSmallNarrow : kSmall), columns = Math.max(1, Math.floor(width / size));
    const shown = Math.min(slots, Math.max(Math.ceil(wanted / columns), 2) * columns);
    const same = size === this.size && columns === this.columns && width === this.width && shown === this.shown;
    Object.assign(this, {size, columns, width, shown, rows: Math.ceil(shown / columns), left: Math.floor((width - columns * size) / 2)});
    return same;
  }

  prepare() {
    this.colours = colours();
    const height = this.rows * this.size + 2 * kMargin;
    this.context = fit(this.canvas, this.width, height);
    this.ratio = this.canvas.width / this.width;
    this.drawn = new Int16Array(this.shown).fill(-1);
    this.place = new Map();  // of looks: where in the sheet, or the pixels
    this.sheet = null;
    if (this.size >= kSheetMin) return;
    this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.pixels.fill(pixel(this.colours.card));
  }

  // Calls `draw(slot, look)` for each slot that looks different than before.
  each(draw) {
    const nowMs = this.model.nowUs / 1000, {cells} = this.model, {drawn, table, only, shown} = this;
    for (let i = 0; i < shown; ++i) {
      const look = table.of(cells, i, nowMs, only);
      if (look === drawn[i]) continue;
      drawn[i] = look;
      draw(i, look);
    }
  }

  at(i) { return [this.left + i % this.columns * this.size, kMargin + Math.floor(i / this.columns) * this.size]; }

  // The x of the look in the sheet, in device px; it is drawn there first.
  inSheet(look) {
    const {size, ratio} = this, step = Math.ceil((size + 4) * ratio);
    if (!this.sheet) {
      this.sheet = document.createElement('canvas');
      this.sheet.width = step * 64, this.sheet.height = step * Math.ceil(kLooks / 64 / 8);
    }
    let place = this.place.get(look);
    if (place === undefined) {
      const index = this.place.size % (64 * 16);
      place = [index % 64 * step, Math.floor(index / 64) * step];
      this.place.set(look, place);
      const g = this.sheet.getContext('2d');
      g.setTransform(ratio, 0, 0, ratio, place[0], place[1]);
      g.fillStyle = this.colours.card;
      g.fillRect(0, 0, size, size);
      drawCell(g, 0, 0, size, look, this.colours);
    }
    return place;
  }

  drawSheet() {
    const {context, size, ratio} = this, side = Math.floor(size * ratio);
    this.each((i, look) => {
      const [x, y] = this.at(i), [sx, sy] = this.inSheet(look);
      context.drawImage(this.sheet, sx, sy, side, side, x, y, side / ratio, side / ratio);
    });
  }

  drawImage() {
    let top = Infinity, bottom = -1;
    this.each((i, look) => {
      const row = Math.floor(i / this.columns);
      top = Math.min(top, row), bottom = Math.max(bottom, row);
      this.paint(i, look);
    });
    if (bottom < 0) return;
    const y = Math.floor((kMargin + top * this.size) * this.ratio), end = Math.ceil((kMargin + (bottom + 1) * this.size) * this.ratio);
    this.context.putImageData(this.image, 0, 0, 0, y, this.canvas.width, end - y);
  }

  // Copies a small cell into the image.
  paint(i, look) {
    const {ratio, pixels, canvas} = this, [left, top] = this.at(i), x = Math.round(left * ratio), y = Math.round(top * ratio);
    let stamp = this.place.get(look);
    if (!stamp) this.place.set(look, stamp = this.stamp(look));
    for (let row = 0; row < stamp.length; ++row) pixels.set(stamp[row], (y + row) * canvas.width + x);
  }

  // The rows of pixels of a small cell.
  stamp(look) {
    const {ratio, colours: c} = this, state = stateOf(look), side = Math.round(this.size * ratio), gap = Math.max(1, Math.round(ratio)), inner = side - gap;
    const rows = Array.from({length: side}, () => new Uint32Array(side).fill(pixel(c.card)));
    const fillRect = (x, y, w, h, value) => rows.slice(y, y + h).forEach(row => row.fill(value, x, x + w));
    const dim = (look & kDim) !== 0, colour = dim ? pixel(c.fill[state], c.card, 0.2) : pixel(c.fill[state]);
    if (state === 0 || look & (kIdle | kViewer)) {
      const dot = Math.max(1, Math.round((state ? 3 : 1) * ratio)), off = inner - dot >> 1;
      fillRect(off, off, dot, dot, look & kViewer ? pixel(c.muted) : colour);
      return rows;
    }
    fillRect(0, 0, inner, inner, colour);
    if (dim) return rows;
    if (look & kTunnel) for (let row = 0; row < inner; ++row) fillRect(0, row, inner - row, 1, pixel(c.fill[2]));
    if (look & kOld) fillRect(inner - 3 * gap, 0, 3 * gap, 3 * gap, pixel(c.ink));
    if (heldOf(look) === 4) fillRect(gap, inner - 2 * gap, inner - 2 * gap, gap, pixel(c.on[state]));
    return rows;
  }

  drawOver() {
    const {selected, cursor, size, model, shown} = this, focused = document.activeElement === this.element;
    const found = [];
    for (let i = 0; i < shown; ++i) if (hasFinding(model.cells, i)) found.push(i);
    const key = [selected, focused ? cursor : -1, found.join(), this.width, this.rows, size, this.colours.ink].join('|');
    if (key === this.overKey && this.drawnOver === this.drawn) return;
    this.overKey = key, this.drawnOver = this.drawn;
    const g = fit(this.over, this.width, this.rows * size + 2 * kMargin);
    for (const i of found) drawFinding(g, ...this.at(i), size, this.colours);
    if (focused && cursor < shown) drawRing(g, ...this.at(cursor), size, this.colours, true);
    if (selected >= 0 && selected < shown) drawRing(g, ...this.at(selected), size, this.colours, false);
  }

  // ---- pointer and keyboard ----

  slotAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - this.left) / this.size), row = Math.floor((event.clientY - box.top - kMargin) / this.size);
    const i = row * this.columns + column;
    return column >= 0 && column < this.columns && row >= 0 && i < this.shown ? i : -1;
  }

  showTip(i) {
    this.tip.classList.toggle('shown', i >= 0);
    if (i < 0) return;
    const [x, y] = this.at(i);
    this.tip.textContent = describe(this.model, i);
    this.tip.style.setProperty('left', `${Math.max(0, Math.min(this.width - 300, x + this.size))}px`);
    this.tip.style.setProperty('top', `${y + this.size + 6}px`);
  }

  listen() {
    const {element} = this;
    element.addEventListener('pointermove', event => this.model && this.showTip(this.slotAt(event)));
    element.addEventListener('pointerleave', () => this.showTip(-1));
    element.addEventListener('click', event => {
      const i = this.model ? this.slotAt(event) : -1;
      if (i >= 0) this.onPick(this.cursor = i);
    });
    element.addEventListener('keydown', event => this.key(event));
    element.addEventListener('focus', () => {
      if (this.selected >= 0) this.cursor = this.selected;
      this.model && this.drawOver();
    });
    element.addEventListener('blur', () => this.model && this.drawOver());
  }

  key(event) {
    if (!this.model || event.ctrlKey || event.altKey || event.metaKey) return;
    const {columns, shown, cursor} = this;
    const to = {ArrowLeft: cursor - 1, ArrowRight: cursor + 1, ArrowUp: cursor - columns, ArrowDown: cursor + columns, Home: 0, End: shown - 1,
                PageUp: cursor - 8 * columns, PageDown: cursor + 8 * columns}[event.key];
    if (to !== undefined) {
      this.cursor = Math.max(0, Math.min(shown - 1, to));
      this.spoken.textContent = describe(this.model, this.cursor);
      this.drawOver();
    } else if (event.key === 'Enter') {
      this.onPick(cursor);
    } else {
      return;
    }
    event.preventDefault();
  }
}

// "576 of 10,000 records were ever used · 151 in use", and what the grid leaves out.
export function arraySummary(model, view) {
  const {slots, touched, used, viewers} = model, records = words('records');
  let beyond = 0;
  for (let i = view.shown ?? 0; i < touched; ++i) if (model.cells.state[i]) ++beyond;
  return (touched < slots ? `${count(touched)} of ${count(slots)} ${records} were ever used` : `${count(slots)} ${records}`) +
    ` · ${count(used)} in use${viewers ? ` · ${count(viewers)} more by viewers of this board` : ''}${beyond ? ` · ${count(beyond)} not shown` : ''}`;
}

const kLegend = [
  ['waits for the client', 4 | 1 << 3], ['waits for the upstream', 3 | 2 << 3], ['bytes held', 4 | 3 << 5], ['for over 5 s', 4 | 1 << 3 | 4 << 5 | kOld],
  ['tunnel', 4 | kTunnel], ['idle, kept open', 1 | kIdle], ['free', 0], ['this board', 1 | kViewer], ['finding', 3 | 2 << 3, true]];

// Writes "How to read a slot" into the container.
export function renderLegend(container) {
  render(html`<b>How to read a slot</b>${kLegend.map(([text]) => html`<span><canvas aria-hidden="true"></canvas>${words(text)}</span>`)}`, container);
  const c = colours();
  container.querySelectorAll('canvas').forEach((canvas, i) => {
    const g = fit(canvas, 24, 24), [, look, finding] = kLegend[i];
    drawCell(g, 2, 3, 19, look, c);
    if (finding) drawFinding(g, 1, 4, 18, c);
  });
}
