//! See `concord_fuzz::queue_message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::queue_message(data);
});
