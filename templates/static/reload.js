// On the pages that are nothing without their scripts, before them: when one does not come, because the network changed or broke
// meanwhile, the page is loaded again, a few times, and then says so.
(() => {
  const KEY = 'launchpad-reloads';
  /** How long to wait before each try, in seconds. */
  const PATIENCE = [1, 2, 4, 8, 15];
  let failed = false;

  function tries() {
    try {
      return Number(sessionStorage.getItem(KEY));
    } catch {
      // Who cannot count does not try for ever.
      return PATIENCE.length;
    }
  }

  function giveUp() {
    const words = document.createElement('p');
    words.setAttribute('role', 'alert');
    words.textContent = 'Parts of this page could not be loaded. The app goes on.';
    const link = document.createElement('a');
    link.className = 'btn primary';
    link.href = location.href;
    link.textContent = 'Load the page again';
    const foot = document.createElement('p');
    foot.className = 'foot';
    foot.append(link);
    const card = document.createElement('div');
    card.className = 'lost';
    card.append(words, foot);
    document.getElementById('main').prepend(card);
  }

  // A module that lacks one that it imports fails as a whole. Such events do not rise: they are caught on their way down.
  addEventListener('error', ({ target }) => {
    if (failed || !(target instanceof HTMLScriptElement)) return;
    failed = true;
    const tried = tries();
    if (tried < PATIENCE.length) {
      sessionStorage.setItem(KEY, String(tried + 1));
      setTimeout(() => location.reload(), PATIENCE[tried] * 1_000);
      return;
    }
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // Then nothing is counted.
    }
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', giveUp);
    else giveUp();
  }, true);

  // Waits for every script, modules and what they import too.
  addEventListener('load', () => {
    if (failed) return;
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // Then nothing was counted.
    }
  });
})();
