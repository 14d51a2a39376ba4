//! A tree of processes, made in the shape of a description.

use std::error::Error;

use nix::sys::wait::waitpid;

/// A process of the tree, and those that it starts.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it calls itself.
    pub name: String,
    /// The processes of which it is the parent.
    pub children: Vec<Node>,
}

/// Makes the calling process the process `node`: it starts a process for each of the node's children, lives, and waits
/// for them all.
///
/// Each process of the tree calls `live` with its name, once, when it has started its own children. `live` returns when
/// the process may end.
///
/// # Errors
/// If a process cannot be made or waited for.
pub fn grow(node: &Node, live: fn(&str)) -> Result<(), Box<dyn Error>> {
    todo!()
}
