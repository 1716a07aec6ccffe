//! A landscape whose type is forgotten.

use std::any::Any;
use std::fmt;

use super::{Curved, GradientNoise, Landscape};
use crate::lanes::{Lane, Real};

/// The landscape of a problem's data, whatever its model: equations are compiled once for all, and an evaluation, which is a
/// pass over all samples, is one call through a pointer. Its results are those of the landscape, to the bit.
pub struct AnyLandscape<'a, R>(Box<dyn Erased<R> + 'a>);

impl<'a, R: Real> AnyLandscape<'a, R> {
    /// Forgets the type of `landscape`.
    pub fn new<L>(landscape: L) -> Self
    where
        L: GradientNoise<R> + Curved<R> + Send + 'a,
        L::Work: Any,
    {
        Self(Box::new(landscape))
    }
}

impl<R> fmt::Debug for AnyLandscape<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyLandscape").field(&self.0.name()).finish()
    }
}

impl<R: Real> Landscape<R> for AnyLandscape<'_, R> {
    type Work = Box<dyn Any + Send>;

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn work(&self) -> Self::Work {
        self.0.work()
    }

    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut Self::Work) -> Lane<R> {
        self.0.loss_gradient_into(theta, gradient, &mut **work)
    }
}

impl<R: Real> GradientNoise<R> for AnyLandscape<'_, R> {
    fn samples(&self) -> usize {
        self.0.samples()
    }

    fn add_weighted_gradients(
        &self,
        theta: &[Lane<R>],
        weights: &[Lane<R>],
        out: &mut [Lane<R>],
        work: &mut Self::Work,
    ) {
        self.0.add_weighted_gradients(theta, weights, out, &mut **work);
    }
}

impl<R: Real> Curved<R> for AnyLandscape<'_, R> {
    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], work: &mut Self::Work) {
        self.0.hessian_product_into(theta, v, out, &mut **work);
    }
}

/// What is known of a landscape whose type is forgotten; `work` is its own.
trait Erased<R>: Send + Sync {
    fn name(&self) -> &'static str;
    fn dim(&self) -> usize;
    fn samples(&self) -> usize;
    fn work(&self) -> Box<dyn Any + Send>;
    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut dyn Any) -> Lane<R>;
    fn add_weighted_gradients(&self, theta: &[Lane<R>], weights: &[Lane<R>], out: &mut [Lane<R>], work: &mut dyn Any);
    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], work: &mut dyn Any);
}

fn known<W: Any>(work: &mut dyn Any) -> &mut W {
    work.downcast_mut().expect("room was made by the same landscape")
}

impl<R: Real, L: GradientNoise<R> + Curved<R> + Send> Erased<R> for L
where
    L::Work: Any,
{
    fn name(&self) -> &'static str {
        std::any::type_name::<L>()
    }

    fn dim(&self) -> usize {
        Landscape::dim(self)
    }

    fn samples(&self) -> usize {
        GradientNoise::samples(self)
    }

    fn work(&self) -> Box<dyn Any + Send> {
        Box::new(Landscape::work(self))
    }

    fn loss_gradient_into(&self, theta: &[Lane<R>], gradient: &mut [Lane<R>], work: &mut dyn Any) -> Lane<R> {
        Landscape::loss_gradient_into(self, theta, gradient, known(work))
    }

    fn add_weighted_gradients(&self, theta: &[Lane<R>], weights: &[Lane<R>], out: &mut [Lane<R>], work: &mut dyn Any) {
        GradientNoise::add_weighted_gradients(self, theta, weights, out, known(work));
    }

    fn hessian_product_into(&self, theta: &[Lane<R>], v: &[Lane<R>], out: &mut [Lane<R>], work: &mut dyn Any) {
        Curved::hessian_product_into(self, theta, v, out, known(work));
    }
}
