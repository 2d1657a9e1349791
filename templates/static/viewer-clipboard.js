// Copy and paste between the app and this computer. The panel works everywhere; where the browser allows it without
// asking, text travels by itself.
const panel = document.getElementById('clipboard');
const opener = document.getElementById('clipboard-button');
const text = document.getElementById('clipboard-text');
const said = document.getElementById('clipboard-said');

/** Connects the panel; `send` gives text to the app. Answers with what to call when the app's clipboard changes. */
export function watchClipboard(send) {
  let known = '';

  opener.addEventListener('click', () => {
    panel.hidden = !panel.hidden;
    opener.setAttribute('aria-expanded', String(!panel.hidden));
    if (!panel.hidden) text.focus();
  });
  panel.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    panel.hidden = true;
    opener.setAttribute('aria-expanded', 'false');
    opener.focus();
  });

  document.getElementById('clipboard-send').addEventListener('click', () => {
    known = text.value;
    send(known);
    said.textContent = 'Sent. Paste it in the app.';
  });
  document.getElementById('clipboard-copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = 'Copied.';
    } catch {
      // Over plain http there is no clipboard for pages at all.
      text.select();
      said.textContent = 'The browser did not allow it. The text is selected: press Ctrl+C.';
    }
  });

  // Coming back to this window with something new copied elsewhere: only where reading was allowed before, because
  // a question at every visit would be worse than the panel.
  addEventListener('focus', async () => {
    try {
      const { state } = await navigator.permissions.query({ name: 'clipboard-read' });
      if (state !== 'granted') return;
      const copied = await navigator.clipboard.readText();
      if (!copied || copied === known) return;
      known = copied;
      send(copied);
    } catch {
      // Not every browser knows this permission; the panel is there.
    }
  });

  return {
    received(copied) {
      known = copied;
      text.value = copied;
      said.textContent = '';
      // May be refused, for example while the window is not in front; the panel has the text.
      navigator.clipboard?.writeText(copied).catch(() => {});
    },
  };
}
