// Reads the program's tables out of its sources, in the form of /console/names.json: fake_proxy.mjs serves it, so that
// the tests of the page have the names of this version.
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {constants} from 'node:os';
import {getSystemErrorMap} from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const source = path => readFileSync(join(root, path), 'utf8');

// The text between `from` and the next `to`.
function part(text, from, to) {
  const begin = text.indexOf(from);
  if (begin < 0) throw new Error(`'${from}' not found`);
  return text.slice(begin, text.indexOf(to, begin));
}

const quoted = text => [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(match => JSON.parse(`"${match[1]}"`));

// Texts that C++ joins: "a" "b".
const rows = (text, type) =>
  [...text.matchAll(new RegExp(`\\{(?:${type})::([\\s\\S]*?)\\}(?=,?\\s*(?:\\{|\\}|\\n))`, 'g'))].map(match => match[1]);

function enumerators(text, name) {
  return part(text, `enum class ${name} `, '};').replace(/\/\/.*/g, '').split('{')[1].match(/[a-zA-Z_]+/g);
}

// Texts that node does not have.
const kTexts = {EINPROGRESS: 'Operation now in progress'};

function errors() {
  const list = Array.from({length: 128}, () => ({name: '', text: ''}));
  for (const [name, number] of Object.entries(constants.errno)) if (number < 127 && name !== 'EWOULDBLOCK') list[number] = {name, text: kTexts[name] ?? name};
  for (const [number, [name, text]] of getSystemErrorMap()) if (-number < 127) list[-number] = {name, text};
  list[127] = {name: 'errno above 126', text: 'errno above 126'};
  return list;
}

// Returns the object of /console/names.json.
export function names() {
  const states = source('src/state/states.hpp'), waits = source('src/plan/waits.hpp');
  const trace = source('src/base/trace.hpp'), reasons = source('src/base/reason.cpp');
  const findings = source('src/watch/findings.hpp'), diagnosis = source('src/state/diagnosis.hpp');
  const stateNames = quoted(part(states, 'kStateNames{', '};'));
  const waitNames = enumerators(waits, 'Wait');
  const waitRows = rows(part(waits, 'kWaitRows{{', '}};'), 'Wait');
  return {
    states: stateNames,
    events: quoted(part(states, 'kEventNames{', '};')),
    waits: waitRows.map(row => quoted(row)[1]),
    wait_options: waitRows.map(row => quoted(row)[0]),
    reasons: quoted(part(reasons, 'kRows{{', '}};')),
    calls: quoted(part(source('src/sys/call_trace.cpp'), '"accept4"', '}')),
    errors: errors(),
    trace_events: quoted(part(trace, 'kTraceEventNames{', '};')),
    findings: [...part(findings, 'kFindingRows{{', '}};').matchAll(/"([a-z-]+)", Severity::(\w+), "([^"]*)"/g)]
      .map(([, code, severity, sentence]) => ({code, severity, sentence})),
    transitions: [...source('request_state.hpp').matchAll(/Transition\{State::(\w+), Event::(\w+), State::(\w+)\}/g)]
      .map(([, from, event, to]) => ({from, event, to})),
    diagnosis: [...diagnosis.matchAll(/DiagnosisRow\{State::(\w+), plan::Wait::(\w+), Awaited::(\w+), "([^"]*)", "([^"]*)"\}/g)]
      .map(([, state, wait, awaited, what, end]) =>
        ({state: stateNames.indexOf(state), wait: waitNames.indexOf(wait), awaited, what, end,
          option: wait === 'none' ? '' : quoted(waitRows[waitNames.indexOf(wait)])[0]})),
  };
}
