//! What a Rust source may hold.

/// Past this many lines a file is two files.
const LINES_MAX: usize = 600;

/// Marks of work that is not done. In two parts, so that this file does not find itself.
const UNFINISHED: [&str; 4] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("// TO", "DO"),
];

/// Where `unsafe` may be allowed at all; each use stands beside its reason (clippy holds that).
///
/// The slabs are made of it. wasmtime demands it of the runtime: to load our own compiled code, for one compiler flag,
/// for state pinned to its thread. The SDK's bindings are generated, and so are the exports of a scenario.
const UNSAFE_PLACES: [&str; 4] = [
    "host/lt-slab/",
    "host/lt-runtime/src/",
    "guest-sdk/src/lib.rs",
    "guest-sdk/macros/src/scenario.rs",
];

/// Finds a file that is too long.
pub(super) fn too_long(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX {
        vec![]
    } else {
        vec![format!(
            "{path} has {lines} lines, the limit is {LINES_MAX}"
        )]
    }
}

/// Finds code that says of itself that it is not done, and tests that do not run.
pub(super) fn unfinished(path: &str, text: &str) -> Vec<String> {
    let marks = |(number, line): (usize, &str)| {
        let mark = UNFINISHED.iter().find(|&&mark| line.contains(mark))?;
        Some(format!("{path}:{}: {mark}", number + 1))
    };
    text.lines().enumerate().filter_map(marks).collect()
}

/// Finds an exception from the ban on unsafe code where there must be none.
///
/// The workspace denies unsafe code, and every package takes its lints from there, so such code needs an attribute
/// that names the lint; that is what is looked for.
pub(super) fn unsafe_outside_its_places(path: &str, text: &str) -> Vec<String> {
    if UNSAFE_PLACES.iter().any(|place| path.starts_with(place)) {
        return vec![];
    }
    let lint = concat!("unsafe_", "code");
    let names_it = |line: &str| !line.trim_start().starts_with("//") && line.contains(lint);
    let found = text.lines().enumerate().filter(|(_, line)| names_it(line));
    found
        .map(|(number, _)| format!("{path}:{}: unsafe code has no place here", number + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_601_lines_is_too_long() {
        assert!(too_long("a.rs", &"x\n".repeat(LINES_MAX)).is_empty());
        assert_eq!(
            too_long("a.rs", &"x\n".repeat(LINES_MAX + 1)),
            ["a.rs has 601 lines, the limit is 600"]
        );
    }

    #[test]
    fn unfinished_code_is_found_with_its_line() {
        assert!(
            unfinished(
                "a.rs",
                "// What is left to do is nothing.\nfn ignored() {}\n"
            )
            .is_empty()
        );
        for mark in UNFINISHED {
            let found = unfinished("a.rs", &format!("fn f() {{\n    {mark}\n}}\n"));
            assert_eq!(found, [format!("a.rs:2: {mark}")]);
        }
    }

    #[test]
    fn exceptions_are_allowed_in_their_places_only() {
        let text = concat!(
            "/// Holds unsafe_",
            "code.\n#[allow(\n    unsafe_",
            "code,\n    reason = \"why\")]\n"
        );
        assert!(unsafe_outside_its_places("host/lt-slab/src/lib.rs", text).is_empty());
        assert!(unsafe_outside_its_places("host/lt-runtime/src/engine.rs", text).is_empty());
        let found = unsafe_outside_its_places("host/lt-net/src/dial.rs", text);
        assert_eq!(
            found,
            ["host/lt-net/src/dial.rs:3: unsafe code has no place here"]
        );
        let comment = concat!("// unsafe_", "code is denied\n");
        assert!(unsafe_outside_its_places("host/lt-net/src/lib.rs", comment).is_empty());
    }
}
