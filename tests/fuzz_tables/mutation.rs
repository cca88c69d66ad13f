//! Changes of bytes, and how many are tried.

use std::fs;

use proptest::prelude::*;

/// A change of a file's bytes; places are parts of its length.
#[derive(Clone, Debug)]
pub enum Mutation {
    Flip { at: f64, by: u8 },
    Write { at: f64, bytes: Vec<u8> },
    Insert { at: f64, bytes: Vec<u8> },
    Remove { at: f64, length: usize },
    Repeat { at: f64, length: usize },
    Cut { at: f64 },
}

use Mutation::{Cut as CutOff, Flip, Insert, Remove, Repeat, Write};

/// Changes that write or insert such bytes.
pub fn mutation(
    bytes: impl Strategy<Value = Vec<u8>> + Clone + 'static,
) -> impl Strategy<Value = Mutation> {
    let at = || 0.0..1.0;
    prop_oneof![
        4 => (at(), 1u8..).prop_map(|(at, by)| Flip { at, by }),
        4 => (at(), bytes.clone()).prop_map(|(at, bytes)| Write { at, bytes }),
        2 => (at(), bytes).prop_map(|(at, bytes)| Insert { at, bytes }),
        2 => (at(), 1usize..20).prop_map(|(at, length)| Remove { at, length }),
        1 => (at(), 1usize..200).prop_map(|(at, length)| Repeat { at, length }),
        1 => at().prop_map(|at| CutOff { at }),
    ]
}

/// Makes a change.
pub fn apply(mutation: &Mutation, bytes: &mut Vec<u8>) {
    let place = |at: f64| ((at * bytes.len() as f64) as usize).min(bytes.len().saturating_sub(1));
    let part = |start: usize, length: usize| start..(start + length).min(bytes.len());
    match mutation {
        _ if bytes.is_empty() => {}
        Flip { at, by } => {
            let at = place(*at);
            bytes[at] ^= by;
        }
        Write { at, bytes: new } => {
            let part = part(place(*at), new.len());
            let length = part.len();
            bytes[part].copy_from_slice(&new[..length]);
        }
        Insert { at, bytes: new } => {
            let at = place(*at);
            bytes.splice(at..at, new.iter().copied());
        }
        Remove { at, length } => drop(bytes.drain(part(place(*at), *length))),
        Repeat { at, length } => {
            let part = part(place(*at), *length);
            let again = bytes[part.clone()].to_vec();
            bytes.splice(part.start..part.start, again);
        }
        CutOff { at } => bytes.truncate(place(*at)),
    }
}

/// The largest memory that the process ever had, in bytes.
pub fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("0 kB")
        .trim()
        .to_string();
    1024 * line.split(' ').next().and_then(|kilobytes| kilobytes.parse::<usize>().ok()).unwrap_or(0)
}

/// A runner that tries the same cases every time.
pub fn runner(cases: u32) -> proptest::test_runner::TestRunner {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let rng = proptest::test_runner::TestRng::deterministic_rng(
        proptest::test_runner::RngAlgorithm::ChaCha,
    );
    proptest::test_runner::TestRunner::new_with_rng(config, rng)
}

/// Cases of each kind: more with FUZZ_CASES=100000.
pub fn cases(default: u32) -> u32 {
    std::env::var("FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// Memory that damaged files of some kilobytes may take, with what the tests beside take.
pub const MEMORY: usize = 400 << 20;
