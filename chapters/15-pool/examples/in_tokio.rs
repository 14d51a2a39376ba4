//! Awaits tasks of worker processes from async code: several at once, with a timeout, and within `select!`.
//! Minutes: 5
//!
//! `cargo run --example in_tokio`. Look at who answers the worker in the first line of each part: the same thread that
//! waits for that worker's result.
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use procpool::{JoinHandle, Message, Pool, Shutdown, TaskControl, TaskError};
use std::io::Read;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn square(n: u64) -> u64 {
    n * n
}

/// A task that nobody should wait for.
fn never(_: ()) {
    loop {
        std::thread::park();
    }
}

/// A task that needs an answer from the program that waits for it.
fn ask(name: String) -> Result<String, String> {
    let read = || {
        let mut answer = String::new();
        let address = SocketAddr::from_abstract_name(name.as_bytes())?;
        UnixStream::connect_addr(&address)?.read_to_string(&mut answer)?;
        Ok(answer)
    };
    read().map_err(|error: std::io::Error| error.to_string())
}

fn main() -> Result<()> {
    procpool::init();
    // Both block their thread for a while, so they are outside of the runtimes: `build` waits for every worker's
    // hands, and `shutdown` for their last tasks.
    let pool = Pool::builder().workers(2).name("in_tokio").build()?;
    for (name, runtime) in [
        ("one thread", Builder::new_current_thread().enable_all().build()?),
        (
            "several threads",
            Builder::new_multi_thread().worker_threads(2).enable_all().build()?,
        ),
    ] {
        println!("A runtime of {name}:");
        show(&runtime, &pool)?;
    }
    let summary = pool.shutdown(Shutdown::Finish, None)?;
    println!("{} tasks done, {} aborted", summary.stats.completed, summary.stats.aborted);
    Ok(())
}

fn show(runtime: &Runtime, pool: &Pool) -> Result<()> {
    runtime.block_on(async {
        answer_a_worker(pool).await?;
        join_many(pool).await?;
        give_up_after_a_while(pool).await?;
        take_the_first(pool).await
    })
}

/// While the worker's result is awaited, the runtime serves a connection of that worker.
async fn answer_a_worker(pool: &Pool) -> Result<()> {
    let name = format!("in_tokio-{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let server = async {
        let (mut stream, _) = listener.accept().await?;
        stream.write_all(b"go on").await
    };
    let (served, answer) = tokio::join!(server, pool.submit(ask, name));
    served?;
    let answer = answer?.map_err(anyhow::Error::msg)?;
    println!("  a task that asked its program was told: {answer}");
    Ok(())
}

/// A `JoinHandle` is a future, so it goes wherever one goes.
async fn join_many(pool: &Pool) -> Result<()> {
    let mut set: JoinSet<Result<u64, TaskError>> = JoinSet::new();
    for n in 1..=100 {
        set.spawn(pool.submit(square, n));
    }
    let mut sum = 0;
    while let Some(joined) = set.join_next().await {
        sum += joined.context("the runtime ended the future")??;
    }
    println!("  a JoinSet of 100 tasks: the squares sum up to {sum}");
    Ok(())
}

// ANCHOR: abort_on_drop
/// A task that is aborted when nobody awaits it any more.
///
/// A handle that is dropped lets its task run: it is a process, and does not end with the future
/// as an async function would. Here it does, whatever drops this: a timeout, a branch of
/// `select!` that lost, the end of a `JoinSet`.
struct AbortOnDrop(TaskControl);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        // Does nothing to a task that has finished.
        self.0.abort();
    }
}

async fn or_abort<R: Message>(handle: JoinHandle<R>) -> Result<R, TaskError> {
    let _guard = AbortOnDrop(handle.control());
    handle.await
}
// ANCHOR_END: abort_on_drop

/// The future is dropped at the timeout, and with it goes the task.
async fn give_up_after_a_while(pool: &Pool) -> Result<()> {
    let wait = or_abort(pool.submit(never, ()));
    match tokio::time::timeout(Duration::from_millis(50), wait).await {
        Err(_) => println!("  a timeout: the task was given up"),
        Ok(ended) => println!("  the task that never ends has ended: {ended:?}"),
    }
    Ok(())
}

/// Whichever task is first. A future can be awaited by reference too, and then it is still there.
async fn take_the_first(pool: &Pool) -> Result<()> {
    let mut slow = pool.submit(never, ());
    let first = tokio::select! {
        result = &mut slow => result.map(|()| 0)?,
        result = pool.submit(square, 7) => result?,
    };
    slow.control().abort();
    match slow.await {
        Err(TaskError::Aborted) => {
            println!("  select!: {first} came first, the other task was aborted")
        }
        other => println!("  the task that was aborted has ended: {other:?}"),
    }
    Ok(())
}
