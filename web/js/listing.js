// What is known of one directory: the entries that were loaded so far, in the order of the server,
// and the view of them, which is filtered and sorted. A directory may have millions of entries:
// they come page by page, and each is kept small.
import {api} from './api.js';
import {compareNames, nameOfBytes} from './names.js';

const kFirstPage = 200; // Quick to show.
const kPage = 800;
const kPageAgain = 1000; // More may have come since; no server gives more.

export function entryOf(said) {
  const modified = Date.parse(said.modified);
  return {
    name: said.name_bytes === undefined ? String(said.name) : nameOfBytes(said.name_bytes),
    directory: said.type === 'directory',
    size: said.size,
    blocks: said.blocks,
    replicas: said.replicas,
    modified: Number.isNaN(modified) ? null : modified,
    permission: said.permission,
    owner: said.owner,
    group: said.group,
  };
}

const same = (a, b) =>
  a.name === b.name &&
  a.directory === b.directory &&
  a.size === b.size &&
  a.modified === b.modified &&
  a.replicas === b.replicas &&
  a.permission === b.permission;

const by = {
  name: (a, b) => compareNames(a.name, b.name),
  size: (a, b) => (a.directory ? -1 : (a.size ?? -1)) - (b.directory ? -1 : (b.size ?? -1)),
  modified: (a, b) => (a.modified ?? 0) - (b.modified ?? 0),
  replicas: (a, b) =>
    (a.directory ? -1 : (a.replicas ?? -1)) - (b.directory ? -1 : (b.replicas ?? -1)),
};

// Two sorted lists become one.
function merge(a, b, compare) {
  if (a.length === 0 || b.length === 0 || compare(a[a.length - 1], b[0]) <= 0) return a.concat(b);
  const merged = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) merged.push(compare(b[j], a[i]) < 0 ? b[j++] : a[i++]);
  return merged.concat(a.slice(i), b.slice(j));
}

export class Listing {
  // `hides(name)`: whether an entry is not to be shown.
  constructor(path, hides) {
    this.path = path;
    this.entries = [];
    this.view = [];
    this.next = null; // The cursor of what has not been loaded.
    this.begun = false;
    this.filter = '';
    this.sort = {key: 'name', descending: false};
    this.hides_ = hides;
    this.pages_ = []; // {cursor, after}: what was asked, and the last name before it.
    this.turn_ = 0;
    this.ending_ = new AbortController();
    this.loading_ = null;
  }

  get inServersOrder() {
    return this.sort.key === 'name' && !this.sort.descending;
  }
  get complete() {
    return this.begun && this.next === null;
  }
  get loading() {
    return this.loading_ !== null;
  }

  // Nothing that is under way changes it any more.
  end() {
    this.ending_.abort();
  }

  // The first page; takes one that was loaded by whoever found out that this is a directory.
  begin(page) {
    this.begun = true;
    this.take_(null, page);
  }

  static firstPage(path, signal) {
    return api.look(path, {limit: kFirstPage, signal});
  }

  // The next page, once at a time.
  loadMore() {
    if (this.complete) return Promise.resolve();
    this.loading_ ??= this.loadNext_().finally(() => {
      this.loading_ = null;
    });
    return this.loading_;
  }

  async loadNext_() {
    const cursor = this.next;
    this.take_(
      cursor,
      await api.look(this.path, {cursor, limit: kPage, signal: this.ending_.signal}),
    );
  }

  take_(cursor, page) {
    const last = this.entries.at(-1)?.name ?? null;
    this.pages_.push({cursor, after: last});
    // What a page repeats of the one before it is not taken twice.
    const added = page.entries
      .map(entryOf)
      .filter((entry) => last === null || compareNames(entry.name, last) > 0);
    this.next = page.next ?? null;
    this.entries.push(...added);
    this.view = merge(this.view, this.arranged_(added), this.compare_());
  }

  // Asks again for the page that holds `name`, or, with none, for each in turn; whether anything has
  // changed. What the answer spans, from its first name to its last, takes the place of what was
  // there.
  async refresh(name) {
    const page =
      name === null ? this.pages_[this.turn_++ % this.pages_.length] : this.pageOf_(name);
    const said = await api.look(this.path, {
      cursor: page.cursor,
      limit: kPageAgain,
      signal: this.ending_.signal,
    });
    if (said.type !== 'directory') return false;
    return this.replace_(page.after, said);
  }

  pageOf_(name) {
    return this.pages_.findLast(({after}) => after === null || compareNames(after, name) < 0);
  }

  replace_(after, said) {
    const fresh = said.entries.map(entryOf);
    const end = (said.next ?? null) === null || fresh.length === 0 ? null : fresh.at(-1).name;
    const from = after === null ? 0 : this.lowerBound_(after) + (this.has_(after) ? 1 : 0);
    const to =
      end === null ? this.entries.length : this.lowerBound_(end) + (this.has_(end) ? 1 : 0);
    const old = this.entries.slice(from, to);
    // An answer that reaches beyond what is loaded takes the place of the cursor, too.
    if (to === this.entries.length) this.next = said.next ?? null;
    if (old.length === fresh.length && old.every((entry, at) => same(entry, fresh[at])))
      return false;
    this.entries = this.entries.slice(0, from).concat(fresh, this.entries.slice(to));
    this.arrange();
    return true;
  }

  // The first entry that is not before the name.
  lowerBound_(name) {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareNames(this.entries[middle].name, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  has_(name) {
    return this.entries[this.lowerBound_(name)]?.name === name;
  }
  get(name) {
    const entry = this.entries[this.lowerBound_(name)];
    return entry?.name === name ? entry : null;
  }

  // Takes an entry out at once, of which it is known that it has gone.
  drop(name) {
    if (!this.has_(name)) return;
    this.entries.splice(this.lowerBound_(name), 1);
    this.arrange();
  }

  arrange() {
    this.view = this.arranged_(this.entries);
  }

  arranged_(entries) {
    const words = this.filter.toLowerCase();
    const shown = entries.filter(
      (entry) =>
        !this.hides_(entry.name) && (words === '' || entry.name.toLowerCase().includes(words)),
    );
    const {key, descending} = this.sort;
    if (key === 'name') return descending ? shown.reverse() : shown;
    return shown.sort(this.compare_());
  }

  compare_() {
    const {key, descending} = this.sort;
    const compare = by[key];
    return descending ? (a, b) => compare(b, a) : compare;
  }
}
