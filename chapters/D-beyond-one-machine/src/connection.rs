//! The connection to the servers, for callers and hosts alike.
//!
//! async-nats makes it again by itself when it breaks, and subscribes again; what was on its way is lost. The pings are
//! frequent: a cut line is noticed after two of them, and until then everything waits.

use crate::error::ConnectError;
use crate::options::Access;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use std::error::Error;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How often the line is tried.
const PING_EVERY: Duration = Duration::from_secs(1);
/// How long one attempt to connect may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer of the server may take. Without a leader none comes.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connects once. From then on `events` tells of the connection.
pub(crate) async fn connect(
    servers: &str,
    access: &Access,
    name: String,
    events: UnboundedSender<Event>,
) -> Result<Client, ConnectError> {
    let addresses = addresses(servers)?;
    let mut options = ConnectOptions::new()
        .name(name)
        .ping_interval(PING_EVERY)
        .connection_timeout(CONNECT_WITHIN)
        .request_timeout(Some(ANSWER_WITHIN))
        .reconnect_delay_callback(|attempts| {
            PAUSE_MAX.min(Duration::from_millis(100) * attempts.try_into().unwrap_or(10))
        })
        .event_callback(move |event| {
            // Whoever listened may have ended.
            let _ = events.send(event);
            async {}
        });
    if let Some((user, password)) = access.user.clone() {
        options = options.user_and_password(user, password);
    }
    if let Some(token) = access.token.clone() {
        options = options.token(token);
    }
    if let Some(path) = &access.credentials {
        options = options.credentials_file(path).await.map_err(|error| {
            let message = format!("{}: {error}", path.display());
            ConnectError::Invalid { option: "credentials", message }
        })?;
    }
    if let Some(path) = &access.tls_ca {
        readable("tls_ca", path)?;
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &access.tls_identity {
        readable("tls_identity", certificate)?;
        readable("tls_identity", key)?;
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    options = options.require_tls(access.tls_required);
    options.connect(addresses).await.map_err(|error| {
        let servers = shown(servers);
        match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                ConnectError::Refused { servers, message: error.to_string() }
            }
            ConnectErrorKind::ServerParse => {
                ConnectError::Invalid { option: "servers", message: error.to_string() }
            }
            kind if kind == ConnectErrorKind::Tls || is_of_tls(&error) => {
                ConnectError::Tls { servers, source: Box::new(error) }
            }
            _ => ConnectError::Unreachable { servers, source: Box::new(error) },
        }
    })
}

/// async-nats would name no file.
fn readable(option: &'static str, path: &Path) -> Result<(), ConnectError> {
    File::open(path).map(drop).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        ConnectError::Invalid { option, message }
    })
}

/// A handshake that fails is an error of the stream for async-nats: `InvalidData`, around what TLS says.
fn is_of_tls(error: &async_nats::ConnectError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::InvalidData)
}

/// One or several addresses, with commas in between.
fn addresses(servers: &str) -> Result<Vec<ServerAddr>, ConnectError> {
    let parsed: Result<Vec<ServerAddr>, _> =
        servers.split(',').map(|server| server.trim().parse()).collect();
    parsed.map_err(|error: std::io::Error| ConnectError::Invalid {
        option: "servers",
        message: format!(
            "{:?} is no list of addresses such as nats://host:4222: {error}",
            shown(servers)
        ),
    })
}

/// The addresses without what is before an `@`.
pub(crate) fn shown(servers: &str) -> String {
    let without_secret =
        |server: &str| match (server.split_once("://"), server.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            _ => server.to_owned(),
        };
    servers.split(',').map(|server| without_secret(server.trim())).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown("nats://ann:hunter2@a:4222, b:4223"), "nats://a:4222,b:4223");
        assert_eq!(shown("ann:hunter2@a"), "a");
        assert_eq!(addresses("nats://a:4222, nats://b:4223").unwrap().len(), 2);
        let refused = addresses("nats://ann:hunter2@a:port").unwrap_err().to_string();
        assert!(refused.contains("`servers`") && !refused.contains("hunter2"), "{refused}");
    }
}
