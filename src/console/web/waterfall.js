// The requests that ended last, and where the time of each went; with a filter.
import {html, nothing, render, svg} from './vendor/lit-html.js';
import {bytes, count, counted, wholeMs} from './format.js';
import {endOf, kParts, partsOf, selects, targetOf} from './request_rows.js';

const kShown = 60;      // requests; more when the user asks
const kBarHeight = 11;
const tables = new WeakMap();  // container: {filter, shown, arguments of the last call}

const kTitles = {read: 'read the request', resolve: 'DNS', connect: 'connect', send: 'send the request', wait: 'wait for the response head', receive: 'send the response'};

// The patterns stand once in the page.
const patterns = html`<svg class="wf-patterns" width="0" height="0" aria-hidden="true">${svg`
  <pattern id="wf-dots" width="4" height="4" patternUnits="userSpaceOnUse"><circle class="wf-ink" cx="1.5" cy="1.5" r=".9"></circle></pattern>
  <pattern id="wf-hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="wf-ink" width="1.4" height="4"></rect></pattern>`}</svg>`;

// A rectangle for each part; 100 % is `most` ms. The axis has the square root of the time: beside a request of minutes,
// one of milliseconds is still seen.
function bar(parts, most) {
  const at = ms => Math.sqrt(ms / most) * 100;
  let sum = 0;
  return svg`${parts.map((ms, i) => {
    if (ms === 0) return nothing;
    const from = at(sum), to = at(sum += ms);
    return svg`<rect class="wf-${kParts[i]}" x="${from}%" width="${to - from}%" height="${kBarHeight}"></rect>`;
  })}`;
}

const barText = parts => parts.map((ms, i) => ms ? `${kTitles[kParts[i]]} ${ms} ms` : '').filter(Boolean).join(', ') || 'under 1 ms';

// The scheme is left out in a narrow window.
function targetView(note) {
  const text = targetOf(note), at = text.indexOf(' http://');
  return at < 0 ? text : html`${text.slice(0, at + 1)}<span class="wf-hide">http://</span>${text.slice(at + 8)}`;
}

function rowView(note, names, most, onPick) {
  const {parts, total} = partsOf(note), end = endOf(note, names), error = note.error ? names.errors[note.error]?.name : '', text = barText(parts);
  return html`<tr class=${note.status >= 500 ? 'wf-bad' : ''}><td class="wf-hide num muted right">#${note.id}${note.nth > 1 ? `.${note.nth}` : ''}</td>
    <td class="wf-target"><button class="wf-pick" title=${targetOf(note)} @click=${() => onPick?.(note)}>${targetView(note)}</button></td>
    <td class="num">${note.status || '–'}</td><td class="num right wf-hide">${bytes(note.sentDown)}</td>
    <td class="wf-time" title=${text}><svg class="wf-bar" width="100%" height=${kBarHeight} role="img" aria-label=${text}>${bar(parts, most)}</svg><span class="num small muted">${wholeMs(total)}</span></td>
    <td class="wf-hide ${end === 'complete' ? 'muted' : ''}">${end}${error ? `: ${error}` : ''}</td></tr>`;
}

const legend = html`<span class="wf-legend wf-hide">${kParts.map(part => html`<span><svg width="18" height="10" aria-hidden="true"><rect class="wf-${part}" width="18" height="10"></rect></svg>${part}</span>`)}</span>`;

// "500 requests", "3 of 500 requests"
const countText = (found, all, filter) => filter.trim() ? `${count(found)} of ${counted(all, 'request')}` : `${counted(all, 'request')}, the latest first`;

function tableView(list, most, names, onPick) {
  return html`<div class="wf-scroll"><table class="wf-table"><caption class="unseen">Requests, the latest first</caption><thead><tr><th scope="col" class="wf-hide right">Connection</th><th scope="col">Request</th><th scope="col">Status</th>
    <th scope="col" class="wf-hide right">Sent down</th><th scope="col">Where its time went <span class="wf-axis">(square root, up to ${wholeMs(most)})</span></th><th scope="col" class="wf-hide">Ended</th></tr></thead>
    <tbody>${list.map(note => rowView(note, names, most, onPick))}</tbody></table></div>`;
}

function draw(container) {
  const table = tables.get(container), {requests, names, ctx, filter} = table;
  const found = requests.filter(note => selects(filter, note, names)).reverse(), list = found.slice(0, table.shown);
  const most = list.reduce((longest, note) => Math.max(longest, partsOf(note).total), 1);
  const change = event => (table.filter = event.target.value, draw(container));
  const none = requests.length ? 'No request has all these words.' : 'No request has ended yet.';
  render(html`${patterns}<div class="head"><h2>Requests</h2><span class="muted small num" role="status">${countText(found.length, requests.length, filter)}</span>
    <input class="wf-filter" type="search" placeholder="Filter: host, path, 5xx, reason" aria-label="Filter requests: parts of method, host, path, client or reason, a status, 5xx; - in front excludes" aria-keyshortcuts="/"
      spellcheck="false" autocomplete="off" .value=${filter} @input=${change}>${legend}</div>
    ${list.length ? tableView(list, most, names, ctx.onPick) : html`<p class="muted small">${none}</p>`}
    ${found.length > list.length ? html`<button class="wf-more" @click=${() => (table.shown = Infinity, draw(container))}>Show all ${count(found.length)}</button>` : nothing}`, container);
}

// Draws the notes of requests (the newest last) into `container`. `ctx.onPick(note)`: the user has chosen a request.
export function renderWaterfall(container, requests, names, ctx = {}) {
  tables.set(container, {filter: '', shown: kShown, ...tables.get(container), requests, names, ctx});
  draw(container);
}

// Puts the keyboard into the filter. REQUIRES: the table is drawn.
export const focusFilter = container => container.querySelector('.wf-filter').focus();
