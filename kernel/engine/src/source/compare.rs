//! Two sources that saw the same traffic: how far their clocks are apart, what both have, what one repeats or misses.
//!
//! Flows are matched by Community ID, computed here from ends, ports and protocol, as sources may use another seed or
//! none. Of each ID the first flow counts: a source that cuts long flows has several. The offset is the median of the
//! differences and its spread their median distance from it, so that wrong pairs do not move it.

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::facts::{identifier, integer, moment};
use super::rows::{integers, texts, times};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::parameter::Parameter;
use crate::query::QueryOptions;
use crate::result::QueryResult;
use scratch::Scratch;

mod scratch;

/// What is cut into intervals to find those in which a source saw nothing.
const GAP_STEP_SECONDS: i64 = 60;
/// Gaps given, those with the most missed flows first.
pub const GAPS_MAX: usize = 20;
/// Pairs below which an offset is a guess.
pub const PAIRS_MIN: u64 = 10;
/// A pair within this of the offset agrees with it.
const AGREEMENT: TimeDelta = TimeDelta::seconds(1);
/// Without these columns a table holds no flows.
const NEEDED: &[&str] = &["start_time", "src_ip", "dst_ip", "src_port", "dst_port", "protocol"];

const CONNECTIONS: &str = "SELECT coalesce(community_id(src_ip, coalesce(src_port, icmp_type), dst_ip, \
    coalesce(dst_port, icmp_code), protocol), community_id) AS id, min(start_time) AS first, max(start_time) AS last, \
    count(*) AS flows";
const SAME_FLOW: &str = "src_ip, dst_ip, src_port, dst_port, protocol, icmp_type, icmp_code, start_time";

/// The flows that are compared: those that begin within. Without bounds all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparisonWindow {
    /// From then on.
    pub from: Option<DateTime<Utc>>,
    /// Until then, not included.
    pub to: Option<DateTime<Utc>>,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The first source.
    pub a: Seen,
    /// The second source.
    pub b: Seen,
    /// What both saw; `None` when that is nothing.
    pub matched: Option<Matched>,
    /// Hour by hour, by the first source's clock.
    pub hours: Vec<Hour>,
    /// Intervals in which one saw nothing and the other something; at most [`GAPS_MAX`].
    pub gaps: Vec<Gap>,
}

/// What one source saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its table.
    pub source: String,
    /// Flows.
    pub flows: u64,
    /// Different connections: ends, ports and protocol, in both directions one.
    pub connections: u64,
    /// Connections that the other saw too.
    pub shared_connections: u64,
    /// Flows of these.
    pub shared_flows: u64,
    /// Flows that cannot be matched, as an end, a port or the protocol is not known.
    pub without_id: u64,
    /// Flows beyond the first with the same ends, ports, protocol and start.
    pub repeated: u64,
    /// The earliest start.
    pub first: Option<DateTime<Utc>>,
    /// The latest start.
    pub last: Option<DateTime<Utc>>,
}

/// How the connections that both saw lie in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matched {
    /// Connections that both saw.
    pub pairs: u64,
    /// How far the second source's clock is ahead of the first's.
    pub offset: TimeDelta,
    /// Half of the pairs are no further from the offset than this.
    pub spread: TimeDelta,
    /// The share of pairs within a second of the offset, from 0 to 1.
    pub agreeing: f64,
}

/// An hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Its beginning.
    pub begin: DateTime<Utc>,
    /// Flows of the first source that begin in it.
    pub flows_a: u64,
    /// Flows of the second, by the first one's clock.
    pub flows_b: u64,
    /// Connections that both saw and that begin in it.
    pub pairs: u64,
    /// The offset of these.
    pub offset: Option<TimeDelta>,
}

/// An interval in which one source saw nothing, though the other did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The source that saw nothing.
    pub source: String,
    /// Its beginning, to the minute.
    pub begin: DateTime<Utc>,
    /// Its end, to the minute.
    pub end: DateTime<Utc>,
    /// Flows that the other saw.
    pub missed: u64,
}

impl Matched {
    /// Whether the clocks differ by more than chance and packets' different ways explain.
    pub fn clocks_differ(&self) -> bool {
        const NOTICED: TimeDelta = TimeDelta::milliseconds(50);
        self.pairs >= PAIRS_MIN && self.offset.abs() > NOTICED && self.offset.abs() > self.spread * 3
    }
}

impl Engine {
    /// Compares the flows of two tables.
    ///
    /// # Errors
    /// When a table does not exist or holds no flows, and those of reading it.
    pub async fn compare_sources(
        &self,
        a: &str,
        b: &str,
        window: ComparisonWindow,
        cancel: CancellationToken,
    ) -> Result<Comparison, EngineError> {
        for table in [a, b] {
            self.open_source(table, &cancel).await?;
            self.check_holds_flows(table)?;
        }
        let comparing = Comparing { engine: self, window, cancel };
        let (first, second) = (comparing.connections(a).await?, comparing.connections(b).await?);
        let matched = comparing.matched(&first, &second).await?;
        let offset = matched.map_or_else(TimeDelta::zero, |matched| matched.offset);
        let bins_a = comparing.bins(a, TimeDelta::zero()).await?;
        let bins_b = comparing.bins(b, offset).await?;
        Ok(Comparison {
            a: comparing.seen(a, &first, &second).await?,
            b: comparing.seen(b, &second, &first).await?,
            matched,
            hours: comparing.hours([&first, &second], [&bins_a, &bins_b]).await?,
            gaps: comparing.gaps([a, b], [&bins_a, &bins_b]).await?,
        })
    }

    fn check_holds_flows(&self, table: &str) -> Result<(), EngineError> {
        let columns = self.columns(table);
        if columns.is_empty() {
            return Err(EngineError::UnknownTable {
                wanted: crate::render::visible(table),
                known: self.table_names(),
                position: None,
            });
        }
        let missing = NEEDED.iter().find(|needed| columns.iter().all(|(name, _)| name != *needed));
        match missing {
            None => Ok(()),
            Some(missing) => Err(EngineError::Source {
                text: format!("`{}` holds no flows: it has no column `{missing}`", crate::render::visible(table)),
                hint: Some("Sources of flows can be compared; `schema = \"flows\"` asks for them".into()),
                log: format!("columns of {table}: {columns:?}"),
            }),
        }
    }
}

struct Comparing<'e> {
    engine: &'e Engine,
    window: ComparisonWindow,
    cancel: CancellationToken,
}

impl Comparing<'_> {
    async fn query(&self, sql: &str) -> Result<QueryResult, EngineError> {
        let time = |time| Parameter::Timestamp(time);
        let options = QueryOptions::default()
            .with_parameter("from", time(self.window.from))
            .with_parameter("to", time(self.window.to));
        self.engine.query(sql, options, self.cancel.clone()).await
    }

    async fn keep(&self, sql: &str) -> Result<Scratch, EngineError> {
        Scratch::of(self.engine, &self.query(sql).await?)
    }

    /// The table with the condition of the window, by a clock that is `offset` ahead.
    fn flows_of(&self, table: &str, offset: TimeDelta) -> String {
        let ahead = match offset.num_nanoseconds().unwrap_or_default() {
            0 => String::new(),
            nanos => format!(" + INTERVAL '{nanos} nanoseconds'"),
        };
        let bounds = [(self.window.from, ">= $from"), (self.window.to, "< $to")];
        let bounds: Vec<String> =
            bounds.into_iter().filter_map(|(bound, sql)| bound.map(|_| format!("start_time {sql}{ahead}"))).collect();
        let condition = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
        format!("{}{condition}", identifier(table))
    }

    async fn connections(&self, table: &str) -> Result<Scratch, EngineError> {
        self.keep(&format!("{CONNECTIONS} FROM {} GROUP BY id", self.flows_of(table, TimeDelta::zero()))).await
    }

    async fn matched(&self, a: &Scratch, b: &Scratch) -> Result<Option<Matched>, EngineError> {
        let pairs = pairs_of(a, b);
        let found = self.query(&format!("SELECT count(*), median(apart) FROM ({pairs})")).await?;
        let count = integers(&found, 0).first().copied().flatten().unwrap_or_default();
        let Some(offset) = integers(&found, 1).first().copied().flatten().filter(|_| count > 0) else {
            return Ok(None);
        };
        let agreement = AGREEMENT.num_nanoseconds().unwrap_or_default();
        let found = self
            .query(&format!(
                "SELECT median(abs(apart - ({offset}))), \
                 count(*) FILTER (WHERE abs(apart - ({offset})) <= {agreement}) FROM ({pairs})"
            ))
            .await?;
        let spread = integers(&found, 0).first().copied().flatten().unwrap_or_default();
        let agreeing = integers(&found, 1).first().copied().flatten().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let agreeing = agreeing as f64 / count as f64;
        let matched = Matched {
            pairs: u64::try_from(count).unwrap_or_default(),
            offset: TimeDelta::nanoseconds(offset),
            spread: TimeDelta::nanoseconds(spread),
            agreeing,
        };
        Ok(Some(matched))
    }

    async fn seen(&self, table: &str, own: &Scratch, other: &Scratch) -> Result<Seen, EngineError> {
        let (own, other) = (own.name(), other.name());
        let found = self
            .query(&format!(
                "SELECT sum(flows), count(id), sum(flows) FILTER (WHERE id IS NULL), min(first), max(last) FROM {own}"
            ))
            .await?;
        let shared = self
            .query(&format!(
                "SELECT count(*), sum(o.flows) FROM {own} o JOIN (SELECT id FROM {other}) x ON o.id = x.id"
            ))
            .await?;
        let repeated = format!(
            "SELECT count(*) AS times FROM {} GROUP BY {SAME_FLOW} HAVING count(*) > 1",
            self.flows_of(table, TimeDelta::zero())
        );
        let repeated = self.query(&format!("SELECT sum(times - 1) FROM ({repeated})")).await?;
        let number = |result: &QueryResult, column: usize| {
            result.batches.first().and_then(|batch| integer(batch, column)).unwrap_or_default()
        };
        let time = |column: usize| found.batches.first().and_then(|batch| moment(batch, column));
        Ok(Seen {
            source: table.to_owned(),
            flows: number(&found, 0),
            connections: number(&found, 1),
            without_id: number(&found, 2),
            shared_connections: number(&shared, 0),
            shared_flows: number(&shared, 1),
            repeated: number(&repeated, 0),
            first: time(3),
            last: time(4),
        })
    }

    /// Flows per interval, of a clock that is `offset` ahead.
    async fn bins(&self, table: &str, offset: TimeDelta) -> Result<Scratch, EngineError> {
        let nanos = offset.num_nanoseconds().unwrap_or_default();
        self.keep(&format!(
            "SELECT date_bin(INTERVAL '{GAP_STEP_SECONDS} seconds', start_time - INTERVAL '{nanos} nanoseconds') AS bin, \
             count(*) AS flows FROM (SELECT start_time FROM {}) WHERE start_time IS NOT NULL GROUP BY bin",
            self.flows_of(table, offset)
        ))
        .await
    }

    async fn hours(&self, connections: [&Scratch; 2], bins: [&Scratch; 2]) -> Result<Vec<Hour>, EngineError> {
        let hour = |time: &str| format!("date_bin(INTERVAL '1 hour', {time})");
        let per_hour = |bins: &Scratch| {
            format!("SELECT {} AS hour, sum(flows) AS flows FROM {} GROUP BY hour", hour("bin"), bins.name())
        };
        let [a, b] = connections;
        let pairs = pairs_of(a, b);
        let found = self
            .query(&format!(
                "WITH a AS ({}), b AS ({}), \
                 p AS (SELECT {} AS hour, count(*) AS pairs, median(apart) AS apart FROM ({pairs}) GROUP BY hour) \
                 SELECT coalesce(a.hour, b.hour) AS hour, a.flows, b.flows, p.pairs, p.apart FROM a \
                 FULL JOIN b ON a.hour = b.hour LEFT JOIN p ON p.hour = coalesce(a.hour, b.hour) ORDER BY 1",
                per_hour(bins[0]),
                per_hour(bins[1]),
                hour("first")
            ))
            .await?;
        let (flows_a, flows_b, pairs) = (integers(&found, 1), integers(&found, 2), integers(&found, 3));
        let apart = integers(&found, 4);
        let count =
            |values: &[Option<i64>], row: usize| u64::try_from(values[row].unwrap_or_default()).unwrap_or_default();
        let hours = times(&found, 0).into_iter().enumerate().filter_map(|(row, begin)| {
            Some(Hour {
                begin: begin?,
                flows_a: count(&flows_a, row),
                flows_b: count(&flows_b, row),
                pairs: count(&pairs, row),
                offset: apart[row].map(TimeDelta::nanoseconds),
            })
        });
        Ok(hours.collect())
    }

    /// Neighbouring intervals in which the same one is silent are one gap; those in which both are do not end it.
    async fn gaps(&self, names: [&str; 2], bins: [&Scratch; 2]) -> Result<Vec<Gap>, EngineError> {
        let [a, b] = bins.map(Scratch::name);
        let found = self
            .query(&format!(
                "WITH seen AS (SELECT coalesce(a.bin, b.bin) AS bin, coalesce(a.flows, 0) + coalesce(b.flows, 0) AS flows, \
                 CASE WHEN a.bin IS NULL THEN 'a' WHEN b.bin IS NULL THEN 'b' ELSE '' END AS silent \
                 FROM {a} a FULL JOIN {b} b ON a.bin = b.bin), \
                 runs AS (SELECT *, row_number() OVER (ORDER BY bin) \
                 - row_number() OVER (PARTITION BY silent ORDER BY bin) AS run FROM seen) \
                 SELECT silent, min(bin), max(bin) + INTERVAL '{GAP_STEP_SECONDS} seconds', sum(flows) FROM runs \
                 WHERE silent <> '' GROUP BY silent, run ORDER BY 4 DESC, 2 LIMIT {GAPS_MAX}"
            ))
            .await?;
        let (silent, begins, ends, missed) =
            (texts(&found, 0), times(&found, 1), times(&found, 2), integers(&found, 3));
        let gaps = silent.iter().zip(begins).zip(ends).zip(missed).filter_map(|(((silent, begin), end), missed)| {
            let source = if silent.as_deref() == Some("a") { names[0] } else { names[1] };
            let missed = u64::try_from(missed.unwrap_or_default()).unwrap_or_default();
            Some(Gap { source: source.to_owned(), begin: begin?, end: end?, missed })
        });
        let mut gaps: Vec<Gap> = gaps.collect();
        gaps.sort_by_key(|gap| gap.begin);
        Ok(gaps)
    }
}

/// The connections that both saw: when the first saw them, and how much later the second did, in nanoseconds.
fn pairs_of(a: &Scratch, b: &Scratch) -> String {
    format!(
        "SELECT a.first AS first, CAST(b.first AS BIGINT) - CAST(a.first AS BIGINT) AS apart \
         FROM {} a JOIN {} b ON a.id = b.id WHERE a.first IS NOT NULL AND b.first IS NOT NULL",
        a.name(),
        b.name()
    )
}
