//! What everything is called on the server: the stream, the consumer, the subjects.
//!
//! Owner: the pool's name, which the caller and its hosts share. Several pools, and whatever else, can use one server.

use std::fmt::{self, Display};

/// The one consumer of a pool's stream. All hosts pull from it.
pub(crate) const CONSUMER: &str = "hosts";

/// A number that nobody else has: of a caller, or of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Peer(pub(crate) u64);

impl Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Peer {
    /// One that was not there before, nor on another machine.
    pub(crate) fn new() -> Peer {
        use std::hash::{BuildHasher, RandomState};
        Peer(RandomState::new().hash_one((std::process::id(), std::time::SystemTime::now())))
    }

    /// The number in the last part of a subject.
    pub(crate) fn in_subject(subject: &str) -> Option<Peer> {
        let last = subject.rsplit('.').next()?;
        u64::from_str_radix(last, 16).ok().map(Peer)
    }
}

/// The names of one pool.
#[derive(Debug, Clone)]
pub(crate) struct Names(String);

impl Names {
    /// The names of the pool called `pool`, or what is wrong with that.
    pub(crate) fn new(pool: &str) -> Result<Names, String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if pool.is_empty() || pool.len() > 32 || !pool.chars().all(fits) {
            return Err(format!("{pool:?} is not 1 to 32 of A-Z a-z 0-9 - _"));
        }
        Ok(Names(pool.to_owned()))
    }

    pub(crate) fn pool(&self) -> &str {
        &self.0
    }

    /// The stream that keeps the tasks.
    pub(crate) fn stream(&self) -> String {
        format!("procpool_{}", self.0)
    }

    /// The bucket for what is too large for a message.
    pub(crate) fn bucket(&self) -> String {
        format!("procpool_{}_payloads", self.0)
    }

    /// What the stream keeps.
    pub(crate) fn tasks(&self) -> String {
        format!("procpool.{}.task.>", self.0)
    }

    /// The chunks of one caller.
    pub(crate) fn chunks_of(&self, caller: Peer) -> String {
        format!("procpool.{}.task.{caller}.*", self.0)
    }

    /// One chunk. That each has a subject of its own lets its caller ask which of them the server still has.
    pub(crate) fn chunk(&self, caller: Peer, chunk: u64) -> String {
        format!("procpool.{}.task.{caller}.{chunk}", self.0)
    }

    /// Where a caller is answered.
    pub(crate) fn answers(&self, caller: Peer) -> String {
        format!("procpool.{}.answer.{caller}", self.0)
    }

    /// Where the server tells a caller that it has a chunk. The chunk's number follows.
    pub(crate) fn receipts(&self, caller: Peer) -> String {
        format!("procpool.{}.receipt.{caller}", self.0)
    }

    /// Where callers say that they live.
    pub(crate) fn alive(&self, caller: impl Display) -> String {
        format!("procpool.{}.alive.{caller}", self.0)
    }

    /// Where hosts say that they live, and what they hold.
    pub(crate) fn host(&self, host: impl Display) -> String {
        format!("procpool.{}.host.{host}", self.0)
    }

    /// Where callers name the tasks that are to be ended.
    pub(crate) fn abort(&self, caller: impl Display) -> String {
        format!("procpool.{}.abort.{caller}", self.0)
    }

    /// Where a host gets what it has pulled.
    pub(crate) fn pulled(&self, host: Peer) -> String {
        format!("procpool.{}.pulled.{host}", self.0)
    }

    /// Where the server takes pulls.
    pub(crate) fn next(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.{CONSUMER}", self.stream())
    }
}

/// The number of a chunk, of the last part of its subject.
pub(crate) fn chunk_in_subject(subject: &str) -> Option<u64> {
    subject.rsplit('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_dot_and_no_wildcard() {
        for bad in ["", "a.b", "a b", "*", ">", &"x".repeat(33)] {
            assert!(Names::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Names::new("night-run_2").unwrap().stream(), "procpool_night-run_2");
    }

    #[test]
    fn numbers_are_found_in_subjects() {
        let (names, caller) = (Names::new("p").unwrap(), Peer(0xABC));
        assert_eq!(chunk_in_subject(&names.chunk(caller, 17)), Some(17));
        assert_eq!(Peer::in_subject(&names.alive(caller)), Some(caller));
        assert_eq!(Peer::in_subject("procpool.p.alive.x"), None);
        assert_ne!(Peer::new(), Peer::new());
    }
}
