// Numbers with their units, as the page writes them.

const kThin = '\u00a0';  // keeps number and unit on a line
const grouped = new Intl.NumberFormat('en');

// "16,384"
export const count = number => grouped.format(number);

export const capital = text => text[0].toUpperCase() + text.slice(1);

// Not null, and there at all.
export const known = value => value !== null && value !== undefined;

// "1 slot", "2 slots"; `many` if the plural is not with s.
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

// "812 B", "16 KiB", "5.0 MiB"
export function bytes(number) {
  if (number < 1024) return `${number}${kThin}B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let unit = -1;
  for (; number >= 1024 && unit < 3; ++unit) number /= 1024;
  return `${number < 10 && !Number.isInteger(number) ? number.toFixed(1) : count(Math.round(number))}${kThin}${units[unit]}`;
}

// "16,384 B"
export const exactBytes = number => `${count(number)}${kThin}B`;

// A time in ms: "41 µs", "0.3 ms", "340 ms", "8.2 s", "4 min 12 s", "2 h 14 min". Rounded down from 10 ms on, as the
// proxy does in its sentences: the page has the same number as they.
export function duration(ms) {
  if (ms < 0) ms = 0;
  if (ms < 0.1) return `${Math.round(ms * 1000)}${kThin}µs`;
  if (ms < 10) return `${ms.toFixed(1)}${kThin}ms`;
  if (ms < 1000) return `${Math.floor(ms)}${kThin}ms`;
  if (ms < 100000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}${kThin}s`;
  const seconds = Math.floor(ms / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes}${kThin}min ${seconds % 60}${kThin}s`;
  return hours < 48 ? `${hours}${kThin}h ${minutes % 60}${kThin}min` : `${Math.floor(hours / 24)}${kThin}days`;
}

// A time that is known in whole ms only: "under 1 ms", "1 ms", "340 ms", "8.2 s".
export const wholeMs = ms => ms < 1 ? `under 1${kThin}ms` : ms < 10 ? `${Math.floor(ms)}${kThin}ms` : duration(ms);

// "118/s", "0.4/s", "0/s"
export function rate(perSecond) {
  const text = perSecond === 0 ? '0' : perSecond < 9.95 ? perSecond.toFixed(1).replace(/\.0$/, '') : count(Math.round(perSecond));
  return `${text}/s`;
}

// "2nd"
export function ordinal(number) {
  const last = number % 100 - number % 10 === 10 ? 0 : number % 10;
  return `${count(number)}${['th', 'st', 'nd', 'rd'][last] ?? 'th'}`;
}
