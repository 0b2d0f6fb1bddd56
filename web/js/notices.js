// Short messages at the foot of the page, which go by themselves; one may offer something to do.
import {announce, button, element, find} from './dom.js';

const kMessageMs = 6000;
const kErrorMs = 12_000;

// {words, action: {words, act}, trouble, ms}: returns what takes the notice away. A notice with
// `countdown` shows how long it still stands.
export function notify({
  words,
  action = null,
  trouble = false,
  countdown = false,
  ms = trouble ? kErrorMs : kMessageMs,
}) {
  let timer = 0;
  const notice = element(
    'div',
    {class: trouble ? 'notice trouble' : 'notice'},
    element('p', {text: words}),
    action &&
      element('button', {
        type: 'button',
        class: 'link',
        text: action.words,
        onclick: () => {
          dismiss();
          action.act();
        },
      }),
    !countdown && button('quiet', 'Dismiss', 'close', () => dismiss()),
    countdown && element('span', {class: 'countdown', 'aria-hidden': 'true'}),
  );
  function dismiss() {
    clearTimeout(timer);
    notice.remove();
  }
  if (countdown) notice.style.setProperty('--ms', `${ms}ms`);
  timer = setTimeout(dismiss, ms);
  find('notices').append(notice);
  announce(words);
  return dismiss;
}

export const notifyError = (words, error) =>
  notify({words: `${words}: ${error.message}`, trouble: true});
