//! Jobs as bytes that another process has sent.
//!
//! A job is one byte that says which it is, and what belongs to it:
//!
//! | byte | job | and then |
//! |---|---|---|
//! | 0 | stop | nothing |
//! | 1 | sum | how many numbers, and the numbers |
//! | 2 | greet | how many names; for each one how many bytes it has, and the bytes, in UTF-8 |
//!
//! Every number has 8 bytes, the lowest first. Nothing comes behind a job.

/// What a worker is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Job {
    /// Nothing more.
    Stop,
    /// To add numbers.
    Sum(Vec<u64>),
    /// To greet people.
    Greet(Vec<String>),
}

/// Reads a job.
///
/// # Errors
/// If the bytes are no job. They may come from a process that has gone wild. They cost no more memory than a small
/// multiple of their own length.
pub fn decode(bytes: &[u8]) -> Result<Job, &'static str> {
    let mut rest = bytes;
    let job = match take(&mut rest, 1)? {
        [0] => Job::Stop,
        [1] => Job::Sum(many(&mut rest, number)?),
        [2] => Job::Greet(many(&mut rest, name)?),
        _ => unreachable!("there are three jobs"),
    };
    Ok(job)
}

/// Takes as many bytes from the beginning of the rest, if they are there.
fn take<'a>(rest: &mut &'a [u8], len_bytes: usize) -> Result<&'a [u8], &'static str> {
    rest.split_off(..len_bytes).ok_or("there are fewer bytes than it says")
}

fn number(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let bytes = take(rest, 8)?.try_into().map_err(|_| "a number has 8 bytes")?;
    Ok(u64::from_le_bytes(bytes))
}

fn name(rest: &mut &[u8]) -> Result<String, &'static str> {
    let len_bytes = number(rest)? as usize;
    let mut name = vec![0; len_bytes];
    name.copy_from_slice(take(rest, len_bytes)?);
    String::from_utf8(name).map_err(|_| "a name is no UTF-8")
}

/// As many values as the next number says.
fn many<T>(
    rest: &mut &[u8],
    one: fn(&mut &[u8]) -> Result<T, &'static str>,
) -> Result<Vec<T>, &'static str> {
    let count = number(rest)? as usize;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(one(rest)?);
    }
    Ok(values)
}
