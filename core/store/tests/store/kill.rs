//! What was acknowledged outlives SIGKILL.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use launchpad_domain::SessionId;
use launchpad_store::Store;

use crate::support::{TestDatabase, account, on_both, session};

const ROUNDS: usize = 20;
/// Before each id that the writer says.
const SAID: &str = "wrote ";

on_both! {
    async fn every_acknowledged_session_is_there_after_a_kill(database: &TestDatabase) {
        drop(database.open().await);
        let mut acknowledged = Vec::new();
        for round in 0..ROUNDS {
            acknowledged.extend(write_until_killed(&database.address));
            let store = database.open().await;
            for id in &acknowledged {
                assert!(store.sessions().get(*id).await.unwrap().is_some(), "round {round}: {id} is lost");
            }
            store.close().await.unwrap();
        }
        if !database.is_postgres() {
            assert_eq!(database.texts("PRAGMA integrity_check").await, [Some("ok".to_owned())]);
        }
        assert!(acknowledged.len() >= ROUNDS);
        // A session, its launch and its audit row are there together or not at all.
        let sessions = database.number("SELECT count(*) FROM sessions").await;
        assert_eq!(database.number("SELECT count(*) FROM analytics").await, sessions);
        let created = "SELECT count(*) FROM audit_log WHERE action = 'CREATE_SESSION'";
        assert_eq!(database.number(created).await, sessions);
    }
}

/// Runs the writer, kills it at some moment after some ids, and answers with every id that it said.
fn write_until_killed(address: &str) -> Vec<SessionId> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(writer.stdin.take().unwrap(), "{address}").unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let chance = uuid::Uuid::new_v4().as_u128();
    let enough = 1 + usize::try_from(chance % 16).unwrap();
    while said.len() < enough {
        said.extend(id(&lines.next().unwrap().unwrap()));
    }
    // Anywhere in the next write or two: where exactly must not follow from where ids are said.
    let moment = Instant::now() + Duration::from_micros(u64::try_from(chance / 16 % 4_000).unwrap());
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    said.extend(lines.map_while(Result::ok).filter_map(|line| id(&line)));
    said
}

/// The id in a whole line of the writer's; the last one may be torn.
fn id(line: &str) -> Option<SessionId> {
    line.split_once(SAID)?.1.parse().ok()
}

#[tokio::test]
#[ignore = "is killed: the other tests of this file run it"]
async fn writer() {
    let mut address = String::new();
    std::io::stdin().read_line(&mut address).unwrap();
    let store = Store::open(&address.trim().parse().unwrap()).await.unwrap();
    let name = format!("user{}", uuid::Uuid::new_v4().simple());
    let user = account(&store, &name).await.id;
    loop {
        let made = session(&store, user).await;
        writeln!(std::io::stdout(), "{SAID}{}", made.id).unwrap();
    }
}
