//! See `concord_fuzz::packed_link`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::packed_link(data);
});
