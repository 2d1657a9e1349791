//! A PostgreSQL server for this binary's tests: Debian's programs, a new data directory, a socket in it, gone with
//! the process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database};

/// Where Debian's packages have their programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// What is run. It waits for the end of its input, which comes when the tests' process ends, however it ends; so
/// neither a failed test nor a killed one leaves a server or a file behind. The account is that of Debian's
/// package where root runs the tests, since the server refuses root. Text is ordered as English has it, to find
/// whoever counts on the order of bytes.
const SCRIPT: &str = r#"
bin=$1 data=$2 as=
trap 'rm -rf "$data"' EXIT
if [ "$(id -u)" = 0 ]; then
    as='setpriv --reuid=postgres --regid=postgres --clear-groups'
    chown postgres "$data" || exit
fi
cd "$data" || exit
$as "$bin/initdb" --auth=trust --username=launchpad --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu \
    --icu-locale=en-US --no-sync --pgdata "$data/data" >initdb.log 2>&1 || { cat initdb.log; exit 1; }
$as "$bin/pg_ctl" start --silent --wait --pgdata "$data/data" --log "$data/data/server.log" \
    --options "-c listen_addresses= -c unix_socket_directories=$data -c max_connections=400 -c fsync=off" \
    </dev/null >/dev/null 2>&1 || { cat "$data/data/server.log"; exit 1; }
echo ready
read -r _
$as "$bin/pg_ctl" stop --silent --wait --mode=fast --pgdata "$data/data" >/dev/null 2>&1
"#;

struct Server {
    /// Its input is what keeps the server.
    _script: Child,
    folder: PathBuf,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The address of a new, empty database.
pub(crate) async fn new_database() -> String {
    let server = SERVER.get_or_init(start);
    let name = format!("case_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut options = ConnectOptions::new(server.url("postgres"));
    options
        .max_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .sqlx_logging(false);
    let connection = Database::connect(options).await.unwrap();
    connection
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    connection.close().await.unwrap();
    server.url(&name)
}

impl Server {
    fn url(&self, database: &str) -> String {
        // The host is that of the query; the one before it is there for readers that insist on one.
        format!(
            "postgres://launchpad@localhost/{database}?host={}",
            self.folder.display()
        )
    }
}

fn start() -> Server {
    let programs = programs();
    let folder = tempfile::Builder::new()
        .prefix("launchpad-postgres-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
        .keep();
    let mut script = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .args([&programs, &folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // An interrupt at the terminal is for the tests; the script then sees them end.
        .process_group(0)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(script.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("ready\n") {
        if output.read_line(&mut said).unwrap() == 0 {
            script.wait().unwrap();
            panic!("PostgreSQL does not start: {said}");
        }
    }
    Server {
        _script: script,
        folder,
    }
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir(PROGRAMS)
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("PostgreSQL's server is not installed: run tests/prepare.sh")
}
