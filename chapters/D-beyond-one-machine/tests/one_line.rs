//! A program for one machine becomes one for several in the line that makes its executor.
#![forbid(unsafe_code)]

const LOCAL: &str = include_str!("../examples/wordcount_local/main.rs");
const CLUSTER: &str = include_str!("../examples/wordcount_cluster/main.rs");

/// What is no word about the program itself.
fn code(source: &str) -> Vec<&str> {
    source.lines().filter(|line| !line.starts_with("//!")).collect()
}

#[test]
fn the_two_word_counts_differ_in_one_line() {
    let (local, cluster) = (code(LOCAL), code(CLUSTER));
    assert_eq!(local.len(), cluster.len());
    let different: Vec<_> = local.iter().zip(&cluster).filter(|(a, b)| a != b).collect();
    let [(local, cluster)] = different[..] else { panic!("{different:#?}") };
    assert!(local.trim().starts_with("let executor = procpool::Pool::"), "{local}");
    assert!(cluster.trim().starts_with("let executor = cluster::Cluster::"), "{cluster}");
}
