//! Judges `workers-in-a-container`: how many workers it finds on made-up machines.

use grader::{Case, Code, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("the processors that are switched on and allowed", processors),
    ("a quota of version 2", version_2),
    ("groups above hold, too", nested),
    ("a quota of version 1", version_1),
    ("the tightest of all counts", together),
    ("what cannot be read is no limit", missing),
];

/// A machine, the right number of workers there, and what is to be thought of.
type Expected = (&'static str, usize, &'static str);

const MASK: &str = "The affinity mask says on which processors this process may run. The machine's others are none of its own.";
const BOTH: &str =
    "The mask may name processors that are switched off. Those count that are in both lists.";
const PARTS: &str = "A quota counts processors' worth of time. Round it down: a worker more than is paid for gets all of them stopped. But a pool needs one.";
const PERIOD: &str = "The second number is the period. The quota in processors is the first divided by the second, whatever the period is.";
const NONE: &str = "`max` in version 2 and -1 in version 1 mean that there is no quota. Text that is no number means nothing either.";
const ABOVE: &str = "A process is in its group and in all groups above it, up to the top of the tree. The limits of all of them hold.";
const OUTSIDE: &str = "In a container the path may be that of the outside, and its own group is the top of what it sees. A folder that is not there has no limit; go on upwards.";
const FILES_1: &str = "Version 1 has two files, cpu.cfs_quota_us and cpu.cfs_period_us, in the tree of the controller `cpu`.";
const CONTROLLER: &str = "The second field of a line is a list of controllers. The quota belongs to `cpu`; `cpuset` and `cpuacct` are others, and their groups may be others as well.";
const SMALLEST: &str =
    "Machine, mask and quota are three limits. Each of them may be the tightest.";
const UNKNOWN: &str =
    "What cannot be read limits nothing. If nothing is known, one worker is always right.";

fn processors(program: &Program) -> Verdict {
    judge(
        program,
        &[
            ("bare", 8, SMALLEST),
            ("one", 1, SMALLEST),
            ("pinned", 3, MASK),
            ("switched-off", 4, BOTH),
            ("pinned-and-switched-off", 2, BOTH),
        ],
    )
}

fn version_2(program: &Program) -> Verdict {
    judge(
        program,
        &[
            ("version-2", 3, SMALLEST),
            ("unlimited", 8, NONE),
            ("short-period", 5, PERIOD),
            ("two-and-a-half", 2, PARTS),
            ("below-one", 1, PARTS),
            ("nonsense", 8, NONE),
        ],
    )
}

fn nested(program: &Program) -> Verdict {
    judge(
        program,
        &[
            ("nested", 2, ABOVE),
            ("nested-tighter-below", 4, ABOVE),
            ("own-view", 4, ABOVE),
            ("seen-from-outside", 2, OUTSIDE),
        ],
    )
}

fn version_1(program: &Program) -> Verdict {
    judge(
        program,
        &[
            ("version-1", 3, FILES_1),
            ("version-1-unlimited", 8, NONE),
            ("version-1-nested", 2, ABOVE),
            ("another-controller", 5, CONTROLLER),
        ],
    )
}

fn together(program: &Program) -> Verdict {
    judge(
        program,
        &[("pinned-below-the-quota", 2, SMALLEST), ("quota-below-the-pinning", 3, SMALLEST)],
    )
}

fn missing(program: &Program) -> Verdict {
    judge(
        program,
        &[
            ("no-list-of-the-machine", 3, UNKNOWN),
            ("no-affinity", 5, UNKNOWN),
            ("no-files", 1, UNKNOWN),
        ],
    )
}

fn judge(program: &Program, machines: &[Expected]) -> Verdict {
    let names: Vec<&str> = machines.iter().map(|machine| machine.0).collect();
    let end = program.args(&names).run().map_err(|found| match found.code() {
        Code::Panic => found
            .evidence(format!("on one of these machines: {}", names.join(", ")))
            .idea("Files of the kernel are input: they may be missing, say `max`, or something that you do not expect. That is no limit, and no reason to panic."),
        _ => found,
    })?;
    let mut files = Vec::new();
    let mut answers = machines.iter();
    for line in end.stdout().lines() {
        if line.starts_with(' ') {
            files.push(line.trim());
            continue;
        }
        let Some((name, right, idea)) = answers.next() else { break };
        ensure(line == format!("{name}: {right}"), || {
            let found = line.rsplit(' ').next().unwrap_or_default();
            let begin = Code::WrongAnswer.because(format!(
                "the machine \"{name}\": {right} is right, and your function says {found}"
            ));
            files.iter().fold(begin, |found, file| found.evidence(*file)).idea(*idea)
        })?;
        files.clear();
    }
    Ok(())
}

grader::main!(CASES);
