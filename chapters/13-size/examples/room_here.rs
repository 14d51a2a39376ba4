//! Shows which limits bound the number of workers here, and which of them comes first.
//! Minutes: 4
//!
//! Run it with `cargo run --example room_here`, then in a shell with `ulimit -n 64`, and in a container.
//! Look at the room that each limit leaves for workers of the finished pool, and at how to raise the first one.

use size::{Cost, Resource, limits, room};

fn main() {
    let limits = limits();
    println!("{:44} {:>12} {:>10} {:>12}", "limit", "at most", "in use", "more workers");
    for resource in Resource::ALL {
        let Some(limit) = limits.iter().find(|limit| limit.resource == resource) else {
            println!("{resource:44} {:>12} {:>10} {:>12}", "none", "-", "any");
            continue;
        };
        let used =
            limit.used.map_or_else(|| "unknown".to_owned(), |used| in_unit(resource, used));
        let workers = match limit.binding {
            true => limit.room(Cost::default()).to_string(),
            false => "any".to_owned(),
        };
        println!("{resource:44} {:>12} {used:>10} {workers:>12}", in_unit(resource, limit.max));
    }
    match room(Cost::default()) {
        Some((workers, limit)) => {
            println!("room for {workers} more workers; first comes: {}", limit.resource);
            println!("to raise it: {}", limit.resource.remedy());
        }
        None => println!("no limit can be read: is /proc mounted?"),
    }
}

/// Bytes in MiB, for everything else is a count.
fn in_unit(resource: Resource, amount: u64) -> String {
    match resource {
        Resource::Memory => format!("{} MiB", amount >> 20),
        _ => amount.to_string(),
    }
}
