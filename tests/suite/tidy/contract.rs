//! The contract in `wit/`: documented, dated, sync, with errors that can be matched; and the SDK's copy of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wit_parser::{
    Docs, Function, FunctionKind, Interface, Resolve, Stability, Type, TypeDef, TypeDefKind,
    TypeOwner, World, WorldItem, WorldKey,
};

/// The namespace of our packages; others are taken as their authors wrote them.
const NAMESPACE: &str = "lt";

/// Reads a directory of WIT with its dependencies.
pub(super) fn read(directory: &Path) -> Resolve {
    let mut resolve = Resolve::default();
    resolve
        .push_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error:#}", directory.display()));
    resolve
}

/// Everything in our packages that breaks a rule of the contract.
pub(super) fn problems(resolve: &Resolve) -> Vec<String> {
    let mut check = Check {
        resolve,
        problems: Vec::new(),
    };
    let mut items = 0;
    for (_, interface) in resolve.interfaces.iter() {
        if check.is_ours(interface.package) {
            items += 1;
            check.interface(interface);
        }
    }
    for (_, world) in resolve.worlds.iter() {
        if check.is_ours(world.package) {
            items += 1;
            check.world(world);
        }
    }
    if items == 0 {
        check
            .problems
            .push(format!("there is no package of the namespace {NAMESPACE}"));
    }
    check.problems
}

/// Files of the contract that the SDK's copy lacks, has besides, or has otherwise.
pub(super) fn differences(
    contract: &BTreeMap<PathBuf, Vec<u8>>,
    copy: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<String> {
    let wit = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "wit");
    let mut problems = Vec::new();
    for path in contract.keys().filter(wit) {
        if copy.get(path) != contract.get(path) {
            problems.push(format!(
                "guest-sdk/wit/{0} is not wit/{0}: copy it",
                path.display()
            ));
        }
    }
    for path in copy.keys().filter(|path| !contract.contains_key(*path)) {
        problems.push(format!("guest-sdk/wit/{} is not in wit/", path.display()));
    }
    problems
}

/// The walk over a contract.
struct Check<'a> {
    resolve: &'a Resolve,
    problems: Vec<String>,
}

impl Check<'_> {
    fn is_ours(&self, package: Option<wit_parser::PackageId>) -> bool {
        package.is_some_and(|package| self.resolve.packages[package].name.namespace == NAMESPACE)
    }

    fn interface(&mut self, interface: &Interface) {
        let name = interface.name.clone().unwrap_or_default();
        self.documented(&name, &interface.docs);
        self.dated(&name, &interface.stability);
        for (type_name, &id) in &interface.types {
            self.type_definition(&format!("{name}.{type_name}"), &self.resolve.types[id]);
        }
        for function in interface.functions.values() {
            self.function(&format!("{name}.{}", function.name), function);
        }
    }

    fn world(&mut self, world: &World) {
        self.documented(&world.name, &world.docs);
        self.dated(&world.name, &world.stability);
        for (key, item) in world.imports.iter().chain(&world.exports) {
            let item_name = match key {
                WorldKey::Name(item_name) => item_name.clone(),
                WorldKey::Interface(id) => self.resolve.interfaces[*id]
                    .name
                    .clone()
                    .unwrap_or_default(),
            };
            let name = format!("{}.{item_name}", world.name);
            match item {
                // What an imported interface is stands with the interface; and one that is there only because another
                // needs it has no line in the world that could carry a date.
                WorldItem::Interface { .. } => {}
                WorldItem::Function(function) => self.function(&name, function),
                WorldItem::Type { id, .. } => self.type_definition(&name, &self.resolve.types[*id]),
            }
        }
    }

    fn type_definition(&mut self, name: &str, definition: &TypeDef) {
        if self.is_used_from_elsewhere(definition) {
            return;
        }
        self.documented(name, &definition.docs);
        self.dated(name, &definition.stability);
        match &definition.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| {
                    self.documented(&format!("{name}.{}", field.name), &field.docs)
                });
            }
            TypeDefKind::Flags(flags) => {
                flags
                    .flags
                    .iter()
                    .for_each(|flag| self.documented(&format!("{name}.{}", flag.name), &flag.docs));
            }
            TypeDefKind::Enum(cases) => {
                cases
                    .cases
                    .iter()
                    .for_each(|case| self.documented(&format!("{name}.{}", case.name), &case.docs));
            }
            TypeDefKind::Variant(variant) => {
                variant
                    .cases
                    .iter()
                    .for_each(|case| self.documented(&format!("{name}.{}", case.name), &case.docs));
                let last = variant.cases.last().map(|case| case.name.as_str());
                if name.ends_with(".error-code") && last != Some("other") {
                    self.problems
                        .push(format!("{name} must end with the case `other`"));
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, name: &str, function: &Function) {
        self.documented(name, &function.docs);
        self.dated(name, &function.stability);
        if matches!(
            function.kind,
            FunctionKind::AsyncFreestanding
                | FunctionKind::AsyncMethod(_)
                | FunctionKind::AsyncStatic(_)
        ) {
            self.problems.push(format!(
                "{name} is async: cargo-component cannot encode that"
            ));
        }
        if let Some(Type::Id(id)) = function.result
            && let TypeDefKind::Result(result) = &self.resolve.types[id].kind
            && result.err == Some(Type::String)
        {
            self.problems.push(format!(
                "{name} fails with a string: a guest cannot match on that"
            ));
        }
    }

    /// Whether the name came by `use`: it is documented where it is defined.
    fn is_used_from_elsewhere(&self, definition: &TypeDef) -> bool {
        match definition.kind {
            TypeDefKind::Type(Type::Id(id)) => {
                let target: &TypeOwner = &self.resolve.types[id].owner;
                *target != definition.owner
            }
            _ => false,
        }
    }

    fn documented(&mut self, name: &str, docs: &Docs) {
        if docs
            .contents
            .as_ref()
            .is_none_or(|contents| contents.trim().is_empty())
        {
            self.problems.push(format!("{name} has no `///`"));
        }
    }

    fn dated(&mut self, name: &str, stability: &Stability) {
        if !matches!(stability, Stability::Stable { .. }) {
            self.problems.push(format!("{name} has no `@since`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "package lt:scenario@0.1.0;

        /// Why.
        @since(version = 0.1.0)
        interface net {
            /// Why.
            @since(version = 0.1.0)
            variant error-code {
                /// Why.
                refused,
                /// Why.
                other(string),
            }
            /// Why.
            @since(version = 0.1.0)
            record size {
                /// Why.
                bytes: u64,
            }
            /// Why.
            @since(version = 0.1.0)
            resource socket {
                /// Why.
                @since(version = 0.1.0)
                close: func() -> result<size, error-code>;
            }
        }

        /// Why.
        @since(version = 0.1.0)
        world guest {
            @since(version = 0.1.0)
            import net;
            use net.{size};
            /// Why.
            @since(version = 0.1.0)
            export run: func() -> size;
        }";

    /// The problems of `GOOD` after one change.
    fn after(from: &str, to: &str) -> Vec<String> {
        let changed = GOOD.replacen(from, to, 1);
        assert_ne!(changed, GOOD, "`{from}` is not there");
        let mut resolve = Resolve::default();
        resolve.push_str("test.wit", &changed).unwrap();
        problems(&resolve)
    }

    #[test]
    fn a_documented_contract_has_no_problems() {
        assert_eq!(
            after("package lt:scenario", "package lt:other"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_missing_doc_is_found_wherever_it_is() {
        let items = [
            ("interface net", "net"),
            ("variant", "net.error-code"),
            ("refused", "net.error-code.refused"),
            ("record", "net.size"),
            ("bytes", "net.size.bytes"),
            ("resource", "net.socket"),
            ("close", "net.[method]socket.close"),
            ("world", "guest"),
            ("export", "guest.run"),
        ];
        for (word, name) in items {
            let (before, rest) = GOOD.split_once(word).unwrap();
            let at = before.rfind("/// Why.").unwrap();
            let text = format!(
                "{}{}{word}{rest}",
                &before[..at],
                &before[at + "/// Why.".len()..]
            );
            let mut resolve = Resolve::default();
            resolve.push_str("test.wit", &text).unwrap();
            assert_eq!(problems(&resolve), [format!("{name} has no `///`")]);
        }
    }

    #[test]
    fn a_missing_date_is_found() {
        let found = after("@since(version = 0.1.0)\n            record", "record");
        assert_eq!(found, ["net.size has no `@since`"]);
        let found = after("@since(version = 0.1.0)\n            export", "export");
        assert_eq!(found, ["guest.run has no `@since`"]);
    }

    #[test]
    fn what_guests_cannot_use_is_found() {
        assert_eq!(
            after("other(string),", "last(string),"),
            ["net.error-code must end with the case `other`"]
        );
        let found = after("result<size, error-code>", "result<size, string>");
        assert_eq!(
            found,
            ["net.[method]socket.close fails with a string: a guest cannot match on that"]
        );
        let found = after("export run: func()", "export run: async func()");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("is async"), "{found:?}");
    }

    #[test]
    fn another_namespace_alone_is_no_contract() {
        assert_eq!(
            after("package lt:", "package wasi:"),
            ["there is no package of the namespace lt"]
        );
    }

    #[test]
    fn a_copy_that_drifted_is_found() {
        let files = |files: &[(&str, &str)]| {
            files
                .iter()
                .map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()))
                .collect::<BTreeMap<_, _>>()
        };
        let contract = files(&[("a.wit", "a"), ("deps/b.wit", "b"), ("README.md", "read")]);
        assert!(differences(&contract, &files(&[("a.wit", "a"), ("deps/b.wit", "b")])).is_empty());
        assert_eq!(
            differences(&contract, &files(&[("a.wit", "a")])),
            ["guest-sdk/wit/deps/b.wit is not wit/deps/b.wit: copy it"]
        );
        assert_eq!(
            differences(&contract, &files(&[("a.wit", "A"), ("deps/b.wit", "b")])).len(),
            1
        );
        let more = files(&[("a.wit", "a"), ("deps/b.wit", "b"), ("c.wit", "c")]);
        assert_eq!(
            differences(&contract, &more),
            ["guest-sdk/wit/c.wit is not in wit/"]
        );
    }
}
