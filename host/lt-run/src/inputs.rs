//! What is checked of a run's inputs before it starts, beyond what its spec says: data files and network settings.

use std::sync::Arc;

use lt_data::{DataFile, DataProblem, DataSet, FeederFile, LocalShared};
use lt_net::{TlsProfiles, TlsSettings};
use lt_spec::Problem;
use lt_spec::description::{DataKind, Description};
use lt_spec::spec::{DataSpec, HttpSpec};

/// Read the files of a run, and hold feeders against what the scenarios read, each by its name in the run.
///
/// # Errors
/// Every fault of every file, and fields that scenarios read and feeders do not have.
pub fn read_data(
    spec: &DataSpec,
    scenarios: &[(&str, &Description)],
) -> Result<(DataSet, Arc<LocalShared>), Vec<DataProblem>> {
    let assets: Vec<DataFile> = spec
        .assets
        .iter()
        .map(|(name, path)| DataFile {
            name: name.clone(),
            path: path.clone(),
        })
        .collect();
    let feeders: Vec<FeederFile> = spec.feeders.iter().map(FeederFile::from).collect();
    let mut problems = Vec::new();
    let data = DataSet::load(&assets, &feeders).unwrap_or_else(|faults| {
        problems.extend(faults);
        DataSet::default()
    });
    problems.extend(fields_missing(&data, scenarios));
    let shared = LocalShared::open(spec.state_file.as_deref());
    match shared {
        Ok(shared) if problems.is_empty() => Ok((data, shared)),
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.push(problem);
            Err(problems)
        }
    }
}

/// Fields that scenarios read and feeders do not have; one that two scenarios miss is told once.
fn fields_missing(data: &DataSet, scenarios: &[(&str, &Description)]) -> Vec<DataProblem> {
    let mut problems: Vec<DataProblem> = Vec::new();
    let declared = scenarios.iter().flat_map(|(_, scenario)| &scenario.data);
    for declaration in declared {
        let DataKind::Feeder(fields) = &declaration.kind else {
            continue;
        };
        let checked = data
            .feeder(&declaration.name)
            .map(|feeder| feeder.check_fields(fields));
        let missing = checked.and_then(Result::err).unwrap_or_default();
        for problem in missing {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// Certificates that cannot be read and addresses that are not ours would fail every request: better now than then.
///
/// # Errors
/// Those that cannot be used.
pub fn check_network(http: &HttpSpec) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let settings = TlsSettings {
        authorities: http.authorities.clone(),
        identity: http.identity.clone(),
        insecure: http.insecure,
        resumption: http.tls_resumption,
    };
    if let Err(error) = TlsProfiles::default().profile(&settings) {
        let remedy = "give PEM files whose certificate and key belong together";
        problems.push(Problem::new(
            "--ca-cert, --client-cert or --client-key",
            "",
            error.to_string(),
            remedy,
        ));
    }
    for address in &http.local_addresses {
        if let Err(error) = std::net::TcpListener::bind((*address, 0)) {
            let remedy = "give addresses of this machine; `ip address` lists them";
            let message = format!("cannot be connected from: {error}");
            problems.push(Problem::new(
                "--local-ips",
                address.to_string(),
                message,
                remedy,
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
