//! Launches: table `analytics`, and the sums of it in the tables that begin with `launch_`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use launchpad_domain::{
    Actor, AnalyticsQuery, AnalyticsReport, App, AppFigures, AppId, AppLaunches, AuditAction, FailureFigures,
    Granularity, LaunchCounts, LaunchFigures, LaunchStep, ReadyTimes, UserId,
};
use roaring::RoaringBitmap;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Statement,
    StreamTrait, Value,
};

use crate::audit::Deed;
use crate::entities::{application, launch_app, launch_day, launch_hour, recent_app};
use crate::error::readable;
use crate::rollups::{self, ALL_APPS, Launched, add_ready, live_list, read_people};
use crate::{Store, StoreError, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Of how many apps one query makes sums: a statement has only so many parameters.
const SUMMED_TOGETHER: usize = 1_000;

/// Of how many apps a report tells people and times; of the others, how often they were launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Of every app.
    Every,
    /// Of those that were launched most often.
    Most(usize),
}

/// Reads and writes launches.
#[derive(Debug)]
pub struct Analytics<'a>(&'a Store);

impl Store {
    /// The launches.
    pub fn analytics(&self) -> Analytics<'_> {
        Analytics(self)
    }
}

impl Analytics<'_> {
    /// Launches per app of all time, most launched first.
    pub async fn counts(&self) -> Result<LaunchCounts> {
        let rows = launch_app::Entity::find().all(self.0.reader()).await?;
        let names = self.names().await?;
        let mut apps: Vec<AppLaunches> = rows
            .into_iter()
            .map(|row| ever(&names, row))
            .collect::<Result<_>>()?;
        apps.sort_by(|a, b| b.launches.cmp(&a.launches).then_with(|| a.app_id.cmp(&b.app_id)));
        Ok(LaunchCounts {
            total_launches: apps.iter().map(|app| app.launches).sum(),
            apps,
        })
    }

    /// A range, summed up.
    pub async fn report(&self, query: &AnalyticsQuery, detail: Detail) -> Result<AnalyticsReport> {
        let app = query.app.as_ref().map_or(ALL_APPS, AppId::as_str);
        let ((total, steps), apps, failures) = tokio::try_join!(
            self.steps(query, app),
            self.apps(query, detail),
            self.failures(query, app)
        )?;
        Ok(AnalyticsReport {
            total,
            steps,
            apps,
            failures,
            query: query.clone(),
        })
    }

    /// The range as a whole, and step by step.
    async fn steps(&self, query: &AnalyticsQuery, app: &str) -> Result<(LaunchFigures, Vec<LaunchStep>)> {
        let mut days = BTreeMap::new();
        for day in self.days(query, app).await? {
            let mut sum = Sum::default();
            sum.add(&day)?;
            days.insert(day.day, sum);
        }
        let mut total = Sum::default();
        for day in days.values() {
            total.add_all(day);
        }
        let steps = match query.granularity {
            Granularity::Day => by_day(query, &days),
            Granularity::Hour => self.by_hour(query, app).await?,
        };
        Ok((total.figures(), steps))
    }

    /// The apps that the account used last, newest first.
    pub async fn recent(&self, user: UserId, limit: u64) -> Result<Vec<AppId>> {
        let rows: Vec<String> = recent_app::Entity::find()
            .select_only()
            .column(recent_app::Column::AppId)
            .filter(recent_app::Column::UserId.eq(user.to_string()))
            .order_by_desc(recent_app::Column::UsedAt)
            .limit(limit)
            .into_tuple()
            .all(self.0.reader())
            .await?;
        Ok(readable(rows, |id| id.parse().map_err(StoreError::Corrupt)))
    }

    /// Records that a link was opened.
    pub async fn open_link(&self, actor: &Actor, app: &App, now: DateTime<Utc>) -> Result<()> {
        let transaction = self.0.begin().await?;
        let launched = Launched {
            app_id: app.id.as_str(),
            app_name: &app.name,
            user: actor.id,
            session: None,
            at: now,
        };
        rollups::launched(&transaction, &launched).await?;
        let deed = Deed::new(AuditAction::OpenLink).to(&app.id);
        self.0.note(&transaction, actor, deed, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes how many sessions run now, so that hours in which none begins are known too.
    pub async fn observe(&self, now: DateTime<Utc>) -> Result<()> {
        let query = format!(
            "SELECT DISTINCT app_id FROM sessions WHERE status IN ({})",
            live_list()
        );
        for row in self.ask(&query, []).await? {
            // Each by itself: nobody who launches waits for all of them.
            let transaction = self.0.begin().await?;
            rollups::observed(&transaction, &row.try_get_by_index::<String>(0)?, now).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// The days of the range of an app, or of all together.
    async fn days(&self, query: &AnalyticsQuery, app: &str) -> Result<Vec<launch_day::Model>> {
        let days = launch_day::Entity::find()
            .filter(launch_day::Column::AppId.eq(app))
            .filter(launch_day::Column::Day.between(query.from.to_string(), query.to.to_string()));
        Ok(days.all(self.0.reader()).await?)
    }

    /// The range of each of these apps. The database puts an app's days into one row: of twenty apps in a year there are
    /// thousands, and each row costs more than what is in it. It makes the next while this one is read.
    async fn sums(&self, query: &AnalyticsQuery, apps: &[String]) -> Result<BTreeMap<String, Sum>> {
        let reader = self.0.reader();
        let mut sums = BTreeMap::new();
        for some in apps.chunks(SUMMED_TOGETHER) {
            let places: Vec<String> = (3..).take(some.len()).map(|place| format!("${place}")).collect();
            let days = format!(
                "SELECT app_id, CAST(sum(launches) AS BIGINT), CAST(sum(failed) AS BIGINT), max(peak), \
                 string_agg(people, ' '), string_agg(ready, ' ') FROM launch_days \
                 WHERE day BETWEEN $1 AND $2 AND app_id IN ({}) GROUP BY app_id",
                places.join(", ")
            );
            let range = [query.from, query.to].map(|day| Value::from(day.to_string()));
            let values = range.into_iter().chain(some.iter().map(Value::from));
            let days = Statement::from_sql_and_values(reader.get_database_backend(), days, values);
            let mut rows = reader.stream_raw(days).await?;
            while let Some(row) = rows.try_next().await? {
                sums.insert(row.try_get_by_index(0)?, Sum::of_days(&row)?);
            }
        }
        Ok(sums)
    }

    async fn by_hour(&self, query: &AnalyticsQuery, app: &str) -> Result<Vec<LaunchStep>> {
        let hours = launch_hour::Entity::find()
            .filter(launch_hour::Column::AppId.eq(app))
            .filter(launch_hour::Column::Hour.gte(query.from.to_string()))
            .filter(launch_hour::Column::Hour.lt((query.to + TimeDelta::days(1)).to_string()))
            .all(self.0.reader())
            .await?;
        let hours: BTreeMap<String, launch_hour::Model> =
            hours.into_iter().map(|row| (row.hour.clone(), row)).collect();
        let step = |begins: DateTime<Utc>| LaunchStep {
            begins,
            figures: hours
                .get(&time::hour(begins))
                .map_or_else(LaunchFigures::default, |row| LaunchFigures {
                    launches: number(row.launches),
                    failed: number(row.failed),
                    peak_sessions: number(row.peak),
                    people: None,
                    ready: None,
                }),
        };
        Ok(query.steps().map(step).collect())
    }

    /// The apps of the range; the index has all that is summed here.
    async fn apps(&self, query: &AnalyticsQuery, detail: Detail) -> Result<Vec<AppFigures>> {
        let sums = "SELECT app_id, CAST(sum(launches) AS BIGINT) AS launches, CAST(sum(failed) AS BIGINT) AS failed \
                    FROM launch_days WHERE day BETWEEN $1 AND $2 AND app_id <> '' AND ($3 = '' OR app_id = $3) \
                    GROUP BY app_id HAVING sum(launches) > 0 ORDER BY launches DESC, app_id";
        let app = query.app.as_ref().map_or(ALL_APPS, AppId::as_str);
        let range = [
            query.from.to_string().into(),
            query.to.to_string().into(),
            app.into(),
        ];
        let rows = self.ask(sums, range).await?;
        let ids = rows
            .iter()
            .map(|row| row.try_get_by_index::<String>(0))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let told = match detail {
            Detail::Every => ids.as_slice(),
            Detail::Most(most) => &ids[..most.min(ids.len())],
        };
        let mut known = self.sums(query, told).await?;
        let names = self.names().await?;
        let ever_known = launch_app::Entity::find().all(self.0.reader()).await?;
        let mut ever_known: BTreeMap<String, launch_app::Model> = ever_known
            .into_iter()
            .map(|row| (row.app_id.clone(), row))
            .collect();
        let mut apps = Vec::new();
        for (row, id) in rows.iter().zip(ids) {
            let figures = match known.remove(&id) {
                Some(sum) => sum.figures(),
                None => LaunchFigures {
                    launches: number(row.try_get_by_index(1)?),
                    failed: number(row.try_get_by_index(2)?),
                    ..LaunchFigures::default()
                },
            };
            // Whatever was launched in a range was launched some time.
            if let Some(row) = ever_known.remove(&id) {
                let ever = ever(&names, row)?;
                apps.push(AppFigures { ever, figures });
            }
        }
        Ok(apps)
    }

    async fn failures(&self, query: &AnalyticsQuery, app: &str) -> Result<Vec<FailureFigures>> {
        let sums = "SELECT reason, CAST(sum(launching) AS BIGINT) AS launching, \
                    CAST(sum(running) AS BIGINT) AS running FROM launch_failures \
                    WHERE app_id = $1 AND day BETWEEN $2 AND $3 GROUP BY reason \
                    ORDER BY launching DESC, running DESC, reason";
        let range = [
            app.into(),
            query.from.to_string().into(),
            query.to.to_string().into(),
        ];
        let rows = self.ask(sums, range).await?;
        let figures = |row: QueryResult| -> Result<FailureFigures> {
            Ok(FailureFigures {
                reason: row
                    .try_get_by_index::<String>(0)?
                    .parse()
                    .map_err(StoreError::Corrupt)?,
                launching: number(row.try_get_by_index(1)?),
                running: number(row.try_get_by_index(2)?),
            })
        };
        Ok(readable(rows, figures))
    }

    /// How the apps that there are now are called.
    async fn names(&self) -> Result<BTreeMap<String, String>> {
        let names: Vec<(String, String)> = application::Entity::find()
            .select_only()
            .column(application::Column::Id)
            .column(application::Column::Name)
            .into_tuple()
            .all(self.0.reader())
            .await?;
        Ok(names.into_iter().collect())
    }

    async fn ask<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<Vec<QueryResult>> {
        let reader = self.0.reader();
        let query = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
        Ok(reader.query_all_raw(query).await?)
    }
}

/// Days, added up.
#[derive(Default)]
struct Sum {
    launches: i64,
    failed: i64,
    peak: i64,
    people: RoaringBitmap,
    ready: ReadyTimes,
}

impl Sum {
    fn add(&mut self, day: &launch_day::Model) -> Result<()> {
        self.launches += day.launches;
        self.failed += day.failed;
        self.peak = self.peak.max(day.peak);
        self.people |= read_people(&day.people)?;
        add_ready(&mut self.ready, &day.ready)
    }

    /// Of a row that has several days in it.
    fn of_days(row: &QueryResult) -> Result<Self> {
        let (people, ready): (String, String) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
        let mut sum = Self {
            launches: row.try_get_by_index(1)?,
            failed: row.try_get_by_index(2)?,
            peak: row.try_get_by_index(3)?,
            ..Self::default()
        };
        for people in people.split(' ') {
            sum.people |= read_people(people)?;
        }
        for ready in ready.split(' ') {
            add_ready(&mut sum.ready, ready)?;
        }
        Ok(sum)
    }

    fn add_all(&mut self, other: &Self) {
        self.launches += other.launches;
        self.failed += other.failed;
        self.peak = self.peak.max(other.peak);
        self.people |= &other.people;
        self.ready.add(&other.ready);
    }

    fn figures(&self) -> LaunchFigures {
        LaunchFigures {
            launches: number(self.launches),
            failed: number(self.failed),
            peak_sessions: number(self.peak),
            people: Some(self.people.len()),
            ready: self.ready.figures(),
        }
    }
}

fn by_day(query: &AnalyticsQuery, days: &BTreeMap<String, Sum>) -> Vec<LaunchStep> {
    let step = |begins: DateTime<Utc>| LaunchStep {
        begins,
        figures: match days.get(&time::day(begins)) {
            Some(day) => day.figures(),
            None => Sum::default().figures(),
        },
    };
    query.steps().map(step).collect()
}

/// The launches of an app, which is called as it is now, else as it was at its last launch, else by its id.
fn ever(names: &BTreeMap<String, String>, row: launch_app::Model) -> Result<AppLaunches> {
    let last = Some(row.app_name).filter(|name| !name.is_empty());
    let app_name = names.get(&row.app_id).cloned().or(last);
    Ok(AppLaunches {
        app_name: app_name.unwrap_or_else(|| row.app_id.clone()),
        app_id: row.app_id,
        launches: number(row.launches),
        last_launch: time::parse(&row.last_launch)?,
    })
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}
