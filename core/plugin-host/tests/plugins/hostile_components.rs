//! Components that take, say or do too much.

use std::time::{Duration, Instant};

use launchpad_domain::HookError;
use launchpad_plugin_host::{Ceiling, PluginHost, Setup};

use crate::components::{ANSWER, with_plan};
use crate::support::{Plugins, fault, manifest, plan, setup};

/// Longer than any limit of a call, and far from what an unlimited one would take.
const SOON: Duration = Duration::from_secs(5);

const SPINS: &str = "(loop $again (br $again)) unreachable";

/// What `plan` does, its document, and the code and words of the answer.
const CORPUS: &[(&str, &str, &str, &str, &str)] = &[
    ("spins", SPINS, "", "plugin-cpu", "CPU limit 250 ms exceeded"),
    ("traps", "unreachable", "", "plugin-trap", "unreachable"),
    (
        "recurses",
        "(call $forever)",
        "",
        "plugin-trap",
        "calls nested too deep",
    ),
    (
        "grows",
        "(loop $more (drop (memory.grow (i32.const 256))) (br $more)) unreachable",
        "",
        "plugin-memory",
        "memory limit 64 MiB exceeded",
    ),
    (
        "says-much",
        "(call $ok (i32.const 131072) (i32.const 300000))",
        "",
        "plugin-output",
        "more than 256 KiB",
    ),
    (
        "says-more",
        "(call $ok (i32.const 131072) (i32.const 600000))",
        "",
        "plugin-output",
        "more than 320 KiB at once",
    ),
    (
        "says-all",
        "(call $ok (i32.const 0) (i32.const -1))",
        "",
        "plugin-trap",
        "",
    ),
    (
        "points-outside",
        "(call $ok (i32.const 2147483640) (i32.const 16))",
        "",
        "plugin-trap",
        "",
    ),
    ("returns-outside", "(i32.const -4)", "", "plugin-trap", ""),
    (
        "is-no-case",
        "(call $result (i32.const 7) (i32.const 0) (i32.const 0))",
        "",
        "plugin-trap",
        "",
    ),
    (
        "is-half",
        "(call $document)",
        "{\"schema\": 1,",
        "plugin-output",
        "cannot be read",
    ),
    (
        "is-no-text",
        "(i32.store8 (i32.const 1024) (i32.const 255)) (call $document)",
        "abc",
        "plugin-trap",
        "",
    ),
    (
        "nests",
        "(call $document)",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "plugin-output",
        "deeper than 32",
    ),
    (
        "refuses-badly",
        "(call $refuse)",
        "{details",
        "plugin-output",
        "cannot be read",
    ),
    (
        "floods",
        "(loop $again
           (call $log (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0))
           (br $again)) unreachable",
        "flood",
        "plugin-cpu",
        "",
    ),
    (
        "shouts",
        "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 600000) (i32.const 0) (i32.const 0))
         unreachable",
        "",
        "plugin-output",
        "",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_stopped_and_named_and_the_next_plugin_answers() {
    let mut plugins = Plugins::new().component("good", &with_plan("(call $document)", ANSWER));
    for (name, body, document, ..) in CORPUS {
        plugins = plugins.component(name, &with_plan(body, document));
    }
    let host = plugins.load().await;
    for (name, _, _, expected, words) in CORPUS {
        let begun = Instant::now();
        let (code, message) = fault(&host, name).await;
        assert_eq!(code, *expected, "{message}");
        assert!(message.contains(words), "{message}");
        assert!(begun.elapsed() < SOON, "{name} took {:?}", begun.elapsed());
        assert_eq!(plan(&host, "good").await.unwrap()["schema"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_delays_no_other_and_is_left_alone_in_the_end() {
    let host = Plugins::new()
        .component("good", &with_plan("(call $document)", ANSWER))
        .component("spins", &with_plan(SPINS, ""))
        .script("script", "fn plan(ctx) { #{ schema: 1, url: ctx.app.url } }")
        .load()
        .await;
    let hung = async {
        let five = [0; 5].map(|_| fault(&host, "spins"));
        for (code, message) in join_all(five).await {
            // On a busy machine the time from start to end is over first.
            assert!(matches!(code, "plugin-cpu" | "plugin-timeout"), "{message}");
        }
    };
    let meanwhile = async {
        for _ in 0..20 {
            plan(&host, "good").await.unwrap();
            plan(&host, "script").await.unwrap();
        }
    };
    tokio::join!(hung, meanwhile);
    assert_eq!(fault(&host, "spins").await.0, "plugin-unavailable");
}

/// At the same time, not one after another.
async fn join_all<F: Future, const N: usize>(futures: [F; N]) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|task| {
        waiting.retain_mut(|future| match future.as_mut().poll(task) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}

#[tokio::test]
async fn a_manifest_lowers_each_limit() {
    let spins = with_plan(SPINS, "");
    let grows = with_plan("(drop (memory.grow (i32.const 40))) (call $document)", ANSWER);
    let limited =
        |id: &str, limits: &str| manifest(id, "wasm", "plugin.wasm", &format!("[limits]\n{limits}"));
    let host = Plugins::new()
        .plugin(
            "computes",
            &limited("computes", "cpu_ms = 50"),
            "plugin.wasm",
            &spins,
        )
        .plugin("waits", &limited("waits", "wall_ms = 20"), "plugin.wasm", &spins)
        .plugin(
            "small",
            &limited("small", "memory_mib = 2"),
            "plugin.wasm",
            &grows,
        )
        .plugin(
            "larger",
            &limited("larger", "memory_mib = 4"),
            "plugin.wasm",
            &grows,
        )
        .load()
        .await;
    for (plugin, words) in [
        ("computes", "CPU limit 50 ms exceeded"),
        ("waits", "time limit 20 ms exceeded"),
        ("small", "memory limit 2 MiB exceeded"),
    ] {
        let (_, message) = fault(&host, plugin).await;
        assert!(message.contains(words), "{message}");
    }
    assert!(plan(&host, "larger").await.is_ok());
}

#[tokio::test]
async fn a_table_has_its_limit_too() {
    let text = r#"(component
      (core module $m
        (memory (export "memory") 1)
        (table $t 10 funcref)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "plan") (param i32 i32) (result i32)
          (drop (table.grow $t (ref.null func) (i32.const 20000))) unreachable))
      (core instance $i (instantiate $m))
      (type $error_type (record (field "code" string) (field "message" string) (field "details" string)))
      (export $error "plugin-error" (type $error_type))
      (func $plan (param "ctx" string) (result (result string (error $error)))
        (canon lift (core func $i "plan") (memory $i "memory") (realloc (func $i "realloc"))))
      (export "plan" (func $plan)))"#;
    let host = Plugins::new()
        .component("widens", &wat::parse_str(text).unwrap())
        .load()
        .await;
    let (code, message) = fault(&host, "widens").await;
    assert_eq!(code, "plugin-memory", "{message}");
    assert!(message.contains("limit of 20000 elements"), "{message}");
}

#[tokio::test]
async fn the_operator_sets_the_ceiling_and_a_manifest_never_passes_it() {
    let greedy = |id: &str| {
        manifest(
            id,
            "wasm",
            "plugin.wasm",
            "[limits]\ncpu_ms = 5000\nmemory_mib = 256",
        )
    };
    let grows = with_plan("(drop (memory.grow (i32.const 1000))) (call $document)", ANSWER);
    let plugins = Plugins::new()
        .plugin("spins", &greedy("spins"), "plugin.wasm", &with_plan(SPINS, ""))
        .plugin("grows", &greedy("grows"), "plugin.wasm", &grows);
    let within = async |ceiling| {
        let told = Setup {
            ceiling,
            ..setup(plugins.sources())
        };
        PluginHost::load(told).await
    };
    let host = within(Ceiling {
        cpu: Duration::from_millis(40),
        memory: 32 * 1_024 * 1_024,
        ..Ceiling::default()
    })
    .await;
    let (_, message) = fault(&host, "spins").await;
    assert!(message.contains("CPU limit 40 ms exceeded"), "{message}");
    let (_, message) = fault(&host, "grows").await;
    assert!(message.contains("memory limit 32 MiB exceeded"), "{message}");
    let host = within(Ceiling {
        memory: 128 * 1_024 * 1_024,
        ..Ceiling::default()
    })
    .await;
    assert!(plan(&host, "grows").await.is_ok());
}

#[tokio::test]
async fn nothing_stays_from_one_call_to_the_next() {
    let remembers = "(if (i32.load (i32.const 512)) (then unreachable))
                     (i32.store (i32.const 512) (i32.const 1)) (call $document)";
    let host = Plugins::new()
        .component("remembers", &with_plan(remembers, ANSWER))
        .load()
        .await;
    for _ in 0..3 {
        plan(&host, "remembers").await.unwrap();
    }
}

#[tokio::test]
async fn an_error_that_is_returned_is_told() {
    let refuses = "(i32.store (i32.const 28) (i32.const 1026)) (i32.store (i32.const 32) (i32.const 3))
                   (drop (call $refuse)) (i32.store (i32.const 36) (i32.const 0)) (i32.store (i32.const 40) (i32.const 0))
                   (i32.const 16)";
    let host = Plugins::new()
        .component("refuses", &with_plan(refuses, "noway"))
        .load()
        .await;
    let failed = HookError::Failed {
        code: "no".to_owned(),
        message: "way".to_owned(),
    };
    assert_eq!(plan(&host, "refuses").await, Err(failed));
}
