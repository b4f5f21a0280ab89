//! Certificates as text.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificates in a text, none where one of them cannot be read.
pub fn certificates(text: &str) -> Vec<CertificateDer<'static>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    read.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_none() {
        assert!(certificates("").is_empty());
        assert!(certificates("-----BEGIN CERTIFICATE-----\nAA").is_empty());
    }
}
