//! Judges `storm-of-signals`: whether a copy survives signals that come while it waits.
//!
//! A signal is sent only when the program sleeps in `read` or in `write`, so each one interrupts that call.

use grader::{Case, Code, Ended, Program, Rest, Run, Signal, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a copy without signals is whole", calm),
    ("signals come while it waits for bytes", while_it_reads),
    ("signals come while it waits for room", while_it_writes),
];

fn calm(program: &Program) -> Verdict {
    judge(&program.run()?, 0)
}

fn while_it_reads(program: &Program) -> Verdict {
    let (mut run, source, sink) = start(program)?;
    asleep(&mut run)?;
    for number in 1..=2 {
        run.kill(run.main(), Signal::SIGUSR1);
        asleep(&mut run)?;
        let copied = copied(&run);
        ensure(copied.is_none(), || {
            let copied = copied.unwrap_or_default();
            Code::Interrupted
                .because(format!(
                    "process {} slept in read, with nothing to read. Signal {number} came, its handler ran, and read\nfailed with EINTR. Your function has returned then, and not a byte was sent yet",
                    run.main()
                ))
                .evidence(format!("it returned: {copied}"))
        })?;
    }
    source.go();
    sink.go();
    judge(&run.finish()?, 2)
}

fn while_it_writes(program: &Program) -> Verdict {
    let (mut run, source, sink) = start(program)?;
    asleep(&mut run)?;
    let writer = source.pid;
    source.go();
    // When it has ended, everything is in the pipe, and the program has been woken.
    run.until_asleep(writer)?;
    asleep(&mut run)?;
    for _ in 0..3 {
        run.kill(run.main(), Signal::SIGUSR1);
        asleep(&mut run)?;
    }
    sink.go();
    judge(&run.finish()?, 3)
}

/// Both children at their gates.
fn start(program: &Program) -> Result<(Run, Stop, Stop), grader::Diagnosis> {
    let mut run = program.start()?;
    let (one, other) = (run.at("child")?, run.at("child")?);
    let is_source = run.told().iter().any(|told| told.name == "source" && told.pid == one.pid);
    Ok(if is_source { (run, one, other) } else { (run, other, one) })
}

/// Waits until the program sleeps.
fn asleep(run: &mut Run) -> Verdict {
    let main = run.main();
    match run.until_asleep(main)? {
        Rest::Busy { cpu_ms } => Err(Code::BusyWait
            .because(format!(
                "process {main} has nothing to read and no room to write, and should sleep. It has kept a processor busy for {cpu_ms} ms"
            ))
            .evidence("a signal cannot interrupt a call that never waits, but this is no way to be safe from it")),
        Rest::Asleep(_) | Rest::Ended => Ok(()),
    }
}

fn copied(run: &Run) -> Option<String> {
    run.told().iter().find(|told| told.name == "copied").map(|told| told.value.clone())
}

fn judge(end: &Ended, signals: u32) -> Verdict {
    let number = |name: &str| end.values(name).concat().parse::<usize>().unwrap_or(0);
    let (sent, got, same) = (number("sent"), number("got"), number("same"));
    let copied = end.values("copied").concat();
    ensure(copied != "EINTR", || {
        Code::Interrupted
            .because(format!(
                "a signal came while your function waited in write. The call failed with EINTR, and so did the copy:\n{got} of {sent} bytes have arrived"
            ))
    })?;
    ensure(got == sent && same == sent, || {
        let what = match got.cmp(&sent) {
            std::cmp::Ordering::Less => "bytes are lost",
            std::cmp::Ordering::Equal => "bytes are wrong",
            std::cmp::Ordering::Greater => "bytes were written twice",
        };
        let found = Code::WrongAnswer
            .because(format!("{sent} bytes were sent, {got} have arrived: {what}"))
            .evidence(format!("the first {same} bytes are right"))
            .evidence(format!("copy says: {copied}"));
        if signals == 0 {
            return found.idea("Nobody has sent a signal. Write what each read has returned, all of it and nothing else, until a read returns 0.");
        }
        found.idea("A signal that comes in the middle of a write ends it with the number of bytes that are written. Only if there are none, the call fails with EINTR. Each time, go on with exactly the rest.")
    })?;
    ensure(copied == format!("{sent} bytes"), || {
        Code::WrongAnswer.because(format!(
            "all {sent} bytes have arrived, and your function says something else: {copied}"
        ))
        .idea("Add up what is written, or what is read, once for each byte. A piece that is written in parts counts as a whole.")
    })?;
    let handled = end.values("signals").concat();
    ensure(handled == signals.to_string(), || {
        Code::WrongAnswer
            .because(format!(
                "{signals} signals were sent while your function waited, and the handler has run {handled} times"
            ))
            .idea("A signal that is blocked waits, and a second one of its kind is lost meanwhile. Let the handler run, and make the call again.")
    })
}

grader::main!(CASES);
