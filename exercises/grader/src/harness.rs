//! The `main` of a grade: runs the cases as `cargo test` asks, prints the verdict, records it.

use std::collections::HashMap;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use exercise::{Exercise, Outcome, Progress};

use crate::proof::Claim;
use crate::{Diagnosis, Program, Verdict, proof, shield};

/// What is promised, and the judge of it.
pub type Case = (&'static str, fn(&Program) -> Verdict);

/// What is graded: where the package is and where its program.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// The package whose test this is.
    pub package: &'static str,
    /// The package's folder.
    pub folder: &'static str,
    /// The program that cargo has built.
    pub program: &'static str,
    /// A folder below `target` for what the proof builds.
    pub scratch: &'static str,
}

/// What the package of a solution is called, after the exercise's id.
const SOLUTION: &str = "-solution";

/// `off`: the package of a solution grades the solution only, and not the starter and the wrong programs.
const PROOF_VARIABLE: &str = "GRADER_PROOF";

/// How often the package of a solution grades each program, to find out whether verdicts are stable.
const TIMES_VARIABLE: &str = "GRADER_TIMES";

/// The name of a claim: this process was started by another one of the same proof to judge it, with everything built.
const CLAIM_VARIABLE: &str = "GRADER_CLAIM";

/// How many programs a proof grades at a time for each processor. A grade mostly waits until a program has come to rest.
const LANES: usize = 2;

/// What libtest ends with if a test has failed.
const FAILED: u8 = 101;

/// As `println!`. A reader who has seen enough closes the pipe (`cargo test -p ID | head`), and the verdict is still
/// found, recorded, and told by the exit status.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = writeln!(io::stdout(), $($text)*);
    }};
}

/// The first case that failed, and why.
pub(crate) struct Failure {
    pub(crate) case: &'static str,
    pub(crate) diagnosis: Diagnosis,
}

/// What `cargo test` has passed on after `--`.
#[derive(Debug, Default)]
struct Wishes {
    list: bool,
    none: bool,
    exact: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

/// If this process was started to stand between grader and program, does that and returns its exit status. A program
/// that uses this crate without [`crate::main!`] calls it first thing in `main`.
pub fn shield_if_asked() -> Option<ExitCode> {
    shield::if_asked()
}

/// Grades: the reader's program, or a solution with its proof.
pub fn main(subject: &Subject, cases: &[Case]) -> ExitCode {
    if let Some(status) = shield_if_asked() {
        return status;
    }
    let wishes = Wishes::parse(env::args().skip(1));
    let folder = subject.folder();
    let is_solution = subject.package.ends_with(SOLUTION);
    let exercises_folder =
        if is_solution { folder.parent().unwrap_or(&folder) } else { &folder };
    let exercise = match Exercise::read(exercises_folder) {
        Ok(exercise) => exercise,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let program = Program::new(subject.program);
    let is_well = if is_solution {
        prove(&exercise, subject, cases, &program, &wishes)
    } else {
        grade_reader(&exercise, cases, &program, &wishes)
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// Grades a program without a word, up to the first failure.
pub(crate) fn grade(cases: &[Case], program: &Program) -> Result<(), Failure> {
    for (case, judge) in cases {
        judge(program).map_err(|diagnosis| Failure { case, diagnosis })?;
    }
    Ok(())
}

fn grade_reader(exercise: &Exercise, all: &[Case], program: &Program, wishes: &Wishes) -> bool {
    let cases: Vec<&Case> = all.iter().filter(|(name, _)| wishes.chooses(name)).collect();
    if wishes.list {
        cases.iter().for_each(|(name, _)| say!("{name}: test"));
        return true;
    }
    say!("\ngrading {}: {}", exercise.id, exercise.title);
    let begun = Instant::now();
    let mut passed = 0;
    let mut failure = None;
    for (case, judge) in &cases {
        let begun = Instant::now();
        let verdict = judge(program);
        let seconds = begun.elapsed().as_secs_f32();
        match verdict {
            Ok(()) => {
                say!("  ok      {case}  ({seconds:.2} s)");
                passed += 1;
            }
            Err(diagnosis) => {
                say!("  FAILED  {case}  ({seconds:.2} s)");
                failure = Some(Failure { case, diagnosis });
                break;
            }
        }
    }
    let is_well = failure.is_none();
    let is_graded = failure.as_ref().is_none_or(|failure| !failure.diagnosis.is_graders());
    let failed = usize::from(!is_well);
    let outcome = match failure {
        None => Outcome::Passed,
        Some(failure) => {
            let diagnosis = failure.diagnosis.render(exercise);
            say!("\n{diagnosis}");
            Outcome::Failed {
                code: failure.diagnosis.code().name().to_owned(),
                case: failure.case.to_owned(),
                diagnosis,
            }
        }
    };
    say!(
        "\ntest result: {}. {passed} passed; {failed} failed; {} not run; {} filtered out; finished in {:.2}s\n",
        if is_well { "ok" } else { "FAILED" },
        cases.len() - passed - failed,
        all.len() - cases.len(),
        begun.elapsed().as_secs_f32()
    );
    if is_graded && cases.len() == all.len() {
        record(exercise, outcome);
    }
    is_well
}

/// Records the outcome beside the book. A reader whose folder is read-only is graded all the same.
fn record(exercise: &Exercise, outcome: Outcome) {
    let Some(root) = exercise::root_of(&exercise.folder) else { return };
    if let Err(error) = Progress::record(&root, &exercise.id, outcome) {
        eprintln!("the outcome could not be recorded below {}: {error}", root.display());
    }
}

fn prove(
    exercise: &Exercise,
    subject: &Subject,
    cases: &[Case],
    program: &Program,
    wishes: &Wishes,
) -> bool {
    let is_off = env::var(PROOF_VARIABLE).is_ok_and(|value| value == "off");
    let times: u32 =
        env::var(TIMES_VARIABLE).ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let variants = if is_off { Ok(Vec::new()) } else { proof::variants(exercise) };
    let mut claims = vec![Claim::Solution];
    let mut failed = 0;
    match variants {
        Ok(variants) => claims.extend(variants.into_iter().map(Claim::Variant)),
        Err(why) => {
            say!("test {}: the wrong programs are named ... FAILED\n{why}", exercise.id);
            failed += 1;
        }
    }
    if let Ok(name) = env::var(CLAIM_VARIABLE) {
        let programs = proof::built(Path::new(subject.scratch));
        let claim = claims.iter().find(|claim| claim.name(exercise) == name);
        let verdict = claim.map(|claim| {
            claim
                .prove(cases, &programs.of(exercise, claim, program))
                .inspect_err(|why| say!("{why}"))
        });
        return verdict.is_some_and(|verdict| verdict.is_ok());
    }
    let all = claims.len();
    claims.retain(|claim| wishes.chooses(&claim.name(exercise)));
    if wishes.list {
        claims.iter().for_each(|claim| say!("{}: test", claim.name(exercise)));
        return true;
    }
    say!("\nrunning {} tests", claims.len());
    let mut passed = 0;
    match proof::build(exercise, &claims, Path::new(subject.scratch)) {
        Err(why) => {
            say!("test {}: the wrong programs compile ... FAILED\n{why}", exercise.id);
            failed += 1;
        }
        Ok(programs) => {
            let judge = |claim: &Claim| {
                let program = programs.of(exercise, claim, program);
                (0..times).try_for_each(|_| claim.prove(cases, &program))
            };
            let report = |claim: &Claim, verdict: Result<(), String>| match verdict {
                Ok(()) => {
                    say!("test {} ... ok", claim.name(exercise));
                    passed += 1;
                }
                Err(why) => {
                    say!("test {} ... FAILED\n{why}", claim.name(exercise));
                    failed += 1;
                }
            };
            side_by_side(exercise, &claims, judge, report);
        }
    }
    say!(
        "\ntest result: {}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if failed == 0 { "ok" } else { "FAILED" },
        all - claims.len()
    );
    failed == 0
}

/// Judges the claims, and reports them in their order. On several processors it judges some at a time, each in a process of
/// its own: a process has one program at a time.
fn side_by_side(
    exercise: &Exercise,
    claims: &[Claim],
    judge: impl Fn(&Claim) -> Result<(), String>,
    mut report: impl FnMut(&Claim, Result<(), String>),
) {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let is_repeated = env::var_os(TIMES_VARIABLE).is_some();
    let own = env::current_exe();
    let (1.., false, 2.., Ok(own)) = (claims.len() - 1, is_repeated, processors, own) else {
        return claims.iter().for_each(|claim| report(claim, judge(claim)));
    };
    let next = AtomicUsize::new(0);
    let (sender, verdicts) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..claims.len().min(LANES * processors) {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some(claim) = claims.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = claim.name(exercise);
                    let verdict = judged_apart(&own, &name);
                    // The other end is there as long as this scope.
                    let _ = sender.send((name, verdict));
                }
            });
        }
        drop(sender);
        let mut early = HashMap::new();
        for claim in claims {
            let name = claim.name(exercise);
            let verdict = loop {
                if let Some(verdict) = early.remove(&name) {
                    break verdict;
                }
                match verdicts.recv() {
                    Ok((name, verdict)) => drop(early.insert(name, verdict)),
                    Err(_) => break Err("nobody has judged it".to_owned()),
                }
            };
            report(claim, verdict);
        }
    });
}

/// Has another process judge a claim. What it prints is why the claim is wrong.
fn judged_apart(own: &Path, claim: &str) -> Result<(), String> {
    let output = Command::new(own).env(CLAIM_VARIABLE, claim).stdin(Stdio::null()).output();
    let output =
        output.map_err(|error| format!("{} could not be started: {error}", own.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{}{}", String::from_utf8_lossy(&said), output.status))
}

impl Subject {
    /// The package's folder: where cargo says that it is now, else where it was when this was compiled.
    fn folder(&self) -> PathBuf {
        let is_run_by_cargo =
            env::var("CARGO_PKG_NAME").is_ok_and(|package| package == self.package);
        let now = env::var_os("CARGO_MANIFEST_DIR").filter(|_| is_run_by_cargo);
        now.map_or_else(|| PathBuf::from(self.folder), PathBuf::from)
    }
}

impl Wishes {
    fn parse(words: impl Iterator<Item = String>) -> Wishes {
        let mut wishes = Wishes::default();
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => wishes.list = true,
                "--exact" => wishes.exact = true,
                "--skip" => wishes.skip.extend(words.next()),
                // Each takes a value that means nothing here.
                "--test-threads" | "--color" | "--format" | "--logfile" | "--shuffle-seed"
                | "-Z" => {
                    drop(words.next());
                }
                // No case is ever ignored.
                "--ignored" => wishes.none = true,
                _ if word.starts_with('-') => {}
                _ => wishes.only.push(word),
            }
        }
        wishes
    }

    fn chooses(&self, case: &str) -> bool {
        let matches = |word: &String| {
            if self.exact { case == word } else { case.contains(word.as_str()) }
        };
        !self.none
            && (self.only.is_empty() || self.only.iter().any(matches))
            && !self.skip.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(words: &[&str]) -> Wishes {
        Wishes::parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn a_name_chooses_what_contains_it() {
        assert!(wishes(&[]).chooses("reads to the end"));
        assert!(wishes(&["--nocapture", "the end"]).chooses("reads to the end"));
        assert!(!wishes(&["--exact", "the end"]).chooses("reads to the end"));
        assert!(!wishes(&["--skip", "end"]).chooses("reads to the end"));
        assert!(wishes(&["--test-threads", "1"]).chooses("reads to the end"));
    }
}
