//! Closures that workers have because they were forked from the program: see [`Builder::inherit`](crate::Builder).
//!
//! A closure cannot be sent, but it need not be: the template of a `Fork` pool is a copy of the program, and each worker
//! is a copy of the template. What is sent is the closure's number.
//!
//! Owner: the builder until the pool is built, then the template. The program's own copy is dropped in `build`.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use task::Message;

/// A closure that the workers of one pool have inherited; see [`crate::Builder::inherit`].
pub struct Inherited<A, R> {
    /// Unique in the program.
    number: u64,
    types: PhantomData<fn(A) -> R>,
}

impl<A, R> Clone for Inherited<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for Inherited<A, R> {}

impl<A, R> fmt::Debug for Inherited<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited").field("number", &self.number).finish()
    }
}

type Closure<A, R> = Box<dyn Fn(A) -> R>;

/// Every closure of a builder, each with its number.
#[derive(Default)]
pub(crate) struct Closures(Vec<(u64, Box<dyn Any>)>);

thread_local! {
    /// What this process has inherited, if it is a worker of a pool that does.
    static INHERITED: RefCell<Rc<Closures>> = RefCell::default();
}

impl Closures {
    pub(crate) fn add<A: Message, R: Message>(
        &mut self,
        closure: impl Fn(A) -> R + 'static,
    ) -> Inherited<A, R> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let closure: Closure<A, R> = Box::new(closure);
        self.0.push((number, Box::new(closure)));
        Inherited { number, types: PhantomData }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes them known to [`apply`] in this process.
    pub(crate) fn install(self: &Rc<Self>) {
        INHERITED.set(Rc::clone(self));
    }

    fn get<A: Message, R: Message>(&self, number: u64) -> Option<&Closure<A, R>> {
        let (_, closure) = self.0.iter().find(|(own, _)| *own == number)?;
        closure.downcast_ref()
    }
}

impl fmt::Debug for Closures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closures").field(&self.0.len()).finish()
    }
}

impl<A, R> Inherited<A, R> {
    /// The argument of [`apply`] for one of the closure's own.
    pub(crate) fn with(self, argument: A) -> (u64, A) {
        (self.number, argument)
    }

    /// The same for each of many.
    pub(crate) fn with_each<I: Iterator<Item = A>>(self, arguments: I) -> WithEach<I> {
        WithEach { number: self.number, arguments }
    }
}

/// What the task of an inherited closure runs.
pub(crate) fn apply<A: Message, R: Message>((number, argument): (u64, A)) -> R {
    let closures = INHERITED.with_borrow(Rc::clone);
    let Some(closure) = closures.get::<A, R>(number) else {
        panic!(
            "the workers of this pool have not inherited this function: it belongs to the pool whose builder's \
             `inherit` returned it"
        );
    };
    closure(argument)
}

/// Inputs of a `map_inherited`.
#[derive(Debug, Clone)]
pub struct WithEach<I> {
    number: u64,
    arguments: I,
}

impl<I: Iterator> Iterator for WithEach<I> {
    type Item = (u64, I::Item);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.number, self.arguments.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.arguments.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for WithEach<I> {}
