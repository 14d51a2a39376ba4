//! The program of `by-distance`: sends the names of functions to workers that are started by exec.
//!
//! By hand: `cargo run -p by-distance -- same triple square lower`. With `other` the worker is another build of this
//! program, a copy with another build id. With `far` the name is damaged and leads out of the program, with `data` to a
//! place of the program where no code is. As `--worker FUNCTION NAME` this is the worker.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::process::Command;

use by_distance::{Name, function_of, name_of};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::personality::{self, Persona};
use task::Image;

#[path = "../../../../gate/fault.rs"]
mod fault;

/// What every function is called with.
const ARGUMENT: u64 = 14;

/// The flag of `memfd_create` for a file that may be executed.
const MFD_EXEC: u32 = 0x10;

/// Something constant, in which another build is different.
static MARK: [u8; 16] = *b"the first build.";

fn triple(number: u64) -> u64 {
    number * 3
}

fn square(number: u64) -> u64 {
    number * number
}

fn lower(number: u64) -> u64 {
    number - 1
}

/// Starts a worker for each function, or is a worker.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // A debugger or a container may have switched ASLR off for this process and all that it starts.
    let _ = personality::get()
        .and_then(|now| personality::set(now.difference(Persona::ADDR_NO_RANDOMIZE)));
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--worker", function, name] => work(function, name),
        [mode, ref functions @ ..] => {
            functions.iter().try_for_each(|function| send(mode, function))
        }
        _ => Err(io::Error::other("usage: by-distance same|other|far|data FUNCTION...")),
    }
}

fn send(mode: &str, called: &str) -> io::Result<()> {
    let function = match called {
        "triple" => triple,
        "square" => square,
        _ => lower as fn(u64) -> u64,
    };
    let mut name = name_of(function);
    let (image, address) = (Image::current(), function as usize);
    gate::tell("program", format_args!("{:x} {address:x} {:x}", image.base(), name.place));
    match mode {
        "far" => name.place = name.place.wrapping_add(1 << 40),
        "data" => {
            let mark = black_box(&MARK).as_ptr().addr();
            name.place = name.place.wrapping_add(mark.wrapping_sub(address) as u64);
        }
        _ => {}
    }
    let other = if mode == "other" { Some(another_build()?) } else { None };
    let program = match &other {
        Some(file) => format!("/proc/self/fd/{}", file.as_raw_fd()),
        None => "/proc/self/exe".to_owned(),
    };
    let ended = Command::new(program).args(["--worker", called, &to_text(&name)]).status()?;
    println!("{called}: the worker ended: {ended}");
    Ok(())
}

/// The worker: looks the function up, and calls it.
fn work(called: &str, name: &str) -> io::Result<()> {
    fault::tell_address()?;
    gate::tell("worker", format_args!("{:x}", Image::current().base()));
    let name = from_text(name).ok_or_else(|| io::Error::other("that is no name"))?;
    match function_of(&name) {
        Ok(function) => println!("{called}({ARGUMENT}) is {}", function(ARGUMENT)),
        Err(why) => println!("{called} is refused: {why}"),
    }
    Ok(())
}

fn to_text(name: &Name) -> String {
    let image: String = name.image.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{image}{:016x}", name.place)
}

fn from_text(text: &str) -> Option<Name> {
    let mut image = [0; 32];
    for (index, byte) in image.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    let place = u64::from_str_radix(text.get(64..)?, 16).ok()?;
    Some(Name { image, place })
}

/// This program with another build id and another constant. All functions are where they are here.
fn another_build() -> io::Result<File> {
    let mut bytes = fs::read("/proc/self/exe")?;
    let mut kind_and_name = 3_u32.to_ne_bytes().to_vec();
    kind_and_name.extend_from_slice(b"GNU\0");
    let first_page = &bytes[..bytes.len().min(4096)];
    let note = first_page.windows(8).position(|bytes| bytes == kind_and_name);
    for offset in
        note.map(|note| note + 8).into_iter().chain(place_in_file(MARK.as_ptr().addr()))
    {
        bytes[offset] ^= 1;
    }
    // A file that may be executed; kernels before 6.3 know no others.
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::from_bits_retain(MFD_EXEC);
    let file = memfd_create("another build", flags)
        .or_else(|_| memfd_create("another build", MFdFlags::MFD_CLOEXEC))?;
    let mut file = File::from(file);
    file.write_all(&bytes)?;
    Ok(file)
}

/// Where in the executable's file the byte is that lies at an address.
fn place_in_file(address: usize) -> Option<usize> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let (from, to, offset) = (number(from)?, number(to)?, number(words.nth(1)?)?);
        (from..to).contains(&address).then(|| address - from + offset)
    })
}
