//! Holds the author's guide, `plugins/README.md`, to what this crate enforces.

use launchpad_domain::SessionEvent;

use crate::call::Hook;
use crate::limits::{
    CALLS, CALLS_PER_PLUGIN, FETCHES, Limits, MAX_ANSWER, MAX_COMPONENT, MAX_CONTEXT, MAX_DEPTH, MAX_KEY,
    MAX_LOG_LINE, MAX_LOG_LINES, MAX_SCRIPT, MAX_VALUE, QUEUE,
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
    let limits = Limits::default();
    let kib = |bytes: usize| bytes / 1_024;
    assert_eq!(MAX_CONTEXT, MAX_ANSWER);
    for words in [
        format!(
            "| computing time, waits not counted | {} ms |",
            limits.cpu.as_millis()
        ),
        format!("| time from start to end | {} s;", limits.wall.as_secs()),
        format!("| memory | {} MiB |", kib(kib(limits.memory))),
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
            "| its file | {} MiB | {} KiB |",
            kib(kib(MAX_COMPONENT)),
            kib(MAX_SCRIPT)
        ),
    ] {
        told(&words);
    }
}
