//! Scripts that take, say or do too much.

use std::time::{Duration, Instant};

use launchpad_domain::HookError;
use launchpad_plugin_host::{PluginHost, SCRIPT_STACK};

use crate::support::{Plugins, fault, manifest, patient, plan};

const GOOD: &str = "fn plan(ctx) { #{ schema: 1, url: ctx.app.url } }";

/// Longer than any limit of a call, and far from what an unlimited one would take.
const SOON: Duration = Duration::from_secs(5);

/// What a script does, and the code and words of the answer; no code where two limits are close.
const CORPUS: &[(&str, &str, &str, &str)] = &[
    ("spins", "loop { }", "plugin-cpu", ""),
    ("catches", "loop { try { loop { } } catch { } }", "plugin-cpu", ""),
    (
        "sorts",
        "let a = []; for n in 0..4000 { a.push(4000 - n); } loop { a.sort(|x, y| y - x); a.sort(); }",
        "plugin-cpu",
        "",
    ),
    ("sleeps", "sleep(5)", "plugin-trap", "the script failed"),
    ("dozes", "sleep(5.0)", "plugin-trap", "the script failed"),
    (
        "dozes-and-catches",
        "try { sleep(5); } catch { 1 }",
        "plugin-trap",
        "",
    ),
    (
        "text-hog",
        "let s = \"x\"; loop { s += s; }",
        "plugin-memory",
        "a value larger",
    ),
    (
        "pads",
        "let s = \"x\"; s.pad(2000000000, \"x\"); s",
        "plugin-memory",
        "",
    ),
    (
        "text-multiplies",
        "let s = \"x\"; for n in 0..15 { s += s; } let t = s; t.replace(\"x\", s); t",
        "plugin-memory",
        "a value larger",
    ),
    (
        "character-multiplies",
        "let s = \"x\"; for n in 0..15 { s += s; } let t = s; t.replace('x', s); t",
        "plugin-memory",
        "a value larger",
    ),
    (
        "compares-badly",
        "let a = []; for n in 0..4000 { a.push(n); } loop { a.sort(|x, y| if (x * 7 + y) % 3 == 0 { -1 } else { 1 }); }",
        "",
        "",
    ),
    ("list-hog", "let a = [0]; loop { a += a; }", "plugin-memory", ""),
    (
        "list-pads",
        "let a = []; a.pad(2000000000, 0); a",
        "plugin-memory",
        "",
    ),
    (
        "map-hog",
        "let m = #{}; let n = 0; loop { m[`${n}`] = n; n += 1; }",
        "",
        "",
    ),
    (
        "nests",
        "let a = []; for n in 0..40 { a = [a]; } #{ a: a }",
        "plugin-output",
        "deeper than 32",
    ),
    (
        "multiplies",
        "let s = \"x\"; while s.len() < 100000 { s += s; } let a = [s]; #{ a: a, b: a, c: a, d: a }",
        "",
        "",
    ),
    ("answers-a-function", "|x| x", "plugin-output", "cannot be read"),
    ("throws-a-number", "throw 7", "plugin-output", "no error"),
    ("divides", "1 / 0", "plugin-trap", ""),
    ("misses", "nothing(1)", "plugin-trap", ""),
    ("imports", "import \"/etc/passwd\" as p; p::x", "plugin-trap", ""),
];

/// On threads that scripts get to themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_stopped_and_named_and_the_next_plugin_answers() {
    each_is_stopped().await;
}

/// On the caller's, as in the server.
#[test]
fn each_is_stopped_on_a_thread_that_its_caller_gives_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(SCRIPT_STACK)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(each_is_stopped()).await.unwrap() });
}

async fn each_is_stopped() {
    let mut plugins = Plugins::new().script("good", GOOD);
    for (name, body, ..) in CORPUS {
        plugins = plugins.script(name, &format!("fn plan(ctx) {{ {body} }}"));
    }
    let variables: String = (0..300).fold(String::new(), |text, n| format!("{text}let v{n} = {n}; "));
    let plugins = plugins
        .script("recurses", "fn plan(ctx) { plan(ctx) }")
        .script("names", &format!("fn plan(ctx) {{ {variables} 1 }}"));
    let host = plugins.load().await;
    let (code, message) = fault(&host, "names").await;
    assert_eq!(code, "plugin-memory", "{message}");
    assert!(message.contains("limit of 256 variables"), "{message}");
    let begun = Instant::now();
    let (code, message) = fault(&host, "recurses").await;
    assert_eq!(code, "plugin-trap", "{message}");
    assert!(message.contains("nested deeper than 32"), "{message}");
    for (name, _, expected, words) in CORPUS {
        let one = Instant::now();
        let (code, message) = fault(&host, name).await;
        assert!(
            expected.is_empty() || code == *expected,
            "{name}: {code}: {message}"
        );
        assert!(message.contains(words), "{message}");
        assert!(one.elapsed() < SOON, "{name} took {:?}", one.elapsed());
        assert!(plan(&host, "good").await.is_ok());
    }
    assert!(begun.elapsed() < SOON * 6, "all took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_hangs_delays_no_other_and_is_left_alone_in_the_end() {
    let host = Plugins::new()
        .script("good", GOOD)
        .script("spins", "fn plan(ctx) { loop { } }")
        .load()
        .await;
    let hung = async {
        for _ in 0..5 {
            assert_eq!(fault(&host, "spins").await.0, "plugin-cpu");
        }
    };
    let meanwhile = async {
        for _ in 0..20 {
            plan(&host, "good").await.unwrap();
        }
    };
    tokio::join!(hung, meanwhile);
    let (code, message) = fault(&host, "spins").await;
    assert_eq!(code, "plugin-unavailable");
    assert!(message.contains("failed too often"), "{message}");
}

/// Values nested as deep as the limit on their number allows: whatever the library does with them, it does recursively.
#[tokio::test]
async fn what_is_nested_deep_exhausts_no_stack() {
    const USES: &[(&str, &str)] = &[
        ("text", "a.to_string()"),
        ("debug", "debug(a); 1"),
        ("same", "let b = a; b == a"),
        ("found", "[1, a].contains(a)"),
        ("copied", "let b = a; b.push(1); a.push(2); b == a"),
        ("json", "#{ a: a }.to_json()"),
        ("answered", "a"),
        ("thrown", "throw a"),
        ("logged", "log(\"info\", \"x\", #{ a: a }); 1"),
    ];
    let mut plugins = Plugins::new().script("good", GOOD);
    for (name, then) in USES {
        let script = format!("fn plan(ctx) {{ let a = []; for n in 0..4000 {{ a = [a]; }} {then} }}");
        plugins = plugins.script(name, &script);
    }
    // Time enough to come so deep in an unoptimised build.
    let host = PluginHost::load(patient(plugins.sources())).await;
    for (name, _) in USES {
        // An answer is as good as a fault: the process is there.
        let _ = plan(&host, name).await;
        assert!(plan(&host, "good").await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_manifest_lowers_the_limits() {
    let lowered = manifest("spins", "rhai", "main.rhai", "[limits]\ncpu_ms = 20");
    let host = Plugins::new()
        .plugin("spins", &lowered, "main.rhai", b"fn plan(ctx) { loop { } }")
        .load()
        .await;
    let (_, message) = fault(&host, "spins").await;
    assert!(message.contains("CPU limit 20 ms exceeded"), "{message}");
}

#[tokio::test]
async fn what_a_script_throws_is_told() {
    let host = Plugins::new()
        .script(
            "denies",
            "fn plan(ctx) { throw #{ code: \"denied\", message: `not ${ctx.user.name}` } }",
        )
        .script("says", "fn plan(ctx) { throw \"no\" }")
        .script(
            "wrong",
            "fn plan(ctx) { throw #{ code: \"invalid-input\", message: \"m\",
            details: #{ problems: [#{ path: \"params.size\", message: \"is too large\" }] } } }",
        )
        .script(
            "later",
            "fn plan(ctx) { throw #{ code: \"retryable\", message: \"m\", details: #{ retry_ms: 50 } } }",
        )
        .load()
        .await;
    assert_eq!(
        plan(&host, "denies").await,
        Err(HookError::Denied("not ada".to_owned()))
    );
    let failed = HookError::Failed {
        code: "failed".to_owned(),
        message: "no".to_owned(),
    };
    assert_eq!(plan(&host, "says").await, Err(failed));
    let Err(HookError::InvalidInput(problems)) = plan(&host, "wrong").await else {
        panic!("invalid input")
    };
    assert_eq!(problems[0].path, "params.size");
    let later = HookError::Retryable {
        message: "m".to_owned(),
        retry_ms: 50,
    };
    assert_eq!(plan(&host, "later").await, Err(later));
}
