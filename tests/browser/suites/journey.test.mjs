// The main job: from the setup link to a desktop that is used, and nothing left when it is over.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keepPicture, openBrowser, openWindow } from '../lib/browser.mjs';
import { containersOf, waitUntilGone } from '../lib/engine.mjs';
import { end, launch, makeLink, PORTAL, setUp, signIn } from '../lib/portal.mjs';
import { waitForColour, waitForPicture, waitForStillness } from '../lib/screen.mjs';
import { serve } from '../lib/server.mjs';

let browser;
let window;
before(async () => {
  browser = await openBrowser();
  window = await openWindow(browser);
});
after(() => browser.close());

test('the setup link makes the first administrator, who may sign in again', async () => {
  await setUp(window.page);
  await keepPicture(window.page, 'catalogue');
  const other = await openWindow(browser);
  await signIn(other.page);
  assert.match(await other.page.getByRole('main').innerText(), /Debian packages/);
  assert.deepEqual(other.complaints, []);
  await other.context.close();
});

test('a link app opens its address', async (t) => {
  const site = await serve('<!doctype html><html lang="en"><title>Intranet</title><h1>Hello from the intranet</h1></html>');
  t.after(site.close);
  await makeLink(window.page, { id: 'intranet', name: 'Intranet', url: site.url });
  await window.page.goto(`${PORTAL.url}/`);
  const link = window.page.getByRole('main').getByRole('link', { name: 'Intranet', exact: true });
  const opened = (await link.getAttribute('target')) === '_blank' ? window.context.waitForEvent('page') : window.page;
  await link.click();
  const page = await opened;
  await page.getByRole('heading', { name: 'Hello from the intranet' }).waitFor();
  assert.equal(site.requests[0].headers.cookie, undefined, 'the sign-in stays with the portal');
  if (page !== window.page) await page.close();
});

test('a desktop starts, is drawn, takes the keyboard and ends without a trace', async () => {
  const { page } = window;
  const session = await launch(page, 'Desktop');
  await keepPicture(page, 'launching');
  await waitForPicture(page, 50);
  await waitForStillness(page);
  await keepPicture(page, 'desktop');
  assert.notDeepEqual(await containersOf(session), []);

  // Only a shell that got every key paints its terminal red.
  await page.locator('main canvas').click({ position: { x: 300, y: 200 } });
  await page.keyboard.type("printf '\\e[41m\\e[2J'\n", { delay: 20 });
  await waitForColour(page, (red, green, blue) => red > 150 && green < 60 && blue < 60, 20_000);
  await keepPicture(page, 'desktop-used');

  // A part of the page that does not come is fetched again: here the network changed while it was on its way.
  const other = await openWindow(browser);
  await signIn(other.page);
  let cut = 0;
  await other.page.route('**/novnc/core/rfb.js*', (route) => {
    cut += 1;
    return cut <= 2 ? route.abort('internetdisconnected') : route.continue();
  });
  await other.page.goto(page.url());
  await waitForPicture(other.page, 2);
  assert.equal(cut, 3);
  // And where it never comes, the page says so.
  await other.page.route('**/novnc/core/rfb.js*', (route) => route.abort('internetdisconnected'));
  await other.page.evaluate(() => sessionStorage.setItem('launchpad-reloads', '4'));
  await other.page.reload();
  await other.page.getByText('Parts of this page could not be loaded').waitFor();
  await keepPicture(other.page, 'viewer-not-loaded');
  await other.context.close();

  await end(page);
  await waitUntilGone(session);
  await page.goto(`${PORTAL.url}/sessions`);
  await keepPicture(page, 'sessions');
});

test('no page complained on the way', () => {
  assert.deepEqual(window.complaints, []);
});
