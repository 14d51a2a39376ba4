//! Where the text comes from: files, read straight into shared memory, or a text that is made up.
//!
//! A file is read and not mapped. If somebody shortened a mapped file meanwhile, this program would end by SIGBUS (man 2
//! mmap); a read only comes to the end earlier. It is also the one copy that there is: the kernel writes into the memory
//! that the workers read.

use procpool::{SharedSlice, SharedSliceMut};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Files are put together until there are so many bytes. A larger file is a text of its own, and is in memory as a
/// whole.
const TEXT_BYTES: u64 = 64 << 20;

/// Texts to count, one after the other, so that the memory is bounded by [`TEXT_BYTES`] and the largest file.
pub(crate) struct Texts {
    /// Files that were not read yet, each with its length when it was looked at.
    files: VecDeque<(PathBuf, u64)>,
    /// Bytes of a made-up text, if there is one to be made.
    made_up: usize,
    failed: Vec<(PathBuf, io::Error)>,
}

impl Texts {
    /// A text that is the same every time.
    pub(crate) fn made_up(len: usize) -> Texts {
        Texts { files: VecDeque::new(), made_up: len, failed: Vec::new() }
    }

    /// Files as they are given, and those of folders in the order of their names.
    pub(crate) fn of_files(paths: &[PathBuf]) -> Texts {
        let mut texts = Texts::made_up(0);
        for path in paths {
            match fs::metadata(path) {
                Ok(data) if data.is_dir() => texts.walk(path),
                Ok(data) if data.is_file() => texts.files.push_back((path.clone(), data.len())),
                // A pipe, for example, whose length nobody knows.
                Ok(_) => texts.fail(path, io::Error::other("neither a file nor a folder")),
                Err(error) => texts.fail(path, error),
            }
        }
        texts
    }

    /// The files that could not be read.
    pub(crate) fn failed(&self) -> &[(PathBuf, io::Error)] {
        &self.failed
    }

    /// The next text; `None` after the last one.
    pub(crate) fn next_text(&mut self) -> io::Result<Option<SharedSlice<u8>>> {
        match std::mem::take(&mut self.made_up) {
            0 => self.next_files(),
            len => {
                let mut text = SharedSliceMut::zeroed(len)?;
                make_up(text.as_mut_slice());
                text.freeze().map(Some)
            }
        }
    }

    // ANCHOR: read
    /// Files of [`TEXT_BYTES`] together, or one that is larger, with the end of a line after each,
    /// so that no word goes from one into the next.
    fn next_files(&mut self) -> io::Result<Option<SharedSlice<u8>>> {
        let (mut len, mut count) = (0, 0);
        for (_, file_len) in &self.files {
            if count > 0 && len + file_len > TEXT_BYTES {
                break;
            }
            len += file_len + 1;
            count += 1;
        }
        if count == 0 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let mut text = SharedSliceMut::zeroed(len)?;
        let mut rest = text.as_mut_slice();
        for (path, file_len) in self.files.drain(..count) {
            let (room, after) = rest.split_at_mut(file_len as usize + 1);
            match read(&path, &mut room[..file_len as usize]) {
                // What a shorter file leaves is zero bytes, which belong to no word.
                Ok(read) => room[read] = b'\n',
                Err(error) => self.failed.push((path, error)),
            }
            rest = after;
        }
        // From here on nobody can change it.
        text.freeze().map(Some)
    }
    // ANCHOR_END: read

    fn walk(&mut self, folder: &Path) {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let found = entry.and_then(|entry| {
                let data = entry.metadata()?;
                Ok((entry.into_path(), data))
            });
            match found {
                Ok((path, data)) if data.is_file() => self.files.push_back((path, data.len())),
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    self.failed.push((path, error.into()));
                }
            }
        }
    }

    fn fail(&mut self, path: &Path, error: io::Error) {
        self.failed.push((path.to_owned(), error));
    }
}

/// Reads until the room is full or the file is at its end; returns how many bytes.
fn read(path: &Path, room: &mut [u8]) -> io::Result<usize> {
    let mut file = File::open(path)?;
    let mut len = 0;
    while len < room.len() {
        match file.read(&mut room[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                // Half a file would be a wrong count.
                room[..len].fill(0);
                return Err(error);
            }
        }
    }
    Ok(len)
}

/// What a made-up text consists of: some words are rarer than others, and not all are ASCII.
const WORDS: [&str; 28] = [
    "the",
    "process",
    "waits",
    "процесс",
    "for",
    "don't",
    "its",
    "Straße",
    "child",
    "東京",
    "and",
    "reads",
    "a",
    "pipe",
    "naïve",
    "until",
    "nobody",
    "writes",
    "κόσμος",
    "fork",
    "garçon",
    "дочерний",
    "ждёт",
    "सूत्र",
    "cafe\u{301}",
    "3.14",
    "ÅNGSTRÖM",
    "zombie",
];

/// Fills `text` with words, blanks, ends of lines, and now and then bytes that are no UTF-8.
fn make_up(text: &mut [u8]) {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) as usize % below
    };
    let mut rest = text;
    while !rest.is_empty() {
        let most = next(WORDS.len()) + 1;
        let word = WORDS[next(most)].as_bytes();
        let after: &[u8] = match next(400) {
            0 => b"\xFF\xFE ",
            1..50 => b"\n",
            50..80 => b", ",
            _ => b" ",
        };
        for bytes in [word, after] {
            let len = bytes.len().min(rest.len());
            let (room, left) = rest.split_at_mut(len);
            room.copy_from_slice(&bytes[..len]);
            rest = left;
        }
    }
}
