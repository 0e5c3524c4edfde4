// A message's head as it was received and as it was sent, line by line.
import {html, nothing} from './vendor/lit-html.js';
import {compareHeads} from './compare_heads.js';

const kSign = {same: '', changed: '~', removed: '−', added: '+'}, kSpoken = {same: '', changed: 'changed: ', removed: 'removed: ', added: 'added: '};

// A line whose value is withheld reads "Name: (not shown, 212 bytes)".
function lineText(line) {
  const hidden = /^([^:]*: )(\(not shown.*\))$/.exec(line);
  return hidden ? html`${hidden[1]}<i>${hidden[2]}</i>` : line;
}

// Where only the beginning or the end has changed, the rest is not struck out.
function changedText({received, sent}) {
  let from = 0, to = 0;
  const least = Math.min(received.length, sent.length);
  while (from < least && received[from] === sent[from]) ++from;
  while (to < least - from && received.at(-1 - to) === sent.at(-1 - to)) ++to;
  const cut = text => text.slice(from, text.length - to), gone = cut(received), come = cut(sent);
  return html`${received.slice(0, from)}${gone ? html`<del>${gone}</del>` : nothing}${come ? html`<ins>${come}</ins>` : nothing}${received.slice(received.length - to)}`;
}

function row(each) {
  const text = {same: () => lineText(each.received), changed: () => changedText(each), removed: () => html`<del>${lineText(each.received)}</del>`,
                added: () => html`<ins>${lineText(each.sent)}</ins>`}[each.kind]();
  return html`<tr class=${each.kind}><td><span class="sign" aria-hidden="true">${kSign[each.kind]}</span><span class="unseen">${kSpoken[each.kind]}</span>${text}</td>
    <td>${each.rule[0]} <span>${each.rule[1]}</span></td></tr>`;
}

// `head`: {received, sent}, lists of lines, either may be missing; null: nothing is known. `why`: why there may be none.
export function headView(head, label, why = `No ${label} head is kept. Heads are kept only while this board is open.`) {
  const {received, sent} = head ?? {};
  if (!received?.length && !sent?.length) return html`<p class="muted small">${why}</p>`;
  if (!received?.length || !sent?.length) {
    const lines = received?.length ? received : sent;
    return html`<p class="muted small">${received?.length ? 'As received; it was not sent on.' : 'Sent by the proxy itself.'}</p>
      <table class="heads"><tbody>${lines.map(line => html`<tr><td><span class="sign"></span>${lineText(line)}</td></tr>`)}</tbody></table>`;
  }
  return html`<table class="heads"><thead class="unseen"><tr><th>Line</th><th>Why</th></tr></thead><tbody>${compareHeads(received, sent).map(row)}</tbody></table>`;
}
