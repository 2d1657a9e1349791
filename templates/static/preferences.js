// What somebody chose about the portal's look: in this browser, and in the account while they are signed in.

/** The name of who is signed in, or nothing. */
export const viewer = document.documentElement.dataset.viewer;

/** Shows a sentence about something that did not work; it stays until the next one. */
export function tell(sentence) {
  const place = document.getElementById('trouble');
  if (place) place.textContent = sentence;
}

/** Reads a value from this browser's storage, which may be forbidden or hold anything. */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a value in this browser, where that is allowed. */
export function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The account still has it.
  }
}

let last = Promise.resolve();

/**
 * Saves some preferences in the account. The account's document is replaced as a whole, so it is read first; one
 * change waits for the one before, or the slower of two would undo the faster.
 */
export function save(change) {
  if (!viewer) return Promise.resolve();
  last = last.then(() => merge(change)).catch((error) => {
    const why = error instanceof TypeError ? 'The portal cannot be reached.' : error.message;
    tell(`Your choice counts on this page only. ${why}`);
  });
  return last;
}

async function merge(change) {
  const read = await fetch('/api/preferences', { headers: { Accept: 'application/json' } });
  if (!read.ok) throw new Error(words(read.status));
  const written = await fetch('/api/preferences', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...(await read.json()), ...change }),
  });
  if (!written.ok) throw new Error(words(written.status));
  tell('');
}

function words(status) {
  if (status === 401) return 'You are no longer signed in.';
  if (status === 429) return 'That was too fast; wait a moment.';
  return `The portal answered with ${status}.`;
}
