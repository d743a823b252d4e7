//! Backdrops with buildings: the city and the room.

use tiny_skia::{Color, PathBuilder, Rect};

use super::canvas::{bar, leaf, oval, polygon};
use super::motifs::SOFA;
use super::palette::{fade, mix, scale};
use super::ridge::Ridge;
use super::scene::Scene;
use super::subjects::{Spot, stamp};

pub(super) fn city(scene: &mut Scene) {
    let (width, height, unit) = (scene.canvas.width, scene.canvas.height, scene.unit);
    let street = scene.horizon + (height - scene.horizon) * 0.6;
    scene.canvas.band(scene.horizon, street, &[scene.palette.haze]);
    for layer in 0..3_u8 {
        let near = f32::from(layer) / 2.0;
        let ink = mix(scene.land(near * 0.9), scene.palette.haze, 0.4 * (1.0 - near));
        let mut x = -unit * 0.03;
        while x < width {
            let wide = unit * scene.between(0.07, 0.14);
            let tall = unit * scene.between(0.04, 0.4) * (1.1 - near * 0.65)
                + (street - scene.horizon) * (1.2 - near * 0.3);
            let top = street - tall;
            let foot = mix(ink, scene.palette.haze, 0.4 * (1.0 - near));
            scene.canvas.fill(bar(x, top, wide, tall, unit * 0.006), &[ink, foot]);
            if layer > 0 {
                windows(scene, (x, top, wide, street - unit * 0.03), near);
            }
            x += wide + unit * scene.between(0.0, 0.03);
        }
    }
    let wet = [scene.land(0.9), mix(scene.land(0.7), scene.palette.haze, 0.2)];
    scene.canvas.band(street, height, &wet);
    for at in 0..16_u8 {
        let (x, wide) = (scene.between(0.0, width), unit * scene.between(0.006, 0.03));
        let palette = scene.palette;
        let ink = [palette.accent, palette.second, palette.orb][usize::from(at % 3)];
        let long = (height - street) * scene.between(0.3, 0.9);
        scene.canvas.fill(bar(x, street, wide, long, 0.0), &[fade(ink, 0.4), fade(ink, 0.0)]);
    }
    scene.ground = street + (height - street) * 0.6;
}

fn windows(scene: &mut Scene, (left, top, wide, bottom): (f32, f32, f32, f32), near: f32) {
    let lit = if scene.palette.is_dark() { 0.5 } else { 0.3 };
    let step = scene.unit * 0.021;
    let mut panes = PathBuilder::new();
    let mut y = top + step;
    while y < bottom {
        let mut x = left + step * 0.7;
        while x < left + wide - step {
            let on = scene.between(0.0, 1.0) < lit;
            if let Some(pane) = Rect::from_xywh(x, y, step * 0.5, step * 0.62).filter(|_| on) {
                panes.push_rect(pane);
            }
            x += step;
        }
        y += step * 1.35;
    }
    let sample = scene.between(0.0, 1.0);
    let palette = scene.palette;
    let inks = [palette.orb, palette.orb, palette.accent, palette.second];
    let ink = inks[scale(sample, inks.len())];
    scene.canvas.fill(panes.finish(), &[fade(ink, 0.4 + near * 0.35)]);
}

pub(super) fn room(scene: &mut Scene) {
    let (height, unit, palette) = (scene.canvas.height, scene.unit, scene.palette);
    let outside =
        Ridge { base: scene.horizon * 0.9, height: unit * 0.16, length: 0.3, rugged: false };
    let far = mix(palette.far, palette.haze, 0.2);
    scene.ridge(&outside, &[far, scene.land(0.3)]);
    let (dark, pale) = (palette.far, palette.orb);
    let wall = mix(palette.haze, if palette.is_dark() { dark } else { pale }, 0.4);
    let (floor, wide) = (height * 0.78, unit * 0.46);
    walls(scene, wall, floor, wide);

    let boards = mix(palette.near, palette.accent, 0.35);
    let shades = [mix(boards, wall, 0.45), mix(boards, wall, 0.15)];
    scene.canvas.band(floor, height, &shades);
    let reach = [(-0.5, floor), (0.5, floor), (1.0, height), (-0.2, height)];
    let light = polygon(&reach.map(|(x, y)| (scene.orb.0 + x * wide, y)));
    let shades = [fade(palette.orb, 0.3), fade(palette.orb, 0.05)];
    scene.canvas.fill(light, &shades);
    furnish(scene, floor);
    scene.ground = height * 0.93;
}

/// The wall above the floor, with a window of that width where the sun is.
fn walls(scene: &mut Scene, wall: Color, floor: f32, wide: f32) {
    let (palette, unit, middle) = (scene.palette, scene.unit, scene.orb.0);
    let sill = scene.canvas.height * 0.56;
    let tall = (unit * 0.52).min(sill * 0.86);
    let (left, top, frame) = (middle - wide / 2.0, sill - tall, unit * 0.014);
    let around = wide + frame * 2.0;
    let canvas = &mut scene.canvas;
    let view = bar(left, top, wide, tall, unit * 0.2);
    let edge = bar(left - frame, top - frame, around, tall + frame, unit * 0.21);
    let whole = bar(0.0, 0.0, canvas.width, floor, 0.0);
    canvas.fill_around(whole, view.clone(), &[mix(wall, palette.far, 0.3), wall]);
    let trim = mix(palette.orb, palette.haze, 0.3);
    canvas.fill_around(edge, view, &[trim]);
    let post = bar(middle - frame / 3.0, top, frame * 0.66, tall, 0.0);
    canvas.fill(post, &[trim]);
    let (start, long) = (left - frame * 3.0, wide + frame * 6.0);
    let board = bar(start, sill - frame, long, frame * 2.0, frame);
    canvas.fill(board, &[trim, mix(trim, wall, 0.5)]);
    scene.sill = (middle, sill - frame * 0.8);
}

fn furnish(scene: &mut Scene, floor: f32) {
    let (width, unit, palette) = (scene.canvas.width, scene.unit, scene.palette);
    let x = width - scene.orb.0;
    let rug = mix(palette.second, palette.haze, 0.35);
    let deep = (scene.canvas.height - floor) * 0.36;
    scene.canvas.fill(
        oval(width / 2.0, floor + deep * 1.2, unit * 0.44, deep),
        &[rug, mix(rug, palette.near, 0.2)],
    );
    let spot = Spot {
        x,
        y: floor + unit * 0.05,
        size: unit * 0.26,
        facing: 1.0,
        haze: (palette.haze, 0.1),
    };
    stamp(&mut scene.canvas, &palette, spot, SOFA);
    for (at, ink) in [palette.accent, palette.second].into_iter().enumerate() {
        let (wide, left) = (unit * 0.12, x - unit * 0.14 + at as f32 * unit * 0.16);
        let top = floor - unit * scene.between(0.46, 0.5);
        let print = mix(palette.orb, palette.haze, 0.3);
        scene
            .canvas
            .fill(bar(left, top, wide, wide * 1.35, 2.0), &[print, mix(print, palette.far, 0.15)]);
        let (stalk, foot) = (left + wide / 2.0, top + wide * 1.15);
        for lean in [-0.34, 0.34, 0.0_f32] {
            let reach = (wide * lean, wide * (lean.abs() - 0.95));
            scene.canvas.fill(leaf(stalk, foot, reach, 0.3), &[mix(ink, print, 0.25), ink]);
        }
    }
}
