// Questions that must be answered before anything else. Each gives a promise: the answer, or null.
import {element} from './dom.js';
import {bytes, count} from './format.js';
import {faultOfName} from './names.js';

function open(title, content, buttons, submit) {
  return new Promise((resolve) => {
    let answer = null;
    const fault = element('p', {class: 'fault', role: 'alert'});
    const form = element(
      'form',
      {method: 'dialog'},
      element('h2', {text: title, id: 'dialog-title'}),
      ...content,
      fault,
      element('div', {class: 'buttons'}, ...buttons),
    );
    const dialog = element('dialog', {'aria-labelledby': 'dialog-title'}, form);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      form.inert = true;
      const said = await submit(event.submitter?.value ?? '');
      form.inert = false;
      if (said.fault) {
        fault.textContent = said.fault;
        form.querySelector('input')?.focus();
        return;
      }
      answer = said.answer;
      dialog.close();
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const choice = (style, words, value) =>
  element('button', {type: 'submit', class: style, value, text: words});
const cancel = () => choice('plain', 'Cancel', 'cancel');

// A name for something. `act(name)` does what the name is for; when that fails the dialog stays and
// says why. The answer is the name.
export function askName({title, label, value = '', confirm, act}) {
  const input = element('input', {
    type: 'text',
    value,
    'aria-label': label,
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
  });
  const asked = open(
    title,
    [input],
    [cancel(), choice('primary', confirm, 'confirm')],
    async (button) => {
      if (button === 'cancel') return {answer: null};
      const name = input.value;
      const fault = faultOfName(name);
      if (fault) return {fault};
      if (value !== '' && name === value) return {answer: null};
      try {
        await act(name);
        return {answer: name};
      } catch (error) {
        return {fault: error.message};
      }
    },
  );
  // Enter is for confirming, though the first button is the other one.
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    input.form.requestSubmit(input.form.querySelector('.primary'));
  });
  input.focus();
  const dot = value.lastIndexOf('.');
  input.setSelectionRange(0, dot > 0 ? dot : value.length);
  return asked;
}

// What to do with a file whose name is taken: {what: 'replace' | 'rename' | 'skip', always}.
// `others` is how many wait for the same answer, at least.
export function askConflict(name, there, size, others) {
  const always = element('input', {type: 'checkbox', id: 'for-all'});
  const known = there
    ? `It has ${bytes(there.size)}; the one that you upload has ${bytes(size)}.`
    : '';
  return open(
    'This name is taken',
    [
      element('p', {}, element('strong', {text: name}), ` exists already. ${known}`),
      others > 0 &&
        element(
          'label',
          {class: 'check'},
          always,
          `The same for ${count(others, 'more file')}, where it happens again`,
        ),
    ].filter(Boolean),
    [
      choice('plain', 'Skip', 'skip'),
      choice('plain', 'Keep both', 'rename'),
      choice('primary', 'Replace', 'replace'),
    ],
    async (what) => ({answer: {what, always: always.checked}}),
  );
}

const kKeys = [
  ['↑ ↓ Page Home End', 'Move in the list'],
  ['Enter', 'Open'],
  ['Backspace', 'Up one directory'],
  ['/', 'Filter'],
  ['N', 'New directory'],
  ['U', 'Upload files'],
  ['D', 'Download'],
  ['F2', 'Rename'],
  ['Delete', 'Delete'],
  ['Ctrl Z', 'Undo a deletion'],
  ['Esc', 'Close, clear'],
  ['?', 'This list'],
];

export function showKeys() {
  const list = element(
    'dl',
    {class: 'keys'},
    ...kKeys.flatMap(([keys, words]) => [
      element('dt', {}, ...keys.split(' ').map((key) => element('kbd', {text: key}))),
      element('dd', {text: words}),
    ]),
  );
  return open('Keyboard', [list], [choice('primary', 'Close', 'close')], async () => ({
    answer: null,
  }));
}
