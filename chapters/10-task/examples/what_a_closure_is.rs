//! Shows what is in a closure, and what rustc says if one that captured something is to be sent.
//! Minutes: 5
//!
//! Run it with `cargo run --example what_a_closure_is`.
//! Look at the sizes, then at the words of rustc: it compiles a small program that is inside of this one.

use std::error::Error;
use std::io::Write;
use std::process::{Command, Stdio};

/// What rustc is given. `submit` has the signature of a pool's.
// ANCHOR: refused
const PROGRAM: &str = "
pub fn submit<A, R>(_task: fn(A) -> R, _argument: A) {}

pub fn resize_all(width: u32) {
    submit(|height: u32| height * 2, 480);
    submit(|height: u32| height * width, 480);
}
";
// ANCHOR_END: refused

fn main() -> Result<(), Box<dyn Error>> {
    sizes();
    println!();
    compile()
}

fn sizes() {
    let (factor, name, table) = (3_u64, String::from("sea"), [1_u64, 2, 3]);
    let plain = |number: u64| 3 * number;
    let number = move |number: u64| factor * number;
    let reference = |index: usize| table[index];
    let text = move || name.len();
    println!("a closure that captures nothing:     {:>2} bytes", size_of_val(&plain));
    println!("one that captures a u64:             {:>2} bytes", size_of_val(&number));
    println!("one that captures a reference:       {:>2} bytes", size_of_val(&reference));
    println!("one that captures a String:          {:>2} bytes", size_of_val(&text));
    let pointer: fn(u64) -> u64 = plain;
    let boxed: Box<dyn Fn(u64) -> u64> = Box::new(number);
    println!("the first as fn(u64) -> u64:         {:>2} bytes", size_of_val(&pointer));
    println!("the second as Box<dyn Fn>:           {:>2} bytes", size_of_val(&boxed));
    let all = [plain(14), number(14), reference(0), text() as u64, pointer(14), boxed(14)];
    println!("called: {all:?}");
}

fn compile() -> Result<(), Box<dyn Error>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let started = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--crate-name=resize", "--emit=metadata"])
        .args(["-o", "/dev/null", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut rustc = match started {
        Ok(rustc) => rustc,
        Err(error) => {
            println!("rustc cannot be started here ({error}): its message stands on the page");
            return Ok(());
        }
    };
    rustc.stdin.take().ok_or("a pipe to rustc")?.write_all(PROGRAM.trim_start().as_bytes())?;
    let said = rustc.wait_with_output()?;
    print!("{}", String::from_utf8_lossy(&said.stderr));
    if said.status.success() { Err("rustc found nothing wrong".into()) } else { Ok(()) }
}
