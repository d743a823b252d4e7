//! The sea, and the abstract waves.

use tiny_skia::Color;

use super::canvas::{bar, oval, polygon};
use super::palette::{fade, mix};
use super::ridge::Ridge;
use super::scene::Scene;

pub(super) fn sea(scene: &mut Scene) {
    let (width, height, unit) = (scene.canvas.width, scene.canvas.height, scene.unit);
    let (horizon, haze, near) = (scene.horizon, scene.palette.haze, scene.land(0.8));
    let isle = mix(scene.palette.far, haze, 0.3);
    let ridge =
        Ridge { base: horizon + unit * 0.03, height: unit * 0.12, length: 0.5, rugged: true };
    scene.ridge(&ridge, &[isle, mix(isle, haze, 0.4)]);
    let water = [mix(haze, scene.palette.far, 0.45), scene.land(0.45), near];
    scene.canvas.band(horizon, height, &water);
    for line in 0..70_u8 {
        let depth = f32::from(line) / 70.0;
        let y = horizon + (height - horizon) * depth * depth;
        let spread = unit * (0.05 + depth * 0.22);
        let sparkles = line % 5 < 3;
        let middle = if sparkles {
            scene.orb.0 + scene.between(-spread, spread) * 0.7
        } else {
            scene.between(0.0, width)
        };
        let long = spread * scene.between(0.2, 0.9);
        let thick = unit * (0.0016 + depth * 0.006);
        let ink = fade(scene.palette.orb, if sparkles { 0.6 - depth * 0.35 } else { 0.13 });
        scene.canvas.fill(bar(middle - long / 2.0, y, long, thick, thick), &[ink]);
    }
}

pub(super) fn waves(scene: &mut Scene) {
    let (height, unit, palette) = (scene.canvas.height, scene.unit, scene.palette);
    let pale = |ink| mix(ink, palette.orb, 0.6);
    let deep = |ink| mix(ink, palette.near, 0.55);
    let (one, two) = (palette.accent, palette.second);
    let inks = [pale(one), two, one, pale(two), deep(one), deep(two)];
    scene.canvas.band(0.0, height, &[pale(two), palette.orb, pale(one)]);
    let (x, y, size) = (scene.orb.0, height * 0.28, unit * scene.between(0.1, 0.17));
    scene.canvas.glow(x, y, size * 2.5, fade(Color::WHITE, 0.5));
    scene.canvas.fill(oval(x, y, size, size), &[mix(two, palette.orb, 0.2), two]);
    for (band, &ink) in inks.iter().enumerate() {
        let share = band as f32 / inks.len() as f32;
        let base = height * (0.46 + share * 0.68);
        let length = scene.between(0.45, 0.85);
        let rise = (unit * 0.34).min(height * 0.3);
        let mut line = scene.outline(&Ridge { base, height: rise, length, rugged: false });
        let shades = [mix(ink, palette.orb, 0.3), ink, mix(ink, palette.near, 0.3)];
        scene.land_below(line.clone(), &shades);
        let back: Vec<_> = line.iter().rev().map(|&(x, y)| (x, y + unit * 0.005)).collect();
        line.extend(back);
        scene.canvas.fill(polygon(&line), &[fade(palette.orb, 0.45)]);
    }
}
