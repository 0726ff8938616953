//! `concord contract`: check a file, or put it in force for a deployed stack.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use concord_aws::config::Settings;
use concord_aws::deployment::Deployment;
use concord_aws::dynamo::DynamoStore;
use concord_core::contract::{Contract, Effect, Mismatch, parse};
use concord_core::port::Store as _;
use jiff::Timestamp;

use crate::say;

#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    /// Say what is wrong with a contract file, by line, and what to do about it.
    Check {
        /// The YAML file.
        file: PathBuf,
    },
    /// Put a contract in force in the stack that the environment names (the variables of the functions).
    Take {
        /// The YAML file.
        file: PathBuf,
    },
}

pub(crate) async fn run(command: ContractCommand) -> anyhow::Result<ExitCode> {
    match command {
        ContractCommand::Check { file } => {
            let ContractFile { parsed: contract, name, .. } = ContractFile::load(&file)?;
            let objects = contract.objects.len();
            let fields: usize = contract.objects.values().map(|object| object.fields.len()).sum();
            say::line(&format!(
                "{name}: version {}, {objects} object types, {fields} fields: no faults",
                contract.version
            ));
        }
        ContractCommand::Take { file } => {
            let contract = ContractFile::load(&file)?;
            let deployment = deployment().await?;
            let engine = Box::pin(deployment.engine_under(&contract.yaml, Timestamp::now())).await?;
            let mismatches = Box::pin(engine.mismatches()).await;
            let mismatches =
                mismatches.context("not taken: it could not be compared with both live schemas")?;
            for warning in contract.fitted_to(&mismatches)? {
                say::line(&format!("warning: {warning}"));
            }
            Box::pin(contract.take(&deployment.store)).await?;
            say::line(&format!(
                "version {} is in force; the functions follow within a minute",
                contract.parsed.version
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The stack that the environment names.
pub(crate) async fn deployment() -> anyhow::Result<Deployment> {
    let settings = Settings::from_process()?;
    let aws = Box::pin(aws_config::load_defaults(aws_config::BehaviorVersion::latest())).await;
    Ok(Deployment::new(settings, &aws)?)
}

/// A contract, and the file that it was read from.
pub(crate) struct ContractFile {
    pub(crate) parsed: Contract,
    pub(crate) yaml: String,
    name: String,
}

impl ContractFile {
    /// Reads a contract file, or says everything that is wrong with it.
    pub(crate) fn load(file: &Path) -> anyhow::Result<Self> {
        let name = file.display().to_string();
        let yaml = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
        Self::of(yaml, name)
    }

    /// Reads a contract that goes by a name.
    pub(crate) fn of(yaml: String, name: String) -> anyhow::Result<Self> {
        match parse(&yaml) {
            Ok(parsed) => Ok(Self { parsed, yaml, name }),
            Err(faults) => {
                let faults: Vec<String> = faults.iter().map(|fault| fault.render(&name)).collect();
                bail!("the contract is refused\n{}", faults.join("\n"))
            }
        }
    }

    /// Refuses a contract that the two live schemas do not fit, with everything that does not, each at its line.
    /// Returns what is only worth a warning.
    pub(crate) fn fitted_to(&self, mismatches: &[Mismatch]) -> anyhow::Result<Vec<String>> {
        let (mut refused, mut warnings) = (Vec::new(), Vec::new());
        for mismatch in mismatches {
            let told = mismatch.in_file(&self.yaml).render(&self.name);
            match mismatch.effect {
                Effect::SuspendObject | Effect::SuspendDeletes | Effect::Suspend(_) => refused.push(told),
                Effect::Warn(_) => warnings.push(told),
            }
        }
        if !refused.is_empty() {
            bail!("the contract does not fit the two CRMs\n{}", refused.join("\n"));
        }
        Ok(warnings)
    }

    /// Puts it in force.
    pub(crate) async fn take(&self, store: &DynamoStore) -> anyhow::Result<()> {
        let Self { parsed: Contract { version, .. }, yaml, name } = self;
        store.take_contract(*version, yaml).await.with_context(|| {
            format!("version {version} or a later one is in force: raise `version` in {name}")
        })
    }
}
