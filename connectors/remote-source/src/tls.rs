//! Whom to trust: the authorities of the system, and those that a source names.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Cause, innermost};

/// What a client needs for connections that it encrypts itself.
///
/// # Errors
/// When the file of authorities cannot be used.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, Cause> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in ca_file.map(authorities).transpose()?.unwrap_or_default() {
        let path = ca_file.unwrap_or(Path::new(""));
        roots.add(authority).map_err(|fault| unusable(path, &innermost(&fault)))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|fault| Cause::Insecure { reason: innermost(&fault) })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates in a file; at least one.
///
/// # Errors
/// When there is none in it.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let unreadable = |fault: &dyn std::fmt::Display| unusable(path, &fault.to_string());
    let bytes = std::fs::read(path).map_err(|fault| unreadable(&fault))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(path, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(fault) => Err(unreadable(&fault)),
    }
}

fn unusable(path: &Path, reason: &str) -> Cause {
    Cause::Setting {
        fact: format!("the authorities in `{}` cannot be used: {reason}", path.display()),
        hint: "`ca_file` names a file with certificates in PEM (-----BEGIN CERTIFICATE-----)".into(),
    }
}
