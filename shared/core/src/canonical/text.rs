//! Text, e-mail addresses, telephone numbers and web addresses.
//!
//! Letters are lowered in ASCII only. Lowering all of Unicode would make two different addresses one (the
//! Kelvin sign lowers to `k`), and addresses are keys.

use phonenumber::{Mode, PhoneNumber, country};

use super::{Reason, from_text};
use crate::value::{Presence, Raw, Value};

/// Drops surrounding blanks, because Salesforce does on save, and makes every line end `\n`, because browsers
/// send `\r\n` (Salesforce CDC guide, newlines). What is inside stays.
pub(super) fn canonical(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| Ok(Value::Text(text.replace("\r\n", "\n").replace('\r', "\n"))))
}

/// Lowers the whole address: Salesforce does so on save, and HubSpot compares without case, so a difference in
/// case alone is no change.
pub(super) fn canonical_email(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| {
        let address = text.to_ascii_lowercase();
        if is_email(&address) { Ok(Value::Text(address)) } else { Err(Reason::Email) }
    })
}

/// Only what both CRMs are sure to refuse is refused here; the rest is for them to say.
fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "@,;:<>()[]\\\"".contains(c);
    !local.is_empty()
        && !address.replacen('@', "", 1).contains(forbidden)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

/// E.164, with ` ext. N` after it where there is an extension: dropping it would lose what a person typed.
/// A number that is in no country's plan is refused, since its digits would be a guess: libphonenumber reads
/// letters as digits, and `12345` as an American number.
pub(super) fn canonical_phone(region: &str, raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    let region = phone_region(region).ok_or(Reason::Phone)?;
    from_text(raw, |text| {
        let canonical = e164(&read_phone(region, text)?);
        // Only a fixpoint is canonical (I9); for a few plans the metadata does not read back what it wrote.
        if canonical == text || e164(&read_phone(region, &canonical)?) == canonical {
            Ok(Value::Text(canonical))
        } else {
            Err(Reason::Phone)
        }
    })
}

fn read_phone(region: country::Id, text: &str) -> Result<PhoneNumber, Reason> {
    phonenumber::parse(Some(region), text).ok().filter(PhoneNumber::is_valid).ok_or(Reason::Phone)
}

fn e164(number: &PhoneNumber) -> String {
    let digits = number.format().mode(Mode::E164).to_string();
    match number.extension() {
        Some(extension) => format!("{digits} ext. {extension}"),
        None => digits,
    }
}

/// Whether telephone numbers of this ISO 3166 region can be read.
pub(crate) fn is_phone_region(region: &str) -> bool {
    phone_region(region).is_some()
}

fn phone_region(region: &str) -> Option<country::Id> {
    region.parse().ok()
}

/// An address without a scheme is taken for `https`. Scheme and host are lowered, and the slash after a bare
/// host is dropped; `http` and `https` stay different, and so do paths in all their spellings.
pub(super) fn canonical_url(raw: &Presence<Raw>) -> Result<Presence<Value>, Reason> {
    from_text(raw, |text| {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Reason::Url);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let scheme = scheme.to_ascii_lowercase();
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, host) = match authority.rsplit_once('@') {
            // `ada@example.com` and `mailto:..` are no addresses of the web.
            Some(_) if rest == text => return Err(Reason::Url),
            Some((login, host)) => (format!("{login}@"), host.to_ascii_lowercase()),
            None => (String::new(), authority.to_ascii_lowercase()),
        };
        if !is_scheme(&scheme) || !is_host(&host) {
            return Err(Reason::Url);
        }
        let path = if path == "/" { "" } else { path };
        Ok(Value::Text(format!("{scheme}://{login}{host}{path}")))
    })
}

fn is_scheme(scheme: &str) -> bool {
    scheme == "http" || scheme == "https"
}

/// A name, an IPv4 address or a bracketed IPv6 address, and perhaps a port.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        Some(_) | None => (host, "0"),
    };
    let ipv6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let named = |name: &str| {
        name.contains(char::is_alphanumeric)
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
    };
    port.parse::<u16>().is_ok()
        && ipv6.map_or_else(|| named(name), |ip| ip.parse::<std::net::Ipv6Addr>().is_ok())
}
