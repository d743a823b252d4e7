//! Settings of the image store.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use url::Url;

use super::GatewayArgs;
use super::checks::{Checks, is_loopback_url};
use crate::image_store::{Bucket, StorageConfig};

/// Access to an S3 bucket, with the setting names that AWS tools use.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Image store in an S3 bucket")]
pub struct StorageArgs {
    /// Access key id; the key must permit s3:GetObject, s3:PutObject, s3:DeleteObject and
    /// s3:ListBucket
    #[arg(long, env = "AWS_ACCESS_KEY_ID", value_name = "ID", hide_env_values = true)]
    pub aws_access_key_id: Option<String>,

    /// Secret access key
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", value_name = "KEY", hide_env_values = true)]
    pub aws_secret_access_key: Option<String>,

    /// Session token of temporary credentials
    #[arg(long, env = "AWS_SESSION_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub aws_session_token: Option<String>,

    /// Region of the bucket [default: us-east-1]
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub aws_region: Option<String>,

    /// Alternative name of the region.
    #[arg(long, env = "AWS_DEFAULT_REGION", hide = true)]
    pub aws_default_region: Option<String>,

    /// Endpoint URL of the S3 server, such as <https://project.supabase.co/storage/v1/s3> [default:
    /// AWS]
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub aws_endpoint_url: Option<String>,

    /// Alternative name of the endpoint.
    #[arg(long, env = "AWS_ENDPOINT", hide = true)]
    pub aws_endpoint: Option<String>,

    /// Allow a plain http endpoint on another machine; only for trusted networks
    #[arg(long, env = "AWS_ALLOW_HTTP", value_name = "BOOL", default_value_t = false,
        action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub aws_allow_http: bool,
}

impl Checks {
    /// The image store.
    pub(super) fn storage(&mut self, args: &GatewayArgs) -> StorageConfig {
        let folder = args.data_dir.join("images");
        let Some(url) = &args.storage_url else { return StorageConfig::Folder(folder) };
        match (url.scheme(), url.to_file_path()) {
            ("file", Ok(folder)) => StorageConfig::Folder(folder),
            ("s3", _) => StorageConfig::Bucket(self.bucket(url, &args.storage)),
            _ => {
                let expected = "file:///folder or s3://bucket/prefix";
                self.require(false, "PLANTAIN_STORAGE_URL", expected);
                StorageConfig::Folder(folder)
            }
        }
    }

    fn bucket(&mut self, url: &Url, args: &StorageArgs) -> Bucket {
        let name = url.host_str().unwrap_or_default().to_owned();
        let is_plain = url.authority() == name && url.query().is_none() && url.fragment().is_none();
        self.require(
            is_plain && !name.is_empty(),
            "PLANTAIN_STORAGE_URL",
            "s3://bucket/prefix, without user, port, query or fragment; the server belongs in AWS_ENDPOINT_URL",
        );
        let region = args.aws_region.clone().or_else(|| args.aws_default_region.clone());
        Bucket {
            name,
            prefix: url.path().trim_matches('/').to_owned(),
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint: self.endpoint(args),
            key_id: self.bucket_key("AWS_ACCESS_KEY_ID", args.aws_access_key_id.as_ref()),
            key: self
                .bucket_key("AWS_SECRET_ACCESS_KEY", args.aws_secret_access_key.as_ref())
                .into(),
            session_token: args.aws_session_token.clone().map(Into::into),
        }
    }

    /// Over plain HTTP, anyone on the network path could read the images.
    fn endpoint(&mut self, args: &StorageArgs) -> Option<Url> {
        let named = args.aws_endpoint_url.clone();
        let text = named.or_else(|| args.aws_endpoint.clone())?;
        let is_safe = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => args.aws_allow_http || is_loopback_url(url),
            _ => false,
        };
        let url = Url::parse(&text).ok().filter(Url::has_host).filter(is_safe);
        self.require(
            url.is_some(),
            "AWS_ENDPOINT_URL",
            "an https URL; in a trusted network, AWS_ALLOW_HTTP=true allows http",
        );
        url
    }

    fn bucket_key(&mut self, setting: &'static str, text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| {
            self.missing(setting, "the bucket in PLANTAIN_STORAGE_URL requires it");
            String::new()
        })
    }
}
