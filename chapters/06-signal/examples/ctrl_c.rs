//! Shows whom Ctrl-C reaches, and that it runs no `Drop`.
//! Minutes: 8
//!
//! Run it with `cargo run --example ctrl_c`. It makes a terminal of its own and types Ctrl-C there.
//! Look at which of the three children the signal ends, and at whose file is left.
mod terminal;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::SigHandler;
use nix::unistd::pause;
use signal::{EventLoop, Signal, Signals, lead_group, unblock_all};
use std::error::Error;
use std::fs::File;
use std::io::{self, PipeWriter, Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::time::Duration;
use terminal::Terminal;
use wait::Child;

/// How long the children may take until they wait.
const DEADLINE: Duration = Duration::from_secs(60);

/// A file for as long as this value lives.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a child does about Ctrl-C.
type Way = fn(Ready) -> Result<(), Box<dyn Error>>;

const WAYS: [(&str, Way); 3] = [
    ("does nothing about signals", wait_for_ever),
    ("reads SIGINT and returns", wait_for_sigint),
    ("leads a group of its own", wait_in_own_group),
];

// ANCHOR: ways
fn wait_for_ever(ready: Ready) -> Result<(), Box<dyn Error>> {
    ready.say()?;
    loop {
        pause();
    }
}

fn wait_for_sigint(ready: Ready) -> Result<(), Box<dyn Error>> {
    let signals = Signals::block(&[Signal::SIGINT])?;
    ready.say()?;
    wait_for(&signals)
}

fn wait_in_own_group(ready: Ready) -> Result<(), Box<dyn Error>> {
    lead_group()?;
    wait_for_ever(ready)
}

fn wait_for(signals: &Signals) -> Result<(), Box<dyn Error>> {
    let mut events = EventLoop::new()?;
    events.add(signals, ())?;
    while signals.read()?.is_none() {
        events.wait(None)?;
    }
    Ok(())
}
// ANCHOR_END: ways

/// Tells whoever types that one more child waits in its way.
struct Ready(PipeWriter);

impl Ready {
    fn say(mut self) -> io::Result<()> {
        self.0.write_all(&[0])
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut terminal = match Terminal::open() {
        Ok(terminal) => terminal,
        Err(errno) => {
            println!("no terminal can be made here (is /dev/pts mounted?): {errno}");
            return Ok(());
        }
    };
    // A shell starts what it puts into the background with SIGINT ignored, and children would have it so.
    // SAFETY: the default action runs no code of this program.
    unsafe { nix::sys::signal::signal(Signal::SIGINT, SigHandler::SigDfl)? };
    println!("on a terminal: three children, each with a file that its `Drop` removes");
    let folder = tempfile::tempdir()?;
    let (mut told, tell) = pipe()?;
    let mut session = Child::fork(|| code(session(&terminal, folder.path(), &tell)))?;
    drop(tell);
    let mut events = EventLoop::new()?;
    events.add(&told, ())?;
    for _ in WAYS {
        if events.wait(Some(DEADLINE))?.is_empty() {
            return Err("the children are not ready".into());
        }
        told.read_exact(&mut [0])?;
    }
    terminal.type_ctrl_c()?;
    session.wait()?;
    Ok(())
}

/// The leader of the session, as a shell is one. It reads SIGINT, so that it can tell of the others.
fn session(
    terminal: &Terminal,
    folder: &Path,
    tell: &PipeWriter,
) -> Result<(), Box<dyn Error>> {
    // A session of its own outlives whoever ends only the group of this experiment, but for this.
    set_pdeathsig(Signal::SIGKILL)?;
    let signals = Signals::block(&[Signal::SIGINT])?;
    let _terminal = terminal.begin_session()?;
    let (mut children, mut files) = (Vec::new(), Vec::new());
    for (number, (_, way)) in WAYS.iter().enumerate() {
        let file = folder.join(number.to_string());
        let ready = Ready(tell.try_clone()?);
        children.push(Child::fork(|| code(child(file.clone(), *way, ready)))?);
        files.push(file);
    }
    wait_for(&signals)?;
    println!("SIGINT has come\n\n{:<30}{:<21}its file", "", "the child");
    for (number, child) in children.iter_mut().enumerate() {
        let (way, _) = WAYS[number];
        // The third was not meant, and would never end.
        let ended = if number < 2 { Some(child.wait()?) } else { child.try_wait()? };
        let ended = ended.map_or("still running".to_owned(), |status| status.to_string());
        let file = if files[number].exists() { "is there" } else { "is gone" };
        println!("{way:<30}{ended:<21}{file}");
    }
    signal::end(&mut children, Duration::from_secs(1))?;
    Ok(())
}

fn child(file: PathBuf, way: Way, ready: Ready) -> Result<(), Box<dyn Error>> {
    set_pdeathsig(Signal::SIGKILL)?;
    unblock_all()?;
    File::create(&file)?;
    let _scratch = Scratch(file);
    way(ready)
}

fn code(result: Result<(), Box<dyn Error>>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("process {}: {error}", std::process::id());
            1
        }
    }
}
