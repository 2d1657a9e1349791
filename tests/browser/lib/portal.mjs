// The portal that the harness started, and the way into it.

/** Where the portal is, and its one-time link. */
export const PORTAL = {
  url: process.env.LAUNCHPAD_TEST_URL,
  setupLink: process.env.LAUNCHPAD_TEST_SETUP_LINK,
};

/** The administrator whom the suite makes. */
export const ADA = { name: 'ada', password: 'correct horse battery staple' };

/**
 * Follows the setup link and becomes the first administrator. Ends at the catalogue.
 *
 * @param {import('playwright-core').Page} page
 */
export async function setUp(page) {
  await page.goto(PORTAL.setupLink);
  await fillIn(page);
  await page.getByRole('button', { name: /create|set up|make/i }).click();
  await page.waitForURL(`${PORTAL.url}/`);
}

/**
 * Signs in. Ends at the catalogue.
 *
 * @param {import('playwright-core').Page} page
 */
export async function signIn(page) {
  await page.goto(`${PORTAL.url}/sign-in`);
  await fillIn(page);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${PORTAL.url}/`);
}

async function fillIn(page) {
  await page.getByLabel(/name/i).fill(ADA.name);
  for (const field of await page.locator('input[type=password]').all()) await field.fill(ADA.password);
}

/**
 * Makes an app that is a link, on the page for it.
 *
 * @param {import('playwright-core').Page} page
 */
export async function makeLink(page, { id, name, url }) {
  await page.goto(`${PORTAL.url}/admin/apps/new`);
  await page.getByLabel(/^id/i).fill(id);
  await page.getByLabel(/^name/i).fill(name);
  await page.getByLabel(/^(address|url)/i).fill(url);
  // A refused form answers at the same address as the list: only the status tells them apart.
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    page.getByRole('button', { name: /save|create/i }).click(),
  ]);
  if (answer.status() !== 303) throw new Error(`the app was refused: ${answer.status()}`);
  await page.waitForURL(/\/admin\/apps$/);
}

/**
 * Launches an app from the catalogue and answers the id of its session.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
export async function launch(page, name) {
  await page.goto(`${PORTAL.url}/`);
  await page.getByRole('main').getByRole('button', { name, exact: true })
    .or(page.getByRole('main').getByRole('link', { name, exact: true })).first().click();
  await page.waitForURL(/\/sessions\/[^/]+$/);
  return new URL(page.url()).pathname.split('/').at(-1);
}

/**
 * Ends the session whose page is open.
 *
 * @param {import('playwright-core').Page} page
 */
export async function end(page) {
  await page.getByRole('button', { name: /^End/ }).first().click();
  const sure = page.getByRole('dialog').getByRole('button', { name: /^End/ });
  if (await sure.isVisible()) await sure.click();
}
