//! Several portals on one database: one leads, and each hears what the others change.

use std::time::Duration;

use launchpad_domain::{Preferences, Stage};
use launchpad_store::{Change, PeerEvent, Peers, Store, StoreError, Term};

use crate::support::{TestDatabase, account, actor, app, later, noon, on_both, session};

/// How long anything may take that happens by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Cuts the connection of the one that leads.
const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5217843 \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Waits for an event of this kind; others are passed over.
async fn until<T>(peers: &mut Peers, wanted: impl Fn(PeerEvent) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(peers.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("it never came")
}

async fn led(peers: &mut Peers) -> Term {
    until(peers, |event| match event {
        PeerEvent::Leads(term) => Some(term),
        _ => None,
    })
    .await
}

async fn told(peers: &mut Peers, change: Change) {
    until(peers, |event| (event == PeerEvent::Changed(change)).then_some(())).await;
}

/// Hears for a moment, in which it must not lead.
async fn follows(peers: &mut Peers) {
    let moment = Duration::from_millis(2_500);
    let heard = tokio::time::timeout(moment, led(peers)).await;
    assert!(heard.is_err(), "two lead: {heard:?}");
}

async fn open(database: &TestDatabase) -> (Store, Peers) {
    let store = database.open().await;
    let peers = store.peers(&database.url());
    (store, peers)
}

on_both! {
    async fn one_leads_until_it_leaves(database: &TestDatabase) {
        let (one, mut first) = open(database).await;
        let (two, mut second) = open(database).await;
        let term = led(&mut first).await;
        follows(&mut second).await;
        first.leave().await;
        let next = led(&mut second).await;
        assert!(next > term);

        // What the first one decided while it led is not written any more.
        let user = account(&two, "ada").await.id;
        let id = session(&two, user).await.id;
        let stale = one.sessions_led(term).set_stages(&[(id, Stage::Queued)].into(), later(1)).await;
        assert!(matches!(stale, Err(StoreError::NotLeading)), "{stale:?}");
        assert_eq!(two.sessions_led(next).set_stages(&[(id, Stage::Queued)].into(), later(1)).await.unwrap(), [id]);
        // A person's own change needs no lead.
        assert_eq!(one.sessions().set_stages(&[(id, Stage::Scheduled)].into(), later(1)).await.unwrap(), [id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_loses_its_connection_leads_no_more() {
    let database = TestDatabase::postgres().await;
    let (_one, mut first) = open(&database).await;
    let (_two, mut second) = open(&database).await;
    let term = led(&mut first).await;
    follows(&mut second).await;
    assert_eq!(database.number(CUT).await, 1);
    until(&mut first, |event| (event == PeerEvent::Follows).then_some(())).await;
    let heard = async {
        tokio::select! {
            term = led(&mut first) => term,
            term = led(&mut second) => term,
        }
    };
    assert!(Box::pin(heard).await > term);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_shows_no_life_is_followed() {
    let database = TestDatabase::postgres().await;
    let (one, mut first) = open(&database).await;
    let (_two, mut second) = open(&database).await;
    let term = led(&mut first).await;
    // Nobody polls the first one any more: to the server it is a process that has stopped.
    let next = led(&mut second).await;
    assert!(next > term);
    let user = account(&one, "ada").await.id;
    let id = session(&one, user).await.id;
    let stale = one
        .sessions_led(term)
        .set_stages(&[(id, Stage::Queued)].into(), later(1))
        .await;
    assert!(matches!(stale, Err(StoreError::NotLeading)), "{stale:?}");
    // Once it goes on it finds out.
    until(&mut first, |event| (event == PeerEvent::Follows).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hears_what_others_change_and_not_itself() {
    let database = TestDatabase::postgres().await;
    let (one, mut first) = open(&database).await;
    let (two, mut second) = open(&database).await;
    led(&mut first).await;
    until(&mut second, |event| (event == PeerEvent::Missed).then_some(())).await;

    let user = account(&one, "ada").await.id;
    let id = session(&one, user).await.id;
    told(&mut second, Change::Session(id)).await;
    one.sessions()
        .set_stages(&[(id, Stage::Queued)].into(), later(1))
        .await
        .unwrap();
    told(&mut second, Change::Session(id)).await;
    one.apps().insert(&actor(), &app("wiki"), noon()).await.unwrap();
    told(&mut second, Change::Apps).await;
    one.preferences()
        .put(&actor(), user, &Preferences::default(), noon())
        .await
        .unwrap();
    told(&mut second, Change::Preferences(user)).await;
    let wiki = "url".parse().unwrap();
    one.plugin_values()
        .switch(&actor(), &wiki, false, noon())
        .await
        .unwrap();
    told(&mut second, Change::Plugins).await;
    // Anybody with a database tool is heard, too.
    database
        .execute("UPDATE accounts SET disabled = TRUE")
        .await
        .unwrap();
    told(&mut second, Change::Accounts).await;

    // The first one hears of none of its own changes: the next that it is told is the other's.
    two.sessions()
        .set_stages(&[(id, Stage::Scheduled)].into(), later(1))
        .await
        .unwrap();
    let heard = until(&mut first, |event| match event {
        PeerEvent::Changed(Change::Accounts) | PeerEvent::Missed => None,
        other => Some(other),
    });
    assert_eq!(heard.await, PeerEvent::Changed(Change::Session(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_made_again_and_says_that_something_was_missed() {
    let database = TestDatabase::postgres().await;
    let (one, mut first) = open(&database).await;
    led(&mut first).await;
    assert_eq!(database.number(CUT).await, 1);
    until(&mut first, |event| (event == PeerEvent::Missed).then_some(())).await;
    led(&mut first).await;
    one.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_replaces_ends_the_portal() {
    let database = TestDatabase::postgres().await;
    let (_one, mut first) = open(&database).await;
    led(&mut first).await;
    // Every connection is cut, as by a restart of the server, and a restore is quicker.
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(database.number(cut).await > 1);
    let alone = loop {
        match launchpad_store::DatabaseLock::alone(&database.url()).await {
            Err(StoreError::Locked(_)) => {}
            held => break held.unwrap(),
        }
    };
    let ended = async {
        loop {
            if let Err(error) = first.next().await {
                return error;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await.unwrap();
    assert!(matches!(ended, StoreError::Locked(_)), "{ended:?}");
    drop(alone);
}
