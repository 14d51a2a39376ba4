//! How fast a pool is, beside the pools of the book, in the same minute on the same machine. Nobody is judged by it.

use grader::Program;

use crate::others::BESIDE;

/// How many tasks are timed.
const COUNT: u32 = 5_000;

/// Prints tasks per second of the tested pool, and of the others as multiples of it. What cannot be measured is left out.
pub fn print_speed(program: &Program) {
    let script = format!("start 2\nspeed {COUNT}\nshutdown");
    let lines = |program: Program| {
        program.cpu_max_ms(20_000).run().map(|end| end.stdout().to_owned()).unwrap_or_default()
    };
    let own = lines(program.stdin(script));
    let own = own.lines().find_map(|line| line.strip_prefix("speed ")?.parse::<f64>().ok());
    let (Some(own), Ok(path)) = (own, std::env::current_exe()) else { return };
    println!(
        "  your pool: {own:.0} tasks/s that do next to nothing, with 2 workers in this build"
    );
    for line in lines(Program::new(path).arg(BESIDE)).lines() {
        if let Some((name, speed)) = line.split_once(": ")
            && let Ok(speed) = speed.parse::<f64>()
        {
            println!("  {name}: {:.2} times as many", speed / own);
        }
    }
}
