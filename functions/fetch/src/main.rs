//! Reads both rows of what is hinted, settles, decides, and commits link and intents in one write.

use anyhow::Context as _;
use concord_aws::deployment::Deployment;
use concord_aws::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let deployment = Box::pin(Deployment::start()).await.context("fetch cannot start")?;
    lambda::run_fetch(&deployment).await.map_err(anyhow::Error::from_boxed).context("fetch has ended")
}
