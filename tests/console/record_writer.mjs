// Writes record files as docs/record-file.md describes them, for tests of their decoder. It shares no code with it.

// CRC-32C (RFC 3720), bit by bit.
export function checksum(bytes) {
  let crc = ~0;
  for (const byte of bytes)
    for (let bit = 0, rest = byte; bit < 8; ++bit, rest >>= 1)
      crc = (crc ^ rest) & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  return ~crc >>> 0;
}

const u32 = value => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const u64 = value => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const withChecksum = bytes => Buffer.concat([bytes, u32(checksum(bytes))]);

export function fileHead({major = 2, minor = 0, order = [2, 1], entryBytes = 16} = {}) {
  return withChecksum(Buffer.from([...Buffer.from('PXREC\0'), major, minor, ...order, entryBytes, 0]));
}
export const block = (type, payload = '') =>
  withChecksum(Buffer.concat([Buffer.from(type), u32(Buffer.byteLength(payload)), Buffer.from(payload)]));
export const items = (first, size, list, count = list.length) =>
  Buffer.concat([u64(first), u32(size), u32(count), ...list]);

// An entry of 16 bytes.
export function entry({id = 0, slot = 0xffffffff, value = 0, event = 5, state = 0, before = 0, detail = 0, error = 0, forced = 0} = {}) {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(id >>> 0, 0);
  bytes.writeUInt32LE(slot >>> 0, 4);
  bytes.writeInt32LE(value, 8);
  return Buffer.concat([bytes.subarray(0, 12), Buffer.from([event, state | before << 4, detail, error | forced << 7])]);
}
// `event`: 0 for turn_began, 1 for turn_ended.
export const turn = (event, us, count = 0) =>
  entry({event, id: us % 2 ** 32, value: Math.floor(us / 2 ** 32), slot: count});

// A note of 312 bytes. `client`: 16 numbers.
export function note({id = 1, position = 0, wallMs = 0, sentUp = 0, sentDown = 0, nth = 1, slot = 0xffffffff, stateMs = [0, 0, 0, 0, 0],
  phaseMs = [0, 0, 0], status = 0, port = 0, clientPort = 0, family = 0, reason = 0, error = 0, phases = 0, flags = 0, client = [],
  method = '', scheme = '', host = '', path = '', traceId = ''} = {}) {
  const text = (value, size) => Buffer.concat([Buffer.from(value), Buffer.alloc(size)]).subarray(0, size);
  const shorts = Buffer.alloc(6);
  [status, port, clientPort].forEach((value, i) => shorts.writeUInt16LE(value, 2 * i));
  return Buffer.concat([...[id, position, wallMs, sentUp, sentDown].map(u64), u32(nth), u32(slot), ...stateMs.map(u32),
    ...phaseMs.map(u32), shorts, Buffer.from([family, reason, error, phases, flags, 0]), text(Buffer.from(client), 16),
    text(method, 16), text(scheme, 8), text(host, 64), text(path, 80), text(traceId, 32), Buffer.alloc(4)]);
}

// A row of the table, 64 bytes.
export function row({slot = 0, id = 0, state = 1, wait = 0, flags = 0, clientMarks = 0, heldUp = 0, heldDown = 0, inStateMs = 0,
  leftMs = 0xffffffff, clientFd = -1, upstreamFd = -1, served = 0} = {}) {
  return Buffer.concat([u32(slot), u32(id), Buffer.from([state, wait, 0, flags, clientMarks, 0, 0, 0]), u32(heldUp), u32(heldDown),
    u32(inStateMs), u32(leftMs), u32(clientFd), u32(upstreamFd), u64(0), u64(0), u32(served), u32(0)]);
}

export const file = (...blocks) => Buffer.concat([fileHead(), ...blocks, block('END.')]);

// A generator of random numbers below 1 (mulberry32): the same seed, the same numbers.
export function random(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

// Corrects the checksums of all blocks, as far as their lengths are right.
export function repaired(bytes) {
  const out = Buffer.from(bytes);
  if (out.length >= 16) out.writeUInt32LE(checksum(out.subarray(0, 12)), 12);
  for (let at = 16; at + 12 <= out.length;) {
    const size = out.readUInt32LE(at + 4);
    if (at + 12 + size > out.length) break;
    out.writeUInt32LE(checksum(out.subarray(at, at + 8 + size)), at + 8 + size);
    at += 12 + size;
  }
  return out;
}

// The path of the program to compare with; null: there is none.
export function program(exists) {
  const path = process.env.PROXY ?? new URL('../../build/g++/proxy', import.meta.url).pathname;
  return exists(path) ? path : null;
}
