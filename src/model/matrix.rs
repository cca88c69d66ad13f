//! Parameters as matrices.

use ndarray::{Array2, ArrayView2, s};

/// Parameters that act as a matrix: blocks side by side, all with the same rows, each of them one
/// run of parameters, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterMatrix {
    /// Number of rows.
    pub rows: usize,
    /// The blocks, from left to right.
    pub blocks: Vec<ParameterBlock>,
}

/// A block of a [`ParameterMatrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterBlock {
    /// Index of its first parameter among all parameters of the model.
    pub first: usize,
    /// Number of its columns.
    pub columns: usize,
}

impl ParameterMatrix {
    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.blocks.iter().map(|block| block.columns).sum()
    }

    /// The matrix of a model that has so many other `parameters` before these.
    pub fn after(mut self, parameters: usize) -> Self {
        self.blocks.iter_mut().for_each(|block| block.first += parameters);
        self
    }

    /// The matrix (rows x columns), out of all `parameters` of the model.
    pub fn gather(&self, parameters: &[f64]) -> Array2<f64> {
        let mut matrix = Array2::zeros((self.rows, self.columns()));
        let mut column = 0;
        for &ParameterBlock { first, columns } in &self.blocks {
            for (row, mut to) in matrix.rows_mut().into_iter().enumerate() {
                let from = &parameters[first + row * columns..first + (row + 1) * columns];
                to.slice_mut(s![column..column + columns]).assign(&ndarray::aview1(from));
            }
            column += columns;
        }
        matrix
    }

    /// Writes a matrix (rows x columns) to its places among all `parameters` of the model.
    pub fn scatter(&self, matrix: ArrayView2<f64>, parameters: &mut [f64]) {
        let mut column = 0;
        for &ParameterBlock { first, columns } in &self.blocks {
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
