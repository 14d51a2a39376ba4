//! The program behind `cargo run`. What it does lies in the library, one module for each
//! command.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use workbook::book::{self, Destination};
use workbook::project::Project;
use workbook::{chapters, doctor, list, preprocess, run, serve};

/// From Fork to Pool: the book, its examples, and what this machine can show of them.
#[derive(Parser)]
#[command(version, name = "workbook")]
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
    /// List the chapters and their examples, with minutes.
    List,
    /// Run an example of any chapter.
    Run {
        /// The example's name, as `list` shows it.
        name: String,
        /// Arguments for the example.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
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
    match perform(Arguments::parse()) {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Result<ExitCode> {
    let find = || Project::find(arguments.root.as_deref());
    match arguments.command.unwrap_or(Command::Serve { port: None, open: false }) {
        Command::Serve { port, open } => serve::serve(&find()?, port, open)?,
        Command::Build { dest } => {
            let project = find()?;
            let destination =
                Destination::take(&project, &dest.unwrap_or_else(|| project.site()))?;
            for warning in book::build(&project, &destination)? {
                anstream::eprintln!("warning: {warning}");
            }
            anstream::println!("The book is in {}", destination.folder().display());
        }
        Command::List => print(&list::render(&chapters::read_all(&find()?)?))?,
        Command::Run { name, args } => {
            let project = find()?;
            run::run(&project, &chapters::read_all(&project)?, &name, &args)?;
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

/// Colours reach a terminal only, and a reader who has seen enough (`list | head`) is no
/// failure.
fn print(text: &str) -> io::Result<()> {
    use std::io::Write;

    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
