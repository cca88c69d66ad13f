//! Boxes with opposite walls that are one: positions may be put back into them.

const AXES: [char; 3] = ['x', 'y', 'z'];

/// The part of an edge that a step is at least where positions are put back: no motion that is sampled
/// well makes such a step.
const OF_AN_EDGE: f64 = 0.8;

/// The edges of a box along the axes, and where a coordinate first jumps by one.
pub(super) struct Walls {
    /// None of a box that is oblique, or makes no sense.
    edges: Vec<f64>,
    /// The coordinate, and the line that its frame ends in.
    jump: Option<(usize, usize)>,
}

impl Walls {
    /// Of the vectors that a comment's lattice has, one after the other, for positions of so many
    /// components.
    pub fn of(lattice: &str, dimension: usize) -> Self {
        let numbers: Vec<f64> = lattice.split_whitespace().filter_map(|x| x.parse().ok()).collect();
        let n = match numbers.len() {
            4 => 2,
            9 => 3,
            _ => 0,
        };
        let edges: Vec<f64> = numbers.iter().step_by(n + 1).copied().take(dimension).collect();
        let is_along = |k: usize| numbers[k] == 0.0 || k.is_multiple_of(n + 1);
        let sound = n >= dimension
            && (0..numbers.len()).all(is_along)
            && edges.iter().all(|edge| *edge > 0.0);
        Self { edges: if sound { edges } else { Vec::new() }, jump: None }
    }

    /// Looks at the positions of a frame, each with that before, if there is one.
    pub fn look<'a>(&mut self, steps: impl Iterator<Item = (Option<f64>, &'a f64)>, line: usize) {
        let each = self.edges.len();
        if each == 0 || self.jump.is_some() {
            return;
        }
        let jumps = |(k, (before, x)): &(usize, (Option<f64>, &f64))| {
            before.is_some_and(|before| (*x - before).abs() > OF_AN_EDGE * self.edges[k % each])
        };
        self.jump = steps.enumerate().find(jumps).map(|(k, _)| (k, line));
    }

    /// What is told of that.
    pub fn note(&self) -> Option<String> {
        let (k, line) = self.jump?;
        let each = self.edges.len();
        let (particle, axis) = (k / each + 1, AXES[k % each]);
        Some(format!(
            "q{particle}_{axis} jumps by nearly an edge of the box (the frame that ends in line {line}): if positions are put back into it, unwrap them first, as the forces are taken for those without a box"
        ))
    }
}
