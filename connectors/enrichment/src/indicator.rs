//! What is asked about: an address, a name, a hash or a URL, each in one spelling, so that it is asked about once.

use std::net::IpAddr;

use flow_source::address::parse_ip;
use flow_source::domain::normalized;
use url::Url;

/// Hex digits of MD5, SHA-1 and SHA-256.
const HASH_DIGITS: [usize; 3] = [32, 40, 64];
/// A URL that is longer is somebody's data.
const URL_BYTES_MAX: usize = 2048;

/// What a lookup takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A domain name.
    Domain,
    /// An address.
    Ip,
    /// A file's MD5, SHA-1 or SHA-256.
    Hash,
    /// An address of the web.
    Url,
}

impl Kind {
    /// For messages: `it is no domain name`.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Domain => "domain name",
            Kind::Ip => "IP address",
            Kind::Hash => "MD5, SHA-1 or SHA-256",
            Kind::Url => "address of the web",
        }
    }

    /// The name of a function's argument of this kind.
    pub fn argument(self) -> &'static str {
        match self {
            Kind::Domain => "name",
            Kind::Ip => "address",
            Kind::Hash => "hash",
            Kind::Url => "url",
        }
    }
}

/// Something that services know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indicator {
    /// Normalised.
    Domain(String),
    /// IPv4 where it is IPv4.
    Ip(IpAddr),
    /// In small letters.
    Hash(String),
    /// `http` or `https`, without a fragment.
    Url(Url),
}

impl Indicator {
    /// What the text says, when it says something of this kind.
    pub fn parse(kind: Kind, text: &str) -> Option<Indicator> {
        let text = text.trim();
        match kind {
            Kind::Domain => normalized(text).map(Indicator::Domain),
            Kind::Ip => parse_ip(text).map(Indicator::Ip),
            Kind::Hash => {
                let is_hash = HASH_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_hash.then(|| Indicator::Hash(text.to_ascii_lowercase()))
            }
            Kind::Url => {
                let mut url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
                url.set_fragment(None);
                (url.has_host() && url.as_str().len() <= URL_BYTES_MAX).then_some(Indicator::Url(url))
            }
        }
    }

    /// The one spelling.
    pub fn text(&self) -> String {
        match self {
            Indicator::Domain(text) | Indicator::Hash(text) => text.clone(),
            Indicator::Ip(address) => address.to_string(),
            Indicator::Url(url) => url.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, text: &str, expected: Option<&str>) {
        assert_eq!(Indicator::parse(kind, text).map(|found| found.text()).as_deref(), expected, "{text}");
    }

    #[test]
    fn one_spelling() {
        check(Kind::Domain, "WWW.Example.COM.", Some("www.example.com"));
        check(Kind::Domain, "10.0.0.1", None);
        check(Kind::Ip, "::ffff:9.9.9.9", Some("9.9.9.9"));
        check(Kind::Ip, "9.9.9.0/24", None);
        check(Kind::Hash, "D41D8CD98F00B204E9800998ECF8427E", Some("d41d8cd98f00b204e9800998ecf8427e"));
        check(Kind::Hash, "d41d8cd9", None);
        check(Kind::Url, "HTTP://Example.com/a?b=c#d", Some("http://example.com/a?b=c"));
        check(Kind::Url, "ftp://example.com/", None);
        check(Kind::Url, "example.com", None);
    }
}
