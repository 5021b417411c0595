//! The controller in a simulated loop: a machine on which every evaluator beside a critical stage slows it down.

use super::*;
use proptest::prelude::*;

/// Inflation by k evaluators: none up to the knee, then a slope.
#[derive(Clone, Copy, Debug)]
struct Load {
    knee: u32,
    slope: f64,
}

impl Load {
    fn inflation(&self, k: u32) -> f64 {
        1.0 + self.slope * f64::from(k.saturating_sub(self.knee))
    }

    /// The greatest k under the bound.
    fn best(&self, options: &ControllerOptions) -> u32 {
        let under = |k: &u32| self.inflation(*k) <= options.bound;
        (options.min..=options.max).rev().find(under).unwrap_or(options.min)
    }
}

fn run(controller: &mut Controller, load: Load, stages: usize) -> Vec<u32> {
    let sample = |k| Sample { inflation: load.inflation(k), limited: true, beside: k > 0 };
    (0..stages).map(|_| controller.observe(sample(controller.k()))).collect()
}

/// The longest that the controller may need to come from anywhere to the best k.
fn settle(options: &ControllerOptions) -> usize {
    40 + (options.max * options.patience) as usize
}

proptest! {
    /// After a step of the load, and in the steady state: at most one over the best, never below half of it (less the
    /// rounding), and over the bound for at most one stage in `patience` times the width of the saw-tooth.
    #[test]
    fn stable_under_step_loads(
        loads in prop::collection::vec((0u32..100, 0.02f64..2.0), 1..6),
        max in 1u32..192,
        bound in 1.02f64..1.5,
    ) {
        let options = ControllerOptions::new(bound, max);
        let mut controller = Controller::new(options);
        for (knee, slope) in loads {
            let load = Load { knee, slope };
            run(&mut controller, load, settle(&options));
            let best = load.best(&options);
            let steady = run(&mut controller, load, 400);
            prop_assert!(steady.iter().all(|k| *k <= best + 1), "{best} {steady:?}");
            prop_assert!(steady.iter().all(|k| 2 * k + 2 >= best), "{best} {steady:?}");
            let over = steady.iter().filter(|k| load.inflation(**k) > bound).count();
            // One tooth takes at least `patience` good stages.
            prop_assert!(over <= 400 / (1 + options.patience as usize) + 1, "{over}");
        }
    }

    /// A heavier load is answered in a logarithmic number of stages.
    #[test]
    fn a_heavier_load_is_answered_quickly(max in 1u32..1024, knee in 0u32..64) {
        let options = ControllerOptions::new(1.1, max);
        let mut controller = Controller::new(options);
        let load = Load { knee, slope: 1.0 };
        run(&mut controller, load, 11);
        prop_assert!(load.inflation(controller.k()) <= 1.1 || controller.k() <= load.best(&options) + 1);
    }

    #[test]
    fn k_stays_in_its_bounds(samples in prop::collection::vec((any::<f64>(), any::<(bool, bool)>()), 0..200), max in 0u32..50) {
        let mut controller = Controller::new(ControllerOptions { min: max / 4, ..ControllerOptions::new(1.1, max) });
        for (inflation, (limited, beside)) in samples {
            let k = controller.observe(Sample { inflation, limited, beside });
            prop_assert!((max / 4..=max).contains(&k));
        }
    }
}

/// Noise of three per cent on a load that is well under the bound never cuts k.
#[test]
fn noise_under_the_bound_does_no_harm() {
    let mut controller = Controller::new(ControllerOptions::new(1.1, 16));
    for i in 0..1000u32 {
        let inflation = 1.03 + 0.03 * f64::from(i % 7) / 6.0;
        controller.observe(Sample { inflation, limited: true, beside: true });
    }
    assert_eq!(controller.k(), 16);
}

/// Stages that nobody ran beside do not raise k: when evaluators come back, the limit is where it was.
#[test]
fn an_idle_time_does_not_open_the_gate() {
    let mut controller = Controller::new(ControllerOptions::new(1.1, 64));
    run(&mut controller, Load { knee: 4, slope: 0.5 }, 300);
    let before = controller.k();
    assert!(before <= 5);
    for _ in 0..1000 {
        controller.observe(Sample { inflation: 1.0, limited: false, beside: false });
    }
    assert_eq!(controller.k(), before);
}

#[test]
fn what_is_no_number_is_ignored() {
    let mut controller = Controller::new(ControllerOptions::new(1.1, 8));
    for inflation in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
        assert_eq!(controller.observe(Sample { inflation, limited: true, beside: true }), 8);
    }
}

/// Something else slows the stage down: with the evaluators parked it is as slow, so k is given back, one at a time.
#[test]
fn a_slow_stage_that_nobody_runs_beside_does_not_cut() {
    let mut controller = Controller::starting_at(ControllerOptions::new(1.1, 8), 0);
    let slow = |beside| Sample { inflation: 3.0, limited: true, beside };
    assert_eq!([controller.observe(slow(false)), controller.observe(slow(false))], [0, 1]);
    assert_eq!(controller.observe(slow(true)), 0, "this time an evaluator may be the cause");
}

#[test]
fn the_first_value_stays_in_its_bounds() {
    let options = ControllerOptions { min: 1, ..ControllerOptions::new(1.1, 8) };
    let first = |k| Controller::starting_at(options, k).k();
    assert_eq!([first(0), first(3), first(100)], [1, 3, 8]);
}
