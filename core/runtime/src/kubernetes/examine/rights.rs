//! Whether the portal's account may do all that the runtime does, and which of it it may not.

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use launchpad_domain::{Finding, RuntimeError};

use super::super::access::Access;
use super::not_seen;

/// A kind of objects, and what the runtime does with it. The shipped role says the same; a test compares them.
struct Right {
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
}

const RIGHTS: &[Right] = &[
    Right {
        group: "",
        resource: "pods",
        verbs: &["create", "delete", "get", "list", "patch", "watch"],
    },
    Right {
        group: "",
        resource: "persistentvolumeclaims",
        verbs: &["create", "delete", "get", "list", "patch"],
    },
    Right {
        group: "",
        resource: "events",
        verbs: &["list", "watch"],
    },
    Right {
        group: "",
        resource: "resourcequotas",
        verbs: &["list"],
    },
    Right {
        group: "networking.k8s.io",
        resource: "networkpolicies",
        verbs: &["create", "patch"],
    },
];

/// The rights that the account lacks, in words.
///
/// # Errors
/// The API server does not answer.
pub(in super::super) async fn lacking(access: &Access) -> Result<Vec<String>, RuntimeError> {
    let reviews: Api<SelfSubjectAccessReview> = access.everywhere().await?;
    let asked = RIGHTS
        .iter()
        .flat_map(|right| right.verbs.iter().map(move |verb| (right, *verb)));
    let answers = join_all(asked.map(|(right, verb)| {
        let reviews = reviews.clone();
        async move {
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(ResourceAttributes {
                        namespace: Some(access.namespace().to_owned()),
                        group: Some(right.group.to_owned()),
                        resource: Some(right.resource.to_owned()),
                        verb: Some(verb.to_owned()),
                        ..ResourceAttributes::default()
                    }),
                    ..SelfSubjectAccessReviewSpec::default()
                },
                ..SelfSubjectAccessReview::default()
            };
            let answer = access
                .call(reviews.create(&PostParams::default(), &review))
                .await?;
            let allowed = answer.status.is_some_and(|status| status.allowed);
            Ok::<_, RuntimeError>((!allowed).then(|| format!("{verb} {}", right.resource)))
        }
    }))
    .await;
    let lacking: Result<Vec<_>, RuntimeError> = answers.into_iter().collect();
    Ok(lacking?.into_iter().flatten().collect())
}

pub(super) async fn examine(access: &Access) -> Finding {
    match lacking(access).await {
        Ok(lacking) if lacking.is_empty() => Finding::ok("rights", "everything that sessions need"),
        Ok(lacking) => Finding::wrong(
            "rights",
            format!("the portal's account may not {}", lacking.join(", ")),
            format!(
                "kubectl --namespace {} apply --filename deploy/kubernetes/base/rights.yaml",
                access.namespace()
            ),
        ),
        Err(error) => not_seen("rights", &error, access.namespace()),
    }
}
