//! Judges `family-tree`: holds all processes while they live, and compares who is whose child.

use grader::{Blocked, Case, Code, Diagnosis, Look, Program, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a process alone", |program| grows(program, "a")),
    ("a parent with a child", |program| grows(program, "a(b)")),
    ("a parent with three children", |program| grows(program, "a(bcd)")),
    ("a grandchild, and a child beside it", |program| grows(program, "a(b(c)d)")),
    ("three branches, four generations", |program| grows(program, "a(b(c(d))e(fg)h)")),
];

fn grows(program: &Program, text: &str) -> Verdict {
    let wanted = expected(text);
    let mut run = program.arg(text).start()?;
    let mut lives: Vec<Stop> = Vec::new();
    while lives.len() < wanted.lines().count() {
        match run.try_at("live")? {
            Some(stop) => lives.push(stop),
            None => return Err(incomplete(run, text, &wanted, &lives)?),
        }
    }
    let found = drawn(&run.look(), &lives);
    ensure(found == wanted, || shape(text, &wanted, &found))?;

    drop(lives);
    // All have been there. Whoever comes now is one too many.
    if let Some(stop) = run.try_at("live")? {
        let (pid, name) = (stop.pid, stop.value.as_deref().unwrap_or_default());
        let parent = stop.look.process(pid).map_or(0, |process| process.parent);
        return Err(Code::ChildRanParentCode
            .because(format!(
                "the tree {text} was complete, and then process {pid}, a child of {parent}, has come to live as {name}"
            ))
            .evidence(format!("the program is process {}", run.main()))
            .idea("A child that was started for its own node must not come round the loop of its parent."));
    }
    run.finish()?;
    Ok(())
}

/// Some have not come to live, and nothing moves any more.
fn incomplete(
    run: Run,
    text: &str,
    wanted: &str,
    lives: &[Stop],
) -> Result<Diagnosis, Diagnosis> {
    let look = run.look();
    if look.process(run.main()).is_none_or(|main| main.is_zombie()) {
        // It has ended: the general checks know more, if it has panicked.
        run.finish()?;
    }
    let found = drawn(&look, lives);
    let waiting = look.processes.iter().find(|process| {
        !process.is_zombie() && matches!(process.blocked, Blocked::Wait { .. })
    });
    let trees = format!("expected:\n{}found:\n{}", indented(wanted), indented(&found));
    Ok(match waiting {
        Some(process) => Code::NotParallel
            .because(format!(
                "process {} waits for the end of a child, and has not yet come to live itself: the tree {text} is never \
                 there as a whole",
                process.pid
            ))
            .evidence(process.to_string())
            .evidence(trees)
            .idea(
                "Three steps, in this order: start all children, come to live, wait. A process that waits before it comes to \
                 live comes there when its children have ended.",
            ),
        None => Code::WrongShape
            .because(format!(
                "of the tree {text} only {} of {} processes have come to live, and nothing moves until they may end",
                lives.len(),
                wanted.lines().count()
            ))
            .evidence(trees)
            .idea(
                "A process is there from the fork on. Who is to live at the same time is started before anybody lives, and \
                 each is started by its own parent.",
            ),
    })
}

fn shape(text: &str, wanted: &str, found: &str) -> Diagnosis {
    Code::WrongShape
        .because(format!(
            "the processes were to be {text}; held while they live, they are something else"
        ))
        .evidence(format!("expected:\n{}found:\n{}", indented(wanted), indented(found)))
}

fn indented(tree: &str) -> String {
    tree.lines().map(|line| format!("  {line}\n")).collect()
}

/// The tree that the text describes, one name to a line, children below their parent.
fn expected(text: &str) -> String {
    let mut depth = 0;
    let mut tree = String::new();
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            name => tree.push_str(&format!("{:indent$}{name}\n", "", indent = 2 * depth)),
        }
    }
    tree
}

/// The tree that is there, drawn alike. Siblings are in the order of their names; who has no name yet comes last.
fn drawn(look: &Look, lives: &[Stop]) -> String {
    let name = |pid: i32| {
        lives.iter().find(|stop| stop.pid == pid).and_then(|stop| stop.value.clone())
    };
    let line = |pid: i32| {
        name(pid).unwrap_or_else(|| match look.process(pid) {
            Some(process) if process.is_zombie() => format!("? (process {pid}, a zombie)"),
            Some(process) => {
                format!("? (process {pid}, which has not come to live: it {})", process.blocked)
            }
            None => format!("? (process {pid})"),
        })
    };
    // A process whose parent has ended belongs to the grader, and is a root like the program itself.
    let is_root = |pid: &i32| {
        look.process(*pid).is_none_or(|process| look.process(process.parent).is_none())
    };
    let mut open: Vec<(usize, i32)> = look
        .processes
        .iter()
        .map(|process| process.pid)
        .filter(is_root)
        .map(|pid| (0, pid))
        .collect();
    let mut tree = String::new();
    while let Some((depth, pid)) = open.pop() {
        tree.push_str(&format!("{:indent$}{}\n", "", line(pid), indent = 2 * depth));
        let mut children: Vec<i32> = look.children(pid).iter().map(|child| child.pid).collect();
        children.sort_by_key(|child| (name(*child).is_none(), name(*child), *child));
        open.extend(children.into_iter().rev().map(|child| (depth + 1, child)));
    }
    tree
}

grader::main!(CASES);
