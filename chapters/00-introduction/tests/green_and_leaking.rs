//! The example `green_and_leaking`, run as the test that it says it is. It is green, which is what the page is about.

// As a test it is entered by its test function.
#[allow(dead_code)]
#[path = "../examples/green_and_leaking.rs"]
mod example;
