//! Holds the author's guide, `plugins/README.md`, to what this crate enforces.

use launchpad_domain::SessionEvent;

use crate::call::Hook;
use crate::limits::{
    CALLS, CALLS_PER_PLUGIN, Ceiling, FETCHES, MAX_ANSWER, MAX_COMPONENT, MAX_CONTEXT, MAX_CPU, MAX_DEPTH,
    MAX_KEY, MAX_LOG_LINE, MAX_LOG_LINES, MAX_MEMORY, MAX_SCRIPT, MAX_VALUE, MAX_WALL, QUEUE,
};

const GUIDE: &str = include_str!("../../../plugins/README.md");

fn told(words: &str) {
    assert!(
        GUIDE.contains(words),
        "plugins/README.md does not tell of `{words}`"
    );
}

#[test]
fn it_tells_of_every_hook_event_and_host_function() {
    for hook in Hook::ALL {
        told(&format!("| `{}` |", hook.name()));
    }
    for event in SessionEvent::ALL {
        told(&format!("`{}`", event.as_str()));
    }
    for function in crate::wasm::functions() {
        told(&format!("`{}(", function.replace('-', "_")));
    }
}

#[test]
fn its_figures_are_those_that_are_enforced() {
    let limits = Ceiling::default();
    let kib = |bytes: usize| bytes / 1_024;
    assert_eq!(MAX_CONTEXT, MAX_ANSWER);
    for words in [
        format!(
            "| computing time, waits not counted | {} ms |",
            limits.cpu.as_millis()
        ),
        format!("| time from start to end | {} s;", limits.wall.as_secs()),
        format!(
            "| memory | {} MiB, tables of 20,000 elements |",
            kib(kib(limits.memory))
        ),
        format!("`plugins.limits.cpu_ms` (to {})", MAX_CPU.as_millis()),
        format!("`plugins.limits.wall_ms` (to {})", MAX_WALL.as_millis()),
        format!("`plugins.limits.memory_mib` (to {})", kib(kib(MAX_MEMORY))),
        format!(
            "| context and answer | {} KiB each, nested {MAX_DEPTH} deep |",
            kib(MAX_ANSWER)
        ),
        format!("| log | {MAX_LOG_LINES} lines of {} KiB |", kib(MAX_LOG_LINE)),
        format!(
            "| kept values | {} KiB each, names of {MAX_KEY} bytes |",
            kib(MAX_VALUE)
        ),
        format!("| fetches | {FETCHES}, each 3 s and 1 MiB |"),
        format!(
            "| calls at one time | {CALLS_PER_PLUGIN} of one plugin, {CALLS} in all; one waits {} s",
            QUEUE.as_secs()
        ),
        format!(
            "| its file | {} MiB, compiled within {} s beside everything else | {} KiB, 128 functions |",
            kib(kib(MAX_COMPONENT)),
            limits.compiling.as_secs(),
            kib(MAX_SCRIPT)
        ),
    ] {
        told(&words);
    }
}
