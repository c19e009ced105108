//! The table as another crate reads it: builders for all models, made by one macro, open as they should.

use serde_json::json;
use widgets_comm::{Registry, State, spec::MODELS, table::wire_name};

/// What a kind is in Rust.
macro_rules! rust_type {
    (int) => { i64 };
    (float) => { f64 };
    (bool) => { bool };
    (bytes) => { Vec<u8> };
    (string) => { String };
    (color) => { String };
    (date) => { widgets_comm::moments::Date };
    (datetime) => { widgets_comm::moments::Datetime };
    (naive_datetime) => { widgets_comm::moments::Datetime };
    (time) => { widgets_comm::moments::Time };
    (object) => { serde_json::Map<String, serde_json::Value> };
    (any) => { serde_json::Value };
    (link_end) => { (String, String) };
    ((choice $choice:ident)) => { $choice };
    ((widget $class:ident)) => { Reference };
    ([$item:tt]) => { Vec<rust_type!($item)> };
    ((list $item:tt)) => { Vec<rust_type!($item)> };
    ((pair $item:tt)) => { (rust_type!($item), rust_type!($item)) };
    ((or_any $kind:tt)) => { Option<rust_type!($kind)> };
    ((optional $kind:tt)) => { Option<rust_type!($kind)> };
}

/// A setter; those of kinds that this test does not use keep the name only.
macro_rules! set {
    ($builder:ident, $name:ident, $value:ident, int) => {
        $builder.state().set(wire_name(stringify!($name)), serde_json::Value::from($value).into())
    };
    ($builder:ident, $name:ident, $value:ident, bool) => {
        set!($builder, $name, $value, int)
    };
    ($builder:ident, $name:ident, $value:ident, string) => {
        set!($builder, $name, $value, int)
    };
    ($builder:ident, $name:ident, $value:ident, (choice $choice:ident)) => {
        $builder.state().set(wire_name(stringify!($name)), serde_json::Value::from($value.wire()).into())
    };
    ($builder:ident, $name:ident, $value:ident, $other:tt) => {{
        let _ = ($builder.state(), $value);
    }};
}

macro_rules! builders {
    (
        choices { $($(#[$choice_doc:meta])* $choice:ident { $($variant:ident = $wire:literal),* $(,)? })* }
        groups {
            $(
                $(#[$group_doc:meta])*
                $group:ident { $($shared:ident: $shared_kind:tt = $shared_default:tt, $shared_help:literal;)* }
            )*
        }
        models {
            $(
                $(#[$doc:meta])*
                $class:ident = ($module:ident $model:literal) ($view_module:ident $view:tt) [$($member:ident)*] {
                    $($own:ident: $own_kind:tt = $own_default:tt, $own_help:literal;)*
                }
            )*
        }
    ) => {
        $(
            $(#[$choice_doc])*
            #[derive(Clone, Copy)]
            enum $choice { $($variant),* }

            impl $choice {
                fn wire(self) -> &'static str {
                    match self { $($choice::$variant => $wire),* }
                }
            }
        )*
        $(
            $(#[$group_doc])*
            trait $group: Builder {
                $(
                    #[doc = $shared_help]
                    fn $shared(mut self, value: rust_type!($shared_kind)) -> Self {
                        set!(self, $shared, value, $shared_kind);
                        self
                    }
                )*
            }
        )*
        $(
            $(#[$doc])*
            #[derive(Default)]
            struct $class(State);

            impl Builder for $class {
                const MODEL: &'static str = $model;

                fn state(&mut self) -> &mut State {
                    &mut self.0
                }
            }

            impl $class {
                $(
                    #[doc = $own_help]
                    fn $own(mut self, value: rust_type!($own_kind)) -> Self {
                        set!(self, $own, value, $own_kind);
                        self
                    }
                )*
            }

            $(impl $member for $class {})*
        )*

        const CLASSES: &[(&str, &str)] = &[$((stringify!($class), $class::MODEL)),*];
    };
}

struct Reference;

trait Builder: Sized {
    const MODEL: &'static str;

    fn state(&mut self) -> &mut State;
}

// Some attributes are published without a help text.
#[allow(dead_code, clippy::empty_docs, clippy::upper_case_acronyms)]
mod built {
    use super::*;

    widgets_comm::with_models!(builders);

    pub(super) fn slider() -> (&'static str, State) {
        let slider =
            IntSlider::default().min(2).max(10).value(3).readout_format("x".into()).orientation(Orientation::Vertical);
        (IntSlider::MODEL, slider.description("n".into()).0)
    }

    pub(super) fn sound() -> (&'static str, State) {
        (Audio::MODEL, Audio::default().r#loop(false).0)
    }

    pub(super) const ALL: &[(&str, &str)] = CLASSES;
}

#[test]
fn the_table_has_the_models_of_the_constants() {
    let constants: Vec<(&str, &str)> = MODELS.iter().map(|spec| (spec.class, spec.name)).collect();
    assert_eq!(built::ALL, constants);
    assert_eq!(built::ALL.len(), 69);
}

#[test]
fn builders_from_the_table_open_as_they_should() {
    let mut registry = Registry::new();
    let (model, state) = built::slider();
    registry.open("s", model, state).expect("it opens");
    for (name, expected) in [
        ("min", json!(2)),
        ("max", json!(10)),
        ("value", json!(3)),
        ("readout_format", json!("x")),
        ("orientation", json!("vertical")),
        ("description", json!("n")),
    ] {
        assert_eq!(registry.get("s", name).expect("an attribute").json(), &expected, "{name}");
    }
    let (model, state) = built::sound();
    registry.open("a", model, state).expect("it opens");
    assert_eq!(registry.get("a", "loop").expect("an attribute").json(), &json!(false));
}
