"""The launch type `office-hours`: a desktop on working days, between two hours."""

import json
from datetime import datetime, timedelta, timezone

import wit_world
from componentize_py_types import Err
from wit_world.imports.types import PluginError

FRIDAY = 4


class WitWorld(wit_world.WitWorld):
    def validate(self, ctx: str) -> str:
        """Before a session is made: tells the user at once."""
        problem = closed(json.loads(ctx))
        return json.dumps({"problems": [{"path": "", "message": problem}] if problem else []})

    def plan(self, ctx: str) -> str:
        """The pod. A script may launch without having been asked: what `validate` says is worth nothing here."""
        ctx = json.loads(ctx)
        if problem := closed(ctx):
            raise Err(PluginError("denied", problem, ""))
        volumes = ["x11", "vnc-tmp", "tmp"]
        return json.dumps({
            "schema": 1,
            "pod": {
                "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
                # The sidecar stands first: on Podman an emptyDir belongs to the first container's user.
                "containers": [
                    container("vnc", ctx["sidecar_image"], "vnc-tmp"),
                    container("app", ctx["app"]["container_image"], "tmp"),
                ],
                "volumes": [{"name": name, "emptyDir": {}} for name in volumes],
            },
            "endpoint": {"kind": "vnc", "container": "vnc", "port": 5900},
        })

    def on_event(self, ctx: str) -> str:
        """`idle`, and nothing else: the manifest subscribes no other event."""
        return json.dumps({"actions": [{"action": "stop"}]})


def closed(ctx: dict) -> str | None:
    """Why nothing may begin now; nothing where it may. The time is the context's: a component has no clock."""
    settings = ctx["app"]["settings"]
    begins, ends = settings.get("from", 8), settings.get("to", 18)
    zone = timezone(timedelta(hours=settings.get("utc_offset", 0)))
    now = datetime.fromtimestamp(ctx["now_unix_ms"] / 1000, zone)
    if now.weekday() <= FRIDAY and begins <= now.hour < ends:
        return None
    next_day = now if now.hour < begins else now + timedelta(days=1)
    while next_day.weekday() > FRIDAY:
        next_day += timedelta(days=1)
    return f"opens on {next_day:%A} at {begins}:00"


def container(name: str, image: str, scratch: str) -> dict:
    """A container that shares the screen with the others."""
    return {
        "name": name,
        "image": image,
        "env": [{"name": "DISPLAY", "value": ":0"}, {"name": "HOME", "value": "/tmp"}],
        "volumeMounts": [{"name": scratch, "mountPath": "/tmp"}, {"name": "x11", "mountPath": "/tmp/.X11-unix"}],
    }
