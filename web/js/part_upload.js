// A large file is sent in parts. The server keeps those that have come, so that it goes on where it
// stopped: after a broken connection, and when somebody chooses the same file again in a page that
// was loaded anew.
import {ApiError, api} from './api.js';
import {send} from './sending.js';

// As the server's parts are; a smaller file has but one.
export const kPartedBytes = 64 << 20;

const keyOf = (path) => `minidfs.upload:${path}`;

// Which upload of the server this is, if it has begun. A browser that keeps nothing has none.
function remembered(upload) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(upload.path)));
    const same = kept.size === upload.size && kept.modified === upload.file.lastModified;
    return same ? kept.id : null;
  } catch {
    return null;
  }
}

function remember(upload, id) {
  upload.serverId = id;
  try {
    const kept = {id, size: upload.size, modified: upload.file.lastModified};
    localStorage.setItem(keyOf(upload.path), JSON.stringify(kept));
  } catch {
    // It goes on as long as the page stays.
  }
}

function forget(upload) {
  upload.serverId = null;
  try {
    localStorage.removeItem(keyOf(upload.path));
  } catch {
    // Nothing was kept.
  }
}

// What the server has of it; begun anew where it has nothing.
async function begun(upload) {
  const id = upload.serverId ?? remembered(upload);
  if (id) {
    try {
      const said = await api.upload(id);
      upload.serverId = id;
      return said;
    } catch (error) {
      if (error.status !== 404) throw error;
      forget(upload);
    }
  }
  const said = await api.beginUpload(upload.path, upload.size, upload.replace);
  remember(upload, said.id);
  return said;
}

async function sendMissing(upload, said, live, changed) {
  const whole = new Set(said.parts.map((part) => part.number));
  let done = said.parts.reduce((sum, part) => sum + part.size, 0);
  upload.restart(done);
  for (let number = 0; number * said.part_size < upload.size; ++number) {
    if (whole.has(number)) continue;
    if (!live()) return;
    const begin = number * said.part_size;
    const part = upload.file.slice(begin, begin + said.part_size);
    try {
      await send(upload, api.partAddress(said.id, number), part, {}, (bytes) => {
        upload.note(done + bytes, performance.now());
        changed();
      });
    } catch (error) {
      upload.restart(done); // Nothing is kept of half a part.
      throw error;
    }
    done += part.size;
    upload.note(done, performance.now());
    upload.tries = 0; // It gets on.
  }
}

// Whether it was sent; not when it was stopped meanwhile: then live() is false.
export async function sendInParts(upload, live, changed) {
  const said = await begun(upload);
  if (!live()) return false;
  try {
    if (!said.complete) await sendMissing(upload, said, live, changed);
    if (!live()) return false;
    await api.completeUpload(said.id, upload.replace);
  } catch (error) {
    if (error.status !== 404) throw error;
    // It has expired, or somebody has abandoned it: from the beginning, then.
    forget(upload);
    throw new ApiError(503, error.code, error.message);
  }
  forget(upload);
  return true;
}

// Nobody goes on with it. What cannot be told the server now it finds out by itself.
export function abandonParts(upload) {
  if (!upload.serverId) return;
  api.abandonUpload(upload.serverId).catch(() => {});
  forget(upload);
}
