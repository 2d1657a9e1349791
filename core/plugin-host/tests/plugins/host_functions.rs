//! Host functions of both carriers, against services that remember what they were asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use launchpad_domain::plugin_services::{FetchRequest, FetchResponse, LookupKind, Progress};
use launchpad_domain::{
    Grants, HookError, HostCallError, LaunchTypeId, LaunchTypes, PluginServices, SessionId, UserId,
};
use launchpad_plugin_host::{PluginHost, Setup};
use serde_json::{Value, json};

use crate::components::ANSWER;
use crate::support::{Plugins, context, id, manifest, plan, setup};

/// Keeps one value of each kind; its secrets are their own names backwards.
#[derive(Debug, Default)]
pub(crate) struct Remembering {
    kept: Mutex<BTreeMap<String, String>>,
    pub(crate) shown: Mutex<Vec<Progress>>,
    /// How long a fetch takes.
    pub(crate) slow: Option<std::time::Duration>,
}

impl Remembering {
    fn set(&self, key: String, value: Option<&str>) {
        let mut kept = self.kept.lock().unwrap();
        match value {
            Some(value) => kept.insert(key, value.to_owned()),
            None => kept.remove(&key),
        };
    }
}

#[async_trait]
impl PluginServices for Remembering {
    async fn show_progress(&self, _: SessionId, progress: Progress) {
        self.shown.lock().unwrap().push(progress);
    }
    async fn session_value(&self, session: SessionId, key: &str) -> Result<Option<String>, HostCallError> {
        Ok(self
            .kept
            .lock()
            .unwrap()
            .get(&format!("{session}/{key}"))
            .cloned())
    }
    async fn set_session_value(
        &self,
        session: SessionId,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), HostCallError> {
        self.set(format!("{session}/{key}"), value);
        Ok(())
    }
    async fn plugin_value(&self, plugin: &LaunchTypeId, key: &str) -> Result<Option<String>, HostCallError> {
        Ok(self.kept.lock().unwrap().get(&format!("{plugin}/{key}")).cloned())
    }
    async fn swap_plugin_value(
        &self,
        plugin: &LaunchTypeId,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostCallError> {
        let swaps = self.plugin_value(plugin, key).await?.as_deref() == expected;
        if swaps {
            self.set(format!("{plugin}/{key}"), value);
        }
        Ok(swaps)
    }
    async fn secret(&self, name: &str) -> Result<String, HostCallError> {
        Ok(name.chars().rev().collect())
    }
    async fn fetch(&self, request: FetchRequest, _: &Grants) -> Result<FetchResponse, HostCallError> {
        if let Some(slow) = self.slow {
            tokio::time::sleep(slow).await;
        }
        Ok(FetchResponse {
            status: 200,
            headers: BTreeMap::new(),
            body: format!("{} {}", request.method, request.url),
        })
    }
    async fn look_up(
        &self,
        user: Option<UserId>,
        kind: LookupKind,
        name: &str,
    ) -> Result<Option<Value>, HostCallError> {
        let kind = kind.as_str();
        Ok((name == "wiki" && user.is_some()).then(|| json!({"kind": kind})))
    }
}

const ASKS: &str = "[capabilities]\nhttp = [\"https://hub.example/*\"]\nlookup = [\"apps\"]\n\
                    secrets.ref = [\"token\"]\nsecrets.read = [\"key\"]\n";

fn everything(plugin: &str) -> BTreeMap<String, BTreeSet<String>> {
    let words = [
        "http:https://hub.example/*",
        "lookup:apps",
        "secret-ref:token",
        "secret-read:key",
    ];
    BTreeMap::from([(plugin.to_owned(), words.map(str::to_owned).into())])
}

async fn load(plugins: &Plugins, plugin: &str, services: Arc<Remembering>) -> PluginHost {
    let host = PluginHost::load(Setup {
        granted: everything(plugin),
        services,
        ..setup(plugins.sources())
    })
    .await;
    assert!(host.failures().is_empty(), "{:?}", host.failures());
    host
}

fn script(body: &str) -> Plugins {
    let script = format!("fn plan(ctx) {{ {body} }}");
    Plugins::new().plugin(
        "asks",
        &manifest("asks", "rhai", "main.rhai", ASKS),
        "main.rhai",
        script.as_bytes(),
    )
}

#[tokio::test]
async fn a_script_keeps_shows_reads_and_fetches() {
    let services = Arc::new(Remembering::default());
    let plugins = script(
        r#"
        progress(250, "half\nway");
        state_set("step", "one");
        let first = kv_cas("count", (), "1");
        let second = kv_cas("count", (), "2");
        let gone = kv_get("nothing");
        let response = http_fetch(#{ url: "https://hub.example/images" });
        #{ state: state_get("step"), first: first, second: second, count: kv_get("count"), gone: gone == (),
           reference: secret_ref("token"), secret: secret_read("key"), status: response.status, body: response.body,
           found: lookup("apps", "wiki"), missing: lookup("apps", "other") == () }
        "#,
    );
    let host = load(&plugins, "asks", Arc::clone(&services)).await;
    let answer = plan(&host, "asks").await.unwrap();
    assert_eq!(
        answer,
        json!({"state": "one", "first": true, "second": false, "count": "1", "gone": true,
               "reference": "launchpad-secret:token", "secret": "yek", "status": 200,
               "body": "GET https://hub.example/images", "found": {"kind": "apps"}, "missing": true})
    );
    let shown = services.shown.lock().unwrap();
    assert_eq!(
        (shown[0].percent, shown[0].message.as_str()),
        (Some(100), "half way")
    );
}

#[tokio::test]
async fn what_is_not_granted_too_large_or_too_often_is_an_error_that_a_script_may_catch() {
    let caught = |call: &str| format!("code(|| {call})");
    let body = format!(
        "let big = \"x\"; for n in 0..15 {{ big += big; }}
         let five = 0; for n in 0..5 {{ http_fetch(#{{ url: \"https://hub.example/\" }}); five += 1; }}
         #{{ secret: {}, kind: {}, address: {}, user: {}, key: {}, value: {}, sixth: {}, member: {}, five: five }}",
        caught("secret_read(\"token\")"),
        caught("lookup(\"secrets\", \"wiki\")"),
        caught("http_fetch(#{ url: \"https://hub.example.evil.example/\" })"),
        caught("http_fetch(#{ url: \"file:///etc/passwd\" })"),
        caught("state_set(\"\", \"x\")"),
        caught("state_set(\"key\", big)"),
        caught("http_fetch(#{ url: \"https://hub.example/\" })"),
        caught("http_fetch(#{ url: \"https://hub.example/\", verb: \"GET\" })"),
    );
    let text = format!(
        "fn code(work) {{ try {{ work.call(); }} catch (error) {{ return error.code; }} \"none\" }} fn plan(ctx) {{ {body} }}"
    );
    let plugins = Plugins::new().plugin(
        "asks",
        &manifest("asks", "rhai", "main.rhai", ASKS),
        "main.rhai",
        text.as_bytes(),
    );
    let host = load(&plugins, "asks", Arc::default()).await;
    let answer = plan(&host, "asks").await.unwrap();
    assert_eq!(
        answer,
        json!({"secret": "not-granted", "kind": "not-granted", "address": "not-granted", "user": "not-granted",
               "key": "invalid-input", "value": "too-large", "sixth": "limit", "member": "invalid-input", "five": 5})
    );
}

#[tokio::test]
async fn nothing_is_granted_that_is_only_asked_for() {
    let plugins = script("secret_read(\"key\")");
    let host = PluginHost::load(Setup {
        services: Arc::new(Remembering::default()),
        ..setup(plugins.sources())
    })
    .await;
    let Err(HookError::Failed { code, message }) = plan(&host, "asks").await else {
        panic!("refused")
    };
    assert_eq!(code, "not-granted");
    assert!(message.contains("`secret-read:key`"), "{message}");
}

#[tokio::test]
async fn before_there_is_a_session_nothing_is_kept_for_it() {
    let plugins = Plugins::new().script(
        "early",
        "fn plan(ctx) { #{} } fn validate(ctx) { progress(1, \"x\"); state_set(\"a\", \"b\"); #{ problems: [] } }",
    );
    let host = plugins.load().await;
    let Err(HookError::Failed { code, .. }) = host.validate(&id("early"), context()).await else {
        panic!("refused")
    };
    assert_eq!(code, "no-session");
}

#[tokio::test]
async fn waiting_is_not_computing_and_ends_with_the_call() {
    let slow = |millis| {
        Arc::new(Remembering {
            slow: Some(std::time::Duration::from_millis(millis)),
            ..Remembering::default()
        })
    };
    // Three waits of 200 ms are more than the 250 ms that a call may compute.
    let fetches = "for n in 0..3 { http_fetch(#{ url: \"https://hub.example/\" }); } #{}";
    let host = load(&script(fetches), "asks", slow(200)).await;
    assert_eq!(plan(&host, "asks").await.unwrap(), json!({}));
    let short = format!("{ASKS}[limits]\nwall_ms = 300\n");
    let plugins = Plugins::new().plugin(
        "asks",
        &manifest("asks", "rhai", "main.rhai", &short),
        "main.rhai",
        format!("fn plan(ctx) {{ {fetches} }}").as_bytes(),
    );
    let host = load(&plugins, "asks", slow(60_000)).await;
    let (code, message) = crate::support::fault(&host, "asks").await;
    assert_eq!(code, "plugin-timeout");
    assert!(message.contains("time limit 300 ms"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ninth_call_at_one_time_waits_two_seconds_and_others_go_on() {
    let asks = format!("{ASKS}[limits]\nwall_ms = 4000\n");
    let slow = "fn plan(ctx) { progress(1, \"begun\"); http_fetch(#{ url: \"https://hub.example/\" }); #{} }";
    let plugins = Plugins::new()
        .plugin(
            "asks",
            &manifest("asks", "rhai", "main.rhai", &asks),
            "main.rhai",
            slow.as_bytes(),
        )
        .script("good", "fn plan(ctx) { #{} }");
    let services = Arc::new(Remembering {
        slow: Some(std::time::Duration::from_mins(1)),
        ..Remembering::default()
    });
    let host = Arc::new(load(&plugins, "asks", Arc::clone(&services)).await);
    let eight = [0; 8].map(|_| {
        let host = Arc::clone(&host);
        tokio::spawn(async move { plan(&host, "asks").await })
    });
    while services.shown.lock().unwrap().len() < 8 {
        tokio::task::yield_now().await;
    }
    let (ninth, other) = tokio::join!(crate::support::fault(&host, "asks"), plan(&host, "good"));
    assert!(other.is_ok());
    let (code, message) = ninth;
    assert_eq!(code, "plugin-busy");
    assert!(
        message.contains("all 8 of its calls") && message.contains("waited 2 s"),
        "{message}"
    );
    for call in eight {
        let ended = call.await.unwrap();
        assert!(
            matches!(
                ended,
                Err(HookError::Fault {
                    code: "plugin-timeout",
                    ..
                })
            ),
            "{ended:?}"
        );
    }
}

/// A component that asks for a secret by reference and answers with what it got, or refuses with the error it got.
fn asking_component() -> Vec<u8> {
    let text = r#"(component
      (import "launchpad:plugin/types@1.0.0" (instance $types
        (type $e (record (field "code" string) (field "message" string) (field "details" string)))
        (export "plugin-error" (type (eq $e)))))
      (alias export $types "plugin-error" (type $error))
      (import "launchpad:plugin/host@1.0.0" (instance $host
        (alias outer 1 $error (type $e))
        (export "error" (type $oe (eq $e)))
        (type $r (result string (error $oe)))
        (export "secret-ref" (func (param "name" string) (result $r)))))
      (core module $libc_module
        (memory (export "memory") 20)
        (global $next (mut i32) (i32.const 65536))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
          (global.get $next) (global.set $next (i32.add (global.get $next) (i32.and (i32.add (local.get 3) (i32.const 15)) (i32.const -16))))))
      (core instance $libc (instantiate $libc_module))
      (core func $ask (canon lower (func $host "secret-ref") (memory $libc "memory") (realloc (func $libc "realloc"))))
      (core module $main_module
        (import "libc" "memory" (memory 20))
        (import "host" "ask" (func $ask (param i32 i32 i32)))
        (data (i32.const 1024) "token")
        (func (export "plan") (param i32 i32) (result i32)
          (call $ask (i32.const 1024) (i32.const 5) (i32.const 16))
          (i32.const 16)))
      (core instance $main (instantiate $main_module (with "libc" (instance $libc))
        (with "host" (instance (export "ask" (func $ask))))))
      (type $r (result string (error $error)))
      (func $plan (param "ctx" string) (result $r)
        (canon lift (core func $main "plan") (memory $libc "memory") (realloc (func $libc "realloc"))))
      (export "plan" (func $plan)))"#;
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn a_component_calls_the_same_functions() {
    let plugins = Plugins::new().plugin(
        "asks",
        &manifest("asks", "wasm", "plugin.wasm", ASKS),
        "plugin.wasm",
        &asking_component(),
    );
    let host = load(&plugins, "asks", Arc::default()).await;
    // What it answers is a text, not a document: the text stands in the cause, the point is that it came through.
    let (code, _) = crate::support::fault(&host, "asks").await;
    assert_eq!(code, "plugin-output");
    let host = PluginHost::load(Setup {
        services: Arc::new(Remembering::default()),
        ..setup(plugins.sources())
    })
    .await;
    let Err(HookError::Failed { code, .. }) = plan(&host, "asks").await else {
        panic!("refused")
    };
    assert_eq!(code, "not-granted");
}

#[tokio::test]
async fn a_component_that_imports_what_is_not_served_is_told_so() {
    let answer = "(call $document)";
    let import = |function: &str| {
        let imports = format!(
            "(import \"launchpad:plugin/host@1.4.0\" (instance (export \"{function}\" (func (param \"a\" u32)))))"
        );
        crate::components::component(&imports, answer, ANSWER, "(param \"ctx\" string)")
    };
    let plugins = Plugins::new()
        .component("newer", &import("now-ms"))
        .component("misshapen", &import("kv-get"));
    let host = PluginHost::load(setup(plugins.sources())).await;
    let told: Vec<_> = host
        .failures()
        .iter()
        .map(|failure| failure.error.to_string())
        .collect();
    assert!(
        told.iter().any(|told| told.contains("needs `now-ms` of")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|told| told.contains("as (u32); it is (string) -> result")),
        "{told:?}"
    );
}
