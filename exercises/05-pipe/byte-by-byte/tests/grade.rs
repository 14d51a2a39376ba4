//! Judges `byte-by-byte`: whether frames come out whole, however their bytes come in, and whether lies are refused.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("frames that are there as a whole", at_once),
    ("the same frames, a byte at a time", byte_by_byte),
    ("a stream that ends inside a frame is an error", truncated),
    ("a length above the limit is refused", oversized),
    ("a length at the limit is accepted", at_the_limit),
    ("an interrupted read is made again", interrupted),
    ("an error of the stream is passed on", failing),
];

/// Three frames, one of them empty, one longer than 255 bytes.
fn frames() -> Vec<String> {
    let long = "x".repeat(300);
    ["5", "hello", "0", "300", &long].map(String::from).to_vec()
}

const FRAMES: &str =
    "frame of 5: hello\nframe of 0: \nframe of 300: xxxxxxxxxxxxxxxxxxxx\nend\n";

fn at_once(program: &Program) -> Verdict {
    let end = run(&program.arg("flood"))?;
    ensure(end.stdout() == "end\n", || {
        let found = Code::WrongAnswer
            .because("a stream without a byte has no frame, and has ended well")
            .idea("A first read of 0 bytes, where a frame could begin, is None.");
        lines(found, "end", end.stdout())
    })?;
    let end = run(&program.arg("flood").args(frames()))?;
    if end.stdout() == FRAMES {
        return Ok(());
    }
    let story = "all the bytes of three frames are there at the first read, and your function makes something else of them";
    let found = Code::WrongAnswer.because(story).idea(
        "4 bytes of length come first, the least significant one at the front, then exactly that many bytes. The next frame begins right behind.",
    );
    // A buffer that had room for more than the longest part of a frame.
    let is_ahead = longest(&end) > 300;
    Err(lines(
        if end.stdout().starts_with("InvalidData") {
            Code::WrongAnswer
                .because("the first frame begins with the bytes 05 00 00 00, and your function has refused that length.\nIt is 5. If you read it from the other side, it is 83886080, which is more than 1000")
                .idea("Little-endian: the least significant byte comes first.")
        } else if end.stdout().starts_with("frame of 5: hello\n") && is_ahead {
            Code::WrongAnswer
                .because("your function took bytes behind the frame; the next call did not get them.\nA stream gives each byte once. What a call has read and does not return is gone when it returns")
                .evidence(format!("it wanted up to {} bytes at once; the first frame has 4 and 5", longest(&end)))
                .idea("Never ask for more than the rest of this frame. A BufReader asks for as much as it has room for, and takes it along when it is dropped.")
        } else {
            found
        },
        FRAMES,
        end.stdout(),
    ))
}

/// Runs it. What is to be read here takes no time, so a loop without an end is soon seen.
fn run(program: &Program) -> Result<Ended, Diagnosis> {
    program.cpu_max_ms(500).run().map_err(|found| match found.code() {
        Code::TooSlow => found.idea(
            "Does your loop see the end? A read that returns 0 says that the stream has ended, and the next one returns 0 again, and so on for ever.",
        ),
        _ => found,
    })
}

/// The longest buffer that the function wanted filled, in bytes.
fn longest(end: &Ended) -> u64 {
    end.values("longest").concat().parse().unwrap_or(0)
}

fn byte_by_byte(program: &Program) -> Verdict {
    let end = run(&program.arg("drip").args(frames()))?;
    if end.stdout() == FRAMES {
        return Ok(());
    }
    Err(lines(
        Code::ShortRead.because(
            "these are the same bytes as before, where your function read them well. Now each read gets one of them",
        ),
        FRAMES,
        end.stdout(),
    ))
}

/// The stream is cut after each number of bytes of a frame of 5.
fn truncated(program: &Program) -> Verdict {
    let frame = b"\x05\0\0\0hello";
    for cut in 1..frame.len() {
        let hex: String = frame[..cut].iter().map(|byte| format!("{byte:02x}")).collect();
        let program = program.args(["flood", "3", "one"]).arg(format!("hex:{hex}"));
        let end = run(&program)?;
        let expected = "frame of 3: one\nUnexpectedEof\n";
        if end.stdout() == expected {
            continue;
        }
        let part = match cut {
            ..4 => format!("{cut} of the 4 bytes of its length"),
            _ => format!("its length, 5, and {} bytes", cut - 4),
        };
        return Err(lines(
            Code::WrongAnswer.because(format!(
                "after a whole frame the stream ends inside the second one: there are {part}"
            )),
            expected,
            end.stdout(),
        )
        .idea("Only an end between two frames is a good end. An end inside of one says that the writer has died, and the caller must learn of it."));
    }
    Ok(())
}

fn oversized(program: &Program) -> Verdict {
    refused(program, "1001", 1001)?;
    refused(program, "200000000", 200_000_000)?;
    // Negative as a signed number, and small if it is cut to 16 bits.
    refused(program, "2147483653", 2_147_483_653)
}

fn refused(program: &Program, length: &str, value: u32) -> Verdict {
    let end = run(&program.args(["flood", length, "hello"])).map_err(|found| match found.code() {
        Code::TooMuchMemory => Code::UnboundedLength.because(format!(
            "a frame says that it is {value} bytes long, and your function has asked for that much memory before it has\ncompared the length with the limit, which is 1000. The memory was refused, and the program has ended"
        )),
        _ => found,
    })?;
    let longest = longest(&end);
    if end.stdout() == "InvalidData\n" && longest < 1000 {
        return Ok(());
    }
    Err(lines(
        Code::UnboundedLength.because(format!(
            "a frame says that it is {value} bytes long, at most 1000 are accepted, and your function has not refused it at once.\nThe 4 bytes can come from anybody. What they say becomes memory and time of your process"
        )),
        "InvalidData\n",
        end.stdout(),
    )
    .evidence(format!("the longest buffer that it wanted filled had {longest} bytes")))
}

fn at_the_limit(program: &Program) -> Verdict {
    let end = run(&program.args(["drip", "1000", &"y".repeat(1000)]))?;
    let expected = "frame of 1000: yyyyyyyyyyyyyyyyyyyy
end
";
    ensure(end.stdout() == expected, || {
        let found = Code::WrongAnswer.because(
            "a frame of 1000 bytes is complete, and at most 1000 are accepted: it is neither too long nor cut",
        )
        .idea("len_max is the longest payload that is allowed, so refuse what is more than it. The last byte of a frame may be the last one of the stream.");
        lines(found, expected, end.stdout())
    })
}

fn interrupted(program: &Program) -> Verdict {
    let end = run(&program.arg("interrupted").args(frames()))?;
    ensure(end.stdout() == FRAMES, || {
        let found = Code::Interrupted.because(
            "these are the same bytes as before. Now each read fails once with Interrupted, the name that Rust has
for EINTR, before it gets something",
        );
        lines(found, FRAMES, end.stdout())
    })
}

/// Between two frames and inside of one.
fn failing(program: &Program) -> Verdict {
    for rest in ["hex:", "hex:0500", "hex:0500000068"] {
        let end = run(&program.args(["failing", "3", "one", rest]))?;
        let expected = "frame of 3: one
ConnectionReset
";
        ensure(end.stdout() == expected, || {
            let found = Code::UnreportedFailure.because(
                "after the first frame the stream itself fails with ConnectionReset, and your function says something else",
            );
            lines(found, expected, end.stdout())
        })?;
    }
    Ok(())
}

fn lines(found: Diagnosis, expected: &str, printed: &str) -> Diagnosis {
    let shown = |text: &str| text.trim_end().replace('\n', " / ");
    found
        .evidence(format!("expected: {}", shown(expected)))
        .evidence(format!("found:    {}", shown(printed)))
}

grader::main!(CASES);
