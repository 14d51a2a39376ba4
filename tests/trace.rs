//! `cargo run -- trace NAME` from outside, in a small book with a tracer that only pretends to watch.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

#[path = "support/program.rs"]
mod support;

use support::*;

/// Takes the tracer's options, runs the program, and records a parent that waited for a child. A program called `abort`
/// is refused. It knows nothing of processes.
const TRACER: &str = r##"
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [out, file, dashes, program, args @ ..] = &words[..] else { return ExitCode::from(99) };
    if (out.as_str(), dashes.as_str()) != ("--out", "--") {
        return ExitCode::from(98);
    }
    if program.ends_with("abort") {
        eprintln!("the kernel does not let this process watch another one");
        return ExitCode::from(97);
    }
    let status = Command::new(program).args(args).status().expect("the program starts");
    let code = status.code().unwrap_or(-1);
    std::fs::write(file, format!(r#"{{
        "version": VERSION, "name": "a path", "arguments": [], "duration_us": 3000, "slowdown": null, "notes": [],
        "lanes": [
            {{"pid": 4001, "name": "show", "execs": [], "end": {{"at_us": 3000, "code": {code}, "signal": null, "reaped_us": null}},
              "born": {{"at_us": 0, "by": "program", "from": null, "parent": null, "flags": []}},
              "waits": [{{"from_us": 900, "to_us": 2100, "what": "child",
                          "ended_by": {{"lane": 1, "at_us": 2000, "did": "ended"}}}}]}},
            {{"pid": 4002, "name": "show", "execs": [], "end": {{"at_us": 2000, "code": 0, "signal": null, "reaped_us": 2100}},
              "born": {{"at_us": 800, "by": "fork", "from": 0, "parent": 0, "flags": []}}, "waits": []}}
        ]
    }}"#)).expect("the record");
    ExitCode::from(code as u8)
}
"##;

fn mini_with_tracer(version: &str) -> MiniBook {
    let mini = MiniBook::new();
    mini.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"chapters/01-*\", \"trace/tracer\"]\n",
    );
    mini.write(
        "trace/tracer/Cargo.toml",
        "[package]\nname = \"tracer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    mini.write("trace/tracer/src/main.rs", &TRACER.replace("VERSION", version));
    mini
}

#[test]
fn an_example_is_run_with_its_arguments_and_its_timeline_is_shown_and_kept() {
    let mini = mini_with_tracer("1");
    let (status, output, errors) =
        outcome(mini.workbook().args(["trace", "show_arguments", "--jobs", "2", "a b"]));
    assert_eq!(status, Some(7), "the program's own status: {output}{errors}");
    assert!(output.starts_with("[\"--jobs\", \"2\", \"a b\"]\n"), "{output}");
    assert!(output.contains("show_arguments: 2 processes in 3.00 ms"), "{output}");
    assert!(
        output.contains("4001 waited 1.20 ms for the end of a child, until 4002 ended"),
        "{output}"
    );
    assert!(output.contains("exit 7") && !output.contains('\x1b'), "{output}");
    let folder = mini.root().join("target/trace");
    for name in ["show_arguments.json", "show_arguments.html"] {
        assert!(output.contains(&format!("target/trace/{name}")), "{output}");
        assert!(folder.join(name).is_file(), "{name}");
    }
    let html = fs::read_to_string(folder.join("show_arguments.html")).expect("the page");
    assert!(html.contains("<svg") && html.contains("until 4002 ended"), "{html}");
    let json = fs::read_to_string(folder.join("show_arguments.json")).expect("the record");
    let record = timeline::from_json(&json).expect("a record");
    assert_eq!(record.name, "show_arguments");
    assert_eq!(record.arguments, ["--jobs", "2", "a b"]);
}

#[test]
fn an_author_keeps_the_record_for_a_page_which_then_shows_it() {
    let mini = mini_with_tracer("1");
    let page = "chapters/01-one/README.md";
    let mut text = fs::read_to_string(mini.root().join(page)).expect("the page");
    text.push_str("\n{{#timeline show_arguments}}\n");
    mini.write(page, &text);
    let (status, _, errors) = outcome(mini.workbook().arg("build"));
    assert_eq!(status, Some(1));
    assert!(errors.contains("cargo run -- trace show_arguments --record"), "{errors}");

    let (status, output, errors) =
        outcome(mini.workbook().args(["trace", "show_arguments", "--record"]));
    assert_eq!(status, Some(7), "{output}{errors}");
    assert!(output.starts_with("[]\n"), "the option is not the program's: {output}");
    assert!(
        mini.root().join("chapters/01-one/examples/show_arguments.timeline.json").is_file()
    );
    assert_eq!(outcome(mini.workbook().arg("build")).0, Some(0));
    let html = fs::read_to_string(mini.root().join("target/site/01-one/index.html"))
        .expect("the built page");
    assert!(html.contains("<figure class=\"drawing timeline\">"), "{html}");
    assert!(html.contains("cargo run -- trace show_arguments"), "{html}");
}

#[test]
fn of_an_exercise_the_solution_is_traced_once_it_is_passed_and_the_readers_program_at_any_time()
{
    let mini = mini_with_tracer("1");
    mini.add_exercise("one-end");
    mini.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"trace/tracer\", \"exercises/*/*\", \"exercises/*/*/solution\"]\n",
    );
    let folder = "exercises/01-one/one-end";
    mini.write(&format!("{folder}/src/main.rs"), "fn main() { println!(\"mine\"); }\n");
    mini.write(
        &format!("{folder}/solution/Cargo.toml"),
        "[package]\nname = \"one-end-solution\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    mini.write(
        &format!("{folder}/solution/src/main.rs"),
        "fn main() { println!(\"ours\"); }\n",
    );

    let (status, _, errors) = outcome(mini.workbook().args(["trace", "one-end"]));
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("not passed yet") && errors.contains("trace --mine one-end"),
        "{errors}"
    );
    for (option, words) in [("--mine", "mine\n"), ("--give-up", "ours\n")] {
        let (status, output, errors) =
            outcome(mini.workbook().args(["trace", option, "one-end"]));
        assert_eq!(status, Some(0), "{errors}");
        assert!(output.starts_with(words), "{output}");
    }
    let (status, _, errors) = outcome(mini.workbook().args(["trace", "one-end", "--record"]));
    assert_eq!(status, Some(1));
    assert!(errors.contains("only an example's record"), "{errors}");
}

#[test]
fn an_unknown_name_is_answered_with_the_closest_ones() {
    let mini = MiniBook::new();
    mini.add_exercise("one-end");
    for (name, closest) in [("show_argumets", "show_arguments"), ("one-ent", "one-end")] {
        let (status, _, errors) = outcome(mini.workbook().args(["trace", name]));
        assert_eq!(status, Some(1));
        assert!(errors.contains(&format!("called {name}")), "{errors}");
        assert!(errors.contains(&format!("Did you mean {closest}?")), "{errors}");
    }
}

#[test]
fn a_refusal_and_a_broken_program_are_told_and_an_old_record_is_not_shown() {
    let mini = mini_with_tracer("1");
    mini.write("target/trace/abort.json", "an old record");
    let (status, output, errors) = outcome(mini.workbook().args(["trace", "abort"]));
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(errors.contains("does not let this process watch"), "{errors}");
    assert!(errors.contains("there is no record of abort"), "{errors}");

    mini.write(
        "chapters/01-one/examples/broken.rs",
        "//! Broken.\n\nfn main() { missing() }\n",
    );
    let (status, _, errors) = outcome(mini.workbook().args(["trace", "broken"]));
    assert_eq!(status, Some(1));
    assert!(errors.contains("missing") && errors.contains("cannot build broken"), "{errors}");
}

#[test]
fn a_record_of_another_version_is_refused() {
    let mini = mini_with_tracer("7");
    let (status, _, errors) = outcome(mini.workbook().args(["trace", "show_arguments"]));
    assert_eq!(status, Some(1));
    assert!(errors.contains("the record has version 7"), "{errors}");
}

/// Starts the trace of a program that waits for its input, and gives it when it runs.
fn endless(mini: &MiniBook) -> (Child, BufReader<ChildStdout>) {
    mini.write(
        "chapters/01-one/examples/endless.rs",
        "//! Waits for its input to end.\n\nfn main() {\n    println!(\"ready\");\n    \
         std::io::Read::read(&mut std::io::stdin(), &mut [0]).expect(\"input\");\n}\n",
    );
    let mut workbook = Command::new(PROGRAM)
        .args(["--root".as_ref(), mini.root().as_os_str()])
        .args(["trace", "endless"])
        .env("CARGO_TARGET_DIR", mini.root().join("target"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut output = BufReader::new(workbook.stdout.take().expect("a pipe"));
    let mut first = String::new();
    output.read_line(&mut first).expect("text");
    assert_eq!(first, "ready\n");
    (workbook, output)
}

fn signal(workbook: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(workbook.id()).expect("a pid"));
    nix::sys::signal::kill(pid, signal).expect("it is there");
}

#[test]
fn after_ctrl_c_the_timeline_so_far_is_shown_with_the_shells_status() {
    let mini = mini_with_tracer("1");
    let (mut workbook, mut output) = endless(&mini);
    signal(&workbook, nix::sys::signal::SIGINT);
    // The program and its tracer end, as they do when the terminal sends them the signal too.
    drop(workbook.stdin.take());
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    let status = workbook.wait().expect("it is a child");
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains("endless: 2 processes"), "{rest}");
}

#[test]
fn sigterm_ends_the_tracer_too() {
    let mini = mini_with_tracer("1");
    let (mut workbook, mut output) = endless(&mini);
    // wait would close it, and the program would end by itself.
    let input = workbook.stdin.take();
    signal(&workbook, nix::sys::signal::SIGTERM);
    // Only the program is left: this tracer dies, and takes nobody with it.
    let status = workbook.wait().expect("it is a child");
    assert_eq!(status.code(), Some(143));
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "");
}
