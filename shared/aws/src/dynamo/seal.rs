//! Values at rest: sealed with XChaCha20-Poly1305 under a random key per link, so that deleting one item
//! (`SECRET#link`) shreds every value that the journal and the conflicts hold of that link (DESIGN 5, I43).
//!
//! The sealed bytes are a random 24-byte nonce and the ciphertext; the item's key is authenticated with them,
//! so that a sealed value read under another key fails instead of explaining the wrong thing. Random nonces
//! are safe here: with 192 bits no two meet (`draft-irtf-cfrg-xchacha`, section 2.1).

use chacha20poly1305::aead::common::Generate;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use concord_core::port::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

const NONCE_BYTES: usize = 24;

/// A link's key.
#[derive(Clone)]
pub(super) struct LinkSecret(Key);

impl LinkSecret {
    /// Takes 256 random bits from the operating system.
    pub(super) fn generate() -> Result<Self, StoreError> {
        Key::try_generate().map(Self).map_err(|_| no_chance())
    }

    /// Takes stored bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Key::try_from(bytes).ok().map(Self)
    }

    /// The bytes to store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Seals something for the item that is stored under `place`.
    pub(super) fn seal<T: Serialize>(&self, place: &str, open: &T) -> Result<Vec<u8>, StoreError> {
        let refused = |reason: String| StoreError::Refused { operation: "seal a value", reason };
        let open = postcard::to_stdvec(open).map_err(|error| refused(error.to_string()))?;
        let nonce = XNonce::try_generate().map_err(|_| no_chance())?;
        let sealed = XChaCha20Poly1305::new(&self.0)
            .encrypt(&nonce, Payload { msg: &open, aad: place.as_bytes() })
            .map_err(|_| refused("the cipher refused".to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for `place`. `None` if it was sealed under another key or for another place.
    pub(super) fn open<T: DeserializeOwned>(&self, place: &str, sealed: &[u8]) -> Option<T> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let open = XChaCha20Poly1305::new(&self.0)
            .decrypt(&nonce, Payload { msg: sealed, aad: place.as_bytes() })
            .ok()?;
        postcard::from_bytes(&open).ok()
    }
}

impl std::fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSecret(..)")
    }
}

/// Sixteen random bytes that name one attempt at a write.
pub(super) fn attempt() -> Result<Vec<u8>, StoreError> {
    <[u8; 16]>::try_generate().map(Vec::from).map_err(|_| no_chance())
}

fn no_chance() -> StoreError {
    StoreError::Busy { operation: "draw random bytes", reason: "the operating system gave none".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_under_its_key_and_in_its_place() {
        let secret = LinkSecret::generate().unwrap();
        let sealed = secret.seal("a", &"Ada".to_owned()).unwrap();

        assert_eq!(secret.open::<String>("a", &sealed), Some("Ada".to_owned()));
        assert_eq!(secret.open::<String>("b", &sealed), None);
        assert_eq!(LinkSecret::generate().unwrap().open::<String>("a", &sealed), None);
        assert!(!sealed.windows(3).any(|window| window == b"Ada"));
        assert_ne!(sealed, secret.seal("a", &"Ada".to_owned()).unwrap(), "a nonce was used twice");
        assert_eq!(format!("{secret:?}"), "LinkSecret(..)");
    }
}
