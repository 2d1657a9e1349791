// What a person does in a browser that runs no scripts: everything but the screen itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openWindow } from '../lib/browser.mjs';
import { containersOf, waitUntilGone } from '../lib/engine.mjs';
import { launch, makeLink, PORTAL, setUp, signIn } from '../lib/portal.mjs';
import { serve } from '../lib/server.mjs';

let browser;
let page;
before(async () => {
  browser = await openBrowser();
  // The setup token is in the link's fragment, which never leaves the browser by itself: this one page needs a script.
  const first = await openWindow(browser);
  await setUp(first.page);
  await first.context.close();
  ({ page } = await openWindow(browser, { javaScriptEnabled: false }));
});
after(() => browser.close());

test('sign in', async () => {
  await signIn(page);
  assert.match(await page.getByRole('main').innerText(), /Debian packages/);
});

test('make a link app, see a mistake at its field, open it', async (t) => {
  const site = await serve('<!doctype html><html lang="en"><title>Intranet</title><h1>Hello</h1></html>');
  t.after(site.close);
  await page.goto(`${PORTAL.url}/admin/apps/new`);
  await page.getByLabel(/^id/i).fill('intranet');
  await page.getByLabel(/^name/i).fill('Intranet');
  await page.getByLabel(/^(address|url)/i).fill('javascript:alert(1)');
  await page.getByRole('button', { name: /save|create/i }).click();
  assert.equal(await page.getByLabel(/^(address|url)/i).getAttribute('aria-invalid'), 'true');
  assert.equal(await page.getByLabel(/^name/i).inputValue(), 'Intranet', 'what was entered is still there');
  await makeLink(page, { id: 'intranet', name: 'Intranet', url: site.url });
  await page.goto(`${PORTAL.url}/`);
  const address = await page.getByRole('main').getByRole('link', { name: 'Intranet', exact: true }).getAttribute('href');
  await page.goto(new URL(address, PORTAL.url).href);
  assert.equal(page.url(), site.url);
});

test('launch a desktop, follow it until it runs, end it', async () => {
  const session = await launch(page, 'Desktop');
  await page.getByText(/running/i).first().waitFor();
  assert.notDeepEqual(await containersOf(session), []);
  await page.getByRole('button', { name: /^End/ }).first().click();
  const sure = page.getByRole('button', { name: /^End/ });
  if ((await containersOf(session)).length > 0 && (await sure.count()) > 0) await sure.first().click();
  await waitUntilGone(session);
});
