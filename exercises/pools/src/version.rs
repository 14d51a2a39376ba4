//! The pools by name: those that are right, and those with a fault, each with what it does wrong and where that shows.

/// Declares the versions: variant, name, what it does, an example that shows it.
macro_rules! versions {
    ($($list:ident $about:literal { $($variant:ident $name:literal $what:literal $shows:literal)* })*) => {
        /// Which pool it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Version {
            $($(
                #[doc = $what]
                $variant,
            )*)*
        }

        impl Version {
            $(
                #[doc = $about]
                pub const $list: &[Version] = &[$(Version::$variant),*];
            )*

            /// Every pool.
            pub const ALL: &[Version] = &[$($(Version::$variant),*),*];

            /// The name, as the command line has it.
            pub const fn name(self) -> &'static str {
                match self { $($(Version::$variant => $name,)*)* }
            }

            /// What it does: of a pool with a fault, what is wrong.
            pub const fn what(self) -> &'static str {
                match self { $($(Version::$variant => $what,)*)* }
            }

            /// An example that shows it.
            pub const fn shows(self) -> &'static str {
                match self { $($(Version::$variant => $shows,)*)* }
            }
        }
    };
}

versions! {
    RIGHT "Those that are right." {
        Right "right"
            "does what a pool should"
            "any"
        RightSlow "right-slow"
            "does what a pool should, and each worker is late with its first task and with every 32nd one after that"
            "any; no task has a time in which it must be done, unless it was given one"
        RightReversed "right-reversed"
            "does what a pool should, and `next` gives the outcomes of tasks that end by themselves in the opposite order"
            "any; `next` promises no order"
    }
    RESULTS "Those that lose, repeat, change or mix up outcomes." {
        LosesTheLast "loses-the-last"
            "the outcome after which nothing is left to do is lost"
            "one task: `submit(Double(1))`, then `next()` is None"
        LosesOneOfMany "loses-one-of-many"
            "every 64th outcome is lost"
            "map of 200 tasks has fewer than 200 outcomes"
        RepeatsOne "repeats-one"
            "every 10th outcome comes twice"
            "submit 20 tasks, and call `next` until it says None: two ids come twice"
        MixesUpTwo "mixes-up-two"
            "an answer is taken for that of the oldest task that runs, whichever worker it comes from"
            "two workers: submit(Gate(1)), submit(Double(2)), then `next()` must be the second id"
        OrderOfArrival "order-of-arrival"
            "map returns the outcomes in the order in which they have come"
            "two workers: map of [Gate(1), Double(2), Open(3)]: the second task is done before the first one can be"
        DefaultForAnError "default-for-an-error"
            "a task that ends with an error has the outcome Ok(0)"
            "Fail(7) must be Err(Failure::Error(7))"
        ErrorOfAnother "error-of-another"
            "a second error is reported as the first one again"
            "Fail(7), then Fail(8)"
        ZeroIsNothing "zero-is-nothing"
            "an answer that is 0 is taken for none, and the outcome is lost"
            "Double(0) must be Ok(0)"
        CutsLargeNumbers "cuts-large-numbers"
            "an answer keeps its lower 32 bits only"
            "Double(1 << 40) must be Ok(1 << 41)"
        ForgetsTheDead "forgets-the-dead"
            "a task whose worker dies has no outcome"
            "Die, then `next()` must be Err(Failure::Died) and not None"
        DropsLastWords "drops-last-words"
            "what a worker had answered before it died is thrown away, and its task is reported as dead"
            "LastWords(5) must be Ok(5): the answer was there before the death"
        OldMapAgain "old-map-again"
            "the second map of a pool begins with the first outcome of the first one"
            "map of [Double(1)], then map of [Double(2)] with the same pool"
    }
    RESOURCES "Those that leave something behind." {
        DescriptorPerTask "descriptor-per-task"
            "each task leaves a descriptor open in the parent"
            "count the parent's descriptors before and after ten tasks"
        DescriptorPerDeath "descriptor-per-death"
            "the parent's end of a dead worker's pipe stays open"
            "count the parent's descriptors, let a worker die, drop the pool, and count again"
        DescriptorsAtShutdown "descriptors-at-shutdown"
            "after the shutdown one pipe of the pool is still open in the parent"
            "count the parent's descriptors before the pool is started and after it was shut down and dropped"
        ZombiePerDeath "zombie-per-death"
            "a worker that dies is not waited for"
            "let a worker die, shut the pool down, and look at `wait::children`"
        ZombieAtShutdown "zombie-at-shutdown"
            "shutdown waits for all workers but one"
            "shut down a pool of two, and look at `wait::children`"
        WorkerStays "worker-stays"
            "one worker runs on after the shutdown"
            "shut down a pool of two, and look at `wait::children`"
        ProcessPerEight "process-per-eight"
            "after every eighth task there is one worker more than was asked for; shutdown ends them all"
            "two workers, 40 tasks, and look at `wait::children` before the shutdown"
        MappingPerTask "mapping-per-task"
            "each task leaves a page of shared memory mapped in the parent"
            "count the lines of /proc/self/maps, or those with memfd, before and after 50 tasks"
        ThreadAtShutdown "thread-at-shutdown"
            "shutdown starts a thread that never ends"
            "count the threads of this process after the shutdown"
        FilePerDeath "file-per-death"
            "a worker that dies leaves a file in the current folder"
            "let a worker die, drop the pool, and list the current folder"
        WorkerDescriptorPerTask "worker-descriptor-per-task"
            "each task leaves a descriptor open in its worker"
            "one worker: look at the descriptors of `pids()[0]` before and after ten tasks"
        WorkersInherit "workers-inherit"
            "a worker keeps copies of the parent's ends for the workers that were there before it"
            "compare the descriptors of the first and of the last of four workers: the last one has more"
    }
    ENDINGS "Those that do not end as they should." {
        HangsWhenBusy "hangs-when-busy"
            "shutdown waits for a worker that is at a task, and that waits for its next one afterwards"
            "submit(Double(1)), then shutdown"
        HangsWhenIdle "hangs-when-idle"
            "shutdown waits for a worker that never had a task, and does not tell it to end"
            "start a pool, then shutdown"
        ForgetsTheQueue "forgets-the-queue"
            "tasks that had not begun at the shutdown are never done, and have no outcome"
            "one worker, three tasks, shutdown: `next` must give three outcomes"
        KillsAtShutdown "kills-at-shutdown"
            "shutdown kills the workers that are at a task"
            "submit(Double(1)), shutdown: the outcome must be Ok(2)"
        TakesTasksAfterwards "takes-tasks-afterwards"
            "submit still takes a task after the shutdown, and nobody does it"
            "shutdown, then submit must be Err(Closed)"
        PanicsAtTheSecond "panics-at-the-second"
            "a second shutdown panics"
            "shutdown twice: the second one has nothing to do"
        DropLeavesWorkers "drop-leaves-workers"
            "a pool that is dropped without a shutdown leaves its workers"
            "start, submit(Hang), drop, and look at `wait::children`"
        DropWaits "drop-waits"
            "drop waits for the tasks that run, instead of killing their workers"
            "submit(Hang), then drop"
        LosesTheUnfetched "loses-the-unfetched"
            "outcomes that had come before the shutdown, and that nobody had fetched, are lost in it"
            "one worker: submit a task, map another one, shutdown: `next` must still give the first one's outcome"
        ReturnsEarly "returns-early"
            "shutdown returns before the workers have ended"
            "shutdown, and look at `wait::children`"
        AbortSaysNothing "abort-says-nothing"
            "tasks that abort has cut short have no outcome"
            "submit(Hang), abort: `next` must give Err(Failure::Cancelled)"
        AbortWaits "abort-waits"
            "abort waits for the tasks that run"
            "submit(Hang), then abort"
    }
    FAILURES "Those that make more of a failure than it is, or less." {
        PanicEndsThePool "panic-ends-the-pool"
            "after a panic in a task no other task is done"
            "Panic, then Double(1) must be Ok(2)"
        PanicIsSuccess "panic-is-success"
            "a task that panics has the outcome Ok(0)"
            "Panic must be Err(Failure::Panicked)"
        BlamesAnother "blames-another"
            "if a worker dies, the task of another one is reported as dead, and its answer goes to the dead one's"
            "two workers: submit(Gate(1)), submit(Die): the second id must be the dead one"
        TimeoutLeavesRunning "timeout-leaves-running"
            "a task whose time is over is reported, and its worker runs on"
            "one worker: submit_with_limit(Hang, ...), pass_time, next; the old pid must be no child any more"
        DeathCostsTwo "death-costs-two"
            "a death costs the task that the worker was at, and the next one in the queue"
            "one worker: submit(Die), submit(Double(1)): the second one must be Ok(2)"
        TriesAgain "tries-again"
            "a task that kills its worker is given to three more workers"
            "one worker: Die, then `started()` must be 2"
        NotReplaced "not-replaced"
            "a worker that dies is not replaced"
            "two workers: Die, then `pids()` must have two entries again"
        OldLimit "old-limit"
            "the time limit of a task that is done stays set, and hits the next task of that worker"
            "one worker: a task with a limit, next; then submit(Gate(1)) without one, pass_time, open_gate, next"
        ExitIsSuccess "exit-is-success"
            "a worker that exits with status 0 in a task has done it, with the outcome Ok(0)"
            "Exit must be Err(Failure::Died)"
        BlamesTheNext "blames-the-next"
            "if a worker dies that has no task, the next one that it is given is reported as dead, although it never began"
            "one worker: SIGKILL to pids()[0], and then map of [Double(1)] must be Ok(2)"
        OneDeathFailsAll "one-death-fails-all"
            "if a worker dies, all tasks in the queue are reported as dead"
            "one worker: Die and three tasks more, which must be done"
        LimitInTheQueue "limit-in-the-queue"
            "the time limit runs while a task waits in the queue"
            "one worker: submit(Gate(1)), then a Double with a limit; pass_time, open_gate: both must be Ok"
    }
}

impl Version {
    /// The version with this name.
    pub fn of_name(name: &str) -> Option<Version> {
        Version::ALL.iter().copied().find(|version| version.name() == name)
    }

    /// Whether the pool is right.
    pub fn is_right(self) -> bool {
        Version::RIGHT.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exercise_has_twelve_faults_and_each_name_one_version() {
        for faults in
            [Version::RESULTS, Version::RESOURCES, Version::ENDINGS, Version::FAILURES]
        {
            assert_eq!(faults.len(), 12);
            assert!(!faults.iter().any(|version| version.is_right()));
        }
        for version in Version::ALL {
            assert_eq!(Version::of_name(version.name()), Some(*version));
        }
        assert_eq!(Version::of_name("none"), None);
    }
}
