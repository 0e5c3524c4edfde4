// The sentence at the top: how many requests are in progress, and which of them has waited longest.
import {html, nothing} from './vendor/lit-html.js';
import {kVar, lookTableOf, waitedMs} from './cell.js';
import {counted, duration} from './format.js';

const kWorthMs = 1000;  // a shorter wait is not mentioned

// Whether a request is in progress there: the record is neither free, nor idle, nor a viewer's.
const isRequest = (cells, table, i) => cells.state[i] !== 0 && !(cells.flags[i] & 4) && !table.isIdle(cells.state[i], cells.wait[i]);
export const isActive = ({cells, names}, i) => isRequest(cells, lookTableOf(names), i);

// `longest`: {slot, ms, row} of the record in progress that has waited longest, or null; `active`: the number of requests in
// progress; `first`: the first slot of one, or -1. Idle connections, quiet tunnels and the page's own connection do not count.
// It reads all cells: the board asks for it once in an update.
export function longestWait(model) {
  const {cells, names} = model, table = lookTableOf(names), nowMs = model.nowUs / 1000;
  const quiet = new Set(['--tunnel-timeout', '--linger-timeout'].map(names.waitOf));
  let slot = -1, ms = -1, active = 0, first = -1;
  for (let i = 0; i < model.touched; ++i) {
    if (!isRequest(cells, table, i)) continue;
    if (++active === 1) first = i;
    const state = cells.state[i], wait = cells.wait[i], waited = waitedMs(nowMs, cells.sinceMs[i]);
    if (waited > ms && !quiet.has(wait) && names.diagnose(state, wait)?.end) slot = i, ms = waited;
  }
  const row = slot < 0 ? null : names.diagnose(cells.state[slot], cells.wait[slot]);
  return {active, first, longest: row && ms >= kWorthMs ? {slot, ms, row} : null};
}

const lower = text => /^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text;

function empty(model) {
  const {hello} = model, proxy = hello.proxy;
  return html`<h1>No client is connected.</h1><p>${proxy ? html`Open a page through the proxy, or run <code>curl -x http://${proxy} http://example.com/</code>` : 'Connections appear here as they come.'}</p>`;
}

function findingLine(model, found) {
  if (!model.findings) return nothing;
  const first = found?.findings.find(each => each.lasts);
  return html`<p class="find-line"><b>▲ ${counted(model.findings, 'finding')}.</b> ${first?.sentence ?? ''}</p>`;
}

// How long the slot has waited: as its open panel says, so that the page has one number for it.
function shownMs({cells}, {slot, ms}, panel) {
  return panel?.slot === slot && panel.id === cells.id[slot] && panel.wait === cells.wait[slot] ? panel.waited_ms ?? ms : ms;
}

// The third is what `longestWait` returns. `found`: what the doctor's page says, or null. `panel`: what the open panel shows of its
// slot, or null.
export function headlineView(model, found, {active, longest}, panel) {
  if (model.used === 0) return html`${empty(model)}${findingLine(model, found)}`;
  return html`<h1>${active === 0 ? 'No request is in progress.' : html`${counted(active, 'request')} in progress.`}
    ${longest ? html`Slot ${longest.slot} waits longest: <mark class=${kVar[longest.row.state]}>${lower(longest.row.what)} for ${duration(shownMs(model, longest, panel))}.</mark>`
      : active ? 'None has waited for over a second.' : `${counted(model.used, 'connection')} kept open.`}</h1>${findingLine(model, found)}`;
}

// The same for a screen reader, as text.
export function spokenHeadline(model, {active, longest}) {
  return `${counted(active, 'request')} in progress. ` + (longest ? `Slot ${longest.slot} waits longest: ${lower(longest.row.what)} for ${duration(longest.ms)}.` : '') +
    (model.findings ? ` ${counted(model.findings, 'finding')} of the doctor.` : '');
}
