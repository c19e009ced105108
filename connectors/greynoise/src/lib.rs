//! GreyNoise, community API version 3: whether an address scans everybody, or belongs to a service that everybody uses.

use enrichment::FieldKind::{Boolean, Text, Time};
use enrichment::{Field, KeyUse, Kind, Lookup, Request, Service, at, field};
use serde_json::Value;

/// The service with quotas that its community may expect; a key of the house may have more.
pub static GREYNOISE: Service = Service {
    name: "greynoise",
    title: "GreyNoise",
    url: Some("https://api.greynoise.io/v3/community/"),
    key: KeyUse::Optional("key"),
    accept: "application/json",
    per_minute: 10,
    per_day: 50,
    redirects_max: 0,
    is_unknown,
    lookups: &[Lookup {
        function: "greynoise_ip",
        kind: Kind::Ip,
        description: "Whether GreyNoise saw an address scan the internet (noise), or knows it as a service that everybody \
                      uses (riot). Not found means that it did not scan everybody: then it may mean you.",
        fields: FIELDS,
        version: 1,
        request: |indicator| Request { path: vec![indicator.text()], ..Request::default() },
        read,
    }],
};

const FIELDS: &[Field] = &[
    field("noise", Boolean),
    field("riot", Boolean),
    field("classification", Text),
    field("name", Text),
    field("last_seen", Time),
    field("link", Text),
];

fn read(answer: &Value) -> Result<Option<Vec<Value>>, String> {
    if !answer["noise"].is_boolean() {
        return Err("it does not say whether the address is noise".to_owned());
    }
    // What is said beside that depends on the kind of address.
    Ok(Some(FIELDS.iter().map(|field| at(answer, &format!("/{}", field.name))).collect()))
}

/// An address that was not seen comes back with the words that it was not.
fn is_unknown(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body["ip"].is_string() && body["noise"] != true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_that_scans_and_one_without_a_class() {
        let answer = json!({"ip": "8.8.8.8", "noise": true, "riot": false, "classification": "malicious",
            "name": "unknown", "last_seen": "2026-11-01", "message": "Success"});
        let found = read(&answer).expect("an answer").expect("known");
        assert_eq!((&found[0], &found[2]), (&json!(true), &json!("malicious")));
        let found = read(&json!({"ip": "8.8.8.8", "noise": false, "riot": true})).expect("an answer").expect("known");
        assert_eq!((&found[1], &found[2]), (&json!(true), &Value::Null));
        assert!(read(&json!({"message": "x"})).is_err());
        assert!(is_unknown(r#"{"ip": "8.8.8.8", "noise": false, "riot": false, "message": "not observed"}"#));
        assert!(!is_unknown(r#"{"message": "no such page"}"#) && !is_unknown("<html>"));
    }
}
