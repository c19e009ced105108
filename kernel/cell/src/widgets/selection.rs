//! Widgets that choose among options: each option is a label that is shown and a value that it stands for.
//!
//! Labels and the chosen index are the widget's state; the values stay here, shared by all handles of a widget.

use std::{
    borrow::Borrow,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use super::state::{Content, IntoState, State};

/// What an option of a selection widget is made of: a text or number that stands for itself, or a pair of label and
/// value.
pub trait SelectOption {
    /// What the option stands for.
    type Value;

    /// The label and the value.
    fn into_option(self) -> (String, Self::Value);
}

impl<L: Into<String>, V> SelectOption for (L, V) {
    type Value = V;

    fn into_option(self) -> (String, V) {
        (self.0.into(), self.1)
    }
}

impl SelectOption for &str {
    type Value = String;

    fn into_option(self) -> (String, String) {
        (self.to_owned(), self.to_owned())
    }
}

impl SelectOption for &String {
    type Value = String;

    fn into_option(self) -> (String, String) {
        self.as_str().into_option()
    }
}

macro_rules! stand_for_themselves {
    ($($type:ty)*) => {$(
        impl SelectOption for $type {
            type Value = $type;

            fn into_option(self) -> (String, $type) {
                (self.to_string(), self)
            }
        }
    )*};
}
stand_for_themselves!(String i8 i16 i32 i64 u8 u16 u32 u64 usize f32 f64 bool char);

/// Labels and values of a widget.
pub(crate) struct Options<T>(Arc<Mutex<LabelledValues<T>>>);

/// Replaced as a whole, so whoever reads them needs no lock meanwhile.
type LabelledValues<T> = Arc<[(String, T)]>;

impl<T> Clone for Options<T> {
    fn clone(&self) -> Options<T> {
        Options(self.0.clone())
    }
}

impl<T> Options<T> {
    pub(crate) fn new<O: SelectOption<Value = T>>(options: impl IntoIterator<Item = O>) -> Options<T> {
        Options(Arc::new(Mutex::new(options.into_iter().map(O::into_option).collect())))
    }

    pub(crate) fn replace(&self, options: Options<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = options.all();
    }

    pub(crate) fn all(&self) -> LabelledValues<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn value(&self, index: usize) -> Option<T>
    where
        T: Clone,
    {
        self.all().get(index).map(|(_, value)| value.clone())
    }

    /// The index of the first option, if there is one.
    pub(crate) fn first(&self) -> Content {
        single_index((!self.all().is_empty()).then_some(0))
    }

    /// The state of a widget that was just given these options.
    pub(crate) fn state(&self, index: Content) -> State {
        let labels: Vec<Value> = self.all().iter().map(|(label, _)| label.as_str().into()).collect();
        vec![("_options_labels".to_owned(), labels.into_state()), ("index".to_owned(), index)]
    }
}

/// The `index` of a widget that chooses one option.
pub(crate) fn single_index(index: Option<usize>) -> Content {
    Content::Json(index.map_or(Value::Null, Value::from))
}

/// The `index` of a widget that chooses several options.
pub(crate) fn indices(index: impl IntoIterator<Item = usize>) -> Content {
    Content::Json(index.into_iter().map(Value::from).collect())
}

/// The value of the option with this index, and so on, for each way to choose. Used by `selection!`.
pub(crate) fn one<T: Clone>(options: &Options<T>, index: Option<usize>) -> Option<T> {
    options.value(index?)
}

/// As [`one`], for any number of options.
pub(crate) fn many<T: Clone>(options: &Options<T>, index: Vec<usize>) -> Vec<T> {
    index.into_iter().filter_map(|index| options.value(index)).collect()
}

/// As [`one`], for the first and the last of a range.
pub(crate) fn range<T: Clone>(options: &Options<T>, index: (usize, usize)) -> Option<(T, T)> {
    Some((options.value(index.0)?, options.value(index.1)?))
}

/// The index of a value among the options.
///
/// # Panics
/// When it is not among them: showing another one would be worse.
#[track_caller]
pub(crate) fn position<T, Q>(options: &Options<T>, wanted: &Q) -> usize
where
    T: Borrow<Q>,
    Q: PartialEq + ?Sized,
{
    let all = options.all();
    all.iter().position(|(_, value)| value.borrow() == wanted).unwrap_or_else(|| {
        let labels: Vec<&str> = all.iter().map(|(label, _)| label.as_str()).collect();
        panic!("no option stands for this value\nhint: the options are {}", labels.join(", "))
    })
}

/// The type of a widget with options: struct, options, and what all of them can do.
macro_rules! selection {
    ($class:ident $model:literal $(#[$doc:meta])*) => {
        $(#[$doc])*
        ///
        /// Generic over what the options stand for: `T` of `[("ten", 10), ("hundred", 100)]` is `i32`, that of
        /// `["a", "b"]` is `String`.
        pub struct $class<T> {
            model: Model,
            options: Options<T>,
        }

        impl<T> Clone for $class<T> {
            fn clone(&self) -> $class<T> {
                $class { model: self.model.clone(), options: self.options.clone() }
            }
        }

        impl<T> $class<T> {
            /// A fresh one: labels with values, or texts or numbers that stand for themselves.
            pub fn new<O: SelectOption<Value = T>>(options: impl IntoIterator<Item = O>) -> $class<T> {
                let widget = $class { model: Model::new($model), options: Options::new(options) };
                widget.model.put_all(widget.options.state(chosen_first!($class widget)));
                widget
            }

            /// Replaces the options, and chooses as in a fresh one.
            pub fn set_options<O: SelectOption<Value = T>>(
                &self,
                options: impl IntoIterator<Item = O>,
            ) -> $class<T> {
                self.options.replace(Options::new(options));
                self.model.put_all(self.options.state(chosen_first!($class self)));
                self.clone()
            }

            /// The labels that are shown, in order.
            pub fn labels(&self) -> Vec<String> {
                self.options.all().iter().map(|(label, _)| label.clone()).collect()
            }

            /// The same one; closures that are registered through it run at once, beside others and inside cells.
            pub fn concurrent(&self) -> $class<T> {
                $class { model: self.model.made_concurrent(), options: self.options.clone() }
            }
        }

        choice! { $class }
        common! { $class [T] }
    };
}

/// What a fresh widget has chosen, as in ipywidgets: the first option, except where any number may be chosen.
macro_rules! chosen_first {
    (SelectMultiple $widget:ident) => {
        Vec::<Value>::new().into_state()
    };
    (SelectionRangeSlider $widget:ident) => {
        (0, 0).into_state()
    };
    ($class:ident $widget:ident) => {
        $widget.options.first()
    };
}

/// How index and value belong together.
macro_rules! choice {
    (SelectMultiple) => {
        choices! { SelectMultiple many [T] (Vec<T>) (Vec<usize>) }

        impl<T> SelectMultiple<T> {
            /// Chooses the options with these indices.
            pub fn set_index(&self, index: impl IntoIterator<Item = usize>) -> SelectMultiple<T> {
                self.model.put("index", indices(index));
                self.clone()
            }

            /// Chooses the options that stand for these values.
            ///
            /// # Panics
            /// When an option for one of them is missing.
            #[track_caller]
            pub fn set_value<'a, Q>(&self, values: impl IntoIterator<Item = &'a Q>) -> SelectMultiple<T>
            where
                T: Borrow<Q>,
                Q: PartialEq + ?Sized + 'a,
            {
                let mut chosen = Vec::new();
                for value in values {
                    chosen.push(position(&self.options, value));
                }
                self.set_index(chosen)
            }
        }
    };
    (SelectionRangeSlider) => {
        choices! { SelectionRangeSlider range [T] (Option<(T, T)>) ((usize, usize)) }

        impl<T> SelectionRangeSlider<T> {
            /// Chooses from the option with the first index to that with the second.
            pub fn set_index(&self, index: (usize, usize)) -> SelectionRangeSlider<T> {
                self.model.put("index", indices([index.0, index.1]));
                self.clone()
            }

            /// Chooses from the option that stands for the first value to that for the second.
            ///
            /// # Panics
            /// When an option for one of them is missing.
            #[track_caller]
            pub fn set_value<Q>(&self, lower: &Q, upper: &Q) -> SelectionRangeSlider<T>
            where
                T: Borrow<Q>,
                Q: PartialEq + ?Sized,
            {
                self.set_index((position(&self.options, lower), position(&self.options, upper)))
            }
        }
    };
    (SelectionSlider) => {
        choices! { SelectionSlider one [T] (Option<T>) (Option<usize>) }
        single! { SelectionSlider (usize) }
    };
    ($class:ident) => {
        choices! { $class one [T] (Option<T>) (Option<usize>) }
        single! { $class (impl Into<Option<usize>>) }
    };
}

/// Setters where one option is chosen.
macro_rules! single {
    ($class:ident ($index:ty)) => {
        impl<T> $class<T> {
            /// Chooses the option with this index.
            pub fn set_index(&self, index: $index) -> $class<T> {
                self.model.put("index", single_index(index.into()));
                self.clone()
            }

            /// Chooses the option that stands for this value.
            ///
            /// # Panics
            /// When there is none.
            #[track_caller]
            pub fn set_value<Q>(&self, value: &Q) -> $class<T>
            where
                T: Borrow<Q>,
                Q: PartialEq + ?Sized,
            {
                self.set_index(position(&self.options, value))
            }
        }
    };
}

/// Getters and `on_change`, for each way to choose.
macro_rules! choices {
    ($class:ident $chosen:ident [$value:ident] ($chosen_type:ty) ($index:ty)) => {
        impl<$value> $class<$value> {
            /// Asks the kernel which index is chosen.
            ///
            /// # Panics
            /// When the kernel refuses the widget, with what it says.
            #[track_caller]
            pub fn index(&self) -> $index {
                self.model.read("index")
            }

            /// What is chosen: asks the kernel for the index.
            ///
            /// # Panics
            /// When the kernel refuses the widget, with what it says.
            #[track_caller]
            pub fn value(&self) -> $chosen_type
            where
                $value: Clone,
            {
                $chosen(&self.options, self.index())
            }

            /// Calls a closure with what is chosen whenever that changed, whoever changed it.
            ///
            /// # Panics
            /// When the kernel refuses the widget, with what it says.
            #[track_caller]
            pub fn on_change(&self, mut closure: impl FnMut($chosen_type) + Send + 'static) -> Callback
            where
                $value: Clone + Send + Sync + 'static,
            {
                let options = self.options.clone();
                let listener = move |event| {
                    if let Event::Change(change) = event {
                        closure($chosen(&options, told(typed("index", &change.received))));
                    }
                };
                self.model.on_change_of("index", Box::new(listener))
            }
        }

        impl<$value: Clone + Send + Sync + 'static> HasValue for $class<$value> {
            type Value = $chosen_type;

            const ATTRIBUTE: &'static str = "index";

            fn current(&self) -> $chosen_type {
                self.value()
            }
        }
    };
}

pub(crate) use {choice, choices, chosen_first, selection, single};
