//! The launch type `http-catalogue`: an HTTP service of the organisation says which image a session runs, so that a new
//! release reaches everybody without an app being changed.

use launchpad_plugin_api::{Context, Endpoint, Error, LaunchType, Plan, Request, export, http_fetch, progress};
use serde::Deserialize;
use serde_json::{Value, json};

struct HttpCatalogue;

/// What the service answers.
#[derive(Deserialize)]
struct Release {
    image: String,
}

impl LaunchType for HttpCatalogue {
    fn plan(ctx: Context) -> Result<Plan, Error> {
        let service = text(&ctx.plugin_config, "service")?;
        let channel = text(&ctx.app.settings, "channel").unwrap_or("stable");
        progress(10, "Asking which release is current");
        let release = release(service, channel)?;
        let screen = json!({"name": "x11", "mountPath": "/tmp/.X11-unix"});
        let display = json!({"name": "DISPLAY", "value": ":0"});
        let pod = json!({
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
            "containers": [
                {
                    "name": "vnc", "image": ctx.sidecar_image,
                    "env": [display, {"name": "HOME", "value": "/tmp"}],
                    "volumeMounts": [{"name": "vnc-tmp", "mountPath": "/tmp"}, screen],
                },
                {
                    "name": "app", "image": release.image, "env": [display],
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, screen],
                },
            ],
            "volumes": [
                {"name": "x11", "emptyDir": {}},
                {"name": "vnc-tmp", "emptyDir": {}},
                {"name": "tmp", "emptyDir": {}},
            ],
        });
        Ok(Plan::pod(pod, Endpoint::vnc("vnc", 5900)))
    }
}

/// Asks the service. One that is busy or away is asked again; what it answers else is for its operator to mend.
fn release(service: &str, channel: &str) -> Result<Release, Error> {
    let response = http_fetch(&Request::get(format!("{service}/releases/{channel}")))?;
    match response.status {
        200 => serde_json::from_str(&response.body)
            .map_err(|error| Error::failed("bad-release", format!("the release service answered no release: {error}"))),
        429 | 502..=504 => Err(Error::retryable("the release service is busy", 2_000)),
        status => Err(Error::failed("no-release", format!("the release service answered {status} for `{channel}`"))),
    }
}

fn text<'a>(values: &'a serde_json::Map<String, Value>, name: &str) -> Result<&'a str, Error> {
    values
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::failed("not-configured", format!("`{name}` is not configured")))
}

export!(HttpCatalogue);
