//! Draws the images of the simulated providers: small illustrated scenes. The words of the prompt
//! select palette, backdrop and subjects; where they select nothing, the hash of the prompt does.

#![expect(clippy::cast_precision_loss, reason = "picture sizes and counts are far below 2^24")]

mod canvas;
#[rustfmt::skip]
mod motifs;
mod backdrops;
mod palette;
mod ridge;
mod scene;
mod sky;
mod subjects;
mod town;
mod water;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, RgbaImage};

const JPEG_QUALITY: u8 = 86;

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture<'a> {
    /// Selects palette, backdrop and subjects.
    pub prompt: &'a str,
    /// A different number for each image of a request.
    pub variation: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The file format of a drawn picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Small, slightly lossy.
    Jpeg,
    /// Lossless, compressed for speed.
    Png,
}

/// Draws the picture; the same arguments give the same bytes on every machine.
///
/// A width or height of zero gives no bytes, because neither format supports such an image.
#[must_use]
pub(super) fn draw(picture: &Picture<'_>, encoding: Encoding) -> Vec<u8> {
    let Some(canvas) = scene::paint(picture) else {
        return Vec::new();
    };
    // Every pixel is opaque, so premultiplied and straight bytes are equal.
    let Some(pixels) = RgbaImage::from_raw(picture.width, picture.height, canvas.into_bytes())
    else {
        return Vec::new();
    };
    let rgb = DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(pixels).into_rgb8());
    encode(&rgb, encoding)
}

fn encode(image: &DynamicImage, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = match encoding {
        Encoding::Jpeg => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
        }
        Encoding::Png => image.write_with_encoder(PngEncoder::new_with_quality(
            &mut bytes,
            CompressionType::Fast,
            FilterType::Up,
        )),
    };
    // Writing to memory fails only for sizes that the formats do not support.
    if written.is_err() {
        bytes.clear();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(prompt: &str, variation: u32, width: u32, height: u32) -> Picture<'_> {
        Picture { prompt, variation, width, height }
    }

    #[test]
    fn the_same_arguments_give_the_same_bytes() {
        let cat = picture("a cat in the rain", 3, 160, 120);
        for encoding in [Encoding::Jpeg, Encoding::Png] {
            assert_eq!(draw(&cat, encoding), draw(&cat, encoding));
        }
    }

    #[test]
    fn prompts_and_variations_differ() {
        let first = draw(&picture("a red boat", 0, 160, 120), Encoding::Png);
        assert_ne!(first, draw(&picture("a red boat", 1, 160, 120), Encoding::Png));
        assert_ne!(first, draw(&picture("a teal boat", 0, 160, 120), Encoding::Png));
    }

    #[test]
    fn every_backdrop_fits_every_aspect_ratio() {
        let sizes = [(1, 1), (1, 8), (512, 64), (64, 512)];
        for backdrop in
            ["sea", "city", "forest", "desert", "mountain", "garden", "room", "abstract"]
        {
            for (width, height) in sizes {
                let picture = picture(backdrop, 0, width, height);
                let raw = scene::paint(&picture).map(canvas::Canvas::into_bytes);
                let opaque = raw.is_some_and(|raw| raw.chunks(4).all(|it| it[3] == 255));
                assert!(opaque, "{backdrop} {width}x{height}");
                let bytes = draw(&picture, Encoding::Png);
                let size = image::load_from_memory(&bytes).map(|it| (it.width(), it.height()));
                assert_eq!(size.ok(), Some((width, height)), "{backdrop}");
            }
        }
    }
}
