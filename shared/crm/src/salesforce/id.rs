//! Record ids. 15 characters tell capitals apart; the 18-character form adds a checksum of the capitals, so that
//! it survives a comparison that does not.

use concord_core::names::RecordId;

/// Characters of an id without its checksum.
const SHORT: usize = 15;
/// Characters of an id with its checksum.
const LONG: usize = 18;
/// The checksum's alphabet: five bits a character.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 18-character form of an id, or nothing if this is none. An 18-character id whose checksum does not fit
/// has lost its capitals on the way: it names no record, or another one.
#[must_use]
pub fn canonical(id: &str) -> Option<RecordId> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        SHORT => Some(RecordId::new(format!("{id}{}", checksum(id)))),
        LONG => {
            let (short, given) = id.split_at(SHORT);
            (checksum(short) == given).then(|| RecordId::new(id))
        }
        _ => None,
    }
}

/// One character for each five of the id: bit `i` stands for a capital at place `i`.
fn checksum(short: &str) -> String {
    short
        .as_bytes()
        .chunks(5)
        .map(|five| {
            let bits = five.iter().enumerate().map(|(at, byte)| usize::from(byte.is_ascii_uppercase()) << at);
            char::from(ALPHABET[bits.sum::<usize>()])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use concord_core::names::RecordId;

    #[test]
    fn a_short_id_gains_the_checksum_that_salesforce_gives_it() {
        // Ids as they stand in Salesforce's own documents and answers.
        for long in [
            "0038M0000016Wv8QAE",
            "00D7F00000107XsUAI",
            "04k7F0000008V3hQAE",
            "04l7F000008aeAyQAI",
            "0067F000003pmdWQAQ",
            "01gD0000002HU6KIAW",
        ] {
            assert_eq!(canonical(&long[..15]), Some(RecordId::new(long)));
            assert_eq!(canonical(long), Some(RecordId::new(long)));
        }
    }

    #[test]
    fn an_id_that_lost_its_capitals_is_no_id() {
        assert_eq!(canonical("0038m0000016wv8qae"), None);
        assert_eq!(canonical("0038m0000016wv8QAE"), None);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "003", "001*", "003000000000001'", "0038M0000016Wv8QA", "0038M0000016Wv8QAE0"] {
            assert_eq!(canonical(text), None, "{text}");
        }
        assert_eq!(canonical("0030000000000010").as_ref().map(RecordId::as_str), None);
    }
}
