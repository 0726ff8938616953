//! See `concord_fuzz::outbound_message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::outbound_message(data);
});
