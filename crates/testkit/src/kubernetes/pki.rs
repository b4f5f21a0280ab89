//! The certificates of one cluster, and the kubeconfigs that carry them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

/// An authority with the files of its certificates in one directory.
pub(super) struct Pki {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// The certificate of the authority, PEM.
    pub(super) ca: String,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Pki {
    /// The authority kept in a directory; made when there is none yet.
    pub(super) fn in_directory(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let (certificate, key) = (directory.join("ca.crt"), directory.join("ca.key"));
        if !certificate.exists() {
            let pair = KeyPair::generate()?;
            write_key(&key, &pair.serialize_pem())?;
            fs::write(&certificate, authority()?.self_signed(&pair)?.pem())?;
            let tokens = KeyPair::generate()?;
            write_key(&directory.join("sa.key"), &tokens.serialize_pem())?;
            fs::write(directory.join("sa.pub"), tokens.public_key_pem())?;
        }
        let pair = KeyPair::from_pem(&fs::read_to_string(&key)?).context("read the CA's key")?;
        Ok(Self {
            directory: directory.to_owned(),
            issuer: Issuer::new(authority()?, pair),
            ca: fs::read_to_string(certificate)?,
        })
    }

    /// A file of this authority: `ca.crt`, `sa.key`, `<name>.crt`, …
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A certificate in `<name>.crt` with its key in `<name>.key`, for both ends of TLS.
    pub(super) fn certify(
        &self,
        name: &str,
        user: &str,
        groups: &[&str],
        addresses: &[&str],
    ) -> Result<(String, String)> {
        let addresses: Vec<String> = addresses.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(addresses)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        for &group in groups {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let pair = KeyPair::generate()?;
        let certificate = params.signed_by(&pair, &self.issuer)?.pem();
        let key = pair.serialize_pem();
        fs::write(self.file(&format!("{name}.crt")), &certificate)?;
        write_key(&self.file(&format!("{name}.key")), &key)?;
        Ok((certificate, key))
    }

    /// A kubeconfig at `path` for whoever holds a certificate of that user and groups.
    pub(super) fn kubeconfig(
        &self,
        path: &Path,
        url: &str,
        user: &str,
        groups: &[&str],
    ) -> Result<(String, String)> {
        let name = path.file_stem().context("a kubeconfig has a name")?;
        let name = name.to_string_lossy();
        let pair = self.certify(&name, user, groups, &[])?;
        let credentials = format!(
            "client-certificate-data: {}, client-key-data: {}",
            base64(&pair.0),
            base64(&pair.1)
        );
        self.write_kubeconfig(path, url, &credentials, "default")?;
        Ok(pair)
    }

    /// A kubeconfig at `path` with the given credentials (the inside of a YAML flow mapping).
    pub(super) fn write_kubeconfig(
        &self,
        path: &Path,
        url: &str,
        credentials: &str,
        namespace: &str,
    ) -> Result<()> {
        let ca = base64(&self.ca);
        let text = format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters: [{{name: test, cluster: {{server: \"{url}\", certificate-authority-data: {ca}}}}}]\n\
             users: [{{name: test, user: {{{credentials}}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test, namespace: {namespace}}}}}]\n\
             current-context: test\n"
        );
        write_key(path, &text)
    }
}

fn authority() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "warung test cluster");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn base64(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}

/// Writes a file that only its owner reads.
fn write_key(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())?;
    Ok(())
}
