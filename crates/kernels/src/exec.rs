//! What every forward pass is given: the instruction set, the threads and the memory to use.

use std::sync::Arc;

use crate::isa::Isa;
use crate::matrix::{Buffers, Matrix};
use crate::team::Team;

/// The execution context of forward passes, one at a time. Its methods are the operations that
/// layers are made of; they stand in the files that implement them.
pub struct Exec {
    pub(crate) isa: Isa,
    pub(crate) team: Arc<Team>,
    pub(crate) buffers: Arc<Buffers>,
}

impl Exec {
    /// Makes a context for this instruction set, whose passes share their work through `team`.
    pub fn new(isa: Isa, team: Arc<Team>) -> Self {
        Self { isa, team, buffers: Arc::default() }
    }

    /// Makes a context of one thread with the best instruction set.
    pub fn single_threaded() -> Self {
        Self::new(Isa::best(), Arc::default())
    }

    /// Returns a matrix of any content.
    pub fn matrix(&self, num_rows: usize, num_cols: usize) -> Matrix {
        Matrix::take(&self.buffers, num_rows, num_cols)
    }
}

impl std::fmt::Debug for Exec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exec on {}", self.isa.name())
    }
}
