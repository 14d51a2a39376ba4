//! What three programs can print. The programs are in `src/bin/two-returns.rs`; here are your predictions.
//!
//! Each list holds every text that some run of the program can print, once, and no other, such as `&["xyz", "yxz"]`. Write a
//! text as it comes out, without blanks. The order of the list is up to you.

/// All that `order` can print.
pub const ORDER: &[&str] = &[];

/// All that `memory` can print.
pub const MEMORY: &[&str] = &[];

/// All that `twice` can print.
pub const TWICE: &[&str] = &[];
