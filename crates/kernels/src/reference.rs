//! Every operation as plain loops in f64: what the fast ones are tested against.

use crate::math::Activation;

pub(crate) const ACTIVATIONS: [Activation; 7] = [
    Activation::Identity,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::QuickGelu,
    Activation::Relu,
    Activation::Silu,
    Activation::Tanh,
];

/// A small generator (SplitMix64), so that a failing seed can be run again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Floats from -1 to 1.
    pub(crate) fn floats(&mut self, num: usize) -> Vec<f32> {
        (0..num).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }
}

pub(crate) fn largest_difference(a: &[f32], b: &[f64]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max) as f32
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

pub(crate) fn linear(x: &[f32], weights: &[f32], bias: &[f32], num_inputs: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for row in x.chunks(num_inputs) {
        for (weights, bias) in weights.chunks(num_inputs).zip(bias) {
            out.push(dot(row, weights) + f64::from(*bias));
        }
    }
    out
}

/// The error function: its Taylor series near 0, a continued fraction of erfc beyond (both to 1e-12).
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..80 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    let fraction = (1..200).rev().fold(0.0, |tail, n| f64::from(n) / 2.0 / (x.abs() + tail));
    let erfc = (-x * x).exp() / std::f64::consts::PI.sqrt() / (x.abs() + fraction);
    x.signum() * (1.0 - erfc)
}

pub(crate) fn exact_activation(activation: Activation) -> fn(f64) -> f64 {
    match activation {
        Activation::Identity => |x| x,
        Activation::Gelu => |x| 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        Activation::GeluTanh => |x| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        },
        Activation::QuickGelu => |x| x / (1.0 + (-1.702 * x).exp()),
        Activation::Relu => |x| x.max(0.0),
        Activation::Silu => |x| x / (1.0 + (-x).exp()),
        Activation::Tanh => f64::tanh,
    }
}

/// `(x - mean) / sqrt(variance + eps) · gain + bias`.
pub(crate) fn layer_norm(row: &[f32], gain: &[f32], bias: &[f32], eps: f32) -> Vec<f64> {
    let num = row.len() as f64;
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / num;
    let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / num;
    let scale = 1.0 / (variance + f64::from(eps)).sqrt();
    row.iter()
        .zip(gain.iter().zip(bias))
        .map(|(x, (gain, bias))| {
            (f64::from(*x) - mean) * scale * f64::from(*gain) + f64::from(*bias)
        })
        .collect()
}
