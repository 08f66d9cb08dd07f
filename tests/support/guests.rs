//! Where the compiled guests and scenarios are.

use std::path::{Path, PathBuf};

/// How to make what is missing.
const REMEDY: &str =
    "run `make test`, which builds the program, the guests and the scenarios first";

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package lies in the repository")
        .to_owned()
}

/// Cargo's target directory, found from this very executable, which lies somewhere in it: cargo marks the directory.
#[must_use]
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the program knows its own file");
    program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").is_file())
        .expect("cargo put the program into a target directory")
        .to_owned()
}

/// The component of a guest of `tests/programs/examples`.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    existing(
        target()
            .join("wasm32-wasip2/release/examples")
            .join(format!("{name}.wasm")),
    )
}

/// A run file's text with the path of each guest in the place of its `"@name"`.
#[must_use]
pub fn with_paths(text: &str) -> String {
    let mut parts = text.split("\"@");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('"').expect("a guest's name ends");
        made.push_str(&format!("\"{}\"{rest}", guest(name).display()));
    }
    made
}

/// The component of a scenario, as `cargo build --target wasm32-wasip2` makes it.
#[must_use]
pub fn scenario(name: &str) -> PathBuf {
    scenario_for("wasm32-wasip2", name)
}

/// What building a scenario for this target gives: a component, but for `wasm32-unknown-unknown` a core module.
#[must_use]
pub fn scenario_for(wasm_target: &str, name: &str) -> PathBuf {
    let file = format!("{}.wasm", name.replace('-', "_"));
    existing(target().join(wasm_target).join("release").join(file))
}

/// The program: `LT_HOST_BIN`, else the one beside the tests.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own switch, not a setting of the product"
)]
pub fn program() -> PathBuf {
    let path = match std::env::var_os("LT_HOST_BIN") {
        Some(path) => PathBuf::from(path),
        None => target().join("release/lt-host"),
    };
    existing(path)
}

/// The sources of all guests, by name.
#[must_use]
pub fn all_guests() -> Vec<String> {
    let directory = repository().join("tests/programs/examples");
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("the guests' sources are there")
        .filter_map(|entry| {
            let path = entry.expect("a directory can be listed").path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "rs").then_some(name)
        })
        .collect();
    names.sort();
    names
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is missing: {REMEDY}", path.display());
    path
}
