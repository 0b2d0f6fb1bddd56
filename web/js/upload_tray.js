// The uploads as they are seen: a tray at the corner, with a line for each that matters now.
import {acceptDrops, fromDrop, fromInput} from './drop.js';
import {announce, bar, button, element, find, icon, redraw} from './dom.js';
import {bytes, count, duration, percent, rate} from './format.js';
import {askConflict} from './dialogs.js';
import {notify} from './notices.js';
import {Uploads, isParted} from './uploads.js';

const kLinesMax = 60;
const kDrawMs = 150;

export class UploadTray {
  // on: {directory(), stored(path), settle(path)}; directory() is where to upload to, or null.
  constructor(on) {
    this.tray_ = find('uploads');
    this.folded_ = false;
    this.drawing_ = 0;
    this.told_ = '';
    this.uploads_ = new Uploads({
      changed: () => this.later_(),
      stored: on.stored,
      settle: on.settle,
      conflict: (upload, there, others) => askConflict(upload.path, there, upload.size, others),
    });
    this.tray_.addEventListener('click', (event) => this.click_(event));
    this.takeFiles_(on.directory);
    addEventListener('beforeunload', (event) => {
      if (this.uploads_.unfinished.length > 0) event.preventDefault();
    });
    setInterval(() => {
      if (this.uploads_.unfinished.length > 0) this.later_(); // Times to the next try run down.
    }, 1000);
  }

  // Those that are chosen, and those that are dropped.
  takeFiles_(directory) {
    for (const input of [find('upload-files'), find('upload-directory')]) {
      input.addEventListener('change', () => {
        const {files, directories} = fromInput(input, directory());
        input.value = '';
        this.add(files, directories);
      });
    }
    acceptDrops(find('drop'), directory, async (transfer) => {
      try {
        const {files, directories} = await fromDrop(transfer, directory());
        this.add(files, directories);
      } catch (error) {
        notify({words: `What was dropped cannot be read: ${error.message}`, trouble: true});
      }
    });
  }

  add(files, directories) {
    this.folded_ = false;
    this.uploads_.add(files, directories);
  }

  click_(event) {
    const pressed = event.target.closest('button');
    if (!pressed) return;
    const upload = this.uploads_.all.find((one) => one.id === pressed.dataset.upload);
    const acts = {
      fold: () => {
        this.folded_ = !this.folded_;
      },
      close: () => this.uploads_.forgetFinished(),
      'cancel-all': () => this.uploads_.cancel(this.uploads_.unfinished),
      'retry-all': () => this.uploads_.all.forEach((one) => this.uploads_.retry(one)),
      cancel: () => this.uploads_.cancel([upload]),
      hold: () => this.uploads_.hold(upload),
      retry: () => this.uploads_.retry(upload),
    };
    acts[pressed.dataset.act]();
    this.draw_();
  }

  later_() {
    this.drawing_ ||= setTimeout(() => this.draw_(), kDrawMs);
  }

  draw_() {
    clearTimeout(this.drawing_);
    this.drawing_ = 0;
    const {all} = this.uploads_;
    this.tray_.hidden = all.length === 0;
    this.tray_.classList.toggle('folded', this.folded_);
    this.tell_();
    redraw(this.tray_, all.length === 0 ? [] : [this.head_(), this.lines_()]);
  }

  // Begin and end are told to those who listen; what happens in between would only disturb.
  tell_() {
    const {all, unfinished} = this.uploads_;
    const told = unfinished.length > 0 ? 'Uploading' : all.length > 0 ? summary(all) : '';
    if (told !== this.told_ && told !== '') announce(told);
    this.told_ = told;
  }

  head_() {
    const {all, unfinished} = this.uploads_;
    const meant = all.filter(
      (upload) => !['cancelled', 'skipped', 'failed'].includes(upload.state),
    );
    const total = meant.reduce((sum, upload) => sum + upload.size, 0);
    const sent = meant.reduce(
      (sum, upload) => sum + (upload.state === 'stored' ? upload.size : upload.sent),
      0,
    );
    const running = unfinished.length > 0;
    const words = running ? `Uploading ${count(unfinished.length, 'file')}` : summary(all);
    const failed = all.filter((upload) => upload.state === 'failed');
    return element(
      'header',
      {},
      element(
        'div',
        {class: 'title'},
        element('h2', {text: words}),
        running && element('span', {text: total > 0 ? percent(sent / total) : ''}),
      ),
      !running &&
        failed.length > 0 &&
        act('link', failed.every(isParted) ? 'Go on' : 'Retry', null, 'retry-all'),
      running && act('link', 'Cancel all', null, 'cancel-all'),
      act('quiet', this.folded_ ? 'Show uploads' : 'Fold uploads', 'down', 'fold', {
        'aria-expanded': String(!this.folded_),
      }),
      !running && act('quiet', 'Close', 'close', 'close'),
      running && bar(total > 0 ? sent / total : 0),
    );
  }

  // What is being sent or has failed comes first, then what waits, then what is done, the latest
  // first.
  lines_() {
    const order = {
      sending: 0,
      asking: 0,
      paused: 0,
      held: 0,
      failed: 1,
      waiting: 2,
      stored: 3,
      skipped: 3,
      cancelled: 3,
    };
    const {all} = this.uploads_;
    const sorted = all
      .map((upload, at) => ({upload, at}))
      .sort(
        (a, b) =>
          order[a.upload.state] - order[b.upload.state] ||
          (order[a.upload.state] === 3 ? b.at - a.at : a.at - b.at),
      );
    const more = sorted.length - kLinesMax;
    return element(
      'ul',
      {hidden: this.folded_},
      ...sorted.slice(0, kLinesMax).map(({upload}) => line(upload)),
      more > 0 && element('li', {class: 'rest', text: `and ${count(more, 'more file')}`}),
    );
  }
}

function act(style, words, iconName, name, attributes = {}) {
  return button(style, words, iconName, null, {'data-act': name, ...attributes});
}

function summary(all) {
  const number = (state) => all.filter((upload) => upload.state === state).length;
  const parts = [`${count(number('stored'), 'file')} uploaded`];
  for (const state of ['failed', 'skipped', 'cancelled'])
    if (number(state) > 0) parts.push(`${number(state)} ${state}`);
  return parts.join(', ');
}

function progressWords(upload) {
  if (upload.size > 0 && upload.sent >= upload.size)
    return `${bytes(upload.size)} sent, being stored`;
  const left = upload.secondsLeft;
  return [
    `${bytes(upload.sent)} of ${bytes(upload.size)}`,
    rate(upload.rate),
    left !== null && `${duration(left)} left`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function words(upload) {
  switch (upload.state) {
    case 'waiting':
      return `Waiting · ${bytes(upload.size)}`;
    case 'sending':
      return progressWords(upload);
    case 'paused':
      return `Connection lost · next try in ${duration(Math.max(0, (upload.retryAt - Date.now()) / 1000))}`;
    case 'held':
      return `Paused · ${bytes(upload.sent)} of ${bytes(upload.size)} sent`;
    case 'asking':
      return 'This name is taken';
    case 'stored':
      return bytes(upload.size);
    case 'failed':
      return upload.error.message;
    case 'skipped':
      return 'Skipped';
    default:
      return 'Cancelled';
  }
}

function line(upload) {
  const id = {'data-upload': upload.id};
  const icons = {stored: 'done', failed: 'trouble', paused: 'trouble'};
  return element(
    'li',
    {class: `upload ${upload.state}`},
    icon(icons[upload.state] ?? 'file'),
    element(
      'div',
      {class: 'what'},
      element('p', {class: 'name', text: upload.name, title: upload.path}),
      element('p', {class: 'words', text: words(upload)}),
      showsBar(upload) && progressBar(upload),
    ),
    ['failed', 'paused', 'held'].includes(upload.state) &&
      act('quiet', againWords(upload), upload.state === 'held' ? 'go-on' : 'retry', 'retry', id),
    isParted(upload) &&
      ['waiting', 'sending', 'paused'].includes(upload.state) &&
      act('quiet', `Pause ${upload.name}`, 'pause', 'hold', id),
    !upload.over && act('quiet', `Cancel ${upload.name}`, 'close', 'cancel', id),
  );
}

const showsBar = (upload) =>
  upload.state === 'sending' ||
  (isParted(upload) && ['paused', 'held', 'failed'].includes(upload.state));

const againWords = (upload) =>
  isParted(upload) ? `Go on with ${upload.name}` : `Try ${upload.name} again now`;

function progressBar(upload) {
  const share = upload.size > 0 ? upload.sent / upload.size : 0;
  const made = bar(share);
  made.removeAttribute('aria-hidden');
  made.setAttribute('role', 'progressbar');
  made.setAttribute('aria-label', upload.name);
  made.setAttribute('aria-valuenow', Math.round(share * 100));
  return made;
}
