//! What plugins log really is in the server's log, and no more than may be.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use launchpad_plugin_host::PluginHost;

use crate::components::{ANSWER, with_plan};
use crate::support::{Plugins, patient, plan};

/// The log of this whole test program; scripts log from threads of their own.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn lines_of(plugin: &str) -> Vec<String> {
    let bytes = captured().0.lock().unwrap().clone();
    let named = format!("plugin=\"{plugin} 1.2.0\"");
    let text = String::from_utf8(bytes).unwrap();
    text.lines()
        .filter(|line| line.contains(&named))
        .map(str::to_owned)
        .collect()
}

fn captured() -> &'static Captured {
    static CAPTURED: OnceLock<Captured> = OnceLock::new();
    CAPTURED.get_or_init(|| {
        let captured = Captured::default();
        let writer = captured.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .init();
        captured
    })
}

#[tokio::test]
async fn lines_are_written_with_their_level_and_cannot_forge_another() {
    captured();
    let host = Plugins::new()
        .script(
            "talks",
            "fn plan(ctx) { log(\"warn\", \"one\\n2026 ERROR forged\", #{ user: ctx.user.name }); print(\"two\"); #{} }",
        )
        .component(
            "writes",
            &with_plan(
                "(call $log (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const 9) (i32.const 0) (i32.const 0))
                 (call $document)",
                ANSWER,
            ),
        )
        .load()
        .await;
    plan(&host, "talks").await.unwrap();
    plan(&host, "writes").await.unwrap();
    let lines = lines_of("talks");
    let warned = lines.iter().find(|line| line.contains("WARN")).unwrap();
    assert!(
        warned.contains("one 2026 ERROR forged") && warned.contains("ada"),
        "{warned}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("INFO") && line.contains("two"))
    );
    assert!(lines_of("writes").iter().any(|line| line.contains("{\"schema\"")));
}

#[tokio::test]
async fn a_flood_ends_after_a_hundred_lines_of_bounded_length() {
    captured();
    let flood = "(local $n i32)
        (loop $again
          (call $log (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 9000) (i32.const 0) (i32.const 0))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $n) (i32.const 150))))
        (call $document)";
    let plugins = Plugins::new()
        .script(
            "floods",
            "fn plan(ctx) { for n in 0..150 { log(\"info\", \"line\"); } #{} }",
        )
        .component("pours", &with_plan(flood, ANSWER));
    let host = PluginHost::load(patient(plugins.sources())).await;
    for plugin in ["floods", "pours"] {
        plan(&host, plugin).await.unwrap();
        let lines = lines_of(plugin);
        // The hundred, the one that counts the others, and the one that says the plugin was loaded.
        assert_eq!(lines.len(), 102, "{plugin}");
        assert!(lines.iter().any(|line| line.contains("dropped 50 lines")));
        assert!(lines.iter().all(|line| line.len() < 5_000));
    }
}

#[tokio::test]
async fn a_fault_is_logged_with_its_cause_under_the_reference_that_the_user_sees() {
    captured();
    let host = Plugins::new()
        .script("fails", "fn plan(ctx) {\n  let x = 1;\n  x.nothing()\n}")
        .component("crashes", &with_plan("unreachable", ""))
        .load()
        .await;
    for (plugin, cause) in [("fails", "line 3"), ("crashes", "wasm backtrace")] {
        let (_, message) = crate::support::fault(&host, plugin).await;
        let reference = message
            .split("(ref ")
            .nth(1)
            .unwrap()
            .trim_end_matches(')')
            .to_owned();
        let lines = lines_of(plugin);
        let line = lines.iter().find(|line| line.contains(&reference)).unwrap();
        assert!(line.contains(cause), "{line}");
    }
}
