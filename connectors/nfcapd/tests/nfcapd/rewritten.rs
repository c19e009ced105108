//! Files that nfdump writes with each compression, and blocks compressed as nfdump 1.7.4 and later can.

use std::path::{Path, PathBuf};

use crate::fixtures::{flows, lines, log, nfdump, query_in, sample, text};

/// All columns but `sampled`: nfdump 1.7.1 forgets that mark when it writes a file of layout 1 anew.
async fn rows(path: &Path) -> Vec<String> {
    lines(&query_in(1, &log(path), "SELECT * EXCEPT (sampled) FROM t").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_compression_is_read_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["nfcapd.sample", "nfcapd-small-lzo", "nfcapd-large-bz2"] {
        let Some(path) = sample(name) else { return };
        let original = rows(&path).await;
        for compression in [None, Some("-z"), Some("-j"), Some("-y")] {
            let copy = folder.path().join(format!("{name}{}", compression.unwrap_or_default()));
            let (from, to) = (path.to_string_lossy(), copy.to_string_lossy());
            let mut arguments = vec!["-r", &from, "-w", &to];
            arguments.extend(compression);
            if nfdump(&arguments).is_none() {
                return;
            }
            let found = rows(&copy).await;
            assert_eq!(found.len(), original.len(), "{name} {compression:?}");
            for (number, (found, original)) in found.iter().zip(&original).enumerate() {
                assert_eq!(found, original, "{name} {compression:?}, record {number}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_a_file_make_the_whole() {
    let Some(path) = sample("nfcapd-large-bz2") else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    if nfdump(&["-r", &path.to_string_lossy(), "-w", &copy.to_string_lossy()]).is_none() {
        return;
    }
    let table = flows(&copy);
    let plan = lines(&query_in(4, &table, "EXPLAIN SELECT bytes FROM t").await).join("\n");
    assert!(plan.contains("FileExec"), "{plan}");
    let sql = "SELECT count(*), sum(bytes), sum(packets), count(DISTINCT source_row), min(sampling_rate), \
        count(exporter_ip), count(DISTINCT src_ip) FROM t";
    let one = lines(&query_in(1, &table, sql).await);
    assert!(one[0].starts_with("100000|417073490515|551025205|100000|"), "{one:?}");
    for partitions in [2, 3, 7] {
        assert_eq!(lines(&query_in(partitions, &table, sql).await), one, "{partitions} partitions");
    }
}

/// The uncompressed sample of layout 2 with each of its blocks compressed anew.
fn with_blocks(folder: &Path, compression: u8, pack: impl Fn(&[u8]) -> Vec<u8>, flags: u16) -> Option<PathBuf> {
    let bytes = std::fs::read(sample("nfcapd.sample")?).unwrap();
    let (mut header, mut rest) = (bytes[..40].to_vec(), &bytes[40..]);
    header[16] = compression;
    let mut blocks = Vec::new();
    let mut appendix = 0;
    while !rest.is_empty() {
        let size = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let packed = pack(&rest[12..12 + size]);
        appendix = 40 + blocks.len() as u64;
        blocks.extend_from_slice(&rest[..4]);
        blocks.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        blocks.extend_from_slice(&rest[8..10]);
        blocks.extend_from_slice(&flags.to_le_bytes());
        blocks.extend_from_slice(&packed);
        rest = &rest[12 + size..];
    }
    header[24..32].copy_from_slice(&appendix.to_le_bytes());
    let path = folder.join(format!("nfcapd.{compression}.{flags}"));
    std::fs::write(&path, [header, blocks].concat()).unwrap();
    Some(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn zstd_and_blocks_that_are_stored_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = sample("nfcapd.sample") else { return };
    let original = rows(&path).await;
    let packed = with_blocks(folder.path(), 4, |block| zstd::bulk::compress(block, 3).unwrap(), 0).unwrap();
    assert!(packed.metadata().unwrap().len() < path.metadata().unwrap().len() / 2);
    assert!(rows(&packed).await == original, "zstd");
    let stored = with_blocks(folder.path(), 1, <[u8]>::to_vec, 1).unwrap();
    assert!(rows(&stored).await == original, "stored");
    let ident = text(&flows(&packed), "SELECT DISTINCT sensor FROM t").await;
    assert_eq!(ident, text(&flows(&path), "SELECT DISTINCT sensor FROM t").await);
}
