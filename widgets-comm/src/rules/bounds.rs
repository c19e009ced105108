//! Values between `min` and `max`: sliders, bounded numbers, progress bars, Play, and the date and time pickers.
//!
//! A value outside is moved to the nearest bound; bounds that contradict each other are refused. Null bounds nothing.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::{Draft, RuleFault};

#[derive(Debug)]
pub(crate) struct Bounds {
    value: usize,
    min: usize,
    max: usize,
    shape: Shape,
}

/// What lies between the bounds.
#[derive(Debug)]
enum Shape {
    One,
    /// A lower and an upper value.
    Pair,
    /// One value; the bounds are exponents of the base.
    Power {
        base: usize,
    },
}

/// The fields of a date or time, the most significant first.
const MOMENT_FIELDS: [&str; 7] = ["year", "month", "date", "hours", "minutes", "seconds", "milliseconds"];

impl Bounds {
    pub(crate) fn of(class: &str, position: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let shape = match (class, position("base")) {
            ("IntRangeSlider" | "FloatRangeSlider", _) => Shape::Pair,
            (_, Some(base)) => Shape::Power { base },
            _ => Shape::One,
        };
        Some(Bounds { value: position("value")?, min: position("min")?, max: position("max")?, shape })
    }

    pub(crate) fn concerns(&self, position: usize) -> bool {
        let is_base = matches!(self.shape, Shape::Power { base } if base == position);
        is_base || [self.value, self.min, self.max].contains(&position)
    }

    pub(crate) fn settle(&self, draft: &mut Draft) -> Result<(), RuleFault> {
        let (min, max) = (draft.get(self.min).json(), draft.get(self.max).json());
        if compare(min, max) == Some(Ordering::Greater) {
            return Err(RuleFault::MinAboveMax { min: min.to_string(), max: max.to_string() });
        }
        let value = draft.get(self.value).json();
        let settled = match self.shape {
            Shape::One => clamped(value, min, max),
            Shape::Power { base } => {
                let base = draft.get(base).json();
                clamped(value, &power(base, min), &power(base, max))
            }
            Shape::Pair if draft.is_opening && !draft.is_staged(self.value) => Some(middle_half(min, max)),
            Shape::Pair => settled_pair(value, min, max)?,
        };
        if let Some(settled) = settled {
            draft.set(self.value, settled.into());
        }
        Ok(())
    }
}

/// The bound nearest to a value that is outside.
fn clamped(value: &Value, min: &Value, max: &Value) -> Option<Value> {
    if compare(value, min) == Some(Ordering::Less) {
        Some(min.clone())
    } else if compare(value, max) == Some(Ordering::Greater) {
        Some(max.clone())
    } else {
        None
    }
}

fn settled_pair(pair: &Value, min: &Value, max: &Value) -> Result<Option<Value>, RuleFault> {
    let (lower, upper) = (&pair[0], &pair[1]);
    if compare(lower, upper) == Some(Ordering::Greater) {
        return Err(RuleFault::LowerAboveUpper { lower: lower.to_string(), upper: upper.to_string() });
    }
    let settled = [lower, upper].map(|value| clamped(value, min, max));
    if settled.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [settled_lower, settled_upper] = settled;
    Ok(Some(json!([settled_lower.unwrap_or_else(|| lower.clone()), settled_upper.unwrap_or_else(|| upper.clone())])))
}

/// The range that a range slider has when none was given.
fn middle_half(min: &Value, max: &Value) -> Value {
    let (low, high) = (min.as_f64().unwrap_or_default(), max.as_f64().unwrap_or_default());
    let quarters = [0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high];
    if min.is_i64() { json!(quarters.map(|quarter| quarter as i64)) } else { json!(quarters) }
}

/// Null, which bounds nothing, where the power is no number.
fn power(base: &Value, exponent: &Value) -> Value {
    base.as_f64().zip(exponent.as_f64()).map(|(base, exponent)| base.powf(exponent)).into()
}

/// The order of two numbers or of two moments; `None` when one of them is null.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let fields = MOMENT_FIELDS.iter().filter(|field| left.contains_key(**field));
            let mut orders = fields.map(|field| compare(left.get(*field)?, right.get(*field)?));
            orders.find(|order| *order != Some(Ordering::Equal)).unwrap_or(Some(Ordering::Equal))
        }
        _ => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn a_value_outside_moves_to_the_nearest_bound() {
        check("IntSlider", json!({}), json!({"value": 150}), Ok(json!({"value": 100})));
        check("IntSlider", json!({}), json!({"value": -1}), Ok(json!({"value": 0})));
        check("BoundedFloatText", json!({"value": 7.5}), json!({"max": 2.5}), Ok(json!({"max": 2.5, "value": 2.5})));
        check("FloatProgress", json!({"max": 1.0}), json!({"value": 1.5}), Ok(json!({"value": 1.0})));
        check("Play", json!({"min": 10}), Value::Null, Ok(json!({"min": 10, "value": 10})));
    }

    #[test]
    fn a_bound_that_moves_takes_the_value_along() {
        check("IntSlider", json!({"value": 5}), json!({"min": 10}), Ok(json!({"min": 10, "value": 10})));
        check("IntSlider", json!({"value": 50}), json!({"max": 10}), Ok(json!({"max": 10, "value": 10})));
    }

    #[test]
    fn bounds_are_judged_together() {
        check("IntSlider", json!({}), json!({"min": 200}), Err("min is 200, above max, which is 100"));
        let moved = json!({"min": 200, "max": 300, "value": 200});
        check("IntSlider", json!({}), json!({"min": 200, "max": 300}), Ok(moved));
    }

    #[test]
    fn a_range_lies_between_the_bounds() {
        check("IntRangeSlider", json!({}), Value::Null, Ok(json!({"value": [25, 75]})));
        check("FloatRangeSlider", json!({"max": 10.0}), Value::Null, Ok(json!({"max": 10.0, "value": [2.5, 7.5]})));
        check("IntRangeSlider", json!({}), json!({"value": [-5, 120]}), Ok(json!({"value": [0, 100]})));
        check("IntRangeSlider", json!({}), json!({"min": 50}), Ok(json!({"min": 50, "value": [50, 75]})));
        let crossed = "the lower value 7 is above the upper value 3";
        check("IntRangeSlider", json!({}), json!({"value": [7, 3]}), Err(crossed));
    }

    #[test]
    fn the_bounds_of_a_log_slider_are_exponents() {
        check("FloatLogSlider", json!({}), json!({"value": 1e6}), Ok(json!({"value": 10_000.0})));
        let narrower = json!({"base": 2.0, "value": 16.0});
        check("FloatLogSlider", json!({"value": 100.0}), json!({"base": 2.0}), Ok(narrower));
        check("FloatLogSlider", json!({}), json!({"base": -2.0, "min": 0.5}), Ok(json!({"base": -2.0, "min": 0.5})));
    }

    #[test]
    fn moments_are_ordered_by_calendar_and_null_bounds_nothing() {
        let date = |year, month, day| json!({"year": year, "month": month, "date": day});
        let (early, middle, late) = (date(2024, 11, 31), date(2025, 0, 1), date(2025, 10, 2));
        check("DatePicker", json!({}), json!({"value": late}), Ok(json!({"value": late})));
        check("DatePicker", json!({"max": middle}), json!({"value": late}), Ok(json!({"value": middle})));
        check("DatePicker", json!({"min": middle}), json!({"value": early}), Ok(json!({"value": middle})));
        check("DatePicker", json!({"min": middle}), json!({"value": null}), Ok(json!({"value": null})));
        let time = |hours| json!({"hours": hours, "minutes": 0, "seconds": 0, "milliseconds": 0});
        check("TimePicker", json!({"max": time(8)}), json!({"value": time(9)}), Ok(json!({"value": time(8)})));
    }
}
