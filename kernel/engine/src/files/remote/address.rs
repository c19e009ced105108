//! Addresses of objects, as analysts write them: `s3://bucket/2024/*.parquet`, `https://host/conn.log.gz`.
//!
//! Text only: nothing is asked of a server here. What follows a `?` in an address of a web server may be a signature, so
//! no text for people repeats it.

use object_store::path::Path;
use url::Url;

use super::RemoteCause;
use crate::files::FileFault;
use crate::render::visible;

/// Characters that make a pattern of a name.
const PATTERN_CHARS: [char; 3] = ['*', '?', '['];
/// What may be in the name of a bucket beside letters and digits.
const BUCKET_CHARS: [char; 3] = ['.', '-', '_'];

/// Where objects are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) place: Place,
    /// The name of an object, the pattern of several, or with a `/` at its end their folder.
    pub(super) key: String,
}

/// What is asked for objects.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Bucket(String),
    /// A web server: its address without a path, but with what follows the `?`.
    Server(Url),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Place {
    /// Without what may be secret.
    pub(super) fn shown(&self) -> String {
        match self {
            Place::Bucket(bucket) => format!("s3://{bucket}"),
            Place::Server(url) => format!("{}://{}", url.scheme(), authority(url)),
        }
    }

    /// Folders of a path: `s3/bucket`, `https/host:8443`.
    pub(super) fn folders(&self) -> [String; 2] {
        match self {
            Place::Bucket(bucket) => ["s3".into(), bucket.clone()],
            Place::Server(url) => [url.scheme().into(), authority(url).into()],
        }
    }
}

fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// Whether a location is an address in the network, and no path of this machine.
pub fn is_address(location: &str) -> bool {
    scheme_of(location).is_some()
}

/// A location for people: without passwords and signatures that may be in an address.
pub fn shown_location(location: &str) -> String {
    match Address::of(location) {
        Some(Ok(address)) => address.to_string(),
        Some(Err(_)) => shown_roughly(location),
        None => location.to_owned(),
    }
}

/// The scheme of an address, unless it names a file of this machine.
fn scheme_of(location: &str) -> Option<&str> {
    let (scheme, _) = location.split_once("://")?;
    let is_name = scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (is_name && !scheme.eq_ignore_ascii_case("file")).then_some(scheme)
}

/// Of an address that is none: what can be no secret.
fn shown_roughly(location: &str) -> String {
    let (scheme, rest) = location.split_once("://").map_or((None, location), |(scheme, rest)| (Some(scheme), rest));
    // Who may stand before the last `@`, with a password that has any of `?#/:` in it: that goes first.
    let place = rest.rsplit('@').next().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    match scheme {
        Some(scheme) => visible(&format!("{scheme}://{place}")),
        None => visible(place),
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.place.shown(), visible(&self.key))
    }
}

impl Address {
    /// Reads an address; `None` for paths of this machine.
    pub(crate) fn of(location: &str) -> Option<Result<Address, FileFault>> {
        let scheme = scheme_of(location)?.to_ascii_lowercase();
        let bad = |reason: String| RemoteCause::BadAddress { reason }.at(shown_roughly(location));
        Some(match scheme.as_str() {
            "s3" | "s3a" => of_bucket(&location[scheme.len() + 3..]).map_err(bad),
            "http" | "https" => of_server(location).map_err(bad),
            other => Err(bad(format!("`{other}` is not among s3, https, http and file"))),
        })
    }

    /// The same place with another name.
    pub(super) fn with_key(&self, key: &Path) -> Address {
        Address { place: self.place.clone(), key: key.as_ref().to_owned() }
    }

    pub(super) fn is_pattern(&self) -> bool {
        self.key.contains(PATTERN_CHARS)
    }

    /// The folder below which all that the pattern or folder means is, and whether it is all in this folder itself.
    pub(super) fn folder(&self) -> (String, bool) {
        let literal = self.key.split(PATTERN_CHARS).next().unwrap_or_default();
        let end = literal.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, rest) = self.key.split_at(end);
        (folder.to_owned(), !rest.is_empty() && !rest.contains('/') && !rest.contains("**"))
    }
}

fn of_bucket(rest: &str) -> Result<Address, String> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = !bucket.is_empty() && bucket.chars().all(|c| c.is_ascii_alphanumeric() || BUCKET_CHARS.contains(&c));
    if !is_name {
        return Err("after s3:// stands the name of a bucket: letters, digits, `.` and `-`".into());
    }
    Ok(Address { place: Place::Bucket(bucket.to_owned()), key: key.to_owned() })
}

fn of_server(location: &str) -> Result<Address, String> {
    let mut url = Url::parse(location).map_err(|fault| fault.to_string())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a name or password; addresses are shown, logged and saved with notebooks".into());
    }
    let key = Path::from_url_path(url.path()).map_err(|_| "its path is not text".to_owned())?;
    url.set_path("");
    url.set_fragment(None);
    Ok(Address { place: Place::Server(url), key: key.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(location: &str, expected: Result<(&str, &str), &str>) {
        match (Address::of(location).expect("an address"), expected) {
            (Ok(address), Ok((shown, key))) => {
                assert_eq!((address.to_string().as_str(), address.key.as_str()), (shown, key))
            }
            (Err(fault), Err(expected)) => assert!(fault.to_string().contains(expected), "{fault}"),
            (found, expected) => panic!("{location}: expected {expected:?}, found {found:?}"),
        }
    }

    #[test]
    fn addresses() {
        check("s3://flows/2024/a?.parquet", Ok(("s3://flows/2024/a?.parquet", "2024/a?.parquet")));
        check("s3://flows", Ok(("s3://flows/", "")));
        check("https://host:8443/a%20b/c.log", Ok(("https://host:8443/a b/c.log", "a b/c.log")));
        check("http://[::1]:80/c.log", Ok(("http://[::1]/c.log", "c.log")));
        check("s3:///key", Err("the name of a bucket"));
        check("gs://bucket/key", Err("`gs` is not among s3, https, http and file"));
        for path in ["/data/flows", "flows/*.parquet", "file:///data/a.log", "C://odd", "a b://c"] {
            assert!(Address::of(path).is_none() && !is_address(path), "{path}");
        }
    }

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        const PLANTED: &str = "s3cr3t-of-a-test";
        for location in [
            format!("https://host/flows.parquet?X-Amz-Signature={PLANTED}"),
            format!("https://user:{PLANTED}@host/flows.parquet"),
            format!("ftp://user:{PLANTED}@host/flows.parquet?{PLANTED}"),
            format!("https://user:{PLANTED}@:0:0/"),
        ] {
            let shown = match Address::of(&location).expect("an address") {
                Ok(address) => format!("{address} {address:?}"),
                Err(fault) => format!("{fault} {fault:?} {:?}", fault.hint()),
            };
            assert!(!format!("{shown} {}", shown_location(&location)).contains(PLANTED), "{shown}");
        }
    }

    #[test]
    fn the_folder_of_a_pattern() {
        let folder = |location: &str| Address::of(location).expect("an address").expect("a right one").folder();
        assert_eq!(folder("s3://b/2024/01/*.parquet"), ("2024/01/".into(), true));
        assert_eq!(folder("s3://b/2024-*/x.parquet"), (String::new(), false));
        assert_eq!(folder("s3://b/a/**"), ("a/".into(), false));
        assert_eq!(folder("s3://b/a/"), ("a/".into(), false));
    }

    #[test]
    fn a_password_is_shown_in_no_fault() {
        for location in
            ["https://u:s3cr3t#1@host/flows", "https://u:s3cr3t?1@host/flows", "https://u:s3cr3t/1@host:x/flows"]
        {
            let fault = Address::of(location).expect("an address").expect_err(location);
            assert!(!format!("{fault} {fault:?}").contains("s3cr3t"), "{fault:?}");
        }
    }
}
