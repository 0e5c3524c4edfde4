// The panel of one slot: its diagnosis, its two endpoints and two lanes, and the tabs below.
import {html, nothing} from './vendor/lit-html.js';
import {bytes, capital, count, counted, duration, exactBytes, known, ordinal, wholeMs} from './format.js';
import {headView} from './heads.js';
import {lesson, words} from './words.js';

const kVar = {FREE: 'free', READ_REQUEST: 'read-request', SEND_REQUEST: 'send-request', READ_RESPONSE: 'read-response', SEND_RESPONSE: 'send-response'};
export const kTabs = ['Ladder', 'Heads', 'Counters', 'JSON'];

function title(data) {
  const {request} = data, nth = request?.nth ?? (known(data.served) ? data.served + 1 : null);
  const about = [known(data.id) && `#${count(data.id)}`, nth && `${ordinal(nth)} request of this connection`, data.tunnel && 'tunnel', data.viewer && 'this board or another viewer']
    .filter(Boolean).join(' · ');
  return html`<div class="title"><h2>Slot ${data.slot}</h2><span class="chip ${kVar[data.state] ?? ''}">${data.state}</span><span class="muted small num">${about}</span></div>
    ${request?.method ? html`<p class="target mono small">${request.method} ${request.method === 'CONNECT' ? `${request.host}:${request.port}` :
      `${request.scheme ? `${request.scheme}://` : ''}${request.host ?? ''}${request.port && request.port !== 80 ? `:${request.port}` : ''}${request.path ?? ''}`}${request.status ? html` <b>${request.status}</b>` : nothing}</p>` : nothing}`;
}

// Options of the command line stay on one line.
const withOptions = text => text.split(/(--[a-z-]+)/).map((part, i) => i % 2 ? html`<code class="option">${part}</code>` : part);

// "16384 bytes" of the log as the page writes numbers.
const withGroups = text => text.replace(/\d+(?= bytes)/g, number => count(Number(number)));

// The mark that the wait needs: [side, mark], or null.
function awaitedMark(awaited) {
  const [side, verb] = String(awaited ?? '').split('_');
  return verb ? [side, verb === 'sends' ? 'readable' : 'writable'] : null;
}

// What is to be read, although the record waits for its mark; null: nothing.
function unreadText(data) {
  const [side, name] = awaitedMark(data.awaited) ?? [], end = data[side], unread = end?.kernel?.unread;
  if (name !== 'readable' || !(unread > 0) || end.marks?.readable !== false) return null;
  return `The kernel has ${bytes(unread)} of the ${words(side)} unread, and its mark says “${words('not readable')}”: an event is on its way, or an earlier read stopped before EAGAIN.`;
}

function diagnosis(data) {
  if (data.state === 'FREE') return html`<p class="diag">The ${words('record')} is free: no connection uses it.</p>`;
  const text = withGroups(data.sentence ?? 'What it waits for is not known at this moment.'), end = text.indexOf('. ');
  const first = end < 0 ? text : text.slice(0, end + 1), rest = end < 0 ? '' : text.slice(end + 2);
  return html`<p class="diag ${kVar[data.state]}"><b>${withOptions(first)}</b> ${withOptions(rest)}<span class="more">${unreadText(data) ?? lesson(data.awaited)}</span></p>`;
}

// ---- endpoints and lanes ----

function mark(name, is, waited) {
  const text = html`<span aria-hidden="true">${is ? '●' : '○'}</span> ${words(is ? name : `not ${name}`)}`;
  return waited ? html`<b>${text}</b>` : text;
}

function endpoint(name, end, awaited) {
  const wanted = awaitedMark(awaited), waited = wanted?.[0] === name || (name === 'upstream' && awaited === 'attempts');
  const label = capital(words(name));
  if (!end) return html`<div class="end none"><b>${label}</b><span>not connected</span></div>`;
  const {marks = {}} = end, more = ['finished', 'eof', 'hung', 'shut'].filter(each => marks?.[each]);
  return html`<div class="end ${waited ? 'waited' : ''}"><b>${label}</b><code>${end.address ?? 'address not known'}${end.port ? `:${end.port}` : ''}</code>
    <span>${known(end.fd) && end.fd >= 0 ? `descriptor ${end.fd}` : ''}${end.link && end.link !== 'connected' && end.link !== 'open' ? ` ${end.link}` : ''}</span>
    <span class="marks">${marks ? html`${mark('readable', marks.readable, waited && wanted?.[1] === 'readable')}<br>${mark('writable', marks.writable, waited && wanted?.[1] === 'writable')}` : 'marks not known'}
      ${more.length ? html`<br>${more.join(', ')}` : nothing}</span></div>`;
}

function storage(lane) {
  if (!lane) return nothing;
  if (!known(lane.storage)) return known(lane.held) ? html`<em class="block">${bytes(lane.held)} held</em>` : nothing;
  if (lane.storage === 'none') return html`<em class="block">no ${words('block')}</em>`;
  if (lane.storage === 'pipe') return html`<em class="block">kernel pipe: ${bytes(lane.held)}</em>`;
  const full = lane.room === 0 && lane.held > 0;
  return html`<em class="block ${full ? 'full' : ''}">${bytes(lane.held)}${full ? ': full' : ` of ${bytes(lane.held + lane.room)}`}</em>`;
}

const laneView = (name, lane, toClient) => html`<div class="lane ${toClient ? 'down' : 'up'}"><span><b>${words(name)}</b> ${known(lane?.sent) ? `${bytes(lane.sent)} sent` : ''}</span>
  <i class="arrow ${toClient ? 'l' : 'r'}"></i>${storage(lane)}</div>`;

function kernelText(name, kernel) {
  if (!kernel) return '';
  const parts = [kernel.unread > 0 && `${bytes(kernel.unread)} unread`, kernel.unsent > 0 && `${bytes(kernel.unsent)} unsent`, !kernel.unread && !kernel.unsent && 'nothing unread or unsent', known(kernel.window) && `congestion window ${counted(kernel.window, 'segment')}`,
                 known(kernel.rtt_us) && `round trip ${duration(kernel.rtt_us / 1000)}`].filter(Boolean);
  return `${capital(words(name))}, in the kernel: ${parts.join(', ')}`;
}

function pair(data) {
  return html`<div class="pair">${endpoint('client', data.client, data.awaited)}
    <div class="lanes">${laneView('request', data.request_lane, false)}${laneView('response', data.response_lane, true)}</div>
    ${endpoint('upstream', data.upstream, data.awaited)}
    <p class="k1">${kernelText('client', data.client?.kernel)}</p><p class="k2">${kernelText('upstream', data.upstream?.kernel)}</p></div>`;
}

// ---- tabs ----

const kPhases = ['resolve', 'connect', 'send'];

function counters(data, names) {
  const {request} = data, rows = [];
  const add = (name, value) => known(value) && rows.push([name, value]);
  for (const [name, lane] of [['Request', data.request_lane], ['Response', data.response_lane]]) {
    if (!lane) continue;
    add(`${name}: bytes sent`, known(lane.sent) ? exactBytes(lane.sent) : null);
    add(`${name}: bytes held`, known(lane.held) ? exactBytes(lane.held) : null);
  }
  (request?.state_ms ?? []).forEach((ms, state) => state && add(`Time in ${names.states[state]}`, wholeMs(ms)));
  (request?.phase_ms ?? []).forEach((ms, phase) => add(`Of SEND_REQUEST: ${kPhases[phase]}`, wholeMs(ms)));
  add('Requests served before on this connection', known(data.served) ? count(data.served) : null);
  (request?.attempts ?? []).forEach((each, i) => add(`Connection attempt ${i + 1}`, `${each.address}: ${each.result}`));
  for (const [name, end] of [['Client', data.client], ['Upstream', data.upstream]])
    for (const [key, value] of Object.entries(end?.kernel ?? {})) add(`${name}, kernel: ${key.replaceAll('_', ' ')}`, typeof value === 'number' ? count(value) : String(value));
  if (!rows.length) return html`<p class="muted small">Nothing is counted for this slot at this moment.</p>`;
  return html`<table class="grid num"><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="right">${value}</td></tr>`)}</tbody></table>`;
}

function headsTab(data) {
  const {request, response} = data.heads ?? {}, awaited = request?.received?.length && ['SEND_REQUEST', 'READ_RESPONSE'].includes(data.state);
  return html`<h3>Request, received and sent</h3>${headView(request, 'request')}<h3>Response, received and sent</h3>${headView(response, 'response', awaited ? 'The response has not arrived yet.' : undefined)}`;
}

// The tab that is not the ladder; the ladder is drawn by ladder.js into its own element.
function tabBody(data, tab, names) {
  if (tab === 'Heads') return headsTab(data);
  if (tab === 'Counters') return counters(data, names);
  return tab === 'JSON' ? html`<pre class="json" tabindex="0" aria-label="The slot as JSON">${JSON.stringify(data, null, 1)}</pre>` : nothing;
}

function moveTab(event, tab, onTab) {
  const step = {ArrowRight: 1, ArrowLeft: kTabs.length - 1}[event.key];
  if (!step) return;
  event.preventDefault();
  const next = kTabs[(kTabs.indexOf(tab) + step) % kTabs.length];
  onTab(next);
  event.currentTarget.querySelector(`#tab-${next}`).focus();
}

function followText({followed, longest, onFollow}) {
  if (!followed) return html`<button class="link" @click=${onFollow}>Show the slot that waits longest</button>`;
  return longest ? 'This is the slot that waits longest.' : 'This panel follows the slot that waits longest.';
}

// `data`: the object of /console/slot/N; null: not loaded yet. `tab`: one of kTabs. `ladder`: the element that the ladder
// is in, a part of this panel as long as its tab is chosen. `followed`: the slot that waits longest is shown as soon as it
// has waited for a second; `longest`: it is this one.
export function slotView(data, names, {tab, onTab, ladder, followed, longest, onFollow}) {
  if (!data) return html`<h2>No slot is chosen</h2><p class="muted">Choose one in the array.</p>`;
  return html`${title(data)}${diagnosis(data)}${data.state === 'FREE' ? nothing : pair(data)}
    <p class="small muted follow">${followText({followed, longest, onFollow})}</p>
    <div class="tabs" role="tablist" aria-label="About this slot" @keydown=${event => moveTab(event, tab, onTab)}>${kTabs.map(name => html`<button role="tab" id="tab-${name}" aria-controls="tabpanel"
      aria-selected=${name === tab} tabindex=${name === tab ? 0 : -1} @click=${() => onTab(name)}>${name}</button>`)}</div>
    <div role="tabpanel" id="tabpanel" aria-labelledby="tab-${tab}">${tab === 'Ladder' ? ladder : tabBody(data, tab, names)}</div>`;
}
