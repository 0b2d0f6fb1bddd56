// One upload: a file on its way to a path, and how far it is.
import {nameOf} from './paths.js';

const kRateWindowMs = 5000;

let uploadCount = 0;

// waiting -> sending -> stored | failed | cancelled | skipped. From sending also to paused (the
// connection broke), held (by the user) and asking (its name is taken), and from these back to
// waiting.
export class Upload {
  constructor(file, path) {
    this.id = String(++uploadCount);
    this.file = file;
    this.path = path;
    this.state = 'waiting';
    this.sent = 0;
    this.error = null;
    this.tries = 0;
    this.runs = 0;
    this.replace = false;
    this.retryAt = 0;
    this.request = null; // What is being sent; has abort().
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
  // `sent` is what need not be sent again.
  restart(sent = 0) {
    this.sent = sent;
    this.samples_ = [];
  }
  // Bytes in a second, of the last few seconds; null as long as it is not known.
  get rate() {
    const [first, last] = [this.samples_[0], this.samples_.at(-1)];
    const passed = first ? last.now - first.now : 0;
    return passed < 300 ? null : Math.max(0, (1000 * (last.sent - first.sent)) / passed);
  }
  get secondsLeft() {
    return this.rate > 0 ? (this.size - this.sent) / this.rate : null;
  }
}
