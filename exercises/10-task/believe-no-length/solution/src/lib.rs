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
        _ => return Err("there is no such job"),
    };
    if rest.is_empty() { Ok(job) } else { Err("there are bytes behind the job") }
}

/// Takes as many bytes from the beginning of the rest, if they are there.
fn take<'a>(rest: &mut &'a [u8], len_bytes: u64) -> Result<&'a [u8], &'static str> {
    let len_bytes = usize::try_from(len_bytes).map_err(|_| "longer than memory can be")?;
    rest.split_off(..len_bytes).ok_or("there are fewer bytes than it says")
}

fn number(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let bytes = take(rest, 8)?.try_into().map_err(|_| "a number has 8 bytes")?;
    Ok(u64::from_le_bytes(bytes))
}

fn name(rest: &mut &[u8]) -> Result<String, &'static str> {
    let len_bytes = number(rest)?;
    let name = std::str::from_utf8(take(rest, len_bytes)?).map_err(|_| "a name is no UTF-8")?;
    Ok(name.to_owned())
}

/// As many values as the next number says. The vector grows with what is really there: each value takes bytes of the rest,
/// and the first that is missing ends the loop.
fn many<T>(
    rest: &mut &[u8],
    one: fn(&mut &[u8]) -> Result<T, &'static str>,
) -> Result<Vec<T>, &'static str> {
    let count = number(rest)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(one(rest)?);
    }
    Ok(values)
}
