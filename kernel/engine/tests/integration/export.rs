//! Rows to files and back.

use std::path::Path;

use flow_engine::{EngineError, Format, export};

use crate::{engine, query, rows};

const VALUES: &str = "SELECT * FROM (VALUES \
    (18446744073709551615, 'plain', TIMESTAMP '2024-01-02T03:04:05.678', 0.1), \
    (9007199254740993, 'say \"hi\", twice', NULL, 1e300), \
    (0, 'two\nlines', TIMESTAMP '1970-01-01T00:00:00', NULL)) AS t(n, text, time, x)";

#[tokio::test]
async fn what_is_written_reads_back_equal() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let result = query(&engine, VALUES).await;
    let expected = rows(
        &query(
            &engine,
            &format!(
                "SELECT CAST(n AS TEXT) AS n, text, CAST(time AS TIMESTAMP(3)) AS time, x FROM ({VALUES}) ORDER BY text"
            ),
        )
        .await,
    );
    for (format, name) in
        [(Format::Parquet, "a.parquet"), (Format::Arrow, "a.arrow"), (Format::Csv, "a.csv"), (Format::Json, "a.json")]
    {
        let path = folder.path().join(name);
        export::write_to_path(&result, format, &path, false).expect("an export");
        let sql = format!(
            "SELECT CAST(n AS TEXT) AS n, text, CAST(time AS TIMESTAMP(3)) AS time, x FROM read_log('{}') ORDER BY text",
            path.display()
        );
        assert_eq!(rows(&query(&engine, &sql).await), expected, "{format:?}");
    }
}

#[tokio::test]
async fn big_integers_are_exact_in_text_formats() {
    let result =
        query(&engine(), "SELECT 18446744073709551615 AS n, [1, NULL] AS list, X'00ff' AS bytes, NULL AS nothing")
            .await;
    for (format, expected) in [
        (Format::Json, "{\"n\":18446744073709551615,\"list\":[1,null],\"bytes\":\"00ff\",\"nothing\":null}\n"),
        (Format::Csv, "n,list,bytes,nothing\r\n18446744073709551615,\"[1, NULL]\",00ff,\r\n"),
    ] {
        let mut bytes = Vec::new();
        export::write(&result, format, &mut bytes).expect("bytes");
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }
}

#[tokio::test]
async fn repeated_names_are_numbered() {
    let result = query(&engine(), "SELECT a.value, b.value FROM range(0, 1) a, range(0, 1) b").await;
    let mut bytes = Vec::new();
    export::write(&result, Format::Csv, &mut bytes).expect("bytes");
    assert_eq!(String::from_utf8_lossy(&bytes), "value,value_2\r\n0,0\r\n");
    let mut bytes = Vec::new();
    export::write(&result, Format::Parquet, &mut bytes).expect("bytes");
}

#[tokio::test]
async fn files_appear_whole_and_are_not_overwritten_silently() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "precious").expect("a file");
    let result = query(&engine(), "SELECT 1 AS x").await;
    let fault = export::write_to_path(&result, Format::Csv, &path, false).expect_err("it exists");
    assert!(matches!(fault, EngineError::Write { is_existing: true, .. }), "{fault:?}");
    assert!(fault.hint().is_some());
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "precious");
    export::write_to_path(&result, Format::Csv, &path, true).expect("replaced");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "x\r\n1\r\n");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left behind");
    let fault = export::write_to_path(&result, Format::Csv, Path::new("/nowhere/at/all.csv"), false);
    assert!(fault.expect_err("no folder").to_string().contains("/nowhere/at/all.csv"));
}
