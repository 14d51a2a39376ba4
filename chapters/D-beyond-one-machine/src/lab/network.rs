//! Where the processes of a lab are: in networks of their own, or side by side.

use super::process::{Process, system_program};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getegid, geteuid};
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

/// The first argument of a process that only holds a network, or only passes bytes on. [`init`] knows them.
const HOLD: &str = "--lab-network";
const FORWARD: &str = "--lab-cable";
/// Forces plain processes.
const VARIABLE: &str = "CLUSTER_LAB";
const PROCESSES: &str = "processes";
/// The network of a lab; nobody outside of it sees it.
const SWITCH: &str = "br0";
const SERVER_IP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// How well the parts of a lab are separated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Isolation {
    /// Each host has a network of its own, with a cable to a switch.
    Networks,
    /// All are processes on this machine's own network.
    Processes {
        /// Why it is no better.
        why: String,
    },
}

impl Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Isolation::Networks => f.write_str("each in a network of its own"),
            Isolation::Processes { why } => write!(f, "as plain processes ({why})"),
        }
    }
}

impl Isolation {
    pub(super) fn server_ip(&self) -> Ipv4Addr {
        match self {
            Isolation::Networks => SERVER_IP,
            Isolation::Processes { .. } => Ipv4Addr::LOCALHOST,
        }
    }
}

/// Among the first lines of `main` in a program that makes a lab: some of the lab's processes are this program.
pub fn init() {
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some(HOLD) => std::process::exit(i32::from(hold().is_err())),
        Some(FORWARD) => std::process::exit(i32::from(forward(words.next()).is_err())),
        _ => {}
    }
}

/// Puts the process into a network of its own, if the system allows it. While it has one thread.
pub fn enter() -> Isolation {
    if std::env::var_os(VARIABLE).is_some_and(|value| value == PROCESSES) {
        return Isolation::Processes { why: format!("{VARIABLE}={PROCESSES}") };
    }
    match own_network() {
        Ok(()) => Isolation::Networks,
        Err(why) => Isolation::Processes { why },
    }
}

fn own_network() -> Result<(), String> {
    // Before anything changes: without this program there is no cable.
    ip(&["-V"]).map_err(|error| format!("`ip`, of iproute2, does not run: {error}"))?;
    let (user, group) = (geteuid(), getegid());
    let refused = |error| format!("the system allows no networks: {error}");
    if user.is_root() {
        unshare(CloneFlags::CLONE_NEWNET).map_err(refused)?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(refused)?;
        // As root of this small world; outside of it the process is who it was.
        let write = |file: &str, text: String| {
            fs::write(format!("/proc/self/{file}"), text)
                .map_err(|error| format!("the system allows no users: {error}"))
        };
        write("setgroups", "deny".into())?;
        write("uid_map", format!("0 {user} 1"))?;
        write("gid_map", format!("0 {group} 1"))?;
    }
    let made = ip(&["link", "set", "lo", "up"])
        .and_then(|()| ip(&["link", "add", SWITCH, "type", "bridge"]))
        .and_then(|()| ip(&["addr", "add", &format!("{SERVER_IP}/24"), "dev", SWITCH]))
        .and_then(|()| ip(&["link", "set", SWITCH, "up"]));
    // Its own loopback does for plain processes too.
    made.map_err(|error| format!("the system allows no switch: {error}"))
}

fn ip(words: &[&str]) -> io::Result<()> {
    let done = system_program("ip").args(words).stdin(Stdio::null()).output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(io::Error::other(format!("ip {}: {}", words.join(" "), said.trim())))
}

/// Where a host, or the caller, is.
pub(super) struct Place {
    kind: Kind,
    url: String,
}

enum Kind {
    /// A network of its own, and the switch's end of its cable.
    Network {
        cable: String,
        namespace: Arc<File>,
        /// Ends when its standard input does.
        _holder: Process,
    },
    /// Processes that pass on what goes to a server, one for each.
    Forwarded(Vec<Process>),
}

impl Place {
    pub(super) fn new(
        isolation: &Isolation,
        index: usize,
        servers: &[SocketAddrV4],
    ) -> io::Result<Place> {
        match isolation {
            Isolation::Networks => Place::network(index, servers),
            Isolation::Processes { .. } => Place::forwarded(servers),
        }
    }

    fn network(index: usize, servers: &[SocketAddrV4]) -> io::Result<Place> {
        let mut holder = own_program(&[HOLD])?;
        let mut said =
            BufReader::new(holder.child().stdout.take().ok_or(io::ErrorKind::Other)?);
        wait_for_line(&mut said)?;
        let (pid, cable) = (holder.pid(), format!("host{index}"));
        let namespace = Arc::new(File::open(format!("/proc/{pid}/ns/net"))?);
        let pid = pid.to_string();
        ip(&["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
        ip(&["link", "set", &cable, "master", SWITCH, "up"])?;
        let number = u32::from(SERVER_IP) + 1 + u32::try_from(index).unwrap_or(u32::MAX);
        let own = Ipv4Addr::from(number);
        let stdin = holder.child().stdin.as_mut().ok_or(io::ErrorKind::Other)?;
        writeln!(stdin, "{own}/24")?;
        wait_for_line(&mut said)?;
        let url = urls(servers.iter().copied());
        Ok(Place { kind: Kind::Network { cable, namespace, _holder: holder }, url })
    }

    fn forwarded(servers: &[SocketAddrV4]) -> io::Result<Place> {
        let (mut cables, mut ends) = (Vec::new(), Vec::new());
        for server in servers {
            let mut cable = own_program(&[FORWARD, &server.to_string()])?;
            let stdout = cable.child().stdout.take().ok_or(io::ErrorKind::Other)?;
            let port = wait_for_line(&mut BufReader::new(stdout))?;
            let port = port.parse().map_err(io::Error::other)?;
            ends.push(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
            cables.push(cable);
        }
        Ok(Place { kind: Kind::Forwarded(cables), url: urls(ends.into_iter()) })
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        if let Kind::Network { namespace, .. } = &self.kind {
            let namespace = Arc::clone(namespace);
            // SAFETY: between fork and exec only `setns` is called, a system call, which neither allocates nor locks; the
            // file is open as long as the closure.
            unsafe {
                command.pre_exec(move || {
                    setns(&*namespace, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
                });
            }
        }
        command
    }

    pub(super) fn cut(&self) -> io::Result<()> {
        self.set(false)
    }

    pub(super) fn mend(&self) -> io::Result<()> {
        self.set(true)
    }

    fn set(&self, up: bool) -> io::Result<()> {
        match &self.kind {
            Kind::Network { cable, .. } => {
                ip(&["link", "set", cable, if up { "up" } else { "down" }])
            }
            Kind::Forwarded(cables) => {
                let signal = if up { Signal::SIGCONT } else { Signal::SIGSTOP };
                for cable in cables {
                    kill(Pid::from_raw(cable.pid().cast_signed()), signal)?;
                }
                Ok(())
            }
        }
    }
}

/// The kernel takes an empty network down some time after its last process. Until then the cable would have the name, and
/// its end the address, that the same place of the next lab is to have.
impl Drop for Place {
    fn drop(&mut self) {
        if let Kind::Network { cable, .. } = &self.kind {
            let _ = ip(&["link", "delete", cable]);
        }
    }
}

fn urls(servers: impl Iterator<Item = SocketAddrV4>) -> String {
    servers.map(|server| format!("nats://{server}")).collect::<Vec<_>>().join(",")
}

/// This program once more, with pipes to it.
fn own_program(words: &[&str]) -> io::Result<Process> {
    let mut command = Command::new("/proc/self/exe");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    Process::spawn(command)
}

fn wait_for_line(said: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if said.read_line(&mut line)? == 0 {
        return Err(io::Error::other("the system allows it no network"));
    }
    Ok(line.trim().to_owned())
}

/// What a process does that holds a network: it makes it, gets its address, and stays until nobody needs it.
fn hold() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    println!("made");
    let mut stdin = io::stdin().lock();
    let address = wait_for_line(&mut stdin)?;
    ip(&["link", "set", "lo", "up"])?;
    ip(&["addr", "add", &address, "dev", "eth0"])?;
    ip(&["link", "set", "eth0", "up"])?;
    println!("up");
    stdin.read_to_end(&mut Vec::new()).map(drop)
}

/// What a process does that is a cable: it passes bytes on in both directions, until it is stopped.
fn forward(server: Option<String>) -> io::Result<()> {
    let server: SocketAddrV4 = server.unwrap_or_default().parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    for near in listener.incoming() {
        let near = near?;
        // A server that is not there: the line breaks.
        let Ok(far) = TcpStream::connect(server) else { continue };
        pass(near.try_clone()?, far.try_clone()?);
        pass(far, near);
    }
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = to.set_nodelay(true);
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
