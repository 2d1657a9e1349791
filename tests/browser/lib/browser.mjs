// Debian's Chromium, driven by playwright-core, and an ear on everything that a page complains about.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a step may take before the test says that it never came, in milliseconds. */
export const PATIENCE = 60_000;

/** Starts a browser with a fresh profile. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.LAUNCHPAD_TEST_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
  });
}

/**
 * Opens a window of its own: own cookies, own storage. What its pages complain about is collected in `complaints`.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions} options
 */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const complaints = [];
  context.on('page', (page) => listen(page, complaints));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`refused by the content security policy: ${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  return { context, page, complaints };
}

function listen(page, complaints) {
  page.on('pageerror', (error) => complaints.push(`${page.url()}: uncaught ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message)) {
      complaints.push(`${message.location().url || page.url()}: ${message.text()}`);
    }
  });
}

// A form with mistakes in it is answered by 422, and the browser reports every such answer as an error of its own.
function isExpected(message) {
  return /status of 422\b/.test(message.text());
}

/** Keeps a picture of the page under target/browser for whoever looks at a failed run. */
export async function keepPicture(page, name) {
  const folder = process.env.LAUNCHPAD_TEST_PICTURES ?? join(import.meta.dirname ?? '.', '../../../target/browser');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}
