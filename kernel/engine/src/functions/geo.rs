//! Where an address is and who announces it, as far as the databases know. What a database is: [`super::databases`].

use arrow::array::ArrayRef;
use maxminddb::PathElement;

use super::arguments::{Arguments, Kind, required};
use super::databases::Database;
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::setup::Setup;
use super::text::{FunctionText, example};

pub(super) static GEO_COUNTRY: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "geo_country",
        syntax: "geo_country(address)",
        description: "The two-letter code of the country of an address, from the location database that is set. \
                      NULL for addresses it does not know, such as private ones. Where a network is registered and \
                      where its hosts are may differ.",
        examples: &[example("geo_country('81.2.69.160')", "GB"), example("geo_country('10.0.0.1')", "NULL")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Text,
    body: |arguments| texts(arguments, "geo_country", Setup::location, &["country", "iso_code"]),
    prepare: None,
};

pub(super) static GEO_CITY: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "geo_city",
        syntax: "geo_city(address)",
        description: "The English name of the city of an address, from the location database that is set. NULL \
                      for addresses it does not know and with a database of countries only.",
        examples: &[example("geo_city('81.2.69.160')", "London")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Text,
    body: |arguments| texts(arguments, "geo_city", Setup::location, &["city", "names", "en"]),
    prepare: None,
};

pub(super) static ASN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "asn",
        syntax: "asn(address)",
        description: "The number of the autonomous system that announces an address, from the database of \
                      autonomous systems that is set. NULL for addresses it does not know.",
        examples: &[example("asn('1.128.0.1')", "1221")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Integer,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        let database = arguments.setup().autonomous_systems();
        arguments.build_integers(|row| match addresses.address(row) {
            Some(address) => database.number("asn", address, &[PathElement::Key("autonomous_system_number")]),
            None => Ok(None),
        })
    },
    prepare: None,
};

pub(super) static AS_ORG: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "as_org",
        syntax: "as_org(address)",
        description: "The organisation of the autonomous system that announces an address, from the database of \
                      autonomous systems that is set. NULL for addresses it does not know.",
        examples: &[example("as_org('1.128.0.1')", "Telstra Pty Ltd")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Text,
    body: |arguments| texts(arguments, "as_org", Setup::autonomous_systems, &["autonomous_system_organization"]),
    prepare: None,
};

fn texts(
    arguments: &Arguments,
    function: &'static str,
    database: fn(&Setup) -> &Database,
    path: &[&str],
) -> Result<ArrayRef, FunctionFault> {
    let addresses = arguments.addresses(0);
    let database = database(arguments.setup());
    let path: Vec<PathElement> = path.iter().map(|key| PathElement::Key(key)).collect();
    arguments.build_texts(|row| match addresses.address(row) {
        Some(address) => database.text(function, address, &path),
        None => Ok(None),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::engine::EngineOptions;
    use crate::functions::testing::{sample, try_select};
    use crate::{Engine, LookupFiles};

    async fn outcome(location: Option<PathBuf>, systems: Option<PathBuf>, sql: &str) -> String {
        let lookup_files = LookupFiles { location_database: location, as_database: systems, ..LookupFiles::default() };
        let options = EngineOptions { lookup_files, ..EngineOptions::default() };
        let engine = Engine::with_options(options).expect("an engine");
        try_select(&engine, sql).await.unwrap_or_else(|fault| fault.to_string())
    }

    #[tokio::test]
    async fn databases_answer_for_many_rows() {
        let (Some(cities), Some(countries)) =
            (sample("mmdb/GeoLite2-City-Test.mmdb"), sample("mmdb/GeoLite2-Country-Test.mmdb"))
        else {
            return;
        };
        let addresses = "(VALUES ('81.2.69.160'), ('2001:218::1'), (NULL), ('nothing'), ('10.0.0.1')) AS v(ip)";
        let country = format!("array_agg(geo_country(ip)) FROM {addresses}");
        for database in [&cities, &countries] {
            assert_eq!(outcome(Some(database.clone()), None, &country).await, "[GB, JP, NULL, NULL, NULL]");
        }
        let city = "array_agg(geo_city(ip)) FROM (VALUES ('81.2.69.160'), ('89.160.20.112')) AS v(ip)";
        assert_eq!(outcome(Some(cities), None, city).await, "[London, Linköping]");
        assert_eq!(outcome(Some(countries), None, city).await, "[NULL, NULL]");
    }

    #[tokio::test]
    async fn what_is_missing_or_broken_is_told() {
        assert_eq!(
            outcome(None, None, "geo_country('81.2.69.160')").await,
            "geo_country needs a location database, and none is set"
        );
        let missing = outcome(Some("/nowhere/City.mmdb".into()), None, "geo_city('81.2.69.160')").await;
        assert!(missing.starts_with("the location database `/nowhere/City.mmdb` cannot be used: "), "{missing}");
        let Some(systems) = sample("mmdb/GeoLite2-ASN-Test.mmdb") else { return };
        let swapped = outcome(Some(systems), None, "geo_country('81.2.69.160')").await;
        assert!(swapped.ends_with("cannot be used: it is of type GeoLite2-ASN"), "{swapped}");
    }

    #[tokio::test]
    async fn broken_databases_are_errors_where_they_are_broken() {
        const DOUBLE: &str = "GeoIP2-City-Test-Broken-Double-Format.mmdb";
        const NODES: &str = "GeoIP2-City-Test-Invalid-Node-Count.mmdb";
        const POINTERS: &str = "MaxMind-DB-test-broken-pointers-24.mmdb";
        for (name, address, expected) in [
            (DOUBLE, "81.2.69.160", "London"),
            (DOUBLE, "89.160.20.112", "Linköping"),
            (DOUBLE, "10.0.0.1", "NULL"),
            (DOUBLE, "2001:220::1", "invalid database at offset 15131: double of size 2"),
            (DOUBLE, "2001:218::1", "invalid database at offset 14923: double of size 9"),
            (NODES, "81.2.69.160", "the MaxMind DB file's search tree extends beyond the metadata section"),
            // Its broken pointers are never followed: it is about nothing that we ask for.
            (POINTERS, "1.1.1.1", "it is of type Test"),
        ] {
            let Some(path) = sample(&format!("mmdb/{name}")) else { return };
            let found = outcome(Some(path.clone()), None, &format!("coalesce(geo_city('{address}'), 'NULL')")).await;
            match expected {
                "London" | "Linköping" | "NULL" => assert_eq!(found, expected, "{name} {address}"),
                fault => {
                    let begin = format!("the location database `{}` cannot be used: ", path.display());
                    assert!(found.starts_with(&begin) && found.ends_with(fault), "{name} {address}: {found}");
                }
            }
        }
    }
}
