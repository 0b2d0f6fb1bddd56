// Dark or light: what was chosen here before, else what the system says. A plain script in the
// head, so that nothing is painted in the wrong one.
(() => {
  const key = 'minidfs.theme';
  const system = matchMedia('(prefers-color-scheme: dark)');

  // A browser may keep nothing, and says so by throwing.
  function kept() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }
  function keep(theme) {
    try {
      localStorage.setItem(key, theme);
    } catch {
      /* It holds until the page is left. */
    }
  }
  function show(theme) {
    document.documentElement.dataset.theme = theme;
    document.getElementById('theme')?.setAttribute('aria-pressed', String(theme === 'dark'));
  }
  const current = () => kept() ?? (system.matches ? 'dark' : 'light');

  show(current());
  system.addEventListener('change', () => show(current()));
  document.addEventListener('DOMContentLoaded', () => {
    show(current());
    document.getElementById('theme').addEventListener('click', () => {
      const other = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
      keep(other);
      show(other);
    });
  });
})();
