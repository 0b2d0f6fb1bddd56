// The view of the files: which directory is open, that it stays true, and what keys mean there.
import {announce, find} from './dom.js';
import {Details} from './details.js';
import {EntryActions} from './entry_actions.js';
import {FileTable} from './file_table.js';
import {hashOf, join, nameOf, parentOf} from './paths.js';
import {Listing, entryOf} from './listing.js';
import {notifyError} from './notices.js';
import {Removals} from './removals.js';
import {showCount, showCrumbs, showFailure, showWaiting} from './directory_frame.js';
import {showKeys} from './dialogs.js';
import {unreachable} from './api.js';
import {UploadTray} from './upload_tray.js';

const kSkeletonMs = 150; // What comes sooner needs no sign that it is coming.
const kSettleMs = 100; // What is stored in this time is shown at once.

export class FilesView {
  constructor() {
    this.view_ = find('files');
    this.listing_ = null;
    this.failed_ = false; // And may come back.
    this.opening_ = new AbortController();
    this.selectNext_ = null; // The name that is to be active when it is there.
    this.focusDetails_ = false;
    this.refreshing_ = null;
    this.refreshSoon_ = 0;
    this.removals_ = new Removals((path, how) => this.removalChanged_(path, how));
    this.uploads_ = new UploadTray({
      directory: () => (this.view_.hidden ? null : this.path),
      stored: (path) => this.changedAt_(path),
      settle: (path) => this.removals_.settle(path),
    });
    this.actions_ = new EntryActions(this.removals_, {
      listing: () => this.listing_,
      open: (entry) => this.openEntry_(entry),
      made: (path) => this.madeNew_(path, `Created ${nameOf(path)}`),
      renamed: (path, target) => this.renamed_(path, target),
      removed: (path) => this.removed_(path),
    });
    this.table_ = new FileTable({
      open: (entry, byKey) => this.openEntry_(entry, byKey),
      menu: (entry, anchor) => this.actions_.showMenu(entry, anchor),
      key: (event, entry) => this.key_(event, entry),
      sort: () => showCount(this.listing_),
      needMore: () => this.loadMore_(false),
    });
    this.details_ = new Details({
      close: () => this.closeDetails_(),
      rename: (path) => this.actions_.rename(path),
      remove: (path) => this.actions_.remove(path, false),
    });
    this.connectTools_();
    document.addEventListener('keydown', (event) => this.pageKey_(event));
  }

  connectTools_() {
    const filter = find('filter');
    filter.addEventListener('input', () => this.filterBy_(filter.value));
    filter.addEventListener('keydown', (event) => {
      if (!['Escape', 'Enter', 'ArrowDown'].includes(event.key)) return;
      event.preventDefault();
      if (event.key === 'Escape') this.filterBy_((filter.value = ''));
      this.table_.focus();
      if (!this.table_.active) this.table_.activate(0);
    });
    find('load-more').addEventListener('click', () => this.loadMore_(true));
    find('upload').addEventListener('click', (event) =>
      this.actions_.showUploadMenu(event.currentTarget),
    );
    find('new-directory').addEventListener('click', () => this.actions_.makeDirectory());
  }

  get path() {
    return this.listing_?.path ?? '/';
  }

  hide() {
    this.view_.hidden = true;
  }

  // Shows the directory at `path`, or the file there within its directory.
  async show(path) {
    this.view_.hidden = false;
    document.title = `${path === '/' ? 'Files' : nameOf(path)} · minidfs`;
    this.opening_.abort();
    this.opening_ = new AbortController();
    const {signal} = this.opening_;
    if (this.listing_?.begun && (path === this.path || this.fileHere_(path))) {
      this.showDetails_(path);
      return;
    }
    const waiting = setTimeout(() => this.startWaiting_(path), kSkeletonMs);
    try {
      await this.load_(path, signal);
    } catch (error) {
      if (!signal.aborted) this.fail_(path, error);
    } finally {
      clearTimeout(waiting);
      if (!signal.aborted) this.table_.waiting = false;
    }
  }

  fileHere_(path) {
    const entry = parentOf(path) === this.path ? this.listing_.get(nameOf(path)) : null;
    return entry !== null && !entry.directory && path !== '/';
  }

  async load_(path, signal) {
    let said = await Listing.firstPage(path, signal);
    let file = null;
    if (said.type !== 'directory') {
      file = entryOf({...said, name: nameOf(path), name_bytes: undefined});
      said = await Listing.firstPage(parentOf(path), signal);
    }
    if (signal.aborted) return;
    this.replaceListing_(file ? parentOf(path) : path);
    this.listing_.begin(said);
    this.table_.show(this.listing_);
    this.table_.activateName(this.selectNext_ ?? file?.name ?? '');
    this.selectNext_ = null;
    this.showDetails_(path, file);
    showCount(this.listing_);
    announce(`${this.path}, ${find('count').textContent}`);
    if (document.activeElement === document.body) this.table_.focus();
  }

  replaceListing_(path) {
    this.listing_?.end();
    this.listing_ = new Listing(path, (name) => this.removals_.hides(join(path, name)));
    this.failed_ = false;
    find('filter').value = '';
    showCrumbs(path);
  }

  // There are no entries to show yet, or none at all.
  showNothing_(path) {
    this.replaceListing_(path);
    this.table_.show(this.listing_);
    this.details_.close();
    this.view_.classList.remove('detailed');
  }

  startWaiting_(path) {
    this.showNothing_(path);
    this.table_.waiting = true;
    showWaiting();
  }

  fail_(path, error) {
    this.showNothing_(path);
    this.failed_ = error.status !== 404;
    showFailure(path, error, () => this.show(path));
  }

  // What is filtered or sorted is what is loaded: more only when it is asked for, or scrolled to.
  async loadMore_(asked) {
    const listing = this.listing_;
    if (!listing?.begun || listing.complete || listing.loading) return;
    if (!asked && listing.filter !== '') return;
    try {
      await listing.loadMore();
    } catch (error) {
      if (this.listing_ === listing && error.name !== 'AbortError' && asked)
        notifyError('No more could be loaded', error);
      return;
    }
    if (this.listing_ !== listing) return;
    this.table_.update();
    showCount(listing);
  }

  filterBy_(words) {
    this.listing_.filter = words;
    this.listing_.arrange();
    this.table_.update();
    showCount(this.listing_);
    announce(find('count').textContent);
  }

  // Asks for what is in sight again. Throws what keeps it from that.
  refresh() {
    this.refreshing_ ??= this.refreshOnce_().finally(() => {
      this.refreshing_ = null;
    });
    return this.refreshing_;
  }

  async refreshOnce_() {
    const listing = this.listing_;
    if (!listing?.begun) {
      if (this.failed_) await this.show(this.path);
      if (this.failed_) throw unreachable();
      return;
    }
    const changed = await listing
      .refresh(listing.inServersOrder ? this.table_.firstName : null)
      .catch((error) => {
        if (error.name === 'AbortError') return false;
        throw error;
      });
    if (this.listing_ === listing && changed) this.showChanges_();
  }

  showChanges_() {
    this.table_.update();
    showCount(this.listing_);
    if (this.selectNext_ !== null && this.listing_.get(this.selectNext_)) {
      this.table_.activateName(this.selectNext_);
      this.selectNext_ = null;
    }
    const entry = this.details_.path && this.listing_.get(nameOf(this.details_.path));
    if (entry) this.details_.follow(entry);
  }

  // Something was stored, made or renamed at `path`.
  changedAt_(path) {
    if (parentOf(path) !== this.path) return;
    clearTimeout(this.refreshSoon_);
    this.refreshSoon_ = setTimeout(() => this.refresh().catch(() => {}), kSettleMs);
  }

  removalChanged_(path, how) {
    if (!this.listing_ || parentOf(path) !== this.path) return;
    if (how === 'gone') this.listing_.drop(nameOf(path));
    else this.listing_.arrange();
    this.table_.update();
    showCount(this.listing_);
    if (how !== 'shown') return;
    this.table_.activateName(nameOf(path));
    if (document.activeElement === document.body) this.table_.focus();
  }

  madeNew_(path, words) {
    announce(words);
    if (this.path !== parentOf(path)) return;
    this.selectNext_ = nameOf(path);
    this.table_.focus();
    return this.refresh().catch(() => {});
  }

  async renamed_(path, target) {
    if (this.path === parentOf(path)) this.listing_.drop(nameOf(path));
    await this.madeNew_(target, `Renamed to ${nameOf(target)}`);
    // The panel of the file goes on under its new name.
    if (this.details_.path === path)
      location.replace(hashOf(this.listing_.get(nameOf(target)) ? target : this.path));
  }

  removed_(path) {
    if (this.details_.path === path) this.closeDetails_();
    this.table_.focus();
  }

  openEntry_(entry, byKey = false) {
    const hash = hashOf(join(this.path, entry.name));
    this.focusDetails_ = byKey && !entry.directory;
    if (location.hash === hash) this.showDetails_(join(this.path, entry.name));
    else location.hash = hash;
  }

  // For the directory itself: none.
  showDetails_(path, known = null) {
    const file = path === this.path ? null : (known ?? this.listing_.get(nameOf(path)));
    this.view_.classList.toggle('detailed', file !== null);
    this.table_.opened = file?.name ?? null;
    if (!file) {
      this.details_.close();
      return;
    }
    this.details_.open(path, file);
    if (this.focusDetails_) this.details_.focus();
    this.focusDetails_ = false;
  }
  closeDetails_() {
    location.hash = hashOf(this.path);
    this.table_.focus();
  }

  // Keys in the list, beside those that move in it.
  key_(event, entry) {
    if (event.key === 'Backspace' && this.path !== '/') {
      this.selectNext_ = nameOf(this.path);
      location.hash = hashOf(parentOf(this.path));
    } else if (!entry || !this.actions_.key(event, entry)) {
      return;
    }
    event.preventDefault();
  }

  // Keys anywhere, but where one writes or is asked something.
  pageKey_(event) {
    if (
      this.view_.hidden ||
      event.defaultPrevented ||
      document.querySelector('dialog[open], .menu')
    )
      return;
    if (event.target.matches('input, textarea')) return;
    if ((event.ctrlKey || event.metaKey) && event.key === 'z') this.removals_.undoLast();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === '/') find('filter').focus();
    else if (event.key === 'n') this.actions_.makeDirectory();
    else if (event.key === 'u') find('upload-files').click();
    else if (event.key === '?') showKeys();
    else if (event.key === 'Escape' && this.details_.path) this.closeDetails_();
    else if (event.key === 'ArrowDown' && event.target === document.body) this.table_.focus();
    else return;
    event.preventDefault();
  }
}
