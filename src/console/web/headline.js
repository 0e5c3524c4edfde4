// The sentence at the top: how many requests are in progress, and which of them has waited longest.
import {html, nothing} from './vendor/lit-html.js';
import {LookTable, waitedMs} from './cell.js';
import {counted, duration} from './format.js';

const kWorthMs = 1000;  // a shorter wait is not mentioned
const kVar = ['', 'read-request', 'send-request', 'read-response', 'send-response'];

// Whether a request is in progress there: the record is neither free, nor idle, nor a viewer's.
export const isActive = ({cells, names}, i) => cells.state[i] !== 0 && !(cells.flags[i] & 4) && !new LookTable(names).isIdle(cells.state[i], cells.wait[i]);

// {slot, ms, row} of the record in progress that has waited longest, or null; `active`: the number of requests in
// progress. Idle connections, quiet tunnels and the page's own connection do not count.
export function longestWait(model) {
  const {cells, names} = model, table = new LookTable(names), nowMs = model.nowUs / 1000;
  const quiet = new Set(['--tunnel-timeout', '--linger-timeout'].map(names.waitOf));
  let slot = -1, ms = -1, active = 0;
  for (let i = 0; i < model.touched; ++i) {
    const state = cells.state[i], wait = cells.wait[i];
    if (!state || cells.flags[i] & 4 || table.isIdle(state, wait)) continue;
    ++active;
    const waited = waitedMs(nowMs, cells.sinceMs[i]);
    if (waited > ms && !quiet.has(wait) && names.diagnose(state, wait)?.end) slot = i, ms = waited;
  }
  const row = slot < 0 ? null : names.diagnose(cells.state[slot], cells.wait[slot]);
  return {active, longest: row && ms >= kWorthMs ? {slot, ms, row} : null};
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

// `found`: what the doctor's page says, or null. `panel`: what the open panel shows of its slot, or null.
export function headlineView(model, found, panel = null) {
  const {active, longest} = longestWait(model);
  if (model.used === 0) return html`${empty(model)}${findingLine(model, found)}`;
  return html`<h1>${active === 0 ? 'No request is in progress.' : html`${counted(active, 'request')} in progress.`}
    ${longest ? html`Slot ${longest.slot} waits longest: <mark class=${kVar[longest.row.state]}>${lower(longest.row.what)} for ${duration(shownMs(model, longest, panel))}.</mark>`
      : active ? 'None has waited for over a second.' : `${counted(model.used, 'connection')} kept open.`}</h1>${findingLine(model, found)}`;
}

// The same for a screen reader, as text.
export function spokenHeadline(model) {
  const {active, longest} = longestWait(model);
  return `${counted(active, 'request')} in progress. ` + (longest ? `Slot ${longest.slot} waits longest: ${lower(longest.row.what)} for ${duration(longest.ms)}.` : '') +
    (model.findings ? ` ${counted(model.findings, 'finding')} of the doctor.` : '');
}
