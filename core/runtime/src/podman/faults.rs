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

/// Whether what was asked about is not there (any more).
pub(super) fn is_gone(complaint: &str) -> bool {
    ["no such volume", "no such pod", "no such container"]
        .iter()
        .any(|text| complaint.contains(text))
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
}
