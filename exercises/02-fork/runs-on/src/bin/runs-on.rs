//! The program of `runs-on`: does jobs, and prints with what status the process of each has ended.
//!
//! Each argument is a job: a number is the status that it returns, and `panic` is a job that panics. By hand:
//! `cargo run -p runs-on -- 3 0 7`

use std::fs;
use std::path::PathBuf;

use nix::sys::wait::WaitStatus;

/// Makes a folder for the jobs, has them done, removes the folder.
pub(crate) fn main() {
    let folder = Folder::make();
    // No line feed: this waits in the buffer of standard output, through every fork.
    print!("codes:");
    gate::pass("start");
    let ends = runs_on::run_all(std::env::args().skip(1).count(), job);
    gate::pass("end");
    match ends {
        Ok(ends) => ends.into_iter().for_each(|end| match end {
            WaitStatus::Exited(_, code) => print!(" {code}"),
            end => print!(" {end:?}"),
        }),
        Err(errno) => print!(" {errno}"),
    }
    println!();
    drop(folder);
}

/// Does the job with this number.
fn job(number: usize) -> i32 {
    gate::tell("job", number);
    let word = std::env::args().nth(number + 1).unwrap_or_default();
    word.parse().unwrap_or_else(|_| panic!("job {number} has failed"))
}

/// A folder that is removed with its owner.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Folder {
        let path = std::env::temp_dir().join(format!("jobs-of-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        gate::tell("removed", self.0.display());
        let _ = fs::remove_dir(&self.0);
    }
}
