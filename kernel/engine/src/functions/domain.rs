//! Functions of domain names. Their one spelling is [`flow_source::domain`]'s business; which part of a name is whose is
//! decided in [`super::suffix_rules`].

use arrow::array::ArrayRef;
use flow_source::domain::normalized;

use super::arguments::{Arguments, Kind, optional, required};
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::suffix_rules::Sections;
use super::text::{FunctionText, example};

pub(super) static NORMALIZE_DOMAIN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "normalize_domain",
        syntax: "normalize_domain(name)",
        description: "A domain name in the one spelling that can be compared: lower case, international names in \
                      their xn-- form, without the dot and the port at its end. NULL for addresses and for what is \
                      no domain name.",
        examples: &[
            example("normalize_domain('WWW.Example.COM.')", "www.example.com"),
            example("normalize_domain('bücher。example')", "xn--bcher-kva.example"),
            example("normalize_domain('example.com:8080')", "example.com"),
            example("normalize_domain('192.0.2.1')", "NULL"),
        ],
    },
    arguments: &[required("name", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| {
        let names = arguments.texts(0);
        arguments.build_texts(|row| Ok(names.text(row).and_then(normalized)))
    },
    prepare: None,
};

pub(super) static REGISTERED_DOMAIN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "registered_domain",
        syntax: "registered_domain(name [, rules])",
        description: "The part of a name that somebody registered: the public suffix and one label more, normalised. \
                      rules is 'all' (the default: also suffixes of companies that let others register below, such \
                      as github.io) or 'icann' (registries only). NULL for addresses, for public suffixes themselves \
                      and for what is no domain name.",
        examples: &[
            example("registered_domain('beacons.gcp.gvt2.com')", "gvt2.com"),
            example("registered_domain('www.Example.co.uk.')", "example.co.uk"),
            example("registered_domain('me.github.io')", "me.github.io"),
            example("registered_domain('me.github.io', 'icann')", "github.io"),
            example("registered_domain('co.uk')", "NULL"),
        ],
    },
    arguments: &[required("name", Kind::Text), optional("rules", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| of_parts(arguments, |parts| parts.registered().map(str::to_string)),
    prepare: None,
};

pub(super) static SUBDOMAIN: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "subdomain",
        syntax: "subdomain(name [, rules])",
        description: "What stands before the registered domain, normalised; NULL where nothing does. rules as for \
                      registered_domain.",
        examples: &[
            example("subdomain('beacons.gcp.gvt2.com')", "beacons.gcp"),
            example("subdomain('gvt2.com')", "NULL"),
        ],
    },
    arguments: &[required("name", Kind::Text), optional("rules", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| of_parts(arguments, |parts| parts.before_registered().map(str::to_string)),
    prepare: None,
};

pub(super) static PUBLIC_SUFFIX: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "public_suffix",
        syntax: "public_suffix(name [, rules])",
        description: "The end of a name below which anybody may register, normalised; the last label where no rule \
                      is known. rules as for registered_domain.",
        examples: &[
            example("public_suffix('www.example.co.uk')", "co.uk"),
            example("public_suffix('me.github.io', 'icann')", "io"),
        ],
    },
    arguments: &[required("name", Kind::Text), optional("rules", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| of_parts(arguments, |parts| Some(parts.name[parts.suffix_start..].to_string())),
    prepare: None,
};

/// A normalised name and where its public suffix begins.
struct Parts {
    name: String,
    suffix_start: usize,
}

impl Parts {
    fn registered(&self) -> Option<&str> {
        Some(&self.name[self.registered_start()?..])
    }

    fn before_registered(&self) -> Option<&str> {
        let end = self.registered_start()?.checked_sub(1)?;
        Some(&self.name[..end])
    }

    fn registered_start(&self) -> Option<usize> {
        let before_suffix = &self.name[..self.suffix_start.checked_sub(1)?];
        Some(before_suffix.rfind('.').map_or(0, |dot| dot + 1))
    }
}

fn of_parts(arguments: &Arguments, part: fn(&Parts) -> Option<String>) -> Result<ArrayRef, FunctionFault> {
    let names = arguments.texts(0);
    let sections = arguments.has(1).then(|| arguments.texts(1));
    arguments.build_texts(|row| {
        let sections = match sections.as_ref().map(|sections| sections.text(row)) {
            None | Some(Some("all" | "private")) => Sections::All,
            Some(Some("icann")) => Sections::Icann,
            Some(Some(other)) => return Err(arguments.refused(1, format!("'{other}'"), "it must be 'all' or 'icann'")),
            Some(None) => return Ok(None),
        };
        let Some(name) = names.text(row).and_then(normalized) else { return Ok(None) };
        let suffix = arguments.setup().suffix_rules.suffix(&name, sections)?;
        let Some(suffix_start) = suffix.map(|suffix| name.len() - suffix.len()) else { return Ok(None) };
        Ok(part(&Parts { name, suffix_start }))
    })
}

#[cfg(test)]
mod tests {
    use crate::Engine;
    use crate::functions::testing;

    #[tokio::test]
    async fn agrees_with_the_published_test_of_the_list() {
        let Some(path) = testing::sample("psl/test_psl.txt") else { return };
        let text = std::fs::read_to_string(path).expect("a readable sample");
        let engine = Engine::new().expect("an engine");
        let mut count = 0;
        let mut wrong = Vec::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("checkPublicSuffix(")) {
            let quoted = |argument: &str| argument.trim().trim_end_matches(");").to_string();
            let (name, expected) = line.split_once(',').expect("two arguments");
            let (name, expected) = (quoted(name), quoted(expected));
            let as_text = |value: &str| format!("CAST({value} AS VARCHAR)");
            let (name, expected) = (as_text(&name), as_text(&expected));
            let sql = format!("registered_domain({name}) IS NOT DISTINCT FROM normalize_domain({expected})");
            count += 1;
            if !testing::try_select(&engine, &sql).await.is_ok_and(|agrees| agrees == "true") {
                wrong.push(line);
            }
        }
        assert!(count > 50, "{count}");
        assert_eq!(wrong, Vec::<&str>::new());
    }
}
