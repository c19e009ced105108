//! Widgets: sliders, buttons, pickers, containers, links, as in ipywidgets.
//!
//! ```no_run
//! # use flowdeck::println;
//! use flowdeck::widgets::*;
//!
//! let limit = IntSlider::new().min(0).max(1000).description("Limit");
//! let protocol = Dropdown::new([("TCP", 6), ("UDP", 17)]).description("Protocol");
//! let go = Button::new().description("Get flows").button_style("primary");
//! let output = Output::new();
//! go.on_click({
//!     let (limit, protocol, output) = (limit.clone(), protocol.clone(), output.clone());
//!     move |_| output.capture(|| println!("{} flows of {:?}", limit.value(), protocol.value()))
//! });
//! VBox::of((limit, protocol, go, output)) // the value of the cell: shown
//! # ;
//! ```
//!
//! # Names
//! Types and attributes are called as in ipywidgets, and texts with a fixed set of values (`button_style`) are texts as
//! there. Except for `Box`, which is [`BoxWidget`]: the module is made to be imported by a glob, and std's `Box` must
//! keep its name. An attribute `name` is set by `name(value)`, before and after the widget is shown; what the user
//! changes has a pair, `value()` and `set_value(…)`. Any attribute is read by [`Model::get`].
//!
//! # Handles
//! A widget is a small handle: a clone is the same widget, it can be sent to other threads and kept between cells. The
//! state lives in the kernel, so `value()` asks there, and pages that are opened later show the widget as it is.
//!
//! # Closures
//! `on_change`, `on_click`, `observe` and the like give a [`Callback`] by which the closure is removed. Closures run one
//! after another and not while a cell runs; those of `button.concurrent().on_click(…)` run at once. A panic in one is
//! shown, and the next event finds it as if nothing had happened.
//!
//! # Errors
//! A value that the kernel refuses (`min` above `max`) ends the cell with what is wrong, as soon as the widget is shown,
//! read or placed; [`Model::open`] and [`Model::get`] give it as an error instead.

mod builders;
mod containers;
mod controls;
mod events;
mod interact;
mod kinds;
mod link;
mod model;
mod output;
mod progress;
#[cfg(test)]
mod registry_tests;
mod selection;
mod state;
#[cfg(test)]
mod tests;

pub use builders::*;
pub use containers::Children;
pub use controls::UploadedFile;
pub use events::{Callback, Change, Message};
pub use interact::{HasValue, Inputs, Interaction, interact};
pub use link::{KernelLink, dlink, jsdlink, jslink, link};
pub use model::{Model, Widget};
pub use progress::{Progress, progress};
pub use selection::SelectOption;
