//! The work that pool v1 is given: a file's SHA-256, and the line that `sha256sum` prints for it.
//!
//! # References
//! FIPS 180-4; the manual of GNU coreutils, "cksum output modes", for the escaped names.

use bstr::ByteSlice;
use pipe::read_full;
use sha2::{Digest, Sha256};
use std::{ffi::OsStr, fs::File, io, os::unix::ffi::OsStrExt};

/// Bytes that are read and hashed at once. A file of any length takes no more memory than this.
const PIECE_LEN: usize = 128 << 10;

// ANCHOR: sha256sum
/// Files in a task, at most. Handing out a task takes about as long as hashing one small file.
pub(crate) const FILES_MAX: usize = 16;

/// The digests of some files, one in a line. Names are divided by zero bytes, which no name can have.
pub(crate) fn sha256_each(names: &[u8]) -> Vec<u8> {
    let digests: Vec<_> = names.split(|byte| *byte == 0).map(sha256).collect();
    digests.join(&b'\n')
}

/// The digest of the file `name` in hexadecimal, or `!` and why there is none.
pub(crate) fn sha256(name: &[u8]) -> Vec<u8> {
    digest(name).unwrap_or_else(|error| format!("!{error}")).into_bytes()
}

fn digest(name: &[u8]) -> io::Result<String> {
    let mut file = File::open(OsStr::from_bytes(name))?;
    let (mut sha256, mut piece) = (Sha256::new(), vec![0; PIECE_LEN]);
    while let len @ 1.. = read_full(&mut file, &mut piece)? {
        sha256.update(&piece[..len]);
    }
    Ok(sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The line. If the name has a backslash or a line's end, those are escaped, and a backslash in front says so.
pub(crate) fn line(name: &[u8], digest: &[u8]) -> Vec<u8> {
    let escaped = name.replace(r"\", r"\\").replace("\n", r"\n").replace("\r", r"\r");
    let mark: &[u8] = if escaped == name { b"" } else { br"\" };
    [mark, digest, b"  ", &escaped, b"\n"].concat()
}
// ANCHOR_END: sha256sum
