// What a file looks like, from its first bytes. Whatever they are, they are shown as text, or as a
// picture by the browser; never as a document.
import {api} from './api.js';
import {element} from './dom.js';
import {bytes, kindOf, number} from './format.js';
import {parseTable} from './csv.js';

const kBeginning = 64 << 10;
const kPictureMax = 20 << 20;
const kRowsMax = 200;
const kColumnsMax = 50;

const note = (text) => element('p', {class: 'note', text});

// An element for the file; ends with an AbortError when `signal` says so.
export async function previewOf(path, name, size, signal) {
  if (size === 0) return note('This file is empty.');
  const kind = kindOf(name);
  if (kind === 'picture')
    return size <= kPictureMax
      ? picture(path, name)
      : note(`A picture of more than ${bytes(kPictureMax)} is not shown here.`);
  const beginning = await api.beginning(path, kBeginning, signal);
  const cut = size > beginning.length;
  const text = textOf(beginning);
  if (text === null) return note('There is no preview of what is not text.');
  if (kind === 'table') return table(text, cut);
  return element(
    'div',
    {},
    plain(text),
    cut && note(`The first ${bytes(beginning.length)} of ${bytes(size)}`),
  );
}

function picture(path, name) {
  const shown = element('img', {src: api.pictureAddress(path), alt: name, decoding: 'async'});
  const frame = element('div', {class: 'picture'}, shown);
  shown.addEventListener('error', () => frame.replaceWith(note('This picture cannot be shown.')));
  return frame;
}

// Null for what is not text. A character that the cut has halved is left out.
function textOf(beginning) {
  if (beginning.includes(0)) return null;
  const text = new TextDecoder('utf-8').decode(beginning, {stream: true});
  const strange = text.match(/[\ufffd\u0001-\u0008\u000e-\u001a]/g)?.length ?? 0;
  return strange > text.length / 20 ? null : text;
}

const plain = (text) => element('pre', {tabindex: '0', 'aria-label': 'Text of the file', text});

function table(text, cut) {
  const {rows, more} = parseTable(text, {rowsMax: kRowsMax, cut});
  if (rows.length === 0) return element('div', {}, plain(text));
  const width = Math.min(kColumnsMax, Math.max(...rows.map((row) => row.length)));
  const cells = (row, tag) =>
    Array.from({length: width}, (_, at) => {
      const value = row[at] ?? '';
      const numeric = tag === 'td' && value !== '' && !Number.isNaN(Number(value));
      return element(tag, {
        class: numeric ? 'numeric' : null,
        scope: tag === 'th' ? 'col' : null,
        text: value,
      });
    });
  return element(
    'div',
    {},
    element(
      'div',
      {class: 'sheet', tabindex: '0', role: 'region', 'aria-label': 'Table'},
      element(
        'table',
        {},
        element('thead', {}, element('tr', {}, ...cells(rows[0], 'th'))),
        element('tbody', {}, ...rows.slice(1).map((row) => element('tr', {}, ...cells(row, 'td')))),
      ),
    ),
    more && note(`The first ${number(rows.length - 1)} rows`),
  );
}
