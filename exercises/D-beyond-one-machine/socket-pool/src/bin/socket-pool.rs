//! The program of `socket-pool`: a caller with your code, and a worker whose answers come as you say.
//!
//! By hand: `cargo run -p socket-pool -- tcp whole,pieces 1 2`. The first word is the connection, `unix` or `tcp`. The second
//! says what the worker does with each task in turn: `whole` answers, `pieces` answers byte by byte, `cut5` sends 5 bytes
//! and, when you have read them, the rest; `silent` keeps the answer for later, `half` all but its first 5 bytes; `late`
//! sends what was kept, then its answer; `closes` ends the connection, `breaks` after 5 bytes of the answer. The numbers
//! are the tasks that are called, one after the other. The result of a task is the square of its input, and the input of
//! task 3 is 1003.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use socket_pool::{Connection, FRAME_LEN, Lost, Remote};

/// For an answer that will come: however slow the machine is.
const PATIENT: Duration = Duration::from_secs(60);
/// For one that will not come.
const IMPATIENT: Duration = Duration::from_millis(100);
/// What a worker that stops in the middle has sent.
const HALF: usize = 5;

/// Calls the tasks, and says how each has ended.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [transport, script, tasks @ ..] = &words[..] else {
        return Err("say how: for example `tcp whole,pieces 1 2`".into());
    };
    let script: Vec<String> = script.split(',').map(str::to_owned).collect();
    let tasks = tasks.iter().map(|task| task.parse()).collect::<Result<Vec<u32>, _>>()?;
    if transport == "unix" {
        let (near, far) = UnixStream::pair()?;
        call_all(near, far, script, &tasks)
    } else {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, _) = listener.accept()?;
        far.set_nodelay(true)?;
        call_all(near, far, script, &tasks)
    }
}

fn call_all<C>(
    near: C,
    far: impl io::Read + Write + Send + 'static,
    script: Vec<String>,
    tasks: &[u32],
) -> Result<(), Box<dyn Error>>
where
    C: Connection + AsFd,
{
    // The worker looks here whether its bytes were read.
    let seen = near.as_fd().try_clone_to_owned()?;
    let plan = script.clone();
    thread::spawn(move || {
        // Whatever fails here, the caller sees it as an end.
        let _ = work(far, &seen, &plan);
    });
    let mut remote = Remote::new(near);
    for (nth, task) in tasks.iter().enumerate() {
        let silent = matches!(script.get(nth).map(String::as_str), Some("silent" | "half"));
        let patience = if silent { IMPATIENT } else { PATIENT };
        let end = match remote.call(*task, 1000 + u64::from(*task), patience) {
            Ok(result) => result.to_string(),
            Err(Lost::Silent) => "silent".to_owned(),
            Err(Lost::Gone) => "gone".to_owned(),
        };
        println!("task {task}: {end}");
        gate::tell("task", format!("{task}: {end}"));
    }
    Ok(())
}

/// The other machine.
fn work(mut far: impl io::Read + Write, seen: &OwnedFd, script: &[String]) -> io::Result<()> {
    let mut kept = Vec::new();
    for how in script {
        let mut frame = [0; FRAME_LEN];
        far.read_exact(&mut frame)?;
        let [a, b, c, d, input @ ..] = frame;
        let task = u32::from_be_bytes([a, b, c, d]);
        let result = u64::from_be_bytes(input).wrapping_mul(u64::from_be_bytes(input));
        let answer = [&task.to_be_bytes()[..], &result.to_be_bytes()[..]].concat();
        match how.as_str() {
            "pieces" => {
                for byte in &answer {
                    far.write_all(&[*byte])?;
                    until_read(seen);
                }
            }
            "silent" => kept = answer,
            "half" => {
                far.write_all(&answer[..HALF])?;
                kept = answer[HALF..].to_vec();
            }
            "late" => far.write_all(&[std::mem::take(&mut kept), answer].concat())?,
            "closes" => return Ok(()),
            "breaks" => return far.write_all(&answer[..HALF]),
            how => {
                let cut = how.strip_prefix("cut").and_then(|cut| cut.parse().ok());
                let (first, rest) = answer.split_at(cut.unwrap_or(0).min(FRAME_LEN));
                far.write_all(first)?;
                until_read(seen);
                far.write_all(rest)?;
            }
        }
    }
    // The connection stays as long as the caller has it.
    far.read_exact(&mut [0])
}

/// Waits until nothing that was sent is unread.
fn until_read(seen: &OwnedFd) {
    let look = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    // What is on its way on the loopback has arrived when the write returns.
    while recv(seen.as_raw_fd(), &mut [0], look) != Err(Errno::EAGAIN) {
        thread::sleep(Duration::from_micros(200));
    }
}
