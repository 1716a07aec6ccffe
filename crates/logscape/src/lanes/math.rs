//! Elementary functions without branches, for loops that become vector code.
//!
//! Each reduces its argument to a short interval (Cody & Waite 1980, *Software manual for the elementary functions*),
//! and evaluates there a polynomial that interpolates the function at Chebyshev points, computed in 60 digits. Integers
//! are read from the low bits of `x + 1.5·2^p`, where `p` is the number of fraction bits.

#![allow(clippy::unreadable_literal, clippy::inconsistent_digit_grouping, reason = "coefficients are not read")]

macro_rules! functions {
    (
        $float:ident, $bits:ident,
        half_pi: $half_pi:expr, ln_2: $ln_2:expr, ln_2_short: $ln_2_short:expr,
        exp: $exp:expr, exp_range: $exp_range:expr, tanh_limit: $tanh_limit:expr,
        ln: $ln:expr, sin: $sin:expr, cos: $cos:expr,
        normal: $normal:expr, normal_centre: $normal_centre:expr, normal_limit: $normal_limit:expr
    ) => {
        pub(crate) mod $float {
            use std::$float::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI, LOG2_E, SQRT_2};

            const FRACTION: u32 = $float::MANTISSA_DIGITS - 1;
            /// Added to a small number, it leaves the nearest integer in the low bits.
            const ROUNDER: $float = 1.5 * ((1 as $bits) << FRACTION) as $float;
            const BIAS: $bits = $float::MAX_EXP as $bits - 1;
            /// `π/2` in three parts, the first two rounded.
            const HALF_PI: [$float; 3] = $half_pi;
            /// `ln 2` in two parts, the first rounded.
            const LN_2: [$float; 2] = $ln_2;
            /// `ln 2` in two parts, the first so short that its product with an exponent is exact.
            const LN_2_SHORT: [$float; 2] = $ln_2_short;

            /// `Σ cᵢ xⁱ` by Horner's rule.
            #[inline(always)]
            fn polynomial<const N: usize>(x: $float, coefficients: [$float; N]) -> $float {
                let mut sum = coefficients[N - 1];
                for i in (0..N - 1).rev() {
                    sum = sum.mul_add(x, coefficients[i]);
                }
                sum
            }

            /// The integer nearest to `x · factor`, as a number and as bits modulo a power of two.
            #[inline(always)]
            fn nearest(x: $float, factor: $float) -> ($float, $bits) {
                let shifted = x.mul_add(factor, ROUNDER);
                (shifted - ROUNDER, shifted.to_bits().wrapping_sub(ROUNDER.to_bits()))
            }

            /// `(eʳ − 1, k)` for `x = k ln 2 + r` and `|r| ≤ ½ ln 2`.
            #[inline(always)]
            fn reduced_exp(x: $float) -> ($float, $bits) {
                let (k, bits) = nearest(x, LOG2_E);
                let r = k.mul_add(-LN_2[1], k.mul_add(-LN_2[0], x));
                ((r * r).mul_add(polynomial(r, $exp), r), bits)
            }

            /// `eˣ`.
            #[inline(always)]
            pub(crate) fn exp(x: $float) -> $float {
                let [low, high]: [$float; 2] = $exp_range;
                let x = if x < low { low } else { x };
                let x = if x > high { high } else { x };
                let (p, k) = reduced_exp(x);
                // 2^k in two factors, since k exceeds the range of exponents at both ends.
                let k = k.wrapping_add(2 * BIAS);
                let half = k >> 1;
                let (a, b) = ($float::from_bits(half << FRACTION), $float::from_bits(k.wrapping_sub(half) << FRACTION));
                (1.0 + p) * a * b
            }

            /// `tanh x = (e^{2x} − 1)/(e^{2x} + 1)`.
            #[inline(always)]
            pub(crate) fn tanh(x: $float) -> $float {
                let size = x.abs();
                let size = if size > $tanh_limit { $tanh_limit } else { size };
                let (p, k) = reduced_exp(2.0 * size);
                let scale = $float::from_bits(k.wrapping_add(BIAS) << FRACTION);
                let e = scale.mul_add(p, scale - 1.0);
                (e / (e + 2.0)).copysign(x)
            }

            /// `ln x = e ln 2 + 2 artanh(s)` for `x = 2^e (1 + f)` and `s = f/(2 + f)`, with `1 + f` in `[√½, √2)`.
            #[inline(always)]
            pub(crate) fn ln(x: $float) -> $float {
                let tiny = x < $float::MIN_POSITIVE;
                let lift = ((1 as $bits) << $float::MANTISSA_DIGITS) as $float;
                let bits = if tiny { x * lift } else { x }.to_bits();
                let (f, exponent) = parts(bits);
                let e = if tiny { exponent - $float::from($float::MANTISSA_DIGITS as u8) } else { exponent };
                let value = ln_of_parts(f, e);
                let value = if x == $float::INFINITY { x } else { value };
                let value = if x == 0.0 { $float::NEG_INFINITY } else { value };
                if x >= 0.0 { value } else { $float::NAN }
            }

            /// `ln x` of a normal number.
            #[inline(always)]
            pub(crate) fn ln_normal(x: $float) -> $float {
                let (f, e) = parts(x.to_bits());
                ln_of_parts(f, e)
            }

            /// `(f, e)` of the positive normal number `2^e (1 + f)` with these bits, `1 + f` in `[√½, √2)`.
            #[inline(always)]
            fn parts(bits: $bits) -> ($float, $float) {
                let exponent = bits.wrapping_sub((0.5 * SQRT_2).to_bits()).wrapping_add(BIAS << FRACTION) >> FRACTION;
                let mantissa = $float::from_bits(bits.wrapping_sub(exponent.wrapping_sub(BIAS) << FRACTION));
                // An integer below 2^p in the fraction of 2^p.
                let two_p = ((1 as $bits) << FRACTION) as $float;
                let e = $float::from_bits(exponent | two_p.to_bits()) - two_p - BIAS as $float;
                (mantissa - 1.0, e)
            }

            /// `ln(1 + f) + e ln 2`.
            #[inline(always)]
            fn ln_of_parts(f: $float, e: $float) -> $float {
                let s = f / (2.0 + f);
                let z = s * s;
                // ln(1 + f) = f − s (f − r) with r = 2 artanh(s)/s − 2, and s f = f²/2 − s f²/2.
                let r = z * polynomial(z, $ln);
                let half = 0.5 * f * f;
                let small = s.mul_add(half + r, e * LN_2_SHORT[1]);
                e.mul_add(LN_2_SHORT[0], f - (half - small))
            }

            /// `(Φ(x), φ(x))`, with `Φ(−a) = e^{−a²/2} R(t)/(a + k)` for `a = |x|` and `t = (a − k)/(a + k)` in `[−1, 1)`
            /// (Shepherd & Laframboise 1981, Math. Comp. 36).
            #[inline(always)]
            pub(crate) fn normal(x: $float) -> ($float, $float) {
                const CENTRE: $float = $normal_centre;
                const DENSITY_AT_ZERO: $float = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
                let size = x.abs();
                let size = if size > $normal_limit { $normal_limit } else { size };
                let inverse = 1.0 / (size + CENTRE);
                let t = inverse.mul_add(-2.0 * CENTRE, 1.0);
                // The rounding of the square would be a relative error of a²/2 roundings in the tail.
                let square = size * size;
                let rest = size.mul_add(size, -square);
                let gauss = exp(-0.5 * square);
                let gauss = (-0.5 * rest).mul_add(gauss, gauss);
                let tail = gauss * (polynomial(t, $normal) * inverse);
                (if x > 0.0 { 1.0 - tail } else { tail }, DENSITY_AT_ZERO * gauss)
            }

            /// `(sin x, cos x)`.
            #[inline(always)]
            pub(crate) fn sin_cos(x: $float) -> ($float, $float) {
                let (k, quadrant) = nearest(x, FRAC_2_PI);
                let r = k.mul_add(-HALF_PI[2], k.mul_add(-HALF_PI[1], k.mul_add(-HALF_PI[0], x)));
                sin_cos_of_parts(r, quadrant)
            }

            /// `(sin x, cos x)` for `x = r + quadrant · π/2` and `|r| ≤ π/4`.
            #[inline(always)]
            pub(crate) fn sin_cos_of_parts(r: $float, quadrant: $bits) -> ($float, $float) {
                const SIGN_SHIFT: u32 = $bits::BITS - 2;
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                let z = r * r;
                let sine = (r * z).mul_add(polynomial(z, $sin), r);
                let cosine = (z * z).mul_add(polynomial(z, $cos), (-0.5 as $float).mul_add(z, 1.0));
                let swap = quadrant & 1 == 1;
                let (s, c) = if swap { (cosine, sine) } else { (sine, cosine) };
                let s_sign = (quadrant << SIGN_SHIFT) & SIGN;
                let c_sign = (quadrant.wrapping_add(1) << SIGN_SHIFT) & SIGN;
                ($float::from_bits(s.to_bits() ^ s_sign), $float::from_bits(c.to_bits() ^ c_sign))
            }
        }
    };
}

functions! {
    f32, u32,
    half_pi: [std::f32::consts::FRAC_PI_2, -4.371139e-8, -1.7151245e-15],
    ln_2: [std::f32::consts::LN_2, -1.9046542e-9],
    ln_2_short: [6.9314575e-01, 1.4286068e-06],
    exp: [5.0e-01, 1.6666576e-01, 4.1666556e-02, 8.363179e-03, 1.3926184e-03],
    exp_range: [-104.0, 89.0], tanh_limit: 10.0,
    ln: [6.666667e-01, 4.0000123e-01, 2.8550816e-01, 2.3330583e-01],
    sin: [-1.6666667e-01, 8.333332e-03, -1.9840087e-04, 2.7249896e-06],
    cos: [4.1666664e-02, -1.3888302e-03, 2.4547917e-05],
    normal: [7.502941e-01, -5.881884e-01, 3.529401e-01, -1.5151691e-01, 3.748623e-02, 1.16901e-03, -4.14924e-03, 6.0708186e-04, 4.419337e-04, -1.116869e-04, -4.197294e-05, 1.2074619e-05],
    normal_centre: 3.75, normal_limit: 15.0
}

functions! {
    f64, u64,
    half_pi: [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33],
    ln_2: [std::f64::consts::LN_2, 2.3190468138462996e-17],
    ln_2_short: [0.6931471805598903, 5.497923018708371e-14],
    exp: [0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717, 0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07, 2.510038549551032e-08],
    exp_range: [-746.0, 710.0], tanh_limit: 22.0,
    ln: [0.666666666666667, 0.39999999999899444, 0.2857142862600327, 0.22222211130259878, 0.18182889455674947, 0.15331710618210773, 0.14616585424888623],
    sin: [-0.16666666666666666, 0.008333333333330948, -0.00019841269836756774, 2.7557316101617874e-06, -2.505113165023518e-08, 1.5918115263265974e-10],
    cos: [0.041666666666666664, -0.0013888888888887398, 2.480158729876456e-05, -2.7557317271145144e-07, 2.087614614655861e-09, -1.1382623647474604e-11],
    normal: [0.769193049750063, -0.6653825028900577, 0.4953056159699768, -0.3135331566712138, 0.16502036617034282, -0.06911863870881432, 0.020795066800941616, -0.00299337673822322, -0.0007978694094808063, 0.00054489883090093, -5.9375673286488655e-05, -4.976177118979218e-05, 1.6681099115863468e-05, 3.977912640593242e-06, -2.769337871043854e-06, -3.310698071526862e-07, 4.340262594829775e-07, 3.581840051543223e-08, -6.782555313291156e-08, -5.015649939857857e-09, 9.446827519677366e-09, 5.037302126379857e-10, -8.166192624428987e-10],
    normal_centre: 5.0, normal_limit: 40.0
}
