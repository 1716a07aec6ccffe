//! Gaussian elimination of a Markov generator without subtractions, for banded chains.
//!
//! States are eliminated one by one, from the last to the first; the rates between the rest then count the detours through
//! the eliminated one. Every operation adds, multiplies or divides positive numbers, so each entry of a solution is right to
//! a relative error of rounding size, however rare the passages (Grassmann, Taksar, Heyman 1985; O'Cinneide 1993). A sparse
//! LU with subtractions would lose a digit for each decade of the escape time.

/// A generator's factors: of each state, the exit rate to lower states and out when all higher states are eliminated.
pub(super) struct Elimination {
    states: usize,
    width: usize,
    /// Rates `q_ij` at `i (2w + 1) + j + w − i`, in the form they had when the higher of `i` and `j` was eliminated.
    band: Vec<f64>,
    exit: Vec<f64>,
}

impl Elimination {
    /// Numbers that the band of `states` holds.
    pub(super) fn size(states: usize, width: usize) -> usize {
        states * (2 * width + 1)
    }

    /// Eliminates the chain with the hops `(i, j, q_ij)`, `|i − j| ≤ width`, and the rates `killing` out of it.
    ///
    /// The state from which no lower state and no way out can be reached is returned as an error; of a chain that is
    /// `closed` the first state may be such.
    pub(super) fn new(
        width: usize,
        hops: impl Iterator<Item = (usize, usize, f64)>,
        mut killing: Vec<f64>,
        closed: bool,
    ) -> Result<Self, usize> {
        let states = killing.len();
        let stride = 2 * width + 1;
        let mut band = vec![0.0; Self::size(states, width)];
        for (i, j, rate) in hops {
            band[i * stride + j + width - i] += rate;
        }
        let mut exit = vec![0.0; states];
        for n in (0..states).rev() {
            let first = n.saturating_sub(width);
            let (above, row) = band.split_at_mut(n * stride);
            let row = &row[first + width - n..width];
            let total = row.iter().sum::<f64>() + killing[n];
            exit[n] = total;
            if !(total > 0.0 && total.is_finite()) {
                if closed && n == 0 {
                    break;
                }
                return Err(n);
            }
            for i in first..n {
                let share = above[i * stride + n + width - i] / total;
                if share > 0.0 {
                    killing[i] += share * killing[n];
                    let start = i * stride + first + width - i;
                    let detour = &mut above[start..start + row.len()];
                    for (rate, onward) in detour.iter_mut().zip(row) {
                        *rate += share * onward;
                    }
                    // Returns to the state itself are no hops; its slot is never read.
                }
            }
        }
        Ok(Self { states, width, band, exit })
    }

    fn rate(&self, i: usize, j: usize) -> f64 {
        self.band[i * (2 * self.width + 1) + j + self.width - i]
    }

    /// Rates from `n` to the lower states from `n − w` on.
    fn row(&self, n: usize) -> (usize, &[f64]) {
        let first = n.saturating_sub(self.width);
        let start = n * (2 * self.width + 1) + self.width;
        (first, &self.band[start - (n - first)..start])
    }

    /// Solves `−Q T = f` in place, `f ≥ 0`.
    pub(super) fn solve_backward(&self, f: &mut [f64]) {
        for n in (1..self.states).rev() {
            let value = f[n] / self.exit[n];
            for i in n.saturating_sub(self.width)..n {
                f[i] += self.rate(i, n) * value;
            }
        }
        for n in 0..self.states {
            let (first, row) = self.row(n);
            let onward: f64 = row.iter().zip(&f[first..n]).map(|(q, t)| q * t).sum();
            f[n] = (f[n] + onward) / self.exit[n];
        }
    }

    /// Solves `−x Q = μ` in place, `μ ≥ 0`.
    pub(super) fn solve_forward(&self, mass: &mut [f64]) {
        for n in (1..self.states).rev() {
            let value = mass[n] / self.exit[n];
            let (first, row) = self.row(n);
            for (mass, q) in mass[first..n].iter_mut().zip(row) {
                *mass += q * value;
            }
        }
        for n in 0..self.states {
            mass[n] = (mass[n] + self.inflow(mass, n)) / self.exit[n];
        }
    }

    /// `Σ_{i<n} x_i q_in`.
    fn inflow(&self, mass: &[f64], n: usize) -> f64 {
        (n.saturating_sub(self.width)..n).map(|i| mass[i] * self.rate(i, n)).sum()
    }

    /// The stationary probabilities of a closed chain.
    pub(super) fn stationary(&self) -> Vec<f64> {
        let mut mass = vec![0.0; self.states];
        mass[0] = 1.0;
        for n in 1..self.states {
            mass[n] = self.inflow(&mass, n) / self.exit[n];
            // The first state may be rarer than the smallest number is against the likeliest.
            if mass[n] > 1e150 {
                mass[..=n].iter_mut().for_each(|m| *m *= 1e-150);
            }
        }
        let total: f64 = mass.iter().sum();
        mass.iter_mut().for_each(|m| *m /= total);
        mass
    }
}
