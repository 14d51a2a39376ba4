//! The caller of a round, in a process of its own, so that it can be cut off and killed.
//!
//! It maps a function over numbers, says from time to time how many results it has, and at the end what it has found.

use cluster::{Cluster, ClusterOptions, Failure, Storage};
use executor::TaskError;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The first argument of a caller; the second is its [`Work`].
const CALLER: &str = "--caller";
/// What its lines begin with.
pub(crate) const DONE: &str = "done ";
pub(crate) const LEADER: &str = "leader ";
pub(crate) const FOUND: &str = "found ";

/// What a caller has to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) url: String,
    pub(crate) tasks: u64,
    pub(crate) task_ms: u64,
    /// What some of the tasks do to whoever runs them.
    pub(crate) poison: Vec<(u64, Poison)>,
    pub(crate) hosts: usize,
    pub(crate) replicas: usize,
    pub(crate) in_files: bool,
    pub(crate) max_deliver: u32,
    pub(crate) away_max_ms: u64,
}

/// What a task does to whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Poison {
    EndsItsWorker,
    EndsItsHost,
}

/// What a caller has found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    /// Tasks without a result: their number, and what was said.
    pub(crate) failed: Vec<(u64, String)>,
    /// Of those, the ones that are of a cluster's own kind.
    pub(crate) hosts_lost: u64,
    pub(crate) engine_away: u64,
    pub(crate) resent: u64,
    pub(crate) redelivered: u64,
    pub(crate) duplicates: u64,
    /// The longest time between two results.
    pub(crate) pause_ms: u64,
}

impl Found {
    /// For people.
    pub(crate) fn in_words(&self) -> String {
        format!(
            "{} right, {} failed; {} sent again, {} redelivered, {} answered twice; longest pause {:.1} s",
            self.right,
            self.failed.len(),
            self.resent,
            self.redelivered,
            self.duplicates,
            self.pause_ms as f64 / 1000.0
        )
    }
}

/// The words of a caller's command line.
pub(crate) fn words(work: &Work) -> [String; 2] {
    [CALLER.to_owned(), serde_json::to_string(work).expect("numbers and strings")]
}

fn work_on((number, ms, poison): (u64, u64, Option<Poison>)) -> u64 {
    match poison {
        Some(Poison::EndsItsWorker) => std::process::abort(),
        Some(Poison::EndsItsHost) => {
            let agent = std::env::var("CLUSTER_TEST_AGENT").expect("the agent's pid");
            let agent = nix::unistd::Pid::from_raw(agent.parse().expect("a number"));
            let _ = nix::sys::signal::kill(agent, nix::sys::signal::Signal::SIGKILL);
            std::thread::sleep(Duration::from_secs(60));
        }
        None => std::thread::sleep(Duration::from_millis(ms)),
    }
    expected(number)
}

fn expected(number: u64) -> u64 {
    number.wrapping_mul(number) ^ 0x5555
}

pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [first, work] = &words[..] else { return None };
    if first != CALLER {
        return None;
    }
    let work: Work = serde_json::from_str(work).expect("what `words` has made");
    match run(&work) {
        Ok(found) => {
            println!("{FOUND}{}", serde_json::to_string(&found).expect("numbers and strings"));
            Some(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn run(work: &Work) -> Result<Found, Box<dyn std::error::Error>> {
    let options = ClusterOptions {
        replicas: work.replicas,
        storage: if work.in_files { Storage::File } else { Storage::Memory },
        max_deliver: work.max_deliver,
        away_max: Duration::from_millis(work.away_max_ms),
        ..ClusterOptions::default()
    };
    let cluster = Cluster::connect(work.url.clone(), options)?;
    if !cluster.wait_for_hosts(work.hosts, Duration::from_secs(60)) {
        return Err(format!("only {} hosts have come", cluster.stats().hosts.len()).into());
    }
    println!("{LEADER}{}", leader(&work.url)?.unwrap_or_default());
    let poison = |number| work.poison.iter().find(|(guilty, _)| *guilty == number);
    let inputs = (0..work.tasks)
        .map(|number| (number, work.task_ms, poison(number).map(|(_, poison)| *poison)));
    let mut found = Found::default();
    let mut last_at = Instant::now();
    for (done, (index, result)) in (1_u64..).zip(cluster.map_unordered(work_on, inputs)) {
        let pause_ms = u64::try_from(last_at.elapsed().as_millis())?;
        found.pause_ms = found.pause_ms.max(pause_ms);
        last_at = Instant::now();
        match result {
            Ok(result) if result == expected(index as u64) => found.right += 1,
            Ok(_) => found.wrong += 1,
            Err(error) => {
                found.count(&error);
                found.failed.push((index as u64, error.to_string()));
            }
        }
        if done % 50 == 0 {
            println!("{DONE}{done}");
        }
    }
    // An answer may still come for a task that was redone.
    let stats = cluster.stats();
    (found.resent, found.redelivered, found.duplicates) =
        (stats.resent, stats.redelivered, stats.duplicates);
    Ok(found)
}

impl Found {
    fn count(&mut self, error: &TaskError) {
        match Failure::of(error) {
            Some(Failure::HostsLost { .. }) => self.hosts_lost += 1,
            Some(Failure::EngineAway { .. }) => self.engine_away += 1,
            _ => {}
        }
    }
}

/// Which server leads the pool's stream, if there are several.
fn leader(url: &str) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let servers: Vec<async_nats::ServerAddr> =
            url.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let client = async_nats::connect(servers).await?;
        let jetstream = async_nats::jetstream::new(client);
        let stream = jetstream.get_stream("procpool_default").await?;
        Ok(stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()))
    })
}
