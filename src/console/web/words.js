// The page's texts about the machine, in the words of either course: BYU's states, or eXpServer's source, sink, pipe
// and session. The names of states, calls, reasons and errors are the program's own in both.

// Key: [BYU, eXpServer].
const kWords = {
  record: ['record', 'session'],
  records: ['records', 'sessions'],
  client: ['client', 'client'],
  upstream: ['upstream', 'upstream'],
  array: ['The array', 'The sessions'],
  machine: ['The state machine', 'The states of a session'],
  loop: ['The event loop', 'The loop'],
  readable: ['readable', 'source ready'],
  writable: ['writable', 'sink ready'],
  'not readable': ['not readable', 'source not ready'],
  'not writable': ['not writable', 'sink not ready'],
  block: ['block', 'pipe buffer'],
  request: ['request', 'pipe to the upstream'],
  response: ['response', 'pipe to the client'],
  lanes: ['lanes', 'pipes'],
  lane: ['lane', 'pipe'],
  'held for the upstream': ['Held for the upstream', 'In the pipe to the upstream'],
  'held for the client': ['Held for the client', 'In the pipe to the client'],
  'marks of the client': ['Client', 'Client’s source, sink'],
  'marks of the upstream': ['Upstream', 'Upstream’s source, sink'],
  READ_REQUEST_does: ['reads the request', 'client source → session'],
  SEND_REQUEST_does: ['sends the request', 'session → upstream sink'],
  READ_RESPONSE_does: ['reads the response', 'upstream source → session'],
  SEND_RESPONSE_does: ['sends the response', 'session → client sink'],
  'mark readable cleared': ['mark readable cleared', 'source no longer ready'],
  'mark writable cleared': ['mark writable cleared', 'sink no longer ready'],
  'bytes held': ['bytes held', 'bytes in a pipe'],
  'waits for the client': ['waits for the client', 'waits for the client source or sink'],
  'waits for the upstream': ['waits for the upstream', 'waits for the upstream source or sink'],
};

export const kVocabularies = ['BYU', 'eXpServer'];
let chosen = 0;

// `name` is one of kVocabularies; another one is ignored.
export function setVocabulary(name) {
  const index = kVocabularies.indexOf(name);
  if (index >= 0) chosen = index;
}
export const vocabulary = () => kVocabularies[chosen];

// The text of that key in the chosen vocabulary; the key itself if there is none.
export const words = key => kWords[key]?.[chosen] ?? key;

// What a wait teaches, by what it is for: below the diagnosis.
const kLessons = {
  client_sends: ['Nothing is wrong on this side: the proxy runs other records until the client’s socket becomes readable.',
    'Nothing is wrong on this side: the loop runs other sessions until the client’s source becomes ready.'],
  client_reads: ['This is backpressure: while the client’s window is full, the proxy reads no more from the upstream than a block or a pipe holds.',
    'This is backpressure: while the client’s sink is not ready, the session reads no more from the upstream’s source than the pipe holds.'],
  upstream_sends: ['The proxy runs other records until the upstream’s socket becomes readable.', 'The loop runs other sessions until the upstream’s source becomes ready.'],
  upstream_reads: ['This is backpressure: while the upstream’s window is full, the proxy reads no more from the client than a block or a pipe holds.',
    'This is backpressure: while the upstream’s sink is not ready, the session reads no more from the client’s source than the pipe holds.'],
  attempts: ['connect() has returned EINPROGRESS: the socket becomes writable when the connection is open or has failed.',
    'connect() has returned EINPROGRESS: the sink becomes ready when the connection is open or has failed.'],
  lanes: ['Both lanes are open: whichever side sends first wakes the record.', 'Both pipes are open: whichever source is ready first wakes the session.'],
  proxy: ['No socket decides this wait: the proxy itself ends it.', 'No source or sink decides this wait: the proxy itself ends it.'],
};
export const lesson = awaited => kLessons[awaited]?.[chosen] ?? '';

// The words of the page, for its help: [word, meaning in BYU's words, the same in eXpServer's].
export const kGlossary = [
  ['slot', 'place in the fixed array of records', 'the same'],
  ['record', 'a client connection, its two endpoints and two lanes', 'session (xps_session)'],
  ['endpoint', 'a socket with its marks', 'source and sink of a connection'],
  ['mark', 'readable or writable: set by an event, cleared by EAGAIN', 'source ready, sink ready'],
  ['lane', 'the bytes of one direction, in a block of 16 KiB or a pipe', 'pipe (xps_pipe)'],
  ['turn', 'one return of epoll_wait, and what the loop did until the next call', 'one round of xps_loop_run'],
  ['step', 'one entry of the trace: an event, a system call, a change of state', 'the same'],
  ['EAGAIN', 'nothing to read, or no room to write: the record waits for the next event', 'the same'],
  ['finding', 'what the loop doctor has found: a mistake of the program, or what makes clients wait', 'the same'],
];

export const kKeys = [
  ['space', 'pause, or play a recording'], ['← →', 'one step back, forward'], ['shift ← →', 'one turn back, forward'],
  ['e', 'next EAGAIN (shift: previous)'], ['r', 'next error'], ['f', 'next finding'], ['esc', 'back to now'],
  ['arrows', 'in the array: move'], ['enter', 'in the array: open the slot'], ['t', 'array as a table'], ['v', 'names of BYU or of eXpServer'],
  ['/', 'filter requests'], ['?', 'this help'],
];
