//! The table of all 69 models: their names, their attributes, what several of them share. Nothing else lists them.
//!
//! [`with_models!`](crate::with_models) hands the whole table to a macro of the caller, as
//!
//! ```text
//! choices { /// doc  Orientation { Horizontal = "horizontal", Vertical = "vertical" } … }
//! groups  { /// doc  IntBounded { max: int = 100, "Max value"; min: int = 0, "Min value"; } … }
//! models  { /// doc  IntSlider = (controls "IntSliderModel") (controls "IntSliderView")
//!                        [DomWidget Described IntBounded …] { readout_format: string = "d", "Format …"; … } … }
//! ```
//!
//! A model has the attributes of its groups and its own. The two parentheses are model and view: the module (`base`,
//! `controls` or `output`), then the name; a view may be `none`. The six attributes that name model and view
//! (`_model_name`, …) follow from them and are not listed.
//!
//! An attribute is `name: kind = default, "help";`. Name, kind and default are one token tree each. The name is a Rust
//! identifier: `r#loop` stands for `loop` ([`wire_name`] gives the name on the wire). Kinds are
//!
//! | kind | value |
//! |---|---|
//! | `string` `int` `float` `bool` | as in JSON |
//! | `bytes` | a buffer, outside the JSON |
//! | `color` | a CSS colour, as a string |
//! | `date` `datetime` `naive_datetime` `time` | see [`moments`](crate::moments) |
//! | `object` `any` | a JSON object, any JSON (only as items) |
//! | `link_end` | `[]` or `["IPY_MODEL_…", "attribute"]` |
//! | `(choice Name)` | one of the strings of that choice |
//! | `(widget Class)` | `"IPY_MODEL_…"` of such a model; `Widget` is any model |
//! | `[kind]` | a list |
//! | `(list kind)` | a list whose items the published specification does not tell |
//! | `(pair kind)` | a list of exactly two |
//! | `(or_any kind)` | such a value, or the string `"any"` |
//! | `(optional kind)` | such a value, or null |
//!
//! Defaults are literals, `none` (null), `[]`, `[lower, upper]`, `b""`, or `new`: a fresh model of the kind's class.
//!
//! A consumer matches the layers one after another. Prints each class with its groups:
//!
//! ```
//! macro_rules! classes {
//!     (
//!         choices $choices:tt
//!         groups $groups:tt
//!         models {
//!             $(
//!                 $(#[$doc:meta])*
//!                 $class:ident = ($module:ident $model:literal) ($view_module:ident $view:tt) [$($group:ident)*] {
//!                     $($name:ident: $kind:tt = $default:tt, $help:literal;)*
//!                 }
//!             )*
//!         }
//!     ) => {
//!         &[$((stringify!($class), $model, &[$(stringify!($group)),*] as &[&str])),*]
//!     };
//! }
//! let classes: &[(&str, &str, &[&str])] = widgets_comm::with_models!(classes);
//! assert_eq!(classes.len(), 69);
//! assert_eq!(classes[0], ("Layout", "LayoutModel", &[] as &[&str]));
//! ```
//!
//! Turns groups into traits with one setter an attribute. Kinds become types in a macro of their own. Some attributes
//! are published without a help text, which clippy minds where it becomes a doc comment (`clippy::empty_docs`):
//!
//! ```
//! macro_rules! rust_type {
//!     (int) => { i64 };
//!     (float) => { f64 };
//!     (bool) => { bool };
//!     ((optional $kind:tt)) => { Option<rust_type!($kind)> };
//!     ([$kind:tt]) => { Vec<rust_type!($kind)> };
//!     ($other:tt) => { String };
//! }
//! macro_rules! traits {
//!     (
//!         choices $choices:tt
//!         groups {
//!             $(
//!                 $(#[$doc:meta])*
//!                 $group:ident { $($name:ident: $kind:tt = $default:tt, $help:literal;)* }
//!             )*
//!         }
//!         models $models:tt
//!     ) => {
//!         $(
//!             $(#[$doc])*
//!             #[allow(unused)]
//!             trait $group {
//!                 $(
//!                     #[doc = $help]
//!                     fn $name(self, value: rust_type!($kind)) -> Self;
//!                 )*
//!             }
//!         )*
//!     };
//! }
//! widgets_comm::with_models!(traits);
//! # fn main() {}
//! ```
//!
//! `tests/table.rs` makes whole builders of the table.

mod groups;
mod models_first;
mod models_second;

/// Calls a macro with the table of all models; see [`table`](crate::table) for what it gets.
///
/// The macro may be a path: `with_models!(crate::builders)`.
#[macro_export]
macro_rules! with_models {
    ($($consume:tt)+) => {
        $crate::__widget_groups! { [$($consume)+] }
    };
}

/// The name on the wire of an attribute whose Rust identifier may be a raw one (`r#loop`).
pub const fn wire_name(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', ..] => identifier.split_at(2).1,
        _ => identifier,
    }
}
