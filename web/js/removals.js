// Deletions that can still be taken back. What is deleted disappears from the page at once; the
// server is told when the time for a change of mind is over, or when the page is left.
import {api} from './api.js';
import {notify, notifyError} from './notices.js';
import {nameOf} from './paths.js';

const kUndoMs = 8000;

export class Removals {
  // `changed(path, how)`: from now on the path is 'hidden', 'shown' (again) or 'gone'.
  constructor(changed) {
    this.changed_ = changed;
    this.pending_ = new Map(); // By path.
    addEventListener('pagehide', () => this.sendAll_());
  }

  hides(path) {
    return this.pending_.has(path);
  }

  remove(path, directory) {
    if (this.pending_.has(path)) return;
    const words = `Deleted ${directory ? 'directory ' : ''}“${nameOf(path)}”${directory ? ' and all that is in it' : ''}`;
    const removal = {
      timer: setTimeout(() => this.send_(path), kUndoMs),
      sent: false,
      dismiss: null,
    };
    this.pending_.set(path, removal);
    removal.dismiss = notify({
      words,
      countdown: true,
      ms: kUndoMs,
      action: {words: 'Undo', act: () => this.undo(path)},
    });
    this.changed_(path, 'hidden');
  }

  undo(path) {
    const removal = this.pending_.get(path);
    if (!removal || removal.sent) return;
    clearTimeout(removal.timer);
    removal.dismiss();
    this.pending_.delete(path);
    this.changed_(path, 'shown');
  }
  undoLast() {
    const last = [...this.pending_].reverse().find(([, removal]) => !removal.sent);
    if (last) this.undo(last[0]);
  }

  // Before something is stored at or below a path that was deleted: it must not go with it.
  async settle(path) {
    const concerned = [...this.pending_.keys()].filter(
      (gone) => path === gone || path.startsWith(`${gone}/`),
    );
    await Promise.all(concerned.map((gone) => this.send_(gone)));
  }

  async send_(path) {
    const removal = this.pending_.get(path);
    if (!removal || removal.sent) return;
    removal.sent = true;
    clearTimeout(removal.timer);
    removal.dismiss();
    let gone = true;
    try {
      await api.remove(path);
    } catch (error) {
      gone = error.status === 404;
      if (!gone) notifyError(`“${nameOf(path)}” was not deleted`, error);
    }
    this.pending_.delete(path);
    this.changed_(path, gone ? 'gone' : 'shown');
  }

  sendAll_() {
    for (const [path, removal] of this.pending_) {
      if (removal.sent) continue;
      removal.sent = true;
      clearTimeout(removal.timer);
      // Should the page be shown again after all, it shows what there is.
      api
        .remove(path, true)
        .catch(() => {})
        .then(() => this.pending_.delete(path));
    }
  }
}
