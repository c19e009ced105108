//! Secrets: keys and passwords of sources, and where the configuration says they are.
//!
//! A secret is a type that cannot be printed: no `Display`, no `Serialize`, and `Debug` hides it. Configurations hold its
//! place alone, never the secret. What a secret is used for is not known here.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use zeroize::Zeroizing;

/// A key or a certificate is far below; a file beyond is another one than was meant.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// What stands where a secret would be.
const HIDDEN: &str = "[hidden]";
/// The keys of a [`SecretPlace`].
const PLACES: &[&str] = &["env", "file"];
/// Everybody may read or write, or the group may write.
#[cfg(unix)]
const TOO_OPEN: u32 = 0o027;

/// A key or password. Its memory is wiped when it goes.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the request that needs it. Whoever calls this must not put it into a message, a log, a plan or an
    /// error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the secret: for messages of others that may repeat what they were given.
    pub fn hide_in(&self, text: &str) -> String {
        text.replace(self.expose(), HIDDEN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Where a secret is, as in `{ env = "VT_API_KEY" }` or `{ file = "vt.key" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// An environment variable.
    Env(String),
    /// A file that holds nothing else. Not everybody may read it.
    File(PathBuf),
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
        }
    }
}

/// Why a secret cannot be had. Names its place, never what was found there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable does not exist, or is empty.
    #[error("the environment variable `{name}` is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
    /// The operating system refuses the file.
    #[error("could not read the secret in `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        reason: std::io::Error,
    },
    /// More people than should may read the file, or change it.
    #[error("the secret in `{}` is open to others (mode {mode:03o})", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What is there is no secret.
    #[error("`{place}` holds no secret: {reason}")]
    Unusable {
        /// The variable or file.
        place: String,
        /// What is wrong, without its content.
        reason: &'static str,
    },
}

impl SecretError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotSet { name } => {
                Some(format!("Set `{name}` for the process that starts Flowdeck (Jupyter Server, Voilà or the shell)"))
            }
            Self::TooOpen { path, .. } => Some(format!(
                "Run `chmod 600 {0}` (640 for a group), and change the secret if others may have seen it",
                path.display()
            )),
            Self::Unreadable { .. } => Some("Check the path and who owns the file".into()),
            Self::Unusable { .. } => None,
        }
    }
}

impl SecretPlace {
    /// Fetches the secret. Blanks and line ends around it do not belong to it. Relative files are seen from `folder`,
    /// those that begin with `~/` from the home folder.
    ///
    /// # Errors
    /// When it is not there, or is open to others.
    pub fn read(&self, folder: &Path) -> Result<Secret, SecretError> {
        let (place, text) = match self {
            Self::Env(name) => (name.clone(), read_variable(name)?),
            Self::File(path) => {
                let path = from_home(path).unwrap_or_else(|| folder.join(path));
                (path.display().to_string(), read_file(&path)?)
            }
        };
        let secret = text.trim();
        let unusable = |reason| Err(SecretError::Unusable { place: place.clone(), reason });
        if secret.is_empty() {
            return unusable("it is empty");
        }
        if secret.contains(char::is_control) {
            return unusable("it has several lines or characters that are not text");
        }
        Ok(Secret::new(secret))
    }
}

fn from_home(path: &Path) -> Option<PathBuf> {
    let below = path.strip_prefix("~").ok()?;
    Some(PathBuf::from(std::env::var_os("HOME")?).join(below))
}

fn read_variable(name: &str) -> Result<Zeroizing<String>, SecretError> {
    match std::env::var(name) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(std::env::VarError::NotPresent) => Err(SecretError::NotSet { name: name.to_owned() }),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(SecretError::Unusable { place: name.to_owned(), reason: "it is not text" })
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let unreadable = |reason| SecretError::Unreadable { path: path.to_owned(), reason };
    let unusable = |reason| SecretError::Unusable { place: path.display().to_string(), reason };
    // Opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unusable("it is not a file"));
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // Of the opened file, as another may have taken its name meanwhile.
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unusable("it is not a file"));
    }
    check_permissions(path, &metadata)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(unusable("it is too long"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &std::fs::Metadata) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & TOO_OPEN == 0 { Ok(()) } else { Err(SecretError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &std::fs::Metadata) -> Result<(), SecretError> {
    Ok(())
}

/// By hand, as a derived one would repeat a secret that somebody wrote here instead of its place.
impl<'de> Deserialize<'de> for SecretPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = SecretPlace;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the place of a secret, { env = \"VARIABLE\" } or { file = \"PATH\" }")
            }

            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretPlace, E> {
                Err(E::custom(
                    "a secret is not written into the configuration: write { env = \"VARIABLE\" } or \
                     { file = \"PATH\" }",
                ))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<SecretPlace, M::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(M::Error::invalid_length(0, &self));
                };
                let place = match key.as_str() {
                    "env" => SecretPlace::Env(variable_name(map.next_value()?)?),
                    "file" => SecretPlace::File(map.next_value()?),
                    other => return Err(M::Error::unknown_field(other, PLACES)),
                };
                match map.next_key::<String>()? {
                    None => Ok(place),
                    Some(_) => Err(M::Error::custom("a secret has one place, `env` or `file`")),
                }
            }
        }

        deserializer.deserialize_any(Place)
    }
}

/// What is no name of a variable may be the secret itself, so it is not repeated.
fn variable_name<E: serde::de::Error>(name: String) -> Result<String, E> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match is_name && !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit()) {
        true => Ok(name),
        false => Err(E::custom("`env` takes the name of an environment variable: letters, digits and `_`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::{Error, MapDeserializer, StrDeserializer};

    const PLANTED: &str = "s3cr3t-of-a-test";

    fn place(entries: &[(&'static str, &'static str)]) -> Result<SecretPlace, Error> {
        SecretPlace::deserialize(MapDeserializer::new(entries.iter().copied()))
    }

    #[cfg(unix)]
    fn file(folder: &Path, content: &str, mode: u32) -> SecretPlace {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(format!("key-{mode:o}"));
        std::fs::write(&path, content).expect("a file for the test");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its permissions");
        SecretPlace::File(format!("key-{mode:o}").into())
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new(PLANTED);
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "[hidden] Some(\n    [hidden],\n)");
        assert_eq!(secret.hide_in(&format!("bad key {PLANTED}!")), "bad key [hidden]!");
        assert_eq!(secret.expose(), PLANTED);
    }

    #[test]
    fn places_and_what_is_none() {
        assert_eq!(place(&[("env", "KEY")]), Ok(SecretPlace::Env("KEY".into())));
        assert_eq!(place(&[("file", "a.key")]), Ok(SecretPlace::File("a.key".into())));
        assert!(place(&[]).is_err());
        for name in ["", "1KEY", PLANTED, "A B"] {
            let error = place(&[("env", name)]).expect_err("no name of a variable").to_string();
            assert!(error.contains("name of an environment variable") && !error.contains(PLANTED), "{error}");
        }
        assert!(place(&[("env", "A"), ("file", "b")]).is_err());
        let unknown = place(&[("enw", "A")]).expect_err("no such key").to_string();
        assert!(unknown.contains("enw") && unknown.contains("env"), "{unknown}");
        let literal = SecretPlace::deserialize(StrDeserializer::<Error>::new(PLANTED)).expect_err("not a place");
        assert!(!literal.to_string().contains(PLANTED) && literal.to_string().contains("env ="), "{literal}");
    }

    #[cfg(unix)]
    #[test]
    fn files_are_trimmed_and_must_be_private() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for mode in [0o600, 0o400, 0o640] {
            let secret = file(folder.path(), &format!("  {PLANTED}\r\n"), mode).read(folder.path());
            assert_eq!(secret.expect("a private file").expose(), PLANTED);
        }
        for mode in [0o644, 0o660, 0o602, 0o604] {
            let error = file(folder.path(), PLANTED, mode).read(folder.path()).expect_err("an open file");
            assert!(matches!(error, SecretError::TooOpen { .. }), "{mode:o}: {error}");
            let text = format!("{error} {:?} {error:?}", error.hint());
            assert!(text.contains("chmod 600") && !text.contains(PLANTED), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_holds_no_secret_is_said_without_its_content() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for (content, mode) in [("", 0o600), (" \n", 0o400), ("a-key\nand a story", 0o440)] {
            let error = file(folder.path(), content, mode).read(folder.path()).expect_err("no secret");
            assert!(matches!(error, SecretError::Unusable { .. }) && !error.to_string().contains("a-key"), "{error}");
        }
        let missing = SecretPlace::File("nothing.key".into()).read(folder.path()).expect_err("no file");
        assert!(missing.to_string().contains("nothing.key"), "{missing}");
        let folder_itself = SecretPlace::File(".".into()).read(folder.path()).expect_err("a folder");
        assert!(folder_itself.to_string().contains("not a file"), "{folder_itself}");
        let at_home = SecretPlace::File("~/no-such-folder/a.key".into()).read(folder.path()).expect_err("no file");
        assert!(!at_home.to_string().contains('~') && at_home.to_string().contains("no-such-folder"), "{at_home}");
        let unset = SecretPlace::Env("FLOWDECK_TEST_NEVER_SET".into()).read(folder.path()).expect_err("not set");
        assert!(unset.to_string().contains("FLOWDECK_TEST_NEVER_SET") && unset.hint().is_some(), "{unset}");
    }
}
