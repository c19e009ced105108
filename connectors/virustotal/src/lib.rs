//! VirusTotal, API version 3: what its engines say of names, addresses, files and addresses of the web.
//!
//! Only reports that are there are read: nothing is submitted, no file and no URL leaves for analysis. How it is asked is
//! [`enrichment`]'s business.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use enrichment::FieldKind::{Integer, Text, Time};
use enrichment::{Field, Indicator, KeyUse, Kind, Lookup, Request, Service, at, field};
use serde_json::Value;

/// The service with the quotas of a free key.
pub static VIRUSTOTAL: Service = Service {
    name: "virustotal",
    title: "VirusTotal",
    url: Some("https://www.virustotal.com/api/v3/"),
    key: KeyUse::Required("x-apikey"),
    accept: "application/json",
    per_minute: 4,
    per_day: 500,
    redirects_max: 0,
    is_unknown,
    lookups: &[
        Lookup {
            function: "virustotal_domain",
            kind: Kind::Domain,
            description: "What VirusTotal knows of a domain name: how many engines call it malicious.",
            fields: DOMAIN,
            version: 1,
            request: |indicator| of("domains", indicator.text()),
            read: |answer| read(answer, "domain", DOMAIN),
        },
        Lookup {
            function: "virustotal_ip",
            kind: Kind::Ip,
            description: "What VirusTotal knows of an address: how many engines call it malicious.",
            fields: IP,
            version: 1,
            request: |indicator| of("ip_addresses", indicator.text()),
            read: |answer| read(answer, "ip-address", IP),
        },
        Lookup {
            function: "virustotal_file",
            kind: Kind::Hash,
            description: "What VirusTotal knows of the file with this MD5, SHA-1 or SHA-256. The file is not sent.",
            fields: FILE,
            version: 1,
            request: |indicator| of("files", indicator.text()),
            read: |answer| read(answer, "file", FILE),
        },
        Lookup {
            function: "virustotal_url",
            kind: Kind::Url,
            description: "What VirusTotal knows of an address of the web. It is not submitted for analysis.",
            fields: URL,
            version: 1,
            request: |indicator| of("urls", url_id(indicator)),
            read: |answer| read(answer, "url", URL),
        },
    ],
};

const DOMAIN: &[Field] = &[
    field("malicious", Integer),
    field("suspicious", Integer),
    field("harmless", Integer),
    field("undetected", Integer),
    field("engines", Integer),
    field("reputation", Integer),
    field("categories", Text),
    field("tags", Text),
    field("registrar", Text),
    field("created", Time),
    field("analysed", Time),
    field("link", Text),
];

const IP: &[Field] = &[
    field("malicious", Integer),
    field("suspicious", Integer),
    field("harmless", Integer),
    field("undetected", Integer),
    field("engines", Integer),
    field("reputation", Integer),
    field("country", Text),
    field("asn", Integer),
    field("as_owner", Text),
    field("network", Text),
    field("tags", Text),
    field("analysed", Time),
    field("link", Text),
];

const FILE: &[Field] = &[
    field("malicious", Integer),
    field("suspicious", Integer),
    field("harmless", Integer),
    field("undetected", Integer),
    field("engines", Integer),
    field("reputation", Integer),
    field("file_name", Text),
    field("file_type", Text),
    field("size", Integer),
    field("submissions", Integer),
    field("first_seen", Time),
    field("tags", Text),
    field("analysed", Time),
    field("link", Text),
];

const URL: &[Field] = &[
    field("malicious", Integer),
    field("suspicious", Integer),
    field("harmless", Integer),
    field("undetected", Integer),
    field("engines", Integer),
    field("reputation", Integer),
    field("title", Text),
    field("final_url", Text),
    field("submissions", Integer),
    field("categories", Text),
    field("tags", Text),
    field("analysed", Time),
    field("link", Text),
];

fn of(collection: &str, id: String) -> Request {
    Request { path: vec![collection.to_owned(), id], ..Request::default() }
}

/// URLs are known by their text, in an alphabet that fits into a path.
fn url_id(indicator: &Indicator) -> String {
    URL_SAFE_NO_PAD.encode(indicator.text())
}

/// A wrong address answers with 404 too, but not like this.
fn is_unknown(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    at(&body, "/error/code") == "NotFoundError"
}

fn read(answer: &Value, page: &str, fields: &[Field]) -> Result<Option<Vec<Value>>, String> {
    let attributes = answer.pointer("/data/attributes").filter(|attributes| attributes.is_object());
    let attributes = attributes.ok_or("it has no `data.attributes`")?;
    let id = answer.pointer("/data/id").and_then(Value::as_str).unwrap_or_default();
    let value = |field: &Field| match field.name {
        "malicious" | "suspicious" | "harmless" | "undetected" => {
            at(attributes, &format!("/last_analysis_stats/{}", field.name))
        }
        "engines" => engines(attributes),
        "categories" => each_value(&at(attributes, "/categories")),
        "created" => at(attributes, "/creation_date"),
        "analysed" => at(attributes, "/last_analysis_date"),
        "file_name" => at(attributes, "/meaningful_name"),
        "file_type" => at(attributes, "/type_description"),
        "submissions" => at(attributes, "/times_submitted"),
        "first_seen" => at(attributes, "/first_submission_date"),
        "final_url" => at(attributes, "/last_final_url"),
        "link" if !id.is_empty() => Value::from(format!("https://www.virustotal.com/gui/{page}/{id}")),
        name => at(attributes, &format!("/{name}")),
    };
    Ok(Some(fields.iter().map(value).collect()))
}

/// All engines that were asked, whatever they said: there are more kinds of results than the four that are shown.
fn engines(attributes: &Value) -> Value {
    let results = attributes.pointer("/last_analysis_stats").and_then(Value::as_object);
    results.map_or(Value::Null, |results| results.values().filter_map(Value::as_u64).sum::<u64>().into())
}

/// Each engine has categories of its own.
fn each_value(categories: &Value) -> Value {
    let mut texts: Vec<Value> = categories.as_object().into_iter().flat_map(|it| it.values().cloned()).collect();
    texts.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    texts.dedup();
    if texts.is_empty() { Value::Null } else { Value::Array(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup(function: &str) -> &'static Lookup {
        VIRUSTOTAL.lookups.iter().find(|lookup| lookup.function == function).expect("a lookup")
    }

    fn found(function: &str, answer: &Value) -> Vec<(&'static str, Value)> {
        let lookup = lookup(function);
        let values = (lookup.read)(answer).expect("an answer").expect("known");
        lookup.fields.iter().map(|field| field.name).zip(values).collect()
    }

    #[test]
    fn a_domain() {
        let answer = json!({"data": {"id": "x.example.com", "type": "domain", "attributes": {
            "last_analysis_stats": {"harmless": 57, "malicious": 3, "suspicious": 1, "undetected": 9, "timeout": 2},
            "categories": {"A": "phishing", "B": "malware", "C": "phishing"},
            "tags": ["dga"], "reputation": -12, "creation_date": 1_546_957_549, "registrar": "R"}}});
        let found = found("virustotal_domain", &answer);
        let value = |name: &str| found.iter().find(|(known, _)| *known == name).expect("a field").1.clone();
        assert_eq!((value("malicious"), value("engines"), value("reputation")), (json!(3), json!(72), json!(-12)));
        assert_eq!(value("categories"), json!(["malware", "phishing"]));
        assert_eq!((value("created"), value("analysed")), (json!(1_546_957_549), Value::Null));
        assert_eq!(value("link"), json!("https://www.virustotal.com/gui/domain/x.example.com"));
    }

    /// A value of the samples, as the service would answer with it.
    fn sample(name: &str) -> Option<Value> {
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/virustotal");
        let text = std::fs::read_to_string(samples.join(name)).ok()?;
        Some(serde_json::from_str(&text).expect("the sample is JSON"))
    }

    #[track_caller]
    fn check(function: &str, object: &Value, expected: &[(&str, Value)]) {
        let found = found(function, &json!({ "data": object }));
        for (name, value) in expected {
            let of_field = found.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            assert_eq!(of_field, Some(value), "{name} of {}", object["id"]);
        }
    }

    #[test]
    fn published_objects_are_read() {
        let names = ["vt3_file_1.json", "vt3_url_0.json", "vt3_related_links.json", "vt3_search.json"];
        let [Some(file), Some(url), Some(links), Some(searches)] = names.map(sample) else { return };
        let of = |object: &Value, pointer: &str| at(object, &format!("/attributes/{pointer}"));
        for object in [&file].into_iter().chain(
            searches
                .as_object()
                .into_iter()
                .flat_map(|it| it.values().flat_map(|found| found.as_array().into_iter().flatten())),
        ) {
            check(
                "virustotal_file",
                object,
                &[
                    ("malicious", of(object, "last_analysis_stats/malicious")),
                    ("file_type", of(object, "type_description")),
                    ("size", of(object, "size")),
                    ("first_seen", of(object, "first_submission_date")),
                ],
            );
        }
        check("virustotal_file", &file, &[("file_type", json!("Win32 EXE"))]);
        check(
            "virustotal_url",
            &url,
            &[
                ("final_url", json!("http://218.54.47.77/")),
                ("analysed", json!(1_546_957_549)),
                ("tags", json!([])),
                (
                    "link",
                    json!(
                        "https://www.virustotal.com/gui/url/380269259e1f607fb07769fee779f0dc3144924f865e76a3c05c8898295d02f8"
                    ),
                ),
            ],
        );
        // Related objects may come with their address alone.
        let links = links.as_array().expect("a list");
        assert!((lookup("virustotal_url").read)(&json!({ "data": links[0] })).is_err());
        check("virustotal_url", &links[1], &[("malicious", json!(10)), ("engines", json!(25))]);
    }

    #[test]
    fn an_answer_without_results_is_one_and_one_without_attributes_is_none() {
        for function in ["virustotal_domain", "virustotal_ip", "virustotal_file", "virustotal_url"] {
            let found = found(function, &json!({"data": {"attributes": {}}}));
            assert!(found.iter().all(|(_, value)| value.is_null()), "{found:?}");
            for answer in [json!({}), json!([]), json!({"data": {"attributes": []}}), json!("text")] {
                assert!((lookup(function).read)(&answer).is_err(), "{answer}");
            }
        }
    }

    #[test]
    fn what_is_asked() {
        let request = |function: &str, text: &str| {
            let lookup = lookup(function);
            (lookup.request)(&Indicator::parse(lookup.kind, text).expect("an indicator")).path
        };
        assert_eq!(request("virustotal_domain", "A.Example.com"), ["domains", "a.example.com"]);
        assert_eq!(request("virustotal_ip", "8.8.8.8"), ["ip_addresses", "8.8.8.8"]);
        assert_eq!(request("virustotal_url", "http://example.com/?a=b"), ["urls", "aHR0cDovL2V4YW1wbGUuY29tLz9hPWI"]);
        assert!(is_unknown(r#"{"error": {"code": "NotFoundError", "message": "x"}}"#));
        for body in ["", "<html>", "{}", r#"{"error": {"code": "QuotaExceededError"}}"#] {
            assert!(!is_unknown(body), "{body}");
        }
    }
}
