// A launch as it comes on. The server sends the card at every change; this file says when it cannot, and moves on.
const place = document.getElementById('session');

// Running, failed, cancelled: another page than this one, with the screen or with what to do next.
function moveOn() {
  const status = place.querySelector('[data-status]')?.dataset.status;
  if (status && status !== 'creating') {
    watch.disconnect();
    setTimeout(() => location.reload(), 300);
  }
}
const watch = new MutationObserver(moveOn);
watch.observe(place, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-status'] });
// The first card may have come before this file did.
moveOn();

function say(words) {
  const line = document.getElementById('connection');
  if (line) line.textContent = words;
}
document.addEventListener('htmx:sse:error', (event) => {
  const { status } = event.detail;
  if (status === 401 || status === 404) {
    location.reload();
    return;
  }
  say('The portal cannot be reached. The launch goes on; this page tries again.');
});
document.addEventListener('htmx:sse:after:connection', () => say(''));
// The very first connection is an ordinary request of htmx, with its own events.
function startOver() {
  say('The portal does not answer. This page tries again in five seconds.');
  setTimeout(() => location.reload(), 5_000);
}
document.addEventListener('htmx:error', startOver);
document.addEventListener('htmx:response:error', startOver);
