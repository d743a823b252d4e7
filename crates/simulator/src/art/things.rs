//! The things a prompt may name, and how their marks become shapes.

use tiny_skia::{Color, Path, Transform};

use super::canvas::{Canvas, arc, bar, blob, leaf, oval, polygon};
use super::motifs::{
    BALLOON, BIRDS, BOAT, CACTUS, CAN, CAT, FLOWER, HOUSE, LIGHTHOUSE, PINE, POT, ROBOT, SLEEPER,
    SOFA,
};
use super::palette::{Palette, fade, hex, mix, named, scale};
use super::places::Place;
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
    /// Centre x, y; half its width, half its height.
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

const MOST_THINGS: usize = 3;

/// Where a thing is at home.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Air,
    Ground,
    Water,
    Indoors,
}

/// A motif and the words that ask for it.
pub(super) struct Thing {
    pub words: &'static str,
    pub home: Home,
    /// Its height, as a share of the picture's shorter side.
    pub size: f32,
    marks: &'static [Mark],
}

#[rustfmt::skip]
pub(super) const THINGS: &[Thing] = &[
    Thing { words: "cat kitten", home: Home::Indoors, size: 0.26, marks: CAT },
    Thing { words: "asleep sleeping sleepy nap", home: Home::Indoors, size: 0.2, marks: SLEEPER },
    Thing { words: "robot android machine bot", home: Home::Ground, size: 0.46, marks: ROBOT },
    Thing { words: "balloon", home: Home::Air, size: 0.36, marks: BALLOON },
    Thing { words: "boat ship sail sailing yacht", home: Home::Water, size: 0.34, marks: BOAT },
    Thing { words: "lighthouse tower", home: Home::Water, size: 0.56, marks: LIGHTHOUSE },
    Thing { words: "house cabin cottage home hut", home: Home::Ground, size: 0.28, marks: HOUSE },
    Thing { words: "plant pot basil herb", home: Home::Ground, size: 0.32, marks: POT },
    Thing { words: "cactus", home: Home::Ground, size: 0.26, marks: CACTUS },
    Thing { words: "tree pine fir", home: Home::Ground, size: 0.36, marks: PINE },
    Thing { words: "flower rose tulip bloom poppy", home: Home::Ground, size: 0.26, marks: FLOWER },
    Thing { words: "bird gull crane", home: Home::Air, size: 0.12, marks: BIRDS },
    Thing { words: "sofa couch furniture", home: Home::Indoors, size: 0.3, marks: SOFA },
];

/// The things the words name; a cat that sleeps is not also drawn awake.
pub(super) fn named_by(words: &[String]) -> Vec<&'static Thing> {
    let mut found = named(words, &THINGS.iter().map(|thing| thing.words));
    let is = |at: usize, word: &str| THINGS[at].words.starts_with(word);
    let asleep = found.iter().any(|&at| is(at, "asleep"));
    found.retain(|&at| !(asleep && is(at, "cat")));
    found.into_iter().take(MOST_THINGS).filter_map(|at| THINGS.get(at)).collect()
}

/// What is likely to be seen at a place if the prompt names no thing.
pub(super) fn usual_at(place: Place, luck: f32) -> Vec<&'static Thing> {
    let keys: &[&str] = match place {
        Place::Mountains => &["house", "balloon", "bird"],
        Place::Sea => &["boat", "lighthouse"],
        Place::Desert => &["cactus", "balloon", "bird"],
        Place::City => &["bird"],
        Place::Forest => &["house", "bird", "robot"],
        Place::Garden => &["plant", "house", "cat"],
        Place::Room => &["plant", "cat"],
        Place::Abstract => return Vec::new(),
    };
    let key = keys[scale(luck, keys.len())];
    THINGS.iter().filter(|thing| thing.words.split(' ').any(|word| word == key)).collect()
}

/// A place to draw a thing at: its foot, its height and how much of the air's colour is on it.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub x: f32,
    pub y: f32,
    pub size: f32,
    /// 1, or -1 to mirror it.
    pub facing: f32,
    pub haze: (Color, f32),
}

impl Thing {
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
    let place = Transform::from_row(scale * spot.facing, 0.0, 0.0, scale, spot.x, spot.y);
    for &(ink, shape) in marks {
        let plain = ink.colour(palette);
        let colour =
            if matches!(ink, Light) { plain } else { mix(plain, spot.haze.0, spot.haze.1) };
        let inks = [mix(colour, fade(palette.orb, 1.0), 0.16), mix(colour, palette.near, 0.14)];
        canvas.fill(shape.path().and_then(|path| path.transform(place)), &inks);
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
    fn colour(self, palette: &Palette) -> Color {
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
