// Draws one slot of the array. How a slot looks is a number, its look: equal looks are drawn once and copied.
import {kCellFinding, kCellTunnel, kCellViewer} from './decode.js';

export const kOldMs = 5000;  // a longer wait gets a ring
const kBlock = 16384;

// How long a slot has waited, in ms. `sinceMs` is the low 32 bits of a clock, which wraps around after 49 days.
export const waitedMs = (nowMs, sinceMs) => Math.max(0, nowMs - sinceMs | 0);

// Members of a look, from its low bits: state 3, side 2 (1: client, 2: upstream), held 3 (0 to 4), then flags.
export const kOld = 1 << 8, kTunnel = 1 << 9, kIdle = 1 << 10, kViewer = 1 << 11, kDim = 1 << 12;
export const kLooks = 1 << 13;
export const stateOf = look => look & 7, sideOf = look => look >> 3 & 3, heldOf = look => look >> 5 & 7;

const kSides = {client_sends: 1, client_reads: 1, upstream_sends: 2, upstream_reads: 2, attempts: 2};

// What the names say about each pair of state and wait: {side, idle}.
class LookTable {
  constructor(names) {
    this.idle = new Set([names.waitOf('--idle-timeout'), names.waitOf('--keep-alive-timeout')].filter(wait => wait >= 0));
    this.sides = new Uint8Array(2048);
    for (const row of names.diagnosis) this.sides[row.state << 8 | row.wait] = kSides[row.awaited] ?? 0;
  }

  isIdle(state, wait) { return state === 1 && this.idle.has(wait); }

  // The look of slot `i` at `nowMs` of the proxy's clock; `only`: the state to show alone, 0: all.
  of(cells, i, nowMs, only) {
    const state = cells.state[i];
    if (state === 0) return 0;
    const flags = cells.flags[i], dim = only !== 0 && state !== only ? kDim : 0;
    if (flags & kCellViewer) return state | kViewer | dim;
    if (this.isIdle(state, cells.wait[i])) return state | kIdle | dim;
    const held = Math.max(cells.heldUp[i], cells.heldDown[i]);
    const tunnel = flags & kCellTunnel ? kTunnel : 0;
    const old = !tunnel && waitedMs(nowMs, cells.sinceMs[i]) > kOldMs ? kOld : 0;
    const level = held === 0 ? 0 : Math.min(4, Math.max(1, Math.round(held / kBlock * 4)));
    return state | this.sides[state << 8 | cells.wait[i]] << 3 | level << 5 | old | tunnel | dim;
  }
}

// That of the names: made once, because it is asked for at each update.
const tables = new WeakMap();
export function lookTableOf(names) {
  if (!tables.has(names)) tables.set(names, new LookTable(names));
  return tables.get(names);
}

// The class of a state's colour, by its number.
export const kVar = ['', 'read-request', 'send-request', 'read-response', 'send-response'];

export const hasFinding = (cells, i) => cells.state[i] !== 0 && (cells.flags[i] & kCellFinding) !== 0;

const kTokens = ['paper', 'card', 'ink', 'muted', 'faint', 'line', 'sunk', 'finding', 'on-light', 'on-warm', 'on-full'];
const kStates = ['faint', 'read-request', 'send-request', 'read-response', 'send-response'];

// The colours of the page as they are now: {paper, ink, …, fill: [by state], edge: [by state]}.
export function colours() {
  const style = getComputedStyle(document.documentElement), value = name => style.getPropertyValue(`--${name}`).trim();
  const all = Object.fromEntries(kTokens.map(name => [name, value(name)]));
  all.fill = kStates.map(value);
  all.edge = kStates.map(name => value(name === 'faint' ? 'faint' : `${name}-edge`));
  all.on = [all.ink, all['on-light'], all['on-full'], all['on-warm'], all['on-full']];
  all.sans = style.getPropertyValue('--sans');
  return all;
}

export function roundRect(g, x, y, w, h, r) {
  g.beginPath();
  g.roundRect(x, y, w, h, r);
}

function outline(g, x, y, w, r, colour, width) {
  roundRect(g, x, y, w, w, r);
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.stroke();
}

function drawBars(g, x, y, w, look, colour) {
  g.fillStyle = colour;
  if (sideOf(look) === 1) g.fillRect(x + 1.5, y + 3, 2.6, w - 8);
  if (sideOf(look) === 2) g.fillRect(x + w - 4.1, y + 3, 2.6, w - 8);
  if (heldOf(look) === 0) return;
  const alpha = g.globalAlpha;
  g.globalAlpha = alpha * 0.28;
  g.fillRect(x + 2.5, y + w - 4, w - 5, 2.4);
  g.globalAlpha = alpha;
  g.fillRect(x + 2.5, y + w - 4, (w - 5) * heldOf(look) / 4, 2.4);
}

function drawTunnel(g, x, y, w, r, colour) {
  g.save();
  roundRect(g, x, y, w, w, r);
  g.clip();
  g.fillStyle = colour;
  g.beginPath();
  g.moveTo(x, y), g.lineTo(x + w, y), g.lineTo(x, y + w);
  g.fill();
  g.restore();
}

// Draws `look` into the square at x, y with sides of `size` px, at least 12.
export function drawCell(g, x, y, size, look, c) {
  const state = stateOf(look), m = size >= 14 ? 1.5 : 1, w = size - 2 * m, r = size >= 14 ? 3 : 2;
  x += m, y += m;
  g.globalAlpha = look & kDim ? 0.16 : 1;
  if (state === 0) {
    g.fillStyle = c.faint;
    g.fillRect(x + w / 2 - 1.5, y + w / 2 - 1.5, 3, 3);
  } else if (look & kViewer) {
    g.setLineDash([2, 2]);
    outline(g, x + 0.75, y + 0.75, w - 1.5, w / 2, c.muted, 1.4);
    g.setLineDash([]);
  } else if (look & kIdle) {
    outline(g, x + 0.75, y + 0.75, w - 1.5, r, c.edge[state], 1.5);
  } else {
    roundRect(g, x, y, w, w, r);
    g.fillStyle = c.fill[state];
    g.fill();
    if (look & kTunnel) drawTunnel(g, x, y, w, r, c.fill[2]);
    if (state === 1 || state === 3) outline(g, x + 0.5, y + 0.5, w - 1, r, c.edge[state], 1);
    drawBars(g, x, y, w, look, c.on[state]);
    if (look & kOld) outline(g, x - 0.5, y - 0.5, w + 1, r + 1, c.ink, 2);
  }
  g.globalAlpha = 1;
}

// The triangle and the frame of a finding, around the cell at x, y; never under 12 px.
export function drawFinding(g, x, y, size, c) {
  const k = Math.max(12, size * 0.72), half = size / 2, cx = x + half, cy = y + half;
  outline(g, x + 0.5, y + 0.5, size - 1, 4, c.finding, 2);
  const tx = cx + half * 0.75, ty = cy - half * 0.75;
  g.beginPath();
  g.moveTo(tx, ty - k * 0.58), g.lineTo(tx + k * 0.6, ty + k * 0.44), g.lineTo(tx - k * 0.6, ty + k * 0.44);
  g.closePath();
  g.strokeStyle = c.card, g.lineWidth = 1.6, g.fillStyle = c.finding;
  g.stroke(), g.fill();
  g.fillStyle = c.card;
  g.fillRect(tx - 0.9, ty - k * 0.2, 1.8, k * 0.3), g.fillRect(tx - 0.9, ty + k * 0.18, 1.8, 1.8);
}

// The ring around the chosen slot; dashed around the one that the arrow keys have reached.
export function drawRing(g, x, y, size, c, dashed) {
  if (dashed) g.setLineDash([3, 3]);
  outline(g, x - 2, y - 2, size + 4, 5, c.ink, 2.5);
  g.setLineDash([]);
  if (!dashed) outline(g, x - 0.4, y - 0.4, size + 0.8, 4, c.paper, 1.2);
}
