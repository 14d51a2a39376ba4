//! What the program, its template and its executed processes say to each other, as bytes.
//!
//! Three messages, each one datagram of a SOCK_SEQPACKET pair: the [`Birth`] of a process that was executed, a request
//! to a template (one byte and the note; the kit's descriptors travel with it), and the template's [`Reply`].
//!
//! Invariant: bytes from another process are parsed into one of these or refused; none panics.

use crate::NOTE_LEN_MAX;

/// The first bytes of a birth; no other protocol begins like this.
const MAGIC: [u8; 8] = *b"start/1\n";

/// A birth's magic and nonce, by which a process knows its own.
pub(crate) const BIRTH_MARK_LEN: usize = MAGIC.len() + size_of::<u64>();

/// The kernel keeps 15 bytes of a process's name.
pub(crate) const NAME_LEN_MAX: usize = 15;

/// Mark, role, program, length of the name, name, note.
pub(crate) const BIRTH_LEN_MAX: usize =
    BIRTH_MARK_LEN + 1 + 4 + 1 + NAME_LEN_MAX + NOTE_LEN_MAX;

/// The first byte of a request. A datagram needs one, because an empty one looks like the end.
const REQUEST: u8 = b'w';

pub(crate) const REQUEST_LEN_MAX: usize = 1 + NOTE_LEN_MAX;

pub(crate) const REPLY_LEN: usize = 5;

/// What an executed process is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    Worker = b'w',
    Forkserver = b'f',
}

/// The first message to a process that was executed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Birth {
    pub(crate) nonce: u64,
    pub(crate) role: Role,
    /// The process that it is a child of.
    pub(crate) program: i32,
    /// Of the workers, at most [`NAME_LEN_MAX`] bytes.
    pub(crate) name: Vec<u8>,
    pub(crate) note: Vec<u8>,
}

impl Birth {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = &self.name[..self.name.len().min(NAME_LEN_MAX)];
        let mut bytes = mark(self.nonce).to_vec();
        bytes.push(self.role as u8);
        bytes.extend_from_slice(&self.program.to_le_bytes());
        bytes.push(name.len() as u8);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&self.note);
        bytes
    }

    /// `None` if this is no birth with that nonce.
    pub(crate) fn decode(bytes: &[u8], nonce: u64) -> Option<Birth> {
        let rest = bytes.strip_prefix(&mark(nonce))?;
        let (&role, rest) = rest.split_first()?;
        let role = [Role::Worker, Role::Forkserver].into_iter().find(|r| *r as u8 == role)?;
        let (program, rest) = rest.split_first_chunk()?;
        let (&name_len, rest) = rest.split_first()?;
        let (name, note) = rest.split_at_checked(usize::from(name_len))?;
        Some(Birth {
            nonce,
            role,
            program: i32::from_le_bytes(*program),
            name: name.to_vec(),
            note: note.to_vec(),
        })
    }
}

/// How a birth with this nonce begins.
pub(crate) fn mark(nonce: u64) -> [u8; BIRTH_MARK_LEN] {
    let mut mark = [0; BIRTH_MARK_LEN];
    let (magic, number) = mark.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    number.copy_from_slice(&nonce.to_le_bytes());
    mark
}

pub(crate) fn encode_request(note: &[u8]) -> Vec<u8> {
    [&[REQUEST], note].concat()
}

/// The note.
pub(crate) fn decode_request(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(&[REQUEST])
}

/// What a template answers to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The worker has this process id.
    Started(i32),
    /// `clone` failed with this errno.
    CloneFailed(i32),
    /// The template has no room for the kit's descriptors.
    NoDescriptors,
    /// The template has this many threads and must not fork.
    Threads(i32),
}

impl Reply {
    pub(crate) fn encode(self) -> [u8; REPLY_LEN] {
        let (kind, value) = match self {
            Reply::Started(pid) => (b's', pid),
            Reply::CloneFailed(errno) => (b'c', errno),
            Reply::NoDescriptors => (b'd', 0),
            Reply::Threads(count) => (b't', count),
        };
        let [a, b, c, d] = value.to_le_bytes();
        [kind, a, b, c, d]
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Reply> {
        let [kind, value @ ..] = <[u8; REPLY_LEN]>::try_from(bytes).ok()?;
        let value = i32::from_le_bytes(value);
        match kind {
            b's' => Some(Reply::Started(value)),
            b'c' => Some(Reply::CloneFailed(value)),
            b'd' => Some(Reply::NoDescriptors),
            b't' => Some(Reply::Threads(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth() -> Birth {
        Birth {
            nonce: 77,
            role: Role::Forkserver,
            program: 4001,
            name: b"thumbnails".to_vec(),
            note: b"a note".to_vec(),
        }
    }

    #[test]
    fn a_birth_arrives_as_it_was_sent() {
        assert_eq!(Birth::decode(&birth().encode(), 77), Some(birth()));
    }

    #[test]
    fn the_longest_birth_fits() {
        let note = vec![1; NOTE_LEN_MAX];
        let longest = Birth { name: vec![b'n'; 300], note, ..birth() };
        let bytes = longest.encode();
        assert_eq!(bytes.len(), BIRTH_LEN_MAX);
        let decoded = Birth::decode(&bytes, 77).expect("a birth");
        assert_eq!(decoded.name, [b'n'; NAME_LEN_MAX]);
    }

    #[test]
    fn a_birth_of_somebody_else_is_refused() {
        assert_eq!(Birth::decode(&birth().encode(), 78), None);
        assert_eq!(Birth::decode(b"", 77), None);
    }

    #[test]
    fn damaged_births_are_refused_without_a_panic() {
        let bytes = birth().encode();
        for len in 0..bytes.len() {
            // What is cut off behind the name is a shorter note, which is no damage.
            let whole = len >= bytes.len() - birth().note.len();
            assert_eq!(Birth::decode(&bytes[..len], 77).is_some(), whole, "{len} bytes");
        }
        let mut wrong_role = birth().encode();
        wrong_role[BIRTH_MARK_LEN] = b'?';
        assert_eq!(Birth::decode(&wrong_role, 77), None);
    }

    #[test]
    fn replies_arrive_as_they_were_sent() {
        let replies = [
            Reply::Started(4001),
            Reply::CloneFailed(11),
            Reply::NoDescriptors,
            Reply::Threads(3),
        ];
        for reply in replies {
            assert_eq!(Reply::decode(&reply.encode()), Some(reply));
        }
        assert_eq!(Reply::decode(b"s"), None);
        assert_eq!(Reply::decode(b"?0000"), None);
        assert_eq!(Reply::decode(b"s00000"), None);
    }

    #[test]
    fn a_request_is_its_note() {
        assert_eq!(decode_request(&encode_request(b"note")), Some(&b"note"[..]));
        assert_eq!(decode_request(&encode_request(b"")), Some(&b""[..]));
        assert_eq!(decode_request(b""), None);
        assert_eq!(decode_request(b"note"), None);
    }
}
