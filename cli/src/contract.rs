//! `concord contract`: check a file, or put it in force for a deployed stack.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use concord_aws::config::Settings;
use concord_aws::deployment::Deployment;
use concord_core::contract::{Contract, parse};
use concord_core::port::Store as _;

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
            let (contract, _) = load(&file)?;
            let (objects, fields) = (
                contract.objects.len(),
                contract.objects.values().map(|object| object.fields.len()).sum::<usize>(),
            );
            say::line(&format!(
                "{}: version {}, {objects} object types, {fields} fields: no faults",
                file.display(),
                contract.version
            ));
        }
        ContractCommand::Take { file } => {
            let (contract, text) = load(&file)?;
            let settings = Settings::from_process()?;
            let aws = Box::pin(aws_config::load_defaults(aws_config::BehaviorVersion::latest())).await;
            let deployment = Deployment::new(settings, &aws)?;
            Box::pin(deployment.store.take_contract(contract.version, &text)).await.with_context(|| {
                format!(
                    "version {} or a later one is in force: raise `version` in {}",
                    contract.version,
                    file.display()
                )
            })?;
            say::line(&format!(
                "version {} is in force; the functions follow within a minute",
                contract.version
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a contract file.
pub(crate) fn load(file: &Path) -> anyhow::Result<(Contract, String)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok((read(&text, &file.display().to_string())?, text))
}

/// Reads a contract, or says everything that is wrong with it.
pub(crate) fn read(yaml: &str, name: &str) -> anyhow::Result<Contract> {
    match parse(yaml) {
        Ok(contract) => Ok(contract),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(|fault| fault.render(name)).collect();
            bail!("the contract is refused\n{}", faults.join("\n"))
        }
    }
}
