//! The launch type `container`: the app's image and a VNC sidecar in one pod, gone with the session.
//!
//! An image that carries its own VNC server says so in the app's settings and gets no sidecar.

mod pod;
mod settings;

use launchpad_plugin_api::{Context, Endpoint, Error, LaunchType, Plan, Problem, export};

use settings::Settings;

struct Container;

impl LaunchType for Container {
    fn plan(ctx: Context) -> Result<Plan, Error> {
        let settings = Settings::read(&ctx)?;
        if let Some(problem) = missing_sidecar(&ctx, &settings) {
            return Err(Error::failed("no-sidecar", problem.message));
        }
        let endpoint = if settings.own_vnc {
            Endpoint::vnc(pod::APP, settings.vnc_port)
        } else {
            Endpoint::vnc(pod::SIDECAR, pod::SIDECAR_PORT)
        };
        Ok(Plan::pod(pod::spec(&ctx, &settings), endpoint))
    }

    fn validate(ctx: Context) -> Result<Vec<Problem>, Error> {
        let settings = Settings::read(&ctx)?;
        Ok(missing_sidecar(&ctx, &settings).into_iter().collect())
    }
}

fn missing_sidecar(ctx: &Context, settings: &Settings) -> Option<Problem> {
    (!settings.own_vnc && ctx.sidecar_image.is_empty()).then(|| Problem {
        path: String::new(),
        message: "no VNC sidecar image is configured; an image with a VNC server of its own needs the setting own_vnc"
            .to_owned(),
    })
}

export!(Container);
