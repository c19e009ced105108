//! The table as constants: what each model is called, which attributes it has, what a value of each may be.
//!
//! Only what the specification publishes. What it leaves out (bounds, who may write) is in `rules` and `model`.

mod json;
pub(crate) mod published;

use crate::table::wire_name;

pub use json::spec_json;

/// What a value of an attribute may be. The table's documentation tells their form on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    String,
    Int,
    Float,
    Bool,
    Bytes,
    Color,
    Date,
    /// In UTC on the wire.
    Datetime,
    NaiveDatetime,
    Time,
    Object,
    Any,
    LinkEnd,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A reference to a model of this class; `Widget` is any.
    Widget(&'static str),
    List(&'static Kind),
    /// A list whose item kind the published specification leaves out.
    UntoldList(&'static Kind),
    Pair(&'static Kind),
    /// Such a value, or the string `any`.
    OrAny(&'static Kind),
}

/// The value of an attribute that nobody set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(&'static str),
    EmptyList,
    IntPair(i64, i64),
    FloatPair(f64, f64),
    /// No bytes.
    Bytes,
    /// A fresh model of the class that the attribute's kind names.
    NewModel,
}

/// One attribute of a model.
#[derive(Clone, Copy, Debug)]
pub struct AttributeSpec {
    /// Its name on the wire.
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
    pub default: Default,
    pub help: &'static str,
}

/// Attributes that several models share, all of them equal in each.
#[derive(Debug)]
pub struct GroupSpec {
    pub name: &'static str,
    pub attributes: &'static [AttributeSpec],
}

/// The JavaScript modules that hold the models. The version is the one of the attributes' protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    Base,
    Controls,
    Output,
}

impl Module {
    pub const fn name(self) -> &'static str {
        match self {
            Module::Base => "@jupyter-widgets/base",
            Module::Controls => "@jupyter-widgets/controls",
            Module::Output => "@jupyter-widgets/output",
        }
    }

    pub const fn version(self) -> &'static str {
        match self {
            Module::Base | Module::Controls => "2.0.0",
            Module::Output => "1.0.0",
        }
    }
}

/// One of the published models.
#[derive(Debug)]
pub struct ModelSpec {
    /// The name on the wire, as `IntSliderModel`.
    pub name: &'static str,
    /// The name people use, as `IntSlider`.
    pub class: &'static str,
    pub module: Module,
    /// `None`: the model is never displayed by itself.
    pub view_name: Option<&'static str>,
    pub view_module: Module,
    pub groups: &'static [&'static GroupSpec],
    /// The attributes that come from no group.
    pub own: &'static [AttributeSpec],
}

impl ModelSpec {
    /// All attributes except the six that name model and view, in no particular order.
    pub fn attributes(&self) -> impl Iterator<Item = &'static AttributeSpec> {
        self.groups.iter().flat_map(|group| group.attributes).chain(self.own)
    }
}

macro_rules! kind {
    (string) => {
        Kind::String
    };
    (int) => {
        Kind::Int
    };
    (float) => {
        Kind::Float
    };
    (bool) => {
        Kind::Bool
    };
    (bytes) => {
        Kind::Bytes
    };
    (color) => {
        Kind::Color
    };
    (date) => {
        Kind::Date
    };
    (datetime) => {
        Kind::Datetime
    };
    (naive_datetime) => {
        Kind::NaiveDatetime
    };
    (time) => {
        Kind::Time
    };
    (object) => {
        Kind::Object
    };
    (any) => {
        Kind::Any
    };
    (link_end) => {
        Kind::LinkEnd
    };
    ((choice $choice:ident)) => {
        Kind::Choice(choices::$choice)
    };
    ((widget $class:ident)) => {
        Kind::Widget(stringify!($class))
    };
    ([$item:tt]) => {
        Kind::List(&kind!($item))
    };
    ((list $item:tt)) => {
        Kind::UntoldList(&kind!($item))
    };
    ((pair $item:tt)) => {
        Kind::Pair(&kind!($item))
    };
    ((or_any $other:tt)) => {
        Kind::OrAny(&kind!($other))
    };
    ((optional $kind:tt)) => {
        kind!($kind)
    };
}

macro_rules! nullable {
    ((optional $kind:tt)) => {
        true
    };
    ($kind:tt) => {
        false
    };
}

macro_rules! default {
    ($kind:tt none) => { Default::Null };
    ($kind:tt new) => { Default::NewModel };
    ($kind:tt []) => { Default::EmptyList };
    ((pair int) [$lower:literal, $upper:literal]) => { Default::IntPair($lower, $upper) };
    ((pair float) [$lower:literal, $upper:literal]) => { Default::FloatPair($lower, $upper) };
    (bytes $empty:literal) => { Default::Bytes };
    (bool $value:literal) => { Default::Bool($value) };
    (int $value:literal) => { Default::Int($value) };
    (float $value:literal) => { Default::Float($value) };
    (string $value:literal) => { Default::String($value) };
    (color $value:literal) => { Default::String($value) };
    ((choice $choice:ident) $value:literal) => { Default::String($value) };
    ((or_any int) $value:literal) => { Default::Int($value) };
    ((or_any float) $value:literal) => { Default::Float($value as f64) };
    ((optional $kind:tt) $value:literal) => { default!($kind $value) };
}

macro_rules! module {
    (base) => {
        Module::Base
    };
    (controls) => {
        Module::Controls
    };
    (output) => {
        Module::Output
    };
}

macro_rules! view {
    (none) => {
        None
    };
    ($view:literal) => {
        Some($view)
    };
}

macro_rules! attributes {
    ($($name:ident: $kind:tt = $default:tt, $help:literal;)*) => {
        &[$(AttributeSpec {
            name: wire_name(stringify!($name)),
            kind: kind!($kind),
            nullable: nullable!($kind),
            default: default!($kind $default),
            help: $help,
        }),*]
    };
}

macro_rules! specs {
    (
        choices { $($(#[$choice_doc:meta])* $choice:ident { $($variant:ident = $wire:literal),* $(,)? })* }
        groups { $($(#[$group_doc:meta])* $group:ident { $($shared:tt)* })* }
        models {
            $(
                $(#[$doc:meta])*
                $class:ident = ($module:ident $model:literal) ($view_module:ident $view:tt) [$($member:ident)*] {
                    $($own:tt)*
                }
            )*
        }
    ) => {
        #[allow(non_upper_case_globals)]
        mod choices {
            $(pub(super) const $choice: &[&str] = &[$($wire),*];)*
        }

        #[allow(non_upper_case_globals)]
        mod groups {
            use super::*;
            $(pub(super) static $group: GroupSpec =
                GroupSpec { name: stringify!($group), attributes: attributes!($($shared)*) };)*
        }

        /// All published models, in the order of the specification.
        pub static MODELS: &[ModelSpec] = &[$(ModelSpec {
            name: $model,
            class: stringify!($class),
            module: module!($module),
            view_name: view!($view),
            view_module: module!($view_module),
            groups: &[$(&groups::$member),*],
            own: attributes!($($own)*),
        }),*];
    };
}

crate::with_models!(specs);
