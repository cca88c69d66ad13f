//! Parameters as matrices.

use ndarray::{Array2, ArrayView2, s};

/// Parameters that act as a matrix: blocks side by side, all with the same rows, each of them one
/// run of parameters, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterMatrix {
    /// Number of rows.
    pub rows: usize,
    /// Index of the first parameter of each block and number of its columns.
    pub blocks: Vec<(usize, usize)>,
}

impl ParameterMatrix {
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.blocks.iter().map(|(_, columns)| columns).sum()
    }

    /// The same further on among the parameters.
    pub fn after(mut self, parameters: usize) -> Self {
        self.blocks.iter_mut().for_each(|(first, _)| *first += parameters);
        self
    }

    /// The matrix, out of all parameters.
    pub fn gather(&self, parameters: &[f64]) -> Array2<f64> {
        let mut matrix = Array2::zeros((self.rows, self.columns()));
        let mut column = 0;
        for &(first, columns) in &self.blocks {
            for (row, mut to) in matrix.rows_mut().into_iter().enumerate() {
                let from = &parameters[first + row * columns..first + (row + 1) * columns];
                to.slice_mut(s![column..column + columns]).assign(&ndarray::aview1(from));
            }
            column += columns;
        }
        matrix
    }

    /// Writes the matrix to its places among all parameters.
    pub fn scatter(&self, matrix: ArrayView2<f64>, parameters: &mut [f64]) {
        let mut column = 0;
        for &(first, columns) in &self.blocks {
            for (row, from) in matrix.rows().into_iter().enumerate() {
                let to = &mut parameters[first + row * columns..first + (row + 1) * columns];
                to.iter_mut().zip(from.slice(s![column..column + columns])).for_each(|(to, x)| {
                    *to = *x;
                });
            }
            column += columns;
        }
    }
}
