"""The launch type `my-plugin`: a terminal that greets its user."""

import json

import wit_world
from componentize_py_types import Err
from wit_world.imports import host
from wit_world.imports.types import PluginError


class WitWorld(wit_world.WitWorld):
    def plan(self, ctx: str) -> str:
        """Called for each launch; answers the pod that the server starts, and where its screen is."""
        ctx = json.loads(ctx)
        if not ctx["sidecar_image"]:
            # The user sees the message; the code is a word of your own.
            raise Err(PluginError("no-sidecar", "no VNC sidecar image is configured", ""))
        greeting = f'{ctx["app"]["settings"].get("greeting", "Hello")}, {ctx["user"]["name"]}'
        host.log("info", "planning", json.dumps({"app": ctx["app"]["id"]}))
        app = container("app", ctx["app"]["container_image"], [{"name": "GREETING", "value": greeting}])
        app["command"] = on_screen(["xterm", "-e", 'echo "$GREETING"; exec sh'])
        return json.dumps({
            "schema": 1,
            "pod": {
                "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
                # The sidecar stands first: on Podman an emptyDir belongs to the first container's user.
                "containers": [container("vnc", ctx["sidecar_image"], []), app],
                "volumes": [{"name": "x11", "emptyDir": {}}],
            },
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900},
        })


def container(name: str, image: str, env: list) -> dict:
    """A container that shares the screen with the others."""
    return {
        "name": name,
        "image": image,
        "env": [{"name": "DISPLAY", "value": ":0"}] + env,
        "volumeMounts": [{"name": "x11", "mountPath": "/tmp/.X11-unix"}],
    }


def on_screen(command: list) -> list:
    """The command of a container that draws on the screen.

    The containers start together and the screen comes a moment later: a program that opens a window must wait for its
    socket. An image whose entry point waits by itself needs no command.
    """
    wait = 'until [ -S /tmp/.X11-unix/X0 ]; do sleep 0.1; done; exec "$@"'
    return ["sh", "-c", wait, "sh"] + command
