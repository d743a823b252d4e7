//! What a picture is, found by decoding it. Blocking: run it on the blocking pool.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};
use sha2::{Digest, Sha256};

use crate::domain::MediaType;

/// Longest side, in pixels: twice what 4K models deliver.
const MAX_SIDE: u32 = 8192;
/// Decoded size: a picture of `MAX_SIDE` squared with four channels.
const MAX_DECODED_BYTES: u64 = 4 * 8192 * 8192;
/// `ThumbHash` takes at most this.
const THUMBHASH_SIDE: u32 = 100;
const SHRUNK_QUALITY: u8 = 82;
/// No loss that an eye sees.
const CLEAN_QUALITY: u8 = 95;
const JPEG_TAIL_BYTES: usize = 1024;

/// What decoding has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// By content, whatever the server said.
    pub media_type: MediaType,
    /// Of the bytes.
    pub sha256: [u8; 32],
    /// A placeholder to paint while the image loads.
    pub thumbhash: Vec<u8>,
}

/// A picture and nothing else: no metadata, and nothing behind its end.
#[derive(Debug, Clone)]
pub struct Cleaned {
    /// Of the whole file.
    pub bytes: Vec<u8>,
    /// JPEG, or PNG when the picture came as PNG or has transparency.
    pub media_type: MediaType,
}

/// Bytes that are no usable picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Not one of the formats.
    #[error("it is no JPEG, PNG or WebP image")]
    UnknownFormat,
    /// Not the format that was announced.
    #[error("it is {}, which is not what was announced", .0.content_type())]
    OtherFormat(MediaType),
    /// The end is missing.
    #[error("it is cut off")]
    Truncated,
    /// Damaged or too large to decode.
    #[error("it does not decode as an image of reasonable size")]
    Undecodable(#[source] image::ImageError),
    /// A shrunk copy could not be written.
    #[error("it could not be encoded")]
    Unencodable(#[source] image::ImageError),
}

/// A picture as it was decoded: upright.
struct Decoded {
    picture: DynamicImage,
    media_type: MediaType,
    /// What its colours mean, unless they are those of sRGB.
    profile: Option<Vec<u8>>,
}

/// Decodes a picture fully and describes it.
///
/// # Errors
/// When it is no picture of a known format and reasonable size.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, PictureError> {
    let Decoded { picture, media_type, profile } = decode(bytes)?;
    let small = picture.thumbnail(THUMBHASH_SIDE, THUMBHASH_SIDE);
    let small = to_srgb(small, profile.as_deref()).into_rgba8();
    let thumbhash = thumbhash::rgba_to_thumb_hash(
        small.width() as usize,
        small.height() as usize,
        small.as_raw(),
    );
    Ok(Inspected {
        width: picture.width(),
        height: picture.height(),
        media_type,
        sha256: Sha256::digest(bytes).into(),
        thumbhash,
    })
}

/// A copy in the same format whose longest side is at most `longest_side`; the same bytes when it
/// is small enough already.
///
/// # Errors
/// When the bytes are no picture.
pub fn shrink(bytes: &[u8], longest_side: u32) -> Result<Vec<u8>, PictureError> {
    let mut decoded = decode(bytes)?;
    if decoded.picture.width().max(decoded.picture.height()) <= longest_side {
        return Ok(bytes.to_vec());
    }
    decoded.picture = decoded.picture.thumbnail(longest_side, longest_side);
    encode(decoded, SHRUNK_QUALITY)
}

/// The picture alone, upright, written anew: where a photo was taken, what else its file told, and what
/// was hidden behind its end, is gone.
///
/// # Errors
/// When the bytes are no picture, or not of the announced format.
pub fn clean(bytes: &[u8], announced: MediaType) -> Result<Cleaned, PictureError> {
    let mut decoded = decode(bytes)?;
    if decoded.media_type != announced {
        return Err(PictureError::OtherFormat(decoded.media_type));
    }
    if decoded.media_type == MediaType::Webp {
        // We can write it without loss only, which makes a photo several times as large.
        let transparent = decoded.picture.color().has_alpha();
        decoded.media_type = if transparent { MediaType::Png } else { MediaType::Jpeg };
    }
    let media_type = decoded.media_type;
    Ok(Cleaned { bytes: encode(decoded, CLEAN_QUALITY)?, media_type })
}

/// The JPEG decoder paints what is missing grey; a whole file ends with its end marker, though some
/// writers add a few bytes.
fn is_whole(bytes: &[u8], media_type: MediaType) -> bool {
    let end = &bytes[bytes.len().saturating_sub(JPEG_TAIL_BYTES)..];
    media_type != MediaType::Jpeg || end.windows(2).any(|pair| pair == [0xFF, 0xD9])
}

fn decode(bytes: &[u8]) -> Result<Decoded, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let format = image::guess_format(bytes).map_err(|_| PictureError::UnknownFormat)?;
    let media_type = match format {
        ImageFormat::Jpeg => MediaType::Jpeg,
        ImageFormat::Png => MediaType::Png,
        ImageFormat::WebP => MediaType::Webp,
        _ => return Err(PictureError::UnknownFormat),
    };
    if !is_whole(bytes, media_type) {
        return Err(PictureError::Truncated);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.set_format(format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(PictureError::Undecodable)?;
    let orientation = decoder.orientation().map_err(PictureError::Undecodable)?;
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(PictureError::Undecodable)?;
    picture.apply_orientation(orientation);
    Ok(Decoded { picture, media_type, profile })
}

/// Without a profile, every reader takes colours for those of sRGB. One that cannot be used is left out, as
/// browsers do.
fn to_srgb(picture: DynamicImage, profile: Option<&[u8]>) -> DynamicImage {
    let Some(transform) = profile.and_then(transform) else { return picture };
    let transparent = picture.color().has_alpha();
    let mut pixels = picture.into_rgba8();
    let mut line = vec![0; 4 * pixels.width() as usize];
    for converted in pixels.chunks_exact_mut(line.len()) {
        line.copy_from_slice(converted);
        // Lines of one length all fit, or none does.
        let _ = transform.transform(&line, converted);
    }
    let picture = DynamicImage::from(pixels);
    if transparent { picture } else { picture.into_rgb8().into() }
}

fn transform(profile: &[u8]) -> Option<Arc<Transform8BitExecutor>> {
    let from = ColorProfile::new_from_slice(profile).ok()?;
    let (to, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    let is_rgb = from.color_space == DataColorSpace::Rgb;
    is_rgb.then(|| from.create_transform_8bit(Layout::Rgba, &to, Layout::Rgba, options).ok())?
}

fn encode(decoded: Decoded, quality: u8) -> Result<Vec<u8>, PictureError> {
    let Decoded { picture, media_type, profile } = decoded;
    let picture = to_srgb(picture, profile.as_deref());
    let mut bytes = Vec::new();
    let written = match media_type {
        MediaType::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            picture.to_rgb8().write_with_encoder(encoder)
        }
        MediaType::Png => picture.write_with_encoder(PngEncoder::new(&mut bytes)),
        MediaType::Webp => {
            picture.to_rgba8().write_with_encoder(WebPEncoder::new_lossless(&mut bytes))
        }
    };
    written.map_err(PictureError::Unencodable)?;
    Ok(bytes)
}
