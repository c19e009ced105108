//! The list of our functions, in the order in which help shows them.

use super::aggregate::AggregateFunction;
use super::scalar::ScalarFunction;
use super::text::FunctionText;
use super::{
    addresses, beacon, blocklist, community_id, domain, enrich, geo, human, indicator, ip_in, protocol, safe_sum,
    table, text_measure, time_bin, toplist,
};

/// One value per row.
pub(super) const SCALARS: &[&ScalarFunction] = &[
    &ip_in::IP_IN,
    &addresses::TO_IP,
    &addresses::IP_TEXT,
    &addresses::IP_PREFIX,
    &addresses::IP_VERSION,
    &addresses::IP_FAMILY,
    &addresses::IP_IS_PRIVATE,
    &addresses::IP_IS_INTERNAL,
    &addresses::IP_ANONYMIZE,
    &geo::GEO_COUNTRY,
    &geo::GEO_CITY,
    &geo::ASN,
    &geo::AS_ORG,
    &protocol::PROTOCOL_NAME,
    &protocol::PROTOCOL_NUMBER,
    &protocol::PORT_NAME,
    &protocol::TCP_FLAGS_TEXT,
    &community_id::COMMUNITY_ID,
    &domain::NORMALIZE_DOMAIN,
    &domain::REGISTERED_DOMAIN,
    &domain::SUBDOMAIN,
    &domain::PUBLIC_SUFFIX,
    &toplist::TOPLIST_RANK,
    &blocklist::BLOCKLIST,
    &text_measure::ENTROPY,
    &indicator::DEFANG,
    &indicator::REFANG,
    &human::HUMAN_BITS,
    &human::HUMAN_BYTES,
    &human::HUMAN_COUNT,
    &human::HUMAN_DURATION,
    &time_bin::TIME_BIN,
];

/// One value per group.
pub(super) const AGGREGATES: &[&AggregateFunction] = &[&safe_sum::SAFE_SUM, &beacon::BEACON_SCORE];

/// What is told about the table functions.
pub(crate) fn table_functions() -> &'static [FunctionText] {
    table::FUNCTIONS
}

/// All of them.
pub(crate) fn texts() -> impl Iterator<Item = &'static FunctionText> {
    let scalars = SCALARS.iter().map(|function| &function.text);
    let lookups = enrich::functions().iter().map(|function| &function.text);
    table::FUNCTIONS.iter().chain(scalars).chain(lookups).chain(AGGREGATES.iter().map(|function| &function.text))
}

/// Whether the function of that name is one of these, so that it reads addresses itself.
pub(crate) fn is_ours(name: &str) -> bool {
    help_of(name).is_some() || name == addresses::CAST_TO_IP.text.name
}

/// What is told about the function of that name.
pub(crate) fn help_of(name: &str) -> Option<&'static FunctionText> {
    texts().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineOptions;
    use crate::functions::testing::{sample, try_select};
    use crate::{Engine, LookupFiles};

    /// Their examples need sample files.
    const OF_FILES: &[&str] = &["geo_country", "geo_city", "asn", "as_org"];

    #[tokio::test]
    async fn examples_are_true() {
        let lists = tempfile::tempdir().expect("a folder");
        let list = |name: &str, text: &str| {
            let path = lists.path().join(name);
            std::fs::write(&path, text).expect("a list");
            Some(path)
        };
        let files = LookupFiles {
            top_domains: list("domains.csv", "20000,gvt2.com\n"),
            top_names: list("names.csv", "3,beacons.gcp.gvt2.com\n"),
            blocklists: list("c2.txt", "203.0.113.0/24\nupdate-check.test\n")
                .map(|path| ("c2".to_owned(), path))
                .into_iter()
                .collect(),
            location_database: sample("mmdb/GeoLite2-City-Test.mmdb"),
            as_database: sample("mmdb/GeoLite2-ASN-Test.mmdb"),
            ..LookupFiles::default()
        };
        let has_files = files.location_database.is_some() && files.as_database.is_some();
        let options = EngineOptions { lookup_files: files, ..EngineOptions::default() };
        let engine = Engine::with_options(options).expect("an engine");
        for function in texts().filter(|function| has_files || !OF_FILES.contains(&function.name)) {
            for example in function.examples {
                assert!(example.call.contains(function.name), "{}: {}", function.name, example.call);
                let found = try_select(&engine, example.call).await;
                let found = found.unwrap_or_else(|fault| panic!("{}: {fault}", example.call));
                assert_eq!(found, example.result, "{}", example.call);
            }
        }
    }

    #[test]
    fn every_function_can_be_called_as_its_syntax_says() {
        let engine = Engine::new().expect("an engine");
        let known = engine.function_names();
        for function in texts() {
            assert!(known.contains(&function.name.to_string()), "{} is not registered", function.name);
            assert!(function.syntax.starts_with(&format!("{}(", function.name)), "{}", function.syntax);
            assert!(engine.function_help(function.name).is_some_and(|help| help.contains(function.description)));
        }
        let scalars = SCALARS.iter().map(|function| (&function.text, function.arguments));
        let aggregates = AGGREGATES.iter().map(|function| (&function.text, function.arguments));
        for (text, arguments) in scalars.chain(aggregates) {
            assert!(!text.examples.is_empty(), "{} has no example", text.name);
            for argument in arguments {
                assert!(text.syntax.contains(argument.name), "{}: {}", text.syntax, argument.name);
            }
        }
    }
}
