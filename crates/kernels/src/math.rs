//! Functions of one number, on lanes: exp, erf and the activations made of them.
//!
//! All pass a NaN on: a damaged weight must show in the embedding, not vanish in a clamp. The vector
//! minimum and maximum return their second argument where one is not a number, so the variable
//! always stands second.

use std::f32::consts::FRAC_2_SQRT_PI;

use crate::lanes::Lanes;

/// The function between two linear layers, under its published meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// None.
    Identity,
    /// `x / 2 · (1 + erf(x / √2))`, the exact GELU (`gelu`).
    Gelu,
    /// The tanh approximation of GELU (`gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`).
    GeluTanh,
    /// `x · sigmoid(1.702 x)` (`quick_gelu`).
    QuickGelu,
    /// `max(0, x)` (`relu`).
    Relu,
    /// `x · sigmoid(x)` (`silu`, `swish`).
    Silu,
    /// `tanh(x)`.
    Tanh,
}

impl Activation {
    #[inline(always)]
    pub(crate) fn apply<L: Lanes>(self, lanes: L, x: L::V) -> L::V {
        match self {
            Self::Identity => x,
            Self::Gelu => gelu(lanes, x),
            Self::GeluTanh => gelu_tanh(lanes, x),
            Self::QuickGelu => lanes.mul(x, sigmoid(lanes, lanes.mul(x, lanes.splat(1.702)))),
            Self::Relu => lanes.max(lanes.splat(0.0), x),
            Self::Silu => lanes.mul(x, sigmoid(lanes, x)),
            Self::Tanh => tanh(lanes, x),
        }
    }
}

/// Evaluates a polynomial; `coefficients` from the highest power down.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(lanes: L, x: L::V, coefficients: [f32; N]) -> L::V {
    let mut value = lanes.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        value = lanes.mul_add(value, x, lanes.splat(*coefficient));
    }
    value
}

/// Returns e to the power of `x`, to 2 units in the last place; `x` is cut to -87 … 88.
///
/// `x = n ln 2 + r` with whole `n` and `|r| ≤ ln 2 / 2`; the Taylor series of `exp(r)` to the seventh
/// power leaves 5e-9.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(lanes: L, x: L::V) -> L::V {
    // ln 2 in two parts, the first with so few bits that its product with `n` is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    let x = lanes.min(lanes.splat(88.0), lanes.max(lanes.splat(-87.0), x));
    let n = lanes.round(lanes.mul(x, lanes.splat(std::f32::consts::LOG2_E)));
    let r = lanes.mul_add(n, lanes.splat(-LN_2_HIGH), x);
    let r = lanes.mul_add(n, lanes.splat(-LN_2_LOW), r);
    let series =
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0, 1.0];
    lanes.mul(polynomial(lanes, r, series), lanes.power_of_two(n))
}

/// Returns the error function of `x`, to 4e-7.
///
/// `x · P(x²) / Q(x²)` with `P` and `Q` of the fifth degree, fitted by us to the least relative error
/// on |x| ≤ 3.9 (1.7e-8, less than the rounding of the evaluation); beyond that erf is ±1 in f32.
#[inline(always)]
fn erf<L: Lanes>(lanes: L, x: L::V) -> L::V {
    // The last is the slope of erf at 0.
    const P: [f32; 6] = [
        2.066_435_2e-6,
        2.850_553_4e-4,
        3.738_228_6e-3,
        5.266_772e-2,
        1.896_646_8e-1,
        FRAC_2_SQRT_PI,
    ];
    const Q: [f32; 6] =
        [3.826_926_7e-5, 1.157_339_9e-3, 1.491_405e-2, 1.138_18e-1, 5.014_187e-1, 1.0];

    let x = lanes.min(lanes.splat(3.9), lanes.max(lanes.splat(-3.9), x));
    let square = lanes.mul(x, x);
    let numerator = lanes.mul(x, polynomial(lanes, square, P));
    let erf = lanes.div(numerator, polynomial(lanes, square, Q));
    lanes.min(lanes.splat(1.0), lanes.max(lanes.splat(-1.0), erf))
}

#[inline(always)]
fn gelu<L: Lanes>(lanes: L, x: L::V) -> L::V {
    let erf = erf(lanes, lanes.mul(x, lanes.splat(std::f32::consts::FRAC_1_SQRT_2)));
    let half = lanes.mul(x, lanes.splat(0.5));
    lanes.mul_add(half, erf, half)
}

#[inline(always)]
fn gelu_tanh<L: Lanes>(lanes: L, x: L::V) -> L::V {
    // √(2/π) · (x + 0.044715 x³)
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    let square = lanes.mul(x, x);
    let inner = lanes.mul_add(square, lanes.splat(0.044_715), lanes.splat(1.0));
    let inner = lanes.mul(lanes.mul(x, inner), lanes.splat(SQRT_2_OVER_PI));
    let half = lanes.mul(x, lanes.splat(0.5));
    lanes.mul_add(half, tanh(lanes, inner), half)
}

/// Returns `1 - 2 / (exp(2x) + 1)`: absolute error 2e-7, and ±1 where f32 cannot tell.
#[inline(always)]
fn tanh<L: Lanes>(lanes: L, x: L::V) -> L::V {
    let one = lanes.splat(1.0);
    let power = exp(lanes, lanes.add(x, x));
    lanes.sub(one, lanes.div(lanes.splat(2.0), lanes.add(power, one)))
}

#[inline(always)]
fn sigmoid<L: Lanes>(lanes: L, x: L::V) -> L::V {
    let one = lanes.splat(1.0);
    lanes.div(one, lanes.add(one, exp(lanes, lanes.sub(lanes.splat(0.0), x))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Operation};
    use crate::reference;

    struct OnSlice<'a>(Function, &'a mut [f32]);

    #[derive(Debug, Clone, Copy)]
    enum Function {
        Exp,
        Erf,
        Activation(Activation),
    }

    impl Operation for OnSlice<'_> {
        type Output = ();
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            for chunk in self.1.chunks_exact_mut(L::N) {
                let x = lanes.load(chunk);
                let y = match self.0 {
                    Function::Exp => exp(lanes, x),
                    Function::Erf => erf(lanes, x),
                    Function::Activation(activation) => activation.apply(lanes, x),
                };
                lanes.store(chunk, y);
            }
        }
    }

    /// The largest of `error(x, got - exact)` for `x` from -`limit` to `limit`, on every instruction
    /// set.
    fn worst(
        function: Function,
        limit: f64,
        exact: fn(f64) -> f64,
        error: fn(f64, f64) -> f64,
    ) -> f64 {
        let num = 64_000;
        let xs: Vec<f32> = (0..num)
            .map(|i| ((f64::from(i) / f64::from(num) * 2.0 - 1.0) * limit) as f32)
            .collect();
        let mut worst: f64 = 0.0;
        for isa in Isa::available() {
            let mut ys = xs.clone();
            isa.dispatch(OnSlice(function, &mut ys));
            for (x, y) in xs.iter().zip(&ys) {
                let x = f64::from(*x);
                worst = worst.max(error(x, (f64::from(*y) - exact(x)).abs()));
            }
        }
        worst
    }

    #[test]
    fn exp_is_right_to_two_units_in_the_last_place() {
        let worst = worst(Function::Exp, 86.0, f64::exp, |x, difference| difference / x.exp());
        assert!(worst < 2.5e-7, "{worst}");
    }

    #[test]
    fn erf_is_right_to_4e_7() {
        let worst = worst(Function::Erf, 6.0, reference::erf, |_, difference| difference);
        assert!(worst < 4e-7, "{worst}");
    }

    #[test]
    fn activations_are_right_to_a_few_units_in_the_last_place_of_their_argument() {
        for activation in reference::ACTIVATIONS {
            let exact = reference::exact_activation(activation);
            let worst = worst(Function::Activation(activation), 12.0, exact, |x, difference| {
                difference / x.abs().max(1.0)
            });
            assert!(worst < 3e-7, "{activation:?}: {worst}");
        }
    }

    #[test]
    fn a_nan_comes_out_as_a_nan() {
        for isa in Isa::available() {
            for activation in reference::ACTIVATIONS {
                let mut xs = [f32::NAN; 16];
                isa.dispatch(OnSlice(Function::Activation(activation), &mut xs));
                assert!(xs.iter().all(|x| x.is_nan()), "{activation:?} on {}", isa.name());
            }
        }
    }
}
