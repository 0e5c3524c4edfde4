// The four states with the number of records in each, and the transitions between them with their rates.
import {html, nothing, svg} from './vendor/lit-html.js';
import {kVar, lookTableOf} from './cell.js';
import {count, counted, rate} from './format.js';
import {words} from './words.js';

// How many records are in each state with what wait: what the boxes say below their number.
class Census {
  constructor(model) {
    const {names, cells} = model, wait = name => names.waitOf(`--${name}-timeout`), table = lookTableOf(names);
    this.idle = 0;
    this.by = new Map();
    this.clients = 0;
    for (let i = 0; i < model.touched; ++i) {
      const state = cells.state[i];
      if (!state || cells.flags[i] & 4) continue;
      if (table.isIdle(state, cells.wait[i])) ++this.idle;
      this.by.set(state << 8 | cells.wait[i], (this.by.get(state << 8 | cells.wait[i]) ?? 0) + 1);
    }
    this.of = (state, ...options) => options.reduce((sum, option) => sum + (this.by.get(state << 8 | wait(option)) ?? 0), 0);
    this.attempt = this.by.get(2 << 8 | names.waitOf('--attempt-delay')) ?? 0;
  }
}

function details(census) {
  const waits = number => counted(number, 'waits', 'wait'), connecting = census.of(2, 'connect') + census.attempt, tunnels = census.of(4, 'tunnel');
  return ['', census.idle ? `and ${count(census.idle)} idle, kept open` : 'none idle',
          `${waits(census.of(2, 'resolve'))} for DNS, ${counted(connecting, 'connects', 'connect')}`,
          `${waits(census.of(3, 'answer'))} for the head`, `${waits(census.of(4, 'reader'))} for the client` + (tunnels ? `, and ${counted(tunnels, 'tunnel')}` : '')];
}

// The sum of the rates of the rows that `wanted` returns true for.
const sum = (model, wanted) => model.names.transitions.reduce((total, row, i) => total + (wanted(row) ? model.transitionRates[i] : 0), 0);
const between = (model, from, to) => sum(model, row => row.from === from && row.to === to);

function box(model, state, census, only, onOnly) {
  const name = model.names.states[state], number = model.byState[state] - (state === 1 ? census.idle : 0);
  return html`<div class="st ${kVar[state]}"><button aria-pressed=${only === state} @click=${() => onOnly(only === state ? 0 : state)}>
      <b>${name}</b><span class="n num">${count(Math.max(0, number))}</span><span class="is">${words(`${name}_does`)}</span><span class="say">${details(census)[state]}</span></button>
    ${state === 4 ? nothing : html`<span class="rate num">${rate(between(model, state, state + 1))}</span>`}</div>`;
}

// The arrows below the boxes, in a drawing of `width` px.
function ways(model, width) {
  if (width < 600) return nothing;
  const box = (width - 3 * 52) / 4, x0 = 26, x1 = width - 26, events = model.names.events;
  const named = (...names) => row => names.includes(events[row.event]);
  const own = sum(model, named('local_response', 'stream_opened', 'idle_closed')), kept = sum(model, named('response_sent')), closed = sum(model, named('closed'));
  return html`<svg class="ways" viewBox="0 0 ${width} 44" aria-hidden="true">${svg`<g fill="none" class="way">
      <path d="M${x0 + 44} 1V12q0 5 5 5H${x1 - 49}q5 0 5-5V3"/><path d="M${x1 - 47} 6l3-5 3 5"/><path d="M${x1} 1V30q0 5-5 5H${x0 + 5}q-5 0-5-5V3"/><path d="M${x0 - 3} 6l3-5 3 5"/></g>
      <g text-anchor="middle"><text x=${width / 2} y="21">answered by the proxy itself ${rate(own)}</text>
      <text x=${width / 2} y="39">next request on the same connection ${rate(kept)} · closed ${rate(closed)}</text></g>`}</svg>`;
}

function transitionTable(model) {
  const {names} = model;
  return html`<details class="all"><summary>All ${names.transitions.length} transitions</summary><div class="scroll" tabindex="0" role="region" aria-label="Transitions"><table class="grid num">
    <thead><tr><th>From</th><th>Event</th><th>To</th><th class="right">Rate</th></tr></thead>
    <tbody>${names.transitions.map((row, i) => html`<tr><td class="mono">${names.states[row.from]}</td><td class="mono">${names.events[row.event]}</td><td class="mono">${names.states[row.to]}</td>
      <td class="right">${rate(model.transitionRates[i])}</td></tr>`)}</tbody></table></div></details>`;
}

// `only`: the state that is shown alone in the array; 0: all. `onOnly(state)` is called by a click on a box.
export function machineView(model, only, width, onOnly) {
  const census = new Census(model);
  return html`<div class="machine">${[1, 2, 3, 4].map(state => box(model, state, census, only, onOnly))}</div>${ways(model, width)}${transitionTable(model)}`;
}
