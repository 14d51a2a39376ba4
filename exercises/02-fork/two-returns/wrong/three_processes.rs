//! IMPOSSIBLE_OUTPUT: thinks that two forks make two processes more.
//!
//! Each list holds every text that some run of the program can print, once, and no other, such as `&["xyz", "yxz"]`. Write a
//! text as it comes out, without blanks. The order of the list is up to you.

/// All that `order` can print: `a` is first and `e` is last, and `d` is anywhere beside `b` and `c`.
pub const ORDER: &[&str] = &["abcde", "abdce", "adbce"];

/// All that `memory` can print: each process has its own number, whoever comes first.
pub const MEMORY: &[&str] = &["233", "323"];

/// All that `twice` can print: two processes print `b`, four print `c`. The process that has printed `b` and the one
/// that it starts afterwards can both print `c` before the other `b` comes.
pub const TWICE: &[&str] = &["abbccc", "abcbcc"];
