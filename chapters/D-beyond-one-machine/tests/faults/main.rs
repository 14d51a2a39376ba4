//! What a cluster survives, each fault several times: nothing lost, nothing wrong, and what was redone is counted.
//!
//! Needs `nats-server`. Each round has servers, hosts and a caller of its own; the rounds of a case run side by side.
//! `CLUSTER_ROUNDS=20` runs each case so often.
//!
//! ```sh
//! cargo test -p cluster --test faults
//! CLUSTER_ROUNDS=20 cargo test -p cluster --test faults -- host_killed
//! ```
#![forbid(unsafe_code)]

mod caller;
mod credentials;
mod endings;
mod engine;
mod hosts;
mod refusals;
mod rounds;
mod scene;

use std::process::ExitCode;

fn main() -> ExitCode {
    // This program is also its own agents, callers, networks and workers.
    cluster::init();
    cluster::lab::init();
    if let Some(code) = caller::run_if_asked() {
        return code;
    }
    let cases =
        [hosts::CASES, engine::CASES, refusals::CASES, credentials::CASES, endings::CASES];
    let cases = cases.concat();
    rounds::run(&cases)
}
