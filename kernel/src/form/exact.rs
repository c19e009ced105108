//! Moments that fields were given, exact: their pickers show a clock on the wall, which shows one hour twice when clocks go back.
//!
//! A moment counts as long as the picker shows what it showed of it. What a clock shows is [`super::moment`]'s business.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use flow_engine::Parameter;
use flowdeck::chrono::{DateTime, Utc};
use serde_json::Value;
use widgets_comm::moments::Datetime;

use super::{
    Forms,
    definition::{Field, Kind},
    given, unfit,
    value::{self, Entered},
    view,
};
use crate::report::Report;

/// The moments, by the name of the field.
#[derive(Default)]
pub(super) struct ExactMoments(Mutex<BTreeMap<String, (Datetime, DateTime<Utc>)>>);

impl ExactMoments {
    /// Remembers what a field was given. Gives what its picker shows of it.
    pub(super) fn remember(&self, field: &str, moment: DateTime<Utc>) -> Value {
        let picker = view::datetime_json(moment);
        if let Some(shown) = Datetime::from_json(&picker) {
            self.all().insert(field.to_owned(), (shown, moment));
        }
        picker
    }

    /// The moment that a field was given; `None` once its picker shows another.
    pub(super) fn of(&self, field: &str, picker: &Value) -> Option<DateTime<Utc>> {
        let shown = Datetime::from_json(picker)?;
        self.all().get(field).filter(|(given, _)| *given == shown).map(|(_, moment)| *moment)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, (Datetime, DateTime<Utc>)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Forms {
    /// What a field's widget holds once a value is given.
    ///
    /// # Errors
    /// A report when it does not fit.
    pub(super) fn taken(&self, field: &Field, given: &Value) -> Result<Value, Report> {
        let value = given::entered(field, given).map_err(|fact| unfit(&field.name, &fact))?;
        Ok(match given::moment(field, given) {
            Some(moment) => self.exact.remember(&field.name, moment),
            None => value,
        })
    }

    /// Reads a field. `get` gives an attribute of its widget.
    ///
    /// # Errors
    /// What is wrong with it, for the person who filled it in.
    pub(super) fn read(&self, field: &Field, get: &dyn Fn(&str) -> Value) -> Result<Entered, String> {
        let exact = || self.exact.of(&field.name, &get("value")).filter(|_| field.kind == Kind::Datetime);
        match exact() {
            Some(moment) => Ok(Entered::of(Parameter::Timestamp(Some(moment)))),
            None => value::read(field, get),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_moment_counts_until_another_is_picked() {
        // A fraction of a second is lost in a picker as well, in every zone.
        let moment: DateTime<Utc> = "2024-10-27T01:00:00.25Z".parse().unwrap();
        let moments = ExactMoments::default();
        let mut picker = moments.remember("start", moment);
        assert_eq!(moments.of("start", &picker), Some(moment));
        assert_eq!(moments.of("end", &picker), None);
        picker["seconds"] = json!(1);
        assert_eq!(moments.of("start", &picker), None);
        assert_eq!(moments.of("start", &Value::Null), None, "a picker that was emptied");
    }
}
