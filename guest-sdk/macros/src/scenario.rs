//! `#[lt_sdk::scenario]`: from what the user wrote to the trait's own signatures, and the exports.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, ImplItem, ImplItemFn, ItemImpl, Result, ReturnType, Type, parse_quote,
    parse_quote_spanned,
};

/// What the trait wants of one function.
struct Shape {
    name: &'static str,
    /// Its first parameter; `None` for a function of the type.
    receiver: Option<&'static str>,
    /// The types of its other parameters, of which the user may leave out the last.
    parameters: &'static [&'static str],
    /// The type inside its `Result`; `None` if it returns no `Result`.
    output: Option<&'static str>,
    may_be_async: bool,
}

const SHAPES: [Shape; 6] = [
    Shape {
        name: "describe",
        receiver: None,
        parameters: &["::lt_sdk::Description"],
        output: None,
        may_be_async: false,
    },
    Shape {
        name: "init",
        receiver: None,
        parameters: &["&::lt_sdk::RunInfo", "&Self::Settings"],
        output: Some("::std::vec::Vec<u8>"),
        may_be_async: true,
    },
    Shape {
        name: "join",
        receiver: None,
        parameters: &["&::lt_sdk::User", "Self::Settings", "&[u8]"],
        output: Some("Self"),
        may_be_async: true,
    },
    Shape {
        name: "iterate",
        receiver: Some("&mut self"),
        parameters: &["::lt_sdk::Iteration"],
        output: Some("()"),
        may_be_async: true,
    },
    Shape {
        name: "leave",
        receiver: Some("self"),
        parameters: &[],
        output: Some("()"),
        may_be_async: true,
    },
    Shape {
        name: "terminate",
        receiver: None,
        parameters: &["&[u8]"],
        output: Some("()"),
        may_be_async: true,
    },
];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new(
            arguments.span(),
            "`#[lt_sdk::scenario]` takes no arguments",
        ));
    }
    let mut block: ItemImpl = syn::parse2(item.clone()).map_err(|error| {
        Error::new(
            first_span(&item).unwrap_or_else(|| error.span()),
            NOT_AN_IMPL,
        )
    })?;
    check_block(&block)?;
    let mut seen = Vec::new();
    let mut problems: Option<Error> = None;
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        seen.push(function.sig.ident.to_string());
        if let Err(problem) = complete(function) {
            match &mut problems {
                Some(problems) => problems.combine(problem),
                None => problems = Some(problem),
            }
        }
    }
    if let Some(problems) = problems {
        return Err(problems);
    }
    if !seen.iter().any(|name| name == "iterate") {
        let message = "a scenario needs `fn iterate(&mut self)`: what a user does again and again";
        return Err(Error::new(block.self_ty.span(), message));
    }
    add_defaults(&mut block, &seen);
    let exports = exports(&block.self_ty);
    Ok(quote! { #block #exports })
}

const NOT_AN_IMPL: &str = "`#[lt_sdk::scenario]` stands before `impl Scenario for …`";

fn first_span(item: &TokenStream) -> Option<Span> {
    // Attributes come first; what they stand before is what was mistaken.
    let mut tokens = item.clone().into_iter().skip_while(|token| {
        matches!(
            token,
            proc_macro2::TokenTree::Punct(_) | proc_macro2::TokenTree::Group(_)
        )
    });
    tokens.next().map(|token| token.span())
}

/// The block is an impl of `Scenario` for one type.
fn check_block(block: &ItemImpl) -> Result<()> {
    let Some((negative, path, _)) = &block.trait_ else {
        return Err(Error::new(
            block.self_ty.span(),
            "expected `impl Scenario for` before the type",
        ));
    };
    if negative.is_some()
        || path
            .segments
            .last()
            .is_none_or(|segment| segment.ident != "Scenario")
    {
        return Err(Error::new(
            path.span(),
            "expected the trait `lt_sdk::Scenario`",
        ));
    }
    if !block.generics.params.is_empty() {
        let message = "a scenario is exported once, for one type: it cannot be generic";
        return Err(Error::new(block.generics.span(), message));
    }
    if let Some(unsafety) = &block.unsafety {
        return Err(Error::new(unsafety.span(), "`Scenario` is no unsafe trait"));
    }
    Ok(())
}

/// Give a function the trait's signature, with what the user wrote as its body.
fn complete(function: &mut ImplItemFn) -> Result<()> {
    let name = function.sig.ident.to_string();
    let Some(shape) = SHAPES.iter().find(|shape| shape.name == name) else {
        let message = "no function of a scenario: these are `describe`, `init`, `join`, `iterate`, `leave` and `terminate`. \
                       Put helpers into an `impl` block of their own";
        return Err(Error::new(function.sig.ident.span(), message));
    };
    if !function.sig.generics.params.is_empty() {
        return Err(Error::new(
            function.sig.generics.span(),
            "a function of a scenario cannot be generic",
        ));
    }
    check_receiver(function, shape)?;
    add_parameters(function, shape)?;
    complete_body(function, shape)
}

fn check_receiver(function: &ImplItemFn, shape: &Shape) -> Result<()> {
    let given = function.sig.inputs.first();
    let receiver = function.sig.receiver();
    let Some(expected) = shape.receiver else {
        return match receiver {
            Some(receiver) => Err(Error::new(
                receiver.span(),
                format!(
                    "`{}` belongs to no user yet: it takes no `self`",
                    shape.name
                ),
            )),
            None => Ok(()),
        };
    };
    let fits = receiver.is_some_and(|receiver| {
        let by_value = receiver.reference.is_none() && receiver.colon_token.is_none();
        let by_mut = receiver.reference.is_some() && receiver.mutability.is_some();
        if expected == "self" { by_value } else { by_mut }
    });
    if fits {
        return Ok(());
    }
    let span = given.map_or_else(|| function.sig.paren_token.span.join(), Spanned::span);
    Err(Error::new(
        span,
        format!("`{}` takes `{expected}` first", shape.name),
    ))
}

/// Add the parameters that were left out.
fn add_parameters(function: &mut ImplItemFn, shape: &Shape) -> Result<()> {
    let given = function
        .sig
        .inputs
        .iter()
        .filter(|input| matches!(input, FnArg::Typed(_)))
        .count();
    if given > shape.parameters.len() {
        let extra = function
            .sig
            .inputs
            .iter()
            .filter(|input| matches!(input, FnArg::Typed(_)));
        let span = extra
            .last()
            .map_or_else(|| function.sig.span(), Spanned::span);
        let all: Vec<_> = shape
            .parameters
            .iter()
            .map(|kind| format!("`{}`", kind.replace("::lt_sdk::", "")))
            .collect();
        let takes = if all.is_empty() {
            "no parameters".to_owned()
        } else {
            format!("at most {}", all.join(", "))
        };
        return Err(Error::new(span, format!("`{}` takes {takes}", shape.name)));
    }
    for kind in &shape.parameters[given..] {
        let kind: Type = syn::parse_str(kind)?;
        function.sig.inputs.push(parse_quote!(_: #kind));
    }
    Ok(())
}

/// Wrap the body where it is `async` or returns something else than the trait's function.
fn complete_body(function: &mut ImplItemFn, shape: &Shape) -> Result<()> {
    let asyncness = function.sig.asyncness.take();
    if let Some(asyncness) = &asyncness
        && !shape.may_be_async
    {
        let message =
            "`describe` runs where every call to the host traps: it has nothing to wait for";
        return Err(Error::new(asyncness.span(), message));
    }
    let Some(output) = shape.output else {
        return Ok(());
    };
    let (output, returns_value): (Type, bool) = match &function.sig.output {
        ReturnType::Default => (syn::parse_str(output)?, true),
        ReturnType::Type(_, given) => ((**given).clone(), !is_result(given)),
    };
    let body = &function.block;
    if asyncness.is_some() {
        let body = if returns_value {
            quote! { ::core::result::Result::Ok(::lt_sdk::runtime::block_on(async move #body)) }
        } else {
            quote! { ::lt_sdk::runtime::block_on(async move #body) }
        };
        function.block = parse_quote!({ #body });
    } else if returns_value {
        // A closure, so that `return` leaves only the user's body.
        function.block = parse_quote!({
            #[allow(clippy::redundant_closure_call, reason = "the body may return early")]
            ::core::result::Result::Ok((move || -> #output #body)())
        });
    }
    if returns_value {
        // With the span of the type that was written, so that a wrong one is reported there.
        let full: Type = parse_quote_spanned!(output.span()=> ::lt_sdk::Result<#output>);
        let arrow = match &function.sig.output {
            ReturnType::Default => Default::default(),
            ReturnType::Type(arrow, _) => *arrow,
        };
        function.sig.output = ReturnType::Type(arrow, Box::new(full));
    }
    Ok(())
}

/// Whether a type is a `Result`, by whatever path.
fn is_result(given: &Type) -> bool {
    matches!(given, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

/// What the user left out and the trait has no default for.
fn add_defaults(block: &mut ItemImpl, seen: &[String]) {
    if !block
        .items
        .iter()
        .any(|item| matches!(item, ImplItem::Type(_)))
    {
        block.items.insert(
            0,
            parse_quote!(
                type Settings = ::lt_sdk::settings::NoSettings;
            ),
        );
    }
    if !seen.iter().any(|name| name == "join") {
        let user = &block.self_ty;
        // At the type's span: if it has no `Default`, that is where to add one.
        let default = quote_spanned!(user.span()=> <#user as ::core::default::Default>::default());
        block.items.push(parse_quote! {
            fn join(_: &::lt_sdk::User, _: Self::Settings, _: &[u8]) -> ::lt_sdk::Result<Self> {
                ::core::result::Result::Ok(#default)
            }
        });
    }
}

/// The contract's exports. Only in a component: on other targets, where a scenario's unit tests run, their plain names
/// (`init`, `join`) could meet others.
fn exports(user: &Type) -> TokenStream {
    quote! {
        #[allow(
            dead_code, missing_docs, unreachable_pub, unsafe_code, clippy::all, clippy::pedantic,
            reason = "generated: the contract's exports"
        )]
        const _: () = {
            ::std::thread_local! {
                static USER: ::lt_sdk::export::Slot<#user> = const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }

            struct Exports;

            impl ::lt_sdk::export::Guest for Exports {
                fn describe() -> ::lt_sdk::export::RawDescription {
                    ::lt_sdk::export::describe::<#user>(
                        ::core::env!("CARGO_PKG_NAME"),
                        ::core::env!("CARGO_PKG_VERSION"),
                        ::core::env!("CARGO_PKG_DESCRIPTION"),
                    )
                }

                fn init(
                    run: ::lt_sdk::export::RawRun,
                ) -> ::core::result::Result<::std::vec::Vec<u8>, ::lt_sdk::export::RawFailure> {
                    ::lt_sdk::export::init::<#user>(run)
                }

                fn join(
                    user: ::lt_sdk::export::RawUser,
                    state: ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<(), ::lt_sdk::export::RawFailure> {
                    USER.with(|slot| ::lt_sdk::export::join(slot, user, &state))
                }

                fn iterate(
                    iteration: ::lt_sdk::export::RawIteration,
                ) -> ::core::result::Result<(), ::lt_sdk::export::RawFailure> {
                    USER.with(|slot| ::lt_sdk::export::iterate(slot, iteration))
                }

                fn leave() {
                    USER.with(::lt_sdk::export::leave)
                }

                fn terminate(
                    state: ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<(), ::lt_sdk::export::RawFailure> {
                    ::lt_sdk::export::terminate::<#user>(&state)
                }
            }

            #[cfg(target_arch = "wasm32")]
            ::lt_sdk::export::export_scenario!(Exports with_types_in ::lt_sdk::bindings);
        };
    }
}
