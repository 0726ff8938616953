//! Record ids: 15 characters of which the case counts, and 3 more that say the case again (reference 1.10).

/// Five bits name one of these.
const CHECK_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
/// Digits of a record's serial number, in the order in which Salesforce compares ids.
const SERIAL_DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that tell records apart.
const SHORT_LENGTH: usize = 15;
/// With the check characters.
const LONG_LENGTH: usize = 18;

/// A record's id in its 18-character form. Both forms are accepted; 18 characters are answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(String);

impl Id {
    /// Reads either form. `None` for other lengths, other characters, and check characters that do not fit.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let long = match text.len() {
            SHORT_LENGTH => with_check(text),
            LONG_LENGTH => with_check(&text[..SHORT_LENGTH]),
            _ => return None,
        };
        (text.len() == SHORT_LENGTH || long.eq_ignore_ascii_case(text)).then_some(Self(long))
    }

    /// The id of the `serial`-th record whose ids begin with `prefix`.
    pub(crate) fn numbered(prefix: &str, serial: u64) -> Self {
        let mut digits = Vec::new();
        let mut rest = serial;
        while rest > 0 || digits.is_empty() {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            digits.push(char::from(SERIAL_DIGITS[digit]));
            rest /= 62;
        }
        let width = SHORT_LENGTH - prefix.len();
        let serial: String = digits.into_iter().rev().collect();
        Self(with_check(&format!("{prefix}{serial:0>width$}")))
    }

    /// Before every record's id: where a range begins.
    pub(crate) fn least() -> Self {
        Self(String::new())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The three characters that say what kind of record it is.
    pub(crate) fn prefix(&self) -> &str {
        &self.0[..3]
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

fn with_check(short: &str) -> String {
    let mut long = short.to_owned();
    for chunk in short.as_bytes().chunks(5) {
        let bits = chunk.iter().enumerate().fold(0, |bits, (place, byte)| {
            if byte.is_ascii_uppercase() { bits | (1 << place) } else { bits }
        });
        long.push(char::from(CHECK_LETTERS[bits]));
    }
    long
}
