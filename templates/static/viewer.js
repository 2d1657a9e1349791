// The screen of a running session: noVNC on this portal's WebSocket, and the toolbar above it.
import RFB from './vendor/novnc/core/rfb.js';
import { keep, recall } from './preferences.js';
import { watchClipboard } from './viewer-clipboard.js';

const { session, socket, app } = document.body.dataset;
const element = (id) => document.getElementById(id);
const screen = element('screen');
const state = element('state');
const lost = element('lost');
const fit = element('fit');
const fullScreen = element('full-screen');

/** How long to wait before each try, in seconds; the last one repeats. */
const PATIENCE = [1, 2, 4, 8, 15];
const FIT = `launchpad-fit-${app}`;

let rfb;
let tries = 0;
let leaving = false;
let timer;

const clipboard = watchClipboard((text) => rfb?.clipboardPasteFrom(text));

function show(words, tag) {
  state.textContent = words;
  state.className = `tag ${tag}`;
}

function connect() {
  clearTimeout(timer);
  show('Connecting', 'creating');
  const address = new URL(socket, location.href);
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  rfb = new RFB(screen, address.href, { wsProtocols: ['binary'] });
  rfb.background = 'transparent';
  rfb.scaleViewport = fit.getAttribute('aria-pressed') === 'true';
  rfb.addEventListener('connect', connected);
  rfb.addEventListener('disconnect', disconnected);
  rfb.addEventListener('securityfailure', ({ detail }) => {
    leaving = true;
    give(`The app's screen refused the connection. ${detail.reason ?? ''}`);
  });
  rfb.addEventListener('clipboard', ({ detail }) => clipboard.received(detail.text));
  const canvas = screen.querySelector('canvas');
  if (canvas) {
    // noVNC's canvas is reachable by mouse only, and has no name.
    canvas.tabIndex = 0;
    canvas.setAttribute('role', 'application');
    canvas.setAttribute('aria-label', `Screen of ${document.querySelector('h1').textContent}`);
    canvas.setAttribute('aria-describedby', 'keys');
  }
}

function connected() {
  tries = 0;
  lost.hidden = true;
  show('Connected', 'running');
  // Who is at the toolbar or in the clipboard panel stays there.
  if (document.activeElement === document.body || lost.contains(document.activeElement)) rfb.focus();
}

/** A closed stream says nothing about why; the session's own state does. */
async function disconnected() {
  if (leaving) return;
  show('Disconnected', 'expired');
  const wait = PATIENCE[Math.min(tries, PATIENCE.length - 1)];
  tries += 1;
  let why = 'The connection to the screen was lost.';
  try {
    const answer = await fetch(`/api/sessions/${session}`, { headers: { Accept: 'application/json' } });
    const gone = answer.status === 401 || answer.status === 404;
    if (gone || (answer.ok && (await answer.json()).status !== 'running')) {
      // The session is over, or is not ours any more: its page says so, and what to do.
      location.reload();
      return;
    }
    if (answer.status === 429) why = 'Too many connections at once.';
  } catch {
    why = 'The portal cannot be reached.';
  }
  if (leaving) return;
  give(`${why} The app goes on. Next try in ${wait} s.`);
  timer = setTimeout(connect, wait * 1_000);
}

function give(words) {
  element('lost-words').textContent = words;
  lost.hidden = false;
}

element('reconnect').addEventListener('click', () => {
  tries = 0;
  leaving = false;
  connect();
});
addEventListener('online', () => { if (!lost.hidden && !leaving) connect(); });

// The stream is closed by us, not torn off: noVNC would report the latter as a failure.
function leave() {
  leaving = true;
  clearTimeout(timer);
  rfb?.disconnect();
  // Leaving happens twice: the form is sent, then the page goes.
  rfb = undefined;
}
addEventListener('submit', (event) => { if (!event.defaultPrevented) leave(); });
addEventListener('pagehide', leave);
addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

function scale(fits) {
  fit.setAttribute('aria-pressed', String(fits));
  if (rfb) rfb.scaleViewport = fits;
}
fit.addEventListener('click', () => {
  const fits = fit.getAttribute('aria-pressed') !== 'true';
  scale(fits);
  keep(FIT, fits ? 'fit' : 'full');
});
scale(recall(FIT) !== 'full');

element('ctrl-alt-del').addEventListener('click', () => {
  rfb?.sendCtrlAltDel();
  rfb?.focus();
});

fullScreen.hidden = !document.fullscreenEnabled;
fullScreen.addEventListener('click', async () => {
  try {
    if (document.fullscreenElement) {
      await document.exitFullscreen();
    } else {
      await document.documentElement.requestFullscreen();
      // Where the browser can, Alt+Tab, Escape and Ctrl+W then go to the app; a long Escape leaves.
      await navigator.keyboard?.lock?.();
      rfb?.focus();
    }
  } catch (error) {
    show(`No full screen: ${error.message}`, 'warn');
  }
});
document.addEventListener('fullscreenchange', () => {
  fullScreen.setAttribute('aria-pressed', String(Boolean(document.fullscreenElement)));
});

// The canvas takes every key, Tab too. Ctrl+Alt+Shift, pressed alone and let go, is the way out; it is acted upon
// when all three are up again, so that the app sees no key that stays down.
let out = false;
addEventListener('keydown', (event) => {
  const modifier = ['Control', 'Alt', 'Shift'].includes(event.key);
  out = modifier && event.ctrlKey && event.altKey && event.shiftKey;
}, true);
addEventListener('keyup', (event) => {
  if (!out || event.ctrlKey || event.altKey || event.shiftKey) return;
  out = false;
  element('clipboard-button').focus();
}, true);

connect();
