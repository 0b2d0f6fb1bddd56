// Making elements. Text goes in as text, never as HTML.

export const find = (id) => document.getElementById(id);

const kSvg = 'http://www.w3.org/2000/svg';

// One of the symbols of index.html.
export function icon(name) {
  const svg = document.createElementNS(kSvg, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(kSvg, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

// element('p', {class: 'x', text: 'y', onclick: f}, child, ...). Attributes that are null,
// undefined or false are left out, and so are such children.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') made.textContent = value;
    else if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(
    ...children.filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

// A button of an icon and words, or of an icon alone that says its words to those who cannot see
// it.
export function button(style, words, iconName, onclick, attributes = {}) {
  const quiet = style === 'quiet';
  return element(
    'button',
    {
      type: 'button',
      class: style,
      'aria-label': quiet && words,
      title: quiet && words,
      onclick,
      ...attributes,
    },
    iconName && icon(iconName),
    !quiet && element('span', {text: words}),
  );
}

export function bar(share, style = '') {
  const inner = element('span');
  inner.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
  return element('div', {class: `bar ${style}`, 'aria-hidden': 'true'}, inner);
}

// What stands where there is nothing else: empty, or an error.
export function showState(place, iconName, title, words, action = null, trouble = false) {
  place.className = trouble ? 'state trouble' : 'state';
  place.replaceChildren(
    ...[
      icon(iconName),
      element('h2', {text: title}),
      words && element('p', {text: words}),
      action,
    ].filter(Boolean),
  );
  place.hidden = false;
}

// Makes the children of `place` like `wanted` and touches only what differs, so that focus,
// selected text and running transitions stay. Listeners stay those of the first time: what is drawn
// again like this has them on a parent that remains.
export function redraw(place, wanted) {
  const there = [...place.childNodes];
  wanted.forEach((fresh, at) => {
    const old = there[at];
    if (!old) place.append(fresh);
    else if (old.nodeName !== fresh.nodeName) old.replaceWith(fresh);
    else if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
    } else adapt(old, fresh);
  });
  there.slice(wanted.length).forEach((old) => old.remove());
}

function adapt(old, fresh) {
  for (const {name} of [...old.attributes])
    if (!fresh.hasAttribute(name) && name !== 'style') old.removeAttribute(name);
  for (const {name, value} of fresh.attributes) {
    if (name !== 'style' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.width !== fresh.style.width) old.style.width = fresh.style.width;
  redraw(old, [...fresh.childNodes]);
}

// Says something to those who listen rather than look.
export function announce(words) {
  const announcer = find('announcer');
  if (announcer.textContent !== words) announcer.textContent = words;
}
