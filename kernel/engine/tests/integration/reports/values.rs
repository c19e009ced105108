//! Reports about values: large numbers, fields without a name, names, networks, limits.

use flow_engine::{CancellationToken, Format, Parameter, QueryOptions, export};

use super::{file, told, values};
use crate::{engine, expect_rows, query, try_query};

/// activecm/rita-legacy#694: lines with more fields than the header, all of them empty.
#[tokio::test(flavor = "multi_thread")]
async fn empty_fields_behind_the_last_column_do_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let row = "2024-01-01T00:00:00Z,10.0.0.1,10.0.0.2,7";
    let text = format!("start_time,src_ip,dst_ip,bytes\n{row},\n{row},,\n{row}\n{row},more\n{row}\n");
    let good = format!("start_time,src_ip,dst_ip,bytes\n{row},\n{row},\n{row},,\n");
    for (name, text, sum, is_rejected) in [
        ("f.csv", text.clone(), "28", true),
        ("f.tsv", text.replace(',', "\t"), "28", true),
        ("all.csv", good.clone(), "21", false),
        ("all.tsv", good.replace(',', "\t"), "21", false),
        ("head.csv", good.replace("bytes\n", "bytes,\n"), "21", false),
    ] {
        let path = file(folder.path(), name, &text);
        for reader in ["read_flows", "read_log"] {
            let (found, notes) = told(&engine, &format!("SELECT sum(bytes) FROM {reader}('{path}')")).await;
            assert_eq!(found, [sum], "{name} by {reader}: {notes}");
            assert_eq!(
                notes.contains("1 row rejected") && notes.contains("line 5: 5 values, expected 4"),
                is_rejected,
                "{name}: {notes}"
            );
        }
    }
}

/// OISF/suricata#2214, bammv/sguil#59, DCSO/fever#48: ids and counters beyond 2^53 lost their last digits. Those of JSON
/// within objects are tested with plain files, how they reach a page with tables.
#[tokio::test(flavor = "multi_thread")]
async fn large_numbers_keep_all_their_digits() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let json = "{\"id\":9007199254740993,\"big\":18446744073709551615}\n{\"id\":9007199254740995,\"big\":1}\n";
    let csv = "id,big,huge,mixed\n9007199254740993,18446744073709551615,99999999999999999999999,-1\n\
               9007199254740995,1,1,18446744073709551615\n";
    let json = file(folder.path(), "ids.json", json);
    let csv = file(folder.path(), "ids.csv", csv);
    for (path, column, expected) in [
        (&json, "id", ["9007199254740993", "9007199254740995"]),
        (&json, "big", ["18446744073709551615", "1"]),
        (&csv, "id", ["9007199254740993", "9007199254740995"]),
        (&csv, "big", ["18446744073709551615", "1"]),
        (&csv, "huge", ["99999999999999999999999", "1"]),
        (&csv, "mixed", ["-1", "18446744073709551615"]),
    ] {
        let sql = format!("SELECT CAST({column} AS VARCHAR) AS n FROM read_log('{path}') ORDER BY id");
        let (found, notes) = told(&engine, &sql).await;
        assert_eq!(found, expected, "{sql}: {notes}");
    }
    // Counters and ids of flows are of the type of their column, whatever the first rows hold.
    let row = "{\"start_time\":\"2024-01-01T00:00:00Z\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\",\
               \"bytes\":18446744073709551615,\"uid\":18446744073709551614}\n";
    let flows = file(folder.path(), "f.json", row);
    let found = query(&engine, &format!("SELECT bytes, uid FROM read_flows('{flows}')")).await;
    assert_eq!(values(&found), ["18446744073709551615|18446744073709551614"]);
}

/// apache/datafusion#3520, #21318: what is left of the ways in which whole numbers wrap. Sums and `+ - *` are tested with
/// the integers.
#[tokio::test(flavor = "multi_thread")]
async fn no_whole_number_wraps() {
    let engine = engine();
    let table = "(SELECT CAST(-9223372036854775808 AS BIGINT) AS least, CAST(-1 AS BIGINT) AS minus, \
                 CAST(18446744073709551615 AS BIGINT UNSIGNED) AS u, CAST(65535 AS SMALLINT UNSIGNED) AS port)";
    for sql in [
        "least / minus",
        "abs(least)",
        "CAST(u AS BIGINT)",
        "CAST(port AS SMALLINT)",
        "CAST(minus AS BIGINT UNSIGNED)",
        "arrow_cast(u, 'Int64')",
        "power(u, 2)",
        "factorial(21)",
        "lcm(u, 9223372036854775807)",
    ] {
        let outcome = try_query(&engine, &format!("SELECT {sql} AS n FROM {table}")).await;
        if let Ok(result) = &outcome {
            // A power is no whole number.
            assert_eq!((sql, values(result)[0].as_str()), ("power(u, 2)", "3.402823669209385e38"));
        }
    }
    for (sql, expected) in [
        ("least % minus", "0"),
        ("sum(port) OVER ()", "65535"),
        ("avg(u)", "1.8446744073709552e19"),
        ("max(u)", "18446744073709551615"),
        ("u - 1", "18446744073709551614"),
        ("minus + u", "18446744073709551614"),
        ("u > minus", "true"),
        ("u = 18446744073709551615", "true"),
        ("coalesce(NULL, u, minus)", "18446744073709551615"),
    ] {
        let found = values(&query(&engine, &format!("SELECT {sql} AS n FROM {table}")).await);
        assert_eq!(found, [expected], "{sql}");
    }
}

/// itables#89, #134, simonw/sqlite-utils#773: columns of one name, in every format that results are written in. Those of
/// files are tested with plain files.
#[tokio::test(flavor = "multi_thread")]
async fn no_column_of_a_repeated_name_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let result = query(&engine, "SELECT 'x' AS a, 'y' AS a, 'z' AS a_2, 1 AS A").await;
    for (format, name) in
        [(Format::Csv, "r.csv"), (Format::Json, "r.json"), (Format::Parquet, "r.parquet"), (Format::Arrow, "r.arrow")]
    {
        let path = folder.path().join(name);
        export::write_to_path(&result, format, &path, false).expect(name);
        let back = query(&engine, &format!("SELECT * FROM read_log('{}')", path.display())).await;
        assert_eq!(values(&back), ["x|y|z|1"], "{name}");
    }
}

/// publicsuffix/list#792, rockdaboot/libpsl#281, thom4parisot/tld.js#95, john-kurkowski/tldextract#252, #115, #370. The
/// list's own tests need a sample; these do not.
#[tokio::test]
async fn names_are_cut_at_their_public_suffix_however_they_are_written() {
    let engine = engine();
    for (name, all, icann) in [
        ("www.example.com.", "example.com", "example.com"),
        ("食狮。公司。cn", "xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("shop.example.uk.com", "example.uk.com", "uk.com"),
        ("a.b.github.io", "b.github.io", "github.io"),
        ("uk.com", "NULL", "uk.com"),
        ("WWW.EXAMPLE.CO.UK", "example.co.uk", "example.co.uk"),
        (".example.com", "NULL", "NULL"),
        ("a..example.com", "NULL", "NULL"),
        ("com", "NULL", "NULL"),
        ("", "NULL", "NULL"),
        ("192.0.2.7", "NULL", "NULL"),
        ("2001:db8::1", "NULL", "NULL"),
        ("[2001:db8::1]", "NULL", "NULL"),
        ("localhost", "NULL", "NULL"),
    ] {
        let sql = format!("SELECT registered_domain('{name}') AS a, registered_domain('{name}', 'icann') AS b");
        assert_eq!(values(&query(&engine, &sql).await), [format!("{all}|{icann}")], "{name}");
    }
}

/// ploomber/jupysql#462, #801: a limit that is not set, or zero, is none; the count is always told.
#[tokio::test]
async fn a_limit_that_is_not_set_gives_all_rows() {
    let engine = engine();
    for (limit, expected) in [(None, 30), (Some(7), 7)] {
        let options = QueryOptions::default().with_parameter("limit", Parameter::Integer(limit));
        let sql = "SELECT value FROM generate_series(1, 30) LIMIT $limit";
        let result = expect_rows(engine.query(sql, options, CancellationToken::new()).await);
        assert_eq!(result.row_count, expected, "{limit:?}");
        let text = flow_engine::render::to_text(&result, 5);
        assert!(text.contains(&format!("{expected} rows")), "{text}");
    }
}

/// snorby#62, OpenCTI#2119: networks with host bits are networks wherever one may be written.
#[tokio::test]
async fn networks_with_host_bits_are_networks_everywhere() {
    let engine = engine();
    for sql in [
        "SELECT ip_in('192.168.17.9', '192.168.17.1/24')",
        "SELECT to_ip('192.168.17.9') = '192.168.17.1/24'",
        "SELECT '192.168.17.1/24' = to_ip('192.168.17.9')",
        "SELECT to_ip('192.168.17.9') IN ('192.168.17.1/24', '10.0.0.0/8')",
        "SELECT to_ip('2001:db8::9') = '2001:db8::1/64'",
        "SELECT NOT (to_ip('192.168.18.9') = '192.168.17.1/24')",
        "SELECT to_ip('192.168.18.9') <> '192.168.17.1/24'",
    ] {
        assert_eq!(values(&query(&engine, sql).await), ["true"], "{sql}");
    }
}
