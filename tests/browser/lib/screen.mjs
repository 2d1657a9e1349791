// What is on the remote screen: read from noVNC's canvas, never assumed.
import { PATIENCE } from './browser.mjs';

const CANVAS = 'main canvas';

/**
 * Waits until at least `colours` different colours are on the remote screen: an empty canvas has one, a desktop has many.
 *
 * @param {import('playwright-core').Page} page
 * @param {number} colours
 */
export async function waitForPicture(page, colours) {
  await page.locator(CANVAS).waitFor().catch(async (error) => {
    const instead = await page.locator('main').innerText({ timeout: 1_000 }).catch(() => 'nothing');
    throw new Error(`${error.message}\n${page.url()} shows ${instead}`);
  });
  await until(async () => (await look(page)).colours >= colours, `the screen to show ${colours} colours`);
}

/** Waits until the screen differs from the look `before` in at least `pixels` places, and answers the new look. */
export async function waitForChange(page, before, pixels) {
  let now = before;
  await until(async () => {
    now = await look(page);
    return difference(before, now) >= pixels;
  }, `${pixels} pixels of the screen to change`);
  return now;
}

/**
 * Waits until the screen has not changed for `steadyMs`, and answers that look.
 *
 * @param {import('playwright-core').Page} page
 */
export async function waitForStillness(page, steadyMs = 1_000) {
  let last = await look(page);
  let since = Date.now();
  await until(async () => {
    const now = await look(page);
    if (difference(last, now) > 0) since = Date.now();
    last = now;
    return Date.now() - since >= steadyMs;
  }, 'the screen to be still');
  return last;
}

/**
 * Waits until at least `pixels` pixels are of the colour that `isIt(red, green, blue)` knows.
 *
 * @param {import('playwright-core').Page} page
 * @param {(red: number, green: number, blue: number) => boolean} isIt
 * @param {number} pixels
 */
export async function waitForColour(page, isIt, pixels) {
  await until(async () => {
    const { bytes } = await look(page);
    let count = 0;
    for (let at = 0; at < bytes.length; at += 4) {
      if (isIt(bytes[at], bytes[at + 1], bytes[at + 2])) count += 1;
    }
    return count >= pixels;
  }, `${pixels} pixels of one colour`);
}

/** A look at the screen: its size, its pixels as one string of four bytes each, and how many colours it holds. */
async function look(page) {
  const seen = await page.locator(CANVAS).evaluate((canvas) => {
    const { width, height } = canvas;
    // The app has not said yet how large its screen is.
    if (width === 0 || height === 0) return { width, height, colours: 0, base64: '' };
    const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    let text = '';
    // Pieces, because each byte becomes an argument of its own.
    for (let at = 0; at < bytes.length; at += 0x8000) {
      text += String.fromCharCode.apply(null, bytes.subarray(at, at + 0x8000));
    }
    return { width, height, colours: new Set(new Uint32Array(bytes.buffer)).size, base64: btoa(text) };
  });
  const bytes = Buffer.from(seen.base64, 'base64');
  return { width: seen.width, height: seen.height, colours: seen.colours, bytes };
}

function difference(before, now) {
  if (before.bytes.length !== now.bytes.length) return Number.MAX_SAFE_INTEGER;
  let count = 0;
  for (let at = 0; at < now.bytes.length; at += 4) {
    if (now.bytes.readUInt32LE(at) !== before.bytes.readUInt32LE(at)) count += 1;
  }
  return count;
}

// The canvas has no event for "painted": looking again is the only way to know.
async function until(holds, what) {
  const deadline = Date.now() + PATIENCE;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
