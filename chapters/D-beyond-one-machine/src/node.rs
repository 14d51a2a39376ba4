//! A host's agent: pulls chunks of tasks, runs them in this machine's own pool, and answers.
//!
//! Owner: one thread owns the connection and the table of what the host holds; each chunk that it holds has a
//! thread that hands its tasks to the pool and waits for them.
//!
//! Invariant: a chunk is acknowledged after its last answer was published, on the same connection. Until then the host
//! says three times in `ack_wait` that it is at work, and if it falls silent the server gives the chunk to another host.
//!
//! # References
//! The documentation of NATS, "Pull consumers" and ADR-13 (the protocol of a pull).

mod agent;
mod answer;
mod hold;
mod pull;
mod run;

use crate::error::ConnectError;
use crate::options::Access;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

/// What a host is and whom it works for.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The servers, as for [`Cluster::connect`](crate::Cluster::connect).
    pub servers: String,
    /// The pool's name. Default: `default`.
    pub pool: String,
    /// How one gets in.
    pub access: Access,
    /// How many workers. Default: as many as suit work that computes.
    pub workers: Option<usize>,
    /// What the host is called. Default: the machine's name.
    pub name: Option<String>,
}

impl NodeOptions {
    /// A host for the servers, with the defaults.
    pub fn new(servers: impl Into<String>) -> NodeOptions {
        NodeOptions {
            servers: servers.into(),
            pool: "default".into(),
            access: Access::default(),
            workers: None,
            name: None,
        }
    }
}

/// Works for the pool until a signal ends it: `SIGTERM` or `SIGINT` once lets it finish what it has begun, a second one
/// gives all of that back at once.
///
/// [`procpool::init`] must have run, as for every pool. Call it before the program has threads.
///
/// # Errors
/// As for [`Cluster::connect`](crate::Cluster::connect); and when the host's own pool cannot be built or gives up.
pub fn serve(options: NodeOptions) -> Result<(), ConnectError> {
    agent::serve(options)
}

/// What tells a program that it is to be an agent, and how.
const SERVERS: &str = "CLUSTER_NODE";
const POOL: &str = "CLUSTER_NODE_POOL";
const WORKERS: &str = "CLUSTER_NODE_WORKERS";
const NAME: &str = "CLUSTER_NODE_NAME";
const USER: &str = "CLUSTER_NODE_USER";
const PASSWORD: &str = "CLUSTER_NODE_PASSWORD";
const TOKEN: &str = "CLUSTER_NODE_TOKEN";
const CREDENTIALS: &str = "CLUSTER_NODE_CREDENTIALS";
const TLS_CA: &str = "CLUSTER_NODE_TLS_CA";
const TLS_CERT: &str = "CLUSTER_NODE_TLS_CERT";
const TLS_KEY: &str = "CLUSTER_NODE_TLS_KEY";
const TLS: &str = "CLUSTER_NODE_TLS";

impl NodeOptions {
    /// The environment in which a program that reaches [`Cluster::connect`](crate::Cluster::connect) or [`init`] becomes
    /// an agent. It holds the password, if there is one, as environments do: for the same user and for root.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.display().to_string();
        let access = &self.access;
        let identity = access.tls_identity.as_ref();
        let all = [
            (SERVERS, Some(self.servers.clone())),
            (POOL, Some(self.pool.clone())),
            (WORKERS, self.workers.map(|workers| workers.to_string())),
            (NAME, self.name.clone()),
            (USER, access.user.as_ref().map(|(user, _)| user.clone())),
            (PASSWORD, access.user.as_ref().map(|(_, password)| password.clone())),
            (TOKEN, access.token.clone()),
            (CREDENTIALS, access.credentials.as_ref().map(path)),
            (TLS_CA, access.tls_ca.as_ref().map(path)),
            (TLS_CERT, identity.map(|(certificate, _)| path(certificate))),
            (TLS_KEY, identity.map(|(_, key)| path(key))),
            (TLS, access.tls_required.then(|| "1".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The options that a lookup of the environment gives; `None` if it asks for no agent.
    fn from_environment(
        look_up: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Option<NodeOptions>, ConnectError> {
        let Some(servers) = look_up(SERVERS) else { return Ok(None) };
        let mut options = NodeOptions::new(servers);
        options.pool = look_up(POOL).unwrap_or(options.pool);
        options.name = look_up(NAME);
        if let Some(workers) = look_up(WORKERS) {
            options.workers = Some(workers.parse().map_err(|_| ConnectError::Invalid {
                option: WORKERS,
                message: format!("{workers:?} is no number of workers"),
            })?);
        }
        options.access = Access {
            user: look_up(USER).map(|user| (user, look_up(PASSWORD).unwrap_or_default())),
            token: look_up(TOKEN),
            credentials: look_up(CREDENTIALS).map(PathBuf::from),
            tls_ca: look_up(TLS_CA).map(PathBuf::from),
            tls_identity: look_up(TLS_CERT).map(|certificate| {
                (certificate.into(), look_up(TLS_KEY).unwrap_or_default().into())
            }),
            tls_required: look_up(TLS).is_some(),
        };
        Ok(Some(options))
    }
}

/// The first line of `main` in a program that does much before it connects: in place of [`procpool::init`], which it
/// calls. A process that [`environment`](NodeOptions::environment) asks to be an agent is one from here on.
pub fn init() {
    procpool::init();
    become_one_if_asked();
}

/// Turns this process into an agent, for good, if its environment says so.
pub(crate) fn become_one_if_asked() {
    let asked = NodeOptions::from_environment(|name| {
        std::env::var_os(name).as_deref().and_then(OsStr::to_str).map(str::to_owned)
    });
    let served = match asked {
        Ok(None) => return,
        Ok(Some(options)) => serve(options),
        Err(error) => Err(error),
    };
    // What the program would do now is its caller's.
    std::process::exit(report(served));
}

/// Says why an agent ended, if it was not asked to; the exit status.
pub(crate) fn report(served: Result<(), ConnectError>) -> i32 {
    match served {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("cluster node: {error}");
            2
        }
    }
}

/// As [`serve`], with the error printed, for a `main`.
pub fn run(options: NodeOptions) -> ExitCode {
    ExitCode::from(u8::try_from(report(serve(options))).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn options_travel_through_the_environment() {
        let mut options = NodeOptions::new("nats://a:4222");
        options.workers = Some(3);
        options.pool = "night".into();
        options.access.user = Some(("ann".into(), "hunter2".into()));
        options.access.tls_identity = Some(("c.pem".into(), "k.pem".into()));
        options.access.tls_required = true;
        let environment: HashMap<_, _> = options.environment().into_iter().collect();
        let read = NodeOptions::from_environment(|name| environment.get(name).cloned());
        let read = read.unwrap().unwrap();
        assert_eq!(read.environment(), options.environment());
        assert!(NodeOptions::from_environment(|_| None).unwrap().is_none());
        let workers = |name| Some(if name == WORKERS { "many".into() } else { "x".into() });
        let refused = NodeOptions::from_environment(workers).unwrap_err().to_string();
        assert!(refused.contains("\"many\""), "{refused}");
    }
}
