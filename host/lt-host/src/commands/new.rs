//! `lt-host new`: a scenario crate that builds and runs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// The crate's files: where they go, and their templates. `{{name}}` is the crate's name, `{{sdk}}` the dependency.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../templates/new/Cargo.toml")),
    ("src/lib.rs", include_str!("../../templates/new/src/lib.rs")),
    (".gitignore", include_str!("../../templates/new/.gitignore")),
    ("README.md", include_str!("../../templates/new/README.md")),
];
/// Longest name: it becomes a file name, a tag and part of results.
const NAME_CHARS_MAX: usize = 64;
/// Names that cargo refuses for a crate, or that would collide with the crates a scenario uses.
const NAMES_TAKEN: [&str; 52] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue",
    "core", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen",
    "if", "impl", "in", "let", "loop", "lt-sdk", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "static", "std", "struct", "super", "test",
    "trait", "true", "try", "type", "typeof", "unsafe", "use", "where", "while",
];

/// Make a scenario crate that builds and runs
///
/// Prints the commands to build it and to run it.
#[derive(Clone, Debug, Args)]
pub(crate) struct New {
    /// Name of the scenario and of the directory that is made: small letters, digits and single hyphens.
    name: String,
    /// The SDK to use: a directory with the crate lt-sdk, or a version. The one that lt-host was built with unless given.
    #[arg(long, value_name = "PATH|VERSION", env = "LT_NEW_SDK")]
    sdk: Option<String>,
}

impl New {
    /// Make the crate.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        check_name(&self.name)?;
        let sdk = match &self.sdk {
            Some(text) => given_sdk(text)?,
            None => own_sdk(),
        };
        let dir = PathBuf::from(&self.name);
        let unwritable = |error: std::io::Error| {
            let (message, remedy) = match error.kind() {
                std::io::ErrorKind::AlreadyExists => (
                    "there is something of this name already".to_owned(),
                    "choose another name, or remove it",
                ),
                _ => (
                    format!("cannot be made: {error}"),
                    "go to a directory that you may write to",
                ),
            };
            CommandError::input("NAME", &self.name, message, remedy)
        };
        // Never into an existing directory: not one file of the user's is overwritten.
        std::fs::create_dir(&dir).map_err(unwritable)?;
        write_files(&dir, &self.name, &sdk).map_err(unwritable)?;
        process.print(&next_commands(&self.name))?;
        Ok(Exit::Success)
    }
}

fn next_commands(name: &str) -> String {
    let artifact = name.replace('-', "_");
    format!(
        "made {name}/. Next:\n\n  cd {name}\n  cargo build --release --target wasm32-wasip2\n  \
         lt-host run target/wasm32-wasip2/release/{artifact}.wasm --users 10\n\n\
         `cargo component build --release` does as well: its file is target/wasm32-wasip1/release/{artifact}.wasm\n"
    )
}

fn write_files(dir: &Path, name: &str, sdk: &str) -> std::io::Result<()> {
    for (path, template) in FILES {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, fill(template, name, sdk))?;
    }
    Ok(())
}

fn fill(template: &str, name: &str, sdk: &str) -> String {
    template.replace("{{name}}", name).replace("{{sdk}}", sdk)
}

fn check_name(name: &str) -> Result<(), CommandError> {
    let refused = |message: String| {
        CommandError::input(
            "NAME",
            name,
            message,
            "use small letters, digits and single hyphens, such as my-shop",
        )
    };
    if name.len() > NAME_CHARS_MAX {
        return Err(refused(format!(
            "is longer than {NAME_CHARS_MAX} characters"
        )));
    }
    let words_ok = name.split('-').all(|word| {
        !word.is_empty()
            && word
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
    });
    if !words_ok || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(refused(
            "is not a kebab-case name that begins with a letter".to_owned(),
        ));
    }
    // The component model wants each word of a package's name to begin with a letter.
    if name
        .split('-')
        .any(|word| word.starts_with(|first: char| first.is_ascii_digit()))
    {
        return Err(refused("has a word that begins with a digit".to_owned()));
    }
    if NAMES_TAKEN.contains(&name) {
        return Err(refused(
            "is a word that cargo or Rust keeps for itself".to_owned(),
        ));
    }
    Ok(())
}

/// The dependency on the SDK of the checkout that this program was built from, if it is still there, else on its version.
fn own_sdk() -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk");
    match checkout.canonicalize() {
        Ok(path) if path.join("Cargo.toml").is_file() => path_dependency(&path),
        _ => version_dependency(env!("CARGO_PKG_VERSION")),
    }
}

fn given_sdk(text: &str) -> Result<String, CommandError> {
    let is_version = text.split('.').count() <= 3
        && text
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|char| char.is_ascii_digit()));
    if is_version {
        return Ok(version_dependency(text));
    }
    let refused = |message: String| {
        CommandError::input(
            "--sdk",
            text,
            message,
            "give the directory of the crate lt-sdk, or a version such as 0.1.0",
        )
    };
    let path = Path::new(text)
        .canonicalize()
        .map_err(|error| refused(format!("is no version and no directory: {error}")))?;
    if !path.join("Cargo.toml").is_file() {
        return Err(refused("holds no Cargo.toml".to_owned()));
    }
    Ok(path_dependency(&path))
}

/// TOML's basic strings escape backslashes and quotes; paths may hold both.
fn path_dependency(path: &Path) -> String {
    let escaped = path
        .display()
        .to_string()
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("{{ path = \"{escaped}\" }}")
}

fn version_dependency(version: &str) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case() {
        for good in ["shop", "my-shop", "shop2", "a"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for bad in [
            "", "Shop", "my_shop", "-shop", "shop-", "my--shop", "2shop", "shop-2", "../x", "fn",
            "lt-sdk", "ä", &long,
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_sdk_is_a_path_or_a_version() {
        assert_eq!(given_sdk("0.1.0").unwrap(), "\"0.1.0\"");
        assert!(given_sdk("0..1").is_err());
        assert!(given_sdk("/nonexistent").is_err());
        assert!(
            given_sdk("/")
                .unwrap_err()
                .to_string()
                .contains("no Cargo.toml")
        );
        let own = given_sdk(env!("CARGO_MANIFEST_DIR")).unwrap();
        assert!(
            own.starts_with("{ path = \"/") && own.ends_with("\" }"),
            "{own}"
        );
        assert_eq!(
            path_dependency(Path::new(r#"/a"b\c"#)),
            r#"{ path = "/a\"b\\c" }"#
        );
    }

    #[test]
    fn templates_are_filled_completely() {
        for (path, template) in FILES {
            let text = fill(template, "my-shop", "\"0.1.0\"");
            assert!(!text.contains("{{"), "{path}: {text}");
        }
        let manifest = fill(FILES[0].1, "my-shop", "\"0.1.0\"");
        assert!(
            manifest.contains("name = \"my-shop\"") && manifest.contains("lt-sdk = \"0.1.0\""),
            "{manifest}"
        );
        let next = next_commands("my-shop");
        assert!(
            next.contains("\n  lt-host run target/wasm32-wasip2/release/my_shop.wasm --users 10\n")
        );
        assert!(next.contains("wasm32-wasip1/release/my_shop.wasm\n"));
    }
}
