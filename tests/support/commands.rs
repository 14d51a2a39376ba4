//! The shell commands that a page or the README shows: a reader copies them, so each must name
//! things that exist.

use std::io::Write;
use std::process::{Command, Stdio};

use super::exercises;
use super::project::Project;

/// What a reader has on Linux, or is told to install, and may be shown in a command.
const PROGRAMS: &[&str] = &[
    "apt-get",
    "awk",
    "bash",
    "cat",
    "cd",
    "cp",
    "curl",
    "cut",
    "df",
    "diff",
    "docker",
    "echo",
    "env",
    "false",
    "find",
    "free",
    "gdb",
    "git",
    "grep",
    "head",
    "hexdump",
    "id",
    "kill",
    "less",
    "ls",
    "lsns",
    "lsof",
    "man",
    "mdbook",
    "mkdir",
    "mount",
    "nats-server",
    "nproc",
    "pgrep",
    "podman",
    "printf",
    "prlimit",
    "ps",
    "pstree",
    "readlink",
    "rm",
    "rustc",
    "rustup",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "srun",
    "ss",
    "ssh",
    "stat",
    "strace",
    "systemd-run",
    "tail",
    "tee",
    "timeout",
    "top",
    "touch",
    "tr",
    "true",
    "ulimit",
    "uname",
    "uniq",
    "unshare",
    "wait",
    "wc",
    "wsl",
    "xargs",
];

/// Words of the shell itself that may begin a command; the command proper follows.
const KEYWORDS: &[&str] = &["do", "else", "if", "then", "while", "until", "!", "(", "{"];

/// Programs that run the command that follows their own arguments.
const WRAPPERS: &[&str] = &["exec", "nice", "sudo", "taskset", "time"];

const CARGO_VERBS: &[&str] =
    &["bench", "build", "clippy", "doc", "fmt", "install", "run", "test"];

/// What the program behind `cargo run` is asked for: `cargo run -- VERB`.
pub(crate) const VERBS: &[&str] = &[
    "serve", "build", "list", "run", "trace", "grade", "watch", "hint", "solution", "reset",
    "prove", "measure", "doctor",
];

/// The verbs that take the name of an exercise.
const ABOUT_AN_EXERCISE: &[&str] = &["grade", "hint", "solution", "reset", "prove"];

/// What stands for a name in a command that has to be completed first.
const PLACEHOLDERS: &[&str] = &["ID", "ID-solution", "NAME"];

/// What a reader could not run: one message for each.
pub(crate) fn faults(project: &Project, script: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for words in simple_commands(script) {
        if let Some(fault) = fault(project, &words) {
            faults.push(format!("`{}`: {fault}", words.join(" ")));
        }
    }
    faults
}

/// The examples that a script runs.
pub(crate) fn examples_run(script: &str) -> Vec<String> {
    simple_commands(script).iter().filter_map(|words| example_run(words)).collect()
}

/// Whether the shell can read a script; `Err` is what it says.
///
/// # Panics
///
/// If there is no `bash` that could be asked.
pub(crate) fn parsed_by_bash(script: &str) -> Result<(), String> {
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash is installed");
    let mut input = bash.stdin.take().expect("standard input is a pipe");
    input.write_all(script.as_bytes()).expect("bash reads its script");
    drop(input);
    let output = bash.wait_with_output().expect("bash ends");
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

fn fault(project: &Project, words: &[String]) -> Option<String> {
    let program = words.first()?.as_str();
    if program == "cargo" {
        return cargo_fault(project, &words[1..]);
    }
    if let Some(name) = built_example(program) {
        let exists = project.targets("example").any(|(_, example)| example.name == name);
        return (!exists).then(|| format!("there is no example `{name}`"));
    }
    let known =
        PROGRAMS.contains(&program) || program.starts_with("./") || program.contains('$');
    (!known).then(|| format!("`{program}` is not among the programs that a reader has"))
}

fn cargo_fault(project: &Project, words: &[String]) -> Option<String> {
    let verb = words.first().map_or("", String::as_str);
    if !CARGO_VERBS.contains(&verb) {
        return Some(format!("`cargo {verb}` is not among {CARGO_VERBS:?}"));
    }
    if verb == "install" {
        return None;
    }
    let (own, passed_on) = match words.iter().position(|word| word == "--") {
        Some(dashes) => (&words[..dashes], &words[dashes + 1..]),
        None => (words, &[][..]),
    };
    let package = value_of(own, &["-p", "--package"]);
    if let Some(package) = package
        && !PLACEHOLDERS.contains(&package)
        && !package.starts_with('$')
        && !project.packages.iter().any(|known| known.name == package)
    {
        return Some(format!("there is no package `{package}`"));
    }
    for (option, kind) in
        [("--example", "example"), ("--test", "test"), ("--bench", "bench"), ("--bin", "bin")]
    {
        if let Some(name) = value_of(own, &[option]) {
            let exists = project.targets(kind).any(|(owner, target)| {
                target.name == name && package.is_none_or(|package| owner.name == package)
            });
            if !exists {
                return Some(format!("there is no {kind} `{name}`"));
            }
        }
    }
    let own_program = package.is_none_or(|package| package == "workbook");
    if verb == "run" && own_program && value_of(own, &["--example", "--bin"]).is_none() {
        let asked = passed_on.first().map_or("serve", String::as_str);
        if !VERBS.contains(&asked) {
            return Some(format!("the workbook has no `{asked}`, only {VERBS:?}"));
        }
        if asked == "run" {
            let name = passed_on.get(1).map_or("", String::as_str);
            let placeholder = PLACEHOLDERS.contains(&name);
            if !placeholder && !project.targets("example").any(|(_, known)| known.name == name)
            {
                return Some(format!("there is no example `{name}`"));
            }
        }
        let named = passed_on.iter().skip(1).find(|word| !word.starts_with('-'));
        if asked == "trace"
            && let Some(name) = named
            && !PLACEHOLDERS.contains(&name.as_str())
            && !project.targets("example").any(|(_, known)| known.name == *name)
            && !exercises::all(project).iter().any(|known| known.id == *name)
        {
            return Some(format!("there is no example and no exercise `{name}`"));
        }
        if asked == "measure"
            && let Some(id) = named
            && !PLACEHOLDERS.contains(&id.as_str())
            && claims::claim(id).is_none()
        {
            return Some(format!("there is no claim `{id}`"));
        }
        if ABOUT_AN_EXERCISE.contains(&asked)
            && let Some(id) = named
            && !PLACEHOLDERS.contains(&id.as_str())
            && !exercises::all(project).iter().any(|known| known.id == *id)
        {
            return Some(format!("there is no exercise `{id}`"));
        }
    }
    None
}

fn example_run(words: &[String]) -> Option<String> {
    let program = words.first()?;
    if let Some(name) = built_example(program) {
        return Some(name.to_owned());
    }
    if program != "cargo" || words.get(1)? != "run" {
        return None;
    }
    let dashes = words.iter().position(|word| word == "--").unwrap_or(words.len());
    if let Some(name) = value_of(&words[..dashes], &["--example"]) {
        return Some(name.to_owned());
    }
    match &words[dashes..] {
        [_, run, name, ..] if run == "run" => Some(name.clone()),
        _ => None,
    }
}

/// The example that a path such as `target/release/examples/NAME` runs.
fn built_example(program: &str) -> Option<&str> {
    ["target/release/examples/", "target/debug/examples/"]
        .iter()
        .find_map(|folder| program.trim_start_matches("./").strip_prefix(folder))
}

fn value_of<'a>(words: &'a [String], options: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(index, word)| {
        if options.contains(&word.as_str()) {
            return words.get(index + 1).map(String::as_str);
        }
        let (option, value) = word.split_once('=')?;
        options.contains(&option).then_some(value)
    })
}

/// The script cut into commands, and each command into words, without keywords of the shell,
/// assignments, comments and programs that only run what follows them.
fn simple_commands(script: &str) -> Vec<Vec<String>> {
    let script = script.replace("\\\n", " ");
    script
        .lines()
        .flat_map(with_substitutions)
        .flat_map(|line| split(&line))
        .filter_map(|words| {
            let command = command_proper(&words);
            (!command.is_empty()).then(|| command.to_vec())
        })
        .collect()
}

fn command_proper(mut words: &[String]) -> &[String] {
    loop {
        let Some(first) = words.first() else { return words };
        if first == "for" || first == "done" || first == "fi" || first == "}" || first == ")" {
            return &[];
        }
        let assigns = first.split_once('=').is_some_and(|(name, _)| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if assigns || KEYWORDS.contains(&first.as_str()) {
            words = &words[1..];
        } else if WRAPPERS.contains(&first.as_str()) {
            words = &words[1..];
            // Options of the wrapper, and the numbers that they take.
            while words.first().is_some_and(|word| {
                word.starts_with('-') || word.chars().all(|c| c.is_ascii_digit() || c == ',')
            }) {
                words = &words[1..];
            }
        } else {
            return words;
        }
    }
}

/// One line with a variable in the place of each `$(command)`, and then those commands.
fn with_substitutions(line: &str) -> Vec<String> {
    let mut outer = String::new();
    let mut inner = Vec::new();
    let mut rest = line;
    let mut quoted = false;
    while let Some(character) = rest.chars().next() {
        if !quoted
            && let Some(inside) = rest.strip_prefix("$(")
            && let Some(end) = closing(inside)
        {
            let commands = with_substitutions(&inside[..end]);
            // Between two pairs of parentheses stands arithmetic, in which only commands count.
            let arithmetic = usize::from(inside.starts_with('('));
            inner.extend(commands.into_iter().skip(arithmetic));
            outer.push_str("$_");
            rest = &inside[end + 1..];
            continue;
        }
        quoted ^= character == '\'';
        outer.push(character);
        rest = &rest[character.len_utf8()..];
    }
    inner.insert(0, outer);
    inner
}

/// Where the parenthesis that is open at the start is closed.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    for (index, character) in text.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(index);
        }
    }
    None
}

/// One line cut at `|`, `&` and `;`, outside quotes, and then into words.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut before = ' ';
    for character in line.chars() {
        let redirects = character == '&' && matches!(before, '>' | '<');
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '|' | '&' | ';') if !redirects => {
                commands.last_mut().expect("never empty").extend(word.take());
                commands.push(Vec::new());
            }
            (None, ' ' | '\t') => commands.last_mut().expect("never empty").extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
        before = character;
    }
    commands.last_mut().expect("never empty").extend(word.take());
    commands
}
