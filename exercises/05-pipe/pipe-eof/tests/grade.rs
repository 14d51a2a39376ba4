//! Judges `pipe-eof`: whether the reader of the pipe sees its end, and reads until then.

use grader::{
    Blocked, Case, Code, Diagnosis, Ended, Program, Rest, Run, Stop, Verdict, ensure,
};

const CASES: &[Case] = &[
    ("three texts have three lengths, however late the numbers come", late_numbers),
    ("a process that dies has no length, and the others do", a_death),
    ("no text has no length", no_text),
    ("a text without letters has length 0", empty_text),
];

/// Each number is written when the program has done all that it can do with those before.
fn late_numbers(program: &Program) -> Verdict {
    let texts = ["eleven", "one", "three"];
    let mut run = program.args(texts).start()?;
    let mut stops: Vec<Stop> = Vec::new();
    for _ in texts {
        let Some(stop) = run.try_at("measure")? else {
            return Err(too_few(run, stops, texts.len()));
        };
        stops.push(stop);
    }
    let main = run.main();
    let rest = run.until_asleep(main)?;
    let is_alone = run.look().process(main).is_some_and(|process| process.threads == 1);
    for stop in stops {
        stop.go();
        run.until_asleep(run.main())?;
    }
    let end = run.finish()?;
    let count = end.stdout().lines().count();
    // Whoever reads at all, and waits for the first number, knows one.
    ensure(count > 0, || {
        Code::LostResult
            .because(format!(
                "{} processes have each measured a text and gone on, and your function knows none of the numbers",
                texts.len()
            ))
            .idea("A number is on its way twice: the child writes it, and the parent reads it. One of the two is missing.")
    })?;
    ensure(count >= texts.len(), || {
        Code::ShortRead
            .because(format!(
                "{} processes have each written one number, one after the other; your function knows {count} of them.\nIt has read before the others had written, and has not read again.",
                texts.len()
            ))
            .evidence(format!("it returned {:?}", end.stdout().lines().collect::<Vec<_>>()))
            .idea("A read returns what is there. Only a read of 0 bytes says that nothing more will come.")
    })?;
    are_lengths(&end, "3\n5\n6\n")?;
    // What three processes write fits into the pipe. So this waiting has an end here.
    match rest {
        Rest::Asleep(Blocked::Wait { .. }) if is_alone => Err(Code::FullPipeCycle
            .because(format!(
                "{} processes were at work, and process {main} waited for one of them to end. Nobody read the pipe meanwhile.\nThree numbers fit into it, and a few thousand do not: then the processes wait for room, and you wait for them",
                texts.len()
            ))
            .idea("Read first, up to the end, and wait for the processes then. The end of the pipe comes when they have closed it.")),
        _ => Ok(()),
    }
}

/// Why there are fewer processes at work than texts: the others come later, or never.
fn too_few(mut run: Run, stops: Vec<Stop>, texts: usize) -> Diagnosis {
    let at_work = stops.len();
    let look = run.look();
    drop(stops);
    match run.try_at("measure") {
        Err(found) => found,
        Ok(Some(_)) => {
            let found = Code::NotParallel.because(format!(
                "{at_work} of {texts} processes were at work, and the program did not start the next one until they were done"
            ));
            match look.process(run.main()) {
                Some(main) => found.evidence(format!("meanwhile: {main}")),
                None => found,
            }
        }
        Ok(None) => match run.finish() {
            Err(found) => found,
            Ok(_) => Code::LostResult
                .because(format!("there are {texts} texts, and {at_work} were measured"))
                .idea("Each text needs a process of its own. Count the rounds of your loop."),
        },
    }
}

fn a_death(program: &Program) -> Verdict {
    are_lengths(&program.args(["eleven", "die", "three"]).run()?, "5\n6\n")
}

fn no_text(program: &Program) -> Verdict {
    are_lengths(&program.run()?, "")
}

fn empty_text(program: &Program) -> Verdict {
    are_lengths(&program.args(["", "one"]).run()?, "0\n3\n")
}

fn are_lengths(end: &Ended, expected: &str) -> Verdict {
    end.stdout_is(expected).map_err(|found| {
        found.idea("Each process that has ended by itself has written one number, the length of its text. Return these, and nothing else.")
    })
}

grader::main!(CASES);
