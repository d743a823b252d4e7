//! Sky and weather: what is painted behind and in front of a backdrop.

use tiny_skia::Path;

use super::backdrops::Backdrop;
use super::canvas::{arc, blob, oval};
use super::palette::{Palette, fade, mix};
use super::scene::Scene;

const STARS: usize = 90;
const DROPS: usize = 150;

impl Scene {
    pub(super) fn sky(&mut self) {
        let Palette { sky, haze, orb, accent, .. } = self.palette;
        let middle = mix(mix(sky, haze, 0.5), accent, 0.12);
        self.canvas.flood(haze);
        self.canvas.band(0.0, self.horizon, &[sky, middle, haze]);
        let width = self.canvas.width;
        if self.palette.is_dark() && !self.mentions("storm rain stormy rainy fog") {
            for _ in 0..STARS {
                let (x, y) = (self.between(0.0, width), self.between(0.0, self.horizon * 0.8));
                let size = self.unit * self.between(0.0008, 0.0026);
                let ink = fade(orb, self.between(0.25, 0.9));
                self.canvas.fill(oval(x, y, size, size), &[ink]);
            }
        }
        let (x, y) = self.orb;
        let size = self.unit * self.between(0.055, 0.085);
        self.canvas.glow(x, y, size * 5.5, fade(orb, 0.75));
        self.canvas.fill(oval(x, y, size, size), &[orb, mix(orb, haze, 0.3)]);
        for _ in 0..4 {
            self.cloud();
        }
    }

    fn cloud(&mut self) {
        let (width, size) = (self.canvas.width, self.unit * self.between(0.04, 0.09));
        let (x, y) = (self.between(0.0, width), self.horizon * self.between(0.12, 0.75));
        let lit = mix(self.palette.haze, self.palette.orb, 0.45);
        let puffs = 4.0 + self.between(0.0, 3.0).floor();
        let mut outline = vec![(x - size * 2.0, y), (x - size * 2.4, y - size * 0.25)];
        let mut at = -puffs / 2.0;
        while at <= puffs / 2.0 {
            let high = size * self.between(0.4, 1.3) * (1.0 - (at / puffs).abs());
            outline.push((x + at * size * 0.8, y - high));
            at += 1.0;
        }
        outline.extend([(x + size * 2.4, y - size * 0.25), (x + size * 2.0, y)]);
        self.canvas.fill(blob(&outline), &[fade(lit, 0.75), fade(lit, 0.06)]);
    }

    pub(super) fn weather(&mut self, backdrop: Backdrop) {
        if backdrop == Backdrop::Room {
            return;
        }
        let (width, height, unit) = (self.canvas.width, self.canvas.height, self.unit);
        let (rain, snow) =
            (self.mentions("rain rainy storm stormy"), self.mentions("snow snowy winter"));
        if self.mentions("fog foggy mist misty") {
            let haze = self.palette.haze;
            let veil = [fade(haze, 0.0), fade(haze, 0.6), fade(haze, 0.0)];
            self.canvas.band(self.horizon - height * 0.15, self.horizon + height * 0.3, &veil);
        }
        for _ in 0..if rain || snow { DROPS } else { 0 } {
            let (x, y) = (self.between(0.0, width), self.between(0.0, height));
            let size = unit * self.between(0.002, 0.006);
            let ink = fade(self.palette.orb, self.between(0.15, if rain { 0.4 } else { 0.9 }));
            let streak = || arc((x, y), (x, y), (x - size * 3.0, y + size * 12.0), unit * 0.0018);
            let drop: Option<Path> = if rain { streak() } else { oval(x, y, size, size) };
            self.canvas.fill(drop, &[ink]);
        }
    }
}
