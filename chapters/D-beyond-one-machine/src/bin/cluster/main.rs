//! `cluster node`: this machine works for a pool. `cluster demo`: several machines in one, and one of them dies.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the examples use the rest")]
#[path = "../../../examples/wordcount/count.rs"]
mod count;
mod demo;
mod node;

use clap::{Parser, Subcommand};
use cluster::{Cluster, ClusterOptions, lab};
use std::process::ExitCode;

/// Runs functions of one program on several machines.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Work for a pool until a signal ends it
    Node(Box<node::Arguments>),
    /// Count words on several hosts of one machine, and lose one of them
    Demo(demo::Arguments),
    /// Look whether a pool can be reached, and who works for it
    Ping {
        /// The servers, such as nats://host:4222
        servers: String,
        /// The pool's name
        #[arg(long, default_value = "default")]
        pool: String,
    },
}

fn main() -> ExitCode {
    cluster::init();
    lab::init();
    match Arguments::parse().command {
        Command::Node(arguments) => node::run(*arguments),
        Command::Demo(arguments) => told(demo::run(&arguments)),
        Command::Ping { servers, pool } => told(ping(servers, pool)),
    }
}

fn told(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Its own line says what it was caused by.
            eprintln!("cluster: {error}");
            ExitCode::from(2)
        }
    }
}

/// Hosts say that they live every second.
fn ping(servers: String, pool: String) -> anyhow::Result<()> {
    let options = ClusterOptions { pool, ..ClusterOptions::default() };
    let cluster = Cluster::connect(servers, options)?;
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let hosts = cluster.stats().hosts;
    for host in &hosts {
        println!("{}: {} workers, {} tasks done", host.name, host.workers, host.done);
    }
    println!("{} hosts", hosts.len());
    Ok(())
}
