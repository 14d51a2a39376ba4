//! Judges `believe-no-length`: whether bytes of another process end in a job or in an error, and in nothing else.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a job that was encoded well is decoded", good),
    ("a job that breaks off is refused, wherever it does", broken_off),
    ("a number that says too much is refused, before it costs memory", lengths),
    ("a job that does not exist is refused", unknown),
    ("bytes behind a job are refused", behind),
    ("a name that is no UTF-8 is refused", no_text),
];

/// How much memory a worker may take. A job here has a hundred bytes at most.
const MEMORY_BYTES: u64 = 64 << 20;

fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

fn sum(numbers: &[u64]) -> Vec<u8> {
    let numbers_bytes = numbers.iter().flat_map(|value| number(*value));
    [1].into_iter().chain(number(numbers.len() as u64)).chain(numbers_bytes).collect()
}

fn greet(names: &[&str]) -> Vec<u8> {
    let mut job = vec![2];
    job.extend(number(names.len() as u64));
    for name in names {
        job.extend(number(name.len() as u64));
        job.extend(name.as_bytes());
    }
    job
}

fn word(job: &[u8]) -> String {
    if job.is_empty() {
        return "-".to_owned();
    }
    job.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn good(program: &Program) -> Verdict {
    let jobs = [
        (vec![0], "Stop".to_owned()),
        (sum(&[]), "Sum([])".to_owned()),
        (sum(&[1, u64::MAX, 258]), format!("Sum([1, {}, 258])", u64::MAX)),
        (greet(&[]), "Greet([])".to_owned()),
        (greet(&["Ada", "", "Zoë"]), r#"Greet(["Ada", "", "Zoë"])"#.to_owned()),
    ];
    let end = run(program, jobs.iter().map(|(job, _)| job.as_slice()))?;
    for (job, expected) in &jobs {
        let found = found(&end, job);
        ensure(found == Some(expected), || {
            fault(&end, job, "a job that is right was not decoded", Code::WrongAnswer)
                .evidence(format!("expected: {expected}"))
                .evidence(format!("found:    {}", found.unwrap_or("nothing")))
        })?;
    }
    Ok(())
}

fn lengths(program: &Program) -> Verdict {
    // The fourth is 8 bytes long if the product is cut to 64 bits.
    let counts = [u64::MAX, 1 << 62, 1 << 61, (1 << 61) + 1, 1 << 40, 50_000_000, 2];
    let mut jobs = Vec::new();
    for count in counts {
        for kind in [1, 2] {
            let mut job = vec![kind];
            job.extend(number(count));
            job.extend(number(0));
            jobs.push(job);
        }
        // One name, whose length is the number; and there are three bytes.
        let mut job = vec![2];
        job.extend(number(1));
        job.extend(number(if count == 2 { 4 } else { count }));
        job.extend(b"Ada");
        jobs.push(job);
    }
    refuses(
        program,
        &jobs,
        "a number in it says that there is more than has come",
        Code::UnboundedLength,
    )
}

fn unknown(program: &Program) -> Verdict {
    let jobs = [vec![3], vec![255], [&[7], sum(&[1]).split_at(1).1].concat()];
    refuses(program, &jobs, "its first byte stands for no job", Code::Panic)
}

fn broken_off(program: &Program) -> Verdict {
    let (sum, greet) = (sum(&[5, 6]), greet(&["Ada", "Zoë"]));
    let cut = |job: &[u8]| (0..job.len()).map(|len| job[..len].to_vec()).collect::<Vec<_>>();
    let jobs = [cut(&sum), cut(&greet)].concat();
    refuses(program, &jobs, "it breaks off too early", Code::Panic)
}

fn behind(program: &Program) -> Verdict {
    let longer = |mut job: Vec<u8>| {
        job.push(0);
        job
    };
    let jobs = [longer(vec![0]), longer(sum(&[1])), longer(greet(&["Ada"]))];
    refuses(program, &jobs, "there is a byte behind it", Code::Panic)
}

fn no_text(program: &Program) -> Verdict {
    let mut job = vec![2];
    job.extend(number(1));
    job.extend(number(3));
    job.extend([b'A', 0xff, b'a']);
    refuses(program, &[job], "its name is no UTF-8", Code::Panic)
}

/// That each of these is refused. A worker that dies of one gets the code.
fn refuses(program: &Program, jobs: &[Vec<u8>], what: &str, death: Code) -> Verdict {
    let end = run(program, jobs.iter().map(Vec::as_slice))?;
    for job in jobs {
        let found = found(&end, job);
        ensure(found.is_some_and(|found| found.starts_with("refused: ")), || {
            let story = format!("a job that is none was not refused: {what}");
            fault(&end, job, &story, death).evidence(match found {
                Some(found) => format!("it became {found}"),
                None => "the worker has not come past it".to_owned(),
            })
        })?;
    }
    Ok(())
}

fn run<'a>(
    program: &Program,
    jobs: impl Iterator<Item = &'a [u8]>,
) -> Result<Ended, Diagnosis> {
    program.args(jobs.map(word)).memory_max_bytes(MEMORY_BYTES).allow(Code::Panic).run()
}

/// What has become of a job, if the worker has come past it.
fn found<'a>(end: &'a Ended, job: &[u8]) -> Option<&'a str> {
    let begin = format!("{}: ", word(job));
    end.stdout()
        .lines()
        .filter_map(|line| line.strip_prefix(&begin))
        .find(|rest| *rest != "begins")
}

/// The diagnosis of a job: a worker that has died of it, or an answer that is wrong.
fn fault(end: &Ended, job: &[u8], story: &str, death: Code) -> Diagnosis {
    let ended = end.stdout().lines().find_map(|line| line.strip_prefix("the worker ended: "));
    let ended = ended.unwrap_or("not at all");
    let shown = format!("the job: {} ({} bytes)", word(job), job.len());
    if found(end, job).is_some() {
        return Code::WrongAnswer
            .because(story)
            .evidence(shown)
            .idea("Whatever is no job is an error, and not a job that looks like it. Who decodes something else than what was encoded goes on with a wrong value.");
    }
    let errors: Vec<&str> = end.stderr().lines().collect();
    let is_last_word = |line: &&str| {
        line.contains(" panicked at ") || line.starts_with("memory allocation of ")
    };
    let at = errors.iter().position(is_last_word);
    let last_words = at.map_or(&[][..], |at| &errors[at..]).iter().take(2);
    let code = if death == Code::UnboundedLength || ended.contains("SIGABRT") {
        Code::UnboundedLength
    } else {
        Code::Panic
    };
    let found = code.because(format!("{story}. The worker has ended: {ended}")).evidence(shown);
    let found = last_words.fold(found, |found, line| found.evidence(*line));
    match code {
        Code::UnboundedLength => found,
        _ => found.idea("What comes from another process is a claim, also the byte that says which job it is, and the number of bytes. A claim that is not true is an error for the caller, and no panic."),
    }
}

grader::main!(CASES);
