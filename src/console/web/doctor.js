// The findings of the loop doctor.
import {html, nothing} from './vendor/lit-html.js';
import {count, counted, duration, known} from './format.js';

const sign = html`<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><path class="sign" d="M9 1 17.3 16.4H.7z"/><path class="cut" d="M9 6v5.2M9 13.2v1.4"/></svg>`;

function findingView(each, onSlot) {
  const slot = known(each.slot);
  return html`<li class="finding ${each.lasts ? '' : 'ended'}">${sign}<div><b>${each.sentence}</b>
    <span class="muted">${counted(each.sightings, 'sighting')}, the first ${duration(each.first_ms_ago)} ago, the last ${duration(each.last_ms_ago)} ago${each.lasts ? '' : '; it has ended'}.</span></div>
    ${slot ? html`<button class="link small" @click=${() => onSlot(each.slot)}>Open slot ${each.slot}</button>` : html`<span></span>`}<code class="small">${each.code} (${each.severity})</code></li>`;
}

// `found`: the object of /doctor.json, or null. `checks`: the number of checks; 0: of a recording, that is not known. `onSlot(slot)` opens a slot.
export function doctorView(found, checks, onSlot) {
  if (!found) return html`<p class="muted small">The doctor’s page has not been read yet.</p>`;
  const list = found.findings ?? [], lasting = list.filter(each => each.lasts).length;
  return html`${list.length ? html`<ul class="findings">${list.map(each => findingView(each, onSlot))}</ul>` : nothing}
    <p class="ok">${!checks ? (list.length ? '' : 'No finding up to this moment.') : lasting ? `${count(checks - lasting)} of ${count(checks)} checks find nothing.` : `None of ${count(checks)} checks finds anything.`}
      ${known(found.long_waits_count) ? `${counted(found.long_waits_count, 'connection')} ${found.long_waits_count === 1 ? 'has' : 'have'} waited for over 5 s.` : ''}</p>`;
}
