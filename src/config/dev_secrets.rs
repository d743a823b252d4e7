//! The secrets of `dev`: random, and different for each data folder, so that no web page and no reader of this
//! repository knows them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;

const TOKEN_SECRET_FILE: &str = "jwt-secret";
const LINK_SECRET_FILE: &str = "link-secret";
/// A random secret has 64 hexadecimal digits.
const SECRET_BYTES: usize = 32;

/// The HS256 secret of access tokens in this data folder; created when there is none.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn dev_token_secret(data_folder: &Path) -> io::Result<SecretString> {
    secret(data_folder, TOKEN_SECRET_FILE)
}

/// Whether this data folder has a secret of access tokens.
#[must_use]
pub fn has_dev_token_secret(data_folder: &Path) -> bool {
    read(&data_folder.join(TOKEN_SECRET_FILE)).is_some()
}

/// The secret of links in this data folder; created when there is none.
///
/// # Errors
/// When the folder cannot be read or written.
pub(super) fn dev_link_secret(data_folder: &Path) -> io::Result<SecretString> {
    secret(data_folder, LINK_SECRET_FILE)
}

/// Only the owner can read the file. When two processes create it at the same time, both use the file of the first.
fn secret(data_folder: &Path, name: &str) -> io::Result<SecretString> {
    let path = data_folder.join(name);
    if let Some(secret) = read(&path) {
        return Ok(secret);
    }
    fs::create_dir_all(data_folder)?;
    let random = || hex::encode(rand::random::<[u8; SECRET_BYTES]>());
    // Written under another name first: no process reads half a secret.
    let draft = data_folder.join(format!("{name}.{}", random()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(random().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read(&path).ok_or_else(|| {
            let advice = format!("{} is not a secret; delete it", path.display());
            io::Error::new(io::ErrorKind::InvalidData, advice)
        }),
    }
}

/// A complete secret; `None` when the file does not exist or is cut off.
fn read(path: &Path) -> Option<SecretString> {
    let secret = fs::read_to_string(path).ok()?;
    let secret = secret.trim();
    (secret.len() == 2 * SECRET_BYTES).then(|| secret.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn each_data_folder_has_random_secrets_which_stay_and_only_the_owner_can_read() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = one.path().join("data");
        assert!(!has_dev_token_secret(&folder));
        let secret = dev_token_secret(&folder).unwrap();
        assert!(has_dev_token_secret(&folder));
        let secret = secret.expose_secret();
        assert_eq!(secret.len(), 64);
        assert_eq!(dev_token_secret(&folder).unwrap().expose_secret(), secret);
        assert_ne!(dev_link_secret(&folder).unwrap().expose_secret(), secret);
        assert_ne!(dev_token_secret(other.path()).unwrap().expose_secret(), secret);
        let mode = fs::metadata(folder.join(TOKEN_SECRET_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }
}
