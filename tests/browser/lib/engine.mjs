// Podman, asked directly what still runs for a session.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PATIENCE } from './browser.mjs';

const run = promisify(execFile);

/** The names of the containers of a session, running or not. */
export async function containersOf(session) {
  const { stdout } = await run('podman', [
    'ps', '--all', '--filter', `label=launchpad.dev/session=${session}`, '--format', '{{.Names}}',
  ]);
  return stdout.split('\n').filter(Boolean);
}

/** Waits until no container of the session is left. */
export async function waitUntilGone(session) {
  const deadline = Date.now() + PATIENCE;
  let left = await containersOf(session);
  while (left.length > 0) {
    if (Date.now() > deadline) throw new Error(`still there: ${left.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = await containersOf(session);
  }
}
