// Decodes the binary answers of the board's data pages (src/console/wire.hpp) and record files
// (docs/record-file.md). No other file of the page knows a byte offset.
//
// Numbers of 64 bits become a Number: positions and times stay exact up to 2^53.

export const kNoSlot = 0xffffffff;
export const kNoTimer = 0xffffffff; // leftMs of a table row: no timer runs
export const kAll = 1, kProxied = 2, kDraining = 4; // flags of decodeCells
export const kCellTunnel = 1, kCellFinding = 2, kCellViewer = 4, kCellReady = 8, kCellStarved = 16,
  kCellSecond = 32; // flags of a cell
export const kMarkReadable = 1, kMarkWritable = 2, kMarkFinished = 4, kMarkConnected = 8; // of the client;
// those of the upstream are 16 times as large
export const kNoteReused = 1, kNoteTunnel = 2, kNoteHttp10 = 4, kNoteCut = 8; // flags of a note

// Their numbers keep their meaning in later versions of the program (src/watch/trace_names.hpp).
export const kTraceEvents = [
  'turn_began', 'turn_ended', 'notified', 'called', 'accepted', 'entered', 'waited', 'connected', 'reused',
  'retried', 'answered', 'released', 'lost', 'finding'];
export const kTurnBegan = 0, kTurnEnded = 1, kNotified = 2, kCalled = 3, kAccepted = 4, kEntered = 5,
  kWaited = 6, kReleased = 11, kLost = 12, kFinding = 13;

export const kTurnsKept = 1024; // that a model has of the loop

const kCellsHeadMin = 112, kRowsHead = 32, kCell = 24, kStep = 24, kTurn = 40;
const kEntry = 16, kNote = 312, kTableRow = 64;

// ---- numbers and texts ------------------------------------------------------------------------------------

const viewOf = (data) => data instanceof ArrayBuffer ? new DataView(data) :
  new DataView(data.buffer, data.byteOffset, data.byteLength);
const u64 = (view, at) => view.getUint32(at + 4, true) * 0x100000000 + view.getUint32(at, true);
const u32s = (view, at, count) => Array.from({ length: count }, (_, i) => view.getUint32(at + 4 * i, true));
const u16s = (view, at, count) => Array.from({ length: count }, (_, i) => view.getUint16(at + 2 * i, true));

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
// Control characters and those that change the direction of writing, as base::printable has them.
const kControls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const escapeControl = (character) => Array.from(new TextEncoder().encode(character),
  (byte) => '\\x' + byte.toString(16).padStart(2, '0')).join('');

// The text with its control characters as \xHH.
export const printable = (text) => text.replace(kControls, escapeControl);

// The text in an array of a note: it ends at its first zero byte.
function textAt(view, at, size) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size);
  const end = bytes.indexOf(0);
  return printable(utf8.decode(end < 0 ? bytes : bytes.subarray(0, end)));
}

const kCrcTable = new Uint32Array(256).map((_, byte) => {
  for (let bit = 0; bit < 8; ++bit) byte = byte & 1 ? byte >>> 1 ^ 0x82f63b78 : byte >>> 1;
  return byte;
});

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of a Uint8Array.
export function crc32c(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; ++i) crc = kCrcTable[(crc ^ bytes[i]) & 255] ^ crc >>> 8;
  return ~crc >>> 0;
}

// ---- items ------------------------------------------------------------------------------------------------

// A base::TraceEntry: {id, slot, value, event (name), kind (its number), state, before, detail, error,
// forced}. `timeUs`: of an entry of a turn its time, else undefined.
export function decodeEntry(view, at) {
  const kind = view.getUint8(at + 12), states = view.getUint8(at + 13), error = view.getUint8(at + 15);
  const entry = {
    id: view.getUint32(at, true), slot: view.getUint32(at + 4, true), value: view.getInt32(at + 8, true),
    event: kTraceEvents[kind] ?? `event ${kind}`, kind, state: states & 15, before: states >> 4,
    detail: view.getUint8(at + 14), error: error & 127, forced: error > 127, timeUs: undefined,
  };
  if (kind === kTurnBegan || kind === kTurnEnded) entry.timeUs = turnTime(entry);
  return entry;
}

// The time of an entry of a turn in µs; of an entry `lost`, how many are missing.
export const turnTime = (entry) => (entry.value >>> 0) * 0x100000000 + entry.id;

function ipv6(view, at) {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i));
  let best = { from: 0, length: 1 }; // RFC 5952: the longest run of at least two zero groups becomes ::
  for (let i = 0; i < 8; ++i) {
    let end = i;
    while (end < 8 && groups[end] === 0) ++end;
    if (end - i > best.length) best = { from: i, length: end - i };
  }
  const hex = (part) => part.map((group) => group.toString(16)).join(':');
  if (best.length < 2) return hex(groups);
  return hex(groups.slice(0, best.from)) + '::' + hex(groups.slice(best.from + best.length));
}

// As the access log has it: "127.0.0.1:50312"; empty: not known.
function clientText(view, at, family, port) {
  const suffix = port === 0 ? '' : `:${port}`;
  if (family === 4) return Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)).join('.') + suffix;
  if (family === 6) return `[${ipv6(view, at)}]${suffix}`;
  return family === 1 ? 'unix:' : '';
}

// A record::Note, 312 bytes; its members in camelCase. `slot` null: the request has ended.
export function decodeNote(view, at) {
  const slot = view.getUint32(at + 44, true), clientPort = view.getUint16(at + 84, true);
  const clientFamily = view.getUint8(at + 86);
  return {
    id: u64(view, at), position: u64(view, at + 8), wallMs: u64(view, at + 16),
    sentUp: u64(view, at + 24), sentDown: u64(view, at + 32), nth: view.getUint32(at + 40, true),
    slot: slot === kNoSlot ? null : slot, stateMs: u32s(view, at + 48, 5), phaseMs: u32s(view, at + 68, 3),
    status: view.getUint16(at + 80, true), port: view.getUint16(at + 82, true), clientPort, clientFamily,
    reason: view.getUint8(at + 87), error: view.getUint8(at + 88), phases: view.getUint8(at + 89),
    flags: view.getUint8(at + 90), client: clientText(view, at + 92, clientFamily, clientPort),
    method: textAt(view, at + 108, 16), scheme: textAt(view, at + 124, 8), host: textAt(view, at + 132, 64),
    path: textAt(view, at + 196, 80), traceId: textAt(view, at + 276, 32),
  };
}

// A record::Cell, 64 bytes.
function decodeTableRow(view, at) {
  return {
    slot: view.getUint32(at, true), id: view.getUint32(at + 4, true), state: view.getUint8(at + 8),
    wait: view.getUint8(at + 9), verdict: view.getUint8(at + 10), flags: view.getUint8(at + 11),
    clientMarks: view.getUint8(at + 12), upstreamMarks: view.getUint8(at + 13),
    clientLink: view.getUint8(at + 14), upstreamLink: view.getUint8(at + 15),
    heldUp: view.getUint32(at + 16, true), heldDown: view.getUint32(at + 20, true),
    inStateMs: view.getUint32(at + 24, true), leftMs: view.getUint32(at + 28, true),
    clientFd: view.getInt32(at + 32, true), upstreamFd: view.getInt32(at + 36, true),
    sentUp: u64(view, at + 40), sentDown: u64(view, at + 48), served: view.getUint32(at + 56, true),
  };
}

function decodeTurn(view, at) {
  return {
    beganUs: u64(view, at), awakeUs: view.getUint32(at + 8, true), asleepUs: view.getUint32(at + 12, true),
    events: view.getUint32(at + 16, true), runs: view.getUint32(at + 20, true),
    calls: view.getUint32(at + 24, true), again: view.getUint16(at + 28, true),
    failed: view.getUint16(at + 30, true), byState: u16s(view, at + 32, 4),
  };
}

// ---- answers of the data pages ----------------------------------------------------------------------------

// The cells of an answer as arrays with an element each.
function decodeCellArrays(view, at, size, count) {
  const cells = {
    slot: new Uint32Array(count), id: new Uint32Array(count), sinceMs: new Uint32Array(count),
    heldUp: new Uint32Array(count), heldDown: new Uint32Array(count), state: new Uint8Array(count),
    wait: new Uint8Array(count), flags: new Uint8Array(count), marks: new Uint8Array(count),
  };
  for (let i = 0; i < count; ++i, at += size) {
    cells.slot[i] = view.getUint32(at, true);
    cells.id[i] = view.getUint32(at + 4, true);
    cells.sinceMs[i] = view.getUint32(at + 8, true);
    cells.heldUp[i] = view.getUint32(at + 12, true);
    cells.heldDown[i] = view.getUint32(at + 16, true);
    cells.state[i] = view.getUint8(at + 20);
    cells.wait[i] = view.getUint8(at + 21);
    cells.flags[i] = view.getUint8(at + 22);
    cells.marks[i] = view.getUint8(at + 23);
  }
  return cells;
}

// The answer of /console/cells: the members of CellsHead, `run` as text; `transitions`, a Uint32Array by row of
// kTransitions; `cells`, an object of typed arrays. Throws an Error if the buffer is not such an answer.
export function decodeCells(buffer) {
  const view = viewOf(buffer);
  if (view.byteLength < kCellsHeadMin || view.getUint32(0, false) !== 0x50584331)
    throw new Error('not an answer of /console/cells: it does not begin with PXC1');
  const transitions = view.getUint16(100, true), size = view.getUint16(102, true);
  const count = view.getUint32(104, true);
  // A later version has new members at the end of the head.
  const head = view.byteLength - 4 * transitions - size * count;
  if (size < kCell || head < kCellsHeadMin)
    throw new Error(`/console/cells: ${view.byteLength} bytes are too few for ${count} cells`);
  const flags = view.getUint16(98, true);
  return {
    frame: view.getUint32(4, true), nowUs: u64(view, 8),
    run: view.getBigUint64(16, true).toString(16).padStart(16, '0'), position: u64(view, 24),
    oldest: u64(view, 32), turns: u64(view, 40), requests: u64(view, 48), slots: view.getUint32(56, true),
    touched: view.getUint32(60, true), used: view.getUint32(64, true), viewers: view.getUint32(68, true),
    byState: u32s(view, 72, 5), findings: view.getUint32(92, true), nextMs: view.getUint16(96, true), flags,
    all: (flags & kAll) !== 0, proxied: (flags & kProxied) !== 0, draining: (flags & kDraining) !== 0,
    transitions: Uint32Array.from(u32s(view, head, transitions)), count,
    cells: decodeCellArrays(view, head + 4 * transitions, size, count),
  };
}

// The time of each step is that of the turn that it is in, as far as the answer has its beginning.
function decodeSteps(view, count, size) {
  let timeUs = null;
  return Array.from({ length: count }, (_, i) => {
    const at = kRowsHead + i * size;
    const step = decodeEntry(view, at + 8);
    step.position = u64(view, at);
    timeUs = step.timeUs ?? timeUs;
    step.timeUs = timeUs;
    return step;
  });
}

const kKinds = { steps: kStep, turns: kTurn, requests: kNote };

// The answer of /console/steps, /console/turns or /console/requests (`kind`): {first, next, oldest, rows}. A
// step is as of decodeEntry with `position`; `timeUs` null: its turn began before the answer. Throws an Error if
// the buffer is not such an answer.
export function decodeRows(buffer, kind) {
  const view = viewOf(buffer);
  if (view.byteLength < kRowsHead) throw new Error(`/console/${kind}: the answer is too short`);
  const size = view.getUint32(24, true), count = view.getUint32(28, true), first = u64(view, 0);
  if (count > 0 && (size < kKinds[kind] || kRowsHead + size * count > view.byteLength))
    throw new Error(`/console/${kind}: ${view.byteLength} bytes are too few for ${count} rows`);
  let rows;
  if (kind === 'steps') {
    rows = decodeSteps(view, count, size);
  } else {
    const decode = kind === 'turns' ? decodeTurn : decodeNote;
    rows = Array.from({ length: count }, (_, i) =>
      Object.assign(decode(view, kRowsHead + i * size), { number: first + i }));
  }
  return { first, next: u64(view, 8), oldest: u64(view, 16), rows };
}

// ---- record files -----------------------------------------------------------------------------------------

const kNumberMax = 1023;
const kItemMin = 16;
const kItemsHead = 16;
const kLists = ['trace_event', 'state', 'event', 'wait', 'reason', 'call', 'error_name', 'error_text', 'finding'];

// Entries in memory: an array for each member, 16 bytes an entry.
export class Entries {
  constructor(length) {
    this.length = length;
    this.id = new Uint32Array(length);
    this.slot = new Uint32Array(length);
    this.value = new Int32Array(length);
    this.kind = new Uint8Array(length);
    this.states = new Uint8Array(length);
    this.detail = new Uint8Array(length);
    this.errors = new Uint8Array(length);
  }
  state(i) { return this.states[i] & 15; }
  before(i) { return this.states[i] >> 4; }
  error(i) { return this.errors[i] & 127; }
  isTurn(i) { return this.kind[i] <= kTurnEnded; }
  // The entry is about a record.
  isOfSlot(i) { return this.kind[i] > kTurnEnded && this.kind[i] <= kReleased && this.slot[i] !== kNoSlot; }
  // Of a turn its time in µs; of `lost`, the number of missing entries.
  time(i) { return (this.value[i] >>> 0) * 0x100000000 + this.id[i]; }
  // As decodeEntry returns it.
  at(i) {
    const kind = this.kind[i];
    return {
      id: this.id[i], slot: this.slot[i], value: this.value[i], event: kTraceEvents[kind] ?? `event ${kind}`,
      kind, state: this.state(i), before: this.before(i), detail: this.detail[i], error: this.error(i),
      forced: this.errors[i] > 127, timeUs: this.isTurn(i) ? this.time(i) : undefined,
    };
  }
}

// The notes of a recording, decoded when they are asked for: a file can have a million.
export class Notes {
  constructor(view, blocks, place) {
    this.view = view;
    this.blocks = blocks; // {at, size, count, from}: `from` is the index of its first note
    this.place = place;   // from a position in the file to one in the recording
    this.length = blocks.reduce((sum, block) => sum + block.count, 0);
  }
  // Where the note with that index is: {at, size}. REQUIRES: 0 <= i < length.
  find(i) {
    let low = 0, high = this.blocks.length - 1;
    while (low < high) {
      const middle = low + high + 1 >> 1;
      if (this.blocks[middle].from <= i) low = middle; else high = middle - 1;
    }
    const { at, size, from } = this.blocks[low];
    return { at: at + (i - from) * size, size };
  }
  at(i) {
    const { at, size } = this.find(i);
    const note = decodeNote(padded(this.view, at, size, kNote, kNoteDefault), 0);
    note.position = this.place(note.position);
    return note;
  }
  // The low half of its connection's id, and its position.
  idAt(i) { return this.view.getUint32(this.find(i).at, true); }
  positionAt(i) { return this.place(u64(this.view, this.find(i).at + 8)); }
}

const kNoteDefault = (view) => view.setUint32(44, kNoSlot, true);
const kTableDefault = (view) => {
  view.setUint32(28, kNoTimer, true);
  view.setInt32(32, -1, true);
  view.setInt32(36, -1, true);
};

// An item as this reader knows it: members that the file does not have keep their default.
function padded(view, at, size, wanted, setDefault) {
  const room = new DataView(new ArrayBuffer(wanted));
  setDefault(room);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, Math.min(size, wanted));
  new Uint8Array(room.buffer).set(bytes);
  return room;
}

// Returns why the file cannot be read; empty: it can.
function fileHeadError(view) {
  const magic = [0x50, 0x58, 0x52, 0x45, 0x43, 0];
  if (view.byteLength < 16 || magic.some((byte, i) => view.getUint8(i) !== byte))
    return 'not a record file: it does not begin with PXREC';
  if (view.getUint16(8, true) === 0x0201)
    return 'written on a machine with another byte order: read it on such a machine';
  if (crc32c(new Uint8Array(view.buffer, view.byteOffset, 12)) !== view.getUint32(12, true))
    return 'the first 16 bytes are damaged: nothing can be read';
  const major = view.getUint8(6);
  if (major === 0 || major > 2)
    return `format ${major}.${view.getUint8(7)}, and this program reads formats 1 to 2: use the version of the ` +
      'program that wrote the file, or a newer one';
  const size = view.getUint16(10, true);
  return size === kEntry ? '' : `entries of ${size} bytes: expected 16`;
}

function readHead(text, head) {
  for (const line of text.split('\n')) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (['version', 'build', 'run_id', 'command', 'reason', 'lens'].includes(name)) head[name] = printable(value);
    if (['wall_ms', 'clock_us', 'slots', 'pid'].includes(name) && /^\d+$/.test(value)) head[name] = Number(value);
  }
}

// A list has no holes: an unnamed number is ''.
function readNames(text) {
  const names = Object.fromEntries(kLists.map((list) => [list, []]));
  for (const line of text.split('\n')) {
    const match = /^(\S*) (\d+) ?(.*)$/s.exec(line);
    if (!match || !kLists.includes(match[1]) || Number(match[2]) > kNumberMax) continue;
    const list = names[match[1]];
    while (list.length <= Number(match[2])) list.push('');
    list[Number(match[2])] = printable(match[3]);
  }
  return names;
}

// The numbers in front of a block's items; null if they do not agree with its size.
function readItemsHead(view, at, bytes) {
  if (bytes < kItemsHead) return null;
  const head = { first: u64(view, at), at: at + kItemsHead, size: view.getUint32(at + 8, true),
    count: view.getUint32(at + 12, true) };
  if (head.size === 0 || (head.count > 0 && head.size < kItemMin)) return null;
  if (head.size * head.count !== bytes - kItemsHead) return null;
  return head.first + head.count <= Number.MAX_SAFE_INTEGER ? head : null;
}

// Reads the blocks, one after the other, as far as they are whole.
class BlockReader {
  constructor(view) {
    this.view = view;
    this.bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    this.head = { major: view.getUint8(6), minor: view.getUint8(7), version: '', build: '', run_id: '',
      command: '', reason: '', lens: '', wall_ms: 0, clock_us: 0, slots: 0, pid: 0 };
    this.names = readNames('');
    this.parts = []; // of entries: {first, at, size, count, gap, from}
    this.noteBlocks = [];
    this.table = null;
    this.notes = 0;
    this.length = 0; // of all entries, with one for each gap
    this.next = 0;   // position in the file of the next entry
    this.ended = false;
    this.damage = '';
  }

  damaged(at, what) { this.damage ||= `damaged at byte ${at}: ${what}`; }

  // Stops at the first block with a wrong checksum: its length can be wrong too.
  run() {
    let at = 16;
    while (!this.ended && at < this.view.byteLength) {
      const bytes = at + 12 <= this.view.byteLength ? this.view.getUint32(at + 4, true) : Infinity;
      if (at + 12 + bytes > this.view.byteLength) {
        this.damaged(at, 'the file is cut here');
        break;
      }
      if (crc32c(this.bytes.subarray(at, at + 8 + bytes)) !== this.view.getUint32(at + 8 + bytes, true)) {
        this.damaged(at, 'a checksum is wrong');
        break;
      }
      if (!this.readBlock(at, bytes)) this.damaged(at, "the block's numbers do not agree");
      at += 12 + bytes;
    }
    if (!this.ended) this.damaged(at, 'the file has no end; its program still writes it, or was stopped');
    if (this.ended && at < this.view.byteLength) this.damaged(at, 'bytes follow the end');
  }

  // Returns false if the payload is not what its type says. Unknown types are skipped.
  readBlock(at, bytes) {
    const type = String.fromCharCode(...this.bytes.subarray(at, at + 4));
    const payload = at + 8;
    const text = () => utf8.decode(this.bytes.subarray(payload, payload + bytes));
    if (type === 'HEAD') readHead(text(), this.head);
    if (type === 'NAME') this.names = readNames(text());
    if (type === 'END.') this.ended = true;
    if (!['NOTE', 'ENTR', 'CELL'].includes(type)) return true;
    const items = readItemsHead(this.view, payload, bytes);
    if (type === 'CELL') this.table = items;
    if (!items) return false;
    if (type === 'NOTE') {
      this.noteBlocks.push({ ...items, from: this.notes });
      this.notes += items.count;
    }
    return type !== 'ENTR' || this.addEntries(items);
  }

  addEntries(items) {
    const isFirst = this.parts.length === 0;
    if (!isFirst && items.first < this.next) return false;
    const gap = isFirst ? 0 : items.first - this.next;
    if (gap > 0) ++this.length;
    this.parts.push({ ...items, gap, from: this.length });
    this.length += items.count;
    this.next = items.first + items.count;
    return true;
  }

  // A gap is one entry, `lost`.
  entries() {
    const entries = new Entries(this.length);
    for (const part of this.parts) {
      if (part.gap > 0) {
        const i = part.from - 1;
        entries.kind[i] = kLost;
        entries.id[i] = part.gap % 0x100000000;
        entries.value[i] = Math.floor(part.gap / 0x100000000);
      }
      this.copyPart(part, entries);
    }
    return entries;
  }

  copyPart(part, entries) {
    const { view } = this;
    for (let n = 0; n < part.count; ++n) {
      const at = part.at + n * part.size, i = part.from + n;
      const error = view.getUint8(at + 15);
      entries.id[i] = view.getUint32(at, true);
      entries.slot[i] = view.getUint32(at + 4, true);
      entries.value[i] = view.getInt32(at + 8, true);
      entries.kind[i] = view.getUint8(at + 12);
      entries.states[i] = view.getUint8(at + 13);
      entries.detail[i] = view.getUint8(at + 14);
      // In format 1 the byte was the errno.
      entries.errors[i] = this.head.major === 1 ? Math.min(error, 127) : error;
    }
  }

  // From a position in the file to one in the recording, where a gap counts as one entry.
  placer(first) {
    const { parts, length } = this;
    return (position) => {
      let low = 0, high = parts.length;
      while (low < high) {
        const middle = low + high >> 1;
        if (parts[middle].first <= position) low = middle + 1; else high = middle;
      }
      if (low === 0) return position;
      const part = parts[low - 1];
      return Math.min(first + part.from + (position - part.first), first + length);
    };
  }

  tableRows() {
    if (!this.table) return [];
    const { at, size, count } = this.table;
    return Array.from({ length: count }, (_, i) =>
      decodeTableRow(padded(this.view, at + i * size, size, kTableRow, kTableDefault), 0));
  }
}

// Reads a record file as far as it is whole. Never throws. Returns {error, head, names, first, entries (Entries),
// notes (Notes), table, tableKnown, damage}. `error`: why nothing can be read, and then the rest is missing.
// `damage`: what is wrong with the file; both empty: it is whole. Entry i has the position `first` + i. Memory: at
// most some ten times the size of the file.
export function decodeRecording(buffer) {
  const view = viewOf(buffer);
  const error = fileHeadError(view);
  if (error) return { error };
  const reader = new BlockReader(view);
  reader.run();
  const { head, names } = reader;
  if (head.major === 1)
    for (const list of [names.error_name, names.error_text]) list.length = Math.min(list.length, 127);
  const first = reader.parts[0]?.first ?? 0;
  return { error: '', head, names, first, entries: reader.entries(),
    notes: new Notes(view, reader.noteBlocks, reader.placer(first)), table: reader.tableRows(),
    tableKnown: reader.table !== null, damage: reader.damage };
}
