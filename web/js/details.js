// The panel beside the rows: all about one file, its beginning, and where its blocks are.
import {api} from './api.js';
import {button, element, find, icon} from './dom.js';
import {bytes, count, exactMoment, kindOf, number, permission} from './format.js';
import {nameOf} from './paths.js';
import {previewOf} from './preview.js';

const kBlocksAtOnce = 50;

export class Details {
  // on: {close(), rename(path), remove(path)}.
  constructor(on) {
    this.on_ = on;
    this.panel_ = find('details');
    this.path = null;
    this.ending_ = new AbortController();
    this.panel_.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      on.close();
    });
  }

  close() {
    this.ending_.abort();
    this.path = null;
    this.panel_.hidden = true;
    this.panel_.replaceChildren();
  }

  // `entry` is what is known already, `stamp` what changes when the file does.
  async open(path, entry) {
    this.ending_.abort();
    this.ending_ = new AbortController();
    const {signal} = this.ending_;
    this.path = path;
    this.stamp_ = stampOf(entry);
    const facts = element('dl', {class: 'facts'});
    const preview = element(
      'section',
      {class: 'preview', 'aria-label': 'Preview'},
      element('p', {class: 'note', text: 'Loading …'}),
    );
    const blocks = element('section', {class: 'blocks', 'aria-label': 'Blocks'});
    this.panel_.replaceChildren(this.head_(path), this.actions_(path), preview, facts, blocks);
    this.panel_.scrollTop = 0;
    this.panel_.hidden = false;
    showFacts(facts, entry, null);
    await Promise.all([
      this.showPreview_(preview, path, entry, signal),
      this.showBlocks_(facts, blocks, path, entry, signal),
    ]);
  }

  // The entry as it is now: the panel is drawn again when the file is another one.
  follow(entry) {
    if (this.path !== null && stampOf(entry) !== this.stamp_) this.open(this.path, entry);
  }

  focus() {
    this.panel_.querySelector('h2')?.focus();
  }

  head_(path) {
    return element(
      'header',
      {},
      icon(kindOf(path)),
      element('h2', {text: nameOf(path), tabindex: '-1'}),
      button('quiet', 'Close details', 'close', () => this.on_.close()),
    );
  }

  actions_(path) {
    return element(
      'div',
      {class: 'actions'},
      element(
        'a',
        {class: 'download', href: api.downloadAddress(path), download: nameOf(path)},
        icon('download'),
        element('span', {text: 'Download'}),
      ),
      button('quiet', 'Rename', 'rename', () => this.on_.rename(path)),
      // Only a page that came over a connection that is safe, or from this machine, has a
      // clipboard.
      navigator.clipboard &&
        button('quiet', 'Copy path', 'copy', () => navigator.clipboard.writeText(path)),
      button('quiet', 'Delete', 'delete', () => this.on_.remove(path)),
    );
  }

  async showPreview_(place, path, entry, signal) {
    try {
      const shown = await previewOf(path, entry.name, entry.size, signal);
      if (!signal.aborted) place.replaceChildren(shown);
    } catch (error) {
      if (!signal.aborted)
        place.replaceChildren(element('p', {class: 'note', text: error.message}));
    }
  }

  async showBlocks_(facts, place, path, entry, signal) {
    try {
      const said = await api.look(path, {signal});
      if (signal.aborted) return;
      showFacts(facts, entry, said.block_size);
      showBlocks(place, said.locations ?? []);
    } catch (error) {
      if (!signal.aborted)
        place.replaceChildren(element('p', {class: 'note', text: error.message}));
    }
  }
}

const stampOf = (entry) => `${entry.size} ${entry.modified}`;

function showFacts(list, entry, blockSize) {
  const facts = [
    [
      'Size',
      entry.size >= 1024 ? `${bytes(entry.size)} (${number(entry.size)} bytes)` : bytes(entry.size),
    ],
    ['Modified', exactMoment(entry.modified)],
    ['Owner', [entry.owner, entry.group].filter(Boolean).join(' : ')],
    ['Permission', permission(entry.permission)],
    ['Copies', number(entry.replicas)],
    ['Block size', bytes(blockSize)],
  ];
  list.replaceChildren(
    ...facts
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [element('dt', {text: name}), element('dd', {text: value})]),
  );
}

function showBlocks(place, locations) {
  const list = element('ol');
  const more = button('plain', '', null, () => add());
  let shown = 0;
  function add() {
    const end = Math.min(locations.length, shown + kBlocksAtOnce);
    list.append(...locations.slice(shown, end).map((location, at) => block(location, shown + at)));
    shown = end;
    more.hidden = shown === locations.length;
    more.textContent = `Show more of ${count(locations.length, 'block')}`;
  }
  add();
  place.replaceChildren(
    element('h3', {text: locations.length === 0 ? 'No blocks' : count(locations.length, 'block')}),
    list,
    more,
  );
}

function block(location, at) {
  const nodes = location.nodes ?? [];
  return element(
    'li',
    {},
    element(
      'p',
      {},
      element('strong', {text: `Block ${number(at + 1)}`}),
      element('span', {
        text: bytes(location.length),
        title: `from byte ${number(location.offset)}`,
      }),
      element('span', {class: 'id', text: location.id ?? '', title: 'The block’s id'}),
    ),
    nodes.length === 0
      ? element('p', {class: 'missing'}, icon('trouble'), 'No datanode has it now')
      : element(
          'ul',
          {'aria-label': 'Copies'},
          ...nodes.map((node) =>
            element(
              'li',
              {},
              element('span', {text: node.address}),
              element('span', {class: 'rack', text: node.rack ?? ''}),
            ),
          ),
        ),
  );
}
