//! The certificates of a cluster that speaks TLS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::process::Program;

/// The certificate of the authority.
pub(super) fn authority(dir: &Path) -> PathBuf {
    dir.join("ca.crt")
}

fn certificate(dir: &Path) -> PathBuf {
    dir.join("node.crt")
}

fn key(dir: &Path) -> PathBuf {
    dir.join("node.key")
}

/// Makes an authority and one certificate for all nodes. The authority's key is not kept.
pub(super) fn certify(dir: &Path) -> Result<()> {
    let mut ca = CertificateParams::new(Vec::new())?;
    // Without names of their own OpenSSL takes the node's certificate for its own issuer.
    ca.distinguished_name
        .push(DnType::CommonName, "redis authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_key = KeyPair::generate()?;
    fs::write(authority(dir), ca.self_signed(&ca_key)?.pem())?;

    let mut node = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    node.distinguished_name
        .push(DnType::CommonName, "redis node");
    node.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // On the bus a node is its neighbour's client.
    node.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let node_key = KeyPair::generate()?;
    let signed = node.signed_by(&node_key, &Issuer::new(ca, ca_key))?;
    fs::write(certificate(dir), signed.pem())?;
    // A test's key in a test's directory.
    fs::write(key(dir), node_key.serialize_pem())?;
    Ok(())
}

/// TLS on the port and nothing else, on the bus and between a primary and its replicas too.
pub(super) fn settings(program: Program, dir: &Path, port: &str) -> Program {
    program
        .arg("--port")
        .arg("0")
        .arg("--tls-port")
        .arg(port)
        .arg("--tls-cert-file")
        .arg(certificate(dir))
        .arg("--tls-key-file")
        .arg(key(dir))
        .arg("--tls-ca-cert-file")
        .arg(authority(dir))
        .arg("--tls-auth-clients")
        .arg("no")
        .arg("--tls-replication")
        .arg("yes")
        .arg("--tls-cluster")
        .arg("yes")
}
