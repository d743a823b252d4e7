//! Composes an image: parses the prompt, then paints sky, backdrop, weather and subjects.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest, Sha256};
use tiny_skia::Color;

use super::Picture;
use super::backdrops::{self, Backdrop};
use super::canvas::{Canvas, oval, polygon};
use super::palette::{Palette, fade, matching_rows, mix};
use super::subjects::{self, Habitat, Spot, Subject};

/// Maximum distance of sun or moon from the middle, in units, so that it is near the subjects in
/// panoramas.
const ORB_REACH: f32 = 2.2;
const FLOCK: [(f32, f32, f32); 3] = [(0.0, 0.0, 1.0), (0.36, 0.14, 0.55), (-0.3, -0.1, 0.36)];

/// The image that is being drawn, with the state of all painters.
pub(super) struct Scene {
    pub canvas: Canvas,
    pub palette: Palette,
    pub words: Vec<String>,
    /// The shorter side, the unit of all sizes.
    pub unit: f32,
    /// Height of the lower end of the sky.
    pub horizon: f32,
    /// Sun or moon.
    pub orb: (f32, f32),
    /// Height of the ground, on which subjects stand; indoors, the sill is another support.
    pub ground: f32,
    pub sill: (f32, f32),
    rng: StdRng,
}

/// Paints the image; `None` if it has no pixels.
pub(super) fn paint(picture: &Picture<'_>) -> Option<Canvas> {
    let canvas = Canvas::new(picture.width, picture.height)?;
    let lower = picture.prompt.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<String> = words.map(str::to_owned).collect();

    // Only the prompt selects the theme, so that variations are similar.
    let mut theme = seeded_rng(picture.prompt, None);
    let palette = Palette::from_words(&words, theme.random());
    let subjects = subjects::mentioned_in(&words);
    let habitat = subjects.first().map(|subject| subject.habitat);
    let backdrop = backdrops::choose(&words, habitat, theme.random());
    let typical = subjects::typical_for(backdrop, theme.random());
    let subjects = if subjects.is_empty() { typical } else { subjects };

    let rng = seeded_rng(picture.prompt, Some(picture.variation));
    let mut scene = Scene::new(canvas, palette, words, rng);
    scene.arrange(backdrop);
    scene.sky();
    backdrop.paint(&mut scene);
    scene.weather(backdrop);
    scene.paint_subjects(&subjects, backdrop);
    Some(scene.canvas)
}

fn seeded_rng(prompt: &str, variation: Option<u32>) -> StdRng {
    let mut hash = Sha256::new();
    hash.update(prompt.as_bytes());
    if let Some(variation) = variation {
        hash.update([0]);
        hash.update(variation.to_le_bytes());
    }
    StdRng::from_seed(hash.finalize().into())
}

impl Scene {
    fn new(canvas: Canvas, palette: Palette, words: Vec<String>, rng: StdRng) -> Self {
        let (width, height) = (canvas.width, canvas.height);
        Self {
            unit: width.min(height),
            horizon: height * 0.6,
            orb: (width / 2.0, height * 0.3),
            ground: height * 0.9,
            sill: (width / 2.0, height * 0.9),
            canvas,
            palette,
            words,
            rng,
        }
    }

    /// Chooses the properties that differ between the variations of a prompt.
    fn arrange(&mut self, backdrop: Backdrop) {
        let (width, height) = (self.canvas.width, self.canvas.height);
        self.palette = self.palette.shifted(self.between(-1.0, 1.0));
        self.horizon = height * self.between(0.54, 0.66);
        let side = self.between(-1.0, 1.0).signum() * 0.22;
        // In a room, the window surrounds the sun, and must fit into the image.
        let sway = if backdrop == Backdrop::Room { 0.0 } else { 0.08 };
        let aside = side + self.between(-sway, sway);
        self.orb.0 = width / 2.0 + width.min(self.unit * ORB_REACH) * aside;
        self.orb.1 = self.horizon * self.between(0.3, 0.62);
    }

    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.rng.random::<f32>()
    }

    pub(super) fn mentions(&self, keys: &str) -> bool {
        !matching_rows(&self.words, &[keys].into_iter()).is_empty()
    }

    /// The color of the land, from far (0) to near (1).
    pub(super) fn land(&self, nearness: f32) -> Color {
        mix(self.palette.far, self.palette.near, nearness)
    }

    /// Paints the subjects side by side, the first opposite the sun or moon.
    fn paint_subjects(&mut self, subjects: &[&Subject], backdrop: Backdrop) {
        let (width, unit) = (self.canvas.width, self.unit);
        // In a room, the sofa is opposite the sun, so the first subject is on the sun's side.
        let away =
            if (self.orb.0 < width / 2.0) == (backdrop != Backdrop::Room) { 1.0 } else { -1.0 };
        for (at, subject) in subjects.iter().enumerate() {
            let step = [0.22, -0.24, 0.0][at % 3] * away + self.between(-0.03, 0.03);
            let size = unit * subject.size * self.between(0.92, 1.12);
            let x = width / 2.0 + width.min(unit * 1.7) * step;
            let facing = if x > width / 2.0 { -1.0 } else { 1.0 };
            let haze = (self.palette.haze, 0.08);
            let y = self.ground + unit * self.between(-0.015, 0.015);
            let mut spot = Spot { x, y, size, facing, haze };
            if subject.habitat == Habitat::Air {
                spot.y = (self.horizon * (0.45 + subject.size * 1.1)).max(size * 1.1);
                self.flock(subject, spot);
                continue;
            }
            if backdrop == Backdrop::Sea && subject.habitat == Habitat::Water {
                spot.y = self.horizon + (self.canvas.height - self.horizon) * 0.32;
            } else if backdrop == Backdrop::Room && self.mentions("windowsill sill window") {
                spot.x = self.sill.0 + (x - width / 2.0) * 0.15;
                spot.y = self.sill.1;
            }
            self.paint_standing(subject, spot);
        }
    }

    fn flock(&mut self, subject: &Subject, spot: Spot) {
        let towards = if spot.x < self.canvas.width / 2.0 { 1.0 } else { -1.0 };
        for (dx, dy, size) in FLOCK {
            let x = spot.x + dx * towards * self.unit + self.between(-0.03, 0.03) * self.unit;
            let y = spot.y * (1.0 - dy) - spot.size * (1.0 - size) * 0.4;
            let haze = (self.palette.haze, 0.06 + (1.0 - size) * 0.55);
            let spot = Spot { x, y, size: spot.size * size, haze, ..spot };
            subject.stamp(&mut self.canvas, &self.palette, spot, false);
        }
    }

    fn paint_standing(&mut self, subject: &Subject, spot: Spot) {
        let Spot { x, y, size, facing, .. } = spot;
        let shadow = fade(self.palette.near, 0.35);
        self.canvas.fill(oval(x, y, size * 0.42, size * 0.045), &[shadow]);
        let watering = self.mentions("watering water");
        subject.stamp(&mut self.canvas, &self.palette, spot, watering);
        if subject.words.starts_with("lighthouse") && self.palette.is_dark() {
            let (lamp, reach) = (y - size * 0.865, -self.unit * facing);
            let beam =
                [(x, lamp), (x - reach, lamp - size * 0.18), (x - reach, lamp + size * 0.26)];
            self.canvas.fill(polygon(&beam), &[fade(self.palette.orb, 0.16)]);
            self.canvas.glow(x, lamp, size * 0.3, fade(self.palette.orb, 0.7));
        }
    }
}
