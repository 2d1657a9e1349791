//! The sums of launches by hour, day and app. They are written in the transaction of what they count, so that they
//! are neither late nor wrong, and analytics need not read the launches themselves.
//!
//! Whoever writes several rows of a table writes that of all apps last: two who do never wait for each other in a ring.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::{DateTime, Utc};
use launchpad_domain::{Failure, LaunchOutcome, ReadyTimes, Reason, SessionId, Status, UserId};
use roaring::RoaringBitmap;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, QuerySelect, Statement, Value,
};

use crate::entities::{launch_day, launch_person, session};
use crate::{StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Stands in the place of an app's id where a row counts all apps together; no app's id is empty.
pub(crate) const ALL_APPS: &str = "";

/// A launch as it is counted.
#[derive(Debug)]
pub(crate) struct Launched<'a> {
    pub(crate) app_id: &'a str,
    pub(crate) app_name: &'a str,
    /// Who; none: nobody with an account.
    pub(crate) user: Option<UserId>,
    /// The session that it makes; a link makes none.
    pub(crate) session: Option<SessionId>,
    pub(crate) at: DateTime<Utc>,
}

/// What is added to an hour and a day.
#[derive(Debug, Default, Clone, Copy)]
struct More {
    launches: i64,
    failed: i64,
    /// Live sessions now.
    live: Live,
}

/// How many sessions run or are about to.
#[derive(Debug, Default, Clone, Copy)]
struct Live {
    of_app: i64,
    of_all: i64,
}

/// Records a launch: the row itself, and what it adds to the sums. A session's own row must be there already.
pub(crate) async fn launched(connection: &impl ConnectionTrait, new: &Launched<'_>) -> Result<()> {
    let outcome = match new.session {
        Some(_) => LaunchOutcome::Launching,
        None => LaunchOutcome::Opened,
    };
    let (user, at) = (new.user.map(|user| user.to_string()), time::text(new.at));
    run(
        connection,
        "INSERT INTO analytics (app_id, timestamp, user_id, session_id, outcome) VALUES ($1, $2, $3, $4, $5)",
        [
            new.app_id.into(),
            at.clone().into(),
            user.clone().into(),
            new.session.map(|id| id.to_string()).into(),
            outcome.as_str().into(),
        ],
    )
    .await?;
    run(
        connection,
        "INSERT INTO launch_apps (app_id, app_name, launches, last_launch) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (app_id) DO UPDATE SET app_name = excluded.app_name, launches = launch_apps.launches + 1, \
         last_launch = CASE WHEN excluded.last_launch > launch_apps.last_launch THEN excluded.last_launch \
         ELSE launch_apps.last_launch END",
        [new.app_id.into(), new.app_name.into(), at.clone().into()],
    )
    .await?;
    let person = match &user {
        Some(user) => Some(person(connection, user, new.app_id, &at).await?),
        None => None,
    };
    let live = match new.session {
        Some(_) => live(connection, new.app_id).await?,
        None => Live::default(),
    };
    let more = More {
        launches: 1,
        live,
        ..More::default()
    };
    add(connection, new.app_id, new.at, more).await?;
    if let Some(person) = person {
        for day in days(connection, new.app_id, new.at).await? {
            let mut people = read_people(&day.people)?;
            if people.insert(person) {
                let text = write_people(&people)?;
                set(connection, "people", text, &day).await?;
            }
        }
    }
    Ok(())
}

/// Records that a session's screen answered.
pub(crate) async fn ready(
    connection: &impl ConnectionTrait,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some((app_id, begun)) = begun(connection, id).await? else {
        return Ok(());
    };
    let took = (now - begun).num_milliseconds().max(0);
    run(
        connection,
        "UPDATE analytics SET outcome = $1, ready_ms = $2 WHERE session_id = $3",
        [
            LaunchOutcome::Ready.as_str().into(),
            took.into(),
            id.to_string().into(),
        ],
    )
    .await?;
    // The rows are there, and locked, before they are read.
    add(connection, &app_id, begun, More::default()).await?;
    for day in days(connection, &app_id, begun).await? {
        let mut times = ReadyTimes::default();
        add_ready(&mut times, &day.ready)?;
        times.record(took.unsigned_abs());
        let text = serde_json::to_string(&times).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        set(connection, "ready", text, &day).await?;
    }
    Ok(())
}

/// Records why a session failed that was in `from`. A launch that somebody cancelled is no failure.
pub(crate) async fn failed(
    connection: &impl ConnectionTrait,
    id: SessionId,
    from: Status,
    failure: &Failure,
) -> Result<()> {
    let Some((app_id, begun)) = begun(connection, id).await? else {
        return Ok(());
    };
    let outcome = match (from, failure.reason) {
        (Status::Creating, Reason::Cancelled) => LaunchOutcome::Cancelled,
        (Status::Creating, _) => LaunchOutcome::Failed,
        _ => LaunchOutcome::Ready,
    };
    let reason = failure.reason.as_str();
    run(
        connection,
        "UPDATE analytics SET outcome = $1, reason = $2 WHERE session_id = $3",
        [outcome.as_str().into(), reason.into(), id.to_string().into()],
    )
    .await?;
    if failure.reason == Reason::Cancelled {
        return Ok(());
    }
    let launching = i64::from(outcome == LaunchOutcome::Failed);
    let more = More {
        failed: launching,
        ..More::default()
    };
    add(connection, &app_id, begun, more).await?;
    run(
        connection,
        "INSERT INTO launch_failures (app_id, day, reason, launching, running) \
         VALUES ($1, $2, $3, $4, $5), ($6, $2, $3, $4, $5) ON CONFLICT (app_id, day, reason) DO UPDATE SET \
         launching = launch_failures.launching + excluded.launching, \
         running = launch_failures.running + excluded.running",
        [
            app_id.into(),
            time::day(begun).into(),
            reason.into(),
            launching.into(),
            (1 - launching).into(),
            ALL_APPS.into(),
        ],
    )
    .await
}

/// Notes how many sessions of an app and of all run at this time.
pub(crate) async fn observed(
    connection: &impl ConnectionTrait,
    app_id: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let more = More {
        live: live(connection, app_id).await?,
        ..More::default()
    };
    add(connection, app_id, now, more).await
}

/// The accounts of a day, by their numbers.
pub(crate) fn read_people(text: &str) -> Result<RoaringBitmap> {
    let corrupt = |error: &dyn std::fmt::Display| StoreError::Corrupt(format!("people of a day: {error}"));
    if text.is_empty() {
        return Ok(RoaringBitmap::new());
    }
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| corrupt(&error))?;
    RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(|error| corrupt(&error))
}

fn write_people(people: &RoaringBitmap) -> Result<String> {
    let mut bytes = Vec::with_capacity(people.serialized_size());
    people
        .serialize_into(&mut bytes)
        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(STANDARD_NO_PAD.encode(bytes))
}

/// Counts how long the launches of a day took.
pub(crate) fn add_ready(times: &mut ReadyTimes, text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let added = times.add_written(text);
    added.map_err(|error| StoreError::Corrupt(format!("times of a day: {error}")))
}

/// Adds to the hour and the day, of the app and of all.
async fn add(connection: &impl ConnectionTrait, app_id: &str, at: DateTime<Utc>, more: More) -> Result<()> {
    for (table, column, moment) in [
        ("launch_hours", "hour", time::hour(at)),
        ("launch_days", "day", time::day(at)),
    ] {
        let upsert = format!(
            "INSERT INTO {table} (app_id, {column}, launches, failed, peak) \
             VALUES ($1, $2, $3, $4, $5), ($6, $2, $3, $4, $7) ON CONFLICT (app_id, {column}) DO UPDATE SET \
             launches = {table}.launches + excluded.launches, failed = {table}.failed + excluded.failed, \
             peak = CASE WHEN excluded.peak > {table}.peak THEN excluded.peak ELSE {table}.peak END"
        );
        let values = [
            app_id.into(),
            moment.into(),
            more.launches.into(),
            more.failed.into(),
            more.live.of_app.into(),
            ALL_APPS.into(),
            more.live.of_all.into(),
        ];
        run(connection, &upsert, values).await?;
    }
    Ok(())
}

/// The day of the app and that of all.
async fn days(
    connection: &impl ConnectionTrait,
    app_id: &str,
    at: DateTime<Utc>,
) -> Result<Vec<launch_day::Model>> {
    let days = launch_day::Entity::find()
        .filter(launch_day::Column::Day.eq(time::day(at)))
        .filter(launch_day::Column::AppId.is_in([app_id, ALL_APPS]));
    Ok(days.all(connection).await?)
}

async fn set(
    connection: &impl ConnectionTrait,
    column: &str,
    text: String,
    day: &launch_day::Model,
) -> Result<()> {
    let update = format!("UPDATE launch_days SET {column} = $1 WHERE app_id = $2 AND day = $3");
    let values = [text.into(), day.app_id.as_str().into(), day.day.as_str().into()];
    run(connection, &update, values).await
}

/// The number of an account, and the note that it used the app.
async fn person(connection: &impl ConnectionTrait, user: &str, app_id: &str, at: &str) -> Result<u32> {
    run(
        connection,
        "INSERT INTO recent_apps (user_id, app_id, used_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, app_id) DO UPDATE SET used_at = excluded.used_at",
        [user.into(), app_id.into(), at.into()],
    )
    .await?;
    let number = if let Some(number) = number_of(connection, user).await? {
        number
    } else {
        let insert = "INSERT INTO launch_people (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING";
        run(connection, insert, [user.into()]).await?;
        number_of(connection, user).await?.unwrap_or_default()
    };
    u32::try_from(number).map_err(|_| StoreError::Corrupt(format!("{number} is no account's number")))
}

async fn number_of(connection: &impl ConnectionTrait, user: &str) -> Result<Option<i64>> {
    let known = launch_person::Entity::find().filter(launch_person::Column::UserId.eq(user));
    Ok(known.one(connection).await?.map(|row| row.id))
}

async fn live(connection: &impl ConnectionTrait, app_id: &str) -> Result<Live> {
    let query = format!(
        "SELECT count(*), count(CASE WHEN app_id = $1 THEN 1 END) FROM sessions WHERE status IN ({})",
        live_list()
    );
    let query = Statement::from_sql_and_values(connection.get_database_backend(), query, [app_id.into()]);
    let row = connection.query_one_raw(query).await?;
    let number = |row: &QueryResult, at| row.try_get_by_index::<i64>(at);
    Ok(match row {
        Some(row) => Live {
            of_all: number(&row, 0)?,
            of_app: number(&row, 1)?,
        },
        None => Live::default(),
    })
}

/// The statuses of sessions that run or are about to, as SQL lists them.
pub(crate) fn live_list() -> String {
    let live = Status::ALL.iter().filter(|status| status.is_live());
    let quoted: Vec<String> = live.map(|status| format!("'{status}'")).collect();
    quoted.join(", ")
}

/// Of which app a session is, and when it was launched.
async fn begun(connection: &impl ConnectionTrait, id: SessionId) -> Result<Option<(String, DateTime<Utc>)>> {
    let row: Option<(String, String)> = session::Entity::find_by_id(id.to_string())
        .select_only()
        .column(session::Column::AppId)
        .column(session::Column::CreatedAt)
        .into_tuple()
        .one(connection)
        .await?;
    // An adopted row may hold a time that nobody can read; its session goes on and ends all the same.
    Ok(row.and_then(|(app_id, created_at)| Some((app_id, time::parse(&created_at).ok()?))))
}

async fn run<const N: usize>(connection: &impl ConnectionTrait, sql: &str, values: [Value; N]) -> Result<()> {
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    connection.execute_raw(statement).await?;
    Ok(())
}
