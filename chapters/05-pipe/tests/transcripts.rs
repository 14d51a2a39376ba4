//! What the page shows is what the examples print.

use nix::unistd::{SysconfVar, sysconf};
use transcript::Transcript;

/// The page shows what a pipe holds with memory pages of 4,096 bytes. With others, `figures` are not compared.
fn counted_in_pages(name: &str, figures: &str) -> Transcript {
    let transcript = transcript::example(name);
    match sysconf(SysconfVar::PAGE_SIZE) {
        Ok(Some(4096)) => transcript,
        _ => transcript.varying(figures),
    }
}

#[test]
fn how_much_fits() {
    counted_in_pages("how_much_fits", r" *\d+").check();
}

#[test]
fn one_write_two_reads() {
    counted_in_pages("one_write_two_reads", r"\d{5,}").check();
}

#[test]
fn who_holds_the_end() {
    transcript::example("who_holds_the_end").check();
}

#[test]
fn two_full_pipes() {
    // What the kernel calls the function, and whether it tells, differs from version to version.
    transcript::example("two_full_pipes").varying(r"is sleeping(, in \w+)?").check();
}

#[test]
fn broken_pipe() {
    transcript::example("broken_pipe").check();
}

#[test]
fn pool_v1() {
    transcript::example("pool_v1")
        .current_dir("../..")
        .args(["-j", "2", "chapters/05-pipe/examples/poems"])
        .measured(&["s"])
        .check();
}
