//! The way to the API server: a client that is made when it is first needed, and calls bounded in time and number.

use std::fmt;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::config::KubeConfigOptions;
use kube::{Api, Client, Config, Resource};
use launchpad_domain::RuntimeError;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::faults::Fault;
use super::view::PodView;

/// How long a call may take. An API server that is busy answers within this, or says that it is.
const CALL: Duration = Duration::from_secs(10);
/// How long the question may take whether it is there: somebody waits for the answer.
pub(super) const CHECK: Duration = Duration::from_secs(2);
/// How long a watch may say nothing at all; the API server is asked to end each sooner than this.
const SILENCE: Duration = Duration::from_secs(35);
/// Calls at one time. Each has a connection of its own; more of them only wait at the other end.
const AT_ONCE: usize = 32;

/// One namespace of one cluster.
pub(super) struct Access {
    namespace: String,
    cluster: OnceCell<Cluster>,
    calls: Semaphore,
}

/// The cluster, as far as a file or the pod's own account tells of it.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    /// For what is open as long as there is something to tell.
    watching: Client,
    /// The namespace of the portal's own pod, where it is one.
    pub(super) home: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({})", self.namespace)
    }
}

impl Access {
    pub(super) fn new(namespace: String) -> Self {
        Self {
            namespace,
            cluster: OnceCell::new(),
            calls: Semaphore::new(AT_ONCE),
        }
    }

    /// The client. Made anew at the next call where there is no way to make one yet.
    pub(super) async fn cluster(&self) -> Result<&Cluster, RuntimeError> {
        self.cluster.get_or_try_init(find_cluster).await
    }

    /// The namespace.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A kind of objects that belong to no namespace.
    pub(super) async fn everywhere<K>(&self) -> Result<Api<K>, RuntimeError>
    where
        K: Resource,
        K::DynamicType: Default,
    {
        Ok(Api::all(self.cluster().await?.client.clone()))
    }

    /// A kind of objects of the namespace.
    pub(super) async fn api<K>(&self) -> Result<Api<K>, RuntimeError>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        let client = self.cluster().await?.client.clone();
        Ok(Api::namespaced(client, &self.namespace))
    }

    /// The same, to be watched: silence ends such a call, and it is not tried again by itself.
    pub(super) async fn watched<K>(&self) -> Result<Api<K>, RuntimeError>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        let client = self.cluster().await?.watching.clone();
        Ok(Api::namespaced(client, &self.namespace))
    }

    /// The pods of the namespace.
    pub(super) async fn pods(&self) -> Result<Api<PodView>, RuntimeError> {
        self.api().await
    }

    /// Makes a call, when there is room for it.
    pub(super) async fn call<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, Fault> {
        // The semaphore is never closed.
        let _permit = self.calls.acquire().await;
        bounded(CALL, request).await
    }

    /// Asks whether the API server is there, however many calls are under way.
    pub(super) async fn version(&self) -> Result<String, RuntimeError> {
        let client = self.cluster().await?.client.clone();
        let version = bounded(CHECK, client.apiserver_version()).await?;
        Ok(version.git_version)
    }
}

async fn bounded<T>(limit: Duration, request: impl Future<Output = kube::Result<T>>) -> Result<T, Fault> {
    match timeout(limit, request).await {
        Ok(answer) => answer.map_err(Fault::from),
        Err(_) => Err(Fault::Away(format!(
            "the API server did not answer within {} s",
            limit.as_secs()
        ))),
    }
}

/// By a kubeconfig, else by the account of the pod that this program runs in.
async fn find_cluster() -> Result<Cluster, RuntimeError> {
    let (config, home) = match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => (config, None),
        Err(kubeconfig) => match Config::incluster() {
            Ok(config) => {
                let home = config.default_namespace.clone();
                (config, Some(home))
            }
            Err(account) => {
                return Err(RuntimeError::Away(format!(
                    "no kubeconfig ({kubeconfig}), and no account of a pod ({account})"
                )));
            }
        },
    };
    let mut watching = config.clone();
    watching.default_retry = false;
    watching.read_timeout = Some(SILENCE);
    watching.reset_reader_on_write = true;
    Ok(Cluster {
        client: client(config)?,
        watching: client(watching)?,
        home,
    })
}

fn client(config: Config) -> Result<Client, RuntimeError> {
    Client::try_from(config)
        .map_err(|error| RuntimeError::Away(format!("the kubeconfig cannot be used: {error}")))
}
