// Runs before anything is drawn, so that no page flashes in the wrong colours: not a module, and first in <head>.
// The server's value (data-theme) wins; else the browser's choice; else the system's, which needs no attribute.
(() => {
  const root = document.documentElement;
  root.classList.add('scripted');
  try {
    const chosen = localStorage.getItem('launchpad-theme');
    if (root.dataset.theme) {
      root.dataset.saved = root.dataset.theme;
      localStorage.setItem('launchpad-theme', root.dataset.theme);
    } else if (chosen === 'dark' || chosen === 'light') {
      root.dataset.theme = chosen;
    }
  } catch {
    // Storage may be forbidden; the system's colours are fine then.
  }
})();
