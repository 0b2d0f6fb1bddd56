// Where it begins: the address says which view is shown, and what is shown is asked for again every
// two seconds while somebody can see it.
import {api} from './api.js';
import {ClusterView} from './cluster_view.js';
import {FilesView} from './files_view.js';
import {clusterName, duration} from './format.js';
import {find} from './dom.js';
import {routeOf} from './paths.js';
import {showKeys} from './dialogs.js';

const kPollMs = 2000;
const kSlowestPollMs = 10_000;

const files = new FilesView();
const cluster = new ClusterView();
let current = null;

async function showRoute() {
  const route = routeOf(location.hash);
  const [shown, other] = route.view === 'cluster' ? [cluster, files] : [files, cluster];
  if (current !== shown) other.hide();
  current = shown;
  mark('nav-files', shown === files);
  mark('nav-cluster', shown === cluster);
  await shown.show(route.path);
}

function mark(id, here) {
  if (here) find(id).setAttribute('aria-current', 'page');
  else find(id).removeAttribute('aria-current');
}

// While there is no answer it is said for how long, and asked for less and less often.
let silentSince = null;
let pause = kPollMs;

async function poll() {
  if (!document.hidden) {
    const asked = performance.now();
    try {
      await current.refresh();
      silentSince = null;
      pause = kPollMs;
    } catch (error) {
      if (error.status === 0) silentSince ??= asked;
      pause = Math.min(kSlowestPollMs, pause * 1.5);
    }
    showSilence();
  }
  timer = setTimeout(poll, pause);
}

function showSilence() {
  const place = find('offline');
  place.hidden = silentSince === null;
  place.textContent =
    silentSince === null
      ? ''
      : `No answer for ${duration((performance.now() - silentSince) / 1000)}`;
}

let timer = setTimeout(poll, kPollMs);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  clearTimeout(timer);
  poll();
});

addEventListener('hashchange', showRoute);
find('help').addEventListener('click', showKeys);
showRoute().then(() => {
  performance.mark('minidfs.ready');
  api.cluster().then(
    (said) => {
      find('cluster-name').textContent = clusterName(said.cluster);
    },
    () => {},
  );
});
