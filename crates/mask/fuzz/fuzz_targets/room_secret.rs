#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis_mask::fuzzing::run("room_secret", bytes));
