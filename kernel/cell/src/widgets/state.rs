//! Values of attributes on their way to the kernel and back: JSON, with binary parts beside it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use serde_json::{Map, Value, json};
use widgets_comm::moments::{Date, Datetime, Time};

use crate::bridge;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Json(Value),
    /// Never in the JSON.
    Bytes(Vec<u8>),
}

/// Attributes by name.
pub(crate) type State = Vec<(String, Content)>;

/// Writes state into a frame; gives the payload.
pub(crate) fn pack(frame: &mut Map<String, Value>, state: State) -> Vec<u8> {
    let (mut values, mut paths, mut lengths, mut payload) = (Map::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, content) in state {
        match content {
            Content::Json(value) => drop(values.insert(name, value)),
            Content::Bytes(bytes) => {
                paths.push(json!([name]));
                lengths.push(bytes.len());
                payload.extend(bytes);
            }
        }
    }
    frame.insert("state".to_owned(), Value::Object(values));
    frame.insert("buffer_paths".to_owned(), Value::Array(paths));
    frame.insert(bridge::BUFFER_LENGTHS.to_owned(), json!(lengths));
    payload
}

/// Cuts a payload into the buffers that a frame tells of. What is not there is left out.
pub(crate) fn buffers(frame: &Map<String, Value>, payload: &[u8]) -> Vec<Vec<u8>> {
    let lengths = frame.get(bridge::BUFFER_LENGTHS).and_then(Value::as_array);
    let mut rest = payload;
    let mut take = |length: &Value| {
        let (buffer, behind) = rest.split_at_checked(usize::try_from(length.as_u64()?).ok()?)?;
        rest = behind;
        Some(buffer.to_vec())
    };
    lengths.into_iter().flatten().map_while(&mut take).collect()
}

/// A value that came from the kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) value: Value,
    /// Binary parts and their places inside the value; no place for a value that is binary as a whole.
    parts: Vec<(Vec<Value>, Vec<u8>)>,
}

impl Received {
    /// The value of the attribute `name`. `dictionary` tells the paths of the buffers; they begin with the name.
    pub(crate) fn new(name: &str, value: Value, dictionary: &Map<String, Value>, buffers: &[Vec<u8>]) -> Received {
        let paths = dictionary.get("buffer_paths").and_then(Value::as_array).into_iter().flatten();
        let parts = paths.zip(buffers).filter_map(|(path, buffer)| match path.as_array()?.split_first()? {
            (first, inside) if first == name => Some((inside.to_vec(), buffer.clone())),
            _ => None,
        });
        Received { value, parts: parts.collect() }
    }

    /// The binary part at a place.
    pub(crate) fn part(&self, place: &[Value]) -> Option<&[u8]> {
        self.parts.iter().find(|(path, _)| path == place).map(|(_, bytes)| bytes.as_slice())
    }
}

/// A Rust type that is read from an attribute.
pub(crate) trait FromState: Sized {
    /// Reads the value; `None` when it is of another type.
    fn from_state(received: &Received) -> Option<Self>;
}

/// A Rust type that an attribute is set to.
pub(crate) trait IntoState {
    /// The value as it is sent.
    fn into_state(self) -> Content;
}

impl<T: FromState> FromState for Option<T> {
    fn from_state(received: &Received) -> Option<Self> {
        match received.value.is_null() && received.parts.is_empty() {
            true => Some(None),
            false => T::from_state(received).map(Some),
        }
    }
}

impl<T: IntoState> IntoState for Option<T> {
    fn into_state(self) -> Content {
        self.map_or(Content::Json(Value::Null), T::into_state)
    }
}

impl<T: FromState> FromState for Vec<T> {
    fn from_state(received: &Received) -> Option<Self> {
        let item = |value: &Value| T::from_state(&Received { value: value.clone(), parts: Vec::new() });
        received.value.as_array()?.iter().map(item).collect()
    }
}

impl<T: FromState> FromState for (T, T) {
    fn from_state(received: &Received) -> Option<Self> {
        let [lower, upper] = <[T; 2]>::try_from(Vec::<T>::from_state(received)?).ok()?;
        Some((lower, upper))
    }
}

impl FromState for Vec<u8> {
    fn from_state(received: &Received) -> Option<Self> {
        match received.part(&[]) {
            Some(bytes) => Some(bytes.to_vec()),
            // No bytes may come as nothing at all.
            None => received.value.is_null().then(Vec::new),
        }
    }
}

impl FromState for i64 {
    fn from_state(received: &Received) -> Option<Self> {
        // JavaScript has one kind of number.
        let whole = || received.value.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15);
        received.value.as_i64().or_else(|| whole().map(|value| value as i64))
    }
}

impl FromState for f64 {
    fn from_state(received: &Received) -> Option<Self> {
        received.value.as_f64()
    }
}

impl FromState for bool {
    fn from_state(received: &Received) -> Option<Self> {
        received.value.as_bool()
    }
}

impl FromState for String {
    fn from_state(received: &Received) -> Option<Self> {
        received.value.as_str().map(str::to_owned)
    }
}

impl FromState for usize {
    fn from_state(received: &Received) -> Option<Self> {
        usize::try_from(i64::from_state(received)?).ok()
    }
}

impl FromState for NaiveDate {
    fn from_state(received: &Received) -> Option<Self> {
        date(Date::from_json(&received.value)?)
    }
}

impl FromState for NaiveTime {
    fn from_state(received: &Received) -> Option<Self> {
        time(Time::from_json(&received.value)?)
    }
}

impl FromState for NaiveDateTime {
    fn from_state(received: &Received) -> Option<Self> {
        let Datetime { date: day, time: of_day } = Datetime::from_json(&received.value)?;
        Some(date(day)?.and_time(time(of_day)?))
    }
}

impl FromState for DateTime<Utc> {
    fn from_state(received: &Received) -> Option<Self> {
        // Aware pickers speak UTC on the wire.
        NaiveDateTime::from_state(received).map(|moment| moment.and_utc())
    }
}

fn date(wire: Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(wire.year, wire.month.into(), wire.day.into())
}

fn time(wire: Time) -> Option<NaiveTime> {
    NaiveTime::from_hms_micro_opt(wire.hours.into(), wire.minutes.into(), wire.seconds.into(), wire.microseconds)
}

// The conversions below cannot cut anything off: chrono's months, days, hours, minutes and seconds are small.

fn wire_date(date: &impl Datelike) -> Date {
    Date { year: date.year(), month: date.month() as u8, day: date.day() as u8 }
}

fn wire_time(time: &impl Timelike) -> Time {
    // A leap second is chrono's second 59 with more than a second of nanoseconds; no picker knows it.
    let microseconds = (time.nanosecond() / 1000).min(999_999);
    Time { hours: time.hour() as u8, minutes: time.minute() as u8, seconds: time.second() as u8, microseconds }
}

macro_rules! as_json {
    ($($type:ty: $value:ident => $json:expr;)*) => {$(
        impl IntoState for $type {
            fn into_state(self) -> Content {
                let $value = self;
                Content::Json($json)
            }
        }
    )*};
}

as_json! {
    i64: value => value.into();
    f64: value => value.into();
    bool: value => value.into();
    &str: value => value.into();
    Value: value => value;
    Vec<Value>: value => value.into();
    (i64, i64): value => json!([value.0, value.1]);
    (f64, f64): value => json!([value.0, value.1]);
    NaiveDate: value => wire_date(&value).to_json();
    NaiveTime: value => wire_time(&value).to_json();
    NaiveDateTime: value => Datetime { date: wire_date(&value), time: wire_time(&value) }.to_json();
    DateTime<Utc>: value => Datetime { date: wire_date(&value), time: wire_time(&value) }.to_json();
}

impl IntoState for Vec<u8> {
    fn into_state(self) -> Content {
        Content::Bytes(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn received(value: Value) -> Received {
        Received { value, parts: Vec::new() }
    }

    #[test]
    fn binary_values_travel_beside_the_json_and_come_back() {
        let mut frame = Map::new();
        let state = vec![
            ("format".to_owned(), "png".into_state()),
            ("value".to_owned(), vec![1u8, 2, 3].into_state()),
            ("other".to_owned(), Vec::<u8>::new().into_state()),
        ];
        let payload = pack(&mut frame, state);
        let expected = json!({
            "state": {"format": "png"}, "buffer_paths": [["value"], ["other"]], "buffer_lengths": [3, 0],
        });
        assert_eq!((Value::Object(frame.clone()), payload.as_slice()), (expected, [1, 2, 3].as_slice()));
        let cut = buffers(&frame, &payload);
        assert_eq!(cut, [vec![1, 2, 3], vec![]]);
        let value = Received::new("value", Value::Null, &frame, &cut);
        assert_eq!(Vec::<u8>::from_state(&value).unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_payload_shorter_than_told_gives_what_is_there() {
        let frame = json!({"buffer_lengths": [2, 5]}).as_object().unwrap().clone();
        assert_eq!(buffers(&frame, &[1, 2, 3]), [vec![1, 2]]);
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(i64::from_state(&received(json!(5.0))), Some(5));
        assert_eq!(i64::from_state(&received(json!(5.5))), None);
        assert_eq!(i64::from_state(&received(json!(1e300))), None);
        assert_eq!(usize::from_state(&received(json!(-1))), None);
        assert_eq!(<(f64, f64)>::from_state(&received(json!([1, 2.5]))), Some((1.0, 2.5)));
        assert_eq!(<(i64, i64)>::from_state(&received(json!([1, 2, 3]))), None);
    }

    #[test]
    fn moments_are_as_pickers_send_them_and_a_cleared_one_is_none() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        let Content::Json(wire) = date.into_state() else { panic!("a date is JSON") };
        assert_eq!(wire, json!({"year": 2026, "month": 0, "date": 31}));
        assert_eq!(NaiveDate::from_state(&received(wire)), Some(date));
        let moment = date.and_hms_micro_opt(23, 59, 58, 1250).unwrap().and_utc();
        let Content::Json(wire) = moment.into_state() else { panic!("a moment is JSON") };
        assert_eq!(wire["milliseconds"], json!(1.25));
        assert_eq!(Option::<DateTime<Utc>>::from_state(&received(wire)), Some(Some(moment)));
        assert_eq!(Option::<NaiveTime>::from_state(&received(Value::Null)), Some(None));
        let impossible = json!({"year": 2026, "month": 1, "date": 30});
        assert_eq!(Option::<NaiveDate>::from_state(&received(impossible)), None);
    }
}
