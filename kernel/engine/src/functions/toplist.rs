//! How well known a name is: its rank on the top lists that are set. What a list is: [`connector_toplist`].

use std::path::PathBuf;
use std::sync::Arc;

use crate::connectors::lists::TopList;
use flow_source::domain::normalized;

use super::arguments::{Kind, optional, required};
use super::fault::FunctionFault;
use super::kept_file::KeptFile;
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

const NAME: &str = "toplist_rank";

const HINT: &str = "Name the list in flowdeck.toml, [toplist.domains] or [toplist.names], and run `flowdeck toplist update`; \
                    docs/enrichment.md tells how";

pub(super) static TOPLIST_RANK: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: NAME,
        syntax: "toplist_rank(name [, list])",
        description: "The rank of a name on a top list, 1 for the one that is visited most; NULL when it is not on the \
                      list. list is 'domains' (the default: registered domains) or 'names' (full names, sub-domains \
                      included). The name itself is looked up: give registered_domain(name) to 'domains'.",
        examples: &[
            example("toplist_rank('gvt2.com')", "20000"),
            example("toplist_rank('beacons.gcp.gvt2.com')", "NULL"),
            example("toplist_rank('Beacons.GCP.gvt2.com.', 'names')", "3"),
        ],
    },
    arguments: &[required("name", Kind::Text), optional("list", Kind::Text)],
    returns: Returns::Integer,
    body: |arguments| {
        let names = arguments.texts(0);
        let rankings = arguments.has(1).then(|| arguments.texts(1));
        // One look at the files for all rows: a list that is replaced meanwhile must not split a result.
        let mut lists = [None, None];
        arguments.build_integers(|row| {
            let ranking = match rankings.as_ref().map(|rankings| rankings.text(row)) {
                None | Some(Some("domains")) => Ranking::Domains,
                Some(Some("names")) => Ranking::Names,
                Some(Some(other)) => {
                    return Err(arguments.refused(1, format!("'{other}'"), "it must be 'domains' or 'names'"));
                }
                Some(None) => return Ok(None),
            };
            let list = match &mut lists[ranking as usize] {
                Some(list) => list,
                none => none.insert(arguments.setup().ranked_file(ranking).list()?),
            };
            let name = names.text(row).and_then(normalized);
            Ok(name.and_then(|name| list.rank(&name)).map(i64::from))
        })
    },
    prepare: None,
};

/// What a list ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranking {
    Domains,
    Names,
}

impl Ranking {
    fn words(self) -> &'static str {
        match self {
            Ranking::Domains => "top list of domains",
            Ranking::Names => "top list of names",
        }
    }
}

/// A list in a file, if one is set.
#[derive(Debug)]
pub(super) struct RankedFile {
    ranking: Ranking,
    file: Option<KeptFile<TopList>>,
}

impl RankedFile {
    pub(super) fn new(ranking: Ranking, path: Option<PathBuf>) -> RankedFile {
        let kept = |path| KeptFile::new(ranking.words(), path, TopList::read);
        RankedFile { ranking, file: path.map(kept) }
    }

    fn list(&self) -> Result<Arc<TopList>, FunctionFault> {
        match &self.file {
            Some(file) => file.get(),
            None => Err(FunctionFault::NoFile { function: NAME, what: self.ranking.words(), hint: HINT }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::EngineOptions;
    use crate::functions::testing::try_select;
    use crate::{Engine, LookupFiles};

    #[tokio::test]
    async fn a_list_that_is_replaced_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("domains.csv");
        let lookup_files = LookupFiles { top_domains: Some(path.clone()), ..LookupFiles::default() };
        let options = EngineOptions { lookup_files, ..EngineOptions::default() };
        let engine = Engine::with_options(options).expect("an engine");
        let rank = "toplist_rank('example.com')";
        let missing = try_select(&engine, rank).await.expect_err("no file");
        assert!(missing.to_string().contains("the top list of domains `"), "{missing}");
        for (text, expected) in
            [("1,example.com\n", "1"), ("1,example.org\n22,example.com\n", "22"), ("x.example", "NULL")]
        {
            std::fs::write(&path, text).expect("a list");
            assert_eq!(try_select(&engine, rank).await.expect("a list"), expected);
        }
    }

    #[tokio::test]
    async fn a_list_that_is_not_set_says_how_to_set_it() {
        let engine = Engine::new().expect("an engine");
        let fault = try_select(&engine, "toplist_rank('example.com', 'names')").await.expect_err("no list");
        assert_eq!(fault.to_string(), "toplist_rank needs a top list of names, and none is set");
        assert!(fault.hint().is_some_and(|hint| hint.contains("flowdeck toplist update")));
        let fault = try_select(&engine, "toplist_rank('example.com', 'alexa')").await.expect_err("no such list");
        assert!(fault.to_string().contains("'domains' or 'names'"), "{fault}");
    }
}
