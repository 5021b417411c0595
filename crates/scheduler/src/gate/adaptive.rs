//! How many evaluators may run beside a critical stage, from how much they slow it down.
//!
//! Additive increase, multiplicative decrease (Chiu and Jain, "Analysis of the increase and decrease algorithms for
//! congestion avoidance in computer networks", 1989): one more evaluator after every few stages that stayed well under the
//! bound although the limit was in force; a cut in proportion after a stage above it. A stage that is slow although no
//! evaluator ran beside it is slowed by something else, and k is not cut for it: it counts as a good one. The controller is
//! a pure function of its samples: no clock, no lock.
//!
//! Stages that shared the host with other partitions' kernels are not shown to it. What it cannot tell apart is a stage that
//! evaluators slow down and one that something outside slows down while evaluators run. In the second case it cuts in vain
//! down to 0, tries one evaluator after every `patience` stages, and goes on upwards once the stage is as fast as it was by itself, or [`Stages`](super::Stages) have learnt what it takes now.

/// How the controller behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControllerOptions {
    /// The inflation that must not be exceeded: 1.1 lets a critical stage take a tenth longer than by itself.
    pub bound: f64,
    /// The least k.
    pub min: u32,
    /// The greatest k: the evaluators that there are.
    pub max: u32,
    /// The factor applied to k after a stage above the bound.
    pub decrease: f64,
    /// Stages under the bound before k grows by one.
    pub patience: u32,
}

impl ControllerOptions {
    /// For `max` evaluators and this bound; halving, and one more after every second good stage (the simulation tests
    /// beside this file hold for these).
    pub fn new(bound: f64, max: u32) -> Self {
        ControllerOptions { bound, min: 0, max, decrease: 0.5, patience: 2 }
    }
}

/// One finished critical stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Its time over its time in isolation, per byte.
    pub inflation: f64,
    /// Whether the limit was in force: as many evaluators as it allows ran, or some were parked. A stage that ran beside
    /// fewer says nothing about a greater k.
    pub limited: bool,
    /// Whether evaluators ran beside it.
    pub beside: bool,
}

/// The controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    options: ControllerOptions,
    k: u32,
    good: u32,
}

impl Controller {
    /// Starts at the greatest k: nobody is parked before a measurement says so.
    pub fn new(options: ControllerOptions) -> Self {
        Controller { k: options.max, options, good: 0 }
    }

    /// Starts at `k` (at most the greatest): what is known of the machine, until measurements say more.
    pub fn starting_at(options: ControllerOptions, k: u32) -> Self {
        Controller { k: k.clamp(options.min, options.max), ..Controller::new(options) }
    }

    /// The limit now.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// Takes a sample in, and returns the new limit. Samples that are not finite and positive are ignored.
    pub fn observe(&mut self, sample: Sample) -> u32 {
        let ControllerOptions { bound, min, max, decrease, patience } = self.options;
        if !sample.inflation.is_finite() || sample.inflation <= 0.0 {
            return self.k;
        }
        if sample.inflation > bound && sample.beside {
            self.good = 0;
            let cut = (f64::from(self.k) * decrease).floor() as u32;
            self.k = cut.min(self.k.saturating_sub(1)).max(min);
        } else if sample.limited {
            self.good += 1;
            if self.good >= patience {
                self.good = 0;
                self.k = self.k.saturating_add(1).min(max);
            }
        }
        self.k
    }
}

#[cfg(test)]
#[path = "adaptive_tests.rs"]
mod tests;
