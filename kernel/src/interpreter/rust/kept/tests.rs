//! What is kept, told apart; what goes, and what stays.

#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

const CURRENT: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";
/// What cargo calls a crate of the prelude's, one of `:dep`, and one that both sets of `:dep` need.
const UNITS: [&str; 4] = ["aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc", "dddddddddddddddd"];

struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Cache {
        Cache(tempfile::tempdir().unwrap())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// A file of a thousand bytes, last written so many days ago.
    fn file(&self, path: &str, days: u32) {
        self.write(path, &[0; 1000], days);
    }

    fn write(&self, path: &str, bytes: &[u8], days: u32) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - DAY * days).unwrap();
    }

    /// A prelude with two sets of crates, used so many days ago.
    fn prelude(&self, key: &str, days: u32) {
        let of = |path: &str| format!("prelude/{key}/{path}");
        self.file(&of("release/libflowdeck.so"), days);
        for unit in UNITS {
            self.file(&of(&format!("release/deps/libx-{unit}.rlib")), days);
            self.file(&of(&format!("release/.fingerprint/x-{unit}/lib")), days);
        }
        let record = json!({"toolchain": "rustc 1.2.3", "version": "9", "files": {}, "units": [UNITS[0]]});
        self.write(&of("prelude.json"), record.to_string().as_bytes(), days);
        for (name, units) in [("hex", [UNITS[0], UNITS[1], UNITS[3]]), ("rand", [UNITS[0], UNITS[2], UNITS[3]])] {
            let record = json!({"wanted": [format!("{name} = \"1\"")], "units": units});
            self.write(&of(&format!("dependencies/{name}.json")), record.to_string().as_bytes(), days);
        }
        self.write(&format!("prelude/{key}.used"), b"", days);
        self.write(&format!("prelude/{key}.lock"), b"", days);
        self.file(&format!("cells/{key}/cell.object"), days);
    }

    fn find(&self) -> Vec<Kept> {
        find(self.0.path(), Some(CURRENT)).unwrap()
    }

    fn tidy(&self, max: u64, left: u64) -> u64 {
        tidy_to(self.0.path(), Some(CURRENT), SystemTime::now(), max, left).unwrap()
    }
}

#[test]
fn each_thing_is_told_with_what_it_is_of() {
    let cache = Cache::new();
    cache.prelude(CURRENT, 2);
    cache.file("cells/mine/file", 90);
    let kept = cache.find();
    let told: Vec<(What, &str, bool)> = kept.iter().map(|one| (one.what, one.about.as_str(), one.is_current)).collect();
    let of = "rustc 1.2.3, Flowdeck 9";
    let mut crates: Vec<&str> = told[2..].iter().map(|one| one.1).collect();
    crates.sort_unstable();
    assert_eq!(told[..2], [(What::Prelude, of, true), (What::Cells, of, true)]);
    assert_eq!(crates, ["hex", "rand"]);
    // Of each set its own crate and the one that both need, two files each.
    assert_eq!(kept[2].bytes, 4000);
    assert!(kept[0].bytes >= 3000 && kept[0].bytes < 5000, "what is of crates is not the prelude's: {}", kept[0].bytes);
    assert!(find(&cache.at("nowhere"), None).unwrap().is_empty());
}

#[test]
fn what_was_not_used_for_long_goes_and_the_rest_stays() {
    let cache = Cache::new();
    cache.prelude(CURRENT, 3);
    cache.prelude(OTHER, 31);
    cache.file(&format!("prelude/{OTHER}.building/file"), 0);
    cache.file("cells/mine/file", 90);
    assert!(cache.tidy(u64::MAX, 0) > 5000);
    assert!(!cache.at(&format!("prelude/{OTHER}")).exists() && !cache.at(&format!("prelude/{OTHER}.used")).exists());
    assert!(!cache.at(&format!("cells/{OTHER}")).exists() && !cache.at(&format!("prelude/{OTHER}.building")).exists());
    assert!(
        cache.at(&format!("prelude/{CURRENT}/dependencies/hex.json")).exists() && cache.at("cells/mine/file").exists()
    );
    assert_eq!(cache.tidy(u64::MAX, 0), 0);
}

#[test]
fn crates_go_without_what_others_need() {
    let cache = Cache::new();
    cache.prelude(CURRENT, 3);
    let record = format!("prelude/{CURRENT}/dependencies/hex.json");
    cache.write(&record, json!({"wanted": ["hex = \"1\""], "units": [UNITS[1], UNITS[3]]}).to_string().as_bytes(), 40);
    cache.tidy(u64::MAX, 0);
    let left = |unit: &str| cache.at(&format!("prelude/{CURRENT}/release/deps/libx-{unit}.rlib")).exists();
    assert_eq!(UNITS.map(left), [true, false, true, true]);
    assert!(!cache.at(&record).exists());
}

#[test]
fn what_is_too_much_goes_by_its_age_but_never_what_is_in_use() {
    let cache = Cache::new();
    cache.prelude(CURRENT, 9);
    cache.prelude(OTHER, 4);
    let used = File::open(cache.at(&format!("prelude/{CURRENT}.used"))).unwrap();
    used.lock_shared().unwrap();
    assert!(cache.find().iter().any(|one| one.is_in_use && one.what == What::Prelude && one.is_current));
    cache.tidy(1, 0);
    assert!(cache.at(&format!("prelude/{CURRENT}/release/libflowdeck.so")).exists());
    assert!(cache.at(&format!("cells/{CURRENT}/cell.object")).exists());
    assert!(!cache.at(&format!("prelude/{OTHER}")).exists());
    // Crates that were used a short while ago may be in use.
    cache.prelude(OTHER, 0);
    let building = File::open(cache.at(&format!("prelude/{OTHER}.lock"))).unwrap();
    building.lock().unwrap();
    cache.tidy(1, 0);
    assert!(cache.at(&format!("prelude/{OTHER}/dependencies/hex.json")).exists());
}

#[test]
fn only_so_much_goes_as_is_too_much() {
    let cache = Cache::new();
    for (number, days) in [(1, 5), (2, 9), (3, 7)] {
        cache.file(&format!("cells/{number:016x}/cell.object"), days);
    }
    cache.tidy(2500, 2000);
    assert_eq!([1, 2, 3].map(|number| cache.at(&format!("cells/{number:016x}")).exists()), [true, false, true]);
}
