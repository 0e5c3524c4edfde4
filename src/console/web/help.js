// The words and the keys of the page, in a dialog.
import {html, render} from './vendor/lit-html.js';
import {kGlossary, kKeys} from './words.js';

export function showHelp(dialog) {
  render(html`<button class="close" @click=${() => dialog.close()}>Close <kbd>esc</kbd></button><h2 id="help-title">Words and keys</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Words"><table><thead><tr><th>Word</th><th>Is</th><th>In eXpServer</th></tr></thead>
      <tbody>${kGlossary.map(([word, is, other]) => html`<tr><th scope="row">${word}</th><td>${is}</td><td>${other}</td></tr>`)}</tbody></table></div>
    <table><tbody>${kKeys.map(([key, does]) => html`<tr><th scope="row"><kbd>${key}</kbd></th><td>${does}</td></tr>`)}</tbody></table>`, dialog);
  dialog.showModal();
}
