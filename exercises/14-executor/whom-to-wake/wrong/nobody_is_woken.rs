//! LOST_WAKEUP: put the result in, and thought that a future is asked again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A result that one puts in and another takes out.
pub struct Promise<T>(Mutex<Inner<T>>);

struct Inner<T> {
    result: Option<T>,
    /// Who is woken when the result is there.
    waker: Option<Waker>,
}

impl<T> Promise<T> {
    /// One without a result.
    pub fn open() -> Promise<T> {
        Promise(Mutex::new(Inner { result: None, waker: None }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the result in, and wakes whoever has asked for it last. It is called once.
    pub fn fulfil(&self, result: T) {
        self.lock().result = Some(result);
    }

    /// The result, if it is there. Otherwise the waker of `context` is woken when it is, and no other one. After the result
    /// was taken out nobody asks again.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<T> {
        match self.lock().result.take() {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }
}
