// What the server has seen of the cluster in the last hour: samples of ten seconds, and events. Only
// what is new is asked for.
import {api} from './api.js';

const kSamplesMax = 360;
const kEventsMax = 200;
const kSampleMs = 10_000;

// One of the two series: numbered entries of one server. Behind a balancer the next answer may be of
// another one, which counts for itself.
class Series {
  constructor(ask, most) {
    this.ask_ = ask;
    this.most_ = most;
    this.server_ = null;
    this.entries = [];
  }

  async refresh(signal) {
    const after = this.entries.at(-1)?.number ?? 0;
    let said = await this.ask_(after, signal);
    if (this.server_ !== null && said.server !== this.server_) {
      this.entries = [];
      if (after > 0) said = await this.ask_(0, signal);
    }
    this.server_ = said.server;
    const last = this.entries.at(-1)?.number ?? 0;
    const fresh = (said.samples ?? said.events).filter((entry) => entry.number > last);
    this.entries = this.entries.concat(fresh.map(dated)).slice(-this.most_);
  }
}

const dated = (entry) => ({...entry, time: Date.parse(entry.time)});

export class History {
  constructor() {
    this.samples_ = new Series(api.history, kSamplesMax);
    this.events_ = new Series(api.events, kEventsMax);
    this.sampledAt_ = -Infinity;
  }

  get samples() {
    return this.samples_.entries;
  }
  get events() {
    return this.events_.entries;
  }

  async refresh(signal) {
    const asked = [this.events_.refresh(signal)];
    const now = performance.now();
    if (now - this.sampledAt_ >= kSampleMs) {
      this.sampledAt_ = now;
      asked.push(this.samples_.refresh(signal));
    }
    await Promise.all(asked);
  }
}
