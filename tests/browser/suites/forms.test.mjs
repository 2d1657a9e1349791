// The forms that are made from a launch type's schemas: with the keyboard alone, without violations, and so that nothing
// that was typed is lost; and what a form says afterwards.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from '../lib/axe.mjs';
import { keepPicture, openBrowser, openWindow } from '../lib/browser.mjs';
import { PORTAL, setUp, signIn } from '../lib/portal.mjs';

let browser;
let window;
before(async () => {
  browser = await openBrowser();
  window = await openWindow(browser);
  await setUp(window.page);
});
after(() => browser.close());

const focused = (page) => page.evaluate(() => document.activeElement?.name || document.activeElement?.textContent.trim());

/** Presses Tab until the field or button of that name has the focus. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if (await focused(page) === name) return;
  }
  assert.fail(`${name} is not reached by Tab`);
}

/** Whether the helps and the problems of a field are tied to it. */
async function described(page, label) {
  const ids = (await page.getByLabel(label).getAttribute('aria-describedby')).trim().split(/\s+/);
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).innerText()));
  return texts.join(' ');
}

test('an administrator sets up an app by its own fields, and is told that it was created, once', async () => {
  const { page } = window;
  await page.goto(`${PORTAL.url}/admin/apps/new`);
  await page.getByLabel('Id').fill('lab');
  await page.getByLabel('Name').fill('Lab');
  await page.getByLabel('Launch type').selectOption('forms');
  await page.getByRole('group', { name: 'Tier' }).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await page.getByLabel('Contact').isVisible(), false);
  await page.getByLabel('Launch type').focus();
  await tabTo(page, 'settings.tier');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.getByLabel('premium').check();
  await page.getByLabel('Contact').waitFor();
  assert.equal(await page.getByLabel('Contact').getAttribute('required'), '');
  assert.match(await described(page, 'Contact'), /Who pays/);
  await page.getByRole('group', { name: 'Budget' }).getByLabel(/Euros/).fill('20');
  await page.getByLabel('Contact').fill('ada');
  // What only the server knows: the settings that no field asks for are no JSON.
  await page.getByText('More settings').click();
  const more = page.getByLabel('Settings that no field asks for');
  await more.fill('{');
  await page.getByRole('button', { name: 'Create app' }).click();
  await page.getByRole('alert').getByText(/no JSON/).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.equal(await page.getByLabel('Contact').inputValue(), 'ada');
  assert.equal(await page.getByLabel(/Euros/).inputValue(), '20');
  await more.fill('');
  await page.getByRole('button', { name: 'Create app' }).click();
  await page.getByRole('status').getByText('The app was created.').waitFor();
  assert.deepEqual(await violations(page), []);
  await keepPicture(page, 'said');
  await page.reload();
  assert.equal(await page.getByText('The app was created.').count(), 0);
});

test('a launch form is filled in with the keyboard alone', async () => {
  const { page } = window;
  await page.goto(`${PORTAL.url}/apps/lab`);
  assert.deepEqual(await violations(page), []);
  await keepPicture(page, 'launch-form');
  const room = page.getByLabel('Room');
  assert.deepEqual(
    await room.evaluate(({ minLength, maxLength, required }) => ({ minLength, maxLength, required })),
    { minLength: 2, maxLength: 8, required: true },
  );
  assert.match(await described(page, 'Room'), /small letters/);
  assert.equal(await page.getByLabel('Cards').isVisible(), false);
  assert.equal(await page.getByLabel('Cores').getAttribute('step'), '2');

  await tabTo(page, 'params.room');
  await page.keyboard.type('A1');
  await tabTo(page, 'params.kind');
  await page.keyboard.press('ArrowDown');
  await page.getByLabel('Cards').waitFor();
  assert.equal(await page.getByLabel('Cores').isVisible(), false);
  await tabTo(page, 'params.machine.memory');
  await page.keyboard.type('1.5');
  await tabTo(page, 'params.notes');
  await page.keyboard.type('by the window');
  await tabTo(page, 'params.cards');
  await page.keyboard.type('9');
  await tabTo(page, 'Launch');
  await page.keyboard.press('Enter');
  // The browser itself refuses, at the first field that is wrong, and nothing is gone.
  assert.equal(await focused(page), 'params.room');
  assert.equal(await room.evaluate((field) => field.validity.patternMismatch), true);
  assert.equal(await page.getByLabel('Cards').evaluate((field) => field.validity.rangeOverflow), true);

  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('aula');
  await tabTo(page, 'params.cards');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  // What only the launch type knows comes back at its field, and from the summary above.
  const summary = page.getByRole('alert').filter({ hasText: 'Room: is taken on Sundays' });
  await summary.waitFor();
  assert.deepEqual(await violations(page), []);
  await keepPicture(page, 'launch-form-refused');
  assert.match(await described(page, 'Room'), /small letters.*taken on Sundays/s);
  assert.equal(await room.getAttribute('aria-invalid'), 'true');
  for (const [label, value] of [['Room', 'aula'], ['Cards', '2'], [/Memory/, '1.5'], ['Notes', 'by the window']]) {
    assert.equal(await page.getByLabel(label).inputValue(), value);
  }
  await tabTo(page, 'Room: is taken on Sundays.');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'params.room');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('library');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/sessions\/[^/]+$/);
  await page.getByText('room library, cards 2').waitFor({ state: 'attached' });
});

test('the same without scripts: every field is there and says when it counts', async () => {
  const { page, context } = await openWindow(browser, { javaScriptEnabled: false });
  await signIn(page);
  await page.goto(`${PORTAL.url}/apps/lab`);
  assert.match(await described(page, 'Cards'), /Only where “Computer” is “With cards”/);
  assert.equal(await page.getByLabel('Cards').getAttribute('required'), null);
  await page.getByLabel('Room').fill('aula');
  await page.getByLabel('Notes').fill('\nsecond line');
  await page.getByRole('button', { name: 'Launch' }).click();
  await page.getByRole('alert').getByText('Room: is taken on Sundays').waitFor();
  assert.equal(await page.getByLabel('Room').inputValue(), 'aula');
  assert.equal(await page.getByLabel('Notes').inputValue(), '\nsecond line', 'the first line break is kept');
  await page.getByLabel('Room').fill('library');
  // Not asked where the computer has no cards, whatever stands there.
  await page.getByLabel('Cards').fill('3');
  await page.getByRole('button', { name: 'Launch' }).click();
  await page.getByText('room library, cards 0').waitFor({ state: 'attached' });
  await context.close();
});

test('an account page says what its form did', async () => {
  const { page, context } = await openWindow(browser, { javaScriptEnabled: false });
  await signIn(page);
  await page.goto(`${PORTAL.url}/account`);
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('button', { name: /^Revoke/ }).click();
  await page.getByRole('status').getByText('The token was revoked.').waitFor();
  await page.goto(`${PORTAL.url}/account`);
  assert.equal(await page.getByText('The token was revoked.').count(), 0);
  await context.close();
});

test('no page complained on the way', () => {
  assert.deepEqual(window.complaints, []);
});
