//! WRONG_ANSWER: kept every waker, and woke them all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A result that one puts in and another takes out.
pub struct Promise<T>(Mutex<Inner<T>>);

struct Inner<T> {
    result: Option<T>,
    /// Who is woken when the result is there.
    wakers: Vec<Waker>,
}

impl<T> Promise<T> {
    /// One without a result.
    pub fn open() -> Promise<T> {
        Promise(Mutex::new(Inner { result: None, wakers: Vec::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the result in, and wakes whoever has asked for it last. It is called once.
    pub fn fulfil(&self, result: T) {
        let mut inner = self.lock();
        inner.result = Some(result);
        let wakers = std::mem::take(&mut inner.wakers);
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The result, if it is there. Otherwise the waker of `context` is woken when it is, and no other one. After the result
    /// was taken out nobody asks again.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<T> {
        let mut inner = self.lock();
        match inner.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                inner.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
