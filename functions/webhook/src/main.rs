//! The front door: authenticates what the CRMs tell, claims each event, queues hints.

use anyhow::Context as _;
use concord_aws::deployment::Deployment;
use concord_aws::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let deployment = Box::pin(Deployment::start()).await.context("webhook cannot start")?;
    lambda::run_webhook(&deployment).await.map_err(anyhow::Error::from_boxed).context("webhook has ended")
}
