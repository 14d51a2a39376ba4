//! A release build has nothing of the fault points: the macro, as it stands in `src/fault.rs`, is compiled into one of
//! two programs that differ only in it, and both must have the same instructions. In a debug build they must differ,
//! or this test would see nothing.

use std::fs;
use std::process::Command;

/// The macro in both of its forms.
fn macros() -> &'static str {
    let source = include_str!("../src/fault.rs");
    let (_, rest) = source.split_once("// ANCHOR: macro\n").expect("the anchor of the macro");
    rest.split_once("// ANCHOR_END: macro").expect("its end").0
}

/// A library that stands for this crate and for one that uses it.
fn program(point: &str) -> String {
    let macros = macros();
    format!(
        "#![crate_type = \"lib\"]
        pub mod fault {{
            pub enum Point {{ InTask }}
            unsafe extern \"Rust\" {{ safe fn count_down(point: u8); }}
            #[inline(never)]
            pub fn pass(point: Point) {{ count_down(point as u8) }}
        }}
        {macros}
        #[unsafe(no_mangle)]
        pub fn work(number: u64) -> u64 {{
            {point}
            let square = number.wrapping_mul(number);
            {point}
            square.wrapping_add(1)
        }}"
    )
}

/// The instructions of `work`, optimized, without labels and directives.
fn instructions(point: &str, debug_assertions: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, assembly) = (folder.path().join("work.rs"), folder.path().join("work.s"));
    fs::write(&source, program(point)).expect("write the program");
    let output = Command::new("rustc")
        .args(["--edition", "2024", "--emit", "asm", "-C", "opt-level=3"])
        .args(["-C", &format!("debug-assertions={debug_assertions}"), "-o"])
        .args([&assembly, &source])
        .output()
        .expect("rustc starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(assembly).expect("the assembly");
    let body = text.lines().skip_while(|line| line.trim() != "work:").skip(1);
    body.map(str::trim)
        .take_while(|line| !line.starts_with(".size"))
        .filter(|line| !line.starts_with('.') && !line.ends_with(':'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_release_build_has_nothing_of_the_fault_points() {
    let point = "fault_point!(fault::Point::InTask);";
    let without = instructions("", "off");
    assert!(!without.is_empty(), "the function was not found");
    assert_eq!(instructions(point, "off"), without);
    assert!(instructions(point, "on").len() > without.len(), "nothing in a debug build either");
}
