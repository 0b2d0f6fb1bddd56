// The rows of a directory: a grid with one active row, of which the keys and the mouse make
// choices. What follows from a choice is for whoever made the table.
import {find} from './dom.js';
import {bytes, exactMoment, kindOf, moment, number} from './format.js';
import {hashOf, join} from './paths.js';
import {VirtualList} from './virtual_list.js';

const kNearEnd = 300; // So many rows before the end the next page is asked for.

export class FileTable {
  // on: {open(entry), menu(entry, button), key(event, entry), sort(), needMore()}.
  constructor(on) {
    this.on_ = on;
    this.rows_ = find('rows');
    this.template_ = find('row');
    this.listing_ = null;
    this.active_ = -1;
    this.activeName_ = null;
    this.openedName_ = null;
    this.list_ = new VirtualList(this.rows_, {
      make: () => this.template_.content.firstElementChild.cloneNode(true),
      fill: (row, index) => this.fill_(row, index),
      drawn: () => this.drawn_(),
    });
    this.rows_.addEventListener('click', (event) => this.click_(event));
    this.rows_.addEventListener('keydown', (event) => this.key_(event));
    this.rows_.addEventListener('contextmenu', (event) => this.contextMenu_(event));
    find('table')
      .querySelectorAll('.column[data-sort]')
      .forEach((column) => {
        column.addEventListener('click', () => this.sortBy_(column.dataset.sort));
      });
  }

  get active() {
    return this.listing_?.view[this.active_] ?? null;
  }
  get firstName() {
    return this.listing_?.view[this.list_.first]?.name ?? null;
  }
  get lastName() {
    return this.listing_?.view[this.list_.last - 1]?.name ?? null;
  }

  focus() {
    this.rows_.focus({preventScroll: true});
  }
  set waiting(value) {
    this.rows_.classList.toggle('waiting', value);
  }

  // Another directory, or none yet.
  show(listing) {
    this.listing_ = listing;
    this.active_ = -1;
    this.activeName_ = null;
    this.list_.toTop();
    this.update();
    this.showSort_();
  }

  // The view of the listing has changed: the active row stays with its name.
  update() {
    const view = this.listing_?.view ?? [];
    if (this.activeName_ !== null && view[this.active_]?.name !== this.activeName_) {
      const found = view.findIndex((entry) => entry.name === this.activeName_);
      this.active_ = found >= 0 ? found : Math.min(this.active_, view.length - 1);
      this.activeName_ = view[this.active_]?.name ?? null;
    }
    this.rows_.setAttribute('aria-rowcount', this.listing_?.complete ? view.length : -1);
    this.list_.setCount(view.length);
  }

  // The row whose details are shown.
  set opened(name) {
    this.openedName_ = name;
    this.list_.draw();
  }

  activate(index) {
    const view = this.listing_?.view ?? [];
    if (view.length === 0) return;
    this.active_ = Math.max(0, Math.min(view.length - 1, index));
    this.activeName_ = view[this.active_].name;
    this.list_.reveal(this.active_);
    const row = this.list_.rowAt(this.active_);
    if (row) this.rows_.setAttribute('aria-activedescendant', row.id);
  }
  activateName(name) {
    const index = this.listing_?.view.findIndex((entry) => entry.name === name) ?? -1;
    if (index >= 0) this.activate(index);
  }

  fill_(row, index) {
    const entry = this.listing_.view[index];
    row.id = `row-${index}`;
    row.classList.toggle('active', index === this.active_);
    row.classList.toggle('opened', entry.name === this.openedName_);
    row.setAttribute('aria-rowindex', index + 1);
    row.setAttribute('aria-selected', index === this.active_);
    if (row.entry === entry && row.directoryPath === this.listing_.path) return;
    row.entry = entry;
    row.directoryPath = this.listing_.path;
    row.classList.toggle('directory', entry.directory);
    const [name, size, modified, replicas, more] = row.children;
    name
      .querySelector('use')
      .setAttribute('href', `#icon-${entry.directory ? 'directory' : kindOf(entry.name)}`);
    const link = name.querySelector('a');
    link.textContent = entry.name;
    link.title = entry.name;
    link.href = hashOf(join(this.listing_.path, entry.name));
    size.textContent = entry.directory ? '' : bytes(entry.size);
    modified.textContent = moment(entry.modified);
    modified.title = exactMoment(entry.modified);
    replicas.textContent = entry.directory ? '' : number(entry.replicas);
    more.firstElementChild.setAttribute('aria-label', `Actions for ${entry.name}`);
  }

  drawn_() {
    if (this.listing_ && this.list_.last > this.listing_.view.length - kNearEnd)
      this.on_.needMore();
  }

  rowOf_(event) {
    const row = event.target.closest('.row');
    return row && this.rows_.contains(row) ? row : null;
  }

  click_(event) {
    const row = this.rowOf_(event);
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return; // A new tab, as for any link.
    this.activate(Number(row.getAttribute('aria-rowindex')) - 1);
    event.preventDefault();
    const more = event.target.closest('button');
    if (more) this.on_.menu(row.entry, more);
    else this.on_.open(row.entry);
  }

  contextMenu_(event) {
    const row = this.rowOf_(event);
    if (!row || event.shiftKey) return; // With shift it is the browser's own.
    event.preventDefault();
    this.activate(Number(row.getAttribute('aria-rowindex')) - 1);
    this.on_.menu(row.entry, row.querySelector('button'));
  }

  key_(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: this.list_.page,
      PageUp: -this.list_.page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in steps) {
      event.preventDefault();
      this.activate(this.active_ < 0 && event.key !== 'End' ? 0 : this.active_ + steps[event.key]);
    } else if (event.key === 'Enter' && this.active) {
      event.preventDefault();
      this.on_.open(this.active, true);
    } else {
      this.on_.key(event, this.active);
    }
  }

  sortBy_(key) {
    const {sort} = this.listing_;
    // Of a number the largest is looked for, of a time the latest.
    const descending = sort.key === key ? !sort.descending : key !== 'name';
    this.listing_.sort = {key, descending};
    this.listing_.arrange();
    this.list_.toTop();
    this.update();
    this.showSort_();
    this.on_.sort();
  }

  showSort_() {
    const {key, descending} = this.listing_?.sort ?? {};
    find('table')
      .querySelectorAll('.column[data-sort]')
      .forEach((column) => {
        if (column.dataset.sort !== key) delete column.dataset.order;
        else column.dataset.order = descending ? 'descending' : 'ascending';
        const order = column.dataset.order ? `, sorted ${column.dataset.order}` : '';
        column.setAttribute('aria-label', `${column.textContent.trim()}${order}`);
      });
  }
}
