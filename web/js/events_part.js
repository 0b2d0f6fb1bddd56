// What has happened in the cluster, in words, the latest first.
import {count, exactMoment, moment} from './format.js';
import {element, icon} from './dom.js';

const kShown = 8;

// How each kind is told, and how grave it is.
const kKinds = {
  'node up': {mood: 'good', words: ({address}) => `Datanode ${address} is there`},
  'node down': {mood: 'bad', words: ({address}) => `Datanode ${address} is out of reach`},
  leader: {mood: 'plain', words: ({address}) => `${address} leads now`},
  silent: {mood: 'bad', words: () => 'No namenode answers'},
  'safe mode on': {mood: 'warning', words: () => 'Safe mode: nothing can be changed'},
  'safe mode off': {mood: 'good', words: () => 'Safe mode is over'},
  'blocks missing': {mood: 'bad', words: ({blocks}) => `${count(blocks, 'block')} missing`},
  'blocks found': {mood: 'good', words: () => 'No block is missing any more'},
  'blocks lacking': {
    mood: 'warning',
    words: ({blocks}) => `${count(blocks, 'block')} with too few copies`,
  },
  'blocks repaired': {mood: 'good', words: () => 'Every block has its copies again'},
};
// What a newer server tells is shown as it says it.
const kindOf = ({kind}) => kKinds[kind] ?? {mood: 'plain', words: () => kind};

export const wordsOf = (event) => kindOf(event).words(event);
export const isGrave = (event) => kindOf(event).mood === 'bad';

export function events(all) {
  if (all.length === 0) return null;
  const shown = all.slice(-kShown).reverse();
  return element(
    'section',
    {'aria-label': 'Events'},
    element(
      'h2',
      {},
      'Events',
      all.length > kShown && element('span', {class: 'aside', text: `The last ${kShown}`}),
    ),
    element('ul', {class: 'card events'}, ...shown.map(line)),
  );
}

function line(event) {
  const {mood} = kindOf(event);
  return element(
    'li',
    {class: mood},
    icon({good: 'done', plain: 'done'}[mood] ?? 'trouble'),
    element('span', {text: wordsOf(event)}),
    element('time', {class: 'aside', text: moment(event.time), title: exactMoment(event.time)}),
  );
}
