//! The program behind `cargo run`. What it does lies in the library, one module for each
//! command.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use workbook::book::{self, Destination};
use workbook::output::print;
use workbook::project::Project;
use workbook::{
    chapters, doctor, exercises, list, measure, preprocess, prove, run, serve, trace,
};

/// From Fork to Pool: the book, its examples and exercises, and what this machine can show.
#[derive(Parser)]
#[command(version, name = "workbook", bin_name = "cargo run --")]
struct Arguments {
    /// The folder that holds book.toml.
    #[arg(long, global = true, hide = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book and serve it at http://localhost:3000 (the default).
    Serve {
        /// Listen on this port and no other.
        #[arg(long)]
        port: Option<u16>,
        /// Show the book in a browser.
        #[arg(long)]
        open: bool,
    },
    /// Build the book into a folder.
    Build {
        /// The folder: new, empty, or with an earlier build in it [default: target/site].
        #[arg(long)]
        dest: Option<PathBuf>,
    },
    /// List the chapters, their examples and their exercises, with minutes and ticks.
    List,
    /// Run an example of any chapter.
    Run {
        /// The example's name, as `list` shows it.
        name: String,
        /// Arguments for the example.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run an example or a solution under the tracer, and draw its timeline.
    #[command(after_help = trace::AFTER_HELP)]
    Trace {
        /// The name of an example or of an exercise, as `list` shows it.
        name: String,
        /// Of an exercise, trace the reader's own program and not the solution.
        #[arg(long)]
        mine: bool,
        /// Trace the solution although the exercise is not passed.
        #[arg(long, conflicts_with = "mine")]
        give_up: bool,
        /// For the book's authors: keep the record beside the example, for its page.
        #[arg(long)]
        record: bool,
        /// Arguments for the program.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Grade an exercise, or all of them.
    Grade {
        /// The exercise's name, as `list` shows it.
        id: Option<String>,
    },
    /// Grade an exercise at each save of its src/lib.rs.
    Watch {
        /// The exercise to begin with [default: the first that is not solved].
        id: Option<String>,
    },
    /// Give the next hint for an exercise.
    Hint {
        /// The exercise's name, as `list` shows it.
        id: String,
        /// Show the hints that you have seen, and no new one.
        #[arg(long)]
        again: bool,
    },
    /// Show the reference solution of an exercise that you have passed.
    Solution {
        /// The exercise's name, as `list` shows it.
        id: String,
        /// Show it although you have not passed.
        #[arg(long)]
        give_up: bool,
    },
    /// Put the starter of an exercise back, and keep a copy of your file.
    Reset {
        /// The exercise's name, as `list` shows it.
        id: String,
    },
    /// Prove the graders: change the solutions, and count what goes unnoticed.
    Prove {
        /// The exercise's name, as `list` shows it [default: all of them].
        id: Option<String>,
        /// Install cargo-mutants without a question if it is missing.
        #[arg(long)]
        yes: bool,
    },
    /// Put what people say about processes to the test, on this machine.
    Measure {
        /// The claims' ids, as `--list` shows them [default: all of them].
        claims: Vec<String>,
        /// Show the claims and their ids, and measure nothing.
        #[arg(long)]
        list: bool,
        /// Measure only enough to see the shapes.
        #[arg(long)]
        small: bool,
        /// Write the book's own figures. For its authors, on a quiet machine.
        #[arg(long)]
        reference: bool,
    },
    /// Check what this machine can show of the book, and say what to do about the rest.
    Doctor,
    /// Speak mdBook's preprocessor protocol on standard input and output.
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
}

#[derive(Subcommand)]
enum Question {
    /// Exit with status 0 if the renderer is supported, else with 1.
    Supports {
        /// mdBook's name for the renderer.
        renderer: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let _ = error.print();
        if error.kind() == ErrorKind::MissingRequiredArgument {
            anstream::eprintln!("The names are in what `cargo run -- list` prints.");
        }
        std::process::exit(error.exit_code())
    });
    match perform(arguments) {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<ExitCode> {
    let find = || Project::find(arguments.root.as_deref());
    let with_exercises = || -> Result<_> {
        let project = find()?;
        let all = exercises::read_all(&project)?;
        Ok((project, all))
    };
    match arguments.command.unwrap_or(Command::Serve { port: None, open: false }) {
        Command::Serve { port, open } => serve::serve(&find()?, port, open)?,
        Command::Build { dest } => {
            let project = find()?;
            let destination =
                Destination::take(&project, &dest.unwrap_or_else(|| project.site()))?;
            for warning in book::build(&project, &destination)? {
                anstream::eprintln!("warning: {warning}");
            }
            print(&format!("The book is in {}\n", destination.folder().display()))?;
        }
        Command::List => {
            let (project, all) = with_exercises()?;
            let standing = list::Standing::of(&project, &all);
            print(&list::render(&chapters::read_all(&project)?, &standing))?;
        }
        Command::Run { name, args } => {
            let project = find()?;
            run::run(&project, &chapters::read_all(&project)?, &name, &args)?;
        }
        Command::Trace { name, mine, give_up, record, args } => {
            let (project, all) = with_exercises()?;
            let chapters = chapters::read_all(&project)?;
            let wish = trace::Wish { name: &name, args: &args, mine, give_up, record };
            return trace::trace(&project, &chapters, &all, &wish);
        }
        Command::Grade { id } => {
            let (project, all) = with_exercises()?;
            return exercises::grade::grade(&project, &all, id.as_deref());
        }
        Command::Watch { id } => {
            let (project, all) = with_exercises()?;
            exercises::watch::watch(&project, &all, id.as_deref())?;
        }
        Command::Hint { id, again } => {
            let (project, all) = with_exercises()?;
            print(&exercises::hint::hint(&project, &all, &id, again)?)?;
        }
        Command::Solution { id, give_up } => {
            let (project, all) = with_exercises()?;
            print(&exercises::solution::solution(&project, &all, &id, give_up)?)?;
        }
        Command::Reset { id } => {
            let (project, all) = with_exercises()?;
            print(&exercises::reset::reset(&project, &all, &id)?)?;
        }
        Command::Prove { id, yes } => {
            let (project, all) = with_exercises()?;
            return prove::prove(&project, &all, id.as_deref(), yes);
        }
        Command::Measure { list: true, .. } => {
            print(&measure::list())?;
        }
        Command::Measure { claims, small, reference, list: false } => {
            let wanted = measure::Wanted { ids: claims, small, reference };
            return measure::measure(&find()?, &wanted);
        }
        Command::Doctor => {
            let findings = doctor::examine();
            print(&doctor::render(&findings))?;
            if doctor::has_problem(&findings) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Preprocess { question: Some(Question::Supports { renderer }) } => {
            return Ok(if preprocess::supports(&renderer) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Preprocess { question: None } => {
            preprocess::speak(io::stdin().lock(), io::stdout().lock())?
        }
    }
    Ok(ExitCode::SUCCESS)
}
