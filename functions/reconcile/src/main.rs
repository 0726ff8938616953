//! Polls, repairs and sweeps: finds what hints missed, and hints it.

use anyhow::Context as _;
use concord_aws::deployment::Deployment;
use concord_aws::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let deployment = Box::pin(Deployment::start()).await.context("reconcile cannot start")?;
    lambda::run_reconcile(&deployment).await.map_err(anyhow::Error::from_boxed).context("reconcile has ended")
}
