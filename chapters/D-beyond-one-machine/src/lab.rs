//! A cluster on one machine, for the demo, the tests and the benches: servers, hosts, and faults.
//!
//! Owner: a [`Lab`] owns every process that it has started, and a temporary folder. Where the system allows it, the
//! program goes into a network of its own ([`enter`]) and each host into one more, with a cable to a switch: then a cable
//! can be pulled. Elsewhere hosts are plain processes, and a cable is a small process in between that is stopped.
//!
//! Invariant: nothing outlives the lab, however its program ends: not a process, not a network, not a file.
//!
//! # References
//! man 7 network_namespaces, man 7 user_namespaces, man 4 veth, man 8 ip-link.

mod network;
mod process;
mod server;

pub use network::{Isolation, enter, init};
pub use server::server_program;

use network::Place;
use process::Process;
use server::{SERVER, Server};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::Command;
use tempfile::TempDir;

/// What a lab consists of.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// How many hosts.
    pub hosts: usize,
    /// How many servers: 1, or 3 that elect a leader.
    pub servers: usize,
    /// More lines for the servers' configuration, such as `authorization { token: sesame }`.
    pub config: String,
}

/// Why there is no lab.
#[derive(Debug)]
pub enum LabError {
    /// There is no `nats-server`.
    NoServer,
    /// Something could not be started.
    Failed {
        /// What.
        what: String,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::NoServer => write!(
                f,
                "there is no `{SERVER}` on this machine: `apt install nats-server`, or https://github.com/nats-io/nats-server/releases"
            ),
            LabError::Failed { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LabError::NoServer => None,
            LabError::Failed { source, .. } => Some(source),
        }
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    let what = what.into();
    |source| LabError::Failed { what, source }
}

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Where the caller is. It has a cable of its own.
    Caller,
    /// A host, from 0.
    Host(usize),
}

/// Servers and hosts that run.
pub struct Lab {
    isolation: Isolation,
    // In the order in which they end: agents, cables, servers, files.
    agents: Vec<Option<Process>>,
    caller: Place,
    hosts: Vec<Place>,
    servers: Vec<Server>,
    folder: TempDir,
}

impl Lab {
    /// Starts the servers and makes the hosts, on which nothing runs yet. `isolation` is what [`enter`] has said.
    ///
    /// # Errors
    /// There is no server program, or something could not be started.
    pub fn start(isolation: Isolation, options: &LabOptions) -> Result<Lab, LabError> {
        let folder = tempfile::Builder::new().prefix("cluster-lab-").tempdir();
        let folder = folder.map_err(failed("a temporary folder"))?;
        let servers = server::start_all(&isolation, folder.path(), options)?;
        let addresses: Vec<_> = servers.iter().map(Server::address).collect();
        let place = |index| {
            Place::new(&isolation, index, &addresses).map_err(failed(format!("place {index}")))
        };
        let caller = place(0)?;
        let hosts = (1..=options.hosts).map(place).collect::<Result<Vec<_>, _>>()?;
        let agents = hosts.iter().map(|_| None).collect();
        Ok(Lab { isolation, agents, caller, hosts, servers, folder })
    }

    /// How well its parts are separated.
    pub fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn place(&self, at: At) -> &Place {
        match at {
            At::Caller => &self.caller,
            At::Host(host) => &self.hosts[host],
        }
    }

    /// What a program there connects to.
    pub fn url(&self, at: At) -> String {
        self.place(at).url()
    }

    /// A command that will run there.
    pub fn command(&self, at: At, program: impl AsRef<OsStr>) -> Command {
        self.place(at).command(program.as_ref())
    }

    /// Starts a host's agent; what it prints goes to a file of the lab.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start_agent(&mut self, host: usize, command: Command) -> io::Result<()> {
        let log = self.folder.path().join(format!("host-{host}.log"));
        self.agents[host] = Some(Process::start(command, &log)?);
        Ok(())
    }

    /// What a host's agents have printed.
    pub fn agent_log(&self, host: usize) -> String {
        let log = self.folder.path().join(format!("host-{host}.log"));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Kills a host: its agent and whatever that has started.
    pub fn kill(&mut self, host: usize) {
        self.agents[host] = None;
    }

    /// The process id of a host's agent, if one was started.
    pub fn agent_pid(&self, host: usize) -> Option<u32> {
        self.agents[host].as_ref().map(Process::pid)
    }

    /// Whether a host's agent has ended by itself.
    pub fn agent_has_ended(&mut self, host: usize) -> bool {
        self.agents[host].as_mut().is_some_and(Process::has_ended)
    }

    /// Waits until a host's agent has ended by itself; its exit status, `None` if it was not started or ended by a signal.
    pub fn wait_for_agent(&mut self, host: usize) -> Option<i32> {
        self.agents[host].as_mut()?.wait()
    }

    /// Stops a host, as if the machine hung.
    pub fn stop(&self, host: usize) {
        self.agents[host].as_ref().inspect(|agent| agent.stop());
    }

    /// Lets a host go on that was stopped.
    pub fn go_on(&self, host: usize) {
        self.agents[host].as_ref().inspect(|agent| agent.go_on());
    }

    /// Pulls a cable. Nobody is told.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn cut(&self, at: At) -> io::Result<()> {
        self.place(at).cut()
    }

    /// Plugs the cable in again.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn mend(&self, at: At) -> io::Result<()> {
        self.place(at).mend()
    }

    /// Kills a server. What it has in files stays.
    pub fn kill_server(&mut self, server: usize) {
        self.servers[server].kill();
    }

    /// Starts a server that was killed, and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_server(&mut self, server: usize) -> Result<(), LabError> {
        self.servers[server].start()
    }

    /// Which server has this name, as JetStream tells it of a leader.
    pub fn server_named(&self, name: &str) -> Option<usize> {
        self.servers.iter().position(|server| server.name() == name)
    }

    /// What a server has printed.
    pub fn server_log(&self, server: usize) -> String {
        self.servers[server].log()
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab")
            .field("isolation", &self.isolation)
            .field("hosts", &self.hosts.len())
            .field("servers", &self.servers.len())
            .finish_non_exhaustive()
    }
}
