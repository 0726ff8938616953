//! See `concord_fuzz::contract`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::contract(data);
});
