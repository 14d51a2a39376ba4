//! The program of `in-order`: a pool that answers in an order of your choice, and counts what is out.
//!
//! By hand: `cargo run -p in-order -- slow-first 4 12`. The first word is the order of the answers: `fifo`, `lifo`, or
//! `slow-first`, where the oldest task that is out comes last as long as there is another one. Then come the window and the
//! number of inputs. Task n is answered with 10 n. A pool like this one has no processes: what matters here is the order.

use std::collections::VecDeque;
use std::error::Error;

use in_order::{Unordered, in_order};

/// The order of the answers.
#[derive(Clone, Copy)]
enum Order {
    Fifo,
    Lifo,
    SlowFirst,
}

/// A pool whose answers are ready at once, and come in the order that was asked for.
struct Toy {
    order: Order,
    out: VecDeque<(u64, u64)>,
    sent: u64,
}

/// Prints the answers, and what was out when one was waited for.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [order, window, count] = &words[..] else {
        return Err("usage: in-order fifo|lifo|slow-first WINDOW INPUTS".into());
    };
    let order = match order.as_str() {
        "fifo" => Order::Fifo,
        "lifo" => Order::Lifo,
        _ => Order::SlowFirst,
    };
    let (window, count): (u64, u64) = (window.parse()?, count.parse()?);
    let mut toy = Toy { order, out: VecDeque::new(), sent: 0 };
    let mut taken = 0;
    let inputs = (0..count).inspect(|input| {
        taken = *input + 1;
        gate::tell("taken", taken);
    });
    let mut answers = in_order(&mut toy, inputs, window);
    for answer in answers.by_ref() {
        println!("answer {answer}");
        gate::tell("answer", answer);
    }
    let again = answers.next().is_some();
    gate::tell("after the end", again);
    println!("after the end: {}", if again { "another one" } else { "nothing" });
    Ok(())
}

impl Unordered for Toy {
    type Input = u64;
    type Answer = u64;

    fn send(&mut self, number: u64, input: u64) {
        println!("  sent {input} as number {number}");
        gate::tell("sent", format_args!("{number} {input}"));
        self.sent += 1;
        self.out.push_back((number, input));
    }

    fn receive(&mut self) -> (u64, u64) {
        gate::tell("receives", self.out.len());
        let next = match self.order {
            Order::Fifo => self.out.pop_front(),
            Order::Lifo => self.out.pop_back(),
            Order::SlowFirst => self.out.remove(usize::from(self.out.len() > 1)),
        };
        let Some((number, input)) = next else {
            println!("  waits for an answer, and no task is out: for ever");
            gate::tell("waits for nothing", self.sent);
            // Nobody would ever wake it.
            std::process::exit(0);
        };
        println!("  answered: number {number}");
        (number, 10 * input)
    }
}
