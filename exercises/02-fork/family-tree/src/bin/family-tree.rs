//! The program of `family-tree`: becomes a tree of processes that looks as its argument says.
//!
//! A letter is a process, and the letters in parentheses after it are its children. By hand:
//! `cargo run -p family-tree -- 'a(b(c)d)'`

use std::process::ExitCode;

use family_tree::Node;

/// Reads the description, and has the tree grown.
pub(crate) fn main() -> ExitCode {
    let text = std::env::args().nth(1).unwrap_or_else(|| "a".to_owned());
    let Some(root) = nodes(&mut text.chars()).into_iter().next() else {
        eprintln!("error: {text:?} names no process");
        return ExitCode::FAILURE;
    };
    gate::pass("start");
    let grown = family_tree::grow(&root, live);
    gate::pass("end");
    match grown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says who is there, and stays as long as the grader wants to look.
fn live(name: &str) {
    println!(
        "{name} is process {}, its parent is {}",
        std::process::id(),
        nix::unistd::getppid()
    );
    gate::tell("live", name);
}

/// The nodes up to the parenthesis that closes.
fn nodes(text: &mut std::str::Chars) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    while let Some(letter) = text.next() {
        match letter {
            ')' => break,
            '(' => {
                if let Some(last) = nodes.last_mut() {
                    last.children = self::nodes(text);
                }
            }
            _ => nodes.push(Node { name: letter.to_string(), children: Vec::new() }),
        }
    }
    nodes
}
