//! What a query asks the server for, in the words of its API (REST API guide, "flows").

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::json;

/// Times are written without a zone; fractions of seconds are refused.
const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// What clocks show twice at the end of summer time.
const REPEATED: TimeDelta = TimeDelta::hours(1);

/// A listing of flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    /// That of the collector's clock.
    pub(crate) zone: Tz,
    pub(crate) profile: String,
    /// All of the profile without any.
    pub(crate) channels: Vec<String>,
    /// In nfdump's language; everything without it.
    pub(crate) filter: Option<String>,
    /// How many rows are enough.
    pub(crate) limit: usize,
    /// Columns by their ids.
    pub(crate) output: Vec<&'static str>,
}

impl Search {
    /// The parameters of the request. The interval is made of whole seconds that contain it.
    pub(crate) fn parameters(&self) -> [(&'static str, String); 3] {
        let mut search = json!({
            "from": self.local(self.from),
            "to": self.local(self.end()),
            "profile": self.profile,
            "listing": {"sortBy": "tstart"},
        });
        if !self.channels.is_empty() {
            // The API gives `mail/pop3`, and takes `pop3`.
            let last = |channel: &String| channel.rsplit('/').next().unwrap_or_default().to_owned();
            search["channels"] = self.channels.iter().map(last).collect::<Vec<_>>().into();
        }
        if let Some(filter) = &self.filter {
            search["filter"] = filter.as_str().into();
        }
        [
            ("search", search.to_string()),
            ("showonly", self.limit.to_string()),
            ("output", json!(self.output).to_string()),
        ]
    }

    /// A whole second, and one that the collector's clock shows once: of an hour that comes twice it may take the first.
    fn end(&self) -> DateTime<Utc> {
        let end = whole_second_after(self.to);
        let local = self.zone.from_local_datetime(&end.with_timezone(&self.zone).naive_local());
        let is_ambiguous = local.earliest() != local.latest();
        if is_ambiguous { end + REPEATED } else { end }
    }

    fn local(&self, moment: DateTime<Utc>) -> String {
        moment.with_timezone(&self.zone).format(TIME_FORMAT).to_string()
    }
}

fn whole_second_after(moment: DateTime<Utc>) -> DateTime<Utc> {
    match moment.timestamp_subsec_nanos() {
        0 => moment,
        _ => moment + TimeDelta::seconds(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_search_is_written_as_the_guide_says() {
        let moment = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").to_utc();
        let search = Search {
            from: moment("2024-07-01T08:00:00.9Z"),
            to: moment("2024-07-01T08:05:00.000001Z"),
            zone: Tz::Europe__Prague,
            profile: "mail".into(),
            channels: vec!["mail/pop3".into(), "imap".into()],
            filter: Some("src ip 10.0.0.1".into()),
            limit: 40_000,
            output: vec!["ts", "td"],
        };
        let [(_, text), limit, output] = search.parameters();
        let written: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            written,
            json!({"from": "2024-07-01 10:00:00", "to": "2024-07-01 10:05:01", "profile": "mail",
                   "listing": {"sortBy": "tstart"}, "channels": ["pop3", "imap"], "filter": "src ip 10.0.0.1"})
        );
        assert_eq!((limit, output), (("showonly", "40000".into()), ("output", r#"["ts","td"]"#.into())));
        let twice = Search { to: moment("2024-10-27T01:30:00Z"), ..search.clone() };
        let [(_, text), ..] = twice.parameters();
        assert!(text.contains(r#""to":"2024-10-27 03:30:00""#), "02:30 comes twice in that night: {text}");
        let all = Search { channels: Vec::new(), filter: None, ..search };
        let written: Value = serde_json::from_str(&all.parameters()[0].1).expect("JSON");
        assert!(written.get("channels").is_none() && written.get("filter").is_none(), "{written}");
    }
}
