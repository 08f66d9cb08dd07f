//! Looking at a component before it is compiled: is it one, for which contract, does it ask for what is not granted, and is it small enough for
//! compiling it not to hurt anybody. Compiling takes time and memory in proportion to what is counted here; it cannot be interrupted.

use lt_spec::limits::{
    COMPONENT_CODE_BYTES_MAX, COMPONENT_CORE_INSTANCES_MAX, COMPONENT_FUNCTIONS_MAX,
    COMPONENT_IMPORTS_MAX, COMPONENT_MODULES_MAX, COMPONENT_PARTS_MAX,
    COMPONENT_PASSED_FUNCTIONS_MAX, COMPONENT_TYPES_MAX, FUNCTION_BYTES_MAX, SCENARIO_BYTES_MAX,
};
use wasmparser::{
    BinaryReaderError, ComponentInstance, ComponentTypeRef, Encoding, Instance, Parser, Payload,
    TypeBounds,
};

use crate::component::LoadError;

/// The contract's package.
pub(crate) const PACKAGE: &str = "lt:scenario/";
/// The contract's version, as major, minor, patch. A component for a later minor version (while major is 0) is refused.
const CONTRACT: (u64, u64, u64) = (0, 1, 0);
/// What a scenario must export.
const EXPORTS: [&str; 6] = ["describe", "init", "join", "iterate", "leave", "terminate"];
/// What of WASI 0.2 a guest's standard library needs to start, without a version. Files are among it because the adapter of `cargo component`
/// imports them always; there are none. Sockets are not: only a scenario that goes round the contract has them.
const WASI_GRANTED: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];
/// Imports that a refusal names.
const NAMED_MAX: usize = 8;
/// Characters of a text of the component in a refusal.
const TOLD_CHARS_MAX: usize = 500;

/// Look at a component without compiling it. Returns its imports.
///
/// # Errors
/// If it is not a scenario for this host.
pub(crate) fn inspect(wasm: &[u8]) -> Result<Vec<String>, LoadError> {
    if !wasm.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    let bytes = u64::try_from(wasm.len()).unwrap_or(u64::MAX);
    bounded("its size in bytes", bytes, SCENARIO_BYTES_MAX)?;
    let mut found = Found::default();
    for payload in Parser::new(0).parse_all(wasm) {
        found.see(payload.map_err(invalid)?)?;
    }
    check_version(&found.imports)?;
    check_granted(&found.imports)?;
    let missing: Vec<_> = EXPORTS
        .into_iter()
        .filter(|name| !found.exports.iter().any(|export| export == name))
        .collect();
    if missing.is_empty() {
        Ok(found.imports)
    } else {
        Err(LoadError::OtherWorld {
            missing: missing.join(", "),
        })
    }
}

fn invalid(error: BinaryReaderError) -> LoadError {
    LoadError::Invalid(told(&error.to_string()))
}

/// A text that the component may have had a hand in, as a refusal tells it: short, and without what steers a terminal.
pub(crate) fn told(text: &str) -> String {
    let shown = text.chars().take(TOLD_CHARS_MAX);
    shown
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// What was seen of a component so far, the whole of it and whatever is within.
#[derive(Default)]
struct Found {
    depth: u64,
    import_count: u64,
    imports: Vec<String>,
    exports: Vec<String>,
    code_bytes: u64,
    functions: u64,
    modules: u64,
    core_instances: u64,
    components: u64,
    instances: u64,
    types: u64,
    passed: u64,
}

impl Found {
    fn see(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(encoding)?,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if self.depth == 1 => {
                self.import_count += u64::from(section.count());
                let what = "the number of its imports";
                bounded(what, self.import_count, COMPONENT_IMPORTS_MAX)?;
                for import in section {
                    let import = import.map_err(invalid)?;
                    // A type that is given with its meaning is a name for it, and asks for nothing.
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        self.imports.push(import.name.name.to_owned());
                    }
                }
            }
            Payload::ComponentExportSection(section) if self.depth == 1 => {
                for export in section {
                    let name = export.map_err(invalid)?.name.name;
                    // Others are nobody's business, and need not be kept.
                    if EXPORTS.contains(&name) {
                        self.exports.push(name.to_owned());
                    }
                }
            }
            other => self.count(other)?,
        }
        Ok(())
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), LoadError> {
        match encoding {
            Encoding::Module if self.depth == 0 => return Err(LoadError::CoreModule),
            Encoding::Module => self.modules += 1,
            Encoding::Component if self.depth > 0 => self.components += 1,
            Encoding::Component => {}
        }
        self.depth += 1;
        bounded(
            "the number of its modules",
            self.modules,
            COMPONENT_MODULES_MAX,
        )?;
        let parts = "the number of components within it";
        bounded(parts, self.components, COMPONENT_PARTS_MAX)
    }

    /// Count what is compiled.
    fn count(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::CodeSectionStart { count, .. } => {
                self.functions += u64::from(count);
                let what = "the number of its functions";
                bounded(what, self.functions, COMPONENT_FUNCTIONS_MAX)
            }
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len() as u64;
                bounded(
                    "the code of one of its functions, in bytes",
                    bytes,
                    FUNCTION_BYTES_MAX,
                )?;
                self.code_bytes += bytes;
                let what = "the size of its code in bytes";
                bounded(what, self.code_bytes, COMPONENT_CODE_BYTES_MAX)
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    let made = matches!(instance.map_err(invalid)?, Instance::Instantiate { .. });
                    self.core_instances += u64::from(made);
                }
                let what = "the number of instances of its modules";
                bounded(what, self.core_instances, COMPONENT_CORE_INSTANCES_MAX)
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let instance = instance.map_err(invalid)?;
                    let made = matches!(instance, ComponentInstance::Instantiate { .. });
                    self.instances += u64::from(made);
                }
                let what = "the number of instances of components within it";
                bounded(what, self.instances, COMPONENT_PARTS_MAX)
            }
            Payload::TypeSection(section) => self.count_types(section.count()),
            Payload::CoreTypeSection(section) => self.count_types(section.count()),
            Payload::ComponentTypeSection(section) => self.count_types(section.count()),
            Payload::ComponentCanonicalSection(section) => self.count_passed(section.count()),
            Payload::ImportSection(section) => self.count_passed(section.count()),
            _ => Ok(()),
        }
    }

    fn count_types(&mut self, more: u32) -> Result<(), LoadError> {
        self.types += u64::from(more);
        bounded("the number of its types", self.types, COMPONENT_TYPES_MAX)
    }

    fn count_passed(&mut self, more: u32) -> Result<(), LoadError> {
        self.passed += u64::from(more);
        let what = "the number of functions that it passes in or out";
        bounded(what, self.passed, COMPONENT_PASSED_FUNCTIONS_MAX)
    }
}

fn bounded(what: &str, count: u64, limit: u64) -> Result<(), LoadError> {
    if count <= limit {
        return Ok(());
    }
    Err(LoadError::TooLarge {
        what: format!("{what}, {count},"),
        limit,
    })
}

/// Refuse a component that imports what no scenario is granted, whatever its world calls it.
fn check_granted(imports: &[String]) -> Result<(), LoadError> {
    let is_granted = |name: &str| {
        let bare = name.split_once('@').map_or(name, |(bare, _)| bare);
        name.starts_with(PACKAGE) || WASI_GRANTED.contains(&bare)
    };
    let refused: Vec<_> = imports.iter().filter(|name| !is_granted(name)).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let mut named: Vec<_> = refused
        .iter()
        .take(NAMED_MAX)
        .map(|name| told(name))
        .collect();
    if refused.len() > NAMED_MAX {
        named.push(format!("and {} more", refused.len() - NAMED_MAX));
    }
    let imports = named.join(", ");
    Err(LoadError::NotGranted { imports })
}

/// Refuse a component that imports a later contract than ours.
fn check_version(imports: &[String]) -> Result<(), LoadError> {
    let versions = imports
        .iter()
        .filter(|name| name.starts_with(PACKAGE))
        .filter_map(|name| name.split_once('@').map(|(_, version)| version));
    for version in versions {
        let mut parts = version
            .split(['.', '-', '+'])
            .map(|part| part.parse::<u64>().unwrap_or(0));
        let mut part = || parts.next().unwrap_or(0);
        let found = (part(), part(), part());
        // Within 0.x, and later within one major, a later patch may import what we do not have: refuse it as well.
        if found > CONTRACT {
            let (major, minor, patch) = CONTRACT;
            return Err(LoadError::NewerContract {
                found: told(version),
                supported: format!("{major}.{minor}.{patch}"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_scenario_is_named() {
        assert_eq!(inspect(b"# a text file").unwrap_err(), LoadError::NotWasm);
        assert_eq!(inspect(b"").unwrap_err(), LoadError::NotWasm);
        assert_eq!(
            inspect(b"\0asm\x01\0\0\0").unwrap_err(),
            LoadError::CoreModule
        );
        let LoadError::OtherWorld { missing } = inspect(b"\0asm\x0d\0\x01\0").unwrap_err() else {
            panic!("the empty component exports nothing");
        };
        assert!(missing.contains("iterate"), "{missing}");
        assert!(matches!(
            inspect(b"\0asm\x0d\0\x01\0\xff\xff").unwrap_err(),
            LoadError::Invalid(_)
        ));
    }

    #[test]
    fn a_newer_contract_is_refused_and_an_equal_or_older_one_is_not() {
        let check = |name: &str| check_version(&[name.to_owned()]);
        assert!(check("lt:scenario/types@0.1.0").is_ok());
        assert!(check("lt:scenario/types@0.0.9").is_ok());
        assert!(check("wasi:io/poll@0.2.6").is_ok());
        for newer in ["0.1.1", "0.2.0", "1.0.0", "0.2.0-rc.1"] {
            let found = check(&format!("lt:scenario/types@{newer}")).unwrap_err();
            assert!(matches!(found, LoadError::NewerContract { .. }), "{newer}");
        }
    }

    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = u8::try_from(number & 0x7f).unwrap();
            number >>= 7;
            if number == 0 {
                bytes.push(low);
                return bytes;
            }
            bytes.push(low | 0x80);
        }
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [vec![id], leb(content.len()), content.to_vec()].concat()
    }

    /// So many of one thing, after their number.
    fn list(count: usize, item: &[u8]) -> Vec<u8> {
        [leb(count), item.repeat(count)].concat()
    }

    fn component(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x0d\0\x01\0".to_vec(), sections.concat()].concat()
    }

    /// A core module with these functions.
    fn module(functions: usize, bytes: usize) -> Vec<u8> {
        let mut body = vec![0]; // no locals
        body.extend(vec![0x01; bytes - 2]); // nop
        body.push(0x0b); // end
        let body = [leb(body.len()), body].concat();
        let sections = [
            section(1, b"\x01\x60\0\0"), // one type, () -> ()
            section(3, &list(functions, &[0])),
            section(10, &list(functions, &body)),
        ];
        [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
    }

    #[track_caller]
    fn too_large(wasm: &[u8], part: &str) {
        match inspect(wasm).unwrap_err() {
            LoadError::TooLarge { what, .. } => assert!(what.contains(part), "{what}"),
            other => panic!("{other}"),
        }
    }

    /// Passes the bounds: all that is wrong with it is what it lacks.
    #[track_caller]
    fn fits(wasm: &[u8]) {
        let error = inspect(wasm).unwrap_err();
        assert!(matches!(error, LoadError::OtherWorld { .. }), "{error}");
    }

    #[test]
    fn what_would_take_long_to_compile_is_refused_before_it_is() {
        let with_module = |module: Vec<u8>| component(&[section(1, &module)]);
        let count = |limit: u64| usize::try_from(limit).unwrap();
        fits(&with_module(module(10, 100)));
        let function = count(FUNCTION_BYTES_MAX);
        fits(&with_module(module(1, function)));
        too_large(
            &with_module(module(1, function + 1)),
            "one of its functions",
        );
        let functions = count(COMPONENT_FUNCTIONS_MAX);
        fits(&with_module(module(functions, 2)));
        too_large(
            &with_module(module(functions + 1, 2)),
            "number of its functions",
        );
        let large = module(
            count(COMPONENT_CODE_BYTES_MAX / FUNCTION_BYTES_MAX),
            function,
        );
        fits(&with_module(large.clone()));
        // Bounds hold for all modules together.
        let two = component(&[section(1, &large), section(1, &module(1, 2))]);
        too_large(&two, "size of its code");
        let modules = count(COMPONENT_MODULES_MAX);
        let module = section(1, &module(1, 2));
        fits(&component(&vec![module.clone(); modules]));
        too_large(
            &component(&vec![module; modules + 1]),
            "number of its modules",
        );
        let bytes = count(SCENARIO_BYTES_MAX);
        let custom = section(0, &[vec![1, b'x'], vec![0; bytes]].concat());
        too_large(&component(&[custom]), "its size in bytes");
    }

    #[test]
    fn types_with_a_meaning_are_no_imports_and_all_else_is() {
        // A type u8, then an import named `a` that is one (eq), a resource (sub), or a function of type 0.
        let types = section(7, &list(1, &[0x7d]));
        let function_type = section(7, &list(1, &[0x40, 0, 1, 0]));
        let import = |reference: &[u8]| {
            let named = [&[0, 1, b'a'], reference].concat();
            section(10, &list(1, &named))
        };
        fits(&component(&[types.clone(), import(&[3, 0, 0])]));
        for asks in [
            component(&[types, import(&[3, 1])]),
            component(&[function_type, import(&[1, 0])]),
        ] {
            let error = inspect(&asks).unwrap_err();
            assert!(matches!(error, LoadError::NotGranted { .. }), "{error}");
        }
    }

    #[test]
    fn components_within_components_do_not_grow_without_end() {
        let mut nested = component(&[]);
        // Each has the one before, and makes two instances of it.
        let instances = section(5, &list(2, &[0, 0, 0]));
        for _ in 0..8 {
            nested = component(&[section(4, &nested), instances.clone()]);
        }
        fits(&nested);
        nested = component(&[section(4, &nested), instances.clone()]);
        too_large(&nested, "instances of components");
        let mut deep = component(&[]);
        for _ in 0..=COMPONENT_PARTS_MAX {
            deep = component(&[section(4, &deep)]);
        }
        too_large(&deep, "components within it");
    }

    #[test]
    fn types_and_glue_are_counted_too() {
        let many = usize::try_from(COMPONENT_TYPES_MAX).unwrap() + 1;
        // Type u8, so many times.
        too_large(&component(&[section(7, &list(many, &[0x7d]))]), "types");
        let many = usize::try_from(COMPONENT_PASSED_FUNCTIONS_MAX).unwrap() + 1;
        // resource.drop of type 0.
        let drops = section(8, &list(many, &[3, 0]));
        too_large(&component(&[drops]), "passes in or out");
        let many = usize::try_from(COMPONENT_CORE_INSTANCES_MAX).unwrap() + 1;
        let instances = section(2, &list(many, &[0, 0, 0]));
        too_large(&component(&[instances]), "instances of its modules");
        // An import of an instance of type 0 named `a`.
        let many = usize::try_from(COMPONENT_IMPORTS_MAX).unwrap() + 1;
        let imports = section(10, &list(many, &[0, 1, b'a', 5, 0]));
        too_large(&component(&[imports]), "number of its imports");
    }

    #[test]
    fn what_is_not_granted_is_named() {
        let check = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            check_granted(&names)
        };
        let granted = [
            "lt:scenario/http@0.1.0",
            "wasi:cli/stdout@0.2.0",
            "wasi:filesystem/preopens@0.2.3",
            "wasi:io/poll",
        ];
        assert_eq!(check(&granted), Ok(()));
        for refused in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:cli/stdoutx@0.2.0",
            "wasi:filesystem/types-of-mine@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "evil:lt/scenario@0.1.0",
            "lt:scenarios/http@0.1.0",
            "run",
            "",
        ] {
            let error = check(&["wasi:io/poll@0.2.6", refused]).unwrap_err();
            let LoadError::NotGranted { imports } = &error else {
                panic!("{error}");
            };
            assert_eq!(imports, refused);
            assert!(error.to_string().contains("lt_sdk::http"), "{error}");
        }
        let many = vec!["a:b/\x1b[2J\n"; 100];
        let LoadError::NotGranted { imports } = check(&many).unwrap_err() else {
            panic!("granted");
        };
        assert!(imports.ends_with("and 92 more"), "{imports}");
        assert!(!imports.contains(char::is_control), "{imports}");
    }
}
