//! Who is let in by a file of credentials: signed by an account that the server's operator has signed.

use crate::refusals::{a_lab, connect, refused};
use crate::rounds::Case;
use crate::scene::start_agent_with;
use cluster::lab::At;
use cluster::{Access, ConnectError};
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[("credentials", credentials)];

fn credentials() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (operator, account, stranger) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let write = |name: &str, account: &KeyPair| {
        let path = folder.path().join(name);
        std::fs::write(&path, of_user(account)).expect("a file in an own folder");
        access(path)
    };
    let (callers, agents) = (write("caller.creds", &account), write("agent.creds", &account));
    let strangers = write("stranger.creds", &stranger);

    let mut lab = a_lab(&config(&operator, &account));
    let url = lab.url(At::Caller);
    let missing = refused(&url, access(folder.path().join("nowhere.creds"))).to_string();
    assert!(
        missing.contains("`credentials`") && missing.contains("nowhere.creds"),
        "{missing}"
    );
    for wrong in [strangers, Access::default()] {
        let error = refused(&url, wrong);
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    }
    start_agent_with(&mut lab, 0, agents);
    let cluster = connect(&url, callers).expect("all is right");
    assert!(cluster.wait_for_hosts(1, Duration::from_secs(60)), "{}", lab.agent_log(0));
    assert_eq!(cluster.call(|n: u32| n + 1, 1).expect("a host"), 2);
    missing
}

fn access(credentials: PathBuf) -> Access {
    Access { credentials: Some(credentials), ..Access::default() }
}

/// The lines of a server that lets in the users of this account of this operator.
fn config(operator: &KeyPair, account: &KeyPair) -> String {
    // JetStream wants an account of the server's own, which must have no streams.
    let system = KeyPair::new_account();
    let of_operator = signed(operator, operator, json!({ "type": "operator", "version": 2 }));
    let preload = [(&system, 0), (account, -1)].map(|(account, streams)| {
        let token = signed(operator, account, of_account(streams));
        format!("{}: {token}", account.public_key())
    });
    format!(
        "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {} }}",
        system.public_key(),
        preload.join("\n")
    )
}

/// What an operator says of an account that may do everything, but have only so many streams; -1 is no limit.
fn of_account(streams: i32) -> Value {
    json!({ "type": "account", "version": 2, "limits": {
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": streams, "disk_storage": streams, "streams": streams, "consumer": streams,
    }})
}

/// What `nsc generate creds` writes for a new user of the account.
fn of_user(account: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let token = signed(account, &user, claims);
    let seed = user.seed().expect("an own key has one");
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// A JWT in which one says something of another.
fn signed(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let encoded = |part: Value| BASE64URL_NOPAD.encode(part.to_string().as_bytes());
    let head = encoded(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let body = encoded(json!({
        "jti": subject.public_key(), "iat": 1, "name": "test",
        "iss": issuer.public_key(), "sub": subject.public_key(), "nats": claims,
    }));
    let said = format!("{head}.{body}");
    let signature = issuer.sign(said.as_bytes()).expect("the issuer has a seed");
    format!("{said}.{}", BASE64URL_NOPAD.encode(&signature))
}
