//! The subjects that a prompt can select, and how their marks are drawn.

use tiny_skia::{Color, Path, Transform};

use super::backdrops::Backdrop;
use super::canvas::{Canvas, arc, bar, blob, leaf, oval, polygon};
use super::motifs::{
    BALLOON, BIRDS, BOAT, CACTUS, CAN, CAT, FLOWER, HOUSE, LIGHTHOUSE, PINE, POT, ROBOT, SLEEPER,
    SOFA,
};
use super::palette::{Palette, fade, hex, matching_rows, mix, scale};
use Ink::{Body, Clay, Dark, Green, Light, Metal, Pale, Trim};
use Shape::{Arc, Bar, Blob, Leaf, Oval, Poly};

#[derive(Clone, Copy)]
pub(super) enum Ink {
    Body,
    Trim,
    Dark,
    Pale,
    Light,
    Metal,
    Green,
    Clay,
}

#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Center x, y; half its width, half its height.
    Oval(f32, f32, f32, f32),
    /// Left, top, width, height, rounding.
    Bar(f32, f32, f32, f32, f32),
    Poly(&'static [(f32, f32)]),
    Blob(&'static [(f32, f32)]),
    /// Stalk x, y; from there to the tip.
    Leaf(f32, f32, f32, f32),
    /// From, bend, to, width.
    Arc((f32, f32), (f32, f32), (f32, f32), f32),
}

pub(super) type Mark = (Ink, Shape);

const MAX_SUBJECTS: usize = 3;

/// Where a subject belongs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Habitat {
    Air,
    Ground,
    Water,
    Indoors,
}

/// A subject and the words that select it.
pub(super) struct Subject {
    pub words: &'static str,
    pub habitat: Habitat,
    /// Its height, as a share of the picture's shorter side.
    pub size: f32,
    marks: &'static [Mark],
}

#[rustfmt::skip]
pub(super) const SUBJECTS: &[Subject] = &[
    Subject { words: "cat kitten", habitat: Habitat::Indoors, size: 0.26, marks: CAT },
    Subject { words: "asleep sleeping sleepy nap", habitat: Habitat::Indoors, size: 0.2, marks: SLEEPER },
    Subject { words: "robot android machine bot", habitat: Habitat::Ground, size: 0.46, marks: ROBOT },
    Subject { words: "balloon", habitat: Habitat::Air, size: 0.36, marks: BALLOON },
    Subject { words: "boat ship sail sailing yacht", habitat: Habitat::Water, size: 0.34, marks: BOAT },
    Subject { words: "lighthouse tower", habitat: Habitat::Water, size: 0.56, marks: LIGHTHOUSE },
    Subject { words: "house cabin cottage home hut", habitat: Habitat::Ground, size: 0.28, marks: HOUSE },
    Subject { words: "plant pot basil herb", habitat: Habitat::Ground, size: 0.32, marks: POT },
    Subject { words: "cactus", habitat: Habitat::Ground, size: 0.26, marks: CACTUS },
    Subject { words: "tree pine fir", habitat: Habitat::Ground, size: 0.36, marks: PINE },
    Subject { words: "flower rose tulip bloom poppy", habitat: Habitat::Ground, size: 0.26, marks: FLOWER },
    Subject { words: "bird gull crane", habitat: Habitat::Air, size: 0.12, marks: BIRDS },
    Subject { words: "sofa couch furniture", habitat: Habitat::Indoors, size: 0.3, marks: SOFA },
];

/// The subjects that the words select; a sleeping cat is not also drawn awake.
pub(super) fn mentioned_in(words: &[String]) -> Vec<&'static Subject> {
    let mut found = matching_rows(words, &SUBJECTS.iter().map(|subject| subject.words));
    let is = |at: usize, word: &str| SUBJECTS[at].words.starts_with(word);
    let asleep = found.iter().any(|&at| is(at, "asleep"));
    found.retain(|&at| !(asleep && is(at, "cat")));
    found.into_iter().take(MAX_SUBJECTS).filter_map(|at| SUBJECTS.get(at)).collect()
}

/// Typical subjects of a backdrop, for a prompt that selects none.
pub(super) fn typical_for(backdrop: Backdrop, sample: f32) -> Vec<&'static Subject> {
    let keys: &[&str] = match backdrop {
        Backdrop::Mountains => &["house", "balloon", "bird"],
        Backdrop::Sea => &["boat", "lighthouse"],
        Backdrop::Desert => &["cactus", "balloon", "bird"],
        Backdrop::City => &["bird"],
        Backdrop::Forest => &["house", "bird", "robot"],
        Backdrop::Garden => &["plant", "house", "cat"],
        Backdrop::Room => &["plant", "cat"],
        Backdrop::Abstract => return Vec::new(),
    };
    let key = keys[scale(sample, keys.len())];
    SUBJECTS.iter().filter(|subject| subject.words.split(' ').any(|word| word == key)).collect()
}

/// Where and how to draw a subject: its foot, its height, and its share of the haze's color.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub x: f32,
    pub y: f32,
    pub size: f32,
    /// 1, or -1 to mirror it.
    pub facing: f32,
    pub haze: (Color, f32),
}

impl Subject {
    pub(super) fn stamp(&self, canvas: &mut Canvas, palette: &Palette, spot: Spot, watering: bool) {
        stamp(canvas, palette, spot, self.marks);
        if watering && self.words.starts_with("robot") {
            stamp(canvas, palette, spot, CAN);
        }
    }
}

/// Draws the marks, each a little lighter on its upper side.
pub(super) fn stamp(canvas: &mut Canvas, palette: &Palette, spot: Spot, marks: &[Mark]) {
    let scale = spot.size / 100.0;
    let transform = Transform::from_row(scale * spot.facing, 0.0, 0.0, scale, spot.x, spot.y);
    for &(ink, shape) in marks {
        let plain = ink.color(palette);
        let color = if matches!(ink, Light) { plain } else { mix(plain, spot.haze.0, spot.haze.1) };
        let inks = [mix(color, fade(palette.orb, 1.0), 0.16), mix(color, palette.near, 0.14)];
        canvas.fill(shape.path().and_then(|path| path.transform(transform)), &inks);
    }
}

impl Shape {
    fn path(self) -> Option<Path> {
        match self {
            Oval(x, y, across, down) => oval(x, y, across, down),
            Bar(x, y, width, height, round) => bar(x, y, width, height, round),
            Poly(points) => polygon(points),
            Blob(points) => blob(points),
            Leaf(x, y, dx, dy) => leaf(x, y, (dx, dy), 0.42),
            Arc(from, bend, to, width) => arc(from, bend, to, width),
        }
    }
}

impl Ink {
    fn color(self, palette: &Palette) -> Color {
        match self {
            Body => palette.accent,
            Trim => palette.second,
            Dark => mix(palette.near, Color::BLACK, 0.25),
            Pale => mix(palette.orb, palette.haze, 0.35),
            Light => mix(hex(0xff_e29a), palette.orb, 0.2),
            Metal => mix(hex(0xb4_bcc4), palette.far, 0.25),
            Green => mix(hex(0x4d_8f58), palette.near, 0.25),
            Clay => mix(hex(0xc4_6f4b), palette.near, 0.2),
        }
    }
}
