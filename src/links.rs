//! Signed links: callback URLs, image links and upload links.
//!
//! Each contains an HMAC-SHA-256 of what it permits. The first secret signs and all of them verify,
//! so that a secret can be replaced while links signed with the old one are in use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Url;

use crate::domain::{Image, ImageVariant, ProviderName, TaskId, Timestamp, UploadId};

/// Image links expire 1 to 2 hours after they are created. Expiry times are rounded to full hours,
/// so that links created within the same hour are identical and browsers can cache the image.
const IMAGE_LINK_ROUNDING: TimeDelta = TimeDelta::hours(1);

/// Signs and verifies links. Clones share the keys.
#[derive(Debug, Clone)]
pub struct Links {
    public_url: Url,
    /// The public URL without a slash at its end.
    base: std::sync::Arc<str>,
    /// Prepared from the secrets once: each signature starts from a clone of it.
    keys: std::sync::Arc<[Hmac<Sha256>]>,
}

/// A signed link and its expiry time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLink {
    /// An absolute URL.
    pub url: String,
    /// The link is rejected from this time on.
    pub expires_at: Timestamp,
}

impl Links {
    /// Creates links below `public_url`, signed with the first of these secrets.
    #[must_use]
    pub fn new(public_url: Url, secrets: &[SecretString]) -> Self {
        let base = public_url.as_str().trim_end_matches('/').into();
        Self { public_url, base, keys: secrets.iter().map(key).collect() }
    }

    /// The callback URL for one job.
    #[must_use]
    pub fn callback(&self, provider: ProviderName, task: TaskId, job: u16) -> Url {
        let signature = self.sign(&callback_signed_text(provider, task, job));
        self.at(&format!("/callbacks/{}/{task}/{job}.{signature}", provider.slug()))
    }

    /// The job that a callback URL is for; `None` when its token is invalid.
    #[must_use]
    pub fn verify_callback(
        &self,
        provider: ProviderName,
        task: TaskId,
        token: &str,
    ) -> Option<u16> {
        let (job, signature) = token.split_once('.')?;
        let job: u16 = job.parse().ok()?;
        self.verify(&callback_signed_text(provider, task, job), signature).then_some(job)
    }

    /// The absolute URL of a path below the public URL of the gateway.
    #[must_use]
    pub fn absolute_url(&self, path: &str) -> Url {
        self.at(path)
    }

    /// A link to an image that expires in 1 to 2 hours.
    #[must_use]
    pub fn image(&self, image: &Image, variant: ImageVariant, now: Timestamp) -> SignedLink {
        self.stored(&image.path(variant), now + IMAGE_LINK_ROUNDING)
    }

    /// A link to a file of the image store; the link expires up to one hour after `until`.
    #[must_use]
    pub fn stored(&self, path: &str, until: Timestamp) -> SignedLink {
        let step = IMAGE_LINK_ROUNDING.num_seconds();
        let expires = (until.timestamp() / step + 1) * step;
        self.signed(&format!("/images/{path}"), expires, &image_signed_text(path, expires))
    }

    /// The link to PUT the bytes of an upload to; the link expires at `until`.
    #[must_use]
    pub fn upload(&self, id: UploadId, until: Timestamp) -> String {
        let expires = until.timestamp();
        self.signed(&format!("/uploads/{id}"), expires, &upload_signed_text(id, expires)).url
    }

    /// Whether the link of an upload is valid now.
    #[must_use]
    pub fn verify_upload(
        &self,
        id: UploadId,
        expires: i64,
        signature: &str,
        now: Timestamp,
    ) -> bool {
        self.verify(&upload_signed_text(id, expires), signature) && expires > now.timestamp()
    }

    /// Whether the link of an image is valid now.
    #[must_use]
    pub fn verify_image(&self, path: &str, expires: i64, signature: &str, now: Timestamp) -> bool {
        self.verify(&image_signed_text(path, expires), signature) && expires > now.timestamp()
    }

    /// The path must need no escaping: a page of 20 images signs 20 links, and parsing each as a URL
    /// took twice as long as signing it.
    fn signed(&self, path: &str, expires: i64, text: &str) -> SignedLink {
        let signature = self.sign(text);
        let url = format!("{}{path}?expires={expires}&signature={signature}", self.base);
        let expires_at = Timestamp::from_timestamp(expires, 0).unwrap_or(Timestamp::MAX_UTC);
        SignedLink { url, expires_at }
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("{}{path}", self.public_url.path().trim_end_matches('/')));
        url
    }

    fn sign(&self, text: &str) -> String {
        let signature = self.keys.first().map(|key| mac(key, text).finalize());
        signature.map_or_else(String::new, |bytes| URL_SAFE_NO_PAD.encode(bytes.into_bytes()))
    }

    fn verify(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        // `verify_slice` compares in constant time.
        self.keys.iter().any(|key| mac(key, text).verify_slice(&signature).is_ok())
    }
}

fn callback_signed_text(provider: ProviderName, task: TaskId, job: u16) -> String {
    format!("callback {} {task} {job}", provider.slug())
}

fn image_signed_text(path: &str, expires: i64) -> String {
    format!("image {path} {expires}")
}

fn upload_signed_text(id: UploadId, expires: i64) -> String {
    format!("upload {id} {expires}")
}

fn key(secret: &SecretString) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of any length")
}

fn mac(key: &Hmac<Sha256>, text: &str) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn links(secrets: &[&str]) -> Links {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Links::new("https://gateway.example/base/".parse().unwrap(), &secrets)
    }

    fn token(url: &Url) -> String {
        url.path_segments().unwrap().next_back().unwrap().to_owned()
    }

    #[test]
    fn a_callback_token_is_valid_only_for_its_own_job() {
        let links = links(&["one"]);
        let (task, other) = (TaskId(Uuid::from_u128(1)), TaskId(Uuid::from_u128(2)));
        let url = links.callback(ProviderName::NanoBanana, task, 3);
        assert!(
            url.as_str().starts_with("https://gateway.example/base/callbacks/nano-banana/task_")
        );
        let token = token(&url);
        assert_eq!(links.verify_callback(ProviderName::NanoBanana, task, &token), Some(3));
        assert_eq!(links.verify_callback(ProviderName::NanoBanana, other, &token), None);
        let for_job_2 = token.replacen('3', "2", 1);
        assert_eq!(links.verify_callback(ProviderName::NanoBanana, task, &for_job_2), None);
        assert_eq!(links.verify_callback(ProviderName::NanoBanana, task, "3."), None);
        assert_eq!(links.verify_callback(ProviderName::NanoBanana, task, ""), None);
    }

    #[test]
    fn a_replaced_secret_still_verifies_and_the_new_one_signs() {
        let task = TaskId(Uuid::from_u128(1));
        let (old, both, new) = (links(&["one"]), links(&["two", "one"]), links(&["two"]));
        let name = ProviderName::NanoBanana;
        let under_way = token(&old.callback(name, task, 0));
        assert_eq!(both.verify_callback(name, task, &under_way), Some(0));
        assert_eq!(new.verify_callback(name, task, &under_way), None);
        let fresh = token(&both.callback(name, task, 0));
        assert_eq!(new.verify_callback(name, task, &fresh), Some(0));
    }

    #[test]
    fn an_image_link_is_stable_within_the_hour_and_expires() {
        let links = links(&["one"]);
        let now = Timestamp::from_timestamp(1_760_000_400, 0).unwrap();
        let image = crate::domain::Image {
            id: crate::domain::ImageId(Uuid::nil()),
            task_id: TaskId(Uuid::nil()),
            job: 0,
            position: 0,
            width: 1,
            height: 1,
            format: crate::domain::ImageFormat::Png,
            byte_size: 1,
            sha256: [0; 32],
            thumbhash: vec![],
            created_at: now,
        };
        let link = links.image(&image, ImageVariant::Original, now);
        let later = now + TimeDelta::minutes(10);
        assert_eq!(link, links.image(&image, ImageVariant::Original, later));
        let url = Url::parse(&link.url).unwrap();
        assert_eq!(url.as_str(), link.url, "the link needs no escaping");
        let query: std::collections::HashMap<_, _> = url.query_pairs().collect();
        let path = image.path(ImageVariant::Original);
        let expires: i64 = query["expires"].parse().unwrap();
        assert!(links.verify_image(&path, expires, &query["signature"], later));
        assert!(!links.verify_image(&path, expires, &query["signature"], link.expires_at));
        assert!(!links.verify_image(&path, expires + 1, &query["signature"], later));
        let thumbnail = image.path(ImageVariant::Thumbnail);
        assert!(!links.verify_image(&thumbnail, expires, &query["signature"], later));
    }
}
