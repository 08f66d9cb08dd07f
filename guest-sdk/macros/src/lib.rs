//! Macros of lt-sdk: `#[lt_sdk::scenario]` and `#[derive(Settings)]`. Use them through that crate.
//!
//! Thin: they complete what the user wrote and leave types to the compiler, so that a mistake is reported where it stands.

use proc_macro::TokenStream;

mod scenario;
mod settings;

/// Completes an `impl Scenario for …` and exports it from the component.
///
/// - Each function but `describe` may be an `async fn`.
/// - Parameters may be left out from the end.
/// - A function without a return type succeeds when it returns; `join` may return `Self`.
/// - Without `join`, a user is `Self::default()`; without `type Settings`, there are none. Only `iterate` is required.
///
/// A crate has one scenario: the functions of the contract can be exported once.
#[proc_macro_attribute]
pub fn scenario(arguments: TokenStream, item: TokenStream) -> TokenStream {
    scenario::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Declares a struct's fields as settings; see the trait `lt_sdk::Settings`.
#[proc_macro_derive(Settings, attributes(setting))]
pub fn settings(item: TokenStream) -> TokenStream {
    settings::expand(item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
