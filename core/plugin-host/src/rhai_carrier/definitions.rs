//! What scripts may use, in the words of editors.

use super::engine;

/// Functions that are switched off, and that an editor should not offer.
const SWITCHED_OFF: &[&str] = &["fn eval(", "fn sleep("];

/// A definitions file of the real interpreter.
pub(crate) fn definitions() -> String {
    let written = engine::build().definitions().single_file();
    let kept = written
        .split("\n\n")
        .filter(|block| !SWITCHED_OFF.iter().any(|function| block.contains(function)));
    let blocks: Vec<String> = kept.map(readable).collect();
    blocks.join("\n\n")
}

/// The library writes a result, and nothing, as no editor can read them.
fn readable(block: &str) -> String {
    block.replace("-> EvalAltResult>>", "-> ?").replace(" -> ;", ";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_functions_are_there_and_what_is_switched_off_is_not() {
        let text = definitions();
        for function in [
            "fn log(_: string, _: string);",
            "fn http_fetch(_: map) -> ?;",
            "fn push(",
        ] {
            assert!(text.contains(function), "{function}");
        }
        assert!(!text.contains("fn eval(") && !text.contains("fn sleep("));
        assert!(!text.contains("EvalAltResult") && !text.contains("-> ;"));
    }
}
