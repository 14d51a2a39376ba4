//! How a cluster is reached, and how patient it is.

use crate::error::ConnectError;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Options of [`Cluster::connect`](crate::Cluster::connect).
///
/// ```
/// use cluster::{ClusterOptions, Storage};
/// use std::time::Duration;
///
/// let options = ClusterOptions {
///     pool: "night-run".into(),
///     replicas: 3,
///     storage: Storage::File,
///     ack_wait: Duration::from_secs(10),
///     ..ClusterOptions::default()
/// };
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The pool's name, 1 to 32 of `A-Z a-z 0-9 - _`. Callers and hosts that give the same name work together. Default:
    /// `default`.
    pub pool: String,
    /// How one gets in.
    pub access: Access,
    /// A host that has not been heard of for so long has lost its tasks; they go to others. At least 1 s; default 2 s.
    /// Hosts say three times in this time that they are still at it, however long a task takes.
    pub ack_wait: Duration,
    /// How many hosts may be lost with a chunk of tasks. Then each of its tasks runs alone, one after the other, on a host
    /// that runs nothing else meanwhile, and one that is alone when so many more are lost fails. So a task that ends its
    /// host ends twice as many, and no other task fails with it. Default 5.
    pub max_deliver: u32,
    /// How many servers keep each task: 1 to 5, and not more than there are. Default 1.
    pub replicas: usize,
    /// Where the servers keep tasks. Default: in memory.
    pub storage: Storage,
    /// How long the servers may be away before the tasks that are owed fail. Default 60 s.
    pub away_max: Duration,
    /// The longest argument or result, in bytes. What does not fit a message goes through the servers' object store.
    /// Default 256 MiB.
    pub payload_max: usize,
    /// How many tasks may wait before `submit` waits. Default 1,048,576.
    pub queue_limit: usize,
    /// How long a task may run; its host's pool kills the worker then. Default: for ever.
    pub task_timeout: Option<Duration>,
    /// How often a task whose worker died is run again. Default 0.
    pub retries: u32,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions {
            pool: "default".into(),
            access: Access::default(),
            ack_wait: Duration::from_secs(2),
            max_deliver: 5,
            replicas: 1,
            storage: Storage::Memory,
            away_max: Duration::from_secs(60),
            payload_max: 256 << 20,
            queue_limit: 1 << 20,
            task_timeout: None,
            retries: 0,
        }
    }
}

impl ClusterOptions {
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let invalid = |option, message: &str| {
            Err(ConnectError::Invalid { option, message: message.to_owned() })
        };
        if self.ack_wait < Duration::from_secs(1) {
            return invalid(
                "ack_wait",
                "less than 1 s: a busy host would be taken for a lost one",
            );
        }
        if self.max_deliver == 0 {
            return invalid("max_deliver", "0: no host would run anything; 1 is the least");
        }
        if !(1..=5).contains(&self.replicas) {
            return invalid("replicas", "not 1 to 5");
        }
        if self.queue_limit == 0 {
            return invalid("queue_limit", "0: no task could wait");
        }
        Ok(())
    }
}

/// Where the servers keep the tasks that no host has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// In memory. A server that ends forgets them, and the callers send them again.
    #[default]
    Memory,
    /// In files. A server that ends and comes back has nearly all of them; the callers send the rest again.
    File,
}

/// How one gets in: with a password, a token or a file of credentials, over TLS or not. A name and a password can stand in
/// the address as well: `nats://name:password@host`.
#[derive(Clone, Default)]
pub struct Access {
    /// A name and its password.
    pub user: Option<(String, String)>,
    /// A token.
    pub token: Option<String>,
    /// A file with a JWT and its key, as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// A file with the certificates of who may vouch for the servers, in PEM.
    pub tls_ca: Option<PathBuf>,
    /// The own certificate and its key, in PEM.
    pub tls_identity: Option<(PathBuf, PathBuf)>,
    /// Do not go on without TLS.
    pub tls_required: bool,
}

/// Without the secrets.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("token", &self.token.as_ref().map(|_| "..."))
            .field("credentials", &self.credentials)
            .field("tls_ca", &self.tls_ca)
            .field(
                "tls_identity",
                &self.tls_identity.as_ref().map(|(certificate, _)| certificate),
            )
            .field("tls_required", &self.tls_required)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        let refused = |options: ClusterOptions| options.check().unwrap_err().to_string();
        let defaults = ClusterOptions::default;
        assert!(defaults().check().is_ok());
        let ack_wait = Duration::from_millis(999);
        assert!(refused(ClusterOptions { ack_wait, ..defaults() }).contains("`ack_wait`"));
        assert!(
            refused(ClusterOptions { max_deliver: 0, ..defaults() }).contains("`max_deliver`")
        );
        assert!(refused(ClusterOptions { replicas: 6, ..defaults() }).contains("`replicas`"));
        assert!(
            refused(ClusterOptions { queue_limit: 0, ..defaults() }).contains("`queue_limit`")
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let access = Access {
            user: Some(("ann".into(), "hunter2".into())),
            token: Some("hunter2".into()),
            ..Access::default()
        };
        let shown = format!("{access:?}");
        assert!(shown.contains("ann") && !shown.contains("hunter2"), "{shown}");
    }
}
