//! What only a cluster can fail with.

use executor::TaskError;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Why a task has no result that has nothing to do with the task: the network, the servers, the hosts.
///
/// It comes as [`TaskError::Backend`].
///
/// ```
/// use cluster::Failure;
/// use executor::TaskError;
///
/// fn is_worth_another_try(error: &TaskError) -> bool {
///     matches!(Failure::of(error), Some(Failure::EngineAway { .. }))
/// }
/// # assert!(!is_worth_another_try(&TaskError::Cancelled));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// So many hosts were lost while they ran the task, and nothing beside it, that it is not given to another one.
    HostsLost {
        /// How often a host has begun it with nothing beside it.
        deliveries: u32,
        /// Hosts that fell silent since it was sent, by name.
        silent: Vec<String>,
    },
    /// The argument or the result is longer than `payload_max`, or than the servers take.
    PayloadTooLarge {
        /// Which of the two, and of which type.
        what: String,
        /// Its length, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The servers were away for longer than `away_max`. Whether the task has run is not known.
    EngineAway {
        /// For how long.
        after: Duration,
        /// What was last heard of them.
        cause: String,
    },
}

impl Failure {
    /// What a task failed with, if it is a cluster's own kind of failure.
    pub fn of(error: &TaskError) -> Option<&Failure> {
        match error {
            TaskError::Backend { source } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<Failure> for TaskError {
    fn from(failure: Failure) -> TaskError {
        TaskError::Backend { source: Box::new(failure) }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Failure::HostsLost { deliveries, silent } => {
                write!(
                    f,
                    "the task ran alone on a host {deliveries} times, and no answer came"
                )?;
                if !silent.is_empty() {
                    write!(f, "; silent since then: {}", silent.join(", "))?;
                }
                f.write_str("; look whether it ends its host, or raise `max_deliver`")
            }
            Failure::PayloadTooLarge { what, bytes, limit } => write!(
                f,
                "{what} has {bytes} bytes, and {limit} travel: send the name of a file that all hosts see, or raise `payload_max`"
            ),
            Failure::EngineAway { after, cause } => write!(
                f,
                "the servers were away for {:.1} s ({cause}): the task may have run or not; submit it again when they are back, or raise `away_max`",
                after.as_secs_f64()
            ),
        }
    }
}

impl Error for Failure {}

/// Why there is no cluster, or no host.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody answers at the address.
    Unreachable {
        /// The servers' addresses, without passwords.
        servers: String,
        /// What the system said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server does not let this program in.
    Refused {
        /// The servers' addresses, without passwords.
        servers: String,
        /// What the server said.
        message: String,
    },
    /// The server and this program do not agree on TLS.
    Tls {
        /// The servers' addresses, without passwords.
        servers: String,
        /// What one of them said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server keeps no streams.
    NoJetStream {
        /// What the server said.
        message: String,
    },
    /// The other side runs another executable.
    OtherBuild {
        /// The pool's name.
        pool: String,
        /// What the others run.
        theirs: String,
        /// What this process runs.
        ours: String,
    },
    /// An option that makes no sense.
    Invalid {
        /// Its name.
        option: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The server could not do what a cluster needs.
    Engine {
        /// What was asked of it.
        call: &'static str,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The pool of this host could not be built, or gave up.
    Pool(executor::PoolError),
}

impl Display for ConnectError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Unreachable { servers, source } => write!(
                f,
                "no NATS server answers at {servers} ({source}): start one there, for example `nats-server -js`"
            ),
            ConnectError::Refused { servers, message } => write!(
                f,
                "the server at {servers} refuses this program ({message}): look at the name, the password, the credentials"
            ),
            ConnectError::Tls { servers, source } => write!(
                f,
                "no TLS with the server at {servers} ({source}): look at who vouches for the server (`tls_ca`), and whether it wants a certificate of this program (`tls_identity`)"
            ),
            ConnectError::NoJetStream { message } => write!(
                f,
                "the server keeps no streams ({message}): start it with `-js`, or allow JetStream for this account"
            ),
            ConnectError::OtherBuild { pool, theirs, ours } => write!(
                f,
                "pool {pool:?} is of another executable: theirs is {theirs}, this is {ours}; run the same file everywhere, or give this one another pool's name"
            ),
            ConnectError::Invalid { option, message } => write!(f, "`{option}`: {message}"),
            ConnectError::Engine { call, source } => write!(f, "{call}: {source}"),
            ConnectError::Pool(error) => write!(f, "the pool of this host: {error}"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ConnectError::Unreachable { source, .. }
            | ConnectError::Tls { source, .. }
            | ConnectError::Engine { source, .. } => Some(&**source),
            ConnectError::Pool(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_found_again_in_a_task_error() {
        let failure = Failure::HostsLost { deliveries: 6, silent: vec!["node7".into()] };
        let error = TaskError::from(failure.clone());
        assert_eq!(Failure::of(&error), Some(&failure));
        assert!(error.to_string().contains("silent since then: node7"), "{error}");
        assert_eq!(Failure::of(&TaskError::Cancelled), None);
    }
}
