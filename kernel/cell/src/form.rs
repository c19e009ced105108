//! Fields of `%%form` cells as Rust cells read them: `form.limit.value()`.
//!
//! The kernel defines the variable `form` for a cell that mentions it. What is entered lives in the kernel, so a field
//! is only its name and the type of its values.

use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{
    bridge, host,
    host::Error,
    widgets::{UploadedFile, controls},
};

/// A field of a form.
pub struct Field<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Field<T> {
        Field::named(self.name)
    }
}

impl<T> std::fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "${}", self.name)
    }
}

impl<T> Field<T> {
    /// The field that is the parameter `$name` in SQL. The kernel writes this.
    pub const fn named(name: &'static str) -> Field<T> {
        Field { name, value: PhantomData }
    }
}

impl<T: FromField> Field<T> {
    /// What is entered now.
    ///
    /// # Panics
    /// With what is wrong, when it cannot be used.
    #[track_caller]
    pub fn value(&self) -> T {
        match self.try_value() {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// What is entered now.
    ///
    /// # Errors
    /// What is wrong with it, as it is said beside the field; or that the form is gone.
    pub fn try_value(&self) -> Result<T, Error> {
        let reply = host::request(&json!({"type": bridge::FORM_VALUE, "name": self.name}))?;
        let value = reply.json.get("value").cloned().unwrap_or_default();
        T::from_field(&value)
            .ok_or_else(|| Error::new(format!("the field `{}` is of another type now: run this cell again", self.name)))
    }
}

/// A type of values of fields.
pub trait FromField: Sized {
    /// Reads the kernel's answer; `None` when it is of another type.
    fn from_field(value: &Value) -> Option<Self>;
}

impl FromField for String {
    fn from_field(value: &Value) -> Option<String> {
        if value.is_null() { Some(String::new()) } else { value.as_str().map(str::to_owned) }
    }
}

macro_rules! from_json {
    ($($kind:ty: $read:ident),*) => {
        $(impl FromField for $kind {
            fn from_field(value: &Value) -> Option<$kind> {
                value.$read()
            }
        })*
    };
}

from_json!(i64: as_i64, f64: as_f64, bool: as_bool);

macro_rules! from_text {
    ($($kind:ty),*) => {
        $(impl FromField for Option<$kind> {
            fn from_field(value: &Value) -> Option<Option<$kind>> {
                if value.is_null() { Some(None) } else { value.as_str()?.parse().ok().map(Some) }
            }
        })*
    };
}

// An empty picker is no value.
from_text!(String, NaiveDate, NaiveTime, DateTime<Utc>);

impl FromField for Option<TimeDelta> {
    fn from_field(value: &Value) -> Option<Option<TimeDelta>> {
        if value.is_null() { Some(None) } else { TimeDelta::try_milliseconds(value.as_i64()?).map(Some) }
    }
}

/// The file that was chosen last, if one was.
impl FromField for Option<UploadedFile> {
    fn from_field(value: &Value) -> Option<Option<UploadedFile>> {
        // The kernel names the widget: what was uploaded is not JSON.
        Some(controls::uploaded(value.get("widget")?.as_str()?).ok()?.pop())
    }
}

impl FromField for Vec<String> {
    fn from_field(value: &Value) -> Option<Vec<String>> {
        value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_host::FakeHost;

    #[test]
    fn values_are_typed_and_an_empty_picker_is_none() {
        let _host = FakeHost::answering(|question| {
            let value = match question["name"].as_str() {
                Some("src") => json!("10.0.0.1"),
                Some("limit") => json!(40_000),
                Some("start") => json!("2026-11-25T10:36:00Z"),
                Some("window") => json!(300_000),
                Some("channels") => json!(["A", "B"]),
                _ => Value::Null,
            };
            json!({"value": value})
        });
        assert_eq!(Field::<String>::named("src").value(), "10.0.0.1");
        assert_eq!(Field::<i64>::named("limit").value(), 40_000);
        assert_eq!(
            Field::<Option<DateTime<Utc>>>::named("start").value().map(|start| start.timestamp()),
            Some(1_795_602_960)
        );
        assert_eq!(Field::<Option<NaiveDate>>::named("day").value(), None);
        assert_eq!(Field::<Option<TimeDelta>>::named("window").value(), Some(TimeDelta::minutes(5)));
        assert_eq!(Field::<Vec<String>>::named("channels").value(), ["A", "B"]);
        assert!(Field::<i64>::named("src").try_value().is_err(), "a text is no number");
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_the_error() {
        let _host = FakeHost::answering(|_| json!({"error": "Src IP: `x` is no address"}));
        let error = Field::<String>::named("src").try_value().expect_err("the kernel refused it");
        assert_eq!(error.to_string(), "Src IP: `x` is no address");
    }
}
