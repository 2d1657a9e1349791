// The catalogue: folded categories and favourites that are remembered, `/` for the search and Enter for its first hit.
import { excuse, keep, load, recall, save, tell, viewer } from './preferences.js';

const KEY = 'launchpad-collapsed';
const results = document.getElementById('results');
const searchBox = document.getElementById('q');
const foldAll = document.querySelector('[data-fold]');

const folds = () => [...results.querySelectorAll('details[data-category]')];

function remembered() {
  try {
    const names = JSON.parse(recall(KEY) ?? '[]');
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

function remember() {
  const names = folds().filter((fold) => !fold.open).map((fold) => fold.dataset.category);
  keep(KEY, JSON.stringify(names));
  save({ collapsed_categories: names });
}

function showFoldAll() {
  if (!foldAll) return;
  foldAll.hidden = searchBox.value.trim() !== '';
  foldAll.textContent = folds().some((fold) => fold.open) ? 'Collapse all' : 'Expand all';
}

// What this browser remembers from before counts once, the first time that this account is here; from then on the
// account's value is the truth, and storage its copy.
if (!searchBox.value.trim()) {
  const before = remembered();
  const served = folds().filter((fold) => !fold.open).map((fold) => fold.dataset.category);
  if (recall('launchpad-account') !== viewer && served.length === 0 && before.length > 0) {
    for (const fold of folds()) fold.open = !before.includes(fold.dataset.category);
    save({ collapsed_categories: before });
  } else {
    keep(KEY, JSON.stringify(served));
  }
  keep('launchpad-account', viewer ?? '');
}
showFoldAll();

// Only what a person folds is remembered: a search unfolds everything, and that is no choice of theirs.
results.addEventListener('click', (event) => {
  const fold = event.target.closest('summary')?.parentElement;
  if (fold && !searchBox.value.trim()) {
    fold.addEventListener('toggle', () => { remember(); showFoldAll(); }, { once: true });
  }
  const star = event.target.closest('.star');
  if (star) favour(star);
});

foldAll?.addEventListener('click', () => {
  const open = !folds().some((fold) => fold.open);
  for (const fold of folds()) fold.open = open;
  remember();
  showFoldAll();
});

new MutationObserver(() => { addStars(); showFoldAll(); }).observe(results, { childList: true });
addStars();

// Stars need scripts, so scripts make them: two hundred more buttons would weigh more than all the rest of the page.
function addStars() {
  for (const card of results.querySelectorAll('.app:not(:has(.star))')) {
    const app = card.querySelector('div > a, div > button');
    const star = document.createElement('button');
    star.type = 'button';
    star.className = 'star';
    star.dataset.app = app.value || app.getAttribute('href').split('/').at(-1);
    star.setAttribute('aria-pressed', String('favorite' in card.dataset));
    star.setAttribute('aria-label', `Favourite: ${app.textContent}`);
    card.append(star);
  }
}

function favour(star) {
  const chosen = star.getAttribute('aria-pressed') !== 'true';
  // The app may stand twice: among the favourites and in its category.
  for (const twin of results.querySelectorAll('.star')) {
    if (twin.dataset.app === star.dataset.app) twin.setAttribute('aria-pressed', String(chosen));
  }
  const favorites = new Set(
    [...results.querySelectorAll('.star[aria-pressed=true]')].map((other) => other.dataset.app),
  );
  // A search shows some apps only; the favourites it does not show stay what they were.
  change(star.dataset.app, chosen, favorites);
}

async function change(app, chosen, shown) {
  if (searchBox.value.trim()) {
    try {
      for (const id of (await load()).favorites) if (id !== app || chosen) shown.add(id);
    } catch (error) {
      tell(`The favourite was not saved. ${excuse(error)}`);
      return;
    }
  }
  await save({ favorites: [...shown] });
}

document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]');
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  searchBox.focus();
});

// Enter opens what the search found first. Whoever types faster than the portal answers gets the first of what they
// typed, not of what the page shows meanwhile.
let awaitsHit = false;

function openHit() {
  awaitsHit = results.querySelector('[data-query]').dataset.query !== searchBox.value.trim();
  if (!awaitsHit) results.querySelector('.app div > :is(a, button:enabled)')?.click();
}

searchBox.form.addEventListener('submit', (event) => {
  if (!searchBox.value.trim()) return;
  event.preventDefault();
  openHit();
});
searchBox.addEventListener('input', () => { awaitsHit = false; });

// A search that gets no answer leaves the page as it is and says so.
document.addEventListener('htmx:response:error', (event) => {
  const { status } = event.detail.ctx.response;
  if (status === 401) location.reload();
  else tell(`The search did not work: the portal answered with ${status}.`);
});
document.addEventListener('htmx:error', () => tell('The search did not work: the portal cannot be reached.'));
document.addEventListener('htmx:after:swap', () => {
  tell('');
  if (awaitsHit) openHit();
});
