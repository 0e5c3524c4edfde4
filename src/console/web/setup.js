// The first line: whether this browser uses the proxy, and how to set it up.
import {html, nothing} from './vendor/lit-html.js';

// Each way: [name, steps].
function ways(proxy) {
  const at = proxy.lastIndexOf(':'), host = proxy.slice(0, at).replace(/^\[|\]$/g, ''), port = proxy.slice(at + 1), pac = `http://${proxy}/proxy.pac`;
  return [
    ['Firefox', html`<ol><li>Open <code>about:preferences</code> and, at the end of General, Network Settings.</li>
      <li>Choose “Manual proxy configuration”: HTTP proxy <code>${host}</code>, port <code>${port}</code>, and tick “Also use this proxy for HTTPS”.</li>
      <li>Firefox sends requests to this machine past the proxy: to include them, set <code>network.proxy.allow_hijacking_localhost</code> to true in <code>about:config</code>.</li></ol>`],
    ['Chromium', html`<p>Start one with a profile of its own:</p><pre>chromium --user-data-dir=/tmp/proxy-demo --proxy-server=http://${proxy} --proxy-bypass-list='&lt;-loopback&gt;'</pre>
      <p>The last option sends requests to this machine through the proxy too.</p>`],
    ['the system', html`<p>Settings, Network, Proxy. Either “Manual”: HTTP and HTTPS proxy <code>${host}</code>, port <code>${port}</code>; or “Automatic” with the address <code>${pac}</code>.</p>`],
    ['curl and other programs', html`<pre>curl -x http://${proxy} http://example.com/</pre><p>Many programs read the environment:</p><pre>export http_proxy=http://${proxy} https_proxy=http://${proxy}</pre>`],
  ];
}

// `proxied`: a request of this browser came through the proxy, and the line is gone. `open`: index of the way that is
// shown, or -1. `onOpen(index)` is called by a click.
export function setupView({hello, proxied}, open, onOpen) {
  if (proxied || !hello.proxy || hello.mode === 'file') return nothing;
  const list = ways(hello.proxy);
  return html`<div class="setup"><b>No request of this browser has come through the proxy since this board was opened.</b> <span class="muted">Set up</span>
    ${list.map(([name], i) => html`<button class="link" aria-expanded=${open === i} aria-controls="setup-steps" @click=${() => onOpen(open === i ? -1 : i)}>${name}</button>`)}
    <a href="/proxy.pac">/proxy.pac</a></div><div class="setup-steps" id="setup-steps" ?hidden=${open < 0}>${open < 0 ? nothing : list[open][1]}</div>`;
}
