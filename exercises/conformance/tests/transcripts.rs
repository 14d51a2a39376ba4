//! The table of the pools, as the book shows it, is that of a run.

use std::process::Command;

/// The version of Python whose pools the book's table shows. Another one may keep other promises.
const PYTHON: &str = "Python 3.11.";

/// With another Python, or none, there is nothing to compare the page with, and procpool must have all points all the same.
#[test]
fn survives() {
    let version = Command::new("python3").arg("--version").output();
    if version.is_ok_and(|output| output.stdout.starts_with(PYTHON.as_bytes())) {
        transcript::example("survives").check();
    } else {
        let program = transcript::built_example("survives");
        let status =
            Command::new(program).arg("--only-procpool").status().expect("the example starts");
        assert!(status.success(), "procpool has not got all points");
    }
}
