// What one can do to the entries of the directory that is shown, and the menus that offer it.
import {api} from './api.js';
import {askName} from './dialogs.js';
import {element, find} from './dom.js';
import {join, nameOf, parentOf} from './paths.js';
import {kindOf} from './format.js';
import {showMenu} from './menu.js';

export class EntryActions {
  // on: {listing(), open(entry), made(path), renamed(path, target), removed(path)}.
  constructor(removals, on) {
    this.removals_ = removals;
    this.on_ = on;
  }

  // Nobody wants a directory that is there already, and a name of one as the new name would mean to
  // the server that the entry moves into it.
  async free_(path) {
    await this.removals_.settle(path);
    const listing = this.on_.listing();
    if (listing.path === parentOf(path) && listing.get(nameOf(path)))
      throw new Error('This name exists already.');
  }

  async makeDirectory() {
    const {path} = this.on_.listing();
    const name = await askName({
      title: 'New directory',
      label: 'Name of the directory',
      confirm: 'Create',
      act: async (wanted) => {
        await this.free_(join(path, wanted));
        await api.makeDirectory(join(path, wanted));
      },
    });
    if (name !== null) this.on_.made(join(path, name));
  }

  async rename(path) {
    const above = parentOf(path);
    const name = await askName({
      title: 'Rename',
      label: 'New name',
      value: nameOf(path),
      confirm: 'Rename',
      act: async (wanted) => {
        await this.free_(join(above, wanted));
        await api.rename(path, join(above, wanted));
      },
    });
    if (name !== null) this.on_.renamed(path, join(above, name));
  }

  remove(path, directory) {
    this.removals_.remove(path, directory);
    this.on_.removed(path);
  }

  download(path) {
    const link = element('a', {href: api.downloadAddress(path), download: nameOf(path)});
    document.body.append(link);
    link.click();
    link.remove();
  }

  // Does what a key means for the entry; whether it means anything.
  key(event, entry) {
    const path = join(this.on_.listing().path, entry.name);
    if (event.key === 'Delete') this.remove(path, entry.directory);
    else if (event.key === 'F2') this.rename(path);
    else if (event.key === 'd' && !entry.directory) this.download(path);
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      this.showMenu(entry, find('rows').querySelector('.row.active button'));
    } else return false;
    return true;
  }

  showMenu(entry, anchor) {
    const path = join(this.on_.listing().path, entry.name);
    showMenu(anchor, [
      {
        words: entry.directory ? 'Open' : 'Details',
        iconName: entry.directory ? 'directory' : kindOf(entry.name),
        key: 'Enter',
        act: () => this.on_.open(entry),
      },
      !entry.directory && {
        words: 'Download',
        iconName: 'download',
        key: 'D',
        act: () => this.download(path),
      },
      {words: 'Rename', iconName: 'rename', key: 'F2', act: () => this.rename(path)},
      // Only a page that came over a safe connection, or from this machine, has a clipboard.
      navigator.clipboard && {
        words: 'Copy path',
        iconName: 'copy',
        act: () => navigator.clipboard.writeText(path),
      },
      {
        words: 'Delete',
        iconName: 'delete',
        key: 'Del',
        danger: true,
        act: () => this.remove(path, entry.directory),
      },
    ]);
  }

  showUploadMenu(anchor) {
    showMenu(anchor, [
      {words: 'Files', iconName: 'file', key: 'U', act: () => find('upload-files').click()},
      {words: 'A directory', iconName: 'directory', act: () => find('upload-directory').click()},
    ]);
  }
}
