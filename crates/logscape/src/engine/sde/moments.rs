//! A loss that is a quadratic form, for all lanes at once.

use super::{Curved, GradientNoise, Landscape};
use crate::lanes::{Lane, Real};
use crate::problem::QuadraticLoss;

/// The landscape of a problem whose loss is a [`QuadraticLoss`]: loss, gradient and Hessian products cost `d²`, not `N d`. What
/// is told sample by sample is asked of `samples`.
#[derive(Debug)]
pub struct Moments<R, L> {
    samples: L,
    /// `c` and `∇L(c)` (`d` each), and `H` row by row.
    centre: Vec<R>,
    gradient: Vec<R>,
    hessian: Vec<R>,
    /// `L(c)`.
    loss: R,
}

/// Room for an evaluation of [`Moments`].
#[derive(Debug)]
pub struct MomentsWork<R, W> {
    /// `θ − c`.
    displacement: Vec<Lane<R>>,
    samples: W,
}

impl<R: Real, L: Landscape<R>> Moments<R, L> {
    /// The loss `form` of the data that `samples` has.
    pub fn new(samples: L, form: &QuadraticLoss) -> Self {
        let all = |numbers: &[f64]| numbers.iter().map(|x| R::from_f64(*x)).collect();
        let (centre, loss, gradient, hessian) = form.parts();
        Self { samples, centre: all(centre), gradient: all(gradient), hessian: all(hessian), loss: R::from_f64(loss) }
    }

    /// The rows of `H` times `v`.
    #[inline(always)]
    fn image<'a>(&'a self, v: &'a [Lane<R>]) -> impl Iterator<Item = Lane<R>> + 'a {
        let product = move |row: &[R]| {
            let mut sum = Lane::splat(R::ZERO);
            for (h, x) in row.iter().zip(v) {
                sum = Lane::splat(*h).mul_add(*x, sum);
            }
            sum
        };
        self.hessian.chunks_exact(self.centre.len()).map(product)
    }
}

impl<R: Real, L: Landscape<R>> Landscape<R> for Moments<R, L> {
    type Work = MomentsWork<R, L::Work>;

    fn dim(&self) -> usize {
        self.centre.len()
    }

    fn work(&self) -> Self::Work {
        MomentsWork { displacement: vec![Lane::splat(R::ZERO); self.centre.len()], samples: self.samples.work() }
    }

    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut Self::Work) -> Lane<R> {
        let half = Lane::splat(R::from_f64(0.5));
        for ((d, x), c) in work.displacement.iter_mut().zip(theta).zip(&self.centre) {
            *d = *x - Lane::splat(*c);
        }
        let mut loss = Lane::splat(self.loss);
        let image = self.image(&work.displacement);
        for (((g, image), slope), d) in gradient.iter_mut().zip(image).zip(&self.gradient).zip(&work.displacement) {
            let slope = Lane::splat(*slope);
            *g = slope + image;
            loss = half.mul_add(image, slope).mul_add(*d, loss);
        }
        loss
    }
}

impl<R: Real, L: GradientNoise<R>> GradientNoise<R> for Moments<R, L> {
    fn samples(&self) -> usize {
        self.samples.samples()
    }

    fn add_weighted_gradients(
        &self,
        theta: &[Lane<R>],
        weights: &[Lane<R>],
        out: &mut [Lane<R>],
        work: &mut Self::Work,
    ) {
        self.samples.add_weighted_gradients(theta, weights, out, &mut work.samples);
    }
}

impl<R: Real, L: Landscape<R>> Curved<R> for Moments<R, L> {
    fn hessian_product_into(&self, _theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], _work: &mut Self::Work) {
        out.iter_mut().zip(self.image(v)).for_each(|(out, image)| *out = image);
    }
}
