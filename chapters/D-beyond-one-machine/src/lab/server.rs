//! The servers of a lab: `nats-server` with a store of its own, alone or three that elect a leader.

use super::network::Isolation;
use super::process::{Process, system_program};
use super::{LabError, LabOptions, failed};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The program.
pub(super) const SERVER: &str = "nats-server";
/// A server that is not ready after so long does not become it.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at until then.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Ports are free when they are chosen, and may be another's when they are used.
const ATTEMPTS: u32 = 5;

/// The server's program, without arguments.
pub fn server_program() -> Command {
    system_program(SERVER)
}

pub(super) struct Server {
    name: String,
    address: SocketAddrV4,
    config: PathBuf,
    log: PathBuf,
    process: Option<Process>,
}

pub(super) fn start_all(
    isolation: &Isolation,
    folder: &Path,
    options: &LabOptions,
) -> Result<Vec<Server>, LabError> {
    let mut attempt = 1;
    loop {
        match start_once(isolation, folder, options) {
            Err(LabError::Failed { .. }) if attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}

fn start_once(
    isolation: &Isolation,
    folder: &Path,
    options: &LabOptions,
) -> Result<Vec<Server>, LabError> {
    let ip = isolation.server_ip();
    let ports = free_ports(ip, 2 * options.servers).map_err(failed("a free port"))?;
    let (clients, routes) = ports.split_at(options.servers);
    let mut servers = Vec::new();
    for (index, port) in clients.iter().enumerate() {
        let name = format!("server-{index}");
        let mut text = format!(
            "server_name: {name}\nlisten: \"{ip}:{port}\"\njetstream {{ store_dir: {:?} }}\n",
            folder.join(&name)
        );
        let _ = writeln!(text, "{}", options.config);
        if options.servers > 1 {
            let all: Vec<_> =
                routes.iter().map(|port| format!("\"nats://{ip}:{port}\"")).collect();
            let (own, all) = (routes[index], all.join(", "));
            let _ = writeln!(
                text,
                "cluster {{ name: lab, listen: \"{ip}:{own}\", routes: [{all}] }}"
            );
        }
        let config = folder.join(format!("{name}.conf"));
        fs::write(&config, text).map_err(failed(config.display().to_string()))?;
        let log = folder.join(format!("{name}.log"));
        let address = SocketAddrV4::new(ip, *port);
        servers.push(Server { name, address, config, log, process: None });
    }
    servers.iter_mut().try_for_each(Server::launch)?;
    servers.iter_mut().try_for_each(Server::wait_until_ready)?;
    if servers.len() > 1 {
        wait_for_a_leader(&servers)?;
    }
    Ok(servers)
}

fn free_ports(ip: Ipv4Addr, count: usize) -> io::Result<Vec<u16>> {
    // All are held until all are chosen, so that they differ.
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((ip, 0))).collect::<Result<_, _>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

impl Server {
    pub(super) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    pub(super) fn start(&mut self) -> Result<(), LabError> {
        self.launch()?;
        self.wait_until_ready()
    }

    fn launch(&mut self) -> Result<(), LabError> {
        let mut command = server_program();
        command.arg("--config").arg(&self.config);
        self.process = match Process::start(command, &self.log) {
            Ok(process) => Some(process),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(LabError::NoServer);
            }
            Err(error) => return Err(failed(SERVER)(error)),
        };
        Ok(())
    }

    /// Ready is a server that greets and says that it keeps streams.
    fn wait_until_ready(&mut self) -> Result<(), LabError> {
        wait_until(|| {
            let process = self.process.as_mut().ok_or(ErrorKind::NotFound)?;
            if let Some(status) = process.child().try_wait()? {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let last = log.lines().next_back().unwrap_or_default();
                return Err(io::Error::other(format!("it has ended, {status}: {last}")));
            }
            Ok(greeting(self.address).is_ok_and(|info| info.contains("\"jetstream\":true")))
        })
        .map_err(failed(format!("{SERVER} at {}", self.address)))
    }
}

/// The first line that a server says.
fn greeting(address: SocketAddrV4) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&SocketAddr::V4(address), Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// Until then nothing can be stored.
fn wait_for_a_leader(servers: &[Server]) -> Result<(), LabError> {
    let has_leader = || servers.iter().any(|server| server.log().contains("metadata leader"));
    wait_until(|| Ok(has_leader())).map_err(failed("the servers' election"))
}

fn wait_until(mut holds: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let due = Instant::now() + READY_WITHIN;
    while !holds()? {
        if Instant::now() > due {
            return Err(ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
