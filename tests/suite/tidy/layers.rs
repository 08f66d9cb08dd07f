//! Which crate may depend on which.

/// The map: each package, and the only packages of ours it may depend on, whatever the kind of dependency.
///
/// Arrows go downward, so that each layer can be understood and tested without those above it. A new package takes
/// its place here and in `ARCHITECTURE.md`.
const MAP: &[(&str, &[&str])] = &[
    ("lt-metrics", &[]),
    ("lt-net", &[]),
    ("lt-slab", &[]),
    ("lt-spec", &["lt-metrics"]),
    ("lt-load", &["lt-metrics", "lt-spec"]),
    ("lt-coordination", &["lt-spec"]),
    ("lt-data", &["lt-spec"]),
    ("lt-report", &["lt-metrics", "lt-spec"]),
    ("lt-suite", &["lt-metrics", "lt-spec"]),
    (
        "lt-runtime",
        &[
            "lt-coordination",
            "lt-data",
            "lt-load",
            "lt-metrics",
            "lt-net",
            "lt-slab",
            "lt-spec",
        ],
    ),
    (
        "lt-run",
        &[
            "lt-coordination",
            "lt-data",
            "lt-load",
            "lt-metrics",
            "lt-net",
            "lt-report",
            "lt-runtime",
            "lt-spec",
        ],
    ),
    (
        "lt-server",
        &[
            "lt-data",
            "lt-metrics",
            "lt-report",
            "lt-run",
            "lt-runtime",
            "lt-spec",
        ],
    ),
    (
        "lt-cluster",
        &["lt-metrics", "lt-report", "lt-run", "lt-spec"],
    ),
    ("lt-sdk", &["lt-sdk-macros"]),
    ("lt-sdk-macros", &[]),
    ("lt-test-programs", &["lt-sdk"]),
];

/// The program: it wires everything below it together.
const PROGRAM: &str = "lt-host";

/// The tests: they may use every package, and nothing may use them.
const TESTS: &str = "lt-tests";

/// The only packages that may name wasmtime: the runtime, and the slabs that plug into it.
const WASMTIME_USERS: [&str; 2] = ["lt-runtime", "lt-slab"];

/// Crates that must not be in the graph, and what to use.
const BANNED: [(&str, &str); 4] = [
    ("ring", "aws-lc-rs is the one provider of cryptography"),
    ("openssl", "rustls is the one TLS"),
    ("openssl-sys", "rustls is the one TLS"),
    ("native-tls", "rustls is the one TLS"),
];

/// A package of the workspace.
#[derive(Debug)]
pub(super) struct Package {
    /// Its name.
    name: String,
    /// Whether it lies under `scenarios/`.
    scenario: bool,
    /// What it depends on, in any way.
    dependencies: Vec<String>,
    /// Its manifest's text.
    manifest: String,
}

/// Reads what `cargo metadata --no-deps` says.
pub(super) fn packages(metadata: &str) -> Vec<Package> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let package = |package: &serde_json::Value| {
        let path = text(&package["manifest_path"]);
        let dependencies = package["dependencies"].as_array().unwrap();
        Package {
            name: text(&package["name"]),
            scenario: path.contains("/scenarios/"),
            dependencies: dependencies
                .iter()
                .map(|dependency| text(&dependency["name"]))
                .collect(),
            manifest: std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

/// Dependencies between our packages that the map does not have.
pub(super) fn forbidden_arrows(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut problems = Vec::new();
    for package in packages {
        let Some(may_use) = may_use(package) else {
            problems.push(format!(
                "{} has no place in the map of layers",
                package.name
            ));
            continue;
        };
        for to in package
            .dependencies
            .iter()
            .filter(|to| ours(to) && !may_use(to))
        {
            problems.push(format!("{} must not depend on {to}", package.name));
        }
    }
    problems
}

/// Whether a package may use the one of this name.
type MayUse = Box<dyn Fn(&str) -> bool>;

/// What a package may use of ours; `None` when the map does not know the package.
fn may_use(package: &Package) -> Option<MayUse> {
    let name = package.name.as_str();
    if name == TESTS {
        return Some(Box::new(|_| true));
    }
    if name == PROGRAM {
        return Some(Box::new(|to| to != TESTS));
    }
    if package.scenario {
        return Some(Box::new(|to| to == "lt-sdk"));
    }
    let (_, allowed) = MAP.iter().find(|(mapped, _)| *mapped == name)?;
    Some(Box::new(|to| allowed.contains(&to)))
}

/// Packages that name wasmtime or one of its parts and should not.
pub(super) fn wasmtime_outside_its_crates(packages: &[Package]) -> Vec<String> {
    let outside = packages
        .iter()
        .filter(|package| !WASMTIME_USERS.contains(&package.name.as_str()));
    outside
        .flat_map(|package| package.dependencies.iter().map(move |to| (package, to)))
        .filter(|(_, to)| to.starts_with("wasmtime"))
        .map(|(package, to)| {
            format!(
                "{} names {to}: only {} may",
                package.name,
                WASMTIME_USERS.join(" and ")
            )
        })
        .collect()
}

/// Packages that leave the workspace's lints, and with them the ban on unsafe code.
pub(super) fn without_workspace_lints(packages: &[Package]) -> Vec<String> {
    let without = packages
        .iter()
        .filter(|package| !package.manifest.contains("[lints]\nworkspace = true"));
    without
        .map(|package| format!("{} does not take the lints of the workspace", package.name))
        .collect()
}

/// Lines of `cargo tree --prefix none --format {p}` that show a crate we do without.
pub(super) fn banned_crates(listing: &str) -> Vec<String> {
    let named = |line: &str| line.split(' ').next().map(str::to_owned);
    let mut shown: Vec<String> = listing.lines().filter_map(named).collect();
    shown.sort();
    shown.dedup();
    let banned = BANNED
        .iter()
        .filter(|(name, _)| shown.iter().any(|shown| shown == name));
    banned
        .map(|(name, instead)| format!("{name} is in the graph: {instead}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
        let manifest = "[lints]\nworkspace = true\n".to_owned();
        Package {
            name: name.to_owned(),
            scenario: false,
            dependencies,
            manifest,
        }
    }

    fn world(more: Package) -> Vec<Package> {
        let names = [
            "lt-host",
            "lt-tests",
            "lt-run",
            "lt-metrics",
            "lt-spec",
            "lt-sdk",
        ];
        let mut packages: Vec<_> = names
            .iter()
            .filter(|&&name| name != more.name)
            .map(|name| package(name, &[]))
            .collect();
        packages.push(more);
        packages
    }

    #[test]
    fn an_arrow_downward_is_fine() {
        assert!(forbidden_arrows(&world(package("lt-spec", &["serde", "lt-metrics"]))).is_empty());
        assert!(forbidden_arrows(&world(package("lt-host", &["lt-run", "lt-spec"]))).is_empty());
        assert!(forbidden_arrows(&world(package("lt-tests", &["lt-host", "lt-run"]))).is_empty());
    }

    #[test]
    fn an_arrow_upward_is_found() {
        for (from, to) in [
            ("lt-metrics", "lt-spec"),
            ("lt-spec", "lt-run"),
            ("lt-run", "lt-host"),
            ("lt-host", "lt-tests"),
            ("lt-run", "lt-tests"),
            ("lt-sdk", "lt-metrics"),
        ] {
            let problems = forbidden_arrows(&world(package(from, &[to])));
            assert_eq!(problems, [format!("{from} must not depend on {to}")]);
        }
    }

    #[test]
    fn a_package_outside_the_map_is_found() {
        let problems = forbidden_arrows(&world(package("lt-new", &[])));
        assert_eq!(problems, ["lt-new has no place in the map of layers"]);
    }

    #[test]
    fn a_scenario_uses_the_sdk_alone() {
        let scenario = |to: &str| Package {
            scenario: true,
            ..package("http-get", &[to])
        };
        assert!(forbidden_arrows(&world(scenario("lt-sdk"))).is_empty());
        assert_eq!(
            forbidden_arrows(&world(scenario("lt-spec"))),
            ["http-get must not depend on lt-spec"]
        );
    }

    #[test]
    fn wasmtime_in_the_wrong_crate_is_found() {
        assert!(
            wasmtime_outside_its_crates(&[package("lt-runtime", &["wasmtime", "wasmtime-wasi"])])
                .is_empty()
        );
        assert_eq!(
            wasmtime_outside_its_crates(&[package("lt-run", &["wasmtime-wasi"])]).len(),
            1
        );
        assert_eq!(
            wasmtime_outside_its_crates(&[package("lt-tests", &["wasmtime"])]).len(),
            1
        );
    }

    #[test]
    fn leaving_the_lints_is_found() {
        let mut lax = package("lt-run", &[]);
        assert!(without_workspace_lints(std::slice::from_ref(&lax)).is_empty());
        lax.manifest = "[package]\nname = \"lt-run\"\n".to_owned();
        assert_eq!(without_workspace_lints(&[lax]).len(), 1);
    }

    #[test]
    fn a_banned_crate_is_found_by_its_whole_name() {
        assert!(banned_crates("ring-buffer v1.0.0\naws-lc-rs v1.0.0\n").is_empty());
        let problems = banned_crates("tokio v1.0.0\nring v0.17.14\nring v0.17.14 (*)\n");
        assert_eq!(
            problems,
            ["ring is in the graph: aws-lc-rs is the one provider of cryptography"]
        );
    }
}
