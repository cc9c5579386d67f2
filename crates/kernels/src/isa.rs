//! Which instruction set this machine has, as values that only detection can make.
#![expect(unsafe_code, reason = "the call across the target feature boundary")]

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Avx2, Avx512};
use crate::lanes::{Lanes, Portable};

/// Work that is written once, over any lanes.
///
/// `run` and all that it calls must be `#[inline(always)]`, so that it is compiled with the
/// instruction set of the function that it ends up in.
pub(crate) trait Operation {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// An instruction set that this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Portable,
    /// Portable code in the shape of AVX-512: its tiles and panels, tested where the set is missing.
    #[cfg(test)]
    Wide,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

/// What was found and what is used, for people.
#[derive(Debug, Clone)]
pub struct InstructionSets {
    /// The one that every operation uses.
    pub chosen: &'static str,
    /// All that this machine has and we have code for.
    pub found: Vec<&'static str>,
}

impl Isa {
    /// Returns the fastest one that this machine has.
    pub fn best() -> Self {
        // `available` is never empty: the portable one needs nothing.
        Self::available().last().copied().unwrap_or(Self(Kind::Portable))
    }

    /// Returns all that this machine has, slowest first.
    pub fn available() -> Vec<Self> {
        let portable = [
            Self(Kind::Portable),
            #[cfg(test)]
            Self(Kind::Wide),
        ];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = Avx2::detect().map(|avx2| Self(Kind::Avx2(avx2)));
            let avx512 = Avx512::detect().map(|avx512| Self(Kind::Avx512(avx512)));
            portable.into_iter().chain(avx2).chain(avx512).collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        portable.to_vec()
    }

    /// Returns its name, as in `/proc/cpuinfo`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(test)]
            Kind::Wide => "portable, wide",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512f",
        }
    }

    /// Returns how many columns a panel of packed weights has.
    pub(crate) fn panel_width(self) -> usize {
        match self.0 {
            Kind::Portable => Portable::<8>::PANEL,
            #[cfg(test)]
            Kind::Wide => Portable::<16>::PANEL,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => Avx2::PANEL,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => Avx512::PANEL,
        }
    }

    /// Runs an operation, compiled for this instruction set.
    pub(crate) fn dispatch<O: Operation>(self, operation: O) -> O::Output {
        match self.0 {
            Kind::Portable => operation.run(Portable::<8>),
            #[cfg(test)]
            Kind::Wide => operation.run(Portable::<16>),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` is made only where AVX2 and FMA were detected.
            Kind::Avx2(avx2) => unsafe { run_avx2(operation, avx2) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx512` is made only where AVX-512F was detected.
            Kind::Avx512(avx512) => unsafe { run_avx512(operation, avx512) },
        }
    }
}

impl InstructionSets {
    /// Looks at this machine.
    pub fn detect() -> Self {
        Self {
            chosen: Isa::best().name(),
            found: Isa::available().into_iter().map(Isa::name).collect(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<O: Operation>(operation: O, avx2: Avx2) -> O::Output {
    operation.run(avx2)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn run_avx512<O: Operation>(operation: O, avx512: Avx512) -> O::Output {
    operation.run(avx512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_last_of_the_available() {
        let available = Isa::available();
        assert_eq!(available[0].name(), "portable");
        assert_eq!(Some(&Isa::best()), available.last());
    }
}
