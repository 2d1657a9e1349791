// The namespace of a cluster in which the portal is installed, dealt with as its operator does.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PATIENCE } from './browser.mjs';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '../../cluster/cluster.sh');

async function kubectl(...words) {
  const { stdout } = await run(SCRIPT, ['kubectl', '--namespace', process.env.LAUNCHPAD_TEST_NAMESPACE, ...words]);
  return stdout;
}

/** Ends the portal's pod, and waits until it is gone: the cluster starts another one. */
export function deletePortal() {
  return kubectl('delete', 'pod', '--selector=app.kubernetes.io/component=portal');
}

/** The names of the pods of a session, or of all sessions. */
export async function podsOf(session) {
  const selector = session ? `launchpad.dev/session=${session}` : 'launchpad.dev/session';
  const names = await kubectl('get', 'pods', `--selector=${selector}`, '--output=name');
  return names.split('\n').filter(Boolean);
}

/** Waits until no pod of any session is left. */
export async function waitUntilEmpty() {
  const deadline = Date.now() + PATIENCE;
  let left = await podsOf();
  while (left.length > 0) {
    if (Date.now() > deadline) throw new Error(`still there: ${left.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    left = await podsOf();
  }
}
