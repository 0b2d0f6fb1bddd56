// Sends a body and tells how much of it has gone: XMLHttpRequest, because fetch() does not tell.
import {errorOf, unreachable} from './api.js';

const kStallMs = 60_000; // Without a byte that moves.

// As `upload.request`, so that it can be aborted; `progress(bytes)` is called now and then.
export function send(upload, address, body, headers, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let stalled = 0;
    const watch = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), kStallMs);
    };
    upload.request = request;
    request.open('PUT', address);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      watch();
      progress(event.loaded);
    };
    request.onloadend = () => {
      clearTimeout(stalled);
      upload.request = null;
      if (request.status >= 200 && request.status < 300) resolve();
      else
        reject(
          request.status === 0 ? unreachable() : errorOf(request.status, request.responseText),
        );
    };
    watch();
    request.send(body);
  });
}
