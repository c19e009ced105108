//! AbuseIPDB, API version 2: how often an address was reported for abuse. Nothing is reported from here.

use enrichment::FieldKind::{Boolean, Integer, Text, Time};
use enrichment::{Field, KeyUse, Kind, Lookup, Request, Service, at, field};
use serde_json::Value;

/// Reports of so many days count.
const MAX_AGE_DAYS: u32 = 90;

/// The service with the quotas of a free key.
pub static ABUSEIPDB: Service = Service {
    name: "abuseipdb",
    title: "AbuseIPDB",
    url: Some("https://api.abuseipdb.com/api/v2/"),
    key: KeyUse::Required("key"),
    accept: "application/json",
    per_minute: 60,
    per_day: 1_000,
    redirects_max: 0,
    // It answers for every address.
    is_unknown: |_| false,
    lookups: &[Lookup {
        function: "abuseipdb_ip",
        kind: Kind::Ip,
        description: "How often an address was reported to AbuseIPDB in 90 days, and how sure it is of abuse (score, 0 to \
                      100).",
        fields: FIELDS,
        version: 1,
        request: |indicator| Request {
            path: vec!["check".to_owned()],
            query: vec![("ipAddress", indicator.text()), ("maxAgeInDays", MAX_AGE_DAYS.to_string())],
            ..Request::default()
        },
        read,
    }],
};

const FIELDS: &[Field] = &[
    field("score", Integer),
    field("reports", Integer),
    field("reporters", Integer),
    field("last_reported", Time),
    field("country", Text),
    field("isp", Text),
    field("domain", Text),
    field("hostnames", Text),
    field("usage_type", Text),
    field("is_tor", Boolean),
    field("is_whitelisted", Boolean),
];

/// Their names in answers, in the order of [`FIELDS`].
const PLACES: &[&str] = &[
    "/data/abuseConfidenceScore",
    "/data/totalReports",
    "/data/numDistinctUsers",
    "/data/lastReportedAt",
    "/data/countryCode",
    "/data/isp",
    "/data/domain",
    "/data/hostnames",
    "/data/usageType",
    "/data/isTor",
    "/data/isWhitelisted",
];

fn read(answer: &Value) -> Result<Option<Vec<Value>>, String> {
    if !at(answer, PLACES[0]).is_number() {
        return Err("it has no `data.abuseConfidenceScore`".to_owned());
    }
    Ok(Some(PLACES.iter().map(|place| at(answer, place)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report() {
        let answer = json!({"data": {"ipAddress": "8.8.8.8", "abuseConfidenceScore": 42, "totalReports": 7,
            "numDistinctUsers": 3, "lastReportedAt": "2026-11-01T10:00:00+00:00", "hostnames": ["a.example.com"],
            "isTor": false, "isWhitelisted": null}});
        let found = read(&answer).expect("an answer").expect("known");
        assert_eq!(found.len(), FIELDS.len());
        assert_eq!((&found[0], &found[1], &found[10]), (&json!(42), &json!(7), &Value::Null));
        assert!(read(&json!({"errors": []})).is_err());
    }
}
