//! Rates of the random numbers that ensembles draw, on one core: the floor of every simulation.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use logscape::lanes::{LANES, Lane, Real, dispatch};
use logscape::random::{Gaussian, LaneRng, lane_index_pair};

fn main() {
    divan::main();
}

/// Blocks of draws in one measurement.
const DRAWS: usize = 4096;

fn generators() -> LaneRng {
    let mut rng = LaneRng::idle();
    for lane in 0..LANES {
        rng.set(lane, std::array::from_fn(|i| (lane as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) << i));
    }
    rng
}

/// Standard normal numbers.
#[divan::bench(types = [f32, f64])]
fn normals<R: Gaussian>(bencher: Bencher) {
    let mut rng = generators();
    bencher.counter(ItemsCount::new(2 * DRAWS * LANES)).bench_local(|| {
        dispatch(
            #[inline(always)]
            || {
                let mut sum = Lane::splat(R::ZERO);
                for _ in 0..DRAWS {
                    let (a, b) = R::pair(&mut rng);
                    sum = sum + a + b;
                }
                black_box(sum)
            },
        )
    });
}

/// Indices of samples.
#[divan::bench]
fn indices(bencher: Bencher) {
    let mut rng = generators();
    bencher.counter(ItemsCount::new(2 * DRAWS * LANES)).bench_local(|| {
        dispatch(
            #[inline(always)]
            || {
                let mut sum = Lane::splat(0_u32);
                for _ in 0..DRAWS {
                    let [a, b] = lane_index_pair(&rng.words(), 1000);
                    for k in 0..LANES {
                        sum.0[k] = sum.0[k].wrapping_add(a.0[k]).wrapping_add(b.0[k]);
                    }
                }
                black_box(sum)
            },
        )
    });
}

/// Sines and cosines, in pairs.
#[divan::bench(types = [f32, f64])]
fn sin_cos<R: Real>(bencher: Bencher) {
    bencher.counter(ItemsCount::new(DRAWS * LANES)).bench_local(|| {
        dispatch(
            #[inline(always)]
            || {
                let mut x = Lane::splat(R::from_f64(0.7));
                for _ in 0..DRAWS {
                    let (s, c) = x.sin_cos();
                    x = s + c;
                }
                black_box(x)
            },
        )
    });
}
