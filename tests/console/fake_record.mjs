// The record file of made-up traffic (fake_machine.mjs): what /console/record would answer.
import {block, entry, file, items, note, row} from './record_writer.mjs';

const kPart = 4096; // entries of a block

// The block NAME of the object of names.json.
export function namesBlock(names) {
  const lists = [['trace_event', names.trace_events], ['state', names.states], ['event', names.events], ['wait', names.waits],
    ['reason', names.reasons], ['call', names.calls], ['error_name', names.errors.map(error => error.name)],
    ['error_text', names.errors.map(error => error.text)], ['finding', names.findings.map(finding => finding.code)]];
  return block('NAME', lists.flatMap(([list, texts]) => texts.map((text, i) => `${list} ${i} ${text}\n`)).join(''));
}

const tableRow = (record, nowMs) => row({slot: record.slot, id: record.id, state: record.state, wait: record.wait, flags: record.flags & 1 ? 8 : 0,
  clientMarks: record.marks & 7, heldUp: record.heldUp, heldDown: record.heldDown, inStateMs: Math.max(0, Math.round(nowMs - record.sinceMs)),
  clientFd: 9 + 2 * record.slot, served: Math.max(0, record.nth - 1)});

// Returns the file's bytes.
export function recordOf(machine, names) {
  const blocks = [], {entries, first} = machine, end = first + entries.length;
  for (let from = 0; from < entries.length; from += kPart)
    blocks.push(block('ENTR', items(first + from, 16, entries.slice(from, from + kPart).map(entry))));
  const notes = machine.requests.map(({clientFamily, ...each}) => note({...each, family: clientFamily}));
  const table = machine.records.filter(record => record.state).map(record => tableRow(record, machine.nowMs));
  const head = block('HEAD', `version: 0.1.0\nbuild: fake\nrun_id: c0ffee\nreason: the board\nslots: ${machine.slots}\n` +
    `clock_us: ${Math.round(machine.nowMs * 1000)}\nwall_ms: ${Date.now()}\n`);
  return file(head, namesBlock(names), ...blocks, block('NOTE', items(0, 312, notes)), block('CELL', items(end, 64, table)));
}
