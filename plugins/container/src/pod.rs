//! The pod.

use launchpad_plugin_api::Context;
use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// The container of the app.
pub(crate) const APP: &str = "app";
/// The container with the screen.
pub(crate) const SIDECAR: &str = "vnc";
/// Where the sidecar's VNC server listens.
pub(crate) const SIDECAR_PORT: u16 = 5900;

/// Group of everything that the pod mounts.
const GROUP: i64 = 1000;

/// The whole pod.
pub(crate) fn spec(ctx: &Context, settings: &Settings) -> Value {
    let mut containers = Vec::new();
    let mut volumes = vec![empty_dir("tmp"), empty_dir("home"), empty_dir("workspace")];
    if settings.wants_screen() {
        // First in the list: on Podman an emptyDir belongs to the first container's user.
        containers.push(sidecar(ctx));
        volumes.push(empty_dir("x11"));
        volumes.push(empty_dir("vnc-tmp"));
    }
    containers.push(app(ctx, settings));
    json!({
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": settings.run_as_user,
            "runAsGroup": GROUP,
            "fsGroup": GROUP,
        },
        "containers": containers,
        "volumes": volumes,
    })
}

fn sidecar(ctx: &Context) -> Value {
    json!({
        "name": SIDECAR,
        "image": ctx.sidecar_image,
        "env": [{"name": "DISPLAY", "value": ":0"}, {"name": "HOME", "value": "/tmp"}],
        "securityContext": {"readOnlyRootFilesystem": true},
        "volumeMounts": [mount("vnc-tmp", "/tmp"), mount("x11", "/tmp/.X11-unix")],
    })
}

fn app(ctx: &Context, settings: &Settings) -> Value {
    // A folder stands before what is mounted inside it.
    let mut mounts = vec![mount("tmp", "/tmp")];
    if settings.wants_screen() {
        mounts.push(mount("x11", "/tmp/.X11-unix"));
    }
    mounts.push(mount("home", "/home/user"));
    mounts.push(mount("workspace", "/home/user/workspace"));

    let mut app = Map::new();
    app.insert("name".to_owned(), json!(APP));
    app.insert("image".to_owned(), json!(ctx.app.container_image));
    if !settings.command.is_empty() {
        app.insert("command".to_owned(), json!(settings.command));
    }
    if !settings.args.is_empty() {
        app.insert("args".to_owned(), json!(settings.args));
    }
    app.insert("env".to_owned(), environment(settings));
    if let Some(resources) = resources(settings) {
        app.insert("resources".to_owned(), resources);
    }
    app.insert(
        "securityContext".to_owned(),
        json!({"readOnlyRootFilesystem": settings.read_only_root}),
    );
    app.insert("volumeMounts".to_owned(), json!(mounts));
    Value::Object(app)
}

/// Ours, then the app's own, which win.
fn environment(settings: &Settings) -> Value {
    let display = (settings.http_port.is_none()).then_some(("DISPLAY", ":0"));
    let ours = display.into_iter().chain([("HOME", "/home/user")]);
    let mut variables: Vec<Value> = ours
        .filter(|(name, _)| !settings.env.contains_key(*name))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    variables.extend(
        settings
            .env
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value})),
    );
    Value::Array(variables)
}

/// The limits that the settings name; the server fills in the others.
fn resources(settings: &Settings) -> Option<Value> {
    let mut limits = Map::new();
    for (name, limit) in [("cpu", &settings.cpu), ("memory", &settings.memory)] {
        if let Some(limit) = limit {
            limits.insert(name.to_owned(), json!(limit));
        }
    }
    (!limits.is_empty()).then(|| json!({"limits": limits}))
}

fn empty_dir(name: &str) -> Value {
    json!({"name": name, "emptyDir": {}})
}

fn mount(name: &str, path: &str) -> Value {
    json!({"name": name, "mountPath": path})
}
