#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| scalar_dynamics_fuzz::read(bytes, "npz"));
