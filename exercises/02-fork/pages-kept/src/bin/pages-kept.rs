//! The program of `pages-kept`: makes a table in which each row leads to the next one, and the last one back.
//!
//! Its arguments are the number of rows, the row that the last one leads to, and the row to begin with. By hand:
//! `cargo run -p pages-kept -- 10 3 0`

use std::io;

use pages_kept::Row;

/// Fills the table, and has the rows counted.
pub(crate) fn main() -> io::Result<()> {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let &[len, back, first] = &numbers[..] else {
        return Err(io::Error::other("three numbers are needed: rows, back, first"));
    };
    let mut rows: Vec<Row> = Vec::with_capacity(len);
    for number in 1..=len {
        let next = if number == len { back } else { number };
        let next = u32::try_from(next).map_err(io::Error::other)?;
        rows.push(Row { next, seen: false, text: [b'-'; 251] });
    }
    gate::pass("start");
    let counted = pages_kept::count_in_a_child(&mut rows, first, done);
    gate::pass("end");
    counted
}

/// Says what the child has found, and stays as long as the grader wants to look at its memory.
fn done(count: usize) {
    println!("{count} rows can be reached");
    gate::tell("count", count);
}
