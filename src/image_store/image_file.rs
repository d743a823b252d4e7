//! Decodes, checks, resizes and re-encodes images. CPU-bound: run it on the blocking pool.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};
use sha2::{Digest, Sha256};

use crate::domain::ImageFormat;

/// Maximum width and height, in pixels.
const MAX_SIDE: u32 = 16_384;
/// Maximum number of pixels: the largest photos of phones have 48 million, the images of 4K models 17 million.
const MAX_PIXELS: u64 = 50_000_000;
/// Maximum decoded size: four channels of 8 bits for each pixel, and some images with 16 bits.
const MAX_DECODED_BYTES: u64 = 256 * 1024 * 1024;
/// Maximum size of the metadata of a PNG, which are compressed in the file.
const MAX_PNG_METADATA_BYTES: u64 = 16 * 1024 * 1024;
/// Converted copies of an image, such as an upright one in sRGB, need up to this many bytes for each pixel.
const COPY_BYTES_PER_PIXEL: u64 = 8;
/// Maximum width and height of the copy that is hashed, in pixels. A hash has at most 7 x 7 frequencies; with
/// 100 pixels, the most that `ThumbHash` accepts, it took 40 % of the CPU of a whole task.
const THUMBHASH_SIDE: u32 = 32;
const VARIANT_JPEG_QUALITY: u8 = 82;
/// Visually lossless.
const UPLOAD_JPEG_QUALITY: u8 = 95;

/// Properties of a decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageInfo {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Format by content, regardless of the declared type.
    pub format: ImageFormat,
    /// Hash of the file.
    pub sha256: [u8; 32],
    /// A placeholder to show while the image loads.
    pub thumbhash: Vec<u8>,
}

/// A re-encoded image without metadata and trailing data.
#[derive(Debug, Clone)]
pub struct SanitizedImage {
    /// The file.
    pub bytes: Vec<u8>,
    /// JPEG, or PNG when the source is PNG or has transparency.
    pub format: ImageFormat,
}

/// Why a file is not a usable image.
#[derive(Debug, thiserror::Error)]
pub enum ImageFileError {
    /// The format is not supported.
    #[error("it is not a JPEG, PNG or WebP image")]
    UnknownFormat,
    /// The end of the file is missing.
    #[error("it is cut off; send the whole file")]
    Truncated,
    /// Too large to decode.
    #[error(
        "it has {width} x {height} pixels and {bits} bits per pixel; send at most 50 million pixels, 16384 on each side, and 256 MiB when decoded"
    )]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Of all channels.
        bits: u16,
    },
    /// Larger than allowed after it was encoded again. A pattern that repeats can be compressed much better than the gateway does.
    #[error(
        "without its metadata, it has {size} bytes, and at most {max_bytes} can be stored; send it as JPEG"
    )]
    Grown {
        /// The size without metadata.
        size: u64,
        /// The maximum.
        max_bytes: u64,
    },
    /// Other images use all the memory for decoding.
    #[error("the gateway decodes too many images at once")]
    Busy,
    /// Damaged; `None` when the decoder panicked.
    #[error("it is damaged")]
    Undecodable(#[source] Option<image::ImageError>),
    /// The image could not be encoded.
    #[error("it could not be encoded")]
    Unencodable(#[source] image::ImageError),
}

/// A decoded image, with its EXIF orientation applied.
struct Decoded {
    image: DynamicImage,
    format: ImageFormat,
    /// ICC color profile, if the file has one.
    profile: Option<Vec<u8>>,
}

/// Decodes an image completely and returns its properties.
///
/// # Errors
/// When the file is not an image of a supported format and size.
pub fn inspect(bytes: &[u8]) -> Result<ImageInfo, ImageFileError> {
    let Decoded { image, format, profile } = decode(bytes)?;
    let small = image.thumbnail(THUMBHASH_SIDE, THUMBHASH_SIDE);
    let small = to_srgb(small, profile.as_deref()).into_rgba8();
    let thumbhash = thumbhash::rgba_to_thumb_hash(
        small.width() as usize,
        small.height() as usize,
        small.as_raw(),
    );
    Ok(ImageInfo {
        width: image.width(),
        height: image.height(),
        format,
        sha256: Sha256::digest(bytes).into(),
        thumbhash,
    })
}

/// A copy in the same format whose longest side is at most `longest_side`; the same bytes when the
/// image is small enough.
///
/// # Errors
/// When the file is not an image.
pub(super) fn shrink(bytes: &[u8], longest_side: u32) -> Result<Vec<u8>, ImageFileError> {
    let mut decoded = decode(bytes)?;
    if decoded.image.width().max(decoded.image.height()) <= longest_side {
        return Ok(bytes.to_vec());
    }
    decoded.image = decoded.image.thumbnail(longest_side, longest_side);
    encode(decoded, VARIANT_JPEG_QUALITY)
}

/// Re-encodes the image upright. This removes metadata such as the location, and data after the end
/// of the image.
///
/// # Errors
/// When the file is not an image.
pub fn sanitize(bytes: &[u8], max_bytes: u64) -> Result<SanitizedImage, ImageFileError> {
    let mut decoded = decode(bytes)?;
    if decoded.format == ImageFormat::Webp {
        // The encoder writes lossless WebP only, which makes a photo several times as large.
        let transparent = decoded.image.color().has_alpha();
        decoded.format = if transparent { ImageFormat::Png } else { ImageFormat::Jpeg };
    }
    let format = decoded.format;
    let bytes = encode(decoded, UPLOAD_JPEG_QUALITY)?;
    let size = bytes.len() as u64;
    if size > max_bytes {
        return Err(ImageFileError::Grown { size, max_bytes });
    }
    Ok(SanitizedImage { bytes, format })
}

/// Where the image of a JPEG file ends; `None` when its end is missing, because the decoder would fill missing
/// parts with gray. Phones append a video, and some encoders a few bytes. A thumbnail in the metadata has an end of its
/// own, so segments are skipped by their lengths.
fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    // After the marker of the start.
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xFF)?;
        at += match *bytes.get(at + 1)? {
            0xD9 => return Some(at + 2),
            // A fill byte.
            0xFF => 1,
            // Within image data: an escaped 0xFF, or a restart marker. They have no length.
            0x00 | 0x01 | 0xD0..=0xD8 => 2,
            _ => 2 + usize::from(u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?)),
        };
    }
}

/// The memory that an image needs while it is decoded and converted, from its header.
pub(super) fn working_bytes(bytes: &[u8]) -> Result<u64, ImageFileError> {
    let (_, decoder) = open(bytes)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS
        || width.max(height) > MAX_SIDE
        || decoder.total_bytes() > MAX_DECODED_BYTES
    {
        let bits = decoder.color_type().bits_per_pixel();
        return Err(ImageFileError::TooLarge { width, height, bits });
    }
    Ok(decoder.total_bytes() + COPY_BYTES_PER_PIXEL * pixels)
}

/// Reads the header.
fn open(bytes: &[u8]) -> Result<(ImageFormat, impl ImageDecoder + '_), ImageFileError> {
    let decoder_format = image::guess_format(bytes).map_err(|_| ImageFileError::UnknownFormat)?;
    let format = match decoder_format {
        image::ImageFormat::Jpeg => ImageFormat::Jpeg,
        image::ImageFormat::Png => ImageFormat::Png,
        image::ImageFormat::WebP => ImageFormat::Webp,
        _ => return Err(ImageFileError::UnknownFormat),
    };
    let end = match format {
        ImageFormat::Jpeg => jpeg_end(bytes).ok_or(ImageFileError::Truncated)?,
        ImageFormat::Png | ImageFormat::Webp => bytes.len(),
    };
    let mut reader = ImageReader::new(Cursor::new(&bytes[..end]));
    let mut limits = Limits::default();
    limits.max_alloc = Some(match format {
        // For PNG, this limits only the metadata, such as a color profile, which the decoder decompresses when it reads the header.
        ImageFormat::Png => MAX_PNG_METADATA_BYTES,
        ImageFormat::Jpeg | ImageFormat::Webp => MAX_DECODED_BYTES,
    });
    reader.set_format(decoder_format);
    reader.limits(limits);
    let decoder =
        reader.into_decoder().map_err(|error| ImageFileError::Undecodable(Some(error)))?;
    Ok((format, decoder))
}

fn decode(bytes: &[u8]) -> Result<Decoded, ImageFileError> {
    let (format, mut decoder) = open(bytes)?;
    let orientation =
        decoder.orientation().map_err(|error| ImageFileError::Undecodable(Some(error)))?;
    let profile = decoder.icc_profile().ok().flatten();
    let mut image = DynamicImage::from_decoder(decoder)
        .map_err(|error| ImageFileError::Undecodable(Some(error)))?;
    image.apply_orientation(orientation);
    Ok(Decoded { image, format, profile })
}

/// Without a profile, colors are sRGB by convention. A profile that is not usable is ignored, as
/// browsers do.
fn to_srgb(image: DynamicImage, profile: Option<&[u8]>) -> DynamicImage {
    let Some(transform) = profile.and_then(transform) else { return image };
    let transparent = image.color().has_alpha();
    let mut pixels = image.into_rgba8();
    let mut line = vec![0; 4 * pixels.width() as usize];
    for converted in pixels.chunks_exact_mut(line.len()) {
        line.copy_from_slice(converted);
        // `transform` fails only when the lengths differ, and all lines have the same length.
        let _ = transform.transform(&line, converted);
    }
    let image = DynamicImage::from(pixels);
    if transparent { image } else { image.into_rgb8().into() }
}

fn transform(profile: &[u8]) -> Option<Arc<Transform8BitExecutor>> {
    let from = ColorProfile::new_from_slice(profile).ok()?;
    let (to, options) = (ColorProfile::new_srgb(), TransformOptions::default());
    let is_rgb = from.color_space == DataColorSpace::Rgb;
    is_rgb.then(|| from.create_transform_8bit(Layout::Rgba, &to, Layout::Rgba, options).ok())?
}

fn encode(decoded: Decoded, quality: u8) -> Result<Vec<u8>, ImageFileError> {
    let Decoded { image, format, profile } = decoded;
    let image = to_srgb(image, profile.as_deref());
    let mut bytes = Vec::new();
    let written = match format {
        ImageFormat::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            image.to_rgb8().write_with_encoder(encoder)
        }
        ImageFormat::Png => image.write_with_encoder(PngEncoder::new(&mut bytes)),
        ImageFormat::Webp => {
            image.to_rgba8().write_with_encoder(WebPEncoder::new_lossless(&mut bytes))
        }
    };
    written.map_err(ImageFileError::Unencodable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_jpeg_is_not_that_of_its_thumbnail() {
        let start = [0xFF, 0xD8];
        // A segment of metadata with an end marker, image data with an escaped 0xFF and a restart, the end.
        let metadata = [0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 1, 2];
        let data = [0xFF, 0xDA, 0, 3, 9, 7, 0xFF, 0x00, 7, 0xFF, 0xD0, 7];
        let image = [&start[..], &metadata, &data, &[0xFF, 0xFF, 0xD9]].concat();
        assert_eq!(jpeg_end(&image), Some(image.len()));
        assert_eq!(jpeg_end(&[&image[..], b"a video"].concat()), Some(image.len()));
        for cut in 0..image.len() {
            assert_eq!(jpeg_end(&image[..cut]), None, "{cut} bytes");
        }
        assert_eq!(jpeg_end(&[0xFF, 0xD8, 0xFF, 0xE1, 0, 0, 7]), None);
    }
}
