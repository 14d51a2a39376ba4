//! Python's `multiprocessing.Pool` with two workers, where there is a `python3`.
//!
//! Its no-op is a function of a file of its own, so that it can be sent whatever Python's start method is.

use crate::table::in_turns;
use std::process::Command;

/// Seconds of one `Pool.apply`, the median of 3,000.
pub(crate) const APPLY: &str = "
pool.apply(same, (7,))
times = []
for _ in range(3000):
    begun = clock()
    pool.apply(same, (7,))
    times.append(clock() - begun)
print(sorted(times)[len(times) // 2])
";

/// Tasks in a second of `Pool.map` with a chunk size of 1.
pub(crate) const MAP_CHUNK_1: &str = "
pool.map(same, range(1000), chunksize=1)
begun = clock()
pool.map(same, range(40000), chunksize=1)
print(40000 / (clock() - begun))
";

/// Tasks in a second of `Pool.map` with the chunk size that Python chooses.
pub(crate) const MAP_CHUNKED: &str = "
pool.map(same, range(1000))
begun = clock()
pool.map(same, range(2000000))
print(2000000 / (clock() - begun))
";

/// What `script` prints, or why it prints nothing.
pub(crate) fn figure(script: &str) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("peer.py");
    let indented: String = script.lines().map(|line| format!("        {line}\n")).collect();
    let program = format!("{BEFORE}{indented}");
    std::fs::write(&path, program).map_err(|error| error.to_string())?;
    let output = Command::new("python3").arg(&path).output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.trim().parse().map_err(|_| {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("python3 printed no figure: {}", why.lines().last().unwrap_or("nothing at all"))
    })
}

/// The pool's figure and Python's, taken in turns; or why there is no figure of Python's.
pub(crate) fn in_turns_with(
    script: &str,
    own: &mut dyn FnMut() -> f64,
) -> Result<[f64; 2], String> {
    // If it fails once it always does.
    figure(script)?;
    let mut peer = || figure(script).unwrap_or(f64::NAN);
    Ok(in_turns(3, [own, &mut peer]))
}

const BEFORE: &str = "
import multiprocessing
from time import perf_counter as clock

def same(x):
    return x

if __name__ == '__main__':
    with multiprocessing.Pool(2) as pool:
";
