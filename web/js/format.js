// Numbers and times as people read them. What is missing is shown as nothing.

const known = (value) => typeof value === 'number' && Number.isFinite(value);

const kUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

export function bytes(count) {
  if (!known(count)) return '';
  let unit = 0;
  while (count >= 999.5 && unit < kUnits.length - 1) {
    count /= 1024;
    ++unit;
  }
  const digits = unit === 0 || count >= 99.95 ? 0 : 1;
  return `${Number(count.toFixed(digits))} ${kUnits[unit]}`;
}

export const number = (count) => (known(count) ? count.toLocaleString('en') : '');
export const count = (many, one, more = `${one}s`) => `${number(many)} ${many === 1 ? one : more}`;
export const percent = (share) =>
  known(share) ? `${share > 0 && share < 0.01 ? '<1' : Math.floor(share * 100)} %` : '';
export const rate = (perSecond) => (known(perSecond) ? `${bytes(perSecond)}/s` : '');

export function duration(seconds) {
  if (!known(seconds)) return '';
  if (seconds < 1) return '1 s';
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600)
    return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86400)} days`;
}

const kClock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const kDay = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});
const kDate = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short', year: 'numeric'});
const kExact = new Intl.DateTimeFormat('en-GB', {dateStyle: 'full', timeStyle: 'medium'});

// `time` in milliseconds since 1970: "Today, 14:00", "3 Nov, 14:00", "3 Nov 2024".
export function moment(time, now = Date.now()) {
  if (!known(time)) return '';
  const then = new Date(time);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return `Today, ${kClock.format(then)}`;
  if (then.getFullYear() === today.getFullYear())
    return `${kDay.format(then)}, ${kClock.format(then)}`;
  return kDate.format(then);
}
export const exactMoment = (time) => (known(time) ? kExact.format(new Date(time)) : '');

// "644" makes "rw-r--r--".
export function permission(octal) {
  if (!/^[0-7]{3,4}$/.test(octal ?? '')) return octal ?? '';
  return [...octal.slice(-3)]
    .map((digit) => (digit & 4 ? 'r' : '-') + (digit & 2 ? 'w' : '-') + (digit & 1 ? 'x' : '-'))
    .join('');
}

const kPictures = /\.(png|jpe?g|gif|webp|avif|bmp|ico)$/i;
const kTables = /\.(csv|tsv)$/i;
const kTexts =
  /\.(txt|md|log|json|xml|ya?ml|toml|ini|conf|html?|css|js|ts|py|sh|c|h|cc|cpp|hpp|java|go|rs|sql|svg)$/i;

// What a file is likely to be, by its name: "picture", "table", "text" or "file".
export function kindOf(name) {
  if (kPictures.test(name)) return 'picture';
  if (kTables.test(name)) return 'table';
  return kTexts.test(name) ? 'text' : 'file';
}

// A cluster without a name of its own has a number for one, of which the beginning tells enough.
export const clusterName = (said) =>
  /^[0-9a-f-]{24,}$/.test(said ?? '') ? said.slice(0, 8) : (said ?? '');
