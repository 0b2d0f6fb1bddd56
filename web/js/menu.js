// A menu at a button, of one level. The keys are those of all menus: arrows, enter, escape.
import {element, icon} from './dom.js';

let closeOpen = () => {};

// items: {words, iconName, danger, act()} or null for a line between two.
export function showMenu(anchor, items) {
  closeOpen();
  const returnTo = document.activeElement;
  const menu = element(
    'div',
    {class: 'menu', role: 'menu'},
    ...items.filter(Boolean).map((item) =>
      element(
        'button',
        {
          type: 'button',
          role: 'menuitem',
          tabindex: '-1',
          class: item.danger ? 'danger' : null,
          onclick: () => {
            close();
            item.act();
          },
        },
        icon(item.iconName),
        element('span', {text: item.words}),
        item.key && element('kbd', {text: item.key}),
      ),
    ),
  );

  function close() {
    closeOpen = () => {};
    document.removeEventListener('pointerdown', outside, true);
    window.removeEventListener('hashchange', close);
    menu.remove();
    returnTo?.focus({preventScroll: true});
  }
  function outside(event) {
    if (!menu.contains(event.target)) close();
  }
  function step(by) {
    const buttons = [...menu.children];
    const at = buttons.indexOf(document.activeElement);
    buttons.at((at + by + buttons.length) % buttons.length).focus();
  }
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') step(1);
    else if (event.key === 'ArrowUp') step(-1);
    else if (event.key === 'Escape' || event.key === 'Tab') close();
    else if (event.key !== 'Home' && event.key !== 'End') return;
    if (event.key === 'Home') menu.firstElementChild.focus();
    if (event.key === 'End') menu.lastElementChild.focus();
    event.preventDefault();
    event.stopPropagation();
  });

  document.body.append(menu);
  place(menu, anchor.getBoundingClientRect());
  document.addEventListener('pointerdown', outside, true);
  window.addEventListener('hashchange', close);
  closeOpen = close;
  menu.firstElementChild.focus();
}

// Below the button, or above where there is no room, and within the window.
function place(menu, at) {
  const margin = 8;
  const left = Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - margin);
  const below = at.bottom + 4;
  const above = at.top - menu.offsetHeight - 4;
  menu.style.left = `${Math.max(margin, left)}px`;
  menu.style.top = `${below + menu.offsetHeight + margin <= innerHeight ? below : Math.max(margin, above)}px`;
}
