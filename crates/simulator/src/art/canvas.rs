//! The drawing surface: gradient fills of simple shapes, by `tiny_skia`.

use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, Point,
    RadialGradient, Rect, Shader, SpreadMode, Stroke, Transform,
};

use super::palette::fade;

/// Fixed, so that strokes are flattened in the same way at every image size.
const STROKE_DETAIL: f32 = 4.0;

/// The image that is being drawn. Shapes that cannot be built, such as too small ones, are omitted.
pub(super) struct Canvas {
    pixmap: Pixmap,
    pub width: f32,
    pub height: f32,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Option<Self> {
        let pixmap = Pixmap::new(width, height)?;
        Some(Self { pixmap, width: width as f32, height: height as f32 })
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.pixmap.take()
    }

    /// Fills every pixel, so that none stays transparent.
    pub(super) fn flood(&mut self, ink: Color) {
        self.pixmap.fill(ink);
    }

    /// Fills the shape with the inks, evenly spaced from its top to its bottom.
    pub(super) fn fill(&mut self, path: Option<Path>, inks: &[Color]) {
        let Some(path) = path else { return };
        let bounds = path.bounds();
        let (top, bottom) = (bounds.top(), bounds.bottom());
        self.shade(&path, down(top, bottom, inks), FillRule::Winding);
    }

    /// Fills the whole width from `top` to `bottom`.
    pub(super) fn band(&mut self, top: f32, bottom: f32, inks: &[Color]) {
        self.fill(bar(0.0, top, self.width, bottom - top, 0.0), inks);
    }

    /// Fills the outer shape except for the hole.
    pub(super) fn fill_around(&mut self, outer: Option<Path>, hole: Option<Path>, inks: &[Color]) {
        let (Some(outer), Some(hole)) = (outer, hole) else {
            return;
        };
        let mut both = PathBuilder::new();
        both.push_path(&outer);
        both.push_path(&hole);
        let Some(path) = both.finish() else { return };
        let shader = down(outer.bounds().top(), outer.bounds().bottom(), inks);
        self.shade(&path, shader, FillRule::EvenOdd);
    }

    /// Light that falls off softly from a point.
    pub(super) fn glow(&mut self, x: f32, y: f32, radius: f32, ink: Color) {
        // Falls off faster than linearly: a linear glow has a visible edge.
        let stops = [(0.0, 1.0), (0.25, 0.56), (0.5, 0.25), (0.75, 0.06), (1.0, 0.0)]
            .map(|(at, alpha)| GradientStop::new(at, fade(ink, alpha * ink.alpha())))
            .to_vec();
        let center = Point::from_xy(x, y);
        let (pad, still) = (SpreadMode::Pad, Transform::identity());
        let shader = RadialGradient::new(center, 0.0, center, radius, stops, pad, still);
        if let (Some(disc), Some(shader)) = (PathBuilder::from_circle(x, y, radius), shader) {
            self.shade(&disc, shader, FillRule::Winding);
        }
    }

    fn shade(&mut self, path: &Path, shader: Shader<'_>, rule: FillRule) {
        let plain = matches!(shader, Shader::SolidColor(_));
        // The high-quality pipeline rounds once, so gradients have no banding; it is also faster.
        let paint = Paint { shader, force_hq_pipeline: !plain, ..Paint::default() };
        self.pixmap.fill_path(path, &paint, rule, Transform::identity(), None);
    }
}

fn down(top: f32, bottom: f32, inks: &[Color]) -> Shader<'static> {
    let last = inks.last().copied().unwrap_or(Color::BLACK);
    let spaces = inks.len().saturating_sub(1).max(1) as f32;
    let stops = inks.iter().enumerate();
    let stops = stops.map(|(at, ink)| GradientStop::new(at as f32 / spaces, *ink)).collect();
    let (start, end) = (Point::from_xy(0.0, top), Point::from_xy(0.0, bottom));
    LinearGradient::new(start, end, stops, SpreadMode::Pad, Transform::identity())
        .unwrap_or(Shader::SolidColor(last))
}

/// A rectangle with rounded corners.
pub(super) fn bar(x: f32, y: f32, width: f32, height: f32, round: f32) -> Option<Path> {
    let rect = Rect::from_xywh(x, y, width, height)?;
    let r = round.min(width / 2.0).min(height / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(rect));
    }
    let (right, bottom) = (rect.right(), rect.bottom());
    let mut path = PathBuilder::new();
    path.move_to(x + r, y);
    path.line_to(right - r, y);
    path.quad_to(right, y, right, y + r);
    path.line_to(right, bottom - r);
    path.quad_to(right, bottom, right - r, bottom);
    path.line_to(x + r, bottom);
    path.quad_to(x, bottom, x, bottom - r);
    path.line_to(x, y + r);
    path.quad_to(x, y, x + r, y);
    path.close();
    path.finish()
}

pub(super) fn oval(x: f32, y: f32, across: f32, down: f32) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_xywh(x - across, y - down, across * 2.0, down * 2.0)?)
}

pub(super) fn polygon(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (at, &(x, y)) in points.iter().enumerate() {
        if at == 0 {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    path.close();
    path.finish()
}

/// A smooth closed shape that is pulled towards each of the points.
pub(super) fn blob(points: &[(f32, f32)]) -> Option<Path> {
    let halfway = |a: (f32, f32), b: (f32, f32)| (f32::midpoint(a.0, b.0), f32::midpoint(a.1, b.1));
    let (first, last) = (*points.first()?, *points.last()?);
    let mut path = PathBuilder::new();
    let start = halfway(last, first);
    path.move_to(start.0, start.1);
    for (at, &(x, y)) in points.iter().enumerate() {
        let end = halfway((x, y), points.get(at + 1).copied().unwrap_or(first));
        path.quad_to(x, y, end.0, end.1);
    }
    path.close();
    path.finish()
}

/// A leaf from its stalk to its tip.
pub(super) fn leaf(x: f32, y: f32, reach: (f32, f32), width: f32) -> Option<Path> {
    let (dx, dy) = (reach.0 * 0.45, reach.1 * 0.45);
    let (tip_x, tip_y) = (x + reach.0, y + reach.1);
    let (across, along) = (-reach.1 * width, reach.0 * width);
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    path.quad_to(x + dx + across, y + dy + along, tip_x, tip_y);
    path.quad_to(x + dx - across, y + dy - along, x, y);
    path.close();
    path.finish()
}

/// A bent line with round ends.
pub(super) fn arc(from: (f32, f32), bend: (f32, f32), to: (f32, f32), width: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.quad_to(bend.0, bend.1, to.0, to.1);
    let line_cap = tiny_skia::LineCap::Round;
    path.finish()?.stroke(&Stroke { width, line_cap, ..Stroke::default() }, STROKE_DETAIL)
}
