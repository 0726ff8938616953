//! See `concord_fuzz::hubspot_answers`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = concord_fuzz::hubspot_answers(data);
});
