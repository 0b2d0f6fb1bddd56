// The parts of the cluster's view, each made from what the server says of the cluster. Whatever it
// does not say is not shown.
import {bar, element, icon} from './dom.js';
import {bytes, count, duration, number, percent, rate} from './format.js';
import {isAway, verdict} from './verdict.js';

const known = (value) => typeof value === 'number';
const shareOf = (used, capacity) => (known(used) && capacity > 0 ? used / capacity : null);
const fullness = (share) => (share >= 0.95 ? 'full' : share >= 0.85 ? 'high' : '');

export function headline(said) {
  const {mood, title, words} = verdict(said);
  return element(
    'section',
    {class: `verdict ${mood}`, 'aria-label': 'State of the cluster'},
    icon(mood === 'good' ? 'done' : 'trouble'),
    element('div', {}, element('h1', {text: title}), element('p', {text: words})),
  );
}

export function capacity(said) {
  const share = shareOf(said.used, said.capacity);
  if (share === null) return null;
  return element(
    'section',
    {class: 'card capacity', 'aria-label': 'Capacity'},
    element(
      'p',
      {class: 'sum'},
      element('strong', {text: bytes(said.used)}),
      ` of ${bytes(said.capacity)} used`,
      element('span', {class: 'aside', text: known(said.free) ? `${bytes(said.free)} free` : ''}),
    ),
    bar(share, fullness(share)),
  );
}

export function figures(said) {
  const all = [
    ['Files', said.files],
    ['Blocks', said.blocks],
    ['Too few copies', said.under_replicated, 'warning'],
    ['Corrupt', said.corrupt, 'warning'],
    ['Missing', said.missing, 'bad'],
  ];
  return element(
    'dl',
    {class: 'card figures'},
    ...all
      .filter(([, value]) => known(value))
      .map(([name, value, mood]) =>
        element(
          'div',
          {class: mood && value > 0 ? mood : null},
          element('dt', {text: name}),
          element('dd', {text: number(value)}),
        ),
      ),
  );
}

// `run` is what was seen of these repairs since they began: {most, perSecond}.
export function repairs(said, run) {
  const {pending = 0, running = 0, bytes_left: left} = said.repairs ?? {};
  if (!(pending > 0 || running > 0 || left > 0)) return null;
  const eta =
    run.perSecond > 0 && known(left) ? `about ${duration(left / run.perSecond)} left` : null;
  const words = [
    `${number(running)} running`,
    `${number(pending)} waiting`,
    known(left) && `${bytes(left)} to copy`,
    rate(run.perSecond),
    eta,
  ]
    .filter(Boolean)
    .join(' · ');
  return element(
    'section',
    {class: 'card repairs', 'aria-label': 'Repairs'},
    element(
      'p',
      {class: 'sum'},
      element('strong', {text: 'Copies are being made'}),
      element('span', {class: 'aside', text: words}),
    ),
    run.most > 0 && known(left) && bar(1 - left / run.most),
  );
}

export function quorum(said) {
  const members = said.namenodes ?? [];
  if (members.length === 0) return null;
  const voters = members.filter((one) => one.role !== 'learner');
  const lost = voters.filter(isAway).length;
  const spare = Math.max(0, Math.floor((voters.length - 1) / 2) - lost);
  const words =
    voters.length === 1
      ? 'A single one: without it nothing goes'
      : `${spare === 0 ? 'No' : number(spare)} more may fail`;
  return element(
    'section',
    {'aria-label': 'Namenodes'},
    element('h2', {}, 'Namenodes', element('span', {class: 'aside', text: words})),
    element('ul', {class: 'card members'}, ...members.map((one) => member(one, said.leader))),
  );
}

function member(one, leader) {
  const leads = one.state === 'leader' || (leader && one.address === leader);
  const words = [
    isAway(one) && one.state,
    known(one.applied) && `entry ${number(one.applied)}`,
    one.lag > 0 && `${number(one.lag)} behind`,
  ];
  return element(
    'li',
    {},
    dot(isAway(one) ? 'dead' : 'live'),
    element('span', {class: 'address', text: one.address ?? one.id ?? ''}),
    element('span', {
      class: leads ? 'tag strong' : 'tag',
      text: leads ? 'leader' : (one.role ?? ''),
    }),
    element('span', {class: 'aside'}, words.filter(Boolean).join(' · ')),
  );
}

export function racks(said) {
  const nodes = said.nodes ?? [];
  const byRack = Map.groupBy ? Map.groupBy(nodes, rackOf) : groups(nodes);
  const live = nodes.filter((node) => node.state === 'live').length;
  return element(
    'section',
    {'aria-label': 'Datanodes'},
    element(
      'h2',
      {},
      'Datanodes',
      element('span', {
        class: 'aside',
        text: nodes.length === 0 ? '' : `${number(live)} of ${number(nodes.length)} live`,
      }),
    ),
    nodes.length === 0 &&
      element('p', {class: 'card none', text: 'No datanode has registered yet.'}),
    ...[...byRack]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([rack, there]) => rackCard(rack, there)),
  );
}

const rackOf = (node) => node.rack ?? '';

function groups(nodes) {
  const found = new Map();
  for (const node of nodes) found.set(rackOf(node), [...(found.get(rackOf(node)) ?? []), node]);
  return found;
}

function rackCard(rack, nodes) {
  return element(
    'div',
    {class: 'card rack'},
    rack && element('h3', {text: rack}),
    element('ul', {}, ...nodes.map(datanode)),
  );
}

function datanode(node) {
  const share = shareOf(node.used, node.capacity);
  const admin = node.admin && node.admin !== 'in service' ? node.admin : null;
  const silent =
    node.state !== 'live' && known(node.last_heartbeat_ms)
      ? `silent for ${duration(node.last_heartbeat_ms / 1000)}`
      : null;
  return element(
    'li',
    {class: node.state ?? ''},
    element(
      'div',
      {class: 'who'},
      dot(node.state),
      element('span', {class: 'address', text: node.address ?? node.id ?? ''}),
      admin && element('span', {class: 'tag', text: admin}),
      node.state !== 'live' && element('span', {class: 'tag alarm', text: node.state ?? ''}),
    ),
    element(
      'div',
      {class: 'room'},
      share !== null && bar(share, fullness(share)),
      element('p', {
        text:
          share === null
            ? ''
            : `${bytes(node.used)} of ${bytes(node.capacity)} · ${percent(share)}`,
      }),
    ),
    element('p', {
      class: 'aside',
      text: [known(node.blocks) && count(node.blocks, 'block'), silent].filter(Boolean).join(' · '),
    }),
  );
}

const dot = (state) =>
  element('span', {class: `dot ${state ?? ''}`, role: 'img', 'aria-label': state ?? ''});
