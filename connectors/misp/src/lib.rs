//! MISP: in which events of the house's own instance a name, an address or a hash occurs. Nothing is written to it.

use enrichment::FieldKind::{Boolean, Integer, Text, Time};
use enrichment::{Field, KeyUse, Kind, Lookup, Request, Service, at, each_text, field};
use serde_json::{Value, json};

/// Attributes read of one value; a value in more of them is no better known.
const ATTRIBUTES_MAX: u32 = 1_000;

const DOMAIN_TYPES: &[&str] = &["domain", "hostname", "domain|ip", "hostname|port"];
const IP_TYPES: &[&str] = &["ip-src", "ip-dst", "ip-src|port", "ip-dst|port", "domain|ip"];
const HASH_TYPES: &[&str] = &["md5", "sha1", "sha256", "filename|md5", "filename|sha1", "filename|sha256"];

/// The service; every house has its own, so it has no address, and its quotas are only a guard.
pub static MISP: Service = Service {
    name: "misp",
    title: "MISP",
    url: None,
    key: KeyUse::Required("authorization"),
    accept: "application/json",
    per_minute: 600,
    per_day: 100_000,
    redirects_max: 0,
    // It answers with an empty list.
    is_unknown: |_| false,
    lookups: &[
        Lookup {
            function: "misp_domain",
            kind: Kind::Domain,
            description: "In which events of your MISP instance a domain name occurs.",
            fields: FIELDS,
            version: 1,
            request: |indicator| search(&indicator.text(), DOMAIN_TYPES),
            read,
        },
        Lookup {
            function: "misp_ip",
            kind: Kind::Ip,
            description: "In which events of your MISP instance an address occurs.",
            fields: FIELDS,
            version: 1,
            request: |indicator| search(&indicator.text(), IP_TYPES),
            read,
        },
        Lookup {
            function: "misp_hash",
            kind: Kind::Hash,
            description: "In which events of your MISP instance a file's MD5, SHA-1 or SHA-256 occurs.",
            fields: FIELDS,
            version: 1,
            request: |indicator| search(&indicator.text(), HASH_TYPES),
            read,
        },
    ],
};

const FIELDS: &[Field] = &[
    field("events", Integer),
    field("event_info", Text),
    field("categories", Text),
    field("types", Text),
    field("tags", Text),
    field("to_ids", Boolean),
    field("last_changed", Time),
];

fn search(value: &str, types: &[&str]) -> Request {
    let body = json!({"returnFormat": "json", "value": value, "type": types, "page": 1, "limit": ATTRIBUTES_MAX});
    let path = ["attributes", "restSearch"].map(str::to_owned).to_vec();
    Request { path, body: Some(body), ..Request::default() }
}

fn read(answer: &Value) -> Result<Option<Vec<Value>>, String> {
    let attributes = at(answer, "/response/Attribute");
    let list = attributes.as_array().ok_or("it has no `response.Attribute`")?;
    if list.is_empty() {
        return Ok(None);
    }
    let events = each_text(&attributes, "/event_id");
    let tags: Vec<Value> = list.iter().flat_map(|it| it["Tag"].as_array().cloned().unwrap_or_default()).collect();
    // Numbers come as texts.
    let moments = list.iter().filter_map(|it| it["timestamp"].as_str()?.parse::<i64>().ok());
    Ok(Some(vec![
        events.as_array().map_or(0, Vec::len).into(),
        each_text(&attributes, "/Event/info"),
        each_text(&attributes, "/category"),
        each_text(&attributes, "/type"),
        each_text(&tags.into(), "/name"),
        list.iter().any(|it| it["to_ids"] == true).into(),
        moments.max().map_or(Value::Null, Value::from),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_events() {
        let answer = json!({"response": {"Attribute": [
            {"event_id": "7", "type": "domain", "category": "Network activity", "to_ids": false, "timestamp": "1700000000",
             "Event": {"info": "Phishing"}, "Tag": [{"name": "tlp:green"}]},
            {"event_id": "7", "type": "domain", "category": "Payload delivery", "to_ids": true, "timestamp": "1700000009",
             "Event": {"info": "Phishing"}}]}});
        let found = read(&answer).expect("an answer").expect("known");
        assert_eq!(found.len(), FIELDS.len());
        assert_eq!((&found[0], &found[1], &found[5]), (&json!(1), &json!(["Phishing"]), &json!(true)));
        assert_eq!((&found[4], &found[6]), (&json!(["tlp:green"]), &json!(1_700_000_009)));
        assert_eq!(read(&json!({"response": {"Attribute": []}})), Ok(None));
        assert!(read(&json!({"response": []})).is_err());
    }

    #[test]
    fn what_is_asked() {
        let body = search("evil.example.com", DOMAIN_TYPES).body.expect("a POST");
        assert_eq!((&body["value"], &body["type"][0]), (&json!("evil.example.com"), &json!("domain")));
    }
}
