//! `beacon_score`: how much the connections of a pair of hosts look like a program that reports home.
//!
//! Collects moments and sizes of one group, `groups` those of many; the arithmetic is in `score`. The scores follow the description of RITA.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type, TimeUnit};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::aggregate::AggregateFunction;
use super::arguments::{Kind, optional, required};
use super::text::{FunctionText, example};

mod groups;
mod score;

use groups::BeaconGroups;
use score::{Connections, Scores};

/// So many connections are a strobe, not a beacon: one each second of a day.
const CONNECTIONS_MAX: usize = 86_400;

pub(super) static BEACON_SCORE: AggregateFunction = AggregateFunction {
    text: FunctionText {
        name: "beacon_score",
        syntax: "beacon_score(start_time, bytes [, window_start, window_end])",
        description: "How regular the connections of a group are, from 0 to 1, for GROUP BY src_ip, dst_ip. Gives \
                      ts_score (regular gaps), ds_score (equal sizes), hist_score (even over the window's 24 parts), \
                      dur_score (covers the window) and score, the mean of the four: from 0.7 it is worth a look, \
                      from 0.9 it is hardly a person. The window is that of the group unless given. NULL with fewer \
                      than 4 different seconds, 3 gaps between them, or with 86400 connections and more, which are \
                      one each second.",
        examples: &[
            example(
                "round(beacon_score(t, 100)['score'], 3) FROM (SELECT to_timestamp(value * 60) AS t \
                 FROM range(0, 1440))",
                "1.0",
            ),
            example("beacon_score(t, 100)['score'] FROM (VALUES (TIMESTAMP '2024-02-05 12:00:00')) AS v(t)", "NULL"),
        ],
    },
    arguments: &[
        required("start_time", Kind::Timestamp),
        required("bytes", Kind::Number),
        optional("window_start", Kind::Timestamp),
        optional("window_end", Kind::Timestamp),
    ],
    returns: |_| DataType::Struct(fields()),
    state: |_| {
        let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
        vec![
            ("seconds", list(DataType::Int64)),
            ("bytes", list(DataType::Float64)),
            ("count", DataType::UInt64),
            ("window_start", DataType::Int64),
            ("window_end", DataType::Int64),
        ]
    },
    accumulator: |_| Box::new(Beacon::default()),
    groups: Some(|| Box::new(BeaconGroups::default())),
    simplify: None,
};

fn fields() -> Fields {
    let names = ["ts_score", "ds_score", "hist_score", "dur_score", "score"];
    names.into_iter().map(|name| Field::new(name, DataType::Float64, true)).collect()
}

#[derive(Debug, Default)]
struct Beacon {
    connections: Connections,
    /// Also of those no longer kept.
    count: u64,
}

impl Beacon {
    fn push(&mut self, second: i64, bytes: Option<f64>) {
        self.count += 1;
        if self.connections.seconds.len() < CONNECTIONS_MAX {
            self.connections.seconds.push(second);
            self.connections.bytes.extend(bytes);
        }
    }

    fn scores(&self) -> Option<Scores> {
        if self.count >= CONNECTIONS_MAX as u64 { None } else { self.connections.scores() }
    }

    fn set_window(&mut self, start: Option<i64>, end: Option<i64>) {
        self.connections.window_start = self.connections.window_start.or(start);
        self.connections.window_end = self.connections.window_end.or(end);
    }
}

impl Accumulator for Beacon {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        let [moments, bytes, window @ ..] = values else { return Ok(()) };
        let moments = seconds(moments)?;
        let bytes = cast(bytes, &DataType::Float64)?;
        let bytes = bytes.as_primitive::<Float64Type>();
        for (moment, bytes) in moments.iter().zip(bytes) {
            if let Some(moment) = moment {
                self.push(moment, bytes);
            }
        }
        let edge = |index: usize| window.get(index).map(seconds).transpose();
        let first = |edge: Option<Int64Array>| edge.and_then(|edge| edge.iter().flatten().next());
        self.set_window(first(edge(0)?), first(edge(1)?));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let [seconds, bytes, counts, starts, ends] = states else { return Ok(()) };
        let (seconds, bytes) = (seconds.as_list::<i32>(), bytes.as_list::<i32>());
        for row in 0..counts.len() {
            let room = CONNECTIONS_MAX - self.connections.seconds.len().min(CONNECTIONS_MAX);
            self.connections.seconds.extend(items::<Int64Type>(seconds, row).into_iter().take(room));
            self.connections.bytes.extend(items::<Float64Type>(bytes, row).into_iter().take(room));
            let number = |states: &ArrayRef| {
                let states = states.as_primitive::<Int64Type>();
                states.is_valid(row).then(|| states.value(row))
            };
            self.count += counts.as_primitive::<arrow::datatypes::UInt64Type>().value(row);
            self.set_window(number(starts), number(ends));
        }
        Ok(())
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        let list = |values: ArrayRef| SingleRowListArrayBuilder::new(values).build_list_scalar();
        let seconds = std::mem::take(&mut self.connections.seconds);
        let bytes = std::mem::take(&mut self.connections.bytes);
        Ok(vec![
            list(Arc::new(Int64Array::from(seconds))),
            list(Arc::new(Float64Array::from(bytes))),
            ScalarValue::UInt64(Some(self.count)),
            ScalarValue::Int64(self.connections.window_start),
            ScalarValue::Int64(self.connections.window_end),
        ])
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let Some(scores) = self.scores() else { return ScalarValue::try_new_null(&DataType::Struct(fields())) };
        let values = [scores.ts, scores.ds, scores.hist, scores.dur, scores.total()];
        let columns = values.into_iter().map(|value| Arc::new(Float64Array::from(vec![value])) as ArrayRef).collect();
        Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), columns, None)?)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + 8 * (self.connections.seconds.capacity() + self.connections.bytes.capacity())
    }
}

/// Whole seconds since 1970: what is nearer than a second is one connection for the score of the gaps.
fn seconds(moments: &ArrayRef) -> DataFusionResult<Int64Array> {
    let moments = cast(moments, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
    let moments = moments.as_primitive::<arrow::datatypes::TimestampNanosecondType>();
    Ok(moments.iter().map(|moment| moment.map(|moment| moment.div_euclid(1_000_000_000))).collect())
}

fn items<T: arrow::datatypes::ArrowPrimitiveType>(lists: &ListArray, row: usize) -> Vec<T::Native> {
    if lists.is_null(row) {
        return Vec::new();
    }
    lists.value(row).as_primitive::<T>().iter().flatten().collect()
}
