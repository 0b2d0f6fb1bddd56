// The file system's JSON interface, one function for each thing that can be asked.
import {escapePath} from './paths.js';

const kRoot = 'api/v1';
const kTimeoutMs = 30_000;

// `status` is 0 when there was no answer. The message is for people.
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const unreachable = () =>
  new ApiError(0, 'unreachable', 'There is no answer from the namenode.');

// What the body of an answer says of an error; `text` may be anything.
export function errorOf(status, text) {
  try {
    const {code, message} = JSON.parse(text).error;
    return new ApiError(status, String(code), String(message));
  } catch {
    return new ApiError(status, '', `The namenode answered with status ${status}.`);
  }
}

// Browsers of before 2024 cannot wait for either; there a wait that can be given up has no limit.
const endOf = (signal, limit) => (signal ? (AbortSignal.any?.([signal, limit]) ?? signal) : limit);

// Ends within the time limit, or when `signal` says so (then with an AbortError).
async function ask(method, address, {signal, ...options} = {}) {
  const limit = AbortSignal.timeout(kTimeoutMs);
  let response;
  try {
    response = await fetch(address, {
      method,
      cache: 'no-store',
      signal: endOf(signal, limit),
      ...options,
    });
    if (!response.ok) throw errorOf(response.status, await response.text());
    return response;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (signal?.aborted) throw new DOMException('given up', 'AbortError');
    throw unreachable();
  }
}

async function askJson(address, options) {
  const {method = 'GET', ...rest} = options ?? {};
  const response = await ask(method, address, rest);
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw unreachable();
  }
}

const filesAddress = (path) => `${kRoot}/files/${escapePath(path)}`;
const downloadAddress = (path) => `${kRoot}/download/${escapePath(path)}`;

export const api = {
  filesAddress,
  downloadAddress,
  pictureAddress: (path) => `${downloadAddress(path)}?inline=true`,

  // A page of a directory, or all about a file.
  look(path, {cursor = null, limit, signal} = {}) {
    const query = new URLSearchParams();
    if (cursor !== null) query.set('cursor', cursor);
    if (limit) query.set('limit', limit);
    const text = query.toString();
    return askJson(filesAddress(path) + (text && `?${text}`), {signal});
  },

  cluster: (signal) => askJson(`${kRoot}/cluster`, {signal}),
  // Of what was and happens, what has a larger number than `after`.
  history: (after, signal) => askJson(`${kRoot}/cluster/history?after=${after}`, {signal}),
  events: (after, signal) => askJson(`${kRoot}/cluster/events?after=${after}`, {signal}),

  async makeDirectory(path) {
    await ask('POST', `${filesAddress(path)}?mkdir=true`);
  },

  async rename(path, newPath) {
    await ask('POST', `${filesAddress(path)}?rename=/${escapePath(newPath)}`);
  },

  // With `leaving`, the browser sends it even when the page is gone.
  async remove(path, leaving = false) {
    await ask('DELETE', `${filesAddress(path)}?recursive=true`, {keepalive: leaving});
  },

  // Uploads in parts.
  beginUpload: (path, size, overwrite) =>
    askJson(`${kRoot}/uploads`, {
      method: 'POST',
      body: JSON.stringify({path_bytes: `/${escapePath(path)}`, size, overwrite}),
    }),
  upload: (id) => askJson(`${kRoot}/uploads/${id}`),
  partAddress: (id, number) => `${kRoot}/uploads/${id}/parts/${number}`,
  async completeUpload(id, overwrite) {
    await ask('POST', `${kRoot}/uploads/${id}/complete?overwrite=${overwrite}`);
  },
  async abandonUpload(id) {
    await ask('DELETE', `${kRoot}/uploads/${id}`);
  },

  // At most the first `bytes` of a file.
  async beginning(path, bytes, signal) {
    const response = await ask('GET', downloadAddress(path), {
      signal,
      headers: {Range: `bytes=0-${bytes - 1}`},
    });
    if (response.status === 206) return new Uint8Array(await response.arrayBuffer());
    return readAtMost(response, bytes);
  },
};

// A server may send the whole file in spite of the range: no more of it is taken than was asked
// for.
async function readAtMost(response, bytes) {
  const taken = new Uint8Array(bytes);
  const reader = response.body.getReader();
  let length = 0;
  while (length < bytes) {
    const {done, value} = await reader.read();
    if (done) break;
    const part = value.subarray(0, bytes - length);
    taken.set(part, length);
    length += part.length;
  }
  reader.cancel().catch(() => {});
  return taken.subarray(0, length);
}
