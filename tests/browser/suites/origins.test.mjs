// Sessions that serve pages: opened from the portal, and what a hostile page in one of them can do to the portal and to
// another session of the same person. The app of the other session counts what reaches it: nothing may.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from '../lib/axe.mjs';
import { keepPicture, openBrowser, openWindow } from '../lib/browser.mjs';
import { launch, PORTAL, setUp } from '../lib/portal.mjs';

let browser;
let window;
const sessions = {};
before(async () => {
  browser = await openBrowser();
  window = await openWindow(browser);
  await setUp(window.page);
});
after(() => browser.close());

async function open(name) {
  const { page, context } = window;
  const id = await launch(page, name);
  const link = page.getByRole('link', { name: `Open ${name}` });
  await link.waitFor();
  assert.deepEqual(await violations(page), []);
  await keepPicture(page, 'session-with-pages');
  const [opened] = await Promise.all([context.waitForEvent('page'), link.click()]);
  await opened.getByRole('heading', { name: 'Hello from the session' }).waitFor();
  return { id, page: opened, origin: new URL(opened.url()).origin };
}

const pathsAsked = ({ page }) => page.evaluate(async () => (await (await fetch('/asked')).json()).paths);

test('two sessions open, each at an origin of its own, without the sign-in of the portal', async () => {
  sessions.a = await open('App a');
  sessions.b = await open('App b');
  assert.notEqual(sessions.a.origin, sessions.b.origin);
  for (const { page, origin, id } of Object.values(sessions)) {
    assert.equal(origin, PORTAL.url.replace('//localhost', `//s-${id}.apps.localhost`));
    assert.match(page.url(), /\/first\?page=1$/);
    const seen = await page.evaluate(async () => (await fetch('/echo')).json());
    assert.equal(seen.headers.cookie, undefined);
    await page.reload();
    await page.getByRole('heading', { name: 'Hello from the session' }).waitFor();
    assert.equal(await page.evaluate(() => document.cookie), '', 'scripts do not see the cookie of the origin');
  }
});

test('a page talks to its own app by WebSocket', async () => {
  const echoed = await sessions.a.page.evaluate(() => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/socket`);
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => resolve(typeof data === 'string' ? data : 'bytes');
    socket.onerror = () => reject(new Error('no socket'));
  }));
  assert.equal(echoed, 'hello');
});

test('a hostile page reaches neither the portal nor the other session', async () => {
  const { a, b } = sessions;
  const before = await pathsAsked(b);
  const told = await a.page.evaluate(async ({ portal, other, session }) => {
    const tried = {};
    const quietly = async (name, attempt) => {
      try { tried[name] = await attempt(); } catch (error) { tried[name] = `refused: ${error.name}`; }
    };
    const soon = () => new Promise((resolve) => { setTimeout(resolve, 1_500); });
    const socket = (address) => new Promise((resolve) => {
      const opened = new WebSocket(address);
      opened.onopen = () => resolve('open');
      opened.onerror = () => resolve('refused');
    });
    const sent = { credentials: 'include' };
    for (const site of [portal, other]) {
      const where = site === portal ? 'portal' : 'other';
      const path = site === portal ? '/api/apps' : '/canary-fetch';
      await quietly(`${where} fetch`, async () => (await fetch(site + path, sent)).status);
      await quietly(`${where} blind fetch`, async () => (await fetch(site + path, { ...sent, mode: 'no-cors' })).type);
      await quietly(`${where} post`, async () => (await fetch(`${site}${site === portal ? '/sessions' : '/canary-post'}`, {
        ...sent, method: 'POST', mode: 'no-cors', body: new URLSearchParams({ app_id: 'a' }),
      })).type);
      await quietly(`${where} socket`, () => socket(`${site.replace('http', 'ws')}${site === portal ? `/ws/sessions/${session}` : '/canary-socket'}`));
      await quietly(`${where} beacon`, () => navigator.sendBeacon(`${site}${site === portal ? '/sessions' : '/canary-beacon'}`, new URLSearchParams({ app_id: 'a' })));
      await quietly(`${where} picture`, () => new Promise((resolve) => {
        const picture = new Image();
        picture.onload = () => resolve('loaded');
        picture.onerror = () => resolve('refused');
        picture.src = `${site}${site === portal ? '/apps.json' : '/canary-picture'}`;
      }));
      await quietly(`${where} frame`, async () => {
        const frame = document.createElement('iframe');
        frame.src = `${site}${site === portal ? '/' : '/canary-frame.html'}`;
        document.body.append(frame);
        await soon();
        try { return frame.contentDocument ? 'read' : 'opaque'; } catch { return 'opaque'; }
      });
      await quietly(`${where} form`, async () => {
        const form = document.createElement('form');
        Object.assign(form, { method: 'post', target: '_blank', action: `${site}${site === portal ? '/sessions' : '/canary-form'}` });
        form.innerHTML = '<input name="app_id" value="a">';
        document.body.append(form);
        form.submit();
        await soon();
        return 'sent';
      });
      await quietly(`${where} window`, async () => {
        const opened = globalThis.open(`${site}${site === portal ? `/sessions/${session}/open` : '/canary-window.html'}`);
        await soon();
        try { return opened.document.title || 'blank'; } catch { return 'opaque'; }
      });
    }
    document.cookie = '__Host-launchpad-app=forged; path=/; secure; domain=apps.localhost';
    document.cookie = 'launchpad=forged; path=/; domain=localhost';
    return tried;
  }, { portal: PORTAL.url, other: b.origin, session: b.id });

  assert.match(String(told['portal fetch']), /^refused|^4/, JSON.stringify(told));
  assert.match(String(told['other fetch']), /^refused|^4/);
  for (const where of ['portal', 'other']) {
    assert.notEqual(told[`${where} socket`], 'open', JSON.stringify(told));
    assert.notEqual(told[`${where} frame`], 'read');
    assert.notEqual(told[`${where} picture`], 'loaded');
  }
  // What reached the other app is what its own page asked.
  const canaries = (await pathsAsked(b)).slice(before.length).filter((path) => path.startsWith('/canary'));
  assert.deepEqual(canaries, [], JSON.stringify(told));
  // Nobody launched anything in this person's name, and they are still signed in everywhere.
  const { page } = window;
  await page.goto(`${PORTAL.url}/sessions`);
  assert.equal(await page.getByRole('button', { name: /^End/ }).count(), 2);
  await b.page.reload();
  await b.page.getByRole('heading', { name: 'Hello from the session' }).waitFor();
});

test('a link from elsewhere to a page of a session leads to the portal, where the person decides', async () => {
  const { a, b } = sessions;
  const opened = window.context.waitForEvent('page');
  await a.page.evaluate((address) => {
    document.body.innerHTML = `<a id="link" target="_blank" href="${address}">look</a>`;
    document.getElementById('link').click();
  }, `${b.origin}/canary-link.html`);
  const page = await opened;
  await page.waitForURL(`${PORTAL.url}/sessions/${b.id}`);
  await page.close();
});

test('the end of a session ends its pages', async () => {
  const { page } = window;
  await page.goto(`${PORTAL.url}/sessions`);
  for (const _ of [1, 2]) {
    await page.getByRole('button', { name: /^End/ }).first().click();
    const sure = page.getByRole('dialog').getByRole('button', { name: /^End/ });
    if (await sure.isVisible()) await sure.click();
    await page.waitForURL(`${PORTAL.url}/sessions`);
  }
  const status = await sessions.a.page.evaluate(async () => (await fetch('/echo')).status);
  assert.equal(status, 404);
});
