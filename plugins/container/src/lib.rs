//! The launch type `container`: the app's image and a VNC sidecar in one pod, gone with the session.
//!
//! An image that carries its own VNC server, or that serves web pages, says so in the app's settings and gets no sidecar.

mod pod;
mod settings;

use launchpad_plugin_api::{Context, Endpoint, Error, LaunchType, Plan, Problem, ReadyCheck, export};

use settings::Settings;

struct Container;

impl LaunchType for Container {
    fn plan(ctx: Context) -> Result<Plan, Error> {
        let settings = Settings::read(&ctx)?;
        if let Some(problem) = missing_sidecar(&ctx, &settings) {
            return Err(Error::failed("no-sidecar", problem.message));
        }
        let plan = |endpoint| Plan::pod(pod::spec(&ctx, &settings), endpoint);
        Ok(match settings.http_port {
            Some(port) => {
                let plan = plan(Endpoint::http(pod::APP, port, settings.http_path.as_str()));
                plan.ready_when(ReadyCheck {
                    path: Some(settings.http_path.clone()),
                    timeout_s: None,
                })
            }
            None if settings.own_vnc => plan(Endpoint::vnc(pod::APP, settings.vnc_port)),
            None => plan(Endpoint::vnc(pod::SIDECAR, pod::SIDECAR_PORT)),
        })
    }

    fn validate(ctx: Context) -> Result<Vec<Problem>, Error> {
        let settings = Settings::read(&ctx)?;
        Ok(missing_sidecar(&ctx, &settings).into_iter().collect())
    }
}

fn missing_sidecar(ctx: &Context, settings: &Settings) -> Option<Problem> {
    (settings.wants_screen() && ctx.sidecar_image.is_empty()).then(|| Problem {
        path: String::new(),
        message: "no VNC sidecar image is configured; an image with a VNC server of its own needs the setting own_vnc"
            .to_owned(),
    })
}

export!(Container);
