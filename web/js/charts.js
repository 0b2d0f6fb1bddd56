// Charts of the last hour, drawn as SVG. Whoever does not see them finds the same in a table.
import {number, rate} from './format.js';
import {element} from './dom.js';

const kSvg = 'http://www.w3.org/2000/svg';
const kSpanMs = 3_600_000;
const kWidth = 600;
const kHeight = 120;
// Samples that are farther apart are not joined: nobody looked in between.
const kGapMs = 25_000;
const kRowMs = 300_000;

const kClock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

const short = (value) => number(value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
const perSecond = (value) => `${short(value)}/s`;
const milliseconds = (value) =>
  value >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`;
const busy = (sample, value) => (sample.operations > 0 ? value : null);

// `of` gives null where there is nothing to draw.
const kCharts = [
  {
    title: 'Throughput',
    words: rate,
    unit: 1024,
    least: 64 << 10,
    lines: [
      {name: 'received', of: (sample) => sample.received},
      {name: 'sent', of: (sample) => sample.sent},
    ],
  },
  {
    title: 'Operations',
    words: perSecond,
    unit: 1000,
    least: 4,
    lines: [{name: 'requests', of: (sample) => sample.operations}],
  },
  {
    title: 'Latency',
    words: milliseconds,
    unit: 1000,
    least: 4,
    lines: [
      {name: 'median', of: (sample) => busy(sample, sample.latency_median_ms)},
      {name: '95 %', of: (sample) => busy(sample, sample.latency_95_ms)},
    ],
  },
];

export function charts(samples, now = Date.now()) {
  if (samples.length === 0) return null;
  // The clock of the server counts where it is ahead of this one.
  const end = Math.max(now, samples.at(-1).time);
  return element(
    'section',
    {'aria-label': 'The last hour'},
    element(
      'h2',
      {},
      'Last hour',
      element('span', {class: 'aside', text: 'as this server saw it'}),
    ),
    element('div', {class: 'charts'}, ...kCharts.map((chart) => figure(chart, samples, end))),
  );
}

function figure(chart, samples, end) {
  const values = chart.lines.flatMap((line) => samples.map(line.of));
  const top = roundUp(Math.max(chart.least, ...values), chart.unit);
  const latest = chart.lines.map((line) => ({line, value: line.of(samples.at(-1))}));
  return element(
    'figure',
    {class: 'card chart'},
    element('figcaption', {}, element('strong', {text: chart.title}), legend(chart, latest)),
    element(
      'div',
      {class: 'plot', 'aria-hidden': 'true'},
      drawing(chart, samples, end, top),
      element('span', {class: 'top', text: chart.words(top)}),
    ),
    element(
      'p',
      {class: 'times', 'aria-hidden': 'true'},
      element('span', {text: kClock.format(end - kSpanMs)}),
      element('span', {text: kClock.format(end - kSpanMs / 2)}),
      element('span', {text: 'now'}),
    ),
    table(chart, samples, end),
  );
}

// 1, 2 or 5 times a power of ten, of the largest unit that the value has one of.
function roundUp(value, unit) {
  const scale = unit ** Math.floor(Math.log(value) / Math.log(unit));
  const power = 10 ** Math.floor(Math.log10(value / scale));
  return scale * power * [1, 2, 5, 10].find((factor) => factor * power * scale >= value);
}

function legend(chart, latest) {
  return element(
    'span',
    {class: 'legend'},
    ...latest.map(({line, value}, at) =>
      element(
        'span',
        {class: `key line-${at}`},
        element('i', {'aria-hidden': 'true'}),
        `${line.name} ${value === null ? '–' : chart.words(value)}`,
      ),
    ),
  );
}

function drawing(chart, samples, end, top) {
  const svg = shape('svg', {
    viewBox: `0 0 ${kWidth} ${kHeight}`,
    preserveAspectRatio: 'none',
    focusable: 'false',
  });
  for (const share of [0, 0.5, 1]) {
    const y = kHeight * share;
    svg.append(shape('path', {class: 'grid', d: `M0 ${y}H${kWidth}`}));
  }
  chart.lines.forEach((line, at) => {
    const runs = runsOf(samples, line.of, end, top);
    if (at === 0) svg.append(shape('path', {class: `area line-${at}`, d: runs.map(area).join('')}));
    svg.append(shape('path', {class: `line line-${at}`, d: runs.map(outline).join('')}));
  });
  return svg;
}

function shape(tag, attributes) {
  const made = document.createElementNS(kSvg, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// Points that are joined, in the coordinates of the drawing.
function runsOf(samples, of, end, top) {
  const runs = [];
  let before = null;
  for (const sample of samples) {
    const value = of(sample);
    const age = end - sample.time;
    if (value === null || age > kSpanMs) continue;
    const point = {
      x: Math.round(10 * kWidth * (1 - age / kSpanMs)) / 10,
      y: Math.round(10 * kHeight * (1 - value / top)) / 10,
    };
    if (before === null || sample.time - before > kGapMs) runs.push([]);
    runs.at(-1).push(point);
    before = sample.time;
  }
  return runs;
}

// One point alone is a short stroke, else nobody would see it.
const outline = (run) =>
  `M${run.map(({x, y}) => `${x} ${y}`).join('L')}${run.length === 1 ? 'h1' : ''}`;
const area = (run) =>
  `M${run[0].x} ${kHeight}L${run.map(({x, y}) => `${x} ${y}`).join('L')}L${run.at(-1).x} ${kHeight}Z`;

// The mean of each five minutes.
function table(chart, samples, end) {
  const rows = new Map();
  for (const sample of samples) {
    if (end - sample.time > kSpanMs) continue;
    const row = Math.floor(sample.time / kRowMs) * kRowMs;
    rows.set(row, [...(rows.get(row) ?? []), sample]);
  }
  const mean = (there, of) => {
    const values = there.map(of).filter((value) => value !== null);
    if (values.length === 0) return '';
    return chart.words(values.reduce((sum, value) => sum + value, 0) / values.length);
  };
  const cells = (tag, texts) => texts.map((text) => element(tag, {text}));
  return element(
    'table',
    {class: 'unseen'},
    element('caption', {text: `${chart.title}, the mean of five minutes each`}),
    element('thead', {}, element('tr', {}, ...cells('th', ['From', ...chart.lines.map(nameOf)]))),
    element(
      'tbody',
      {},
      ...[...rows].map(([time, there]) =>
        element(
          'tr',
          {},
          ...cells('td', [kClock.format(time), ...chart.lines.map((line) => mean(there, line.of))]),
        ),
      ),
    ),
  );
}

const nameOf = (line) => line.name;
