// What was chosen or dropped, as files with paths, and directories. A directory that is dropped is
// walked through, so that empty ones come along.
import {join} from './paths.js';

// {files: [{file, path}], directories: [path]} below `base`.
export function fromInput(input, base) {
  const files = [...input.files].map((file) => ({
    file,
    path: join(base, file.webkitRelativePath || file.name),
  }));
  const directories = new Set();
  for (const file of input.files) {
    const parts = (file.webkitRelativePath || '').split('/').slice(0, -1);
    parts.forEach((_, at) => directories.add(join(base, parts.slice(0, at + 1).join('/'))));
  }
  return {files, directories: [...directories].sort()};
}

export async function fromDrop(transfer, base) {
  // Both must be taken before anything is waited for: the transfer is empty afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files];
  const found = {files: [], directories: []};
  if (entries.length === 0) {
    found.files = plain.map((file) => ({file, path: join(base, file.name)}));
    return found;
  }
  for (const entry of entries) await walk(entry, base, found);
  return found;
}

async function walk(entry, above, found) {
  const path = join(above, entry.name);
  if (entry.isFile) {
    found.files.push({
      file: await new Promise((resolve, reject) => entry.file(resolve, reject)),
      path,
    });
    return;
  }
  found.directories.push(path);
  const reader = entry.createReader();
  for (;;) {
    // The browser gives a hundred at a time.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const child of part) await walk(child, path, found);
  }
}

// Shows `overlay` while files are above the page and `directory()` says where they would go, and
// gives what is dropped to `take(transfer)`.
export function acceptDrops(overlay, directory, take) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  let leaving = 0;
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // Else the browser would open a file that is dropped.
    const target = directory();
    event.dataTransfer.dropEffect = target === null ? 'none' : 'copy';
    overlay.hidden = target === null;
    overlay.querySelector('p').textContent = `Upload to ${target}`;
    clearTimeout(leaving);
    // While the pointer is here this event comes again and again.
    leaving = setTimeout(() => {
      overlay.hidden = true;
    }, 400);
  });
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    overlay.hidden = true;
    if (directory() !== null) take(event.dataTransfer);
  });
}
