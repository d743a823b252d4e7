//! The backdrops of an image, each painted from back to front.

use super::motifs::{FLOWER, PINE};
use super::palette::{matching_rows, mix, scale};
use super::ridge::Ridge;
use super::scene::Scene;
use super::subjects::{Habitat, Mark};
use super::{town, water};

/// Words that select a backdrop, in the order of `ALL`.
const WORDS: [&str; 8] = [
    "mountain alps hill valley peak lake landscape",
    "sea ocean beach island harbor harbour coast wave",
    "desert dune canyon sand sahara",
    "city skyline street town urban building skyscraper downtown",
    "forest wood woodland jungle pine",
    "garden meadow field basil flower farm park greenhouse",
    "room interior living bedroom kitchen windowsill sill window studio office moodboard",
    "abstract pattern texture gradient background fluid geometric wallpaper logo shape",
];

/// The surroundings in an image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Backdrop {
    Mountains,
    Sea,
    Desert,
    City,
    Forest,
    Garden,
    Room,
    Abstract,
}

const ALL: [Backdrop; 8] = {
    use Backdrop::{Abstract, City, Desert, Forest, Garden, Mountains, Room, Sea};
    [Mountains, Sea, Desert, City, Forest, Garden, Room, Abstract]
};

/// The backdrop that the words select; otherwise one that suits the first subject, otherwise any.
pub(super) fn choose(words: &[String], habitat: Option<Habitat>, sample: f32) -> Backdrop {
    let found = matching_rows(words, &WORDS.iter().copied());
    if found.contains(&7) {
        return Backdrop::Abstract;
    }
    if let Some(&at) = found.first() {
        return ALL[at];
    }
    match habitat {
        Some(Habitat::Indoors) => Backdrop::Room,
        Some(Habitat::Water) => Backdrop::Sea,
        Some(Habitat::Air) => ALL[scale(sample, 3)],
        Some(Habitat::Ground) => {
            [Backdrop::Mountains, Backdrop::Garden, Backdrop::City][scale(sample, 3)]
        }
        None => ALL[scale(sample, ALL.len())],
    }
}

impl Backdrop {
    pub(super) fn paint(self, scene: &mut Scene) {
        match self {
            Self::Mountains => country(scene, &MOUNTAINS),
            Self::Sea => water::sea(scene),
            Self::Desert => country(scene, &DESERT),
            Self::City => town::city(scene),
            Self::Forest => country(scene, &FOREST),
            Self::Garden => country(scene, &GARDEN),
            Self::Room => town::room(scene),
            Self::Abstract => water::waves(scene),
        }
    }
}

/// A landscape: layers of land from the horizon to the front, with these properties.
struct Country {
    layers: u8,
    /// Height of the hills in units: of the farthest and of the nearest layer.
    rise: (f32, f32),
    length: (f32, f32),
    /// How many of the layers are rugged, counted from the far side.
    rugged: u8,
    /// Share of the accent color in the ground.
    warm: f32,
    /// The plants: their marks, their first layer, the gap between them, and their size at the front.
    growth: Option<(&'static [Mark], u8, f32, f32)>,
}

const MOUNTAINS: Country = Country {
    layers: 5,
    rise: (0.42, 0.18),
    length: (0.55, 0.45),
    rugged: 3,
    warm: 0.0,
    growth: Some((PINE, 3, 0.06, 0.13)),
};
const DESERT: Country = Country {
    layers: 5,
    rise: (0.14, 0.26),
    length: (0.4, 0.65),
    rugged: 0,
    warm: 0.35,
    growth: None,
};
const FOREST: Country = Country {
    layers: 5,
    rise: (0.1, 0.06),
    length: (0.6, 0.6),
    rugged: 0,
    warm: 0.0,
    growth: Some((PINE, 0, 0.05, 0.36)),
};
const GARDEN: Country = Country {
    layers: 4,
    rise: (0.2, 0.08),
    length: (0.55, 0.55),
    rugged: 0,
    warm: 0.0,
    growth: Some((FLOWER, 1, 0.11, 0.11)),
};

fn country(scene: &mut Scene, kind: &Country) {
    let (height, unit, palette) = (scene.canvas.height, scene.unit, scene.palette);
    for layer in 0..kind.layers {
        let near = f32::from(layer) / f32::from(kind.layers - 1);
        let between = |ends: (f32, f32)| ends.0 + (ends.1 - ends.0) * near;
        let plain = mix(scene.land(near * 0.9), palette.haze, 0.3 * (1.0 - near));
        let ink = mix(plain, palette.accent, kind.warm);
        let ridge = Ridge {
            base: scene.horizon + (height - scene.horizon) * near * 0.72 + unit * 0.02,
            height: (unit * between(kind.rise)).min(scene.horizon * 0.8),
            length: between(kind.length),
            rugged: layer < kind.rugged,
        };
        let line = scene.outline(&ridge);
        let growth = kind.growth.filter(|growth| layer >= growth.1);
        if let Some((marks, _, gap, size)) = growth {
            let haze = (ink, 0.85 - near * 0.55);
            scene.plant(&line, marks, gap, size * (0.45 + near * 0.55), haze);
        }
        let lit = mix(ink, palette.haze, kind.warm * (1.4 - near * 0.6));
        scene.land_below(line, &[lit, mix(ink, palette.haze, 0.5 - near * 0.42)]);
    }
}
