//! Figure 1: the springy double pendulum in space.
//!
//! plotters draws three-dimensional series one after the other, whatever hides what. Here all
//! pieces are projected by a camera of our own and drawn from the farthest to the nearest
//! (painter's algorithm).

use std::f64::consts::TAU;
use std::path::Path;

use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Canvas, Point, Rect, WIDTH};
use super::colour::{GREY, INK, PALETTE, WHITE, tint};
use super::error::FigureError;
use super::font::Face;
use super::output::{Drawing, save};
use super::text::{Align, TextLook, label_width};

type Vec3 = [f64; 3];

/// A double pendulum at a moment, with the way that it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct PendulumScene {
    /// Position of the pivot.
    pub pivot: Vec3,
    /// Gravity; the figure's vertical is opposite to it (z if it is zero).
    pub gravity: Vec3,
    /// Positions of both masses over time, up to the moment to show; points that are not finite are
    /// left out.
    pub orbits: [Vec<Vec3>; 2],
}

/// Writes figure 1: pivot, masses, springs, gravity and the recent orbits.
///
/// # Errors
/// An orbit or pivot without a finite point, a file that cannot be written.
pub fn figure1(scene: &PendulumScene, stem: &Path) -> Result<(), FigureError> {
    let finite = |p: &&Vec3| p.iter().all(|x| x.is_finite());
    let orbits = [0, 1].map(|i| scene.orbits[i].iter().filter(finite).copied().collect::<Vec<_>>());
    let ([Some(&q1), Some(&q2)], true) =
        (orbits.each_ref().map(|o| o.last()), finite(&&scene.pivot))
    else {
        return Err(FigureError::Empty("pendulum: pivot and both orbits".to_string()));
    };
    let camera = Camera::new(scene, &orbits);
    save(&View { pivot: scene.pivot, masses: [q1, q2], orbits, camera }, stem)
}

struct View {
    pivot: Vec3,
    masses: [Vec3; 2],
    orbits: [Vec<Vec3>; 2],
    camera: Camera,
}

/// A piece of the picture.
enum Piece {
    /// A line, with a white margin along its second step if `halo`.
    Line { path: Vec<Point>, colour: RGBColor, width: f64, halo: bool },
    /// A shaded ball.
    Ball { centre: Point, radius: f64, colour: RGBColor },
}

const SIZE: (f64, f64) = (WIDTH, 620.0);
const FRAME: Rect = Rect { x0: 60.0, y0: 40.0, x1: WIDTH - 60.0, y1: SIZE.1 - 22.0 };
const COILS: usize = 10;
const STEPS_PER_COIL: usize = 22;
/// Radius of the pivot and of the masses in shown pixels.
const RADII: [f64; 3] = [6.0, 18.0, 20.0];

impl Drawing for View {
    fn size(&self) -> (f64, f64) {
        SIZE
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        self.draw_floor(canvas)?;
        let mut pieces = self.trails();
        pieces.extend(self.spring(self.pivot, self.masses[0], [RADII[0], RADII[1]]));
        pieces.extend(self.spring(self.masses[0], self.masses[1], [RADII[1], RADII[2]]));
        for ((&mass, size), colour) in self.masses.iter().zip(&RADII[1..]).zip(PALETTE) {
            let (centre, depth) = self.camera.project(mass);
            let radius = size * self.camera.magnification(depth);
            pieces.push((depth, Piece::Ball { centre, radius, colour }));
        }
        let (centre, depth) = self.camera.project(self.pivot);
        pieces.push((depth, Piece::Ball { centre, radius: RADII[0], colour: GREY }));
        pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
        pieces.iter().try_for_each(|(_, piece)| piece.draw(canvas))?;
        self.draw_support(canvas)?;
        self.draw_labels(canvas)
    }
}

impl Piece {
    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        match self {
            Piece::Line { path, colour, width, halo } => {
                if *halo {
                    canvas.line(&path[1..3], WHITE, width + 2.4)?;
                }
                canvas.line(path, *colour, *width)
            }
            Piece::Ball { centre: (x, y), radius, colour } => {
                canvas.disc((*x, *y), radius + 1.2, WHITE)?;
                let rings = 14;
                (0..rings).try_for_each(|k| {
                    let t = f64::from(k) / f64::from(rings - 1);
                    let RGBColor(r, g, b) = tint(*colour, 1.0 - 0.75 * t * t);
                    let shade = 0.72 + 0.28 * t.sqrt();
                    let dark = RGBColor(
                        (f64::from(r) * shade) as u8,
                        (f64::from(g) * shade) as u8,
                        (f64::from(b) * shade) as u8,
                    );
                    canvas.disc(
                        (x - 0.34 * t * radius, y - 0.36 * t * radius),
                        radius * (1.0 - 0.9 * t),
                        dark,
                    )
                })
            }
        }
    }
}

impl View {
    /// Orbits as short lines that fade with age.
    fn trails(&self) -> Vec<(f64, Piece)> {
        let mut pieces = Vec::new();
        for (orbit, colour) in self.orbits.iter().zip(PALETTE) {
            let run = (orbit.len() / 150).max(1);
            for start in (0..orbit.len().saturating_sub(1)).step_by(run) {
                let part = &orbit[start..(start + run + 1).min(orbit.len())];
                let age = start as f64 / orbit.len() as f64;
                let path: Vec<Point> = part.iter().map(|&p| self.camera.project(p).0).collect();
                let depth = self.camera.project(part[part.len() / 2]).1;
                pieces.push((
                    depth,
                    Piece::Line {
                        path,
                        colour: tint(colour, 0.16 + 0.5 * age * age),
                        width: 1.2 + 0.8 * age,
                        halo: false,
                    },
                ));
            }
        }
        pieces
    }

    /// A helix between the surfaces of the balls at `a` and `b`.
    fn spring(&self, a: Vec3, b: Vec3, balls: [f64; 2]) -> Vec<(f64, Piece)> {
        let along = sub(b, a);
        let length = norm(along).max(1e-12);
        let axis = scale(along, 1.0 / length);
        let side = unit(cross(axis, self.camera.towards));
        let front = cross(side, axis);
        let radius = 11.0 / self.camera.zoom;
        let [from, to] = balls.map(|ball| (0.9 * ball / self.camera.zoom / length).min(0.4));
        let (lead, end) = (from + 0.06, 0.94 - to);
        let turns = COILS as f64;
        let steps = COILS * STEPS_PER_COIL;
        let mut path = vec![add(a, scale(axis, length * from))];
        for k in 0..=steps {
            let t = k as f64 / steps as f64;
            let r = radius * (8.0 * t.min(1.0 - t)).min(1.0);
            let (sin, cos) = (TAU * turns * t).sin_cos();
            let at = add(a, scale(axis, length * (lead + (end - lead) * t)));
            path.push(add(at, add(scale(side, r * cos), scale(front, r * sin))));
        }
        path.push(add(a, scale(axis, length * (1.0 - to))));
        let segment = |k: usize| {
            let near = &path[k - 1..=k + 2];
            let (_, depth) = self.camera.project(path[k]);
            let phase = (TAU * turns * (k as f64 / steps as f64)).sin();
            let light = 0.75 + 0.25 * phase;
            let path = near.iter().map(|&p| self.camera.project(p).0).collect();
            (
                depth,
                Piece::Line {
                    path,
                    colour: tint(RGBColor(45, 50, 60), light),
                    width: 2.3,
                    halo: true,
                },
            )
        };
        (1..path.len() - 2).map(segment).collect()
    }

    /// A grid on the ground with the shadows of orbits and masses.
    fn draw_floor<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        let camera = &self.camera;
        let grid = 8;
        let at = |i: usize, j: usize| {
            let place = |k: usize| camera.reach * (2.0 * k as f64 / grid as f64 - 1.0);
            camera.project(camera.on_floor(place(i), place(j))).0
        };
        canvas.fill(
            &[at(0, 0), at(grid, 0), at(grid, grid), at(0, grid)],
            RGBColor(246, 247, 249),
            1.0,
        )?;
        for k in 0..=grid {
            canvas.line(&[at(k, 0), at(k, grid)], RGBColor(224, 227, 231), 0.8)?;
            canvas.line(&[at(0, k), at(grid, k)], RGBColor(224, 227, 231), 0.8)?;
        }
        for orbit in &self.orbits {
            let shadow: Vec<Point> =
                orbit.iter().map(|&p| camera.project(camera.drop(p)).0).collect();
            canvas.line(&shadow, RGBColor(214, 217, 222), 1.0)?;
        }
        for (mass, radius) in self.masses.iter().zip(&RADII[1..]) {
            let foot = camera.drop(*mass);
            let ellipse: Vec<Point> = (0..40)
                .map(|k| {
                    let (sin, cos) = (TAU * f64::from(k) / 40.0).sin_cos();
                    let out = scale(
                        add(scale(camera.floor[0], cos), scale(camera.floor[1], sin)),
                        0.9 * radius / camera.zoom,
                    );
                    camera.project(add(foot, out)).0
                })
                .collect();
            canvas.fill(&ellipse, RGBColor(190, 194, 200), 1.0)?;
            canvas.dashed(
                &[camera.project(*mass).0, camera.project(foot).0],
                RGBColor(180, 184, 190),
                0.9,
                &[2.0, 3.0],
            )?;
        }
        Ok(())
    }

    /// The hatched support above the pivot.
    fn draw_support<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        let (x, y) = self.camera.project(self.pivot).0;
        let top = y - 12.0;
        canvas.line(&[(x, y), (x, top)], INK, 2.0)?;
        canvas.line(&[(x - 36.0, top), (x + 36.0, top)], INK, 2.0)?;
        (0..9).try_for_each(|k| {
            let from = x - 34.0 + 8.0 * f64::from(k);
            canvas.line(&[(from, top - 1.0), (from + 7.0, top - 9.0)], INK, 1.0)
        })
    }

    fn draw_labels<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        let [pivot, q1, q2] =
            [self.pivot, self.masses[0], self.masses[1]].map(|p| self.camera.project(p).0);
        let dark = |RGBColor(r, g, b): RGBColor| RGBColor(r / 4 * 3, g / 4 * 3, b / 4 * 3);
        label(canvas, "$q$_{0}", (pivot.0 + 14.0, pivot.1 + 8.0), Align::Left, INK)?;
        // Masses are named on the side away from each other, springs beside their middle on the
        // other side.
        let right = if q1.0 >= 0.5 * (pivot.0 + q2.0) { 1.0 } else { -1.0 };
        let away = |side: f64| if side > 0.0 { Align::Left } else { Align::Right };
        label(
            canvas,
            "$q$_{1}, $m$_{1}",
            (q1.0 + 26.0 * right, q1.1 + 5.0),
            away(right),
            dark(PALETTE[0]),
        )?;
        let side = if q2.0 >= q1.0 { 1.0 } else { -1.0 };
        label(
            canvas,
            "$q$_{2}, $m$_{2}",
            (q2.0 + 28.0 * side, q2.1 + 5.0),
            away(side),
            dark(PALETTE[1]),
        )?;
        for (a, b, text) in [(pivot, q1, "$k$_{1}, $l$_{1}"), (q1, q2, "$k$_{2}, $l$_{2}")] {
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            let length = dx.hypot(dy).max(1.0);
            let (nx, ny) = (-dy / length * right, dx / length * right);
            let turn = if nx * right >= 0.0 { 1.0 } else { -1.0 };
            let at =
                (0.5 * (a.0 + b.0) + 22.0 * turn * nx, 0.5 * (a.1 + b.1) + 22.0 * turn * ny + 5.0);
            label(canvas, text, at, away(turn * nx), INK)?;
        }
        let (x, y) = (FRAME.x0 + 10.0, FRAME.y0 + 30.0);
        canvas.arrow(&[(x, y), (x, y + 78.0)], INK, 2.2, &[])?;
        canvas.text(
            "$g$",
            (x + 12.0, y + 46.0),
            TextLook::new(19.0, Align::Left).face(Face::Oblique),
        )
    }
}

/// Text on a patch that hides most of what is below.
fn label<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    text: &str,
    (x, y): Point,
    align: Align,
    colour: RGBColor,
) -> Result<(), FigureError> {
    let size = 17.0;
    let width = label_width(text, size, Face::Regular);
    let x0 = if align == Align::Left { x } else { x - width };
    canvas.fill(
        &Rect { x0: x0 - 3.0, y0: y - 15.0, x1: x0 + width + 3.0, y1: y + 6.0 }.corners(),
        WHITE,
        0.8,
    )?;
    canvas.text(text, (x, y), TextLook::new(size, align).colour(colour))
}

/// A perspective view that fits the scene into the figure.
struct Camera {
    centre: Vec3,
    right: Vec3,
    up: Vec3,
    towards: Vec3,
    vertical: Vec3,
    floor: [Vec3; 2],
    floor_height: f64,
    reach: f64,
    distance: f64,
    zoom: f64,
    shift: Point,
}

const AZIMUTH: f64 = -1.05;
const ELEVATION: f64 = 0.20;

impl Camera {
    fn new(scene: &PendulumScene, orbits: &[Vec<Vec3>; 2]) -> Self {
        let vertical = unit(scale(scene.gravity, -1.0));
        let aside = if vertical[0].abs() < 0.9 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let east = unit(sub(aside, scale(vertical, dot(aside, vertical))));
        let floor = [east, cross(vertical, east)];
        let points: Vec<Vec3> = orbits.iter().flatten().copied().chain([scene.pivot]).collect();
        let heights = points.iter().map(|&p| dot(p, vertical));
        let (low, high) =
            heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        let radius =
            points.iter().map(|&p| norm(sub(p, scene.pivot))).fold(0.0, f64::max).max(1e-9);
        let beside = |p: Vec3| {
            floor.map(|axis| dot(sub(p, scene.pivot), axis).abs()).into_iter().fold(0.0, f64::max)
        };
        let reach = points.iter().map(|&p| beside(p)).fold(0.36 * radius, f64::max) * 1.08;
        let (sin, cos) = ELEVATION.sin_cos();
        let flat = add(scale(floor[0], AZIMUTH.cos()), scale(floor[1], AZIMUTH.sin()));
        let towards = add(scale(flat, cos), scale(vertical, sin));
        let right = unit(cross(vertical, towards));
        let height = 0.5 * (low + high) - dot(scene.pivot, vertical);
        let mut camera = Self {
            centre: add(scene.pivot, scale(vertical, height)),
            right,
            up: cross(towards, right),
            towards,
            vertical,
            floor,
            floor_height: low - 0.14 * (high - low).max(0.2 * radius),
            reach,
            distance: 5.0 * radius.max(reach),
            zoom: 1.0,
            shift: (0.0, 0.0),
        };
        let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
            .map(|(x, y)| camera.on_floor(x * reach, y * reach));
        camera.fit(&points.into_iter().chain(corners).collect::<Vec<_>>());
        camera
    }

    /// Chooses zoom and shift so that all points are inside the frame.
    fn fit(&mut self, points: &[Vec3]) {
        let flat: Vec<Point> = points.iter().map(|&p| self.project(p).0).collect();
        let range = |value: fn(&Point) -> f64| {
            let values = flat.iter().map(value);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)))
        };
        let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
        let zoom = ((FRAME.x1 - FRAME.x0) / (x1 - x0)).min((FRAME.y1 - FRAME.y0) / (y1 - y0));
        self.zoom = zoom;
        self.shift = (
            0.5 * (FRAME.x0 + FRAME.x1 - zoom * (x0 + x1)),
            0.5 * (FRAME.y0 + FRAME.y1 - zoom * (y0 + y1)),
        );
    }

    /// Place on the figure, and depth: larger is nearer.
    fn project(&self, p: Vec3) -> (Point, f64) {
        let p = sub(p, self.centre);
        let depth = dot(p, self.towards);
        let size = self.zoom * self.magnification(depth);
        ((self.shift.0 + size * dot(p, self.right), self.shift.1 - size * dot(p, self.up)), depth)
    }

    /// How much larger things look at this depth than at the centre.
    fn magnification(&self, depth: f64) -> f64 {
        self.distance / (self.distance - depth)
    }

    /// The point of the ground with these coordinates relative to the pivot.
    fn on_floor(&self, x: f64, y: f64) -> Vec3 {
        self.drop(add(self.centre, add(scale(self.floor[0], x), scale(self.floor[1], y))))
    }

    /// The point of the ground below `p`.
    fn drop(&self, p: Vec3) -> Vec3 {
        add(p, scale(self.vertical, self.floor_height - dot(p, self.vertical)))
    }
}

fn add(a: Vec3, b: Vec3) -> Vec3 {
    [0, 1, 2].map(|i| a[i] + b[i])
}
fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [0, 1, 2].map(|i| a[i] - b[i])
}
fn scale(a: Vec3, s: f64) -> Vec3 {
    a.map(|x| x * s)
}
fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}
fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
/// The direction of a vector; z for one without.
fn unit(a: Vec3) -> Vec3 {
    let length = norm(a);
    if length.is_finite() && length > 1e-12 { scale(a, 1.0 / length) } else { [0.0, 0.0, 1.0] }
}
