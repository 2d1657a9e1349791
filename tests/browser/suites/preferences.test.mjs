// What somebody chose about the portal's look: in the browser for everybody, in the account for who is signed in.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openWindow } from '../lib/browser.mjs';
import { makeLink, PORTAL, setUp, signIn } from '../lib/portal.mjs';
import { serve } from '../lib/server.mjs';

let browser;
let one;
let other;
before(async () => {
  browser = await openBrowser();
  one = await open();
  other = await open();
});
after(() => browser.close());

/** A window of its own that notes the theme which the page had when its first element was there to be drawn. */
async function open() {
  const window = await openWindow(browser, { colorScheme: 'light' });
  await window.context.addInitScript(() => {
    const watch = new MutationObserver(() => {
      if (!document.body) return;
      globalThis.firstTheme = document.documentElement.dataset.theme ?? 'none';
      watch.disconnect();
    });
    watch.observe(document, { childList: true, subtree: true });
  });
  return window;
}

const stored = (page, key) => page.evaluate((name) => localStorage.getItem(name), key);
const firstTheme = (page) => page.evaluate(() => globalThis.firstTheme);
const saved = (page) => page.waitForResponse((answer) => answer.url().endsWith('/api/preferences') && answer.request().method() === 'PUT');
const toggle = (page) => page.locator('[data-theme-toggle]').first().click();

async function folded(page) {
  return page.locator('details[data-category]').evaluateAll((folds) => folds.filter((fold) => !fold.open).map((fold) => fold.dataset.category));
}

test('a stranger keeps a theme in the browser, and no page flashes in another', async () => {
  const { page } = one;
  // The first administrator is made elsewhere, so that this browser is a stranger's.
  await setUp(other.page);
  await page.goto(`${PORTAL.url}/sign-in`);
  assert.equal(await firstTheme(page), 'none', 'nobody has chosen: the system decides');
  await toggle(page);
  assert.equal(await stored(page, 'launchpad-theme'), 'dark');
  await page.reload();
  assert.equal(await firstTheme(page), 'dark');
});

test('the account takes over what the browser has, and every other browser follows', async () => {
  const taken = saved(one.page);
  await signIn(one.page);
  await taken;
  const answer = await other.page.goto(`${PORTAL.url}/`);
  assert.match(await answer.text(), /<html[^>]* data-theme="dark"/, 'the server says it before any script runs');
  assert.equal(await firstTheme(other.page), 'dark');
  const kept = saved(other.page);
  await toggle(other.page);
  await kept;
  await one.page.goto(`${PORTAL.url}/`);
  assert.equal(await firstTheme(one.page), 'light', 'the account wins over what this browser had');
  assert.equal(await stored(one.page, 'launchpad-theme'), 'light');
});

test('folded categories follow the account', async () => {
  const fold = one.page.locator('details[data-category]').first();
  const name = await fold.getAttribute('data-category');
  const kept = saved(one.page);
  await fold.locator('summary').click();
  await kept;
  assert.deepEqual(JSON.parse(await stored(one.page, 'launchpad-collapsed')), [name]);
  await other.page.goto(`${PORTAL.url}/`);
  assert.deepEqual(await folded(other.page), [name]);
  assert.deepEqual(JSON.parse(await stored(other.page, 'launchpad-collapsed')), [name]);
  const again = saved(other.page);
  await other.page.locator('details[data-category]').first().locator('summary').click();
  await again;
  await one.page.reload();
  assert.deepEqual(await folded(one.page), []);
});

test('favourites and what was used last stand first, in every browser', async (t) => {
  const site = await serve('<!doctype html><html lang="en"><title>Intranet</title><h1>Hello</h1></html>');
  t.after(site.close);
  await makeLink(one.page, { id: 'intranet', name: 'Intranet', url: site.url });
  await one.page.goto(`${PORTAL.url}/`);
  assert.equal(await one.page.getByRole('heading', { name: 'Recently used' }).count(), 0);
  const kept = saved(one.page);
  await one.page.getByRole('button', { name: 'Favourite: Intranet' }).first().click();
  await kept;
  await other.page.goto(`${PORTAL.url}/`);
  const favourites = other.page.locator('section', { has: other.page.getByRole('heading', { name: 'Favourites' }) });
  assert.match(await favourites.innerText(), /Intranet/);

  const gone = saved(other.page);
  await other.page.getByRole('button', { name: 'Favourite: Intranet' }).first().click();
  await gone;
  await other.page.goto(`${PORTAL.url}/go/intranet`);
  const recent = one.page.locator('section', { has: one.page.getByRole('heading', { name: 'Recently used' }) });
  // Another browser's use is seen after a moment.
  await assert.doesNotReject(async () => {
    while ((await recent.count()) === 0) await one.page.goto(`${PORTAL.url}/`);
  });
  assert.match(await recent.innerText(), /Intranet/);
  await one.page.goto(`${PORTAL.url}/?q=intranet`);
  assert.equal(await recent.count(), 0, 'a search shows what was searched for');
});

test('Enter opens what the search found first, however fast it is pressed', async () => {
  const { page } = one;
  await page.goto(`${PORTAL.url}/`);
  await page.keyboard.press('/');
  const opened = page.waitForEvent('popup');
  await page.keyboard.type('intranet');
  await page.keyboard.press('Enter');
  await (await opened).close();
  assert.match(await page.getByRole('status').first().innerText(), /found\. Enter opens Intranet$/);
  await page.locator('#q').fill('nothing of the kind');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /no app matches/i }).waitFor();
});

test('no page complained on the way', () => {
  assert.deepEqual([...one.complaints, ...other.complaints], []);
});
