//! Ridges: the outlines of hills and waves, and what grows along them.

use tiny_skia::Color;

use super::canvas::polygon;
use super::palette::scale;
use super::scene::Scene;
use super::subjects::{Mark, Spot, stamp};

/// A line of hills: its base, its height, the length of a hill in units, and whether it is rugged.
pub(super) struct Ridge {
    pub base: f32,
    pub height: f32,
    pub length: f32,
    pub rugged: bool,
}

/// Smooth noise from 0 to 1 with one random height per whole number.
fn noise(x: f32, heights: &[f32]) -> f32 {
    let (cell, t) = (x.floor(), x.fract());
    let at = |cell: f32| heights[scale((cell / heights.len() as f32).fract(), heights.len())];
    let (from, to) = (at(cell + 0.5), at(cell + 1.5));
    from + (to - from) * t * t * (3.0 - 2.0 * t)
}

impl Scene {
    pub(super) fn outline(&mut self, ridge: &Ridge) -> Vec<(f32, f32)> {
        let heights: Vec<f32> = (0..61).map(|_| self.between(0.0, 1.0)).collect();
        let offset = self.between(0.0, 20.0);
        let step = (self.canvas.width / 320.0).max(1.5);
        let mut points = Vec::new();
        let mut x = -step;
        while x <= self.canvas.width + step {
            let at = offset + (x + step) / (ridge.length * self.unit);
            let wave = noise(at, &heights);
            let high = if ridge.rugged {
                // Folding the noise gives it crests.
                let crest = |z: f32| 1.0 - (2.0 * noise(z, &heights) - 1.0).abs();
                wave * 0.55
                    + crest(at * 1.7) * 0.32
                    + crest(at * 4.3) * 0.1
                    + crest(at * 9.1) * 0.05
            } else {
                wave
            };
            points.push((x, ridge.base - ridge.height * high));
            x += step;
        }
        points
    }

    pub(super) fn land_below(&mut self, mut line: Vec<(f32, f32)>, inks: &[Color]) {
        let (width, height) = (self.canvas.width, self.canvas.height);
        line.extend([(width + 9.0, height + 1.0), (-9.0, height + 1.0)]);
        self.canvas.fill(polygon(&line), inks);
    }

    pub(super) fn ridge(&mut self, ridge: &Ridge, inks: &[Color]) {
        let line = self.outline(ridge);
        self.land_below(line, inks);
    }

    /// Stamps marks along a line, `gap` units apart.
    pub(super) fn plant(
        &mut self,
        line: &[(f32, f32)],
        marks: &[Mark],
        gap: f32,
        size: f32,
        haze: (Color, f32),
    ) {
        let mut next = 0.0;
        for &(x, y) in line {
            if x >= next {
                let size = self.unit * size * self.between(0.6, 1.15);
                let spot = Spot { x, y: y + size * 0.12, size, facing: 1.0, haze };
                stamp(&mut self.canvas, &self.palette, spot, marks);
                next = x + self.unit * gap * self.between(0.6, 1.5);
            }
        }
    }
}
