// axe-core on a page: any violation is a failure.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * Answers one line for each violation on the page; none is what we promise.
 *
 * @param {import('playwright-core').Page} page
 */
export async function violations(page) {
  await page.evaluate(SOURCE);
  const found = await page.evaluate(
    (values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] }),
    RULES,
  );
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${target.join(' ')} (${oneLine(failureSummary)})`),
  );
}

function oneLine(text) {
  return (text ?? '').replace(/\s+/g, ' ').trim();
}
