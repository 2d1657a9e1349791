//! Layers and problems, on real files.

use super::*;
use std::fs;

fn load(file: Option<&std::path::Path>, environment: &[(&str, &str)]) -> Result<Config, String> {
    let overrides = Overrides {
        file: file.map(PathBuf::from),
        settings: Vec::new(),
    };
    let environment: Vec<(OsString, OsString)> = environment
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    Config::load(&overrides, &environment).map_err(|problems| problems.to_string())
}

#[test]
fn nothing_set_is_a_portal_on_this_machine() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.address.as_str(), "http://localhost:8080");
    assert_eq!(config.sessions.timeout, chrono::Duration::minutes(120));
    assert_eq!(
        config.sessions.pod_limits.active_deadline_seconds,
        120 + 7_200 + 300
    );
    assert_eq!(config.branding.tenant_name, "Launchpad");
}

#[test]
fn later_layers_win() {
    let folder = tempfile::tempdir().unwrap();
    let branding = folder.path().join("branding.json");
    fs::write(
        &branding,
        r##"{"tenant_name": "File", "primary_color": "#111111"}"##,
    )
    .unwrap();
    let file = folder.path().join("launchpad.toml");
    fs::write(
        &file,
        format!(
            "port = 9000\n[branding]\nfile = {:?}\nsecondary_color = \"#222222\"\n[sessions]\nper_user = 3",
            branding.display().to_string()
        ),
    )
    .unwrap();
    let overrides = Overrides {
        file: Some(file),
        settings: vec![(PORT, "--port", "9002".to_owned())],
    };
    let environment = [("LAUNCHPAD_PORT", "9001"), ("LAUNCHPAD_TENANT_NAME", "2026")]
        .map(|(name, value)| (name.into(), value.into()));
    let config = Config::load(&overrides, &environment).unwrap();
    assert_eq!(config.listen.port(), 9002);
    assert_eq!(config.sessions.per_user, 3);
    assert_eq!(config.branding.tenant_name, "2026");
    assert_eq!(config.branding.primary_color, "#111111");
    assert_eq!(config.branding.secondary_color, "#222222");
    let shown = Shown::all(&overrides, &environment);
    let of = |key: &str| shown.iter().find(|shown| shown.key == key).unwrap();
    assert_eq!(of("port").origin, "option --port");
    assert_eq!(
        of("branding.tenant_name").origin,
        "environment variable LAUNCHPAD_TENANT_NAME"
    );
    assert!(of("sessions.per_user").origin.ends_with("launchpad.toml"));
    assert_eq!(of("bind").origin, "default");
}

#[test]
fn every_problem_is_told_at_once_with_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("launchpad.toml");
    fs::write(
        &file,
        "colour = 1\nport = \"x\"\ndb = 7\n[sessions]\nper_user = 0",
    )
    .unwrap();
    let told = load(
        Some(&file),
        &[
            ("LAUNCHPAD_BIND", "everywhere"),
            ("LAUNCHPAD_PRIMARY_COLOR", "red;}"),
            ("LAUNCHPAD_LOGO_URL", "javascript:alert(1)"),
            ("LAUNCHPAD_SESSIONS__PERUSER", "1"),
            ("LAUNCHPAD_RUNTIME", "docker"),
            ("LAUNCHPAD_SERVICE_HOST", "10.0.0.1"),
        ],
    )
    .unwrap_err();
    for part in [
        "colour (file ",
        "port (file ",
        "db (file ",
        "sessions.per_user (file ",
        "bind (environment variable LAUNCHPAD_BIND): must be an IP address",
        "branding.primary_color (environment variable LAUNCHPAD_PRIMARY_COLOR): must be a colour",
        "branding.logo_url (environment variable LAUNCHPAD_LOGO_URL)",
        "LAUNCHPAD_SESSIONS__PERUSER (environment variable LAUNCHPAD_SESSIONS__PERUSER): is not a setting",
        "runtime (environment variable LAUNCHPAD_RUNTIME): must be auto",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert!(!told.contains("SERVICE_HOST"), "{told}");
}

#[test]
fn a_portal_for_others_must_know_its_address() {
    let told = load(None, &[("LAUNCHPAD_BIND", "0.0.0.0")]).unwrap_err();
    assert!(told.contains("public_url"), "{told}");
    let config = load(
        None,
        &[
            ("LAUNCHPAD_BIND", "0.0.0.0"),
            ("LAUNCHPAD_PUBLIC_URL", "https://apps.example"),
        ],
    )
    .unwrap();
    assert_eq!(config.address.as_str(), "https://apps.example");
}

#[test]
fn a_port_from_kubernetes_is_explained() {
    let told = load(None, &[("LAUNCHPAD_PORT", "tcp://10.0.0.1:8080")]).unwrap_err();
    assert!(told.contains("enableServiceLinks"), "{told}");
}

#[test]
fn an_unknown_short_name_is_only_odd() {
    let config = load(None, &[("LAUNCHPAD_SERVICE_PORT", "80")]).unwrap();
    assert_eq!(config.warnings.len(), 1);
}

#[test]
fn a_password_is_not_shown() {
    let environment = [("LAUNCHPAD_DB".into(), "postgres://ada:secret@db/launchpad".into())];
    let shown = Shown::all(&Overrides::default(), &environment);
    let db = shown.iter().find(|shown| shown.key == "db").unwrap();
    assert!(!db.value.contains("secret"), "{}", db.value);
}

/// A file at the top of the project.
fn published(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_file_of_defaults_has_every_setting_with_its_default() {
    let text = published("launchpad.toml");
    let settings: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let table = settings.parse::<toml::Table>().unwrap();
    for key in keys::ALL {
        let found = key
            .path
            .split('.')
            .try_fold(toml::Value::Table(table.clone()), |place, name| {
                place.get(name).cloned()
            });
        let found = found.unwrap_or_else(|| panic!("{} is not in launchpad.toml", key.path));
        let written = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        assert_eq!(written, key.default.unwrap_or_default(), "{}", key.path);
        let last = key.variable.rsplit("__").next().unwrap();
        assert!(text.contains(last), "{} is not in launchpad.toml", key.variable);
    }
    assert_eq!(leaves(&table), keys::ALL.len(), "launchpad.toml has more");
}

/// How many settings a table holds, with those of the ones inside it.
fn leaves(table: &toml::Table) -> usize {
    table
        .values()
        .map(|value| value.as_table().map_or(1, leaves))
        .sum()
}

#[test]
fn the_example_environment_names_settings() {
    for line in published(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let (name, _) = line.split_once('=').unwrap();
        let known = keys::ALL.iter().any(|key| key.variable == name);
        assert!(known || name == "KUBECONFIG", "{name}");
    }
}
