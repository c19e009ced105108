//! A profile of a collector as a source: which flows a query asks it for, and what it gives.
//!
//! Times become the interval of a search, channels are the column `sensor`, other conditions the filter. The server rounds
//! great counts, so none is compared there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use remote_source::{
    Cause, Cell, Next, Predicate, Ranges, RemoteConnector, RemoteError, RemoteSource, Request, Settings, Sink,
    SourceColumn, Support,
};
use serde_json::{Map, Value};

use crate::api::{Named, odd_json};
use crate::client::Client;
use crate::filter::{filter, support};
use crate::rows::{Columns, END_ID, Objects, columns_of};
use crate::search::Search;

const NAME: &str = "flowmon";
/// The column that holds channels.
const SENSOR: &str = "sensor";
/// All traffic.
const PROFILE_DEFAULT: &str = "live";
const TIMEOUT_DEFAULT_S: u64 = 300;
/// More rows than this are not asked for at once.
const ROWS_MAX: usize = 1_000_000;
/// A flow is filed when it was exported, which may be so long after it began.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// What is asked for when a query does not say from when.
const WINDOW_DEFAULT: TimeDelta = TimeDelta::hours(1);

/// The connector for the engine's registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flowmon;

#[async_trait]
impl RemoteConnector for Flowmon {
    fn name(&self) -> &'static str {
        NAME
    }

    fn kind(&self) -> &'static str {
        "a Flowmon profile"
    }

    fn options(&self) -> &'static [&'static str] {
        &["profile", "channels", "query_timeout"]
    }

    async fn open(&self, settings: Settings) -> Result<Arc<dyn RemoteSource>, RemoteError> {
        let client = Client::new(&settings)?;
        let profile = settings.option("profile").unwrap_or(PROFILE_DEFAULT).to_owned();
        let timeout = match settings.option("query_timeout").map(str::parse) {
            None => TIMEOUT_DEFAULT_S,
            Some(Ok(seconds)) => seconds,
            Some(Err(_)) => {
                let hint = "Write it as in `query_timeout = \"5m\"`".into();
                return Err(client.error(Cause::Setting { fact: "`query_timeout` is no length of time".into(), hint }));
            }
        };
        let known: Vec<String> = client.channels(&profile).await?.iter().map(|it| it.name().to_owned()).collect();
        let channels = chosen(settings.option("channels").unwrap_or_default(), &known);
        let channels = channels.map_err(|name| client.error(Cause::NoTable { what: "channel", name, known }))?;
        let listed: Vec<Named> = client.columns().await?;
        let is_listed = |id: &str| listed.iter().any(|column| column.id == id);
        let has_ends = is_listed(END_ID);
        let columns = columns_of(is_listed).chain([SENSOR]);
        let columns = columns.map(|name| SourceColumn { name: name.to_owned(), unit: None }).collect();
        let place = format!("{}, profile {profile}", client.place());
        let timeout = Duration::from_secs(timeout);
        let zone = settings.zone;
        Ok(Arc::new(Profile { client, place, profile, channels, columns, has_ends, zone, timeout }))
    }
}

/// The channels that a setting names, in the API's spelling or by their names; all without a name. Gives one back that
/// there is not.
fn chosen(names: &str, known: &[String]) -> Result<Vec<String>, String> {
    let names = names.split(',').map(|name| name.trim().rsplit('/').next().unwrap_or_default());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !known.iter().any(|known| known == *name)) {
        Some(unknown) => Err((*unknown).to_owned()),
        None if names.is_empty() => Ok(known.to_vec()),
        None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

/// One profile of one collector.
#[derive(Debug)]
struct Profile {
    client: Client,
    place: String,
    profile: String,
    /// Those that may be asked for.
    channels: Vec<String>,
    columns: Vec<SourceColumn>,
    /// Whether it gives the end of a flow, which else is made of start and duration.
    has_ends: bool,
    zone: Tz,
    timeout: Duration,
}

#[async_trait]
impl RemoteSource for Profile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn place(&self) -> &str {
        &self.place
    }

    fn columns(&self) -> &[SourceColumn] {
        &self.columns
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    fn channels(&self) -> &[String] {
        &self.channels
    }

    fn support(&self, condition: &Predicate) -> Support {
        match condition {
            Predicate::OneOf { column, .. } if column == SENSOR => Support::Exact,
            other => support(other),
        }
    }

    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError> {
        let Some((from, to)) = self.interval(request, sink) else { return Ok(()) };
        let columns = Columns::of(&request.columns, self.has_ends);
        let search = Search {
            from,
            to,
            zone: self.zone,
            profile: self.profile.clone(),
            channels: Vec::new(),
            filter: None,
            limit: request.limit.unwrap_or(ROWS_MAX).min(ROWS_MAX),
            output: columns.ids(),
        };
        let sensor = request.columns.iter().position(|column| column == SENSOR);
        for (channels, condition) in self.searches(&request.predicate, sensor.is_some()) {
            let (filter, limit) = (filter(&condition), search.limit.min(sink.left()));
            let search = Search { channels: channels.clone(), filter, limit, ..search.clone() };
            // The answer does not say of which channel a flow is.
            let channel = sensor.zip(channels.first().map(String::as_str));
            if self.search(&search, &columns, channel, sink).await? == Next::Stop {
                break;
            }
        }
        Ok(())
    }
}

impl Profile {
    /// The searches that answer a condition: their channels, and what else must hold there. One for all channels, if they may
    /// be asked together.
    fn searches(&self, condition: &Predicate, is_apart: bool) -> Vec<(Vec<String>, Predicate)> {
        if self.channels.is_empty() {
            let condition = in_channel(condition, None);
            return if condition.is_never() { Vec::new() } else { vec![(Vec::new(), condition)] };
        }
        let mut searches: Vec<(Vec<String>, Predicate)> = Vec::new();
        for channel in &self.channels {
            let condition = in_channel(condition, Some(channel));
            match searches.iter_mut().find(|(_, known)| !is_apart && *known == condition) {
                _ if condition.is_never() => {}
                Some((channels, _)) => channels.push(channel.clone()),
                None => searches.push((vec![channel.clone()], condition)),
            }
        }
        searches
    }

    /// From when to when flows are looked for; `None` when there is no such time.
    fn interval(&self, request: &Request, sink: &Sink) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let bounds = |column| request.predicate.bounds_of(column).and_then(ends);
        let (starts, ends) = (bounds("start_time"), bounds("end_time"));
        let both = [starts, ends].into_iter().flatten();
        let (first, last) = (both.clone().map(|ends| ends.0).max().flatten(), both.filter_map(|ends| ends.1).min());
        let now = Utc::now();
        let to = last.map_or(now, |last| last.checked_add_signed(MARGIN).unwrap_or(last)).min(now + MARGIN);
        let from = first.map(|first| first.checked_sub_signed(MARGIN).unwrap_or(first));
        let from = from.unwrap_or_else(|| {
            let from = to - WINDOW_DEFAULT;
            let zone = "UTC";
            sink.note(format!(
                "the query does not say from when, so flows since {} {zone} were asked for; write start_time >= …",
                from.format("%Y-%m-%d %H:%M")
            ));
            from
        });
        (from < to).then_some((from, to))
    }

    async fn search(
        &self,
        search: &Search,
        columns: &Columns,
        channel: Option<(usize, &str)>,
        sink: &mut Sink,
    ) -> Result<Next, RemoteError> {
        let list = self.client.rows(search, self.timeout).await?;
        sink.count_bytes(list.len());
        if list.is_empty() {
            return Ok(Next::Continue);
        }
        let (mut objects, mut count) = (Objects::of(&list), 0);
        let odd = |reason: String| RemoteError::new(&self.place, Cause::Malformed { reason });
        while let Some(object) = objects.next().map_err(|fault| odd(fault.to_string()))? {
            let flow: Map<String, Value> =
                serde_json::from_slice(object).map_err(|fault| RemoteError::new(&self.place, odd_json(&fault)))?;
            let mut cells = columns.cells(&flow);
            if let Some((place, channel)) = channel {
                cells[place] = Cell::Text(channel);
            }
            if sink.push(&cells).await? == Next::Stop {
                return Ok(Next::Stop);
            }
            count += 1;
        }
        if count >= ROWS_MAX {
            sink.note(format!(
                "the server gave {count} flows, and no more were asked for: narrow time, hosts or channels"
            ));
        }
        Ok(Next::Continue)
    }
}

/// From when and to when.
type Ends = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The first and last moment of a condition on times; an end that is open is `None`.
fn ends(times: &Ranges<i128>) -> Option<Ends> {
    // Times that flows may have begin at 1, and an upper end of all times is none.
    let moment = |nanos: i128| i64::try_from(nanos).ok().map(DateTime::from_timestamp_nanos);
    let (first, last) = (times.iter().next()?.0, times.iter().last()?.1);
    Some((moment(first).filter(|_| first > 1), moment(last).filter(|_| last < i128::from(i64::MAX))))
}

/// What is left of a condition for flows of a channel, or of none.
fn in_channel(condition: &Predicate, channel: Option<&String>) -> Predicate {
    let rest = |parts: &[Predicate]| parts.iter().map(|part| in_channel(part, channel)).collect::<Vec<_>>();
    match condition {
        Predicate::All(parts) => Predicate::all(rest(parts)),
        Predicate::Any(parts) => Predicate::any(rest(parts)),
        Predicate::OneOf { column, texts } if column == SENSOR => {
            if channel.is_some_and(|channel| texts.contains(channel)) {
                Predicate::always()
            } else {
                Predicate::never()
            }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_by_either_spelling() {
        let known = ["pop3", "imap"].map(str::to_owned);
        assert_eq!(chosen("", &known), Ok(known.to_vec()));
        assert_eq!(chosen(" mail/imap, ", &known), Ok(vec!["imap".to_owned()]));
        assert_eq!(chosen("imap, smtp", &known), Err("smtp".to_owned()));
    }

    #[test]
    fn what_is_left_of_a_condition_in_a_channel() {
        let port = Predicate::Within { column: "dst_port".into(), ranges: Ranges::between(22, 22) };
        let sensor = Predicate::OneOf { column: SENSOR.into(), texts: vec!["SRV".into(), "UKB".into()] };
        let (here, elsewhere) = ("SRV".to_owned(), "VSS".to_owned());
        let both = Predicate::all([port.clone(), sensor.clone()]);
        assert_eq!(in_channel(&both, Some(&here)), port);
        assert!(in_channel(&both, Some(&elsewhere)).is_never() && in_channel(&both, None).is_never());
        let either = Predicate::any([port.clone(), sensor]);
        assert!(in_channel(&either, Some(&here)).is_always());
        assert_eq!(in_channel(&either, Some(&elsewhere)), port);
    }

    #[test]
    fn ends_of_conditions_on_time() {
        let of = |first, last| ends(&Ranges::between(first, last)).expect("a range");
        let moment = |nanos| Some(DateTime::from_timestamp_nanos(nanos));
        assert_eq!(of(5_000, 9_000), (moment(5_000), moment(9_000)));
        assert_eq!(of(1, 9_000), (None, moment(9_000)));
        assert_eq!(of(5_000, i128::from(i64::MAX)), (moment(5_000), None));
    }
}
