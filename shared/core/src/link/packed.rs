//! A link's packed form: as an item of named attributes the names would cost more than the values, and an item
//! of up to 1 KB is one write unit (DESIGN 5).
//!
//! A byte that names the format, then postcard of [`Link`]. Postcard has no field names, so adding, removing or
//! moving a field of `Link`, or a variant of what it holds, is a new format. A link whose records are both gone has a format of its own,
//! with the instant behind it, so that no other pays for it. Deliberately absent: reading any format but the present ones.

use jiff::Timestamp;
use thiserror::Error;

use super::Link;

/// First byte of a packed link: says how the rest is to be read.
pub const FORMAT: u8 = 9;
/// The same of a link whose records are both gone: what follows is [`Link::gone`], in microseconds, then as in [`FORMAT`].
pub const FORMAT_GONE: u8 = 10;

/// The link could not be packed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct PackError(postcard::Error);

/// Why bytes are no packed link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnpackError {
    /// There are none.
    #[error("link without its packed form")]
    Empty,
    /// Another version of Concord wrote it.
    #[error("link of format {0} (this version reads {FORMAT} and {FORMAT_GONE})")]
    Format(u8),
    /// The format is ours, and what follows is not: cut off, damaged, or longer than a link.
    #[error("link")]
    Damaged,
}

/// Packs a link. Instants are kept to the microsecond.
///
/// # Errors
/// [`PackError`], which no link that memory holds is known to cause.
pub fn pack(link: &Link) -> Result<Vec<u8>, PackError> {
    let begun = match link.gone {
        None => Ok(vec![FORMAT]),
        Some(gone) => postcard::to_extend(&gone.as_microsecond(), vec![FORMAT_GONE]),
    };
    begun.and_then(|begun| postcard::to_extend(link, begun)).map_err(PackError)
}

/// Reads a packed link, all of it: bytes left over mean that the rest was read wrongly too.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(packed: &[u8]) -> Result<Link, UnpackError> {
    let (gone, packed) = match packed.split_first() {
        Some((&FORMAT, packed)) => (None, packed),
        Some((&FORMAT_GONE, packed)) => {
            let (micros, packed) = postcard::take_from_bytes(packed).map_err(|_| UnpackError::Damaged)?;
            let gone = Timestamp::from_microsecond(micros).map_err(|_| UnpackError::Damaged)?;
            (Some(gone), packed)
        }
        Some((&format, _)) => return Err(UnpackError::Format(format)),
        None => return Err(UnpackError::Empty),
    };
    match postcard::take_from_bytes(packed) {
        Ok((link, [])) => Ok(Link { gone, ..link }),
        Ok((_, [_, ..])) | Err(_) => Err(UnpackError::Damaged),
    }
}
