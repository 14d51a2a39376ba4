//! Files become texts in shared memory, also those that change or vanish meanwhile.

#[path = "../../examples/wordcount/text.rs"]
mod own;

use own::Texts;
use std::fs::{self, File};
use std::path::PathBuf;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        fs::write(path, bytes).expect("a new file");
    }
    (folder, paths)
}

fn next(texts: &mut Texts) -> Option<Vec<u8>> {
    let text = texts.next_text().expect("there is memory for it");
    text.map(|text| text.iter().copied().filter(|byte| *byte != 0).collect())
}

#[test]
fn files_are_put_together_and_stay_apart() {
    let (folder, paths) = folder(&[("b", b"two"), ("a", b"one"), ("c", b"")]);
    let mut texts = Texts::of_files(&paths);
    assert_eq!(next(&mut texts).expect("a text"), b"two\none\n\n");
    assert!(next(&mut texts).is_none() && texts.failed().is_empty());
    // A folder's files come in the order of their names.
    let mut texts = Texts::of_files(&[folder.path().to_owned()]);
    assert_eq!(next(&mut texts).expect("a text"), b"one\ntwo\n\n");
}

#[test]
fn a_file_that_vanishes_fails_alone() {
    let (_folder, paths) = folder(&[("a", b"one"), ("b", b"two"), ("c", b"three")]);
    let mut texts = Texts::of_files(&paths);
    fs::remove_file(&paths[1]).expect("a file");
    assert_eq!(next(&mut texts).expect("a text"), b"one\nthree\n");
    assert!(next(&mut texts).is_none());
    let [(path, error)] = texts.failed() else { panic!("{:?}", texts.failed()) };
    assert_eq!((path, error.kind()), (&paths[1], std::io::ErrorKind::NotFound));
}

#[test]
fn a_file_that_becomes_shorter_or_longer_harms_nobody() {
    let (_folder, paths) = folder(&[("a", b"one and more"), ("b", b"two"), ("c", b"three")]);
    let mut texts = Texts::of_files(&paths);
    fs::write(&paths[0], "one").expect("a file");
    fs::write(&paths[1], "two and much more").expect("a file");
    assert_eq!(next(&mut texts).expect("a text"), b"one\ntwo\nthree\n");
    assert!(texts.failed().is_empty());
}

#[test]
fn a_text_has_at_most_so_many_bytes_or_one_file() {
    let (_folder, paths) = folder(&[("a", b""), ("b", b""), ("c", b""), ("d", b"end")]);
    for path in &paths[..3] {
        // Without bytes on the disk.
        File::options()
            .write(true)
            .open(path)
            .expect("a file")
            .set_len(40 << 20)
            .expect("room");
    }
    let mut texts = Texts::of_files(&paths);
    let mut lens = Vec::new();
    while let Some(text) = texts.next_text().expect("there is memory for it") {
        lens.push(text.len());
    }
    assert_eq!(lens, [(40 << 20) + 1, (40 << 20) + 1, (40 << 20) + 5]);
}

#[test]
fn a_made_up_text_is_the_same_every_time() {
    let text = || Texts::made_up(100_000).next_text().expect("memory").expect("a text");
    assert!(text() == text() && text().len() == 100_000);
    assert!(std::str::from_utf8(&text()).is_err(), "it has bytes that are no UTF-8");
}
