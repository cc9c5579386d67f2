//! The certificate authority of this data directory: made once, kept in two files, trusted by nobody but those
//! who are told to.
//!
//! The certificate is for everybody to read. Whoever has the key can pose as any host to a program that trusts
//! the certificate, so its file is for its user alone and nothing else ever has a copy.

#[cfg(test)]
mod tests;

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// What signs the certificates of the hosts.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The file of the certificate.
    certificate: PathBuf,
}

/// A certificate authority that could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// Its folder or one of its files cannot be read or written. The source names it.
    #[error("failed to keep the certificate authority of the proxy")]
    Files(#[source] io::Error),

    /// The key was readable by others than its user.
    #[error(
        "{} may be read by others (mode {mode:o}), who can then pose as any host to whoever trusts {}; remove \
         both files, and the next start makes new ones",
        .key.display(), .certificate.display()
    )]
    KeyIsOpen {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// Its permissions.
        mode: u32,
    },

    /// The files were changed by something else.
    #[error(
        "{} and {} are not a certificate and its key as `sembla proxy` makes them; remove both files, and the \
         next start makes new ones",
        .certificate.display(), .key.display()
    )]
    Damaged {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },

    /// The cryptography library refused.
    #[error("failed to make a certificate authority")]
    Make(#[source] rcgen::Error),
}

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";

/// The name that people see in lists of certificate authorities.
const NAME: &str = "Sembla local";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Ten years, with the day before.
const LIFETIME: Duration = Duration::from_secs(3649 * 24 * 60 * 60);
/// Clocks of the programs in a container may be behind ours.
const CLOCK_SKEW: Duration = DAY;
/// One that ends within this time is replaced at a start, lest it end under a proxy that runs for months.
const REPLACED_BEFORE_END: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Stands before the end of the validity, in seconds since 1970, in the text before the certificate.
const NOT_AFTER: &str = "# not-after-unix: ";

const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
const PUBLIC_FILE: u32 = 0o644;
const OTHERS: u32 = 0o077;

impl Authority {
    /// Opens the authority in `folder`; makes folder and authority where there are none, or where its time is up.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`] if the files cannot be read, written or used.
    pub(crate) fn open(folder: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        let files = Files::new(folder);
        fs_err::create_dir_all(folder).map_err(AuthorityError::Files)?;
        fs_err::set_permissions(folder, Permissions::from_mode(PRIVATE_FOLDER))
            .map_err(AuthorityError::Files)?;
        // Two proxies may start at once, and must not mix their files. Ends with the handle.
        let lock = fs_err::File::open(folder).map_err(AuthorityError::Files)?;
        lock.file().lock().map_err(AuthorityError::Files)?;
        let is_there = files.certificate.exists() && files.key.exists();
        let kept = if is_there { Some(files.read()?) } else { None };
        let key = match kept {
            Some(kept) if now + REPLACED_BEFORE_END < kept.not_after => kept.key,
            Some(_) => {
                tracing::warn!(
                    file = %files.certificate.display(),
                    "the time of the certificate authority is up; a new one is made, and programs that run must \
                     read the file again"
                );
                files.make(now)?
            }
            None => files.make(now)?,
        };
        Ok(Self { issuer: Issuer::new(params(now), key), certificate: files.certificate })
    }

    /// Returns the file that programs are told to trust.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Returns what signs.
    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

/// The certificate and the key on the disk.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

struct Kept {
    key: KeyPair,
    not_after: SystemTime,
}

impl Files {
    fn new(folder: &Path) -> Self {
        Self { certificate: folder.join(CERTIFICATE), key: folder.join(KEY) }
    }

    fn read(&self) -> Result<Kept, AuthorityError> {
        let metadata = fs_err::metadata(&self.key).map_err(AuthorityError::Files)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            let (key, certificate) = (self.key.clone(), self.certificate.clone());
            return Err(AuthorityError::KeyIsOpen { key, certificate, mode });
        }
        let certificate =
            fs_err::read_to_string(&self.certificate).map_err(AuthorityError::Files)?;
        let key = fs_err::read_to_string(&self.key).map_err(AuthorityError::Files)?;
        pair(&certificate, &key).ok_or_else(|| {
            let (certificate, key) = (self.certificate.clone(), self.key.clone());
            AuthorityError::Damaged { certificate, key }
        })
    }

    /// Makes a new authority. The key gets its name first: a certificate without its key is made again.
    fn make(&self, now: SystemTime) -> Result<KeyPair, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Make)?;
        let params = params(now);
        let certificate = params.self_signed(&key).map_err(AuthorityError::Make)?;
        let text = format!(
            "# The certificate authority \"{NAME}\" of `sembla proxy` on this machine, until {}.\n\
             {NOT_AFTER}{}\n{}",
            params.not_after.date(),
            params.not_after.unix_timestamp(),
            certificate.pem()
        );
        replace(&self.key, PRIVATE_FILE, &key.serialize_pem()).map_err(AuthorityError::Files)?;
        replace(&self.certificate, PUBLIC_FILE, &text).map_err(AuthorityError::Files)?;
        Ok(key)
    }
}

/// Returns the key and the end of the certificate's time, if the two belong together.
fn pair(certificate: &str, key: &str) -> Option<Kept> {
    let seconds = certificate.lines().find_map(|line| line.strip_prefix(NOT_AFTER))?;
    let not_after = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let private = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    let signing = provider().key_provider.load_private_key(private).ok()?;
    CertifiedKey::new(vec![certificate], signing).keys_match().ok()?;
    Some(Kept { key: KeyPair::from_pem(key).ok()?, not_after })
}

/// Returns the one TLS provider of the program.
pub(super) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// Returns what the certificate of the authority says. Signing needs the name and the rights alone, which never
/// change.
fn params(now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.distinguished_name.push(DnType::OrganizationName, "sembla proxy");
    // It signs hosts, not further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + LIFETIME).into();
    params
}

/// Writes a file whole or not at all, with no moment at which it may be read by others than `mode` says.
fn replace(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let staged = path.with_extension("new");
    match fs_err::remove_file(&staged) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(&staged)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&staged, path)
}
