//! Colors: the prompt's mood and color words, mixed into one palette.

use tiny_skia::Color;

/// Sky above, sky at the horizon, sun or moon, far land, near land, accent, second accent.
type Mood = (&'static str, [u32; 7]);

#[rustfmt::skip]
const MOODS: &[Mood] = &[
    ("sunset golden dusk evening warm romantic",
     [0x5a_4b8c, 0xff_b57c, 0xff_f1cc, 0xd9_8a7c, 0x43_2a4f, 0xf2_694f, 0x2f_8f8b]),
    ("dawn morning soft pastel dreamy sunrise",
     [0x93_b8e0, 0xfd_dfd0, 0xff_f6e3, 0xc7_b4d3, 0x4f_5f8a, 0xef_8585, 0x5f_a8a0]),
    ("night midnight dark stars star moon moonlight space",
     [0x0d_1538, 0x42_5596, 0xfd_f3d0, 0x3a_4c86, 0x0c_122b, 0xf2_b84b, 0x6f_b7c9]),
    ("neon cyberpunk synthwave retro futuristic",
     [0x15_0c38, 0xb2_3a92, 0xff_d1ec, 0x54_2e8c, 0x13_0b2e, 0xff_4fa3, 0x3f_e0e8]),
    ("winter snow ice snowy frozen fog foggy mist misty",
     [0x94_b1c9, 0xf0_f4f6, 0xff_ffff, 0xbc_cdda, 0x2c_4759, 0xc8_553d, 0x6b_9080]),
    ("autumn fall october harvest rustic",
     [0x8f_b4bf, 0xfa_e6c2, 0xff_f4d6, 0xdd_a45c, 0x64_2d1d, 0xc8_472a, 0xe6_a52e]),
    ("storm stormy rain rainy thunder moody gloomy",
     [0x26_3242, 0x83_97a3, 0xe8_eef0, 0x5f_7483, 0x16_212c, 0xf3_c14b, 0x4f_8a9b]),
    ("summer day noon sunny tropical bright",
     [0x3d_9be0, 0xd6_f1f5, 0xff_fbe0, 0x8d_c6c4, 0x1f_6b5c, 0xff_7a59, 0xff_d166]),
    ("spring fresh garden basil plant herb botanical",
     [0x86_cbd2, 0xfd_f6d8, 0xff_fdf0, 0xb5_d99c, 0x2c_7350, 0xef_798a, 0xf7_c548]),
    ("terracotta clay boho earthy desert linen cozy",
     [0xe2_b896, 0xfb_eedd, 0xff_f9ec, 0xdb_a47d, 0x75_3829, 0xc8_603f, 0x6f_8f72]),
];

const COLORS: &[(&str, u32)] = &[
    ("red crimson scarlet ruby cherry", 0xd6_2f3f),
    ("orange tangerine copper", 0xf0_8032),
    ("terracotta rust clay brick", 0xc4_6242),
    ("gold golden amber honey mustard", 0xdf_a52f),
    ("yellow lemon", 0xf7_d348),
    ("green emerald olive basil", 0x3f_9a57),
    ("sage mint", 0x95_bd9d),
    ("teal turquoise aqua cyan", 0x1d_9593),
    ("blue azure cobalt indigo navy", 0x2f_62b5),
    ("purple violet plum lavender lilac", 0x86_5bb5),
    ("pink rose blush magenta coral", 0xee_7d99),
    ("brown wood chocolate coffee", 0x83_5a3f),
    ("black white grey gray silver monochrome tin", 0x8b_929c),
];

/// Share of a color word in the surroundings; the accents have the full color.
const TINT: f32 = 0.5;
const DARK_SKY: f32 = 0.3;

/// The colors of one picture.
#[derive(Clone, Copy)]
pub(super) struct Palette {
    pub sky: Color,
    pub haze: Color,
    pub orb: Color,
    pub far: Color,
    pub near: Color,
    pub accent: Color,
    pub second: Color,
}

impl Palette {
    /// Selects moods and colors by the words; without a mood word, `sample` (0 to 1) selects a
    /// mood.
    pub(super) fn from_words(words: &[String], sample: f32) -> Self {
        let mut moods = matching_rows(words, &MOODS.iter().map(|mood| mood.0));
        if moods.is_empty() {
            moods.push(scale(sample, MOODS.len()));
        }
        let of_mood = |at: usize| MOODS.get(at).map_or([Color::BLACK; 7], |it| it.1.map(hex));
        let mut inks = of_mood(moods[0]);
        if let Some(&other) = moods.get(1) {
            // The accents are not mixed: mixed ones look muddy.
            for (ink, with) in inks.iter_mut().zip(of_mood(other)).take(5) {
                *ink = mix(*ink, with, 0.5);
            }
        }
        let [sky, haze, orb, far, near, accent, second] = inks;
        Self { sky, haze, orb, far, near, accent, second }.tinted(words)
    }

    /// The first color word tints the land, the second (or the only one, weaker) the sky.
    fn tinted(mut self, words: &[String]) -> Self {
        let colors = matching_rows(words, &COLORS.iter().map(|color| color.0));
        let color = |at: usize| colors.get(at).and_then(|&it| COLORS.get(it)).map(|it| hex(it.1));
        let Some(first) = color(0) else { return self };
        let (other, pull) = color(1).map_or((first, TINT / 2.0), |it| (it, TINT));
        self.sky = mix(self.sky, shade(other, light(self.sky)), pull);
        self.haze = mix(self.haze, shade(other, light(self.haze)), pull);
        self.far = mix(self.far, shade(first, light(self.far)), TINT);
        self.near = mix(self.near, shade(first, light(self.near)), TINT);
        self.accent = first;
        if colors.len() > 1 {
            self.second = other;
        }
        self
    }

    /// A variation of the palette; `by` is from -1 to 1.
    pub(super) fn shifted(mut self, by: f32) -> Self {
        let towards = if by < 0.0 { self.second } else { self.accent };
        for ink in [&mut self.sky, &mut self.haze, &mut self.far] {
            *ink = mix(*ink, shade(towards, light(*ink)), by.abs() * 0.3);
        }
        self
    }

    /// Whether the sky is dark, so that stars and lamps are drawn.
    pub(super) fn is_dark(&self) -> bool {
        light(self.sky) < DARK_SKY
    }
}

/// The rows whose space-separated keys hold one of the words, in the order of the words.
pub(super) fn matching_rows<'a>(
    words: &[String],
    keys: &(impl Iterator<Item = &'a str> + Clone),
) -> Vec<usize> {
    let mut found = Vec::new();
    for word in words {
        let is_key = |key: &str| key == word || word.strip_suffix('s') == Some(key);
        for (at, row) in keys.clone().enumerate() {
            if row.split(' ').any(is_key) && !found.contains(&at) {
                found.push(at);
            }
        }
    }
    found
}

/// The index of `sample` (0 to 1) in a list of that length.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in 0..length")]
pub(super) fn scale(sample: f32, length: usize) -> usize {
    ((sample * length as f32) as usize).min(length.saturating_sub(1))
}

pub(super) fn hex(rgb: u32) -> Color {
    let [_, red, green, blue] = rgb.to_be_bytes();
    Color::from_rgba8(red, green, blue, 255)
}

pub(super) fn mix(from: Color, to: Color, share: f32) -> Color {
    let part = |a: f32, b: f32| (a + (b - a) * share).clamp(0.0, 1.0);
    let (red, green) = (part(from.red(), to.red()), part(from.green(), to.green()));
    let (blue, alpha) = (part(from.blue(), to.blue()), part(from.alpha(), to.alpha()));
    Color::from_rgba(red, green, blue, alpha).unwrap_or(from)
}

pub(super) fn fade(mut ink: Color, alpha: f32) -> Color {
    ink.set_alpha(alpha);
    ink
}

fn light(ink: Color) -> f32 {
    ink.red() * 0.3 + ink.green() * 0.59 + ink.blue() * 0.11
}

/// The color with the wanted lightness.
fn shade(ink: Color, wanted: f32) -> Color {
    let own = light(ink);
    if wanted < own {
        mix(Color::BLACK, ink, wanted / own)
    } else {
        mix(ink, Color::WHITE, (wanted - own) / (1.0 - own).max(0.01))
    }
}
