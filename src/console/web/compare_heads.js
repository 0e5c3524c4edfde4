// Compares a message's head as it was received with the one that was sent, and names the rule of each change.

const kHop = ['for this connection only', 'RFC 9110 7.6.1'];
// By field name in lower case: what a change of it is for, and where that is written.
const kRules = {
  'connection': ['options of each connection', 'RFC 9110 7.6.1'], 'proxy-connection': kHop, 'keep-alive': kHop, 'upgrade': ['of each connection', 'RFC 9110 7.8'],
  'te': ['for the next recipient only', 'RFC 9110 10.1.4'], 'trailer': ['announces trailer fields', 'RFC 9110 6.6.2'],
  'transfer-encoding': ['framing of each connection', 'RFC 9112 6.1'], 'content-length': ['length of the body', 'RFC 9110 8.6'],
  'host': ['authority of the target', 'RFC 9112 3.2'], 'via': ['each proxy adds itself', 'RFC 9110 7.6.3'],
  'max-forwards': ['counts down at each proxy', 'RFC 9110 7.6.2'], 'forwarded': ['the client’s address', 'RFC 7239 5.2'],
  'x-forwarded-for': ['the client’s address', 'as Forwarded, RFC 7239'], 'x-forwarded-proto': ['the client’s scheme', 'as Forwarded, RFC 7239'],
  'x-forwarded-host': ['the client’s Host', 'as Forwarded, RFC 7239'], 'x-real-ip': ['the client’s address', 'as Forwarded, RFC 7239'],
  'proxy-authorization': ['for this proxy only', 'RFC 9110 11.7.2'], 'proxy-authenticate': ['for the next client only', 'RFC 9110 11.7.1'],
  'proxy-authentication-info': ['for the next client only', 'RFC 9110 11.7.3'], 'proxy-status': ['how the proxy got the response', 'RFC 9209 2'],
  'date': ['added if missing', 'RFC 9110 6.6.1'], 'age': ['of a stored response', 'RFC 9111 5.1'], 'expect': ['answered by each hop', 'RFC 9110 10.1.1'],
  'server-timing': ['the proxy’s phases', 'W3C Server Timing'], 'x-request-id': ['the same number as in the log', 'no standard'], 'location': ['rewritten by the route', 'RFC 9110 10.2.2'],
};
const kNamed = ['named by Connection', 'RFC 9110 7.6.1'];

const nameOf = line => line.slice(0, Math.max(0, line.indexOf(':'))).trim().toLowerCase();
const valueOf = line => line.slice(line.indexOf(':') + 1).trim();

function startLineRule(received, sent) {
  if (received.startsWith('HTTP/')) return ['version of each connection', 'RFC 9112 2.3'];
  const [, from = ''] = received.split(' '), [, to = ''] = sent.split(' ');
  if (/^[a-z+.-]+:\/\//i.test(from) && to.startsWith('/')) return ['origin-form for an origin server', 'RFC 9112 3.2.1'];
  if (/^[a-z+.-]+:\/\//i.test(to)) return ['absolute-form for a proxy', 'RFC 9112 3.2.2'];
  return from === to ? ['version of each connection', 'RFC 9112 2.3'] : ['rewritten by the route', 'RFC 9112 3.2'];
}

function ruleOf(line, options) {
  const name = nameOf(line);
  return kRules[name] ?? (options.includes(name) ? kNamed : ['', '']);
}

// The lines of both heads in one list: {kind: 'same' | 'changed' | 'removed' | 'added', received, sent, rule: [why, where]}.
// Fields of the same name are paired in their order.
export function compareHeads(received, sent) {
  const options = received.filter(line => nameOf(line) === 'connection').flatMap(line => valueOf(line).toLowerCase().split(/\s*,\s*/));
  const left = sent.slice(1), rows = [];
  if (received.length && sent.length)
    rows.push(received[0] === sent[0] ? {kind: 'same', received: received[0], sent: sent[0], rule: ['', '']}
      : {kind: 'changed', received: received[0], sent: sent[0], rule: startLineRule(received[0], sent[0])});
  for (const line of received.slice(1)) {
    const exact = left.indexOf(line), at = exact >= 0 ? exact : left.findIndex(other => nameOf(other) === nameOf(line));
    const other = at < 0 ? null : left.splice(at, 1)[0];
    rows.push({kind: other === null ? 'removed' : other === line ? 'same' : 'changed', received: line, sent: other, rule: other === line ? ['', ''] : ruleOf(line, options)});
  }
  for (const line of left) rows.push({kind: 'added', received: null, sent: line, rule: ruleOf(line, options)});
  return rows;
}
