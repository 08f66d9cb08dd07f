//! `lt-host describe`: what a scenario says of itself.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use lt_runtime::Scenario;
use lt_spec::description::SettingKind;
use serde_json::json;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;
use crate::scenario_file::{SCENARIO, engine, load, looking_only};
use crate::show::{HIDDEN, describe_page, interfaces};

/// Show what a scenario is: settings, roles, metrics, data, suggested load
///
/// Runs nothing but the scenario's own description, in a sandbox that can reach nothing.
#[derive(Clone, Debug, Args)]
pub(crate) struct Describe {
    /// The scenario: a WebAssembly component.
    #[arg(value_name = "SCENARIO.wasm")]
    scenario: PathBuf,
    /// Print one JSON object instead of a page.
    #[arg(long, env = "LT_DESCRIBE_JSON", value_parser = BoolishValueParser::new())]
    json: bool,
}

impl Describe {
    /// Load and show.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        let scenario = load(&engine(&looking_only(process))?, &self.scenario, SCENARIO)?;
        let size_bytes = std::fs::metadata(&self.scenario)?.len();
        let text = if self.json {
            self.as_json(&scenario, size_bytes)?
        } else {
            describe_page(&self.scenario, &scenario, size_bytes)
        };
        process.print(&text)?;
        Ok(Exit::Success)
    }

    fn as_json(&self, scenario: &Scenario, size_bytes: u64) -> Result<String, CommandError> {
        let mut description = scenario.description().clone();
        for setting in &mut description.settings {
            if setting.kind == SettingKind::Secret {
                setting.default = setting.default.take().map(|_| HIDDEN.to_owned());
            }
        }
        let value = json!({
            "file": self.scenario.display().to_string(),
            "sha256": scenario.hash(),
            "size_bytes": size_bytes,
            "imports": interfaces(scenario),
            "description": description,
        });
        let text = serde_json::to_string_pretty(&value)
            .map_err(|error| CommandError::Failed(format!("cannot be written as JSON: {error}")))?;
        Ok(format!("{text}\n"))
    }
}
