//! RDAP (RFC 9083): who registered a domain, and since when; whose network an address is in.
//!
//! A public directory sends each request on to the registry that knows.

use enrichment::FieldKind::{Integer, Text, Time};
use enrichment::{Field, KeyUse, Kind, Lookup, Request, Service, at, each_text, field};
use serde_json::Value;

/// The public directory of registries.
pub static RDAP: Service = Service {
    name: "rdap",
    title: "RDAP",
    url: Some("https://rdap.org/"),
    key: KeyUse::None,
    accept: "application/rdap+json, application/json",
    per_minute: 30,
    per_day: 5_000,
    redirects_max: 5,
    is_unknown,
    lookups: &[
        Lookup {
            function: "rdap_domain",
            kind: Kind::Domain,
            description: "What its registry says of a domain: since when it is registered, by which registrar. Give it \
                          registered_domain(name); its age is now() - registered.",
            fields: DOMAIN,
            version: 1,
            request: |indicator| of("domain", indicator.text()),
            read: domain,
        },
        Lookup {
            function: "rdap_ip",
            kind: Kind::Ip,
            description: "What its registry says of an address: the network it is in, its name and country.",
            fields: IP,
            version: 1,
            request: |indicator| of("ip", indicator.text()),
            read: ip,
        },
    ],
};

const DOMAIN: &[Field] = &[
    field("registered", Time),
    field("changed", Time),
    field("expires", Time),
    field("registrar", Text),
    field("state", Text),
    field("nameservers", Text),
];

const IP: &[Field] = &[
    field("network", Text),
    field("name", Text),
    field("country", Text),
    field("handle", Text),
    field("first_address", Text),
    field("last_address", Text),
    field("ip_version", Integer),
    field("registered", Time),
];

fn of(class: &str, id: String) -> Request {
    Request { path: vec![class.to_owned(), id], ..Request::default() }
}

fn domain(answer: &Value) -> Result<Option<Vec<Value>>, String> {
    is_of_class(answer, "domain")?;
    Ok(Some(vec![
        event(answer, "registration"),
        event(answer, "last changed"),
        event(answer, "expiration"),
        registrar(answer),
        at(answer, "/status"),
        each_text(&at(answer, "/nameservers"), "/ldhName"),
    ]))
}

fn ip(answer: &Value) -> Result<Option<Vec<Value>>, String> {
    is_of_class(answer, "ip network")?;
    let version = match answer["ipVersion"].as_str() {
        Some("v4") => Value::from(4),
        Some("v6") => Value::from(6),
        _ => Value::Null,
    };
    Ok(Some(vec![
        network(answer),
        at(answer, "/name"),
        at(answer, "/country"),
        at(answer, "/handle"),
        at(answer, "/startAddress"),
        at(answer, "/endAddress"),
        version,
        event(answer, "registration"),
    ]))
}

fn is_of_class(answer: &Value, class: &str) -> Result<(), String> {
    match answer["objectClassName"] == class {
        true => Ok(()),
        false => Err(format!("it is not about a {class}")),
    }
}

fn event(answer: &Value, action: &str) -> Value {
    let events = answer["events"].as_array().into_iter().flatten();
    events
        .filter(|event| event["eventAction"] == action)
        .map(|event| at(event, "/eventDate"))
        .next()
        .unwrap_or_default()
}

/// The name on the card of the entity that has this role.
fn registrar(answer: &Value) -> Value {
    let has_role =
        |entity: &&Value| entity["roles"].as_array().is_some_and(|roles| roles.iter().any(|it| it == "registrar"));
    let entity = answer["entities"].as_array().into_iter().flatten().find(has_role);
    let card = entity.and_then(|entity| entity.pointer("/vcardArray/1")).and_then(Value::as_array);
    let name = card.into_iter().flatten().find(|line| line[0] == "fn");
    name.map(|line| line[3].clone()).unwrap_or_default()
}

/// One registration may be of several networks.
fn network(answer: &Value) -> Value {
    let networks = answer["cidr0_cidrs"].as_array().into_iter().flatten();
    let texts = networks.filter_map(|network| {
        let prefix = network["v4prefix"].as_str().or(network["v6prefix"].as_str())?;
        Some(Value::from(format!("{prefix}/{}", network["length"].as_u64()?)))
    });
    let texts: Vec<Value> = texts.collect();
    if texts.is_empty() { Value::Null } else { Value::Array(texts) }
}

/// Registries answer with an error object, or with nothing at all (RFC 7480, 5.3).
fn is_unknown(body: &str) -> bool {
    let is_error = |body: &str| serde_json::from_str::<Value>(body).is_ok_and(|body| body.is_object());
    body.trim().is_empty() || is_error(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_domain() {
        let answer = json!({"objectClassName": "domain", "ldhName": "example.com", "status": ["active", "locked"],
            "events": [{"eventAction": "last changed", "eventDate": "2025-01-01T00:00:00Z"},
                       {"eventAction": "registration", "eventDate": "1995-08-14T04:00:00Z"}],
            "nameservers": [{"ldhName": "a.example.net"}, {"ldhName": "b.example.net"}, {"ldhName": "a.example.net"}],
            "entities": [{"roles": ["abuse"]}, {"roles": ["registrar"],
                "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Some Registrar"]]]}]});
        let found = domain(&answer).expect("an answer").expect("known");
        assert_eq!(found.len(), DOMAIN.len());
        assert_eq!((&found[0], &found[2]), (&json!("1995-08-14T04:00:00Z"), &Value::Null));
        assert_eq!((&found[3], &found[5]), (&json!("Some Registrar"), &json!(["a.example.net", "b.example.net"])));
        assert!(domain(&json!({"objectClassName": "ip network"})).is_err());
    }

    #[test]
    fn an_address() {
        let answer = json!({"objectClassName": "ip network", "ipVersion": "v4", "name": "NET", "country": "XX",
            "cidr0_cidrs": [{"v4prefix": "8.8.8.0", "length": 24}], "startAddress": "8.8.8.0"});
        let found = ip(&answer).expect("an answer").expect("known");
        assert_eq!(found.len(), IP.len());
        assert_eq!((&found[0], &found[6]), (&json!(["8.8.8.0/24"]), &json!(4)));
        assert!(ip(&json!({})).is_err() && domain(&json!([])).is_err());
    }

    #[test]
    fn what_says_that_it_does_not_know() {
        assert!(is_unknown("") && is_unknown(r#"{"errorCode": 404, "title": "Not Found"}"#));
        assert!(!is_unknown("<html></html>"));
    }
}
