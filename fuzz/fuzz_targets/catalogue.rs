#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| warung_fuzz::catalogue::holds(bytes));
