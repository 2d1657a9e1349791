// The launch type `my-plugin`: a terminal that greets its user.

import { log } from 'launchpad:plugin/host@1.0.0';

// Called for each launch; answers the pod that the server starts, and where its screen is.
export function plan(text) {
  const ctx = JSON.parse(text);
  if (ctx.sidecar_image === '') {
    // The user sees the message; the code is a word of your own.
    throw { code: 'no-sidecar', message: 'no VNC sidecar image is configured', details: '' };
  }
  const greeting = `${ctx.app.settings.greeting ?? 'Hello'}, ${ctx.user.name}`;
  log('info', 'planning', JSON.stringify({ app: ctx.app.id }));
  return JSON.stringify({
    schema: 1,
    pod: {
      securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
      containers: [
        // The sidecar stands first: on Podman an emptyDir belongs to the first container's user.
        container('vnc', ctx.sidecar_image, []),
        {
          ...container('app', ctx.app.container_image, [{ name: 'GREETING', value: greeting }]),
          command: onScreen(['xterm', '-e', 'echo "$GREETING"; exec sh']),
        },
      ],
      volumes: [{ name: 'x11', emptyDir: {} }],
    },
    endpoint: { kind: 'vnc', container: 'vnc', port: 5900 },
  });
}

// A container that shares the screen with the others.
function container(name, image, env) {
  return {
    name,
    image,
    env: [{ name: 'DISPLAY', value: ':0' }, ...env],
    volumeMounts: [{ name: 'x11', mountPath: '/tmp/.X11-unix' }],
  };
}

// The command of a container that draws on the screen. The containers start together and the screen comes a moment later:
// a program that opens a window must wait for its socket. An image whose entry point waits by itself needs no command.
function onScreen(command) {
  const wait = 'until [ -S /tmp/.X11-unix/X0 ]; do sleep 0.1; done; exec "$@"';
  return ['sh', '-c', wait, 'sh', ...command];
}
