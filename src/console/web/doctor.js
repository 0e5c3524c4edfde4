// The findings of the loop doctor.
import {html, nothing} from './vendor/lit-html.js';
import {count, counted, known, wholeMs} from './format.js';

const sign = html`<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><path class="sign" d="M9 1 17.3 16.4H.7z"/><path class="cut" d="M9 6v5.2M9 13.2v1.4"/></svg>`;

// "1 sighting, 3.1 s ago."
function sightings(each) {
  const last = `${wholeMs(each.last_ms_ago)} ago`, first = each.sightings === 1 ? '' : `the first ${wholeMs(each.first_ms_ago)} ago, the last `;
  return `${counted(each.sightings, 'sighting')}, ${first}${last}${each.lasts ? '' : '; it has ended'}.`;
}

function slotView(each, isThere, onSlot) {
  if (!known(each.slot)) return html`<span></span>`;
  return isThere(each) ? html`<button class="link small" @click=${() => onSlot(each)}>Open slot ${each.slot}</button>` : html`<span class="small gone">Its connection has ended.</span>`;
}

function findingView(each, isThere, onSlot) {
  return html`<li class="finding ${each.lasts ? '' : 'ended'}">${sign}<div><b>${each.sentence}</b>
    <span class="muted">${sightings(each)}</span></div>
    ${slotView(each, isThere, onSlot)}<code class="small">${each.code} (${each.severity})</code></li>`;
}

// What the checks say together.
function summary(list, checks) {
  const lasting = list.filter(each => each.lasts).length;
  if (!checks) return list.length ? '' : 'No finding up to this moment.';
  if (lasting) return `${count(checks - lasting)} of ${count(checks)} checks find nothing.`;
  return list.length ? 'No finding lasts.' : `None of ${count(checks)} checks finds anything.`;
}

// `found`: the object of /doctor.json, or null. `checks`: the number of checks; 0: of a recording, that is not known. `isThere(finding)`: the connection that it
// names is still in its slot; `onSlot(finding)` opens this slot.
export function doctorView(found, checks, isThere, onSlot) {
  if (!found) return html`<p class="muted small">The doctor’s page has not been read yet.</p>`;
  const list = found.findings ?? [];
  return html`${list.length ? html`<ul class="findings">${list.map(each => findingView(each, isThere, onSlot))}</ul>` : nothing}
    <p class="ok">${summary(list, checks)}
      ${known(found.long_waits_count) ? `${counted(found.long_waits_count, 'connection')} ${found.long_waits_count === 1 ? 'has' : 'have'} waited for over 5 s.` : ''}</p>`;
}
