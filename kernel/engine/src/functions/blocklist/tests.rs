//! What lists say in queries: several lists, chosen ones, flows joined with them, and what is wrong.

use std::path::Path;

use crate::engine::EngineOptions;
use crate::functions::testing::try_select;
use crate::{Engine, LookupFiles};

fn engine(folder: &Path, lists: &[(&str, &str)]) -> Engine {
    let path = |name: &str| folder.join(format!("{name}.txt"));
    for (name, text) in lists {
        std::fs::write(path(name), text).expect("a list");
    }
    let blocklists = lists.iter().map(|(name, _)| ((*name).to_owned(), path(name))).collect();
    let lookup_files = LookupFiles { blocklists, ..LookupFiles::default() };
    Engine::with_options(EngineOptions { lookup_files, ..EngineOptions::default() }).expect("an engine")
}

const LISTS: &[(&str, &str)] = &[
    ("c2", "# Last updated: 2024-02-05\nip,port,date\n203.0.113.77,443,2024-02-04\nupdate-check.test\n"),
    ("drop", "; Last-Modified: Sun, 04 Feb 2024 10:31:00 GMT\n203.0.113.0/24 ; SBL1\n2001:db8:bad::/48\n"),
];

#[tokio::test]
async fn the_closest_entry_of_all_lists_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path(), LISTS);
    for (sql, expected) in [
        (
            "blocklist('203.0.113.77')",
            "{list: c2, entry: 203.0.113.77, ports: [443], entry_date: 2024-02-04, list_date: 2024-02-05, lists: c2, drop}",
        ),
        (
            "blocklist(to_ip('203.0.113.78'))",
            "{list: drop, entry: 203.0.113.0/24, ports: NULL, entry_date: NULL, list_date: 2024-02-04, lists: drop}",
        ),
        ("blocklist('203.0.113.77', 'drop')['entry']", "203.0.113.0/24"),
        ("blocklist('203.0.113.77', ' c2 , drop ')['list']", "c2"),
        ("blocklist('203.0.113.77', '')['list']", "c2"),
        ("blocklist('203.0.113.77', NULL)['list']", "c2"),
        ("array_has(blocklist('203.0.113.77')['ports'], 443)", "true"),
        ("blocklist('www.Update-Check.test.')['entry']", "update-check.test"),
        ("blocklist('2001:db8:bad::1')['list']", "drop"),
        ("blocklist('no name')", "NULL"),
        ("blocklist(NULL)", "NULL"),
        (
            "array_agg(ip ORDER BY ip) FROM (VALUES ('10.0.0.1'), ('203.0.113.1'), (NULL), ('a.update-check.test')) AS v(ip) \
             WHERE blocklist(ip) IS NOT NULL",
            "[203.0.113.1, a.update-check.test]",
        ),
        (
            "count(*) FROM (SELECT to_ip(concat('203.0.', value, '.77')) AS ip FROM range(0, 256)) \
             WHERE blocklist(ip)['list'] = 'c2'",
            "1",
        ),
        // The list may come from a column, as a choice of a form does not.
        (
            "array_agg(blocklist('203.0.113.77', list)['entry'] ORDER BY list) FROM (VALUES ('c2'), ('drop')) AS v(list)",
            "[203.0.113.77, 203.0.113.0/24]",
        ),
    ] {
        assert_eq!(try_select(&engine, sql).await.expect(sql), expected, "{sql}");
    }
}

#[tokio::test]
async fn lists_are_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path(), LISTS);
    for (sql, expected) in [
        (
            "array_agg(concat(list, ' ', addresses, ' ', names, ' ', date) ORDER BY list) FROM blocklists()",
            "[c2 1 1 2024-02-05, drop 2 0 2024-02-04]",
        ),
        (
            "array_agg(concat(entry, ' ', kind) ORDER BY entry) FROM blocklist_entries('c2')",
            "[203.0.113.77 address, update-check.test name]",
        ),
        ("count(*) FROM blocklist_entries()", "4"),
        ("count(*) FROM blocklist_entries('drop') WHERE kind = 'network' AND ports IS NULL", "2"),
    ] {
        assert_eq!(try_select(&engine, sql).await.expect(sql), expected, "{sql}");
    }
    std::fs::write(folder.path().join("drop.txt"), "<html>\n").expect("no list");
    let fault = "array_agg(fault) FILTER (WHERE fault IS NOT NULL) FROM blocklists()";
    let fault = try_select(&engine, fault).await.expect("a table of lists, also of broken ones");
    assert!(fault.contains("drop.txt` cannot be used: it is no blocklist"), "{fault}");
}

#[tokio::test]
async fn a_list_that_is_replaced_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path(), &[("c2", "203.0.113.77\n")]);
    let is_listed = "blocklist('evil.example') IS NOT NULL";
    assert_eq!(try_select(&engine, is_listed).await.expect("a list"), "false");
    std::fs::write(folder.path().join("c2.txt"), "evil.example\n203.0.113.77\n").expect("a newer list");
    assert_eq!(try_select(&engine, is_listed).await.expect("a list"), "true");
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let none = Engine::new().expect("an engine");
    let fault = try_select(&none, "blocklist('203.0.113.77')").await.expect_err("no list");
    assert_eq!(fault.to_string(), "blocklist needs a blocklist, and none is set");
    assert!(fault.hint().is_some_and(|hint| hint.contains("[blocklists.c2]")));
    let engine = engine(folder.path(), &[("c2", "203.0.113.77\n"), ("web", "<html>\n")]);
    for (sql, expected) in [
        ("blocklist('203.0.113.77', 'c3')", "there is no such list; lists are c2, web"),
        ("count(*) FROM blocklist_entries('c3')", "there is no such list; lists are c2, web"),
        ("blocklist('203.0.113.77')", "web.txt` cannot be used: it is no blocklist"),
        ("blocklist(12)", "blocklist needs an IP address or text as `value`"),
        ("count(*) FROM blocklists(1)", "blocklists takes no argument; it was given 1"),
    ] {
        let fault = try_select(&engine, sql).await.expect_err(sql);
        assert!(fault.to_string().contains(expected), "{sql}: {fault}");
    }
    assert_eq!(try_select(&engine, "blocklist('203.0.113.77', 'c2')['list']").await.expect("a list"), "c2");
}
