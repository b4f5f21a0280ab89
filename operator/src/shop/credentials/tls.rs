//! The certificate of a shop's PostgreSQL, and the authority that signs it.
//!
//! Both live ten years, and the authority's key is thrown away once it has signed: nobody can make
//! another certificate that the shop's bots trust. Who wants others (when these near their end, or
//! from an authority of the house) writes `ca.crt`, `tls.crt` and `tls.key` into the Secret
//! `‹shop›-postgres`; the server and the bots are then restarted with them.
//!
//! A certificate begins a day before it is made, for clocks that are behind. The keys' randomness
//! is the system's, `ring` takes no other.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

/// How long certificates live, in days: ten years.
const LIFE_DAYS: i64 = 3650;

/// A server's certificate with all that goes with it, in PEM.
#[derive(Clone)]
pub struct Certified {
    /// Certificate of the authority.
    pub ca_certificate: String,
    /// Certificate of the server.
    pub certificate: String,
    /// Key of the server.
    pub key: String,
}

/// A certificate for a server of these names (or addresses), from an authority of its own.
///
/// # Errors
/// When a name is none of DNS.
pub fn certify(shop: &str, names: Vec<String>, now: Timestamp) -> Result<Certified, rcgen::Error> {
    let mut authority = named(Vec::new(), format!("{shop} authority"), now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate()?;
    let ca_certificate = authority.self_signed(&authority_key)?.pem();

    let mut server = named(names, format!("{shop} PostgreSQL"), now)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    Ok(Certified {
        ca_certificate,
        certificate: server.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
    })
}

fn named(
    names: Vec<String>,
    common_name: String,
    now: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let today = now.to_zoned(TimeZone::UTC).date();
    let midnight = |offset: i64| {
        let date: Date = today.saturating_add(Span::new().days(offset));
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    params.not_before = midnight(-1);
    params.not_after = midnight(LIFE_DAYS);
    Ok(params)
}
