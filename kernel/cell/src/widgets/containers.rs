//! Containers and what they contain; the border of a layout.

use super::{
    builders::{Accordion, BoxWidget, GridBox, HBox, Layout, Stack, Tab, VBox},
    model::{Model, Widget},
};

/// What a container can contain: a tuple of widgets, or an array, slice or vector of widgets of one type.
pub trait Children {
    /// The models, in order.
    fn models(&self) -> Vec<Model>;
}

impl<W: Widget> Children for [W] {
    fn models(&self) -> Vec<Model> {
        self.iter().map(|widget| widget.model().clone()).collect()
    }
}

impl<W: Widget, const N: usize> Children for [W; N] {
    fn models(&self) -> Vec<Model> {
        self.as_slice().models()
    }
}

impl<W: Widget> Children for Vec<W> {
    fn models(&self) -> Vec<Model> {
        self.as_slice().models()
    }
}

impl<C: Children + ?Sized> Children for &C {
    fn models(&self) -> Vec<Model> {
        (**self).models()
    }
}

macro_rules! tuples {
    ($($first:ident $($rest:ident)*)?) => {
        $(
            impl<$first: Widget, $($rest: Widget),*> Children for ($first, $($rest,)*) {
                #[allow(non_snake_case)]
                fn models(&self) -> Vec<Model> {
                    let ($first, $($rest,)*) = self;
                    vec![$first.model().clone(), $($rest.model().clone()),*]
                }
            }
            tuples! { $($rest)* }
        )?
    };
}
tuples! { A B C D E F G H I J K L M N O P }

macro_rules! containers {
    ($($class:ident)*) => {$(
        impl $class {
            /// A fresh one with these children.
            ///
            /// # Panics
            /// When the kernel refuses one of them, with what it says.
            #[track_caller]
            pub fn of(children: impl Children) -> $class {
                $class::new().children(children)
            }

            /// Sets the children: `.children((&slider, &button))`.
            ///
            /// # Panics
            /// When the kernel refuses one of them, with what it says.
            #[track_caller]
            pub fn children(&self, children: impl Children) -> $class {
                self.put_models("children", &children.models());
                self.clone()
            }
        }
    )*};
}
containers! { Accordion BoxWidget GridBox HBox Stack Tab VBox }

impl Layout {
    /// Sets the border on all four sides, as in CSS: `1px solid gray`.
    pub fn border(&self, value: &str) -> Layout {
        self.border_top(value).border_right(value).border_bottom(value).border_left(value)
    }
}
