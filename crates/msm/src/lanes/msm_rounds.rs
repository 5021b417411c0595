//! Rounds of independent affine additions in lanes, one inversion for each round.
//!
//! λ = (y₂ − y₁)/(x₂ − x₁), x₃ = λ² − x₁ − x₂, y₃ = λ(x₁ − x₃) − y₁: 5M + 1S with the inverses of a whole round from one
//! inversion (Montgomery, "Speeding the Pollard and elliptic curve methods of factorization", 1987).
//!
//! A round is first done as if no addition were special. If a difference of abscissae was zero the product of all of
//! them is, which shows before anything was written; the round is then done with every case told apart. Infinities
//! (all limbs zero) come from such a round only, so from then on all
//! rounds are.

use super::{
    eight::{Eight, Task},
    msm_field::LaneField,
};

/// Independent products of differences: a product waits for the one before the last `CHAINS`.
const CHAINS: usize = 4;

/// Eight points.
#[derive(Clone, Copy)]
pub(super) struct Block<L: LaneField> {
    pub(super) x: L::Vector,
    pub(super) y: L::Vector,
}

/// An addition of blocks: the sum replaces the first.
pub(super) type Pair = [u32; 2];

/// How the lanes of an addition come about.
#[derive(Clone, Copy, Default)]
struct Special {
    first_infinite: u8,
    second_infinite: u8,
    doubled: u8,
    cancelled: u8,
}

/// A pair's denominator, and the product of those before it in its chain. What follows the last [`CHAINS`] pairs are the
/// products of whole chains.
#[derive(Clone, Copy)]
struct Step<L: LaneField> {
    denominator: L::Vector,
    before: L::Vector,
}

/// Points that are being added up, and what a round needs to remember.
pub(super) struct Rounds<L: LaneField> {
    pub(super) blocks: Vec<Block<L>>,
    steps: Vec<Step<L>>,
    special: Vec<Special>,
    /// Whether an infinity may be among the blocks.
    pub(super) careful: bool,
}

impl<L: LaneField> Drop for Rounds<L> {
    fn drop(&mut self) {
        self.blocks.clear();
        self.steps.clear();
        super::msm_table::wipe(self.blocks.spare_capacity_mut());
        super::msm_table::wipe(self.steps.spare_capacity_mut());
        self.special.clear();
        super::msm_table::wipe(self.special.spare_capacity_mut());
    }
}

impl<L: LaneField> Rounds<L> {
    /// Blocks of infinities, and room for what rounds remember, so that nothing grows (and leaves unwiped copies).
    pub(super) fn new(blocks: usize) -> Self {
        Rounds {
            blocks: infinities(blocks),
            // SAFETY: vectors are plain words, of which all zeros are a value.
            steps: vec![unsafe { core::mem::zeroed() }; blocks / 2 + 1 + CHAINS],
            special: Vec::with_capacity(blocks / 2 + 1),
            careful: false,
        }
    }

    /// Adds all pairs, whose indices are in bounds and distinct; calls `ahead` beside each, for 0 to 7, one between
    /// products at a time.
    ///
    /// # Safety
    /// The caller has the features.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, pairs: &[Pair], ahead: impl Fn(usize, usize)) {
        // SAFETY: the caller's features.
        unsafe {
            if !self.careful {
                let products = self.differences(pairs, &ahead);
                if let Some(inverses) = invert::<L>(&products) {
                    return self.slopes(pairs, inverses, ahead);
                }
            }
            L::Lanes::run(Careful { rounds: self, pairs });
        }
    }

    /// Empty products.
    #[inline(always)]
    unsafe fn begin_chains(&mut self) {
        for step in &mut self.steps[..CHAINS] {
            // SAFETY: the caller's features.
            step.before = unsafe { L::one() };
        }
    }

    /// The products of the chains: pair i is in chain i mod [`CHAINS`].
    #[inline(always)]
    unsafe fn chains(&self, pairs: usize) -> [L::Vector; CHAINS] {
        // SAFETY: the caller's features.
        let mut products = unsafe { [L::one(); CHAINS] };
        for i in pairs..pairs + CHAINS {
            products[i % CHAINS] = self.steps[i].before;
        }
        products
    }

    #[inline(always)]
    unsafe fn differences(&mut self, pairs: &[Pair], ahead: impl Fn(usize, usize)) -> [L::Vector; CHAINS] {
        // SAFETY: the caller's features.
        unsafe {
            self.begin_chains();
            for (i, [a, b]) in pairs.iter().enumerate() {
                let (p, q) = (&self.blocks[*a as usize], &self.blocks[*b as usize]);
                ahead(i, 0);
                self.steps[i].denominator = L::factor(&q.x, &p.x);
                self.steps[i + CHAINS].before = L::mul(&self.steps[i].before, &self.steps[i].denominator);
                ahead(i, 1);
            }
            self.chains(pairs.len())
        }
    }

    #[inline(always)]
    unsafe fn slopes(
        &mut self,
        pairs: &[Pair],
        mut inverses: [L::Vector; CHAINS],
        ahead: impl Fn(usize, usize),
    ) {
        let Some(([first, _], _)) = pairs.split_last() else { return };
        // SAFETY: the caller's features.
        unsafe {
            // Between a product and the one that waits for it stands another one: the ordinate of a sum is computed
            // with the next pair. The first time round it is computed from zeros and overwritten.
            let (mut slope, mut last) = (L::one(), *first as usize);
            let mut turn = L::one();
            let mut y = self.blocks[last].y;
            for (i, ([a, b], step)) in pairs.iter().zip(&self.steps).enumerate().rev() {
                ahead(i, 2);
                let inverse = L::mul(&inverses[i % CHAINS], &step.before);
                ahead(i, 3);
                let ordinate = L::sub(&L::mul(&slope, &turn), &y);
                ahead(i, 4);
                let (p, q) = (&self.blocks[*a as usize], &self.blocks[*b as usize]);
                slope = L::mul(&L::factor(&q.y, &p.y), &inverse);
                ahead(i, 5);
                inverses[i % CHAINS] = L::mul(&inverses[i % CHAINS], &step.denominator);
                ahead(i, 6);
                let x = L::sub2(&L::square(&slope), &p.x, &q.x);
                ahead(i, 7);
                turn = L::factor(&p.x, &x);
                y = p.y;
                self.blocks[*a as usize].x = x;
                if last != *a as usize {
                    self.blocks[last].y = ordinate;
                }
                last = *a as usize;
            }
            self.blocks[last].y = L::sub(&L::mul(&slope, &turn), &y);
        }
    }

    /// As [`differences`](Self::differences), with every case told apart.
    #[inline(always)]
    unsafe fn cases(&mut self, pairs: &[Pair]) -> [L::Vector; CHAINS] {
        // SAFETY: the caller's features.
        unsafe {
            self.begin_chains();
            self.special.clear();
            for (i, [a, b]) in pairs.iter().enumerate() {
                let (p, q) = (&self.blocks[*a as usize], &self.blocks[*b as usize]);
                let difference = L::factor(&q.x, &p.x);
                let special = special::<L>(p, q, &difference);
                let y = L::lift(&p.y);
                let denominator = L::select(special.doubled, &difference, &L::sum(&y, &y));
                let known = special.first_infinite | special.second_infinite | special.cancelled;
                let denominator = L::select(known, &denominator, &L::one());
                self.steps[i + CHAINS].before = L::mul(&self.steps[i].before, &denominator);
                self.steps[i].denominator = denominator;
                self.special.push(special);
                self.careful |= special.cancelled != 0;
            }
            self.chains(pairs.len())
        }
    }

    #[inline(always)]
    unsafe fn cases_slopes(&mut self, pairs: &[Pair], mut inverses: [L::Vector; CHAINS]) {
        let steps = self.steps.iter().zip(&self.special);
        for (i, ([a, b], (step, special))) in pairs.iter().zip(steps).enumerate().rev() {
            // SAFETY: the caller's features.
            unsafe {
                let inverse = L::mul(&inverses[i % CHAINS], &step.before);
                inverses[i % CHAINS] = L::mul(&inverses[i % CHAINS], &step.denominator);
                let (p, q) = (self.blocks[*a as usize], self.blocks[*b as usize]);
                let xx = L::square(&L::lift(&p.x));
                let tangent = L::sum(&L::sum(&xx, &xx), &xx);
                let numerator = L::select(special.doubled, &L::factor(&q.y, &p.y), &tangent);
                let mut out = sum::<L>(&p, &q, &L::mul(&numerator, &inverse));
                for (mask, known) in [(special.first_infinite, &q), (special.second_infinite, &p)] {
                    out =
                        Block { x: L::select(mask, &out.x, &known.x), y: L::select(mask, &out.y, &known.y) };
                }
                let (x, y) = (L::clear(special.cancelled, &out.x), L::clear(special.cancelled, &out.y));
                self.blocks[*a as usize] = Block { x, y };
            }
        }
    }
}

/// A round with every case told apart.
struct Careful<'a, L: LaneField> {
    rounds: &'a mut Rounds<L>,
    pairs: &'a [Pair],
}

impl<L: LaneField> Task for Careful<'_, L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Careful { rounds, pairs } = self;
        // SAFETY: the caller's features.
        unsafe {
            let products = rounds.cases(pairs);
            // No denominator is zero now.
            if let Some(inverses) = invert::<L>(&products) {
                rounds.cases_slopes(pairs, inverses);
            }
        }
    }
}

fn infinities<L: LaneField>(blocks: usize) -> Vec<Block<L>> {
    // SAFETY: vectors are plain words, of which all zeros are a value.
    vec![unsafe { core::mem::zeroed() }; blocks]
}

/// P + Q with the slope of the line through them.
#[inline(always)]
unsafe fn sum<L: LaneField>(p: &Block<L>, q: &Block<L>, slope: &L::Vector) -> Block<L> {
    // SAFETY: the caller's features.
    unsafe {
        let x = L::sub2(&L::square(slope), &p.x, &q.x);
        let y = L::sub(&L::mul(slope, &L::factor(&p.x, &x)), &p.y);
        Block { x, y }
    }
}

#[inline(always)]
unsafe fn special<L: LaneField>(p: &Block<L>, q: &Block<L>, difference: &L::Vector) -> Special {
    // SAFETY: the caller's features.
    unsafe {
        let first_infinite = L::all_zero(&p.x) & L::all_zero(&p.y);
        let second_infinite = L::all_zero(&q.x) & L::all_zero(&q.y) & !first_infinite;
        let same_x = L::is_zero(difference) & !first_infinite & !second_infinite;
        let same_y = L::is_zero(&L::factor(&q.y, &p.y)) & !L::is_zero(&L::lift(&p.y));
        Special { first_infinite, second_infinite, doubled: same_x & same_y, cancelled: same_x & !same_y }
    }
}

/// The inverse of every lane of every product; `None` if one is zero. One inversion: lanes are multiplied across by
/// exchanging them, and a lane's inverse is that of the product of all times the product of the others.
#[inline(always)]
unsafe fn invert<L: LaneField>(products: &[L::Vector; CHAINS]) -> Option<[L::Vector; CHAINS]> {
    // SAFETY: the caller's features.
    unsafe {
        let mut all = products[0];
        let mut before = [L::one(); CHAINS];
        for i in 1..CHAINS {
            before[i] = all;
            all = L::mul(&all, &products[i]);
        }
        let mut others = L::one();
        for step in 0..3 {
            let exchanged = L::exchange(&all, step);
            others = L::mul(&others, &exchanged);
            all = L::mul(&all, &exchanged);
        }
        let inverse = L::invert_first(&all);
        if L::is_zero(&inverse) != 0 {
            return None;
        }
        let mut inverse = L::mul(&inverse, &others);
        let mut inverses = [inverse; CHAINS];
        for i in (1..CHAINS).rev() {
            inverses[i] = L::mul(&inverse, &before[i]);
            inverse = L::mul(&inverse, &products[i]);
        }
        inverses[0] = inverse;
        Some(inverses)
    }
}
