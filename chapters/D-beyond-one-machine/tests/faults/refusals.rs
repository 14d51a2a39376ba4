//! Who is not let in, and what they are told.

use crate::rounds::Case;
use crate::scene::{own_path, start_agent, start_agent_with};
use cluster::lab::{self, At, Lab, LabOptions};
use cluster::node::NodeOptions;
use cluster::{Access, Cluster, ClusterOptions, ConnectError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    ("no_server_at_the_start", no_server),
    ("a_wrong_password", wrong_password),
    ("tls_and_a_token", tls),
    ("another_build", another_build),
    ("a_server_without_streams", without_streams),
];

pub(crate) fn connect(url: &str, access: Access) -> Result<Cluster, ConnectError> {
    Cluster::connect(url, ClusterOptions { access, ..ClusterOptions::default() })
}

pub(crate) fn refused(url: &str, access: Access) -> ConnectError {
    connect(url, access).map(drop).expect_err("it must be refused")
}

/// What an agent says that ends at once.
fn agent_says(lab: &Lab, program: &std::path::Path, options: &NodeOptions) -> String {
    let mut agent: Command = lab.command(At::Host(0), program);
    let agent = agent.envs(options.environment()).output().expect("it can be started");
    assert_eq!(agent.status.code(), Some(2), "{agent:?}");
    String::from_utf8_lossy(&agent.stderr).into_owned()
}

pub(crate) fn a_lab(config: &str) -> Lab {
    let options = LabOptions { hosts: 1, servers: 1, config: config.to_owned() };
    Lab::start(lab::enter(), &options).unwrap_or_else(|error| panic!("{error}"))
}

fn no_server() -> String {
    let mut lab = a_lab("");
    lab.kill_server(0);
    let error = refused(&lab.url(At::Caller), Access::default());
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    let said = agent_says(&lab, &own_path(), &NodeOptions::new(lab.url(At::Host(0))));
    assert!(said.contains("no NATS server answers at"), "{said}");
    error.to_string()
}

fn wrong_password() -> String {
    let user = |password: &str| Some(("ann".to_owned(), password.to_owned()));
    let lab = a_lab("authorization { user: ann, password: right }");
    let wrong = || Access { user: user("wrong-one"), ..Access::default() };
    let error = refused(&lab.url(At::Caller), wrong());
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    let options = NodeOptions { access: wrong(), ..NodeOptions::new(lab.url(At::Host(0))) };
    let said = agent_says(&lab, &own_path(), &options);
    assert!(said.contains("refuses this program"), "{said}");
    assert!(!error.to_string().contains("wrong-one") && !said.contains("wrong-one"), "{said}");
    let right = Access { user: user("right"), ..Access::default() };
    drop(connect(&lab.url(At::Caller), right).expect("it is the right one"));
    error.to_string()
}

/// The server and the program each want a certificate of the other, and the server wants a token.
fn tls() -> String {
    let papers = Papers::new();
    let mut lab = a_lab(&papers.config("authorization { token: sesame }"));
    let url = lab.url(At::Caller);
    let right = |token: &str| Access {
        token: Some(token.to_owned()),
        tls_ca: Some(papers.path("ca.pem")),
        tls_identity: Some((papers.path("own.pem"), papers.path("own.key"))),
        tls_required: true,
        ..Access::default()
    };

    let nobody_vouches = refused(&url, Access { tls_ca: None, ..right("sesame") });
    assert!(matches!(nobody_vouches, ConnectError::Tls { .. }), "{nobody_vouches:?}");
    assert!(nobody_vouches.to_string().contains("UnknownIssuer"), "{nobody_vouches}");
    let unknown = refused(&url, Access { tls_identity: None, ..right("sesame") });
    assert!(matches!(unknown, ConnectError::Tls { .. }), "{unknown:?}");
    let missing = Some(papers.path("nowhere.pem"));
    let missing = refused(&url, Access { tls_ca: missing, ..right("sesame") }).to_string();
    assert!(missing.contains("`tls_ca`") && missing.contains("nowhere.pem"), "{missing}");
    let wrong = refused(&url, right("wrong-one"));
    assert!(matches!(wrong, ConnectError::Refused { .. }), "{wrong:?}");

    start_agent_with(&mut lab, 0, right("sesame"));
    let cluster = connect(&url, right("sesame")).expect("all is right");
    assert!(cluster.wait_for_hosts(1, Duration::from_secs(60)), "{}", lab.agent_log(0));
    assert_eq!(cluster.call(|n: u32| n + 1, 1).expect("a host"), 2);
    nobody_vouches.to_string()
}

/// Who one is, on paper: an authority, and one key and certificate that the server and all others share.
struct Papers(tempfile::TempDir);

impl Papers {
    fn new() -> Papers {
        let papers = Papers(tempfile::tempdir().expect("a folder"));
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(authority, key).expect("a certificate");
        papers.write("ca.pem", &authority.pem());
        let own = ["10.77.0.1", "127.0.0.1"].map(str::to_owned).to_vec();
        let own = CertificateParams::new(own).expect("addresses");
        let key = KeyPair::generate().expect("a key");
        papers.write("own.pem", &own.signed_by(&key, &authority).expect("a signature").pem());
        papers.write("own.key", &key.serialize_pem());
        papers
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file in an own folder");
    }

    /// What makes a server ask for them.
    fn config(&self, more: &str) -> String {
        let [ca, own, key] = ["ca.pem", "own.pem", "own.key"].map(|name| self.path(name));
        format!(
            "{more}\ntls {{ cert_file: {own:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}"
        )
    }
}

/// An agent of another executable, and then a caller of another one.
fn another_build() -> String {
    let mut lab = a_lab("");
    let other = std::path::Path::new(env!("CARGO_BIN_EXE_cluster"));
    let url = lab.url(At::Caller);
    let cluster = connect(&url, Access::default()).expect("the first one");
    let options = NodeOptions::new(lab.url(At::Host(0)));
    let mut agent: Command = lab.command(At::Host(0), other);
    let agent = agent.args(["node", &options.servers]).output().expect("it can be started");
    let said = String::from_utf8_lossy(&agent.stderr).into_owned();
    assert_eq!(agent.status.code(), Some(2), "{said}");
    assert!(said.contains("is of another executable: theirs is faults"), "{said}");
    // While one of its hosts is there, the pool cannot be taken over.
    start_agent(&mut lab, 0);
    assert!(cluster.wait_for_hosts(1, Duration::from_secs(60)), "{}", lab.agent_log(0));
    assert_eq!(cluster.call(|n: u32| n + 1, 1).expect("a host"), 2);
    drop(cluster);
    let count = |program: &std::path::Path| {
        let mut caller: Command = lab.command(At::Caller, program);
        caller.args(["ping", &url]).output().expect("it can be started")
    };
    let caller = count(other);
    let said_to_caller = String::from_utf8_lossy(&caller.stderr).into_owned();
    assert_eq!(caller.status.code(), Some(2), "{said_to_caller}");
    assert!(said_to_caller.contains("is of another executable"), "{said_to_caller}");
    // When they are gone, it can.
    lab.kill(0);
    let taken_over = (0..60).any(|_| {
        std::thread::sleep(Duration::from_millis(500));
        let mut caller: Command = lab.command(At::Caller, other);
        caller.args(["ping", &url]).output().is_ok_and(|it| it.status.success())
    });
    assert!(taken_over, "the pool cannot be taken over");
    said.trim().to_owned()
}

fn without_streams() -> String {
    // A server of its own, without `-js`.
    let lab = a_lab("");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let mut server = lab::server_program()
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it is installed");
    let url = format!("nats://127.0.0.1:{port}");
    let due = std::time::Instant::now() + Duration::from_secs(30);
    let error = loop {
        match refused(&url, Access::default()) {
            ConnectError::Unreachable { .. } if std::time::Instant::now() < due => {
                std::thread::sleep(Duration::from_millis(50));
            }
            error => break error,
        }
    };
    let _ = server.kill();
    let _ = server.wait();
    drop(lab);
    assert!(matches!(error, ConnectError::NoJetStream { .. }), "{error:?}");
    error.to_string()
}
