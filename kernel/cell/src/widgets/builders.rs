//! One type for each model of the table, with its setters and getters.
//!
//! `define!` gets the whole table. Of each group it makes a macro that gives a class the group's methods, then calls
//! those of the groups that a class has. `attribute!` decides what an attribute becomes.

use std::{borrow::Borrow, fmt, ops::Deref};

use serde_json::Value;
use widgets_comm::message::referenced;

use super::{
    events::{Callback, Event},
    interact::HasValue,
    kinds::{content, owned, parameter},
    model::{Model, Widget, told, typed},
    selection::{
        Options, SelectOption, choice, choices, chosen_first, indices, many, one, position, range, selection, single,
        single_index,
    },
    state::{FromState, IntoState, Received},
};
use crate::display::{Displayable, MimeBundle};

macro_rules! define {
    (
        choices $choices:tt
        groups { $($(#[$group_doc:meta])* $group:ident $shared:tt)* }
        models {
            $(
                $(#[$doc:meta])*
                $class:ident = ($module:ident $model:literal) ($view_module:ident $view:tt) [$($member:ident)*] $own:tt
            )*
        }
    ) => {
        $(group! { $group $shared ($) })*
        $(
            class! { $class $model $(#[$doc])* }
            $($member! { $class })*
            members! { $class $own }
        )*
    };
}

/// Makes the macro of a group. `$d` is a dollar sign, which a macro cannot write into another by itself.
macro_rules! group {
    ($group:ident $attributes:tt ($d:tt)) => {
        macro_rules! $group {
            ($d class:ident) => {
                members! { $d class $attributes }
            };
        }
    };
}

/// The type of a model. Those with options are generic over the values that these stand for.
macro_rules! class {
    (Dropdown $($rest:tt)*) => { selection! { Dropdown $($rest)* } };
    (RadioButtons $($rest:tt)*) => { selection! { RadioButtons $($rest)* } };
    (Select $($rest:tt)*) => { selection! { Select $($rest)* } };
    (SelectMultiple $($rest:tt)*) => { selection! { SelectMultiple $($rest)* } };
    (SelectionRangeSlider $($rest:tt)*) => { selection! { SelectionRangeSlider $($rest)* } };
    (SelectionSlider $($rest:tt)*) => { selection! { SelectionSlider $($rest)* } };
    (ToggleButtons $($rest:tt)*) => { selection! { ToggleButtons $($rest)* } };
    // Imported by a glob it would hide std's `Box`.
    (Box $($rest:tt)*) => { plain! { BoxWidget $($rest)* } };
    ($($rest:tt)*) => { plain! { $($rest)* } };
}

/// The type of a model without options.
macro_rules! plain {
    ($class:ident $model:literal $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $class {
            model: Model,
        }

        impl $class {
            /// A fresh one.
            pub fn new() -> $class {
                $class { model: Model::new($model) }
            }

            /// The same one; closures that are registered through it run at once, beside others and inside cells.
            pub fn concurrent(&self) -> $class {
                $class { model: self.model.made_concurrent() }
            }
        }

        impl Default for $class {
            fn default() -> $class {
                $class::new()
            }
        }

        impl FromState for $class {
            fn from_state(received: &Received) -> Option<$class> {
                referenced(&received.value).map(|id| $class { model: Model::existing(id, $model) })
            }
        }

        common! { $class [] }
    };
}

/// What all types of models have.
macro_rules! common {
    ($class:ident [$($value:ident)?]) => {
        impl$(<$value>)? Widget for $class$(<$value>)? {
            fn model(&self) -> &Model {
                &self.model
            }
        }

        impl$(<$value>)? Deref for $class$(<$value>)? {
            type Target = Model;

            fn deref(&self) -> &Model {
                &self.model
            }
        }

        impl$(<$value>)? fmt::Debug for $class$(<$value>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.model.fmt(f)
            }
        }

        impl$(<$value>)? Displayable for $class$(<$value>)? {
            fn mime_bundle(&self) -> MimeBundle {
                self.model.mime_bundle()
            }

            fn widget(&self) -> Option<&Model> {
                Some(&self.model)
            }
        }
    };
}

/// Gives a class methods for attributes.
macro_rules! members {
    ($class:ident { $($name:ident: $kind:tt = $default:tt, $help:literal;)* }) => {
        implement! { $class { $(attribute! { $class $name: $kind, $help })* } }
        $(valued! { $class $name: $kind })*
    };
}

/// An `impl` of the class.
macro_rules! implement {
    ($class:ident {}) => {};
    (Dropdown $methods:tt) => { implement! { [Dropdown] $methods } };
    (RadioButtons $methods:tt) => { implement! { [RadioButtons] $methods } };
    (Select $methods:tt) => { implement! { [Select] $methods } };
    (SelectMultiple $methods:tt) => { implement! { [SelectMultiple] $methods } };
    (SelectionRangeSlider $methods:tt) => { implement! { [SelectionRangeSlider] $methods } };
    (SelectionSlider $methods:tt) => { implement! { [SelectionSlider] $methods } };
    (ToggleButtons $methods:tt) => { implement! { [ToggleButtons] $methods } };
    ([$class:ident] { $($methods:tt)* }) => { impl<T> $class<T> { $($methods)* } };
    (Box { $($methods:tt)* }) => { impl BoxWidget { $($methods)* } };
    ($class:ident { $($methods:tt)* }) => { impl $class { $($methods)* } };
}

/// The methods for an attribute.
macro_rules! attribute {
    ($class:ident _dom_classes: $($rest:tt)*) => { setter! { dom_classes "_dom_classes": $($rest)* } };
    // Written by hand, beside what belongs to them.
    ($class:ident _options_labels: $($rest:tt)*) => {};
    ($class:ident children: $($rest:tt)*) => {};
    ($class:ident source: $($rest:tt)*) => {};
    ($class:ident target: $($rest:tt)*) => {};
    (FileUpload value: $($rest:tt)*) => {};
    // The kernel's.
    (Output msg_id: $($rest:tt)*) => {};
    (Output outputs: $($rest:tt)*) => {};
    // The front end's.
    (Controller axes: $($rest:tt)*) => { getter! { axes axes: $($rest)* } };
    (Controller buttons: $($rest:tt)*) => { getter! { buttons buttons: $($rest)* } };
    (Controller connected: $($rest:tt)*) => { getter! { is_connected connected: $($rest)* } };
    (Controller index: $kind:tt, $help:literal) => {
        getter! { index index: $kind, $help }
        setter! { set_index index: $kind, $help }
    };
    (Controller mapping: $($rest:tt)*) => { getter! { mapping mapping: $($rest)* } };
    (Controller name: $($rest:tt)*) => { getter! { name name: $($rest)* } };
    (Controller timestamp: $($rest:tt)*) => { getter! { timestamp timestamp: $($rest)* } };
    (ControllerAxis value: $($rest:tt)*) => { getter! { value value: $($rest)* } on_change! { $($rest)* } };
    (ControllerButton value: $($rest:tt)*) => { getter! { value value: $($rest)* } on_change! { $($rest)* } };
    (ControllerButton pressed: $($rest:tt)*) => { getter! { is_pressed pressed: $($rest)* } };
    ($class:ident index: $($rest:tt)*) => {};
    // What the user changes, so it is read.
    ($class:ident value: $($rest:tt)*) => {
        setter! { set_value value: $($rest)* }
        getter! { value value: $($rest)* }
        on_change! { $($rest)* }
    };
    ($class:ident selected_index: $($rest:tt)*) => {
        setter! { set_selected_index selected_index: $($rest)* }
        getter! { selected_index selected_index: $($rest)* }
    };
    ($class:ident layout: $($rest:tt)*) => {
        setter! { layout layout: $($rest)* }
        getter! { get_layout layout: $($rest)* }
    };
    ($class:ident style: $($rest:tt)*) => {
        setter! { style style: $($rest)* }
        getter! { get_style style: $($rest)* }
    };
    ($class:ident r#loop: $kind:tt, $help:literal) => { setter! { repeat "loop": $kind, $help } };
    ($class:ident $name:ident: $($rest:tt)*) => { setter! { $name $name: $($rest)* } };
}

macro_rules! setter {
    ($method:ident $name:literal: $kind:tt, $help:literal) => {
        #[doc = concat!("Sets `", $name, "`. ", $help)]
        #[track_caller]
        pub fn $method(&self, value: parameter!($kind)) -> Self {
            self.model.put($name, content!($kind value));
            self.clone()
        }
    };
    ($method:ident $name:ident: $kind:tt, $help:literal) => {
        #[doc = concat!("Sets `", stringify!($name), "`. ", $help)]
        #[track_caller]
        pub fn $method(&self, value: parameter!($kind)) -> Self {
            self.model.put(stringify!($name), content!($kind value));
            self.clone()
        }
    };
}

macro_rules! getter {
    ($method:ident $name:ident: $kind:tt, $help:literal) => {
        #[doc = concat!("Asks the kernel for `", stringify!($name), "`. ", $help)]
        ///
        /// # Panics
        /// When the kernel refuses the widget, with what it says.
        #[track_caller]
        pub fn $method(&self) -> owned!($kind) {
            self.model.read(stringify!($name))
        }
    };
}

macro_rules! on_change {
    ($kind:tt, $help:literal) => {
        /// Calls a closure with the value whenever it changed, whoever changed it.
        ///
        /// # Panics
        /// When the kernel refuses the widget, with what it says.
        #[track_caller]
        pub fn on_change(&self, mut closure: impl FnMut(owned!($kind)) + Send + 'static) -> Callback {
            let listener = move |event| {
                if let Event::Change(change) = event {
                    closure(told(typed("value", &change.received)));
                }
            };
            self.model.on_change_of("value", Box::new(listener))
        }
    };
}

/// Whether the class has a value.
macro_rules! valued {
    (FileUpload value: $kind:tt) => {};
    ($class:ident value: $kind:tt) => {
        impl HasValue for $class {
            type Value = owned!($kind);

            const ATTRIBUTE: &'static str = "value";

            fn current(&self) -> Self::Value {
                self.value()
            }
        }
    };
    ($class:ident $name:ident: $kind:tt) => {};
}

widgets_comm::with_models!(define);
