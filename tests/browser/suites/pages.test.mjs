// Every page in both themes, narrow and wide: no violation, no complaint, nothing that scrolls sideways.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from '../lib/axe.mjs';
import { keepPicture, openBrowser, openWindow } from '../lib/browser.mjs';
import { PORTAL, setUp } from '../lib/portal.mjs';

const SIGNED_OUT = ['/sign-in'];
const SIGNED_IN = [
  '/', '/apps/desktop', '/sessions', '/account', '/no-such-page',
  '/admin/apps', '/admin/apps/new', '/admin/apps/desktop', '/admin/apps/desktop/delete',
  '/admin/sessions', '/admin/workspaces', '/admin/plugins', '/admin/plugins/container', '/admin/users', '/admin/audit', '/admin/analytics',
];
const WIDTHS = [320, 768, 1280];

let browser;
let cookies;
before(async () => {
  browser = await openBrowser();
  const { context, page } = await openWindow(browser);
  await setUp(page);
  ({ cookies } = await context.storageState());
  await context.close();
});
after(() => browser.close());

async function inspect(path, colorScheme, storageState) {
  const { context, page, complaints } = await openWindow(browser, { colorScheme, storageState });
  const faults = [];
  await page.goto(`${PORTAL.url}${path}`);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const where = `${path} at ${width} px in ${colorScheme}`;
    faults.push(...(await violations(page)).map((fault) => `${where}: ${fault}`));
    const overhang = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overhang > 0) faults.push(`${where}: ${overhang} px stick out at the side`);
  }
  const heard = complaints.filter((complaint) => !(path === '/no-such-page' && /status of 404/.test(complaint)));
  faults.push(...heard.map((complaint) => `${path}: ${complaint}`));
  await keepPicture(page, `page${path.replaceAll('/', '-')}-${colorScheme}`);
  await context.close();
  return faults;
}

for (const colorScheme of ['light', 'dark']) {
  for (const path of SIGNED_OUT) {
    test(`${path}, ${colorScheme}`, async () => {
      assert.deepEqual(await inspect(path, colorScheme), []);
    });
  }
  for (const path of SIGNED_IN) {
    test(`${path}, ${colorScheme}`, async () => {
      assert.deepEqual(await inspect(path, colorScheme, { cookies, origins: [] }), []);
    });
  }
}
