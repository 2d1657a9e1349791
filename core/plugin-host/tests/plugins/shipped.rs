//! The plugins that are part of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use launchpad_domain::Capability;
use launchpad_domain::policy::{Owner, PodLimits, WorkspaceRules, accept};
use launchpad_domain::{App, InstanceId, LaunchType, LaunchTypes, Opens, Plan, SessionId, UserId};
use launchpad_plugin_host::{PluginHost, Setup, Source};
use serde_json::{Map, Value, json};

use crate::support::{context, id, setup};

/// From the folders of the repository: only there are the recorded calls.
async fn from_folders() -> PluginHost {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let sources = Source::shipped()
        .iter()
        .map(|shipped| Source::Folder(plugins.join(shipped.to_string().rsplit(' ').next().unwrap())))
        .collect();
    let granted = BTreeMap::from([("container-pvc".to_owned(), BTreeSet::from(["pvc".to_owned()]))]);
    let host = PluginHost::load(Setup {
        granted,
        ..setup(sources)
    })
    .await;
    assert!(host.failures().is_empty(), "{:?}", host.failures());
    host
}

#[tokio::test]
async fn all_are_loaded_and_may_what_they_claim() {
    let host = PluginHost::load(setup(Source::shipped())).await;
    assert!(host.failures().is_empty(), "{:?}", host.failures());
    assert_eq!(host.list().len(), Source::shipped().len());
    let grants = host.get(&id("container-pvc")).unwrap().grants;
    assert!(grants.allows(Capability::Claims));
    assert!(!host.get(&id("url")).unwrap().grants.allows(Capability::Claims));
}

#[tokio::test]
async fn every_recorded_call_is_answered_as_recorded_and_every_plan_is_accepted() {
    let host = from_folders().await;
    for launch_type in host.list() {
        let replays = host.replay(&launch_type.id).await.unwrap();
        assert!(!replays.is_empty(), "{} records no call", launch_type.id);
        for replay in replays {
            let name = &replay.name;
            assert!(
                replay.difference.is_none(),
                "{}: {name}: {}",
                launch_type.id,
                replay.difference.unwrap()
            );
            if replay.answer.get("schema").is_some() {
                accepted(&launch_type, replay.answer);
            }
        }
    }
}

fn accepted(launch_type: &LaunchType, answer: Value) {
    let plan = Plan::parse(answer, launch_type.opens).unwrap();
    assert_eq!(matches!(plan, Plan::Pod(_)), launch_type.opens == Opens::Pod);
    if let Plan::Pod(plan) = plan {
        let owner = Owner {
            instance: InstanceId::new(),
            session: SessionId::new(),
            user: UserId::new(),
            app: "desktop".parse().unwrap(),
        };
        let limits = PodLimits {
            workspaces: WorkspaceRules {
                storage_classes: vec!["fast".to_owned()],
                ..WorkspaceRules::default()
            },
            ..PodLimits::default()
        };
        accept(*plan, &launch_type.grants, &limits, &owner).unwrap();
    }
}

/// The same launch, by a component and by a script.
#[tokio::test]
async fn container_and_container_pvc_plan_the_same_pod_but_for_the_workspace() {
    let host = from_folders().await;
    let component = host.replay(&id("container")).await.unwrap();
    let script = host.replay(&id("container-pvc")).await.unwrap();
    let mut compared = 0;
    for (one, other) in component.into_iter().zip(script) {
        assert_eq!(one.name, other.name);
        let mut other = other.answer;
        // The recorded settings of the one name a workspace, which the other has not: nothing else may differ.
        if let Some(volumes) = other.pointer_mut("/pod/volumes").and_then(Value::as_array_mut) {
            for volume in volumes.iter_mut().filter(|volume| volume["name"] == "workspace") {
                *volume = json!({"name": "workspace", "emptyDir": {}});
                compared += 1;
            }
        }
        if let Some(document) = other.as_object_mut() {
            document.remove("claims");
        }
        assert_eq!(one.answer, other, "{}", one.name);
    }
    assert_eq!(compared, 4);
}

#[tokio::test]
async fn an_app_is_told_what_it_lacks() {
    let host = from_folders().await;
    let app = |launch_type: &str, settings: Value| App {
        id: "desktop".parse().unwrap(),
        name: "Desktop".to_owned(),
        description: String::new(),
        url: String::new(),
        icon: String::new(),
        category: String::new(),
        launch_type: id(launch_type),
        container_image: String::new(),
        settings: settings.as_object().cloned().unwrap(),
    };
    let paths = |app: &App| -> Vec<String> {
        let problems = host.check_app(app).unwrap();
        problems.into_iter().map(|problem| problem.path).collect()
    };
    assert_eq!(paths(&app("url", json!({"x": 1}))), ["settings.x", "url"]);
    let wrong = app(
        "container-pvc",
        json!({"workspace_size": "5 GB", "run_as_user": 0}),
    );
    assert_eq!(
        paths(&wrong),
        [
            "settings.run_as_user",
            "settings.workspace_size",
            "container_image"
        ]
    );
    assert!(
        host.check_app(&app("jupyter", json!({})))
            .unwrap_err()
            .to_string()
            .contains("container-pvc")
    );
    assert!(host.check_params(&id("url"), &Map::new()).unwrap().is_empty());
    assert_eq!(
        host.check_params(&id("url"), json!({"a": 1}).as_object().unwrap())
            .unwrap()[0]
            .path,
        "params.a"
    );
}

#[tokio::test]
async fn the_hook_validate_is_called_where_there_is_one() {
    let host = from_folders().await;
    let mut without_sidecar = context();
    without_sidecar.sidecar_image.clear();
    let problems = host
        .validate(&id("container-pvc"), without_sidecar.clone())
        .await
        .unwrap();
    assert!(problems[0].message.contains("own_vnc"));
    assert!(
        host.validate(&id("url"), without_sidecar)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        host.validate(&id("container-pvc"), context())
            .await
            .unwrap()
            .is_empty()
    );
}

/// Plugins as they were built against earlier versions of the interface, each with what was recorded of it then, kept
/// for ever: they must go on working without being built anew.
#[tokio::test]
async fn a_component_of_an_earlier_version_still_answers_as_recorded() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for old in std::fs::read_dir(kept).unwrap() {
        let old = old.unwrap().path();
        let host = PluginHost::load(setup(vec![Source::Folder(old.clone())])).await;
        assert!(
            host.failures().is_empty(),
            "{}: {:?}",
            old.display(),
            host.failures()
        );
        for replay in host.replay(&id("container")).await.unwrap() {
            assert!(
                replay.difference.is_none(),
                "{}: {:?}",
                old.display(),
                replay.difference
            );
        }
    }
}
