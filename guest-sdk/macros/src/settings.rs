//! `#[derive(Settings)]`: one declaration and one reading a field.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Expr, ExprLit, ExprUnary, Field, Fields, Lit, LitStr, Meta, Result,
    Token, UnOp,
};

/// What `#[setting(…)]` says of one field.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    default: Option<String>,
    allowed: Vec<String>,
    minimum: Option<String>,
    maximum: Option<String>,
    live: bool,
    secret: bool,
    /// The field is a set of settings itself: they stand among those of the struct, under their own names.
    flatten: bool,
}

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "settings are the fields of a struct",
        ));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(
            input.ident.span(),
            "settings are named after fields: the struct needs named ones",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new(
            input.generics.span(),
            "settings cannot be generic",
        ));
    }
    // Runs of fields that are one setting each, and the fields between them that are sets.
    let mut declarations: Vec<TokenStream> = Vec::new();
    let mut run: Vec<TokenStream> = Vec::new();
    let mut readings = Vec::new();
    for field in &fields.named {
        let options = options(field)?;
        let (ident, kind) = (&field.ident, &field.ty);
        if options.flatten {
            declarations.push(quote!(
                ::std::vec![#(#run),*] as ::std::vec::Vec<::lt_sdk::settings::RawSetting>
            ));
            run.clear();
            declarations
                .push(quote_spanned!(kind.span()=> <#kind as ::lt_sdk::Settings>::declarations()));
            readings
                .push(quote_spanned!(kind.span()=> #ident: <#kind as ::lt_sdk::Settings>::load()?));
            continue;
        }
        let name = name(field, &options);
        run.push(declaration(field, &name, &options));
        readings
            .push(quote_spanned!(kind.span()=> #ident: ::lt_sdk::settings::load::<#kind>(#name)?));
    }
    let declarations = if declarations.is_empty() {
        quote!(::std::vec![#(#run),*])
    } else {
        quote! {
            let mut declared = ::std::vec::Vec::new();
            #(declared.extend(#declarations);)*
            declared.extend(::std::vec![#(#run),*] as ::std::vec::Vec<::lt_sdk::settings::RawSetting>);
            declared
        }
    };
    let ident = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::lt_sdk::Settings for #ident {
            fn declarations() -> ::std::vec::Vec<::lt_sdk::settings::RawSetting> {
                #declarations
            }

            fn load() -> ::lt_sdk::Result<Self> {
                ::core::result::Result::Ok(Self { #(#readings),* })
            }
        }
    })
}

/// The setting's name: given, or the field's in kebab-case.
fn name(field: &Field, options: &Options) -> String {
    let ident = || {
        field
            .ident
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    options.name.as_ref().map_or_else(
        || ident().trim_start_matches("r#").replace('_', "-"),
        LitStr::value,
    )
}

fn declaration(field: &Field, name: &str, options: &Options) -> TokenStream {
    let Options {
        allowed,
        live,
        secret,
        ..
    } = options;
    let optional = |text: &Option<String>| match text {
        Some(text) => quote!(::core::option::Option::Some(#text)),
        None => quote!(::core::option::Option::None),
    };
    let (default, minimum, maximum) = (
        optional(&options.default),
        optional(&options.minimum),
        optional(&options.maximum),
    );
    let doc = doc(field);
    let kind = &field.ty;
    // At the type's span: if it can be no setting, that is what to change.
    quote_spanned! {kind.span()=>
        ::lt_sdk::settings::declare::<#kind>(&::lt_sdk::settings::Declaration {
            name: #name,
            doc: #doc,
            default: #default,
            allowed: &[#(#allowed),*],
            minimum: #minimum,
            maximum: #maximum,
            live: #live,
            secret: #secret,
        })
    }
}

/// The field's doc comment, in one line.
fn doc(field: &Field) -> String {
    let lines = field
        .attrs
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        });
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn options(field: &Field) -> Result<Options> {
    let mut options = Options::default();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("setting"))
    {
        attribute.parse_nested_meta(|meta| option(&meta, field, &mut options))?;
    }
    check_flatten(field, &options)?;
    Ok(options)
}

/// What says something of one setting says nothing of a set of them.
fn check_flatten(field: &Field, options: &Options) -> Result<()> {
    let plain = options.name.is_none()
        && options.default.is_none()
        && options.allowed.is_empty()
        && options.minimum.is_none()
        && options.maximum.is_none()
        && !options.live
        && !options.secret;
    if options.flatten && !plain {
        return Err(Error::new(
            field.span(),
            "`flatten` stands alone: the settings of the field say the rest of themselves",
        ));
    }
    Ok(())
}

fn option(meta: &ParseNestedMeta<'_>, field: &Field, options: &mut Options) -> Result<()> {
    let word = meta
        .path
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default();
    match word.as_str() {
        "default" => options.default = Some(value(meta, field)?),
        "min" => options.minimum = Some(value(meta, field)?),
        "max" => options.maximum = Some(value(meta, field)?),
        "name" => {
            let name: LitStr = meta.value()?.parse()?;
            check_name(&name)?;
            options.name = Some(name);
        }
        "allowed" => {
            let list;
            syn::parenthesized!(list in meta.input);
            let values = Punctuated::<Expr, Token![,]>::parse_terminated(&list)?;
            options.allowed = values
                .iter()
                .map(|value| text(value, field))
                .collect::<Result<_>>()?;
        }
        "live" => options.live = true,
        "secret" => options.secret = true,
        "flatten" => options.flatten = true,
        _ => {
            let message = "expected `default = …`, `allowed(…)`, `min = …`, `max = …`, `name = \"…\"`, `live`, `secret` or `flatten`";
            return Err(meta.error(message));
        }
    }
    Ok(())
}

/// Names as `--set name=value` can take them.
fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || !text.bytes().all(kebab) {
        return Err(Error::new(
            name.span(),
            "a setting's name is kebab-case: `base-url`",
        ));
    }
    Ok(())
}

fn value(meta: &ParseNestedMeta<'_>, field: &Field) -> Result<String> {
    let value: Expr = meta.value()?.parse()?;
    text(&value, field)
}

/// A literal as text: all values travel as text.
fn text(value: &Expr, field: &Field) -> Result<String> {
    let (sign, literal) = match value {
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => ("-", &**expr),
        other => ("", other),
    };
    let Expr::Lit(ExprLit { lit, .. }) = literal else {
        return Err(Error::new(value.span(), "expected a literal"));
    };
    let text = match lit {
        Lit::Str(text) if sign.is_empty() => text.value(),
        Lit::Bool(flag) if sign.is_empty() => flag.value.to_string(),
        Lit::Int(number) => format!("{sign}{}", number.base10_digits()),
        Lit::Float(number) => format!("{sign}{}", number.base10_digits()),
        _ => {
            return Err(Error::new(
                value.span(),
                "expected a text, a number, `true` or `false`",
            ));
        }
    };
    check_fit(lit, &text, field).map_err(|message| Error::new(value.span(), message))?;
    Ok(text)
}

/// Refuse a literal that the field's type cannot take, for the types whose name tells. The host would refuse it too, but only
/// when the component is loaded.
fn check_fit(lit: &Lit, text: &str, field: &Field) -> core::result::Result<(), &'static str> {
    let Some(kind) = value_type(&field.ty) else {
        return Ok(());
    };
    match kind.as_str() {
        "String" if !matches!(lit, Lit::Str(_)) => Err("the field is a text: expected `\"…\"`"),
        "bool" if !matches!(lit, Lit::Bool(_)) => {
            Err("the field is a boolean: expected `true` or `false`")
        }
        "u8" | "u16" | "u32" | "u64" | "usize" if text.starts_with('-') => {
            Err("the field cannot be negative")
        }
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64"
            if !matches!(lit, Lit::Int(_)) =>
        {
            Err("the field is an integer")
        }
        "f32" | "f64" if !matches!(lit, Lit::Int(_) | Lit::Float(_)) => {
            Err("the field is a number")
        }
        "Duration" if !matches!(lit, Lit::Str(_)) || !is_duration(text) => {
            Err("the field is a duration: expected a text like \"250ms\", \"10s\" or \"1m30s\"")
        }
        _ => Ok(()),
    }
}

/// The last name in a type's path, inside `Option<…>` and `Live<…>`.
fn value_type(kind: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = kind else {
        return None;
    };
    let segment = path.path.segments.last()?;
    if (segment.ident == "Option" || segment.ident == "Live")
        && let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
        && let Some(syn::GenericArgument::Type(inner)) = arguments.args.first()
    {
        return value_type(inner);
    }
    Some(segment.ident.to_string())
}

/// Whether a text is one or more numbers with their units, or `0`, as the SDK and the host read them.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    if rest == "0" {
        return true;
    }
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let unit = rest[number..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| number + at);
        let known =
            ["ns", "us", "µs", "ms", "s", "m", "h", "d"].contains(&rest[number..unit].trim_end());
        if rest[..number].parse::<f64>().is_err() || !known {
            return false;
        }
        rest = &rest[unit..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_duration;

    #[test]
    fn durations_are_told_from_other_texts() {
        for text in ["0", "250ms", "10s", "1.5s", "1m30s", "1h 30m", "2d"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "10", "s", "ten", "10 s", "1x", "1.2.3s"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
