// Names as bytes. A name need not be UTF-8; here each of its bytes that is part of no character
// stands as U+DC00 plus the byte. That is half of a surrogate pair, which no name that is text has,
// so that every name survives the way here and back.

const kStrict = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});

function lengthOfCharacter(bytes, at) {
  const lead = bytes[at];
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    kStrict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

// Of "caf%E9", as the server says it of what is no text.
export function nameOfBytes(escaped) {
  const parts = escaped.match(/%[0-9a-f]{2}|[\x00-\x7f]/gi) ?? [];
  const bytes = Uint8Array.from(parts, (part) =>
    part.length === 3 ? parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
  let name = '';
  for (let at = 0; at < bytes.length;) {
    const length = lengthOfCharacter(bytes, at);
    if (length === 0) name += String.fromCharCode(0xdc00 + bytes[at]);
    else name += kStrict.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return name;
}

export function unescapeName(escaped) {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return nameOfBytes(escaped);
  }
}

const escapeByte = (half) => {
  const byte = half.charCodeAt(0) - 0xdc00;
  return byte >= 0x80 && byte <= 0xff ? `%${byte.toString(16).toUpperCase()}` : '%EF%BF%BD';
};

export function escapeName(name) {
  const pieces = name.split(/(\p{Surrogate})/u); // Text and halves in turn.
  return pieces
    .map((piece, at) => (at % 2 ? escapeByte(piece) : encodeURIComponent(piece)))
    .join('');
}

// Of the character, or lonely byte, that begins with this UTF-16 unit.
function leadByte(unit) {
  if (unit < 0x80) return unit;
  if (unit < 0x800) return 0xc0 | (unit >> 6);
  if (unit < 0xd800 || unit >= 0xe000) return 0xe0 | (unit >> 12);
  if (unit >= 0xdc00) return unit - 0xdc00;
  return 0xf0 | ((0x10000 + ((unit - 0xd800) << 10)) >> 18);
}
const opensPair = (unit) => unit >= 0xd800 && unit < 0xdc00;

// The order of the server, that of the names' bytes.
export function compareNames(a, b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; ++at) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    if (at > 0 && opensPair(a.charCodeAt(at - 1))) return x - y;
    return leadByte(x) - leadByte(y) || x - y;
  }
  return a.length - b.length;
}

// Why a file cannot have this name, or null.
export function faultOfName(name) {
  if (name === '') return 'A name is needed.';
  if (name === '.' || name === '..') return 'This name has a meaning of its own.';
  if (name.includes('/')) return 'A name has no slash.';
  if (name.includes('\0')) return 'A name has no zero byte.';
  if (new TextEncoder().encode(name).length > 255) {
    return 'This name is too long: it may have 255 bytes.';
  }
  return null;
}

// "report.tar.gz" and 2 make "report (2).tar.gz".
export function numberedName(name, number) {
  const dot = name.slice(1).search(/(\.tar)?\.[^.]*$/) + 1;
  return dot > 0 ? `${name.slice(0, dot)} (${number})${name.slice(dot)}` : `${name} (${number})`;
}
