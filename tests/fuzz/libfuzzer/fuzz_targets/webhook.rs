//! See `concord_fuzz::webhook`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::webhook(data);
});
