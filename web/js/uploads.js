// Uploads: a queue of files of which a few are sent at a time. A connection that breaks is tried
// again after a while, from the file's beginning, for the server keeps nothing of half a file.
import {api, errorOf, unreachable} from './api.js';
import {join, nameOf, parentOf} from './paths.js';
import {numberedName} from './names.js';

const kAtOnce = 3;
const kTries = 6;
const kFirstPauseMs = 1000; // Doubled for each further one.
const kStallMs = 60_000; // Without a byte that moves.
const kRateWindowMs = 5000;
// A larger file is not sent before it is known that its name is free.
const kLargeBytes = 1 << 20;

// waiting -> sending -> stored | failed | cancelled | skipped. From sending also to paused (the
// connection broke) and asking (its name is taken), and from these back to waiting.
let uploadCount = 0;

class Upload {
  constructor(file, path) {
    this.id = String(++uploadCount);
    this.file = file;
    this.path = path;
    this.state = 'waiting';
    this.sent = 0;
    this.error = null;
    this.tries = 0;
    this.replace = false;
    this.retryAt = 0;
    this.request = null;
    this.samples_ = [];
  }

  get name() {
    return nameOf(this.path);
  }
  get size() {
    return this.file.size;
  }
  get over() {
    return ['stored', 'failed', 'cancelled', 'skipped'].includes(this.state);
  }

  note(sent, now) {
    this.sent = sent;
    this.samples_.push({now, sent});
    while (this.samples_.length > 2 && now - this.samples_[0].now > kRateWindowMs)
      this.samples_.shift();
  }
  restart() {
    this.sent = 0;
    this.samples_ = [];
  }
  // Bytes in a second, of the last few seconds; null as long as it is not known.
  get rate() {
    const [first, last] = [this.samples_[0], this.samples_.at(-1)];
    const passed = first ? last.now - first.now : 0;
    return passed < 300 ? null : (1000 * (last.sent - first.sent)) / passed;
  }
  get secondsLeft() {
    return this.rate > 0 ? (this.size - this.sent) / this.rate : null;
  }
}

export class Uploads {
  // on: {changed(), stored(path), settle(path), conflict(upload, there, others)}; the last gives
  // what is to be done, as dialogs.askConflict does.
  constructor(on) {
    this.on_ = on;
    this.all = [];
    this.asking_ = Promise.resolve();
    this.answer_ = null; // To all further conflicts of what is in the queue.
    this.made_ = new Map(); // Directories by path: the promise that they are there.
  }

  get unfinished() {
    return this.all.filter((upload) => !upload.over);
  }

  // files: [{file, path}], directories: paths, both absolute.
  add(files, directories = []) {
    for (const path of directories) this.ensureDirectory_(path).catch(() => {});
    this.all = this.all.concat(files.map(({file, path}) => new Upload(file, path)));
    this.pump_();
  }

  // All at once: none of them is to begin when another one ends.
  cancel(uploads) {
    for (const upload of uploads.filter((one) => !one.over)) {
      upload.state = 'cancelled';
      upload.request?.abort();
      clearTimeout(upload.timer);
    }
    this.pump_();
  }

  retry(upload) {
    if (upload.state !== 'failed' && upload.state !== 'paused') return;
    clearTimeout(upload.timer);
    if (upload.state === 'failed') upload.tries = 0;
    upload.state = 'waiting';
    upload.error = null;
    this.pump_();
  }

  forgetFinished() {
    this.all = this.unfinished;
    this.on_.changed();
  }

  pump_() {
    let free = kAtOnce - this.all.filter((upload) => upload.state === 'sending').length;
    for (const upload of this.all) {
      if (free <= 0) break;
      if (upload.state !== 'waiting') continue;
      --free;
      this.run_(upload);
    }
    if (this.unfinished.length === 0) {
      this.answer_ = null;
      this.made_.clear();
    }
    this.on_.changed();
  }

  async run_(upload) {
    upload.state = 'sending';
    upload.restart();
    try {
      await this.on_.settle(upload.path);
      await this.made_.get(parentOf(upload.path));
      const taken =
        !upload.replace && upload.size > kLargeBytes && (await existing(upload.path)) !== null;
      if (upload.state !== 'sending') {
        // It was cancelled meanwhile.
      } else if (taken) {
        this.conflict_(upload);
      } else {
        await this.send_(upload);
        upload.state = 'stored';
        this.on_.stored(upload.path);
      }
    } catch (error) {
      this.failed_(upload, error);
    }
    upload.request = null;
    this.pump_();
  }

  failed_(upload, error) {
    if (upload.state === 'cancelled') return;
    if (error.status === 412 && !upload.replace) {
      this.conflict_(upload);
      return;
    }
    upload.error = error;
    ++upload.tries;
    // What the server refuses it refuses again.
    const mayPass = [0, 429, 502, 503, 504].includes(error.status);
    if (!mayPass || upload.tries >= kTries) {
      upload.state = 'failed';
      return;
    }
    const pause = kFirstPauseMs * 2 ** (upload.tries - 1);
    upload.state = 'paused';
    upload.retryAt = Date.now() + pause;
    upload.timer = setTimeout(() => this.retry(upload), pause);
  }

  // One question at a time, while other files go on.
  conflict_(upload) {
    upload.state = 'asking';
    this.asking_ = this.asking_
      .then(() => this.resolve_(upload))
      .catch((error) => {
        upload.state = 'failed';
        upload.error = error;
      })
      .then(() => this.pump_());
  }

  async resolve_(upload) {
    if (upload.state !== 'asking') return;
    const there = await existing(upload.path).catch(() => null);
    const answer = this.answer_ ??
      (await this.on_.conflict(upload, there, this.unfinished.length - 1)) ?? {what: 'skip'};
    if (answer.always) this.answer_ = answer;
    if (upload.state !== 'asking') return;
    if (answer.what === 'rename') upload.path = await freePath(upload.path);
    upload.replace = answer.what === 'replace';
    upload.state = answer.what === 'skip' ? 'skipped' : 'waiting';
  }

  // Directories of an upload are made the upper ones first.
  ensureDirectory_(path) {
    let made = this.made_.get(path);
    if (!made) {
      const above = this.made_.get(parentOf(path)) ?? Promise.resolve();
      made = above
        .then(() => this.on_.settle(path))
        .then(() => api.makeDirectory(path))
        .catch((error) => {
          if (error.status !== 409 && error.status !== 412) throw error; // It is there.
        })
        .then(() => this.on_.stored(path));
      this.made_.set(path, made);
      made.catch(() => this.made_.delete(path));
    }
    return made;
  }

  // XMLHttpRequest, because fetch() does not tell what has been sent.
  send_(upload) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      let stalled = 0;
      const watch = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), kStallMs);
      };
      upload.request = request;
      request.open('PUT', api.filesAddress(upload.path));
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      if (!upload.replace) request.setRequestHeader('If-None-Match', '*');
      request.upload.onprogress = (event) => {
        watch();
        upload.note(event.loaded, performance.now());
        this.on_.changed();
      };
      request.onloadend = () => {
        clearTimeout(stalled);
        if (request.status >= 200 && request.status < 300) resolve();
        else
          reject(
            request.status === 0 ? unreachable() : errorOf(request.status, request.responseText),
          );
      };
      watch();
      request.send(upload.file);
    });
  }
}

async function existing(path) {
  try {
    return await api.look(path, {limit: 1});
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

async function freePath(path) {
  for (let number = 2; ; ++number) {
    const free = join(parentOf(path), numberedName(nameOf(path), number));
    if ((await existing(free)) === null) return free;
  }
}
