//! `cluster node`: an agent of this program, or of another one that it becomes.

use clap::Args;
use cluster::Access;
use cluster::node::{self, NodeOptions};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The password is not in the command line, which everybody on the machine can read.
const PASSWORD: &str = "NATS_PASSWORD";
const TOKEN: &str = "NATS_TOKEN";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The servers, such as nats://host:4222; several with commas in between
    servers: String,
    /// The program whose functions are run, with its arguments: the same file that the caller runs [default: this one]
    #[arg(trailing_var_arg = true)]
    program: Vec<OsString>,
    /// The pool's name
    #[arg(long, default_value = "default")]
    pool: String,
    /// How many workers [default: one for each processor that they may use]
    #[arg(long)]
    workers: Option<std::num::NonZero<u16>>,
    /// What the host is called [default: the machine's name]
    #[arg(long)]
    name: Option<String>,
    /// A user name; the password is taken from the environment, NATS_PASSWORD. A token is taken from NATS_TOKEN
    #[arg(long)]
    user: Option<String>,
    /// A file of credentials, as `nsc` writes it
    #[arg(long)]
    creds: Option<PathBuf>,
    /// Who vouches for the servers, in PEM
    #[arg(long)]
    tls_ca: Option<PathBuf>,
    /// The own certificate, in PEM
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Do not go on without TLS
    #[arg(long)]
    tls: bool,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let secret = |name| std::env::var(name).ok();
    let options = NodeOptions {
        servers: arguments.servers,
        pool: arguments.pool,
        access: Access {
            user: arguments.user.map(|user| (user, secret(PASSWORD).unwrap_or_default())),
            token: secret(TOKEN),
            credentials: arguments.creds,
            tls_ca: arguments.tls_ca,
            tls_identity: arguments.tls_cert.zip(arguments.tls_key),
            tls_required: arguments.tls,
        },
        workers: arguments.workers.map(|workers| workers.get().into()),
        name: arguments.name,
    };
    let Some((program, words)) = arguments.program.split_first() else {
        return node::run(options);
    };
    // Only the program itself can run its functions. It becomes an agent when it connects.
    let error = Command::new(program).args(words).envs(options.environment()).exec();
    eprintln!("cluster node: {}: {error}", program.display());
    ExitCode::from(2)
}
