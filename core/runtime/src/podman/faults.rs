//! What Podman's complaints mean to a person.

use launchpad_domain::{Failure, Reason, RuntimeError};

/// A complaint while a workload was being made.
pub(super) fn refusal(complaint: &str, otherwise: Reason) -> RuntimeError {
    RuntimeError::Refused(Failure::new(reason(complaint).unwrap_or(otherwise), complaint))
}

fn reason(complaint: &str) -> Option<Reason> {
    const KNOWN: &[(Reason, &[&str])] = &[
        (
            Reason::DiskFull,
            &["no space left on device", "disk quota exceeded"],
        ),
        (
            Reason::ImageMissing,
            &[
                "image not known",
                "manifest unknown",
                "name unknown",
                "repository name not known",
                "short-name",
            ],
        ),
    ];
    let complaint = complaint.to_ascii_lowercase();
    let told = |texts: &&[&str]| texts.iter().any(|text| complaint.contains(text));
    KNOWN
        .iter()
        .find(|(_, texts)| told(texts))
        .map(|(reason, _)| *reason)
}

/// Whether the port that was chosen has been taken by somebody else in the meantime.
pub(super) fn is_port_taken(complaint: &str) -> bool {
    complaint.contains("address already in use") || complaint.contains("port is already allocated")
}

/// Whether something of that name exists already.
pub(super) fn is_taken_name(complaint: &str) -> bool {
    complaint.contains("already exists") || complaint.contains("is already in use")
}

/// Why a container that has ended did so.
pub(super) fn exit(container: &str, code: i64) -> Failure {
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

    fn reason_of(complaint: &str) -> Reason {
        match refusal(complaint, Reason::EngineRefused) {
            RuntimeError::Refused(failure) => failure.reason,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn complaints_have_reasons() {
        let quota = "Error: writing blob: write /var/lib/containers/storage/x: Disk quota exceeded";
        assert_eq!(reason_of(quota), Reason::DiskFull);
        assert_eq!(
            reason_of("Error: localhost/nope:1: image not known"),
            Reason::ImageMissing
        );
        assert_eq!(reason_of("Error: something new"), Reason::EngineRefused);
    }

    #[test]
    fn exit_codes_are_explained() {
        assert_eq!(exit("app", 137).reason, Reason::OutOfMemory);
        assert_eq!(exit("app", 0).reason, Reason::Exited);
        assert!(exit("app", 127).detail.contains("not found"));
    }
}
