//! What the API server's refusals mean.

use std::error::Error;

use kube::core::Status;
use launchpad_domain::{Failure, Reason, RuntimeError};

/// Why a call was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// No such object.
    NotFound(String),
    /// Somebody else was faster, or the object is there already.
    Conflict(String),
    /// It will not be done, however often it is asked.
    Refused(Failure),
    /// It may be done later.
    Away(String),
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(&status),
            other => Self::Away(with_causes(&other)),
        }
    }
}

impl Fault {
    fn of_status(status: &Status) -> Self {
        let said = || status.message.clone();
        match status.code {
            404 => Self::NotFound(said()),
            409 => Self::Conflict(said()),
            400 | 422 => Self::Refused(Failure::new(
                rule_of(&status.message).unwrap_or(Reason::EngineRefused),
                &status.message,
            )),
            403 => match rule_of(&status.message) {
                Some(reason) => Self::Refused(Failure::new(reason, &status.message)),
                // A right that is missing may be on its way: an API server that was just started has no roles yet.
                None => Self::Away(said()),
            },
            code => Self::Away(format!("{code}: {}", status.message)),
        }
    }
}

/// The rule of the cluster's administrators that a refusal is about.
fn rule_of(message: &str) -> Option<Reason> {
    const KNOWN: &[(Reason, &[&str])] = &[
        (Reason::OverQuota, &["exceeded quota"]),
        (
            Reason::AdmissionRefused,
            &[
                "violates PodSecurity",
                "admission webhook",
                "ValidatingAdmissionPolicy",
                "denied the request",
                "failed quota",
                "usage per Container",
                "usage per Pod",
                "per PersistentVolumeClaim",
                "limit to request ratio",
            ],
        ),
    ];
    KNOWN
        .iter()
        .find(|(_, texts)| texts.iter().any(|text| message.contains(text)))
        .map(|(reason, _)| *reason)
}

impl From<Fault> for RuntimeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NotFound(message) => Self::Refused(Failure::new(Reason::EngineRefused, message)),
            Fault::Refused(failure) => Self::Refused(failure),
            Fault::Conflict(message) | Fault::Away(message) => Self::Away(message),
        }
    }
}

/// An error with everything under it, once each.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u16, message: &str) -> RuntimeError {
        let status = Status {
            code,
            message: message.to_owned(),
            ..Status::default()
        };
        Fault::from(kube::Error::Api(Box::new(status))).into()
    }

    fn reason(code: u16, message: &str) -> Option<Reason> {
        match fault(code, message) {
            RuntimeError::Refused(failure) => Some(failure.reason),
            RuntimeError::Away(_) | RuntimeError::NoAnswer(_) => None,
        }
    }

    #[test]
    fn refusals_have_reasons_and_what_may_pass_is_tried_again() {
        for (code, message, expected) in [
            (
                403,
                "pods \"x\" is forbidden: exceeded quota: launchpad, requested: pods=1",
                Some(Reason::OverQuota),
            ),
            (
                403,
                "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot",
                Some(Reason::AdmissionRefused),
            ),
            (
                403,
                "pods \"x\" is forbidden: maximum memory usage per Container is 1Gi",
                Some(Reason::AdmissionRefused),
            ),
            (
                400,
                "admission webhook \"images.example\" denied the request: no",
                Some(Reason::AdmissionRefused),
            ),
            (
                422,
                "spec.containers: Required value",
                Some(Reason::EngineRefused),
            ),
            (
                404,
                "namespaces \"launchpad\" not found",
                Some(Reason::EngineRefused),
            ),
            (
                403,
                "pods \"x\" is forbidden: User \"a\" cannot patch resource",
                None,
            ),
            (409, "Operation cannot be fulfilled on resourcequotas", None),
            (500, "etcdserver: request timed out", None),
            (429, "Too many requests", None),
        ] {
            assert_eq!(reason(code, message), expected, "{code} {message}");
        }
    }
}
