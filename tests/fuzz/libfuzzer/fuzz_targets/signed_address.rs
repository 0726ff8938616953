//! See `concord_fuzz::signed_address`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::signed_address(data);
});
