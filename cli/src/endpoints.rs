//! `endpoints.json`: where everything is. Written last, so that whoever sees the file can start.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Where `concord up` keeps everything, unless told otherwise.
pub(crate) const DEFAULT_DATA_DIR: &str = ".concord";

/// What other tools rely on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// HubSpot's base URL.
    pub(crate) hubspot: String,
    /// Salesforce's My Domain.
    pub(crate) salesforce: String,
    /// Concord's front door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
    /// The database, by DynamoDB's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dynamodb: Option<String>,
    /// Status and control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) console: Option<String>,
    /// Bearer token of the HubSpot sandbox.
    pub(crate) hubspot_token: String,
    /// Client id of the Salesforce sandbox.
    pub(crate) salesforce_client_id: String,
    /// Client secret of the Salesforce sandbox.
    pub(crate) salesforce_client_secret: String,
    /// With which HubSpot's webhooks are signed.
    pub(crate) webhook_secret: String,
}

fn path(data: &Path) -> PathBuf {
    data.join("endpoints.json")
}

impl Endpoints {
    /// Writes the file in one step: a reader sees all of it or nothing.
    pub(crate) fn write(&self, data: &Path) -> anyhow::Result<()> {
        let whole = serde_json::to_string_pretty(self)?;
        let part = data.join("endpoints.json.part");
        std::fs::write(&part, whole).with_context(|| format!("cannot write {}", part.display()))?;
        std::fs::rename(&part, path(data)).with_context(|| format!("cannot write {}", path(data).display()))
    }

    pub(crate) fn read(data: &Path) -> anyhow::Result<Self> {
        let path = path(data);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("cannot read {}: is `concord up --data {}` running?", path.display(), data.display())
        })?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not what `concord up` writes", path.display()))
    }

    /// Takes the file away: what it names is not there (any more).
    pub(crate) fn remove(data: &Path) -> anyhow::Result<()> {
        match std::fs::remove_file(path(data)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot remove {}", path(data).display())),
        }
    }
}
