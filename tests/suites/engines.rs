//! What every engine must do for the portal, tried on each of them: real Podman, and a real Kubernetes.

use anyhow::{Context, ensure};
use launchpad_tests::{
    Client, Cluster, Namespace, Portal, Recipe, Seed, Session, app, derive_image, desktop,
};
use uuid::Uuid;

use crate::{PASSWORD, portal};

const DESKTOP: &str = "localhost/launchpad/desktop:1";

/// Where a test runs its sessions.
struct Place {
    /// None: on this machine's Podman.
    namespace: Option<Namespace<'static>>,
}

impl Place {
    #[expect(clippy::unused_async, reason = "both engines are got in the same way")]
    async fn podman() -> anyhow::Result<Self> {
        Ok(Self { namespace: None })
    }

    async fn kubernetes() -> anyhow::Result<Self> {
        let namespace = Cluster::get().await?.namespace().await?;
        Ok(Self {
            namespace: Some(namespace),
        })
    }

    /// A portal that has these apps and launches them here.
    fn recipe(&self, apps: Vec<serde_json::Value>) -> Recipe {
        let recipe = portal().seed(Seed::Apps(apps));
        match &self.namespace {
            Some(namespace) => recipe.in_namespace(namespace),
            None => recipe,
        }
    }

    async fn desktop(&self) -> anyhow::Result<(Portal, Client)> {
        started(self.recipe(vec![desktop("desktop")])).await
    }

    /// A portal with one app, whose image starts this program instead of a desktop.
    async fn broken(&self, name: &str, entrypoint: &[&str]) -> anyhow::Result<(Recipe, String)> {
        let image = format!("localhost/launchpad-tests/{name}:1");
        derive_image(&image, DESKTOP, entrypoint, &[])?;
        if let Some(namespace) = &self.namespace {
            namespace.cluster().import(&image).await?;
        }
        Ok((self.recipe(vec![app("broken", "container", "", &image)]), image))
    }
}

async fn started(recipe: Recipe) -> anyhow::Result<(Portal, Client)> {
    let portal = recipe.start().await?;
    let ada = portal.account("ada", "user", PASSWORD).await?;
    Ok((portal, ada))
}

macro_rules! on_both {
    ($($behaviour:ident,)+) => {
        mod podman {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() -> anyhow::Result<()> {
                super::$behaviour(&super::Place::podman().await?).await
            })+
        }
        mod kubernetes {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() -> anyhow::Result<()> {
                super::$behaviour(&super::Place::kubernetes().await?).await
            })+
        }
    };
}

on_both! {
    an_app_runs_shows_its_screen_and_leaves_nothing,
    a_launch_is_cancelled,
    killed_right_after_the_answer_the_launch_goes_on,
    killed_once_the_pod_is_there_the_launch_goes_on,
    killed_while_it_runs_the_session_is_still_usable,
    killed_while_ending_the_workload_still_goes,
    an_image_that_is_not_there_is_told,
    an_app_that_ends_by_itself_is_told,
    a_screen_that_never_answers_is_told,
    a_pod_that_somebody_removes_is_told,
    a_session_expires_and_what_is_anothers_is_left_alone,
}

async fn an_app_runs_shows_its_screen_and_leaves_nothing(place: &Place) -> anyhow::Result<()> {
    use_a_desktop(place.recipe(vec![desktop("desktop")])).await
}

/// The whole way of a user.
pub(crate) async fn use_a_desktop(recipe: Recipe) -> anyhow::Result<()> {
    let (portal, ada) = started(recipe).await?;
    let launched = ada.launch("desktop").await?;
    ensure!(launched.status == "creating", "{launched:?}");
    let running = ada.until(&launched.id, "running").await?;

    let mut screen = ada.screen(&running).await?;
    ensure!(screen.width > 0 && screen.height > 0, "the screen has no size");
    ensure!(screen.picture().await? > 0, "the screen sent no picture");

    ada.end(&running.id).await?;
    ada.end(&running.id).await.context("ending is idempotent")?;
    ensure!(
        screen.until_closed().await? == "session-over",
        "the viewer is told why"
    );
    ada.until(&running.id, "stopped").await?;
    portal.engine()?.until_empty().await
}

async fn a_launch_is_cancelled(place: &Place) -> anyhow::Result<()> {
    let (portal, ada) = place.desktop().await?;
    for wait_for_pod in [false, true] {
        let session = ada.launch("desktop").await?;
        if wait_for_pod {
            portal.engine()?.until_pod_of(&session.id).await?;
        }
        ada.end(&session.id).await?;
        let ended = ada.session(&session.id).await?;
        // It may have been faster than the wish to end it.
        ensure!(
            ended.status == "stopped" || ended.reason == Some("cancelled".into()),
            "{ended:?}"
        );
    }
    portal.engine()?.until_empty().await
}

/// The moments of a launch at which the portal is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Answered,
    PodMade,
    Running,
    Ending,
}

impl Moment {
    async fn reach(self, portal: &Portal, ada: &Client, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Answered => Ok(()),
            Self::PodMade => portal.engine()?.until_pod_of(&session.id).await,
            Self::Running => ada.until(&session.id, "running").await.map(drop),
            Self::Ending => {
                ada.until(&session.id, "running").await?;
                ada.end(&session.id).await
            }
        }
    }
}

async fn killed_at(place: &Place, moment: Moment) -> anyhow::Result<()> {
    let (mut portal, ada) = place.desktop().await?;
    let session = ada.launch("desktop").await?;
    moment.reach(&portal, &ada, &session).await?;
    portal.kill().await?;
    portal.start_again().await?;
    if matches!(moment, Moment::Ending) {
        ada.until(&session.id, "stopped").await?;
    } else {
        let running = ada.until(&session.id, "running").await?;
        let pods = portal.engine()?.pods_of(&session.id)?;
        ensure!(pods.len() == 1, "one session, one pod: {pods:?}");
        ada.screen(&running).await?.picture().await?;
        ada.end(&session.id).await?;
    }
    portal.engine()?.until_empty().await
}

async fn killed_right_after_the_answer_the_launch_goes_on(place: &Place) -> anyhow::Result<()> {
    killed_at(place, Moment::Answered).await
}

async fn killed_once_the_pod_is_there_the_launch_goes_on(place: &Place) -> anyhow::Result<()> {
    killed_at(place, Moment::PodMade).await
}

async fn killed_while_it_runs_the_session_is_still_usable(place: &Place) -> anyhow::Result<()> {
    killed_at(place, Moment::Running).await
}

async fn killed_while_ending_the_workload_still_goes(place: &Place) -> anyhow::Result<()> {
    killed_at(place, Moment::Ending).await
}

/// Launches the only app of this recipe, which must fail for this reason, and answers how the page tells it.
async fn fails(recipe: Recipe, reason: &str) -> anyhow::Result<String> {
    let (portal, ada) = started(recipe).await?;
    let session = ada.launch("broken").await?;
    let failed = ada.until(&session.id, "failed").await?;
    let told = serde_json::to_string(&failed.reason)?;
    ensure!(told.contains(reason), "failed for {told}, not for {reason}");
    portal.engine()?.until_empty().await?;
    let mut browser = portal.stranger()?;
    browser
        .submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    Ok(browser
        .get(&format!("/sessions/{}", session.id))
        .await?
        .expect(200)?
        .body)
}

async fn an_image_that_is_not_there_is_told(place: &Place) -> anyhow::Result<()> {
    let missing = app(
        "broken",
        "container",
        "",
        "localhost/launchpad-tests/never-built:1",
    );
    let page = fails(place.recipe(vec![missing]), "image_missing").await?;
    ensure!(page.contains("image does not exist"), "{page}");
    Ok(())
}

async fn an_app_that_ends_by_itself_is_told(place: &Place) -> anyhow::Result<()> {
    let (recipe, _) = place.broken("ends", &["/bin/false"]).await?;
    let page = fails(recipe, "exited").await?;
    ensure!(page.contains("ended by itself"), "{page}");
    Ok(())
}

async fn a_screen_that_never_answers_is_told(place: &Place) -> anyhow::Result<()> {
    let (recipe, silent) = place.broken("silent", &["/bin/sleep", "600"]).await?;
    let recipe = recipe
        .set("LAUNCHPAD_POD_READY_TIMEOUT", "5")
        .set("LAUNCHPAD_VNC_SIDECAR_IMAGE", silent);
    let page = fails(recipe, "never_ready").await?;
    ensure!(page.contains("never answered"), "{page}");
    Ok(())
}

async fn a_pod_that_somebody_removes_is_told(place: &Place) -> anyhow::Result<()> {
    let (portal, ada) = place.desktop().await?;
    let session = ada.launch("desktop").await?;
    let running = ada.until(&session.id, "running").await?;
    let mut screen = ada.screen(&running).await?;
    portal.engine()?.remove_by_hand(&session.id)?;
    let failed = ada.until(&session.id, "failed").await?;
    let told = serde_json::to_string(&failed.reason)?;
    // Podman tells of containers that ended before it tells of a pod that is gone.
    ensure!(
        ["workload_gone", "out_of_memory", "exited"]
            .iter()
            .any(|reason| told.contains(reason)),
        "{told}"
    );
    // With which word depends on who was faster: the end of the stream, or the news of the pod.
    screen.until_closed().await?;
    portal.engine()?.until_empty().await
}

/// Two portals on one engine, one of them dead for a while, and pods that are nobody's.
async fn a_session_expires_and_what_is_anothers_is_left_alone(place: &Place) -> anyhow::Result<()> {
    let brief = place
        .recipe(vec![desktop("desktop")])
        .set("LAUNCHPAD_SESSION_TIMEOUT", "1");
    let (mut portal, ada) = started(brief).await?;
    let (other, eve) = place.desktop().await?;
    let expiring = ada.launch("desktop").await?;
    let staying = eve.launch("desktop").await?;
    ada.until(&expiring.id, "running").await?;
    let staying = eve.until(&staying.id, "running").await?;

    portal.kill().await?;
    let engine = portal.engine()?;
    let run = Uuid::now_v7().simple().to_string();
    let [orphan, foreign, theirs] = ["orphan", "foreign", "theirs"].map(|kind| format!("{kind}-{run}"));
    engine.plant(&orphan, Some(engine.instance()), &Uuid::now_v7().to_string())?;
    engine.plant(&foreign, None, &Uuid::now_v7().to_string())?;
    let unknown = Uuid::now_v7().to_string();
    engine.plant(&theirs, Some(&unknown), &Uuid::now_v7().to_string())?;
    portal.start_again().await?;

    let engine = portal.engine()?;
    engine.until_fallen(&orphan).await?;
    ada.until_within(&expiring.id, "expired", std::time::Duration::from_secs(90))
        .await?;
    engine.until_empty().await?;
    for name in [&foreign, &theirs] {
        let stands = engine.stands(name)?;
        engine.uproot(name)?;
        ensure!(stands, "{name} was removed");
    }
    eve.screen(&staying).await?.picture().await?;
    eve.end(&staying.id).await?;
    other.engine()?.until_empty().await
}
