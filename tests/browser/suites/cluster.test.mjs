// A portal in a cluster, as its users have it: their desktops and files outlive its pod.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keepPicture, openBrowser, openWindow } from '../lib/browser.mjs';
import { deletePortal, podsOf, waitUntilEmpty } from '../lib/cluster.mjs';
import { end, launch, signIn } from '../lib/portal.mjs';
import { waitForColour, waitForPicture, waitForStillness } from '../lib/screen.mjs';

const isRed = (red, green, blue) => red > 150 && green < 60 && blue < 60;
const isGreen = (red, green, blue) => green > 100 && red < 60 && blue < 60;

let browser;
let page;
before(async () => {
  browser = await openBrowser();
  ({ page } = await openWindow(browser));
  await signIn(page);
});
after(() => browser.close());

async function launched(name) {
  const session = await launch(page, name);
  await waitForPicture(page, 50);
  await waitForStillness(page);
  return session;
}

/** Types into the desktop's terminal. */
async function type(command) {
  await page.locator('main canvas').click({ position: { x: 300, y: 200 } });
  await page.keyboard.type(`${command}\n`, { delay: 20 });
}

test('a desktop goes on when the portal is gone in the middle of its stream', async () => {
  const session = await launched('Desktop');
  await type("printf '\\e[41m\\e[2J'");
  await waitForColour(page, isRed, 20_000);
  const [pod] = await podsOf(session);

  await deletePortal();
  await page.locator('#lost').waitFor({ state: 'visible' });
  await page.locator('#state', { hasText: 'Connected' }).waitFor();
  // The same screen of the same pod: nothing but the connection was lost.
  await waitForColour(page, isRed, 20_000);
  assert.deepEqual(await podsOf(session), [pod]);
  await keepPicture(page, 'cluster-desktop');
  await end(page);
  await waitUntilEmpty();
});

test('a launch goes on when the portal is gone in the middle of it', async () => {
  const session = await launch(page, 'Desktop');
  await deletePortal();
  await waitForPicture(page, 50);
  assert.equal(new URL(page.url()).pathname, `/sessions/${session}`);
  assert.equal((await podsOf()).length, 1);
  await end(page);
  await waitUntilEmpty();
});

test('a file in a workspace is there at the next launch', async () => {
  const first = await launched('Notes');
  await type('echo kept > ~/workspace/note; sync');
  await type("[ -s ~/workspace/note ] && printf '\\e[41m\\e[2J'");
  await waitForColour(page, isRed, 20_000);
  await end(page);
  await waitUntilEmpty();

  const second = await launched('Notes');
  assert.notEqual(second, first);
  await type("grep -q kept ~/workspace/note && printf '\\e[42m\\e[2J'");
  await waitForColour(page, isGreen, 20_000);
  await keepPicture(page, 'cluster-workspace');
  await end(page);
  await waitUntilEmpty();
});
