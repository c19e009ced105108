//! `interact`: a function of widgets that runs again whenever one of them changes.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    builders::{Output, VBox},
    containers::Children,
    events::Callback,
    model::{Model, Widget},
};
use crate::output;

/// A widget with a value.
pub trait HasValue: Widget {
    /// The value's type.
    type Value;

    /// The attribute on which the value depends.
    #[doc(hidden)]
    const ATTRIBUTE: &'static str;

    /// Asks the kernel for the value.
    #[track_caller]
    fn current(&self) -> Self::Value;
}

impl<W: HasValue> HasValue for &W {
    type Value = W::Value;

    const ATTRIBUTE: &'static str = W::ATTRIBUTE;

    fn current(&self) -> W::Value {
        (**self).current()
    }
}

/// One to four widgets with values: `&slider`, or `(&slider, &dropdown)`.
pub trait Inputs {
    /// The values, as a tuple where there are several widgets.
    type Values;

    /// Asks the kernel for the values.
    fn values(&self) -> Self::Values;

    /// The widgets, and the attribute of each on which its value depends.
    #[doc(hidden)]
    fn watched(&self) -> Vec<(Model, &'static str)>;
}

impl<W: HasValue> Inputs for W {
    type Values = W::Value;

    fn values(&self) -> W::Value {
        self.current()
    }

    fn watched(&self) -> Vec<(Model, &'static str)> {
        vec![(self.model().clone(), W::ATTRIBUTE)]
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: HasValue),*> Inputs for ($($name,)*) {
            type Values = ($($name::Value,)*);

            fn values(&self) -> Self::Values {
                ($(self.$index.current(),)*)
            }

            fn watched(&self) -> Vec<(Model, &'static str)> {
                vec![$((self.$index.model().clone(), $name::ATTRIBUTE)),*]
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

/// What [`interact`] made.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// The widgets above the output; shown already.
    pub view: VBox,
    /// Where the function's output appears.
    pub output: Output,
    callbacks: Vec<Callback>,
}

impl Interaction {
    /// The function does not run any more; what is shown stays.
    pub fn stop(&self) {
        self.callbacks.iter().for_each(Callback::unobserve);
    }
}

/// Shows widgets above an Output and runs a function with their values in it: now, and whenever one of them changed.
///
/// ```no_run
/// # use flowdeck::{println, widgets::*};
/// # let (limit, protocol) = (IntSlider::new(), Dropdown::new(["tcp", "udp"]));
/// interact((limit.clone(), protocol.clone()), |(limit, protocol)| println!("{limit} flows of {protocol:?}"));
/// ```
///
/// # Panics
/// When the kernel refuses one of the widgets, with what it says.
#[track_caller]
pub fn interact<I>(inputs: I, mut run: impl FnMut(I::Values) + Send + 'static) -> Interaction
where
    I: Inputs + Send + 'static,
{
    let watched = inputs.watched();
    show_with_output(&watched, Box::new(move || run(inputs.values())))
}

/// The part that does not depend on types.
#[track_caller]
fn show_with_output(watched: &[(Model, &'static str)], run: Box<dyn FnMut() + Send>) -> Interaction {
    let output = Output::new();
    let mut children: Vec<Model> = watched.iter().map(|(model, _)| model.clone()).collect();
    children.push(output.model().clone());
    let view = VBox::of(children.models());
    view.evcxr_display();
    let run = Arc::new(Mutex::new(run));
    let run_captured = {
        let output = output.clone();
        move || {
            output.capture(|| {
                // Cleared when the new output comes: the area does not flicker.
                output::clear_output(true);
                // A panic in an earlier run left the closure as it was; it is the user's.
                run.lock().unwrap_or_else(PoisonError::into_inner)();
            });
        }
    };
    let callbacks = watched.iter().map(|(model, attribute)| {
        let run = run_captured.clone();
        model.on_change_of(attribute, Box::new(move |_| run()))
    });
    let callbacks = callbacks.collect();
    run_captured();
    Interaction { view, output, callbacks }
}
