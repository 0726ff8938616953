//! Sends intents under their preconditions, and settles what came of them.

use anyhow::Context as _;
use concord_aws::deployment::Deployment;
use concord_aws::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let deployment = Box::pin(Deployment::start()).await.context("write cannot start")?;
    lambda::run_write(&deployment).await.map_err(anyhow::Error::from_boxed).context("write has ended")
}
