//! How vectors are laid out for coding, so that for every metric the nearest row is the one with the
//! largest `query · row + bias`.

use kernels::{Isa, dot, normalize_in_place};

use crate::spec::Metric;

/// The layout of one namespace: relative to a centre, since an offset that all rows share would take
/// the codes' precision and say nothing.
#[derive(Debug, Clone)]
pub(super) struct Space {
    metric: Metric,
    dimensions: usize,
    /// The mean of a sample.
    centre: Vec<f32>,
    /// The mean length of the sample's rows.
    length: f32,
}

/// Rows in that layout.
pub(super) struct CentredRows {
    /// `[num_rows, dimensions]`.
    pub(super) vectors: Vec<f32>,
    /// `[num_rows]`, what is added to a dot product with a query.
    pub(super) biases: Vec<f32>,
}

impl Space {
    pub(super) fn new(metric: Metric, dimensions: usize, sample: &[f32]) -> Self {
        assert!(dimensions > 0, "vectors of no dimensions");
        let mut space = Self { metric, dimensions, centre: vec![0.0; dimensions], length: 1.0 };
        let sample = space.rows(sample).vectors;
        let num_rows = (sample.len() / dimensions) as f32;
        if sample.is_empty() {
            return space;
        }
        let mut lengths = 0.0;
        for row in sample.chunks_exact(dimensions) {
            space.centre.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / num_rows);
            lengths += dot(Isa::best(), row, row).sqrt() / num_rows;
        }
        space.length = lengths;
        space
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Lays out rows, `[num_rows, dimensions]`.
    pub(super) fn rows(&self, rows: &[f32]) -> CentredRows {
        assert_eq!(rows.len() % self.dimensions, 0, "rows that are not whole");
        let mut vectors = rows.to_vec();
        let mut biases = Vec::with_capacity(rows.len() / self.dimensions);
        for row in vectors.chunks_exact_mut(self.dimensions) {
            if self.metric == Metric::Cosine {
                normalize_in_place(row);
            }
            row.iter_mut().zip(&self.centre).for_each(|(x, centre)| *x -= centre);
            biases.push(self.bias(row));
        }
        CentredRows { vectors, biases }
    }

    /// Lays out a query.
    pub(super) fn query(&self, query: &[f32]) -> Vec<f32> {
        assert_eq!(query.len(), self.dimensions, "a query of another length than the rows");
        let mut query = query.to_vec();
        match self.metric {
            Metric::Cosine => {
                normalize_in_place(&mut query);
                query.iter_mut().zip(&self.centre).for_each(|(x, centre)| *x -= centre);
            }
            Metric::Euclidean => {
                query.iter_mut().zip(&self.centre).for_each(|(x, centre)| *x -= centre);
            }
            // Any length gives the same order; that of the rows puts the query among them, where
            // estimates are relative to.
            Metric::DotProduct => {
                normalize_in_place(&mut query);
                query.iter_mut().for_each(|x| *x *= self.length);
            }
        }
        query
    }

    /// Returns the point that queries near a centroid are near to.
    pub(super) fn queries_near(&self, centroid: &[f32]) -> Vec<f32> {
        match self.metric {
            Metric::Cosine | Metric::Euclidean => centroid.to_vec(),
            // These queries are not relative to the centre.
            Metric::DotProduct => centroid.iter().zip(&self.centre).map(|(a, b)| a + b).collect(),
        }
    }

    /// Returns what tells how promising a list is: its centroid's own bias.
    pub(super) fn bias(&self, row: &[f32]) -> f32 {
        match self.metric {
            // -|query - row|² / 2, but for the query's own part. The order of cosines of rows of
            // length 1 is that of their distances, whose estimates are closer.
            Metric::Cosine | Metric::Euclidean => -0.5 * dot(Isa::best(), row, row),
            Metric::DotProduct => 0.0,
        }
    }
}
