//! A round: servers, hosts with an agent each, a caller, and what it says.

use crate::caller::{self, DONE, FOUND, Found, LEADER, Work};
use cluster::Access;
use cluster::lab::{self, At, Lab, LabOptions};
use cluster::node::NodeOptions;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const HOSTS: usize = 3;
pub(crate) const WORKERS: usize = 2;
/// Whatever does not happen in this time does not happen.
const PATIENCE: Duration = Duration::from_secs(150);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) struct Scene {
    pub(crate) lab: Lab,
    caller: Child,
    said: Receiver<String>,
    /// The server that leads the stream.
    pub(crate) leader: Option<usize>,
}

/// Tasks for so many seconds on all hosts together, of 20 ms each.
pub(crate) fn work_for(seconds: u64) -> Work {
    const TASK_MS: u64 = 20;
    Work {
        url: String::new(),
        tasks: seconds * 1000 / TASK_MS * (HOSTS * WORKERS) as u64,
        task_ms: TASK_MS,
        poison: Vec::new(),
        hosts: HOSTS,
        replicas: 1,
        in_files: false,
        max_deliver: 5,
        away_max_ms: 60_000,
    }
}

/// A lab whose hosts have an agent each.
pub(crate) fn lab_with_agents(servers: usize) -> Lab {
    let options = LabOptions { hosts: HOSTS, servers, config: String::new() };
    let mut lab = Lab::start(lab::enter(), &options).unwrap_or_else(|error| panic!("{error}"));
    (0..HOSTS).for_each(|host| start_agent(&mut lab, host));
    lab
}

/// Starts, or starts again, the agent of a host.
pub(crate) fn start_agent(lab: &mut Lab, host: usize) {
    start_agent_with(lab, host, Access::default());
}

pub(crate) fn start_agent_with(lab: &mut Lab, host: usize, access: Access) {
    let mut options = NodeOptions::new(lab.url(At::Host(host)));
    options.workers = Some(WORKERS);
    options.name = Some(format!("host-{host}"));
    options.access = access;
    // The shell becomes the agent, whose number a task may need to end it.
    let mut command = lab.command(At::Host(host), "sh");
    command.args(["-c", "CLUSTER_TEST_AGENT=$$ exec \"$0\""]).arg(own_path());
    command.envs(options.environment());
    lab.start_agent(host, command).expect("this program can be started");
}

pub(crate) fn own_path() -> std::path::PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// A caller of a lab, and what it says.
pub(crate) fn start_caller(lab: &Lab, work: &Work) -> (Child, Receiver<String>) {
    let work = Work { url: lab.url(At::Caller), ..work.clone() };
    let mut command: Command = lab.command(At::Caller, own_path());
    command.args(caller::words(&work)).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut caller = command.spawn().expect("this program can be started");
    let stdout = BufReader::new(caller.stdout.take().expect("a pipe"));
    let (say, said) = channel();
    thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = say.send(line);
        }
    });
    (caller, said)
}

impl Scene {
    pub(crate) fn start(servers: usize, work: &Work) -> Scene {
        let lab = lab_with_agents(servers);
        let (caller, said) = start_caller(&lab, work);
        let mut scene = Scene { lab, caller, said, leader: None };
        let leader = scene.wait_for_line(LEADER, |_| {});
        scene.leader = scene.lab.server_named(&leader);
        scene
    }

    /// The rest of the next line that begins so; `meanwhile` is done again and again until it comes.
    fn wait_for_line(
        &mut self,
        beginning: &str,
        mut meanwhile: impl FnMut(&mut Lab),
    ) -> String {
        let due = Instant::now() + PATIENCE;
        loop {
            match self.said.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(beginning) {
                        return rest.trim().to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < due => {}
                Err(why) => self.complain(&format!("{why}; it has not said {beginning:?}")),
            }
            meanwhile(&mut self.lab);
        }
    }

    fn complain(&mut self, what: &str) -> ! {
        let mut said = String::new();
        let _ = self.caller.kill();
        if let Some(stderr) = &mut self.caller.stderr {
            let _ = stderr.read_to_string(&mut said);
        }
        for host in 0..HOSTS {
            said += &format!("host {host}: {}\n", self.lab.agent_log(host));
        }
        panic!("{what}\n{said}\n{}", self.lab.server_log(0));
    }

    /// Waits until so many tasks are done.
    pub(crate) fn wait_for(&mut self, tasks: u64) {
        while self.wait_for_line(DONE, |_| {}).parse::<u64>().expect("a number") < tasks {}
    }

    /// Waits for the end; every task must have had one outcome.
    pub(crate) fn found(self, work: &Work) -> Found {
        self.found_while(work, |_| {})
    }

    /// The same, while something is done again and again.
    pub(crate) fn found_while(mut self, work: &Work, meanwhile: impl FnMut(&mut Lab)) -> Found {
        let found = self.wait_for_line(FOUND, meanwhile);
        let found: Found = serde_json::from_str(&found).expect("what the caller has made");
        assert_eq!(found.wrong, 0, "{found:?}");
        assert_eq!(found.right + found.failed.len() as u64, work.tasks, "{found:?}");
        let _ = self.caller.wait();
        found
    }

    /// Waits for the end; every task must have its result.
    pub(crate) fn all_right(self, work: &Work) -> String {
        let found = self.found(work);
        assert_eq!(found.right, work.tasks, "{found:?}");
        found.in_words()
    }

    pub(crate) fn kill_caller(&mut self) {
        let _ = self.caller.kill();
        let _ = self.caller.wait();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kill_caller();
    }
}

/// A fault that lasts.
pub(crate) fn last(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}
