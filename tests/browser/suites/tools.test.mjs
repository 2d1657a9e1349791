// The tools themselves: a suite that cannot see a fault proves nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from '../lib/axe.mjs';
import { openBrowser, openWindow } from '../lib/browser.mjs';
import { waitForChange, waitForPicture, waitForStillness } from '../lib/screen.mjs';
import { serve } from '../lib/server.mjs';

const POLICY = { 'content-security-policy': "default-src 'none'; img-src 'self'" };
const PAGE = (body) => `<!doctype html><html lang="en"><title>Probe</title><main><h1>Probe</h1>${body}</main></html>`;

let browser;
before(async () => { browser = await openBrowser(); });
after(() => browser.close());

async function show(t, body) {
  const site = await serve(PAGE(body), POLICY);
  t.after(site.close);
  const window = await openWindow(browser);
  t.after(() => window.context.close());
  await window.page.goto(site.url);
  return window;
}

test('a page without faults has none', async (t) => {
  const { page, complaints } = await show(t, '<p>Hello</p>');
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(complaints, []);
});

test('what the policy refuses is heard', async (t) => {
  const { complaints } = await show(t, '<p style="color: red">Hello</p>');
  assert.match(complaints.join('\n'), /style-src/);
});

test('a picture without words is a violation', async (t) => {
  const { page } = await show(t, '<img src="/favicon.ico">');
  assert.match((await violations(page)).join('\n'), /image-alt/);
});

test('the screen is seen to fill, to be still and to change', async (t) => {
  const { page } = await show(t, '<canvas width="64" height="64"></canvas>');
  const paint = (from) => page.evaluate((start) => {
    const pen = document.querySelector('canvas').getContext('2d');
    for (let row = 0; row < 64; row += 1) {
      pen.fillStyle = `rgb(${start + row}, 0, 0)`;
      pen.fillRect(0, row, 64, 1);
    }
  }, from);
  await paint(0);
  await waitForPicture(page, 64);
  const still = await waitForStillness(page, 200);
  const changed = waitForChange(page, still, 4096);
  await paint(100);
  assert.equal((await changed).colours, 64);
});
