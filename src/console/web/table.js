// The array of records as a table: the same data as in the grid, for screen readers.
import {html, nothing} from './vendor/lit-html.js';
import {hasFinding, waitedMs} from './cell.js';
import {capital, count, exactBytes, wholeMs} from './format.js';
import {words} from './words.js';

const kRows = 500;  // at first, and with each "more"

const kMarks = ['readable', 'writable', 'finished', 'connected'];
const marks = bits => kMarks.filter((_, i) => bits & 1 << i).map(words).join(', ') || '–';

function flags(model, i) {
  const bits = model.cells.flags[i];
  return [bits & 1 && 'tunnel', bits & 4 && 'viewer', bits & 8 && 'ready', bits & 16 && 'starved', hasFinding(model.cells, i) && 'finding'].filter(Boolean).join(', ');
}

function row(model, i, onPick) {
  const {cells, names} = model;
  return html`<tr><td><button class="link" @click=${() => onPick(i)} aria-label="Open slot ${i}">${i}</button></td><td>${cells.id[i]}</td>
    <td class="mono">${names.states[cells.state[i]]}</td><td>${names.diagnose(cells.state[i], cells.wait[i])?.what ?? names.waits[cells.wait[i]] ?? '–'}</td>
    <td class="right">${wholeMs(waitedMs(model.nowUs / 1000, cells.sinceMs[i]))}</td><td class="right">${exactBytes(cells.heldUp[i])}</td><td class="right">${exactBytes(cells.heldDown[i])}</td>
    <td>${marks(cells.marks[i] & 15)}</td><td>${marks(cells.marks[i] >> 4)}</td><td>${flags(model, i)}</td></tr>`;
}

// The slots in use; `only`: those in that state, 0: all. `onMore` is called for more rows than `most`.
export function tableView(model, only, most, {onPick, onMore}) {
  const {state} = model.cells, slots = [];
  for (let i = 0; i < model.touched; ++i) if (state[i] && (!only || state[i] === only)) slots.push(i);
  const title = `${capital(words('records'))} in use`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}><table class="grid num"><caption class="unseen">${title}</caption>
    <thead><tr><th>Slot</th><th>Connection</th><th>State</th><th>Waits</th><th class="right">For</th><th class="right">${words('held for the upstream')}</th><th class="right">${words('held for the client')}</th>
      <th>${words('marks of the client')}</th><th>${words('marks of the upstream')}</th><th>Notes</th></tr></thead>
    <tbody>${slots.slice(0, most).map(i => row(model, i, onPick))}</tbody></table></div>
    <p class="muted small">${count(slots.length)} in use${slots.length > most ? html`, the first ${count(most)} are shown. <button class="link" @click=${() => onMore(most + kRows)}>Show more</button>` : nothing}</p>`;
}
export {kRows};
