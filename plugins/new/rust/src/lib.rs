//! The launch type `my-plugin`: a terminal that greets its user.

use launchpad_plugin_api::{Context, Endpoint, Error, LaunchType, Level, Plan, export, log, on_screen};
use serde_json::{Value, json};

struct MyPlugin;

impl LaunchType for MyPlugin {
    /// Called for each launch; answers the pod that the server starts, and where its screen is.
    fn plan(ctx: Context) -> Result<Plan, Error> {
        if ctx.sidecar_image.is_empty() {
            // The user sees the message; the code is a word of your own.
            return Err(Error::failed("no-sidecar", "no VNC sidecar image is configured"));
        }
        let greeting = ctx.app.settings.get("greeting").and_then(Value::as_str);
        let greeting = format!("{}, {}", greeting.unwrap_or("Hello"), ctx.user.name);
        log(Level::Info, "planning", &json!({ "app": ctx.app.id }));
        let mut app = container("app", &ctx.app.container_image, &[("GREETING", &greeting)]);
        // The screen comes a moment after the start: a program that opens a window waits for it.
        app["command"] = json!(on_screen(&["xterm", "-e", "echo \"$GREETING\"; exec sh"]));
        let pod = json!({
            "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000 },
            // The sidecar stands first: on Podman an emptyDir belongs to the first container's user.
            "containers": [container("vnc", &ctx.sidecar_image, &[]), app],
            "volumes": [{ "name": "x11", "emptyDir": {} }]
        });
        Ok(Plan::pod(pod, Endpoint::vnc("vnc", 5900)))
    }
}

/// A container that shares the screen with the others.
fn container(name: &str, image: &str, variables: &[(&str, &str)]) -> Value {
    let variables = [("DISPLAY", ":0")].into_iter().chain(variables.iter().copied());
    let env: Vec<Value> = variables
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "name": name,
        "image": image,
        "env": env,
        "volumeMounts": [{ "name": "x11", "mountPath": "/tmp/.X11-unix" }]
    })
}

export!(MyPlugin);
