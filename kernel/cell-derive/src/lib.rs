//! `#[derive(FlowRow)]`: a struct is a row of a table, its fields are the columns.
//!
//! Only the text of the implementations is made here; what reads and writes columns is in the crate `flowdeck`, which gives
//! this macro on under its own name.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, parse_macro_input, spanned::Spanned};

/// The attribute by which a field names its column.
const ATTRIBUTE: &str = "flow";

/// Makes a struct with named fields a row of a table. `#[flow(column = "name")]` on a field names another column than
/// that of the field's own name.
#[proc_macro_derive(FlowRow, attributes(flow))]
pub fn flow_row(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    implementations(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn implementations(input: &DeriveInput) -> Result<TokenStream> {
    let fields = fields(input)?;
    if let Some(parameter) = input.generics.params.first() {
        let fact = "a row has no type parameters and no lifetimes: use String for text";
        return Err(Error::new(parameter.span(), fact));
    }
    let row = &input.ident;
    let names: Vec<&Ident> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let columns: Vec<LitStr> = fields.iter().map(|field| column(field)).collect::<Result<_>>()?;
    let places = 0..names.len();
    let places: Vec<syn::Index> = places.map(syn::Index::from).collect();
    Ok(quote! {
        impl ::flowdeck::FromRow for #row {
            fn from_row(row: &::flowdeck::Row<'_>) -> ::std::result::Result<Self, ::flowdeck::Mismatch> {
                ::std::result::Result::Ok(#row { #(#names: row.get(#columns)?),* })
            }

            fn from_batch(
                batch: &::flowdeck::arrow_array::RecordBatch,
            ) -> ::std::result::Result<::std::vec::Vec<Self>, ::flowdeck::Mismatch> {
                let places = ::flowdeck::places_of(batch, &[#(#columns),*])?;
                ::flowdeck::rows_of(batch)
                    .map(|row| ::std::result::Result::Ok(#row { #(#names: row.at(places[#places])?),* }))
                    .collect()
            }
        }

        impl ::flowdeck::FlowRow for #row {
            fn columns(
                rows: &[Self],
            ) -> ::std::vec::Vec<(::flowdeck::arrow_schema::Field, ::flowdeck::arrow_array::ArrayRef)> {
                ::std::vec![#(::flowdeck::column_of(#columns, rows.iter().map(|row| &row.#names))),*]
            }
        }
    })
}

fn fields(input: &DeriveInput) -> Result<Vec<&Field>> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => Some(fields.named.iter().collect()),
            _ => None,
        },
        _ => None,
    };
    named.ok_or_else(|| Error::new(input.ident.span(), "a row is a struct with named fields, one for each column"))
}

/// The column of a field.
fn column(field: &Field) -> Result<LitStr> {
    let own = field.ident.as_ref().map_or_else(String::new, ToString::to_string);
    let mut name = LitStr::new(own.trim_start_matches("r#"), field.span());
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident(ATTRIBUTE)) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("column") {
                return Err(meta.error("write #[flow(column = \"name\")]"));
            }
            name = meta.value()?.parse()?;
            Ok(())
        })?;
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> String {
        let input: DeriveInput = syn::parse_str(code).expect("an item");
        implementations(&input).expect_err("it is refused").to_string()
    }

    #[test]
    fn what_is_no_row_is_told() {
        assert!(refused("struct A(u8);").contains("named fields"));
        assert!(refused("enum A { B }").contains("named fields"));
        assert!(refused("struct A {}").contains("named fields"));
        assert!(refused("struct A<'a> { text: &'a str }").contains("String"));
        assert!(refused("struct A { #[flow(name = \"b\")] a: u8 }").contains("column"));
    }

    #[test]
    fn a_field_may_name_its_column() {
        let code = "struct A { #[flow(column = \"src_ip\")] source: String, r#type: u8 }";
        let input: DeriveInput = syn::parse_str(code).expect("an item");
        let columns: Vec<String> =
            fields(&input).expect("fields").into_iter().map(|field| column(field).expect("a name").value()).collect();
        assert_eq!(columns, ["src_ip", "type"]);
    }
}
