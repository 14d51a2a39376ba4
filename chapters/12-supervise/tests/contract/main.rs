//! What fault injection promises, each case in a process of its own: who dies, at which pass, and that nobody else does.

use std::fs::File;
use std::process::{Command, ExitCode};
use std::time::Duration;
use supervise::fault::{IS_ACTIVE, Point, VARIABLE, arm, disarm};
use supervise::fault_point;
use wait::{Child, ExitStatus};

const KILLED: ExitStatus = ExitStatus::Signaled { signal: 9, core_dumped: false };

/// The argument of a process that passes `InTask` five times and then exits with this code.
const VICTIM: &str = "--victim";
const SURVIVED: i32 = 5;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(VICTIM) {
        (0..5).for_each(|_| fault_point!(Point::InTask));
        return ExitCode::from(5);
    }
    if !IS_ACTIVE {
        println!("fault points are not in a release build: nothing to test");
        return ExitCode::SUCCESS;
    }
    contract::run(&[
        ("it_dies_at_the_pass_that_was_said", it_dies_at_the_pass_that_was_said),
        ("only_the_point_that_is_armed_kills", only_the_point_that_is_armed_kills),
        ("a_child_inherits_what_is_armed", a_child_inherits_what_is_armed),
        ("the_environment_arms", the_environment_arms),
        ("a_token_kills_one_process_of_all", a_token_kills_one_process_of_all),
        ("a_name_that_is_no_point_is_a_panic", a_name_that_is_no_point_is_a_panic),
    ])
}

/// How a child ends that does this.
fn end_of(child: impl FnOnce()) -> ExitStatus {
    let mut child = Child::fork(|| {
        child();
        SURVIVED
    })
    .expect("fork");
    let ended = child.wait_timeout(Duration::from_secs(60)).expect("wait");
    ended.expect("within a minute")
}

fn it_dies_at_the_pass_that_was_said() {
    for (after, passes, end) in [
        (0, 0, ExitStatus::Exited(SURVIVED)),
        (0, 1, KILLED),
        (3, 3, ExitStatus::Exited(SURVIVED)),
        (3, 4, KILLED),
        (u32::MAX, 1000, ExitStatus::Exited(SURVIVED)),
    ] {
        let ended = end_of(|| {
            arm(Point::AfterClaim, after);
            (0..passes).for_each(|_| fault_point!(Point::AfterClaim));
        });
        assert_eq!(ended, end, "{after} {passes}");
    }
}

fn only_the_point_that_is_armed_kills() {
    for armed in Point::ALL {
        for passed in Point::ALL {
            let ended = end_of(|| {
                arm(armed, 0);
                fault_point!(passed);
            });
            let end = if armed == passed { KILLED } else { ExitStatus::Exited(SURVIVED) };
            assert_eq!(ended, end, "{armed} {passed}");
        }
    }
}

fn a_child_inherits_what_is_armed() {
    arm(Point::InTask, 1);
    assert_eq!(end_of(|| fault_point!(Point::InTask)), ExitStatus::Exited(SURVIVED));
    fault_point!(Point::InTask);
    assert_eq!(end_of(|| fault_point!(Point::InTask)), KILLED);
    disarm(Point::InTask);
    assert_eq!(end_of(|| fault_point!(Point::InTask)), ExitStatus::Exited(SURVIVED));
}

/// The exit code of a victim that has this in its environment; `None` if a signal killed it.
fn victim(fault: &str) -> Option<i32> {
    let program = std::env::current_exe().expect("the path of this test");
    let mut command = Command::new(program);
    command.arg(VICTIM).env(VARIABLE, fault).stderr(std::process::Stdio::null());
    command.status().expect("start the victim").code()
}

fn the_environment_arms() {
    assert_eq!(victim(""), Some(SURVIVED));
    assert_eq!(victim("AfterTask"), Some(SURVIVED));
    assert_eq!(victim("InTask"), None);
    assert_eq!(victim("InTask:4"), None);
    assert_eq!(victim("InTask:5"), Some(SURVIVED));
    assert_eq!(victim("AfterTask:1,InTask:2"), None);
}

fn a_token_kills_one_process_of_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let token = folder.path().join("once:more");
    let fault = format!("InTask:2:{}", token.display());
    assert_eq!(victim(&fault), Some(SURVIVED), "without the file nobody dies");
    File::create(&token).expect("create the file");
    assert_eq!([(); 3].map(|()| victim(&fault)), [None, Some(SURVIVED), Some(SURVIVED)]);
    assert!(!token.exists());
}

fn a_name_that_is_no_point_is_a_panic() {
    for fault in ["InTsk", "InTask:many", "InTask:-1", ":"] {
        assert_eq!(victim(fault), Some(101), "{fault}");
    }
}
