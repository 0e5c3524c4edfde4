// What the table of requests says: the parts of a request's time, and which requests a filter selects.

export const kParts = ['read', 'resolve', 'connect', 'send', 'wait', 'receive'];

// The time of a request in ms: {parts, by kParts, and total}. As `proxy replay --format har` has it.
export function partsOf(note) {
  const [, read, sending, wait, receive] = note.stateMs, [resolve, connect] = note.phaseMs;
  const parts = [read, resolve, connect, Math.max(0, sending - resolve - connect), wait, receive];
  return {parts, total: parts.reduce((sum, ms) => sum + ms, 0)};
}

// "GET http://o.test/a", "CONNECT o.test:443"
export function targetOf(note) {
  if (!note.method) return '(not a valid request)';
  const port = note.port && !(note.scheme === 'http' && note.port === 80) ? `:${note.port}` : '';
  const host = note.host.includes(':') && !note.host.startsWith('[') ? `[${note.host}]` : note.host;
  const cut = note.flags & 8 ? '…' : '';
  if (note.method === 'CONNECT') return `CONNECT ${host}${port}${cut}`;
  return `${note.method} ${note.scheme && host ? `${note.scheme}://` : ''}${host}${port}${note.path}${cut}`;
}

// Why it ended: "complete", "in progress".
export const endOf = (note, names) => note.slot !== null ? 'in progress' : names.reasons[note.reason] || 'ended';

function hasWord(note, names, word) {
  if (/^[1-5]xx$/.test(word)) return Math.floor(note.status / 100) === Number(word[0]);
  if (/^[1-5]\d\d$/.test(word) && note.status === Number(word)) return true;
  const texts = [targetOf(note), endOf(note, names), note.error ? names.errors[note.error]?.name ?? '' : '', note.client, note.traceId];
  return texts.some(text => text.toLowerCase().includes(word));
}

// Whether the request has each word of the filter, and none of those with "-" in front. A word is a part of method,
// host, path, client, reason or error, a status, or a class of them as 5xx. Case makes no difference.
export function selects(filter, note, names) {
  return filter.toLowerCase().split(/\s+/).filter(Boolean).every(word =>
    word.length > 1 && word.startsWith('-') ? !hasWord(note, names, word.slice(1)) : hasWord(note, names, word));
}
