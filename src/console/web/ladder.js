// The ladder of a slot: its events, system calls and states in their order, as a table.
import {html, nothing, render} from './vendor/lit-html.js';
import {count, duration} from './format.js';
import {ladderRows} from './ladder_rows.js';

const kRowsShown = 240;    // at most; in a recording half of them after the moment
const kAtEndPx = 24;       // a ladder that is scrolled to its end stays there
const kStateClass = ['free', 'read-request', 'send-request', 'read-response', 'send-response'];
const shown = new WeakMap();  // container: what was drawn there last

// "+12 ms" since the connection was accepted.
const timeText = us => us === null || us === undefined ? '' : us === 0 ? '0' : `+${duration(us / 1000)}`;

const stateName = (names, state) => html`<span class="ld-state"><i class="ld-square ld-${kStateClass[state] ?? 'free'}" aria-hidden="true"></i>${names.states[state] ?? `state ${state}`}</span>`;

const forcedMark = row => row.forced ? html` <span class="ld-forced-mark" title="Not the kernel made it so, but the lens">forced</span>` : nothing;

function cells(row, names) {
  if (row.kind === 'state')
    return html`<td colspan="3">${stateName(names, row.before)} <span aria-label="to">→</span> ${stateName(names, row.state)} <span class="ld-why">${row.why}</span></td>`;
  if (row.kind === 'wait')
    return html`<td colspan="3"><span class="ld-what">${row.what}</span> <span class="ld-why">${row.result}</span></td>`;
  if (row.kind === 'event')
    return html`<td colspan="3"><span class="ld-what"><span class="ld-sign" aria-hidden="true">⚡</span>${row.what}</span> <span class="ld-side">${row.times > 1 ? row.result : row.side}</span> <span class="ld-why">${row.why}${forcedMark(row)}</span></td>`;
  const sign = row.kind === 'finding' ? '▲' : '';
  return html`<td class="ld-what">${sign ? html`<span class="ld-sign" aria-hidden="true">${sign}</span>` : nothing}${row.what}${row.side ? html` <span class="ld-side">${row.side}</span>` : nothing}</td>
    <td class="ld-result num">${row.again ? html`<span class="ld-again-mark" aria-hidden="true">${row.forced ? '□' : '■'}</span> ` : nothing}${row.result}</td><td class="ld-why">${row.why}${forcedMark(row)}</td>`;
}

function rowClass(row, at) {
  const classes = [`ld-row ld-is-${row.kind}`];
  if (row.again) classes.push('ld-again');
  if (row.failed) classes.push('ld-failed');
  if (row.forced) classes.push('ld-forced');
  if (at !== null && row.from >= at) classes.push('ld-later');
  if (at !== null && row.from < at && row.to >= at - 1) classes.push('ld-now');
  return classes.join(' ');
}

// Of a row that stands for many steps, the part that has happened.
function partOf(row, at) {
  if (row.times === 1 || at === null || row.to < at) return nothing;
  return row.from < at ? html` <span class="ld-side">in part</span>` : nothing;
}

function rowView(row, index, rows, names, {atPosition: at, onPick}) {
  const newTurn = index === 0 || row.timeUs !== rows[index - 1].timeUs, isNow = at !== null && row.from < at && row.to >= at - 1;
  return html`<tr class=${rowClass(row, at)} aria-current=${isNow ? 'step' : nothing} title="step ${count(row.from)}${row.to === row.from ? '' : ` to ${count(row.to)}`}"
    @click=${() => onPick?.({position: row.to})}><td class="ld-time num">${newTurn ? timeText(row.sinceUs) : nothing}${partOf(row, at)}</td>${cells(row, names)}</tr>`;
}

// The rows that are shown, and how many are left out before and after.
function part(rows, at) {
  if (rows.length <= kRowsShown) return {before: 0, list: rows, after: 0};
  const now = at === null ? -1 : rows.findIndex(row => row.to >= at - 1);
  const end = Math.min(rows.length, now < 0 ? rows.length : Math.max(kRowsShown, now + kRowsShown / 2));
  const begin = Math.max(0, end - kRowsShown);
  return {before: begin, list: rows.slice(begin, end), after: rows.length - end};
}

const left = (number, text) => number ? html`<p class="ld-left muted small">${count(number)} ${number === 1 ? 'row' : 'rows'} ${text}</p>` : nothing;

// Keeps the row of the moment in sight, without a scroll of the page; as the proxy runs, the end, unless the user has
// scrolled away from it.
function keepInSight(container, atEnd) {
  const now = container.querySelector('.ld-now');
  if (!now) {
    if (atEnd) container.scrollTop = container.scrollHeight;
    return;
  }
  const box = container.getBoundingClientRect(), row = now.getBoundingClientRect();
  if (row.top < box.top || row.bottom > box.bottom) container.scrollTop += row.top - box.top - box.height / 2;
}

// Draws the steps of a slot (as of decodeRows, the oldest first) into `container`, which scrolls. `words(key)`: a text in
// the chosen vocabulary. `atPosition`: steps from there on have not happened yet; null: all have. `onPick({position})`: the
// user has chosen the step at that position.
export function renderLadder(container, steps, names, {words = key => key, atPosition = null, onPick = null} = {}) {
  const before = shown.get(container), last = steps.at(-1)?.position ?? -1;
  const key = `${steps[0]?.slot}:${steps[0]?.position}:${steps.length}:${last}:${atPosition}:${words('record')}`;
  const atEnd = !before || before.slot !== steps[0]?.slot || container.scrollHeight - container.scrollTop - container.clientHeight < kAtEndPx;
  if (before?.key === key) return;
  shown.set(container, {key, slot: steps[0]?.slot});
  const all = ladderRows(steps, names, words), {before: early, list, after} = part(all, atPosition);
  container.setAttribute('role', 'region');
  container.setAttribute('aria-label', 'Ladder of the slot');
  container.tabIndex = 0;
  render(all.length === 0 ? html`<p class="muted small">The trace has no step of this slot.</p>` : html`${left(early, 'before these')}<table class="ld-table">
    <caption class="unseen">Events, system calls and states of the slot, the oldest first; times since the connection was accepted</caption>
    <thead class="unseen"><tr><th scope="col">Time</th><th scope="col">Step</th><th scope="col">Result</th><th scope="col">What follows</th></tr></thead>
    <tbody>${list.map((row, index) => rowView(row, index, list, names, {atPosition, onPick}))}</tbody></table>${left(after, 'after these')}`, container);
  keepInSight(container, atEnd);
}
