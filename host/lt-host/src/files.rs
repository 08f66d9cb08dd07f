//! Files that a run reads and writes: none of those it writes may be another of them, or it would destroy its own input.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lt_spec::Problem;
use lt_spec::spec::RunSpec;

/// A file, and where it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    field: String,
    path: PathBuf,
    /// How its option was typed, if that is more than the path.
    typed: Option<String>,
}

impl NamedFile {
    /// A file that was named in `field`.
    pub(crate) fn new(field: &str, path: &Path) -> Self {
        Self {
            field: field.to_owned(),
            path: path.to_owned(),
            typed: None,
        }
    }

    fn value(&self) -> String {
        let path = || self.path.display().to_string();
        self.typed.clone().unwrap_or_else(path)
    }
}

/// Outputs that would overwrite a file of the run. `reads` are those that are known besides the users' data.
pub(crate) fn overwritten(
    spec: &RunSpec,
    mut reads: Vec<NamedFile>,
    export: Option<&Path>,
) -> Vec<Problem> {
    let assets = spec.data.assets.iter();
    reads.extend(assets.map(|(_, path)| NamedFile::new("--asset", path)));
    let feeders = spec.data.feeders.iter();
    reads.extend(feeders.map(|feeder| NamedFile::new("--feeder", &feeder.path)));
    let outputs = spec.outputs.iter().map(|output| NamedFile {
        typed: Some(format!("{}={}", output.kind(), output.path().display())),
        ..NamedFile::new("--out", output.path())
    });
    let export = export.map(|path| NamedFile::new("--summary-export", path));
    let state = spec.data.state_file.as_deref();
    let state = state.map(|path| NamedFile::new("--state-file", path));
    clashes(&reads, state.into_iter().chain(outputs).chain(export))
}

fn clashes(reads: &[NamedFile], writes: impl Iterator<Item = NamedFile>) -> Vec<Problem> {
    let place = |file: NamedFile| Some((Place::of(&file.path)?, file));
    let mut known: Vec<(Place, NamedFile)> = reads.iter().cloned().filter_map(place).collect();
    let mut problems = Vec::new();
    for (place, file) in writes.filter_map(place) {
        if let Some((_, other)) = known.iter().find(|(known, _)| known.is_same(&place)) {
            let message = format!("is the same file as {} {:?}", other.field, other.value());
            problems.push(Problem::new(
                file.field.clone(),
                file.value(),
                message,
                "name another file: this one would be overwritten",
            ));
        }
        known.push((place, file));
    }
    problems
}

/// Where a file is, however its path was written.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// Device and number, if it is there already: hard links have them in common.
    inode: Option<(u64, u64)>,
}

impl Place {
    /// `None` for what is no file, such as `/dev/null`, and for what can be neither read nor made.
    fn of(path: &Path) -> Option<Self> {
        match std::fs::metadata(path) {
            Ok(metadata) => metadata.is_file().then_some(Self {
                path: path.canonicalize().ok()?,
                inode: Some((metadata.dev(), metadata.ino())),
            }),
            Err(_) => {
                let directory = match path.parent()? {
                    parent if parent.as_os_str().is_empty() => Path::new("."),
                    parent => parent,
                };
                Some(Self {
                    path: directory.canonicalize().ok()?.join(path.file_name()?),
                    inode: None,
                })
            }
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.path == other.path || (self.inode.is_some() && self.inode == other.inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_itself_by_whatever_path() {
        let dir = std::env::temp_dir().join(format!("lt-host-files-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("sub")).unwrap();
        std::fs::write(dir.join("in.csv"), "a\n1\n").unwrap();
        std::fs::hard_link(dir.join("in.csv"), dir.join("hard.csv")).unwrap();
        std::os::unix::fs::symlink("in.csv", dir.join("soft.csv")).unwrap();
        let named = |field: &str, path: &str| NamedFile::new(field, &dir.join(path));
        let reads = [
            named("--feeder", "in.csv"),
            NamedFile::new("x", Path::new("/dev/null")),
        ];
        let told = |writes: &[NamedFile]| clashes(&reads, writes.iter().cloned()).len();
        for same in [
            "in.csv",
            "./in.csv",
            "sub/../in.csv",
            "hard.csv",
            "soft.csv",
        ] {
            assert_eq!(told(&[named("--out", same)]), 1, "{same}");
        }
        for other in ["new.csv", "sub/in.csv", "absent/in.csv"] {
            assert_eq!(told(&[named("--out", other)]), 0, "{other}");
        }
        let twice = [
            named("--out", "new.csv"),
            named("--state-file", "sub/../new.csv"),
        ];
        assert_eq!(told(&twice), 1);
        let nowhere = NamedFile::new("--out", Path::new("/dev/null"));
        assert_eq!(told(&[nowhere.clone(), nowhere]), 0);
        let text = clashes(&reads, [named("--out", "./in.csv")].into_iter());
        let text = text[0].to_string();
        assert!(
            text.starts_with("--out ") && text.contains("is the same file as --feeder"),
            "{text}"
        );
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
