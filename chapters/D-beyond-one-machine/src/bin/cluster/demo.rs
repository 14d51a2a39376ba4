//! `cluster demo`: servers and hosts on one machine, the word count over them, and one host is killed in the middle.

use crate::count;
use anyhow::{Context, ensure};
use clap::Args;
use cluster::lab::{self, At, Lab, LabOptions};
use cluster::node::NodeOptions;
use cluster::{Cluster, ClusterOptions};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// How long the hosts may take to come.
const HOSTS_WITHIN: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many hosts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    hosts: u16,
    /// How many workers on each host
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// How long the text is that is made up and counted, in MiB
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    megabytes: u16,
    /// Which host is killed in the middle: 1 for the first, 0 for none
    #[arg(long, default_value_t = 2)]
    kill: u16,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(
        arguments.kill == 0 || arguments.hosts > 1,
        "--kill {}: of one host nothing would be left; --hosts 2 is the least, or --kill 0",
        arguments.kill
    );
    ensure!(arguments.kill <= arguments.hosts, "--kill {}: no such host", arguments.kill);
    // Before the first thread.
    let isolation = lab::enter();
    let hosts = usize::from(arguments.hosts);
    let options = LabOptions { hosts, servers: 1, config: String::new() };
    let mut lab = Lab::start(isolation, &options)?;
    println!("{hosts} hosts on this machine, {}", lab.isolation());
    let own = std::env::current_exe().context("this program has no path")?;
    for host in 0..hosts {
        let mut options = NodeOptions::new(lab.url(At::Host(host)));
        options.workers = Some(arguments.workers.into());
        options.name = Some(format!("host {}", host + 1));
        let mut command = lab.command(At::Host(host), &own);
        command.envs(options.environment());
        lab.start_agent(host, command)?;
    }
    let cluster = Cluster::connect(lab.url(At::Caller), ClusterOptions::default())?;
    if !cluster.wait_for_hosts(hosts, HOSTS_WITHIN) {
        let logs: String = (0..hosts).map(|host| lab.agent_log(host)).collect();
        anyhow::bail!("only {} hosts have come\n{logs}", cluster.stats().hosts.len());
    }
    count_words(&mut lab, &cluster, arguments)
}

fn count_words(lab: &mut Lab, cluster: &Cluster, arguments: &Arguments) -> anyhow::Result<()> {
    let mut texts = count::texts(&[], usize::from(arguments.megabytes) << 20);
    let text = texts.next_text()?.context("no text")?;
    let parts = count::parts(&text);
    println!("{} MiB of text in {parts} tasks", arguments.megabytes);
    let bar = ProgressBar::new(parts as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos} of {len} tasks, {elapsed}")?);
    let begun = Instant::now();
    let counts = count::count_all(cluster, &text, || {
        bar.inc(1);
        if arguments.kill > 0 && bar.position() == parts as u64 / 3 {
            lab.kill(usize::from(arguments.kill) - 1);
            bar.suspend(|| println!("host {} is dead", arguments.kill));
        }
    })?;
    bar.finish();
    let took = begun.elapsed();
    for (word, count) in count::top(&counts, 5) {
        println!("{count:10}  {word}");
    }
    let stats = cluster.stats();
    println!(
        "{parts} tasks in {:.1} s; {} were given to another host, {} sent once more, {} answered twice",
        took.as_secs_f64(),
        stats.redelivered,
        stats.resent,
        stats.duplicates
    );
    ensure!(counts == count::count_here(&text), "one process alone counts something else");
    println!("one process alone counts the same: nothing was lost");
    Ok(())
}
