//! What the exit code of a container tells.

use launchpad_domain::{Failure, Reason};

/// Why a container that has ended did so.
pub(crate) fn exit(container: &str, code: i64) -> Failure {
    let (reason, meaning) = match code {
        137 => (
            Reason::OutOfMemory,
            ": it was killed, most likely because it used more memory than its limit allows",
        ),
        0 => (Reason::Exited, ": it ended by itself, without an error"),
        126 => (Reason::Exited, ": its command cannot be executed"),
        127 => (Reason::Exited, ": its command was not found in the image"),
        129..=192 => (Reason::Exited, ": it was ended by a signal"),
        _ => (Reason::Exited, ""),
    };
    Failure::new(
        reason,
        format!("container {container} ended with exit code {code}{meaning}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_explained() {
        assert_eq!(exit("app", 137).reason, Reason::OutOfMemory);
        assert_eq!(exit("app", 0).reason, Reason::Exited);
        assert!(exit("app", 127).detail.contains("not found"));
    }
}
