//! Chapter 00 adds no part to the pool: it has only programs to run, in `examples/`. This crate holds them, and checks
//! the code in the page.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
