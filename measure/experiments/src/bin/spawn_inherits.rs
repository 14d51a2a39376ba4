//! Claim 9: spawn starts a fresh program that inherits only what it is given.
//!
//! The program opens eight descriptors, four of them without close-on-exec, and changes some of its settings. Then it starts a
//! process in each of six ways. Each process lists itself, from `/proc/self`, what it finds of all that.

use anyhow::{Context, Result};
use claims::{Axis, Fact, Plot, PlotKind, Series, Verdict};
use experiments::{Measured, Trial, fact, run};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::stat::{Mode, fstat, umask};
use signal::SignalSets;
use start::{Kit, Launcher};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use wait::Child;

/// The ways to start a process, in the order of the bars.
const WAYS: [&str; 6] = [
    "fork",
    "fork from a template",
    "spawn",
    "forkserver",
    "chapter 04's exec",
    "std::process::Command",
];

/// The first argument of a process that only lists what it finds. The second is [`Sought`] as text.
const LIST: &str = "--list-what-you-find";

/// A variable of the program. A fresh program has it as it was compiled.
static VARIABLE: AtomicU64 = AtomicU64::new(0);
const VALUE: u64 = 42;

/// The settings that `/proc/self/status` and its neighbours show.
const SETTINGS: [&str; 8] = [
    "a value in memory",
    "environment",
    "working directory",
    "umask",
    "limit of the size of files",
    "session",
    "a blocked signal",
    "an ignored signal",
];

/// A limit that nobody else sets, in bytes.
const LARGEST_FILE: u64 = 1 << 40;

/// Two signals with which nobody else does anything: neither Rust's runtime, which ignores SIGPIPE, nor whoever started
/// this program, who may have had SIGINT or SIGHUP ignored.
const BLOCKED: Signal = Signal::SIGUSR1;
const IGNORED: Signal = Signal::SIGUSR2;

fn main() -> ExitCode {
    start::init(worker);
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(LIST) {
        let sought = Sought::from_text(&arguments.next().unwrap_or_default());
        print!("{}", sought.found());
        return ExitCode::SUCCESS;
    }
    run("spawn-inherits", experiment)
}

fn worker(kit: Kit) -> i32 {
    let sought = Sought::from_text(&String::from_utf8_lossy(&kit.note));
    let Some(out) = kit.descriptors.into_iter().next() else { return 1 };
    i32::from(File::from(out).write_all(sought.found().as_bytes()).is_err())
}

/// What a process is to look for: the descriptors by device and inode, the settings by their values.
struct Sought {
    /// Name, `DEVICE:INODE`.
    descriptors: Vec<(String, String)>,
    settings: BTreeMap<String, String>,
}

impl Sought {
    fn to_text(&self) -> String {
        let descriptors =
            self.descriptors.iter().map(|(name, inode)| format!("D\t{name}\t{inode}\n"));
        let settings =
            self.settings.iter().map(|(name, value)| format!("S\t{name}\t{value}\n"));
        descriptors.chain(settings).collect()
    }

    fn from_text(text: &str) -> Sought {
        let mut sought = Sought { descriptors: Vec::new(), settings: BTreeMap::new() };
        for line in text.lines() {
            let mut fields = line.splitn(3, '\t').map(str::to_owned);
            match (fields.next().as_deref(), fields.next(), fields.next()) {
                (Some("D"), Some(name), Some(inode)) => sought.descriptors.push((name, inode)),
                (Some("S"), Some(name), Some(value)) => {
                    sought.settings.insert(name, value);
                }
                _ => {}
            }
        }
        sought
    }

    /// The names of what this process has of it, a line each.
    fn found(&self) -> String {
        let (inodes, settings) = (own_inodes(), own_settings());
        let descriptors = self.descriptors.iter().filter(|(_, inode)| inodes.contains(inode));
        let same = |(name, value): &(&String, &String)| settings.get(*name) == Some(*value);
        descriptors
            .map(|(name, _)| name)
            .chain(self.settings.iter().filter(same).map(|(name, _)| name))
            .fold(String::new(), |text, name| text + name + "\n")
    }
}

fn experiment(trial: &Trial) -> Result<Measured> {
    let held = open()?;
    VARIABLE.store(VALUE, Ordering::Relaxed);
    umask(Mode::from_bits_truncate(0o027));
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
    setrlimit(Resource::RLIMIT_FSIZE, LARGEST_FILE.min(hard), hard)?;
    let mut blocked = SigSet::empty();
    blocked.add(BLOCKED);
    blocked.thread_block()?;
    // SAFETY: SIG_IGN is no function of ours.
    unsafe { nix::sys::signal::signal(IGNORED, SigHandler::SigIgn) }?;

    let descriptors = held.iter().map(|(name, descriptor)| {
        let stat = fstat(descriptor)?;
        Ok((name.clone(), format!("{}:{}", stat.st_dev, stat.st_ino)))
    });
    let sought =
        Sought { descriptors: descriptors.collect::<Result<_>>()?, settings: own_settings() };
    let mut found = Vec::new();
    for (nth, way) in WAYS.iter().enumerate() {
        let text = listing(way, &sought).with_context(|| format!("{way}: no list"))?;
        found.push(text.lines().map(str::to_owned).collect::<Vec<_>>());
        trial.progress((nth + 1) as f64 / WAYS.len() as f64);
    }

    let mut bars = ["with close-on-exec", "without close-on-exec"].map(Series::new);
    for (nth, names) in found.iter().enumerate() {
        for (series, kind) in bars.iter_mut().zip(["close-on-exec", "open"]) {
            let count =
                names.iter().filter(|name| name.ends_with(&format!("({kind})"))).count();
            series.push(nth as f64, count as f64);
        }
    }
    let (verdict, because) = judge(&found, held.len());
    let plot = Plot {
        id: "descriptors".into(),
        title: "The program's own descriptors that a started process finds, of 4 with and 4 without close-on-exec"
            .into(),
        kind: PlotKind::Bars,
        categories: WAYS.map(Into::into).into(),
        x: Axis::linear("started by", ""),
        y: Axis::linear("descriptors found", ""),
        series: bars.into(),
    };
    Ok(Measured {
        verdict,
        because,
        plots: vec![plot],
        facts: facts(&found),
        notes: Vec::new(),
    })
}

/// A file, a pipe, a socket and a memfd, each with and without close-on-exec.
fn open() -> Result<Vec<(String, OwnedFd)>> {
    let mut held = Vec::new();
    for kind in ["close-on-exec", "open"] {
        let (reader, writer) = pipe::pipe()?;
        // The other ends are of no use here.
        drop(writer);
        let descriptors: [(&str, OwnedFd); 4] = [
            ("file", File::open("/proc/self/exe")?.into()),
            ("pipe", reader.as_fd().try_clone_to_owned()?),
            ("socket", UnixDatagram::unbound()?.into()),
            ("memfd", memfd_create("held", MFdFlags::MFD_CLOEXEC)?),
        ];
        for (name, descriptor) in descriptors {
            if kind == "open" {
                fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::empty()))?;
            }
            held.push((format!("{name} ({kind})"), descriptor));
        }
    }
    // Two descriptors of one file have one inode: the second file is another one.
    held[4].1 = File::open("/proc/self/maps")?.into();
    fcntl(&held[4].1, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(held)
}

/// What a process that was started in this way finds.
fn listing(way: &str, sought: &Sought) -> Result<String> {
    let text = sought.to_text();
    // Before the pipe, of which a template would keep an end.
    let launcher = match way {
        "fork from a template" => Some(Launcher::fork("worker", worker)?),
        "spawn" => Some(Launcher::spawn("worker")?),
        "forkserver" => Some(Launcher::forkserver("worker")?),
        "std::process::Command" => {
            let mut command = std::process::Command::new("/proc/self/exe");
            return Ok(String::from_utf8(command.args([LIST, &text]).output()?.stdout)?);
        }
        _ => None,
    };
    let (mut reader, mut writer) = pipe::pipe()?;
    let mut child = match launcher {
        Some(mut launcher) => {
            let child = launcher.start(&[writer.as_fd()], text.as_bytes())?;
            drop(writer);
            child
        }
        None if way == "fork" => Child::fork(move || {
            let found = Sought::from_text(&text).found();
            i32::from(writer.write_all(found.as_bytes()).is_err())
        })?,
        None => {
            let out = writer.as_fd().try_clone_to_owned()?;
            drop(writer);
            exec::Command::this_program().arg(LIST).arg(&text).fd(1, out).spawn()?
        }
    };
    let mut output = String::new();
    reader.read_to_string(&mut output)?;
    child.wait()?;
    Ok(output)
}

/// `DEVICE:INODE` of all descriptors of this process.
fn own_inodes() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            use std::os::unix::fs::MetadataExt;
            let target = fs::metadata(entry.path()).ok()?;
            Some(format!("{}:{}", target.dev(), target.ino()))
        })
        .collect()
}

/// The values of [`SETTINGS`] in this process.
fn own_settings() -> BTreeMap<String, String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (status, limits, stat) =
        (read("/proc/self/status"), read("/proc/self/limits"), read("/proc/self/stat"));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let sets = SignalSets::this();
    let said = |of: fn(&SignalSets) -> bool| match &sets {
        Ok(sets) => of(sets).to_string(),
        Err(_) => String::new(),
    };
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max file size"));
    let session = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(3));
    let values = [
        VARIABLE.load(Ordering::Relaxed).to_string(),
        // A part stands for the whole, which would be too long to hand over.
        std::env::var("PATH").unwrap_or_default().chars().take(200).collect(),
        std::env::current_dir()
            .map_or_else(|_| String::new(), |path| path.display().to_string()),
        field("Umask:"),
        limit.unwrap_or_default().trim().to_owned(),
        session.unwrap_or_default().to_owned(),
        said(|sets| sets.blocked.contains(BLOCKED)),
        said(|sets| sets.ignored.contains(IGNORED)),
    ];
    SETTINGS.iter().map(|name| (*name).to_owned()).zip(values).collect()
}

/// For each setting the ways in which it is found again.
fn facts(found: &[Vec<String>]) -> Vec<Fact> {
    SETTINGS
        .iter()
        .map(|setting| {
            let ways: Vec<&str> = WAYS
                .iter()
                .zip(found)
                .filter(|(_, names)| names.iter().any(|name| name == setting))
                .map(|(way, _)| *way)
                .collect();
            let ways = match ways.len() {
                0 => "in none".to_owned(),
                n if n == WAYS.len() => "in all".to_owned(),
                _ => ways.join(", "),
            };
            fact(format!("found again: {setting}"), ways)
        })
        .collect()
}

/// `found` has the names that a process of each of [`WAYS`] found; `held` is how many descriptors the program held.
fn judge(found: &[Vec<String>], held: usize) -> (Verdict, String) {
    let is_descriptor = |name: &&String| name.ends_with(')');
    let count = |way: &str| {
        let names = WAYS.iter().position(|it| *it == way).map(|nth| &found[nth]);
        let names = names.map_or(&[][..], Vec::as_slice);
        let descriptors = names.iter().filter(is_descriptor).count();
        (descriptors, names.len() - descriptors)
    };
    let (spawned, settings) = count("spawn");
    let (command, _) = count("std::process::Command");
    let (forked, _) = count("fork");
    if spawned > 0 {
        let because = format!(
            "A spawned worker found {spawned} of {held} descriptors that it was not given."
        );
        return (Verdict::False, because);
    }
    let because = format!(
        "Of {held} descriptors, a forked process finds {forked}, a spawned worker none; but it finds {settings} of {} \
         settings again. A program that is only executed finds {command}: those without close-on-exec.",
        SETTINGS.len(),
    );
    let nothing = settings == 0 && command == 0;
    (if nothing { Verdict::True } else { Verdict::HalfTrue }, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(counts: [usize; 6], settings: usize) -> Vec<Vec<String>> {
        let names = |count| {
            let descriptors = (0..count).map(|nth| format!("file {nth} (open)"));
            descriptors.chain((0..settings).map(|nth| SETTINGS[nth].to_owned())).collect()
        };
        counts.into_iter().map(names).collect()
    }

    #[test]
    fn settings_that_are_found_again_make_it_half_true() {
        let (verdict, because) = judge(&found([8, 0, 0, 0, 4, 4], 5), 8);
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(
            because.contains("5 of 8 settings") && because.contains("executed finds 4"),
            "{because}"
        );
    }

    #[test]
    fn a_descriptor_that_was_not_given_makes_it_false_and_nothing_at_all_true() {
        assert_eq!(judge(&found([8, 8, 1, 0, 4, 4], 5), 8).0, Verdict::False);
        assert_eq!(judge(&found([8, 8, 0, 0, 0, 0], 0), 8).0, Verdict::True);
    }

    #[test]
    fn what_is_sought_survives_the_way() {
        let sought = Sought {
            descriptors: vec![("file (open)".into(), "7:9".into())],
            settings: BTreeMap::from([("umask".to_owned(), "0027\t".to_owned())]),
        };
        let again = Sought::from_text(&sought.to_text());
        assert_eq!((again.descriptors, again.settings), (sought.descriptors, sought.settings));
    }
}
