//! Judges `socket-pool`: what comes of a call when the answer comes in pieces, late, by half or not at all.

use grader::{Case, Code, Diagnosis, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("over a Unix socket and over TCP, an answer is an answer", |program| {
        judge(program, "unix whole,whole,whole 1 2 3")?;
        judge(program, "tcp whole,whole,whole 1 2 3")
    }),
    ("an answer may come in pieces", |program| {
        judge(program, "tcp pieces,whole,pieces 1 2 3")?;
        judge(program, "unix cut1,cut4,cut5,cut11 1 2 3 4")
    }),
    ("a worker that is silent is not waited for, and can be asked again", |program| {
        judge(program, "tcp silent,whole 1 2")?;
        judge(program, "tcp whole,silent,silent,whole 1 2 3 4")
    }),
    ("a late answer is not taken for another one", |program| {
        judge(program, "tcp silent,late,whole 1 2 3")?;
        judge(program, "tcp half,late,whole 1 2 3")?;
        judge(program, "unix half,late,half,late 1 2 3 4")
    }),
    ("the end of a connection is no silence", |program| {
        judge(program, "tcp closes 1")?;
        judge(program, "tcp whole,breaks 1 2")?;
        judge(program, "unix breaks 1")
    }),
];

/// A call that has not come back after so long does not come back.
const DEADLINE_S: u64 = 5;
/// No call computes anything.
const CPU_MAX_MS: u64 = 1000;

/// Why a program is not done: by what the worker does.
fn waits(found: Diagnosis, script: &[&str], words: &[&str]) -> Diagnosis {
    if found.code() != Code::TooSlow {
        return found;
    }
    let does = |what: &str| script.iter().any(|how| how.starts_with(what));
    let found = if does("late") {
        Code::WrongAnswer
            .because("a call waits on, and the late answer and its own have been sent whole: your code has lost the beginning of one of them")
            .idea("What has come of an answer has to be kept until the rest is there, also when nobody wants the answer any more.")
    } else if does("closes") || does("breaks") {
        Code::BusyWait
            .because("the connection has ended, and your code reads on")
            .idea("A read of 0 bytes is the end, and says so at once, again and again.")
    } else if does("silent") {
        Code::Stuck
            .because("the worker is silent, and the call waits on, long after its patience is over")
            .idea("No news comes of a machine that was switched off. Only a timeout of your own ends the wait.")
    } else if does("pieces") || does("cut") {
        Code::ShortRead.because(
            "all bytes of the answers have been sent and read, and a call waits on: some of them were not counted",
        )
    } else {
        Code::WrongAnswer
            .because("the worker has answered, and the call does not know its own answer: the worker has read another task's number")
            .idea("Both sides must agree on the order of a number's bytes. Here the most significant one goes first, whatever the machine does.")
    };
    found.evidence(format!("seen with: {}", words.join(" ")))
}

/// The result of a task.
fn square(task: u32) -> u64 {
    (1000 + u64::from(task)).pow(2)
}

fn judge(program: &Program, words: &str) -> Verdict {
    let words: Vec<&str> = words.split_whitespace().collect();
    let script: Vec<&str> = words[1].split(',').collect();
    let tasks: Vec<u32> = words[2..].iter().flat_map(|task| task.parse()).collect();
    let limited = program.args(&words).deadline_s(DEADLINE_S).cpu_max_ms(CPU_MAX_MS);
    let end = limited.run().map_err(|found| waits(found, &script, &words))?;
    for (nth, (task, how)) in tasks.iter().zip(&script).enumerate() {
        let expected = match *how {
            "silent" | "half" => "silent".to_owned(),
            "closes" | "breaks" => "gone".to_owned(),
            _ => square(*task).to_string(),
        };
        let told = end.values("task");
        let found = told.get(nth).and_then(|told| told.split_once(": "));
        let found = found.map_or("nothing", |(_, found)| found);
        ensure(found == expected, || {
            let found =
                Found { task: *task, how, found, expected: &expected, before: &tasks[..nth] };
            found.diagnosis().evidence(format!("seen with: {}", words.join(" ")))
        })?;
    }
    Ok(())
}

/// A call that has ended in another way than it should.
struct Found<'a> {
    task: u32,
    how: &'a str,
    found: &'a str,
    expected: &'a str,
    /// The tasks that were called before.
    before: &'a [u32],
}

impl Found<'_> {
    fn diagnosis(&self) -> Diagnosis {
        let (task, found) = (self.task, self.found);
        let is_result = found.parse::<u64>().is_ok();
        let earlier = self.before.iter().find(|task| square(**task).to_string() == found);
        let diagnosis = if self.how == "pieces" || self.how.starts_with("cut") {
            Code::ShortRead.because(format!(
                "the answer to task {task} came in more than one piece, and your code has made {found} of it"
            ))
        } else if let Some(earlier) = earlier {
            Code::WrongAnswer
                .because(format!(
                    "task {task} got the result of task {earlier}, whose answer came late, just before its own"
                ))
                .idea("Who has been given up may still answer. An answer says whose it is; one that nobody waits for is dropped.")
        } else if self.how == "late" {
            Code::WrongAnswer
                .because(format!(
                    "task {task} got {found}. Before its answer came the rest of one that had been given up in the middle"
                ))
                .idea("The bytes of a connection are one row. What has come of an answer has to be kept until the rest is there, also when nobody wants the answer any more.")
        } else if self.expected == "gone" {
            Code::WrongAnswer
                .because(format!("the connection has ended, and task {task} is said to be {found}"))
                .idea("A read of 0 bytes is the end, and says so at once. Nothing will come any more, so nobody needs to wait.")
        } else if self.expected == "silent" && is_result {
            Code::WrongAnswer.because(format!(
                "no answer to task {task} has come, and your code has the result {found}"
            ))
        } else if self.expected == "silent" {
            Code::WrongAnswer
                .because(format!("the worker is silent on task {task}, and the connection is said to be {found}"))
                .idea("A read that times out says nothing about the connection. The worker may be slow, and its answer may come.")
        } else {
            Code::WrongAnswer.because(format!("task {task} has another end than it should"))
        };
        diagnosis
            .evidence(format!("expected: {}", self.expected))
            .evidence(format!("found:    {found}"))
    }
}

grader::main!(CASES);
