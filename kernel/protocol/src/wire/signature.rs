//! The signature of a message: HMAC over exactly the four dictionaries, never over buffers.
//!
//! Source: Jupyter messaging specification, "The Wire Protocol". An empty key means that nothing is signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// Signs and checks messages with the key of the connection file.
#[derive(Clone)]
pub struct Signer {
    scheme: Scheme,
}

#[derive(Clone)]
enum Scheme {
    Unsigned,
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

/// The signature scheme of the connection file is none that we know.
#[derive(Debug, thiserror::Error)]
#[error("the signature scheme `{0}` is not supported; known are hmac-sha256, hmac-sha384 and hmac-sha512")]
pub struct UnknownScheme(pub String);

impl Signer {
    /// A signer for `scheme` (as the connection file names it, `hmac-sha256`) and `key`.
    ///
    /// # Errors
    /// [`UnknownScheme`] when the scheme is none that we know and the key is not empty.
    pub fn new(scheme: &str, key: &str) -> Result<Signer, UnknownScheme> {
        const ANY_LENGTH: &str = "HMAC takes a key of any length";
        let key = key.as_bytes();
        if key.is_empty() {
            return Ok(Signer { scheme: Scheme::Unsigned });
        }
        let scheme = match scheme {
            "" | "hmac-sha256" => Scheme::Sha256(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            "hmac-sha384" => Scheme::Sha384(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            "hmac-sha512" => Scheme::Sha512(Hmac::new_from_slice(key).expect(ANY_LENGTH)),
            other => return Err(UnknownScheme(other.to_owned())),
        };
        Ok(Signer { scheme })
    }

    /// Whether messages carry a signature at all.
    pub fn is_signing(&self) -> bool {
        !matches!(self.scheme, Scheme::Unsigned)
    }

    /// The signature in lower-case hexadecimal; empty without a key.
    pub fn sign(&self, dictionaries: &[&[u8]]) -> String {
        match &self.scheme {
            Scheme::Unsigned => String::new(),
            Scheme::Sha256(mac) => hex::encode(fed(mac, dictionaries).finalize().into_bytes()),
            Scheme::Sha384(mac) => hex::encode(fed(mac, dictionaries).finalize().into_bytes()),
            Scheme::Sha512(mac) => hex::encode(fed(mac, dictionaries).finalize().into_bytes()),
        }
    }

    /// Whether `signature` belongs to the dictionaries; compared in constant time.
    pub fn verify(&self, signature: &[u8], dictionaries: &[&[u8]]) -> bool {
        let Ok(signature) = hex::decode(signature) else { return !self.is_signing() };
        match &self.scheme {
            Scheme::Unsigned => true,
            Scheme::Sha256(mac) => fed(mac, dictionaries).verify_slice(&signature).is_ok(),
            Scheme::Sha384(mac) => fed(mac, dictionaries).verify_slice(&signature).is_ok(),
            Scheme::Sha512(mac) => fed(mac, dictionaries).verify_slice(&signature).is_ok(),
        }
    }
}

fn fed<M: Mac + Clone>(mac: &M, dictionaries: &[&[u8]]) -> M {
    let mut mac = mac.clone();
    for dictionary in dictionaries {
        mac.update(dictionary);
    }
    mac
}

impl std::fmt::Debug for Signer {
    /// The key is a secret: it is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("signing", &self.is_signing()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signs_as_rfc_4231_test_case_2() {
        let signer = Signer::new("hmac-sha256", "Jefe").unwrap();
        let signature = signer.sign(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(signer.verify(signature.as_bytes(), &[b"what do ya want for nothing?"]));
        assert!(!signer.verify(signature.as_bytes(), &[b"what do ya want for nothing!"]));
        assert!(!signer.verify(b"not hexadecimal", &[b"what do ya want for nothing?"]));
    }

    #[test]
    fn an_empty_key_signs_nothing_and_accepts_anything() {
        let signer = Signer::new("hmac-sha256", "").unwrap();
        assert_eq!(signer.sign(&[b"x"]), "");
        assert!(signer.verify(b"", &[b"x"]) && signer.verify(b"whatever", &[b"x"]));
    }

    #[test]
    fn an_unknown_scheme_is_named_and_the_key_is_not_printed() {
        assert!(Signer::new("hmac-md4", "secret").unwrap_err().to_string().contains("hmac-md4"));
        assert!(!format!("{:?}", Signer::new("hmac-sha256", "secret").unwrap()).contains("secret"));
    }
}
