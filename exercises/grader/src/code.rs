//! The codes of the diagnoses: what can be wrong with a program of processes.
//!
//! A code is stable: tests, notes and the book's failure index refer to it by name.

use std::fmt;

use crate::Diagnosis;

/// Declares the codes: class, variant, name, and the idea that was missed if it is seen.
macro_rules! codes {
    ($($class:ident { $($variant:ident $name:literal $idea:literal)* })*) => {
        /// What is wrong, by its stable name. Each has a section in the book's failure index.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(
                #[doc = $idea]
                $variant,
            )*)*
        }

        impl Code {
            /// Every code, in the order of the failure index.
            pub const ALL: &[Code] = &[$($(Code::$variant,)*)*];

            /// The name, as diagnoses show it.
            pub const fn name(self) -> &'static str {
                match self { $($(Code::$variant => $name,)*)* }
            }

            /// What kind of failure it is.
            pub const fn class(self) -> Class {
                match self { $($(Code::$variant => Class::$class,)*)* }
            }

            /// The idea that is usually missed where this code is seen.
            pub const fn idea(self) -> &'static str {
                match self { $($(Code::$variant => $idea,)*)* }
            }
        }
    };
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing can go on any more.
    Deadlock,
    /// Something outlives the work that needed it.
    LeftBehind,
    /// A process does what another one should, or ends as it should not.
    Process,
    /// Bytes are lost, repeated or taken for something else.
    Bytes,
    /// An answer is wrong, missing or one too many.
    Result,
    /// It takes more than it may.
    Cost,
}

codes! {
    Deadlock {
        SelfHeldWriteEnd "SELF_HELD_WRITE_END"
            "fork copies descriptors. Close, in each process, the end that it does not use."
        OtherHeldWriteEnd "OTHER_HELD_WRITE_END"
            "A pipe ends when the last copy of its write end is closed, whoever holds it. Close the copies that others inherited."
        FullPipeCycle "FULL_PIPE_CYCLE"
            "A pipe holds a limited number of bytes. Somebody must read while others still write, and before anybody is waited for."
        WaitCycle "WAIT_CYCLE"
            "Each waits for what only the other can do: a word, the end of a pipe whose write end it still holds, its own end. Do first what the other needs."
        Stuck "STUCK"
            "Everything that is waited for must have somebody who will make it happen."
        LostWakeup "LOST_WAKEUP"
            "The kernel keeps no wake-up for later. Tell it which value of the word you have seen: it compares and falls asleep in one step. And change the word before you wake."
        PrivateFutex "PRIVATE_FUTEX"
            "A private futex finds threads of one process only. What lies in shared memory needs a lock that is made for several processes."
        DeadOwner "DEAD_OWNER"
            "A lock in memory is a number, and nobody writes it for a process that was killed. The next one must learn that the owner is dead, and mend what it left."
        LockInHandler "LOCK_IN_HANDLER"
            "A handler runs on the thread that it interrupts. What that thread has locked stays locked until the handler returns."
    }
    LeftBehind {
        Zombie "ZOMBIE"
            "A process that has ended keeps its number until its parent waits for it. Each fork needs its wait, on every path."
        Orphan "ORPHAN"
            "A process does not end because its parent does. Who starts a process ends it and waits for it, on every path."
        EscapedDaemon "ESCAPED_DAEMON"
            "A process that has left its session is not reached by a signal to the group. Only a subreaper still finds it."
        LeakedFd "LEAKED_FD"
            "A descriptor is a resource like memory. Give it one owner who closes it on every path, also when an error returns early."
        InheritedFd "INHERITED_FD"
            "A child inherits every open descriptor. Give it the ones that it needs, and no others."
        MissingCloexec "MISSING_CLOEXEC"
            "exec keeps every descriptor that has no close-on-exec flag. Set the flag when the descriptor is made."
        LeakedShm "LEAKED_SHM"
            "A name in a folder stays until somebody removes it, and who is killed removes nothing. Remove it as soon as all have the file, or take a memfd, which has none."
    }
    Process {
        ChildRanParentCode "CHILD_RAN_PARENT_CODE"
            "fork returns in both processes. The child must leave by _exit before it comes back into the parent's code."
        WrongChildReaped "WRONG_CHILD_REAPED"
            "A wait for any child takes the exit status of children that others wait for. Wait for your own, by pid or pidfd."
        WrongShape "WRONG_SHAPE"
            "The parent of a process is the process that called fork. Who forks decides the shape of the tree."
        ForkWithThreads "FORK_WITH_THREADS"
            "fork copies one thread. Locks that the others held stay locked in the child for ever."
        KilledParent "KILLED_PARENT"
            "The parent belongs to somebody else: the shell, the test, the supervisor. Signal only processes that you have started and not yet waited for."
        UnexpectedSignal "UNEXPECTED_SIGNAL"
            "A signal that is neither blocked nor handled ends the process, or not, by its default action."
        SigpipeDeath "SIGPIPE_DEATH"
            "Writing to a pipe that nobody can read raises SIGPIPE, which ends the process. Ignore the signal and handle the error EPIPE."
        Panic "PANIC"
            "A panic ends the process that it happens in, and no other. Its parent learns of it by the exit status only."
        ForeignPointer "FOREIGN_POINTER"
            "An address means something in the process that has taken it, and in no other. Send how far it is from something that both have."
        SigbusDeath "SIGBUS_DEATH"
            "A mapping may be longer than its file. Before you map, see to it that the file is long enough and that nobody can make it shorter."
    }
    Bytes {
        ShortRead "SHORT_READ"
            "A pipe carries bytes, not messages. A read returns what is there; read again until you have what you need."
        UnboundedLength "UNBOUNDED_LENGTH"
            "A length that comes from another process is a claim. Compare it with a limit before you believe it."
        Interrupted "INTERRUPTED"
            "EINTR means that nothing has happened yet, and no error. Make the call again."
        DuplicatedOutput "DUPLICATED_OUTPUT"
            "fork copies memory, and a buffer of output is memory. Empty it before the fork, and leave the child without flushing."
        PrivateMapping "PRIVATE_MAPPING"
            "What is written through a private mapping is a copy that nobody else sees. Map it shared."
        DataRace "DATA_RACE"
            "An index hands over what it promises only if its store is Release and its load is Acquire. A processor that keeps the order anyway hides the fault."
        DoubleFetch "DOUBLE_FETCH"
            "What another process can write may change between two looks. Read it once, check what you have read, and use that."
    }
    Result {
        LostResult "LOST_RESULT"
            "Count what was handed out against what came back, also when a worker dies."
        DuplicatedResult "DUPLICATED_RESULT"
            "A task that was handed out twice may be done twice, also if its worker has died. Report the death, and let the caller decide."
        OutOfOrder "OUT_OF_ORDER"
            "Processes finish in any order. An answer must say which question it belongs to."
        NotParallel "NOT_PARALLEL"
            "A wait between two starts makes the work sequential. Start all, then wait."
        UnreportedFailure "UNREPORTED_FAILURE"
            "What fails in another process is known only there. Carry the error across, by exit status or by a pipe."
        WrongAnswer "WRONG_ANSWER"
            "Take the first thing that differs from what was asked for, and ask which step of the program has made it so."
        ImpossibleOutput "IMPOSSIBLE_OUTPUT"
            "Processes run in any order, but each one's own steps stay in their order."
        MissingOutput "MISSING_OUTPUT"
            "Between two steps of one process, any number of steps of the others may happen."
        TodoLeft "TODO_LEFT"
            "The part that you are to write is not written yet."
        LetThrough "LET_THROUGH"
            "A test is as good as the faults that it finds. Ask of each promise which run would break it, and make that run happen."
        RejectedTheRightOne "REJECTED_THE_RIGHT_ONE"
            "A test may demand what was promised and nothing else: no order that nobody promised, no time in which it was done yesterday."
    }
    Cost {
        BusyWait "BUSY_WAIT"
            "To wait is to sleep in the kernel until something happens. Asking again and again costs a whole processor."
        CopiedPages "COPIED_PAGES"
            "fork shares pages until somebody writes to them. What you only read costs nothing."
        TooSlow "TOO_SLOW"
            "A loop needs something that ends it, and work needs a bound."
        TooManyProcesses "TOO_MANY_PROCESSES"
            "Each process that comes round a loop with a fork in it forks as well, so their number doubles. The child must leave the loop."
        TooMuchOutput "TOO_MUCH_OUTPUT"
            "Output without a bound fills pipes, disks and terminals."
        TooMuchMemory "TOO_MUCH_MEMORY"
            "Memory needs a bound that does not come from the input."
        RestartStorm "RESTART_STORM"
            "What has killed a worker at its start kills the next one too. Count the deaths within a time, pause between starts, and give up with the reason."
        NeedlessWake "NEEDLESS_WAKE"
            "A wake-up is a system call, whether anybody sleeps or not. Let those who go to sleep say so in the word, and wake only then."
    }
}

impl Code {
    /// The code with this name.
    pub fn of_name(name: &str) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// A diagnosis with this code and what has happened.
    pub fn because(self, story: impl Into<String>) -> Diagnosis {
        Diagnosis::new(self, story.into())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Class::Deadlock => "DEADLOCK",
            Class::LeftBehind => "LEFT BEHIND",
            Class::Process => "PROCESS",
            Class::Bytes => "BYTES",
            Class::Result => "RESULT",
            Class::Cost => "COST",
        })
    }
}
