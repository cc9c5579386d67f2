//! Arithmetic on packed activations and vectors.
/// The `k` rows of `rows` (`[n, dimensions]`, row major) with the largest dot product with `query`,
/// best first; equal scores in row order.
pub fn top_k(_query: &[f32], _rows: &[f32], _k: usize) -> Vec<Hit> {
    unimplemented!()
}

/// One row found by [`top_k`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which row.
    pub row: usize,
    /// Its dot product with the query.
    pub score: f32,
}

/// The name of the instruction set chosen at run time, and those found: for `sembla doctor`.
pub fn instruction_sets() -> InstructionSets {
    unimplemented!()
}

/// x
#[derive(Debug, Clone)]
pub struct InstructionSets {
    /// x
    pub chosen: &'static str,
    /// x
    pub found: Vec<&'static str>,
}

/// Measures this machine's peak of fused multiply-adds with `num_threads`, in operations per second.
pub fn measure_fma_peak(_num_threads: usize) -> f64 {
    unimplemented!()
}
