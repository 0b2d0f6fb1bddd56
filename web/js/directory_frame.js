// What stands around the rows of a directory: its path above, their number below, and what is said
// where there are none.
import {announce, button, element, find, showState} from './dom.js';
import {count, number} from './format.js';
import {hashOf, join, parentOf, partsOf} from './paths.js';

export function showCrumbs(path) {
  const crumb = (words, there) =>
    element('a', {
      href: hashOf(there),
      text: words,
      'aria-current': there === path ? 'page' : null,
    });
  const crumbs = [crumb('Files', '/')];
  let there = '/';
  for (const part of partsOf(path)) {
    there = join(there, part);
    crumbs.push(
      element('span', {class: 'separator', text: '/', 'aria-hidden': 'true'}),
      crumb(part, there),
    );
  }
  find('crumbs').replaceChildren(...crumbs);
  find('crumbs').scrollLeft = find('crumbs').scrollWidth; // The end of it matters most.
}

export function showWaiting() {
  find('state').hidden = true;
  find('load-more').hidden = true;
  find('count').textContent = 'Loading …';
}

// How many there are, and what stands there when there are none.
export function showCount(listing) {
  const {entries, view, filter, complete, begun} = listing;
  if (!begun) return;
  const loaded = `${number(entries.length)}${complete ? '' : '+'}`;
  const all = complete
    ? count(view.length, 'entry', 'entries')
    : `${number(view.length)} entries loaded, more as you scroll`;
  find('count').textContent = filter === '' ? all : `${number(view.length)} of ${loaded} match`;
  // In the order of the server more comes by scrolling.
  find('load-more').hidden = complete || (filter === '' && listing.inServersOrder);
  const state = find('state');
  state.hidden = view.length > 0 || listing.loading || !(complete || filter !== '');
  if (state.hidden) return;
  if (filter === '')
    showState(state, 'directory', 'This directory is empty', 'Drop files here, or upload some.');
  else if (complete)
    showState(state, 'search', 'Nothing matches', `No name here has “${filter}” in it.`);
  else
    showState(
      state,
      'search',
      'Nothing matches',
      `None of the ${loaded} names that are loaded has “${filter}” in it.`,
    );
}

export function showFailure(path, error, retry) {
  const state = find('state');
  find('count').textContent = '';
  find('load-more').hidden = true;
  const again = button('plain', 'Try again', 'retry', retry);
  if (error.status === 404) {
    const up = element('a', {
      class: 'link',
      href: hashOf(parentOf(path)),
      text: `Go to ${parentOf(path)}`,
    });
    showState(
      state,
      'directory',
      'There is nothing here',
      `${path} does not exist, or no longer.`,
      path === '/' ? again : up,
    );
  } else {
    showState(state, 'trouble', 'This cannot be shown now', error.message, again, true);
  }
  announce(state.textContent);
}
