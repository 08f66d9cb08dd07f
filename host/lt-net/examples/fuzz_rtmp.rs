//! Gives the RTMP codec bytes that nobody would send: `fuzz_rtmp [--inputs N] [--seed S]`, by default ten million from number zero.
//!
//! What must hold for each input stands in `lt_net::rtmp::fuzz`. An input is made from its number alone: what breaks with
//! `--seed S` as input number N breaks again with `--seed N --inputs 1`. A panic says which inputs were under way.

#![allow(
    clippy::disallowed_methods,
    reason = "a program of its own: it has nobody to take its arguments from"
)]

use lt_net::rtmp::fuzz::{Outcome, run};

/// Inputs between two lines of progress.
const STEP: u64 = 1_000_000;
/// Inputs without `--inputs`.
const INPUTS: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut inputs, mut seed) = (INPUTS, 0);
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().unwrap_or_default().parse()?;
        match name.as_str() {
            "--inputs" => inputs = value,
            "--seed" => seed = value,
            _ => return Err("usage: fuzz_rtmp [--inputs N] [--seed S]".into()),
        }
    }
    let mut total = Outcome::default();
    while total.inputs < inputs {
        let first = seed + total.inputs;
        let step = STEP.min(inputs - total.inputs);
        println!("inputs {first} to {}", first + step - 1);
        total.add(&run(first, step)?);
    }
    println!("{total:?}");
    Ok(())
}
