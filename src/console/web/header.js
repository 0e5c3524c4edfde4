// The header: which proxy this is, whether what is shown is now, and the switches.
import {html, nothing} from './vendor/lit-html.js';
import {duration} from './format.js';
import {kVocabularies, vocabulary} from './words.js';

const logo = html`<svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true"><rect class="a" x="1" y="1" width="11" height="11" rx="2.5"/><rect class="b" x="14" y="1" width="11" height="11" rx="2.5"/>
  <rect class="c" x="1" y="14" width="11" height="11" rx="2.5"/><rect class="d" x="14" y="14" width="11" height="11" rx="2.5"/></svg>`;

function status(model) {
  if (!model.live) return [model.playing ? 'replay' : 'replay', model.playing ? 'playing' : 'replay'];
  if (model.failedSince) return ['lost', 'not reachable'];
  if (model.paused) return ['paused', 'paused'];
  return model.draining ? ['', 'shutting down'] : ['', 'live'];
}

// Notes above the page: what makes this proxy or this view different from an ordinary one.
function notices(model) {
  const {hello} = model, list = [];
  if (model.failedSince) list.push(`The proxy has not been reachable since ${model.failedSince.toLocaleTimeString()}; trying again each second. What is shown is from before. (${model.failure})`);
  if (hello.mistake) list.push(`This proxy was built with a mistake: ${hello.mistake}.`);
  if (hello.lens) list.push(`The lens injects faults: ${hello.lens}. Steps that it forced are drawn hollow.`);
  if (model.recording?.damage) list.push(`The recording is ${model.recording.damage}.`);
  return list;
}

// `actions`: {onPause, onVocabulary, onTheme, onHelp, onNow}, called by clicks.
export function headerView(model, actions) {
  const [kind, text] = status(model), {hello} = model, moving = model.live ? !model.paused : model.playing;
  const uptime = hello.uptime_ms === null || !model.live ? null : hello.uptime_ms + (model.nowUs - hello.clock_us) / 1000;
  return html`<div class="brand">${logo}proxy</div><span class="mono muted">${hello.address ?? ''}</span>
    <span class="muted hide num">${uptime === null ? `version ${hello.version}` : `up ${duration(uptime)} · one thread, one event loop`}</span><span class="spring"></span>
    <span class="live ${kind}" role="status"><i></i>${text}</span>
    <button @click=${actions.onPause} aria-keyshortcuts="Space">${moving ? 'Pause' : model.live ? 'Go on' : 'Play'} <kbd class="hide-narrow">space</kbd></button>
    ${model.live || hello.mode === 'file' ? nothing : html`<button @click=${actions.onNow} aria-keyshortcuts="Escape">Back to now</button>`}
    <a class="button hide-narrow" href="/console/record" download>Save record</a>
    <button class="vocabulary hide-narrow" @click=${actions.onVocabulary} title="Change the names (v)" aria-keyshortcuts="v">Names: ${kVocabularies.map((name, i) =>
      html`${i ? ' · ' : ''}${name === vocabulary() ? html`<b>${name}</b>` : html`<span>${name}</span>`}`)}</button>
    <button @click=${actions.onHelp} aria-label="Words and keys" aria-keyshortcuts="?">?</button>
    <button @click=${actions.onTheme} aria-label="Dark or light">◐</button>
    ${hello.mode === 'file' && hello.file ? html`<p class="notice plain">Recording <code>${hello.file}</code>${hello.reason ? `, written because of ${hello.reason}` : ''}.</p>` : nothing}
    ${notices(model).map(notice => html`<p class="notice">${notice}</p>`)}`;
}
