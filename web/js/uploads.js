// Uploads: a queue of files of which a few are sent at a time. When a connection breaks it is tried
// again after a while: large files go on with the part that broke off, others begin anew.
import {abandonParts, kPartedBytes, sendInParts} from './part_upload.js';
import {join, nameOf, parentOf} from './paths.js';
import {Upload} from './upload.js';
import {api} from './api.js';
import {numberedName} from './names.js';
import {send} from './sending.js';

const kAtOnce = 3;
const kTries = 6;
const kFirstPauseMs = 1000; // Doubled for each further one.
// A larger file is not sent before it is known that its name is free.
const kLargeBytes = 1 << 20;
const kTaken = 'already exists'; // The server's word for it.

export class Uploads {
  // on: {changed(), stored(path), settle(path), conflict(upload, there, others)}; the last gives
  // what is to be done, as dialogs.askConflict does.
  constructor(on) {
    this.on_ = on;
    this.all = [];
    this.asking_ = Promise.resolve();
    this.answer_ = null; // To all further conflicts of what is in the queue.
    this.made_ = new Map(); // Directories by path: the promise that they are there.
    addEventListener('online', () => {
      for (const upload of this.all) if (upload.state === 'paused') this.retry(upload);
    });
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
      this.stop_(upload);
      abandonParts(upload);
    }
    this.pump_();
  }

  // Until retry(). Only large files, of which the server keeps what it has.
  hold(upload) {
    if (!['waiting', 'sending', 'paused'].includes(upload.state)) return;
    upload.state = 'held';
    this.stop_(upload);
    this.pump_();
  }

  stop_(upload) {
    upload.request?.abort();
    clearTimeout(upload.timer);
  }

  retry(upload) {
    if (!['failed', 'paused', 'held'].includes(upload.state)) return;
    clearTimeout(upload.timer);
    if (upload.state !== 'paused') upload.tries = 0;
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
    if (!isParted(upload)) upload.restart();
    const run = ++upload.runs;
    // Not when it was stopped, nor when it goes on by another run since.
    const live = () => upload.state === 'sending' && upload.runs === run;
    try {
      await this.on_.settle(upload.path);
      await this.made_.get(parentOf(upload.path));
      if (await this.send_(upload, live)) {
        upload.state = 'stored';
        this.on_.stored(upload.path);
      }
    } catch (error) {
      if (live()) this.failed_(upload, error);
      else if (upload.state === 'cancelled') abandonParts(upload); // It may have begun since.
    }
    this.pump_();
  }

  failed_(upload, error) {
    const taken = error.status === 412 || (error.status === 409 && error.code === kTaken);
    if (taken && !upload.replace) {
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
    if (answer.what !== 'replace') abandonParts(upload);
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

  // Whether it was sent: not when its name is taken, nor when it was stopped meanwhile.
  async send_(upload, live) {
    if (!live()) return false;
    if (isParted(upload)) {
      const sent = await sendInParts(upload, live, () => this.on_.changed());
      if (upload.state === 'cancelled') abandonParts(upload);
      return sent;
    }
    const known = upload.replace || upload.size <= kLargeBytes;
    if (!known && (await existing(upload.path)) !== null) {
      this.conflict_(upload);
      return false;
    }
    if (!live()) return false;
    const headers = upload.replace ? {} : {'If-None-Match': '*'};
    await send(upload, api.filesAddress(upload.path), upload.file, headers, (bytes) => {
      upload.note(bytes, performance.now());
      this.on_.changed();
    });
    return true;
  }
}

export const isParted = (upload) => upload.size > kPartedBytes;

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
