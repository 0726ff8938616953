//! Worlds that once broke something, kept as files: `seeds/NAME.json`.
//!
//! A file holds the shrunk script and not its seed, so it outlives a change of how seeds make scripts. It does not
//! outlive a change of what is drawn in which order ([`crate::profile`], [`crate::chaos`], [`crate::users`]): its bytes
//! then tell another story. It still has to hold, but it no longer guards against what it was kept for; such a change
//! calls for the old bug to be put back and found anew.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::chance::Script;
use crate::watch::Broken;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// See [`Script::head`], in hexadecimal.
    head: String,
    /// See [`Script::body`], in hexadecimal.
    body: String,
    /// What went wrong, for people.
    pub what: String,
    /// The invariant that was broken.
    pub invariant: String,
}

impl Saved {
    /// Where they are kept.
    #[must_use]
    pub fn directory() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
    }

    /// A script, with what it breaks.
    #[must_use]
    pub fn new(script: &Script, broken: &Broken) -> Self {
        Self {
            head: hex::encode(&script.head),
            body: hex::encode(&script.body),
            what: broken.what.clone(),
            invariant: broken.invariant.to_owned(),
        }
    }

    /// Its script.
    ///
    /// # Errors
    /// The file was changed by hand, and not well.
    pub fn script(&self) -> anyhow::Result<Script> {
        Ok(Script { head: bytes(&self.head)?, body: bytes(&self.body)? })
    }

    /// Writes it. Says where.
    ///
    /// # Errors
    /// It cannot be written, or the name is no name for a file.
    pub fn save(&self, name: &str) -> anyhow::Result<PathBuf> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        anyhow::ensure!(!name.is_empty() && name.chars().all(plain), "a name is like a-lost-answer: {name}");
        let path = Self::directory().join(format!("{name}.json"));
        std::fs::create_dir_all(Self::directory())?;
        std::fs::write(&path, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// All that are kept, by name.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn all() -> anyhow::Result<Vec<(String, Self)>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(Self::directory())? {
            let path = entry?.path();
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let text = std::fs::read_to_string(&path)?;
            let saved = serde_json::from_str(&text).with_context(|| format!("cannot read {name}"))?;
            all.push((name, saved));
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }
}

fn bytes(hex: &str) -> anyhow::Result<Vec<u8>> {
    hex::decode(hex).with_context(|| format!("not hexadecimal: {hex}"))
}
