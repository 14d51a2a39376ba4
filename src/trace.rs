//! `trace NAME`: an example, or the program of an exercise, under the tracer; then its timeline.
//!
//! The tracer runs the program on this terminal and writes what it saw to a file. Both are built by cargo first. What is
//! shown afterwards are the same drawings that the book's pages have.
//!
//! ```text
//! name ─► cargo build ─► tracer ─► target/trace/NAME.json ─► text on the terminal, NAME.html
//! ```

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use exercise::Exercise;
use timeline::Timeline;

use crate::chapters::Chapter;
use crate::exercises::{block_on, is_solved, needs_linux};
use crate::interrupt;
use crate::output::print;
use crate::programs;
use crate::project::Project;
use crate::run::closest;
use crate::timeline_page::RECORD;

/// What `trace --help` says at its end.
pub const AFTER_HELP: &str = "\
The exit status is that of the program, or 128 and the number of the signal that killed it; 130 after Ctrl-C.
The record and a page with the drawing are then in target/trace.";

/// How long the tracer may take to write its record after Ctrl-C.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The chart's width, in characters, where no terminal says one.
const WIDTH_DEFAULT: usize = 100;

/// What the reader has asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The name of an example or of an exercise.
    pub name: &'a str,
    /// The program's arguments.
    pub args: &'a [OsString],
    /// Of an exercise, the reader's own program.
    pub mine: bool,
    /// Of an exercise, the solution although it is not passed.
    pub give_up: bool,
    /// Keep the record beside the example.
    pub record: bool,
}

/// Traces a program and shows its timeline. The exit status is the program's own, as a shell would give it.
///
/// # Errors
///
/// When nothing is called so (the message has the closest names), when the exercise is not passed yet, on another system
/// than Linux, when cargo cannot build the program, or when the tracer has recorded nothing, which it has explained
/// itself.
pub fn trace(
    project: &Project,
    chapters: &[Chapter],
    exercises: &[Exercise],
    wish: &Wish<'_>,
) -> Result<ExitCode> {
    let name = wish.name;
    let target = find(project, chapters, exercises, wish)?;
    needs_linux("the tracer")?;
    let program = build(project, &target.package, target.kind, &target.binary)?;
    let tracer = build(project, "tracer", Kind::Bin, "tracer")?;

    let folder = project.root().join("target").join("trace");
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let json = folder.join(format!("{name}.json"));
    // What an earlier run has left would pass for the record of this one.
    match fs::remove_file(&json) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", json.display()));
        }
        _ => {}
    }
    let (status, interrupted) = block_on(run(&tracer, &json, &program, wish.args))?;
    if !json.is_file() {
        if let Some(status) = interrupted {
            return Ok(ExitCode::from(status));
        }
        bail!("there is no record of {name}: the tracer ended with {status}");
    }
    let timeline = match (read(&json, wish), interrupted) {
        // The tracer was ended while it wrote: there is nothing to show, as if it had not begun to.
        (Err(_), Some(status)) => return Ok(ExitCode::from(status)),
        (timeline, _) => timeline?,
    };
    let html = json.with_extension("html");
    write(&html, &timeline::page(&timeline))?;
    let text = timeline::text(&timeline, crate::output::width().unwrap_or(WIDTH_DEFAULT));
    print(&format!(
        "\n{text}\nThe drawing: {}\nThe record:  {}\n",
        project.relative(&html).display(),
        project.relative(&json).display()
    ))?;
    if let Some(folder) = target.folder.filter(|_| wish.record) {
        let kept = folder.join("examples").join(format!("{name}{RECORD}"));
        write(&kept, &in_json(&timeline)?)?;
        print(&format!("The page's record: {}\n", project.relative(&kept).display()))?;
    }
    Ok(ExitCode::from(interrupted.unwrap_or_else(|| code_of(status))))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Example,
    Bin,
}

/// A program that cargo can build.
#[derive(Debug)]
struct Target<'a> {
    package: String,
    kind: Kind,
    binary: String,
    /// The chapter's folder, of an example.
    folder: Option<&'a Path>,
}

fn find<'a>(
    project: &Project,
    chapters: &'a [Chapter],
    exercises: &[Exercise],
    wish: &Wish<'_>,
) -> Result<Target<'a>> {
    let name = wish.name;
    let has_it =
        |chapter: &&Chapter| chapter.examples.iter().any(|example| example.name == name);
    if let Some(chapter) = chapters.iter().find(has_it) {
        if wish.mine || wish.give_up {
            bail!("{name} is an example; --mine and --give-up are for exercises");
        }
        let (package, binary) = (chapter.package.clone(), name.to_owned());
        let folder = Some(chapter.folder.as_path());
        return Ok(Target { package, kind: Kind::Example, binary, folder });
    }
    let Some(exercise) = exercises.iter().find(|exercise| exercise.id == name) else {
        let examples = chapters.iter().flat_map(|chapter| &chapter.examples);
        let names = examples
            .map(|example| example.name.as_str())
            .chain(exercises.iter().map(|exercise| exercise.id.as_str()));
        let closest = closest(name, names);
        let advice = match closest.is_empty() {
            true => String::new(),
            false => format!("\nDid you mean {}?", closest.join(" or ")),
        };
        bail!(
            "no example and no exercise is called {name}.{advice}\nAll names: cargo run -- list"
        );
    };
    if wish.record {
        bail!("{name} is an exercise; only an example's record is kept for a page");
    }
    if !(wish.mine || wish.give_up || is_solved(project, exercise)) {
        bail!(
            "{name} is not passed yet, and its solution is shown after that.\n\
             To trace your own program: cargo run -- trace --mine {name}\n\
             To trace the solution now: cargo run -- trace --give-up {name}"
        );
    }
    let package = if wish.mine { name.to_owned() } else { format!("{name}-solution") };
    Ok(Target { binary: package.clone(), package, kind: Kind::Bin, folder: None })
}

/// Has cargo build a program, and asks it where the program is.
fn build(project: &Project, package: &str, kind: Kind, binary: &str) -> Result<PathBuf> {
    let option = match kind {
        Kind::Example => "--example",
        Kind::Bin => "--bin",
    };
    let options = ["--quiet", "-p", package, option, binary];
    let failure = format!("cargo cannot build {binary}: see its messages above");
    let mut built = programs::built(project, &failure, &options)?;
    built
        .remove(binary)
        .with_context(|| format!("cargo has built {binary} and does not say where it is"))
}

/// Runs the program under the tracer, and gives the tracer's status, and the reader's if they had enough.
///
/// The terminal sends Ctrl-C to the tracer too, which then ends the program and writes what it has seen so far.
async fn run(
    tracer: &Path,
    json: &Path,
    program: &Path,
    args: &[OsString],
) -> Result<(ExitStatus, Option<u8>)> {
    let mut demanded = std::pin::pin!(interrupt::demanded());
    // From the first look on, Ctrl-C no longer ends this program.
    tokio::select! {
        biased;
        _ = &mut demanded => bail!("interrupted before the program began"),
        () = std::future::ready(()) => {}
    }
    let words: [&OsStr; 4] = ["--out".as_ref(), json.as_ref(), "--".as_ref(), program.as_ref()];
    let mut tracer = tokio::process::Command::new(tracer)
        .args(words)
        .args(args)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", tracer.display()))?;
    let interrupted = tokio::select! {
        biased;
        demanded = demanded => demanded.context("cannot wait for a signal")?,
        status = tracer.wait() => return Ok((status.context("cannot wait for the tracer")?, None)),
    };
    #[cfg(target_os = "linux")]
    if interrupted != 130
        && let Some(pid) = tracer.id().and_then(|id| i32::try_from(id).ok())
    {
        use nix::sys::signal::{Signal, kill};

        // It is not waited for yet, so its number cannot name another process. An error says that it has ended.
        let _ = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM);
    }
    let status = match tokio::time::timeout(LAST_WORDS, tracer.wait()).await {
        Ok(status) => status,
        Err(_) => {
            tracer.kill().await.context("cannot end the tracer")?;
            tracer.wait().await
        }
    };
    Ok((status.context("cannot wait for the tracer")?, Some(interrupted)))
}

/// The tracer's record under the name that the reader has used.
fn read(json: &Path, wish: &Wish<'_>) -> Result<Timeline> {
    let text =
        fs::read_to_string(json).with_context(|| format!("cannot read {}", json.display()))?;
    let mut timeline =
        timeline::from_json(&text).with_context(|| format!("{}", json.display()))?;
    timeline.name = wish.name.to_owned();
    timeline.arguments =
        wish.args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    write(json, &in_json(&timeline)?)?;
    Ok(timeline)
}

fn in_json(timeline: &Timeline) -> Result<String> {
    let mut json = serde_json::to_string_pretty(timeline).context("cannot write the record")?;
    json.push('\n');
    Ok(json)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
