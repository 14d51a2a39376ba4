//! A pool of processes that is your own, from the first fork to the last wait.

use std::io;
use std::time::Duration;

use tested_pool::{Outcome, TaskError, TestedPool, Work};

/// The name of a task in this pool.
pub type Ticket = u64;

/// The pool.
pub struct OwnPool {}

impl TestedPool for OwnPool {
    type Ticket = Ticket;

    fn start(workers: usize, work: Work) -> io::Result<OwnPool> {
        todo!()
    }

    fn submit(&mut self, task: Vec<u8>, limit: Option<Duration>) -> io::Result<Ticket> {
        todo!()
    }

    fn cancel(&mut self, ticket: &Ticket) -> bool {
        todo!()
    }

    fn wait(&mut self, ticket: Ticket) -> Outcome {
        todo!()
    }

    fn shutdown(self) -> io::Result<()> {
        todo!()
    }
}
