// Tables as text: RFC 4180, with another separator for those whose first line has more of it.

function separatorOf(text) {
  const line = text.slice(0, text.indexOf('\n') < 0 ? undefined : text.indexOf('\n'));
  const counts = [',', ';', '\t', '|'].map((separator) => ({
    separator,
    many: line.split(separator).length,
  }));
  return counts.reduce((best, other) => (other.many > best.many ? other : best)).separator;
}

// The rows, each a list of strings; at most `rowsMax`. `cut`: the text goes on beyond its end, so
// that its last row may not be whole and is left out.
export function parseTable(text, {rowsMax, cut}) {
  const separator = separatorOf(text);
  const rows = [];
  let row = [];
  let field = '';
  let quoted = false;
  const endField = () => {
    row.push(field);
    field = '';
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length; ++at) {
    const letter = text[at];
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') field += text[++at];
      else quoted = false;
    } else if (letter === '"' && field === '') {
      quoted = true;
    } else if (letter === separator) {
      endField();
    } else if (letter === '\n') {
      endRow();
      if (rows.length >= rowsMax) return {rows, more: cut || at + 1 < text.length};
    } else if (letter !== '\r') {
      field += letter;
    }
  }
  if (!cut) endRow();
  return {rows, more: cut};
}
