//! Judges `more-than-asked`: whether every descriptor that travels has one owner, also if the message is a wrong one.

use grader::{Case, Code, Program, Run, Verdict, ensure};

const CASES: &[Case] = &[
    ("one descriptor changes its owner", one),
    ("a message without a descriptor is refused", |program| several(program, 0, None)),
    ("so is one with two, although there was room for one", |program| {
        several(program, 2, None)
    }),
    ("so is one with three", |program| several(program, 3, None)),
    ("so is one with two, of which one can be opened", |program| several(program, 2, Some(1))),
    ("so is one with one, which cannot be opened", |program| several(program, 1, Some(0))),
    ("the end is no message, and takes none", end),
];

/// What the program prints when it has written through a descriptor that it has taken over.
const THROUGH: &str = "through the descriptor came: hello\n";

/// The number that was reported under a name.
fn told(run: &Run, name: &str) -> i32 {
    let told = run.told().iter().find(|told| told.name == name);
    told.and_then(|told| told.value.parse().ok()).unwrap_or(-1)
}

fn one(program: &Program) -> Verdict {
    let mut run = program.arg("one").start()?;
    let main = run.main();
    let made = run.at("made")?;
    let number = told(&run, "handed over");
    let given = made.look.process(main).and_then(|process| process.descriptor(number).cloned());
    made.go();
    let sent = run.at("sent").map_err(|found| match found.code() {
        Code::WrongAnswer => found
            .evidence(format!("descriptor {number} was to be handed over"))
            .idea("The kernel looks the number up when the message is sent. From then on the message itself keeps the file open, so who sends may close its own descriptor afterwards, and not before."),
        _ => found,
    })?;
    let kept = sent.look.process(main).and_then(|process| {
        let given = &given.as_ref()?.target;
        process.descriptors.iter().find(|held| held.target == *given)
    });
    if let Some(kept) = kept {
        let fd = kept.fd;
        return Err(Code::LeakedFd
            .because(format!("process {main} has handed a pipe's write end over, and still holds it as descriptor {fd}"))
            .evidence(format!("{main} fd {fd} -> {}", kept.target))
            .idea("To send a descriptor is to copy it: the sender has its own still. As long as that is open, the pipe does not end, whatever the receiver does."));
    }
    sent.go();
    let taken = run.at("taken")?;
    let number = told(&run, "taken over");
    let found =
        taken.look.process(main).and_then(|process| process.descriptor(number).cloned());
    if let Some(found) = found {
        ensure(found.cloexec != Some(false), || {
            Code::MissingCloexec
                .because(format!("process {main} has received descriptor {number}, which has no close-on-exec"))
                .evidence(format!("{main} fd {number} -> {}", found.target))
                .idea("The flag belongs to the number, and the receiver's number is a new one. MSG_CMSG_CLOEXEC has the kernel set it when it opens the descriptor; a later call would leave a moment in which another thread can exec.")
        })?;
    }
    taken.go();
    run.finish()?.stdout_is(THROUGH)
}

fn several(program: &Program, count: usize, room: Option<i32>) -> Verdict {
    let mut program = program.args(["several", &count.to_string()]);
    if let Some(room) = room {
        program = program.arg(room);
    }
    let what = match room {
        None => format!("a message had {count} descriptors"),
        Some(room) => format!(
            "a message had {count} descriptors, and {room} more could be opened (RLIMIT_NOFILE)"
        ),
    };
    let mut run = program.start()?;
    let main = run.main();
    let sent = run.at("sent")?;
    let before = sent.look.process(main).cloned();
    sent.go();
    let taken = run.at("taken")?;
    if let (Some(before), Some(after)) = (before, taken.look.process(main)) {
        let left: Vec<String> = after
            .descriptors
            .iter()
            .filter(|held| before.descriptor(held.fd).is_none())
            .map(|held| format!("{main} fd {} -> {}", held.fd, held.target))
            .collect();
        ensure(left.is_empty(), || {
            let found = Code::LeakedFd.because(format!(
                "{what}. Your function has returned, and process {main} holds descriptors that nobody owns"
            ));
            left.iter().fold(found, |found, line| found.evidence(line.as_str())).idea(
                "What recvmsg returns with is open already, asked for or not, also if the rest of the message was cut off (MSG_CTRUNC). Make each number an OwnedFd before you look at anything else: then every way out closes it.",
            )
        })?;
    }
    taken.go();
    let end = run.finish()?;
    let first = end.stdout().lines().next().unwrap_or_default();
    ensure(first == "refused: invalid data", || {
        let found = Code::WrongAnswer
            .because(format!("{what}, and your function has not refused it"))
            .evidence("expected: refused: invalid data")
            .evidence(format!("found:    {first}"));
        match room {
            None if count == 0 => found,
            None => found.idea("The two sides have agreed on one descriptor for each message. Room for one is often room for two, because the control part is filled up to whole words: count what has come."),
            Some(_) => found.idea("The kernel opens as many as it can, and says by MSG_CTRUNC that there were more. A message of which a part is lost is not the message that was sent."),
        }
    })?;
    end.stdout_is(&format!("refused: invalid data\n{THROUGH}"))
}

fn end(program: &Program) -> Verdict {
    let end = program.arg("end").run().map_err(|found| match found.code() {
        Code::LeakedFd => found
            .evidence("the peer had closed its socket, so this descriptor could not be sent")
            .idea("A descriptor that could not be sent has no receiver. Its owner is still your function, which returns with an error: close it on that path too."),
        _ => found,
    })?;
    end.stdout_is("refused: unexpected end of file\nnot sent: broken pipe\n").map_err(|found| {
        found.idea("recvmsg returns 0 bytes when the peer has closed its socket. That is no message, and nothing will follow. Who sends then is told EPIPE.")
    })
}

grader::main!(CASES);
