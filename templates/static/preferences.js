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
 * Saves some preferences in the account; what is not named stays as it was. One change waits for the one before, so
 * that the last choice is the one that is kept.
 */
export function save(change) {
  if (!viewer) return Promise.resolve();
  last = last.then(() => put(change)).then(() => tell(''), (error) => {
    tell(`Your choice counts on this page only. ${excuse(error)}`);
  });
  return last;
}

/** The account's preferences as they are now. */
export async function load() {
  return (await answered(await fetch('/api/preferences', { headers: { Accept: 'application/json' } }))).json();
}

async function put(change) {
  await answered(await fetch('/api/preferences', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(change),
  }));
}

/** Why something did not work, in words. */
export function excuse(error) {
  return error instanceof TypeError ? 'The portal cannot be reached.' : error.message;
}

async function answered(answer) {
  if (answer.ok) return answer;
  if (answer.status === 401) throw new Error('You are no longer signed in.');
  if (answer.status === 429) throw new Error('That was too fast; wait a moment.');
  throw new Error(`The portal answered with ${answer.status}.`);
}
