// The view of the cluster: how it is and was, which nodes there are, what is being repaired.
import {announce, button, element, find, redraw, showState} from './dom.js';
import {History} from './history.js';
import {api} from './api.js';
import {clusterName} from './format.js';
import {capacity, figures, headline, quorum, racks, repairs} from './cluster_parts.js';
import {charts} from './charts.js';
import {events, isGrave, wordsOf} from './events_part.js';
import {verdict} from './verdict.js';

const kRateWindow = 10; // Answers that the rate of repairs is taken from.

// How fast the bytes that are left become fewer, and how many there were at most.
class RepairRun {
  constructor() {
    this.reset_();
  }

  reset_() {
    this.most = 0;
    this.samples_ = [];
  }
  note(left, now) {
    if (!(left > 0)) return this.reset_();
    this.most = Math.max(this.most, left);
    this.samples_.push({left, now});
    if (this.samples_.length > kRateWindow) this.samples_.shift();
  }
  get perSecond() {
    const [first, last] = [this.samples_[0], this.samples_.at(-1)];
    if (!first || last.now - first.now < 1000 || last.left >= first.left) return null;
    return (1000 * (first.left - last.left)) / (last.now - first.now);
  }
}

export class ClusterView {
  constructor() {
    this.view_ = find('cluster');
    this.run_ = new RepairRun();
    this.history_ = new History();
    this.told_ = null; // The number of the last event that was said.
    this.shown_ = false;
    this.title_ = null;
    this.asking_ = new AbortController();
  }

  hide() {
    this.asking_.abort();
    this.view_.hidden = true;
  }

  async show() {
    this.view_.hidden = false;
    document.title = 'Cluster · minidfs';
    this.asking_ = new AbortController();
    try {
      await this.refresh();
    } catch (error) {
      if (!this.shown_ && error.name !== 'AbortError') this.showFailure_(error);
    }
  }

  async refresh() {
    const {signal} = this.asking_;
    // Without what was, what is can be shown all the same.
    const before = this.history_.refresh(signal).catch(() => {});
    const said = await api.cluster(signal);
    await before;
    this.run_.note(said.repairs?.bytes_left, performance.now());
    find('cluster-name').textContent = clusterName(said.cluster);
    if (!this.shown_) this.view_.replaceChildren();
    this.shown_ = true;
    redraw(this.view_, [
      element(
        'div',
        {class: 'page'},
        headline(said),
        capacity(said),
        figures(said),
        repairs(said, this.run_),
        charts(this.history_.samples),
        events(this.history_.events),
        racks(said),
        quorum(said),
      ),
    ]);
    this.tell_(verdict(said).title);
  }

  // What has changed since the time before, in one message: a second one would take its place.
  tell_(title) {
    const words = this.title_ !== null && this.title_ !== title ? [title] : [];
    const all = this.history_.events;
    const fresh = all.filter((event) => this.told_ !== null && event.number > this.told_);
    words.push(...fresh.filter(isGrave).map(wordsOf));
    if (words.length > 0) announce(words.join('. '));
    this.title_ = title;
    this.told_ = all.at(-1)?.number ?? 0;
  }

  showFailure_(error) {
    const place = element('div');
    showState(
      place,
      'trouble',
      'The cluster cannot be shown now',
      error.message,
      button('plain', 'Try again', 'retry', () => this.show()),
      true,
    );
    this.view_.replaceChildren(place);
  }
}
