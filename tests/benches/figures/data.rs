//! What lasts: an audit log of a million entries, ten million launches, and how fast writes are acknowledged.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use launchpad_store::AuditKey;
use launchpad_tests::{Portal, Seed, link};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, TransactionTrait};

use crate::load::Shot;
use crate::table::{Table, short};
use crate::{PASSWORD, portal};

const ENTRIES: u32 = 1_000_000;
const LAUNCHES: u32 = 10_000_000;
const APPS: u32 = 200;
const PEOPLE: u32 = 2_000;
const DAYS: u32 = 365;
/// How long each page is asked for, and how often.
const LENGTH: Duration = Duration::from_secs(10);
const RATE: u32 = 10;

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let apps = (0..APPS)
        .map(|number| link(&format!("app-{number}"), "https://app.example/"))
        .collect();
    let mut portal = portal()
        .seed(Seed::Apps(apps))
        .set("LAUNCHPAD_RUNTIME", "none")
        .start()
        .await?;
    portal.account("ada", "admin", PASSWORD).await?;
    writes(table, &portal).await?;
    portal.kill().await?;
    let database = connect(&portal).await?;
    fill_audit(&database, &portal).await?;
    fill_launches(&database).await?;
    database.close().await?;
    portal.start_again().await?;

    let cookie = sign_in(&portal).await?;
    let ask = async |path: &str| -> anyhow::Result<String> {
        let shot = Shot::get(&portal.url(), path, &cookie);
        let outcome = shot.at_rate(RATE, LENGTH).await?;
        Ok(outcome.latencies.describe())
    };
    for (what, path) in [
        ("newest", "/api/audit"),
        ("by user and action", "/api/audit?user=user-7&action=OPEN_LINK"),
        ("by target", "/api/audit?target=app-7"),
        ("by time", "/api/audit?from=2026-03-01&to=2026-03-02"),
        ("page 5,000", "/api/audit?before=500000"),
        ("the page", "/admin/audit"),
        ("catalogue", "/"),
        ("apps", "/api/apps"),
    ] {
        let figure = format!("1,000,000 audit entries: {what}");
        table.add(&figure, "p95 <= 20 ms", ask(path).await?);
    }
    for (what, path) in [
        ("14 days", "/admin/analytics".to_owned()),
        (
            "90 days",
            "/admin/analytics?from=2026-07-01&to=2026-09-28".to_owned(),
        ),
        (
            "a year",
            "/admin/analytics?from=2025-11-01&to=2026-10-31".to_owned(),
        ),
        (
            "31 days by hours",
            "/admin/analytics?from=2026-07-01&to=2026-07-31&granularity=hour".to_owned(),
        ),
        (
            "14 days as JSON",
            "/api/analytics?from=2026-07-01&to=2026-07-14".to_owned(),
        ),
    ] {
        let figure = format!("10,000,000 launches, analytics of {what}");
        table.add(&figure, "p95 <= 100 ms", ask(&path).await?);
    }
    let begin = Instant::now();
    let told = portal.run(&["audit", "verify"], "").await?;
    let took = begin.elapsed();
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    table.add("audit verify, 1,000,000 entries", "<= 30 s", short(took));
    Ok(())
}

/// Each is one durable transaction with its entry in the audit log.
async fn writes(table: &mut Table, portal: &Portal) -> anyhow::Result<()> {
    let cookie = sign_in(portal).await?;
    let change = Shot::put(&portal.url(), "/api/preferences", &cookie, r#"{"theme": "dark"}"#);
    let outcome = change.flat_out(LENGTH).await?;
    table.add(
        "writes acknowledged, 16 at a time",
        "none lost",
        format!("{:.0} a second, {}", outcome.rate, outcome.latencies.describe()),
    );
    Ok(())
}

async fn sign_in(portal: &Portal) -> anyhow::Result<String> {
    let mut ada = portal.stranger()?;
    ada.submit("/sign-in", &[("name", "ada"), ("password", PASSWORD)])
        .await?
        .expect(303)?;
    Ok(ada.cookie().context("no cookie after the sign-in")?.to_owned())
}

/// The portal's file while no portal runs.
async fn connect(portal: &Portal) -> anyhow::Result<DatabaseConnection> {
    let path = portal.folder().join("launchpad.db");
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    options
        .max_connections(1)
        // As the store's own: sqlx's task that watches them may spin for ever.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

/// Entries as the portal would have written them over a year, each signed and bound to the one before it.
async fn fill_audit(database: &DatabaseConnection, portal: &Portal) -> anyhow::Result<()> {
    let key = AuditKey::read(&portal.folder().join("launchpad.db.audit-key"))?.context("a key")?;
    let last = "SELECT chain FROM audit_log ORDER BY id DESC LIMIT 1";
    let last = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, last);
    let last = database.query_one_raw(last).await?.context("an entry")?;
    let mut chain: String = last.try_get_by_index(0)?;
    let begin: chrono::DateTime<chrono::Utc> = "2025-11-01T00:00:00Z".parse()?;
    let transaction = database.begin().await?;
    let mut entry = 0;
    while entry < ENTRIES {
        let mut insert = String::from(
            "INSERT INTO audit_log (timestamp, user, action, details, actor_id, request_id, address, target, outcome, chain) VALUES ",
        );
        for at in entry..(entry + 1_000).min(ENTRIES) {
            let time = begin + chrono::TimeDelta::seconds(i64::from(at) * 31);
            let time = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            let (user, app) = (
                format!("user-{}", at % PEOPLE),
                format!("app-{}", at % (APPS - 1)),
            );
            let action = ["OPEN_LINK", "CREATE_SESSION", "SIGN_IN", "TERMINATE_SESSION"][at as usize % 4];
            let (id, request) = (format!("account-{}", at % PEOPLE), format!("request-{at}"));
            let sign = key.sign(&[
                Some(&chain),
                Some(&time),
                Some(&user),
                Some(action),
                Some(&app),
                Some(&id),
                Some(&request),
                Some("192.0.2.1"),
                Some(&app),
                Some("done"),
                None,
            ])?;
            chain = format!("{}:{sign}", key.id());
            let comma = if at > entry { "," } else { "" };
            write!(
                insert,
                "{comma}('{time}','{user}','{action}','{app}','{id}','{request}','192.0.2.1','{app}','done','{chain}')"
            )?;
        }
        transaction.execute_unprepared(&insert).await?;
        entry += 1_000;
    }
    Ok(transaction.commit().await?)
}

/// Launches of a year, in the tables as the portal would have filled them one by one. Their indexes are made at the end,
/// which is faster.
async fn fill_launches(database: &DatabaseConnection) -> anyhow::Result<()> {
    let per_day = LAUNCHES / DAYS;
    for statement in [
        "DROP INDEX idx_analytics_app_id",
        "DROP INDEX idx_analytics_timestamp",
        "DROP INDEX idx_analytics_user_id",
    ] {
        database.execute_unprepared(statement).await?;
    }
    let launches = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {LAUNCHES}) \
         INSERT INTO analytics (app_id, timestamp, user_id, outcome) \
         SELECT 'app-' || (i * 7919 % {APPS}), \
         strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2025-11-01', (i * {DAYS} * 86400.0 / {LAUNCHES}) || ' seconds'), \
         'account-' || (i * 104729 % {PEOPLE}), 'opened' FROM n"
    );
    database.execute_unprepared(&launches).await?;
    for statement in [
        "CREATE INDEX idx_analytics_app_id ON analytics (app_id)",
        "CREATE INDEX idx_analytics_timestamp ON analytics (timestamp)",
        "CREATE INDEX idx_analytics_user_id ON analytics (user_id) WHERE user_id IS NOT NULL",
        "INSERT OR REPLACE INTO launch_hours (app_id, hour, launches, failed, peak) \
         SELECT app_id, substr(timestamp, 1, 13), count(*), count(*) / 50, 40 FROM analytics GROUP BY 1, 2",
        "INSERT OR REPLACE INTO launch_hours (app_id, hour, launches, failed, peak) \
         SELECT '', hour, sum(launches), sum(failed), 400 FROM launch_hours WHERE app_id <> '' GROUP BY 2",
        "INSERT OR REPLACE INTO launch_apps (app_id, app_name, launches, last_launch) \
         SELECT app_id, app_id, count(*), max(timestamp) FROM analytics GROUP BY 1",
        "INSERT OR REPLACE INTO launch_failures (app_id, day, reason, launching, running) \
         SELECT app_id, substr(hour, 1, 10), 'image_missing', sum(failed), 1 FROM launch_hours GROUP BY 1, 2",
    ] {
        database.execute_unprepared(statement).await?;
    }
    // About as many people launch an app in a day as there are launches of it, and nearly everybody launches something.
    let some = people((0..per_day / APPS).map(|at| at * 31 % PEOPLE))?;
    let all = people(0..PEOPLE * 9 / 10)?;
    let times: Vec<String> = (150..190).map(|class| format!("\"{class}\":3")).collect();
    let days = format!(
        "INSERT OR REPLACE INTO launch_days (app_id, day, launches, failed, peak, people, ready) \
         SELECT app_id, substr(hour, 1, 10), sum(launches), sum(failed), max(peak), \
         CASE app_id WHEN '' THEN '{all}' ELSE '{some}' END, '{{{}}}' FROM launch_hours GROUP BY 1, 2",
        times.join(",")
    );
    database.execute_unprepared(&days).await?;
    Ok(())
}

/// A day's people as the store writes them.
fn people(numbers: impl IntoIterator<Item = u32>) -> anyhow::Result<String> {
    use base64::Engine;
    let set: roaring::RoaringBitmap = numbers.into_iter().collect();
    let mut bytes = Vec::new();
    set.serialize_into(&mut bytes)?;
    Ok(base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes))
}
