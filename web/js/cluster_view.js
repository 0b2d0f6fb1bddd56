// The view of the cluster: how it is, which nodes there are, what is being repaired.
import {announce, button, element, find, redraw, showState} from './dom.js';
import {api} from './api.js';
import {clusterName} from './format.js';
import {capacity, figures, headline, quorum, racks, repairs} from './cluster_parts.js';
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
    const said = await api.cluster(this.asking_.signal);
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
        racks(said),
        quorum(said),
      ),
    ]);
    const {title} = verdict(said);
    if (this.title_ !== null && this.title_ !== title) announce(title);
    this.title_ = title;
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
