//! Every page, filled with ordinary, hostile and long values.

use askama::Template;
use chrono::{DateTime, Utc};
use launchpad_domain::Grants;
use launchpad_domain::{
    Account, App, AppField, AuditEntry, Branding, DeletedApp, Failure, Form, LaunchType, Opens, PodPlan,
    Preferences, Problems, Reason, Role, RuntimeKind, Session, SessionId, Stage, Status, UserId, Viewer,
    Workspace,
};
use launchpad_services::ListedWorkspace;

use super::super::*;
use super::figures::{analytics, counts, launched, nothing_launched};

pub(super) const HOSTILE: &str = "<script>alert(1)</script>\" onclick=\"x";

pub(super) fn branding() -> Branding {
    Branding::parse("", "#1F6F7B", "#4AB7C3", "Acme Corp").unwrap()
}

pub(super) fn page() -> Page {
    let viewer = Viewer {
        id: UserId::new(),
        name: "ada".parse().unwrap(),
        role: Role::Admin,
    };
    Page::new(branding(), Some(&viewer), None, false)
}

pub(super) fn nobody() -> Page {
    Page::new(branding(), None, None, true)
}

pub(super) fn app(id: &str, name: &str, category: &str, launch_type: &str) -> App {
    App {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        description: format!("What people do with {name}, in a sentence"),
        url: "https://app.example/".to_owned(),
        icon: String::new(),
        category: category.to_owned(),
        launch_type: launch_type.parse().unwrap(),
        container_image: String::new(),
        settings: serde_json::Map::new(),
    }
}

pub(super) fn apps() -> Vec<App> {
    let mut apps = vec![
        app("inkscape", "Inkscape", "Design", "container"),
        app("figma", "Figma", "Design", "url"),
        app("broken", "Old tool", "Design", "removed-type"),
        app("desktop", "Desktop", "Tools", "container"),
        app("hostile", HOSTILE, HOSTILE, "container"),
    ];
    apps[0].icon = "🖋".to_owned();
    apps
}

pub(super) fn types() -> Vec<LaunchType> {
    let launch_type = |id: &str, name: &str, opens, needs| LaunchType {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        description: String::new(),
        version: "1.0.0".to_owned(),
        opens,
        needs: vec![needs],
        digest: String::new(),
        has_params: false,
        grants: Grants::default(),
    };
    vec![
        launch_type("url", "Link", Opens::Url, AppField::Url),
        launch_type("container", "Container", Opens::Pod, AppField::ContainerImage),
    ]
}

pub(super) fn time() -> DateTime<Utc> {
    "2026-11-23T15:40:00Z".parse().unwrap()
}

pub(super) fn session(name: &str, status: Status, stage: Stage, failure: Option<Failure>) -> Session {
    Session {
        id: SessionId::new(),
        user_id: UserId::new(),
        app_id: "desktop".parse().unwrap(),
        app_name: name.to_owned(),
        launch_type: "container".parse().unwrap(),
        runtime: RuntimeKind::Podman,
        status,
        stage,
        failure,
        pod_name: None,
        pod_ip: None,
        params: serde_json::Map::new(),
        plan: Some(plan("vnc").into()),
        created_at: time(),
        updated_at: time(),
        expires_at: time(),
        cleaned: false,
        plugin_digest: None,
        told_events: std::collections::BTreeSet::new(),
        note: None,
    }
}

/// A plan with an endpoint of this kind.
fn plan(kind: &str) -> PodPlan {
    let endpoint = serde_json::json!({"kind": kind, "container": "app", "port": 8000});
    serde_json::from_value(serde_json::json!({"pod": {"containers": []}, "endpoint": endpoint})).unwrap()
}

/// A launch form with a bit of everything, and what is wrong with it.
fn launch_form(frame: Page, app: &App) -> AppPage {
    let schema = serde_json::json!({
        "required": ["room"],
        "properties": {
            "room": {"type": "string", "title": HOSTILE, "description": HOSTILE, "pattern": "^[a-z\"]+$"},
            "kind": {"enum": ["a", HOSTILE]},
            "sort": {"enum": ["x", "y"], "x-launchpad-ui": {"widget": "radio"}},
            "machine": {"type": "object", "title": HOSTILE, "description": "What it has.",
                        "properties": {"memory": {"type": "number"}, "fast": {"type": "boolean"}}},
            "notes": {"type": "string", "x-launchpad-ui": {"widget": "textarea"}},
        },
        "if": {"properties": {"kind": {"const": HOSTILE}}},
        "then": {"properties": {"cards": {"type": "integer"}}},
    });
    let form = Form::of(&schema);
    let texts = form
        .fields
        .iter()
        .map(|field| (field.path.clone(), HOSTILE.to_owned()))
        .collect();
    let problems = problems(&[
        "params.room",
        "params.machine",
        "params.machine.memory",
        "params.sort",
    ]);
    AppPage::new(frame, app, &types()).asking(SchemaForm::new(&form, "params", &texts), problems)
}

pub(super) fn failed(reason: Reason) -> Session {
    let failure = Failure::new(reason, format!("manifest unknown: localhost/qgis:3.4O {HOSTILE}"));
    session("QGIS", Status::Failed, Stage::Pulling, Some(failure))
}

pub(super) fn sessions() -> Vec<Session> {
    vec![
        session("Desktop", Status::Running, Stage::Checking, None),
        session("Inkscape", Status::Creating, Stage::Pulling, None),
        failed(Reason::ImageMissing),
        failed(Reason::Cancelled),
        session(HOSTILE, Status::Stopped, Stage::Checking, None),
        session("Blender", Status::Expired, Stage::Checking, None),
    ]
}

pub(super) fn problems(paths: &[&str]) -> Problems {
    let mut problems = Problems::none();
    for path in paths {
        problems.add(*path, format!("must not be {HOSTILE}"));
    }
    problems
}

type Rendered = Vec<(&'static str, askama::Result<String>)>;

/// Every page that there is, by name.
pub(crate) fn pages() -> Vec<(&'static str, String)> {
    [everybodys_pages(), session_pages(), admin_pages()]
        .into_iter()
        .flatten()
        .map(|(name, page)| (name, page.unwrap()))
        .collect()
}

fn everybodys_pages() -> Rendered {
    let (apps, types, sessions) = (apps(), types(), sessions());
    let preferences = Preferences::parse(None, vec!["Tools".to_owned()], vec!["desktop".to_owned()]).unwrap();
    let recent = ["hostile", "desktop", "gone"].map(|id| id.parse().unwrap());
    let catalogue = |query: &str| {
        CataloguePage::new(page(), &apps, &types, &sessions, &preferences, query, &recent).render()
    };
    vec![
        ("catalogue", catalogue("")),
        ("catalogue-found", catalogue("ink")),
        ("catalogue-nothing", catalogue(HOSTILE)),
        (
            "catalogue-empty",
            CataloguePage::new(page(), &[], &types, &[], &preferences, "", &recent).render(),
        ),
        ("app", AppPage::new(page(), &apps[3], &types).render()),
        (
            "app-form",
            launch_form(page().saying("The app was saved."), &apps[3]).render(),
        ),
        (
            "sign-in",
            SignInPage::new(
                nobody(),
                HOSTILE,
                "/sessions",
                Some("Name or password is wrong.".into()),
            )
            .render(),
        ),
        (
            "setup",
            SetupPage::new(nobody(), "", "", Problems::none()).render(),
        ),
        (
            "setup-wrong",
            SetupPage::new(nobody(), "x", "ada", problems(&["token", "password"])).render(),
        ),
        (
            "account",
            AccountPage::new(
                page(),
                vec![TokenRow::new(UserId::new(), time(), time())],
                Some("lp_0123456789abcdef0123456789abcdef0123456789abcdef".to_owned()),
                problems(&["new_password"]),
            )
            .keeping(&workspaces())
            .render(),
        ),
        (
            "account-without-engine",
            AccountPage::new(page(), Vec::new(), None, Problems::none()).render(),
        ),
        (
            "error",
            ErrorPage::new(
                page(),
                404,
                "There is no such page",
                "Perhaps it was deleted.",
                "",
                Some("r".into()),
            )
            .render(),
        ),
        (
            "error-nobody",
            ErrorPage::new(nobody(), 503, "Not now", HOSTILE, "Try again in a minute.", None).render(),
        ),
    ]
}

fn session_pages() -> Rendered {
    let (apps, sessions) = (apps(), sessions());
    let session_page = |at: usize| SessionPage::new(page(), &sessions[at], Some(&apps[3])).render();
    vec![
        ("sessions", SessionsPage::new(page(), &sessions, &apps).render()),
        ("sessions-empty", SessionsPage::new(page(), &[], &apps).render()),
        ("session-running", session_page(0)),
        (
            "session-with-pages",
            SessionPage::new(page(), &sessions[0], None)
                .opened_at(Some("/sessions/x/open".to_owned()))
                .render(),
        ),
        ("session-creating", session_page(1)),
        ("session-failed", session_page(2)),
        ("session-cancelled", session_page(3)),
        ("session-stopped", session_page(4)),
        ("session-expired", session_page(5)),
        (
            "viewer",
            ViewerPage::new(page(), &sessions[0], None).unwrap().render(),
        ),
    ]
}

fn admin_pages() -> Rendered {
    let (apps, types) = (apps(), types());
    let fields = AppFields {
        settings: "{".to_owned(),
        name: HOSTILE.to_owned(),
        ..AppFields::from(&apps[2])
    };
    let wrong = problems(&["id", "url", "settings.memory", "elsewhere"]);
    let accounts = ["ada", "grace"].map(|name| Account {
        id: UserId::new(),
        name: name.parse().unwrap(),
        role: Role::Admin,
        disabled: false,
        created_at: time(),
    });
    vec![
        (
            "admin-apps",
            AppsPage::new(page(), &apps, &types)
                .with_deleted(&deleted(), "gone")
                .render(),
        ),
        ("admin-apps-empty", AppsPage::new(page(), &[], &types).render()),
        (
            "admin-app-new",
            AppFormPage::create(page(), AppFields::default(), &types, Vec::new(), Problems::none()).render(),
        ),
        (
            "admin-app-wrong",
            AppFormPage::change(
                page(),
                "broken",
                "r1",
                fields,
                &types,
                vec!["Tools".into()],
                wrong,
            )
            .render(),
        ),
        (
            "admin-app-delete",
            AppDeletePage::new(page(), &apps[4], "r1").render(),
        ),
        (
            "admin-users",
            UsersPage::new(page(), &accounts, HOSTILE, Role::Admin, problems(&["name"])).render(),
        ),
        (
            "admin-sessions",
            AllSessionsPage::new(page(), &sessions(), &accounts).render(),
        ),
        (
            "admin-sessions-empty",
            AllSessionsPage::new(page(), &[], &[]).render(),
        ),
        (
            "admin-workspaces",
            WorkspacesPage::new(page(), &workspaces(), "").render(),
        ),
        (
            "admin-workspaces-none-like-it",
            WorkspacesPage::new(page(), &workspaces(), HOSTILE).render(),
        ),
        (
            "admin-workspace-delete",
            WorkspaceDeletePage::new(page(), &workspaces()[0]).render(),
        ),
        (
            "admin-audit",
            AuditPage::new(page(), audit(), audit_fields()).render(),
        ),
        (
            "admin-audit-empty",
            AuditPage::new(page(), Vec::new(), AuditFields::default()).render(),
        ),
        ("admin-analytics", analytics(&launched()).render()),
        (
            "admin-analytics-empty",
            analytics(&nothing_launched("day")).render(),
        ),
        (
            "admin-analytics-hours",
            analytics(&nothing_launched("hour")).render(),
        ),
        (
            "admin-analytics-wrong",
            AnalyticsPage::refused(
                page(),
                AnalyticsFields {
                    from: HOSTILE.to_owned(),
                    app_id: HOSTILE.to_owned(),
                    ..AnalyticsFields::default()
                },
                time().date_naive(),
                &counts(),
                problems(&["from", "to", "app_id", "granularity"]),
            )
            .render(),
        ),
    ]
}

/// One that is kept, one that a session has, one that is going, and one of nobody.
pub(super) fn workspaces() -> Vec<ListedWorkspace> {
    let workspace = |owner: Option<&str>, app: &str| ListedWorkspace {
        workspace: Workspace {
            name: format!("workspace-{}-{}-{app}", UserId::new(), UserId::new())
                .parse()
                .unwrap(),
            user: owner.map(|_| UserId::new()),
            app: app.parse().ok(),
            session: None,
            size: owner.map(|_| "5Gi".to_owned()),
            created_at: time(),
        },
        owner: owner.map(str::to_owned),
        sessions: Vec::new(),
        going: false,
    };
    let mut workspaces = vec![
        workspace(Some("ada"), "desktop"),
        workspace(Some(HOSTILE), "desktop"),
        workspace(Some("grace"), "inkscape"),
        workspace(None, "gone"),
    ];
    workspaces[1].sessions.push(SessionId::new());
    workspaces[1].workspace.session = Some(SessionId::new());
    workspaces[2].going = true;
    workspaces
}

fn deleted() -> Vec<DeletedApp> {
    let deleted = |app| DeletedApp {
        app,
        deleted_at: time(),
    };
    ["gone", "desktop", "gone"]
        .map(|id| deleted(app(id, HOSTILE, "", "url")))
        .to_vec()
}

fn audit_fields() -> AuditFields {
    AuditFields {
        user: HOSTILE.to_owned(),
        older: Some("before=1".to_owned()),
        is_filtered: true,
        ..AuditFields::default()
    }
}

pub(super) fn audit() -> Vec<AuditEntry> {
    let entry = |id, action: &str, details: &str| AuditEntry {
        id,
        timestamp: time(),
        user: "ada".to_owned(),
        action: action.to_owned(),
        target: HOSTILE.to_owned(),
        outcome: "done".to_owned(),
        details: details.to_owned(),
        change: Some(serde_json::json!({"before": null, "after": {HOSTILE: HOSTILE, "n": [1]}}).to_string()),
        request_id: None,
        address: Some(HOSTILE.to_owned()),
    };
    vec![
        entry(2, "CREATE_APP", "app inkscape"),
        entry(1, "REFUSE_SIGN_IN", HOSTILE),
    ]
}
