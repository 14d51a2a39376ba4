//! What `task` promises about processes, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.

use contract::Case;
use nix::sys::resource::{Resource, setrlimit};
use std::process::ExitCode;
use std::time::Instant;
use task::{Call, CallError, Image, Outcome, PanicReport, catch_panics, decode, encode};
use wait::{Child, ExitStatus};

const CASES: &[Case] = &[
    (
        "a_call_is_the_same_number_in_a_forked_child",
        a_call_is_the_same_number_in_a_forked_child,
    ),
    ("a_call_and_its_panic_cross_an_exec", a_call_and_its_panic_cross_an_exec),
    (
        "a_copy_of_the_program_has_the_same_fingerprint",
        a_copy_of_the_program_has_the_same_fingerprint,
    ),
    ("a_fingerprint_is_fast", a_fingerprint_is_fast),
    ("a_function_of_a_shared_library_is_refused", a_function_of_a_shared_library_is_refused),
    (
        "two_panics_at_once_abort_with_their_message",
        two_panics_at_once_abort_with_their_message,
    ),
    (
        "a_panic_of_another_thread_goes_to_the_hook_before",
        a_panic_of_another_thread_goes_to_the_hook_before,
    ),
    ("a_task_prints_no_panic", a_task_prints_no_panic),
];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("--serve") => serve(),
        _ => contract::run(CASES),
    }
}

fn half(number: u32) -> u32 {
    assert!(number.is_multiple_of(2), "{number} is odd");
    number / 2
}

/// Runs what comes as arguments: the bits of a call, and the fingerprint that goes with it.
fn serve() -> ExitCode {
    let mut words = std::env::args().skip(2);
    let bits = words.next().and_then(|bits| bits.parse().ok()).expect("the bits of a call");
    let theirs = words.next().expect("a fingerprint");
    assert_eq!(theirs, fingerprint(), "the same program");
    // SAFETY: the fingerprints are the same.
    let call = unsafe { Call::from_bits(bits) }.expect("a call of this program");
    catch_panics();
    for (number, outcome) in [(14_u32, Outcome::Returned), (7, Outcome::Panicked)] {
        let (mut argument, mut out) = (Vec::new(), Vec::new());
        encode(&number, &mut argument).expect("a number");
        assert_eq!(call.run(&argument, &mut out), outcome);
        match outcome {
            Outcome::Returned => assert_eq!(decode::<u32>(&out).expect("its half"), 7),
            _ => assert_eq!(PanicReport::decode(&out).expect("a report").message, "7 is odd"),
        }
    }
    ExitCode::SUCCESS
}

fn fingerprint() -> String {
    Image::current().fingerprint().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn serve_by(command: exec::Command) -> ExitStatus {
    let bits = Call::of(half).expect("a function of this program").to_bits();
    let command = command.arg("--serve").arg(bits.to_string()).arg(fingerprint());
    command.spawn().expect("start this program").wait().expect("its end")
}

fn a_call_is_the_same_number_in_a_forked_child() {
    let bits = Call::of(half).expect("a function of this program").to_bits();
    let mut child = Child::fork(|| {
        let same = Call::of(half).is_ok_and(|call| call.to_bits() == bits);
        i32::from(!same)
    })
    .expect("fork");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

fn a_call_and_its_panic_cross_an_exec() {
    assert_eq!(serve_by(exec::Command::this_program()).code(), Some(0));
}

fn a_copy_of_the_program_has_the_same_fingerprint() {
    // Beside the original if its folder may be written to, so that programs can be run there.
    let original = std::env::current_exe().expect("the path of this program");
    let folder = tempfile::tempdir_in(original.parent().expect("its folder"));
    let Ok(folder) = folder else { return };
    let copy = folder.path().join("copy");
    std::fs::copy("/proc/self/exe", &copy).expect("copy the program");
    assert_eq!(serve_by(exec::Command::new(copy)).code(), Some(0));
}

fn a_fingerprint_is_fast() {
    // The least of several, since each process asks once.
    let quickest = (0..20)
        .map(|_| {
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let mut child = Child::fork(|| {
                let start = Instant::now();
                let _ = std::hint::black_box(Image::current().fingerprint());
                let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                i32::from(
                    std::io::Write::write_all(&mut writer, &micros.to_le_bytes()).is_err(),
                )
            })
            .expect("fork");
            drop(writer);
            let mut micros = [0; 8];
            std::io::Read::read_exact(&mut { reader }, &mut micros).expect("the time");
            assert_eq!(child.wait().expect("its end").code(), Some(0));
            u64::from_le_bytes(micros)
        })
        .min()
        .expect("twenty times");
    assert!(quickest < 1000, "{quickest} us");
}

fn a_function_of_a_shared_library_is_refused() {
    // A function of the C library stands for one of a Rust library: it has the right size and is never called.
    let address = libc::getppid as unsafe extern "C" fn() -> i32 as *const ();
    let is_static = Image::current().text().contains(&address.addr());
    // SAFETY: `Call::of` compares the address and does not call it.
    let foreign = unsafe { std::mem::transmute::<*const (), fn(u32) -> u32>(address) };
    let refused = Err(CallError::NotInExecutable { address: address.addr() });
    assert!(is_static || Call::of(foreign) == refused);
}

/// Runs `f` as a task in a child, and returns how the child ended and what it printed on standard error.
fn run_in_child(f: fn(())) -> (ExitStatus, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut writer = Some(writer);
    let mut child = Child::fork(|| {
        let Some(writer) = writer.take() else { return 2 };
        // An abort would leave a core file.
        let quiet = setrlimit(Resource::RLIMIT_CORE, 0, 0).is_ok();
        if !quiet || nix::unistd::dup2_stderr(&writer).is_err() {
            return 2;
        }
        drop(writer);
        catch_panics();
        let Ok(call) = Call::of(f) else { return 2 };
        call.run(&[], &mut Vec::new()) as i32
    })
    .expect("fork");
    drop(writer);
    let said = std::io::read_to_string(reader).expect("what the child said");
    (child.wait().expect("its end"), said)
}

fn two_panics_at_once_abort_with_their_message() {
    struct Falling;
    impl Drop for Falling {
        fn drop(&mut self) {
            panic!("the second");
        }
    }
    let (end, said) = run_in_child(|()| {
        let _falling = Falling;
        panic!("the first");
    });
    assert_eq!(end.signal(), Some(libc::SIGABRT), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("main.rs:")).collect();
    let are_told =
        |lines: &[&str]| lines[0].ends_with("the first") && lines[1].ends_with("the second");
    assert!(lines.len() >= 2 && are_told(&lines), "{said}");
}

fn a_panic_of_another_thread_goes_to_the_hook_before() {
    let (end, said) = run_in_child(|()| {
        let thread = std::thread::spawn(|| panic!("in a thread"));
        assert!(thread.join().is_err());
    });
    assert_eq!(end.code(), Some(Outcome::Returned as i32), "{said}");
    assert!(said.contains("in a thread"), "{said}");
}

fn a_task_prints_no_panic() {
    let (end, said) = run_in_child(|()| panic!("silence"));
    assert_eq!((end.code(), said.as_str()), (Some(Outcome::Panicked as i32), ""));
}
