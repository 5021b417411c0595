//! What an executor runs: the stages of a job, as the owner of the job implements them.

use crate::{
    cancel::CancelToken,
    device::DeviceId,
    gate::BandwidthGate,
    pools::Pools,
    reclaim::Reclaimer,
    timeline::{Lane, Recording, Timeline},
};
use std::fmt;

/// The stages of one job. Every method is called once per attempt of a partition, never twice at the same time for
/// the same partition, and from whichever thread the executor likes.
///
/// A stage that fails, panics or is cancelled is given up: what it was handed is dropped, and the executor either tries the
/// partition again from the beginning or fails the job.
pub trait Work: Send + Sync + 'static {
    /// A partition that waits for a device: witness and evaluations.
    type Ready: Send + 'static;
    /// A partition that has left the device and waits for what the host still has to do.
    type Tail: Send + 'static;
    /// A finished partition: a verified proof.
    type Output: Send + 'static;
    /// Why a stage failed.
    type Error: Send + 'static + fmt::Display;

    /// Makes the witness and evaluates the circuit. Runs on the host, beside the device; it should pass
    /// [`StageContext::gate`]'s checkpoint every few chunks.
    ///
    /// # Errors
    /// Any; see [`StageError`].
    fn synthesise(
        &self,
        partition: u32,
        cx: &StageContext<'_>,
    ) -> Result<Self::Ready, StageError<Self::Error>>;

    /// What the host has to do before the device is taken.
    ///
    /// # Errors
    /// Any; see [`StageError`].
    fn prepare(&self, ready: &mut Self::Ready, cx: &StageContext<'_>) -> Result<(), StageError<Self::Error>> {
        let _ = (ready, cx);
        Ok(())
    }

    /// The device's part. The device's lock is held, and for nothing else.
    ///
    /// # Errors
    /// Any; see [`StageError`].
    fn device(
        &self,
        ready: Self::Ready,
        device: DeviceId,
        cx: &StageContext<'_>,
    ) -> Result<Self::Tail, StageError<Self::Error>>;

    /// The device's part by the host's kernels: for a partition that failed on devices, or where none is left. No lock is
    /// held. Unless implemented, it is [`device`](Self::device) with [`DeviceId::HOST`].
    ///
    /// # Errors
    /// Any; see [`StageError`].
    fn on_host(
        &self,
        ready: Self::Ready,
        cx: &StageContext<'_>,
    ) -> Result<Self::Tail, StageError<Self::Error>> {
        self.device(ready, DeviceId::HOST, cx)
    }

    /// What the host does after the device was released, which is critical for the whole: bandwidth is kept free for it.
    ///
    /// # Errors
    /// Any; see [`StageError`].
    fn tail(&self, tail: Self::Tail, cx: &StageContext<'_>) -> Result<Self::Output, StageError<Self::Error>>;

    /// Whether the device is the host, whose kernels then share it with the tails of other partitions.
    fn device_is_host(&self) -> bool {
        false
    }

    /// Bytes that the tail moves, so that tails of different lengths can be compared; 0 leaves it unmeasured, and mode
    /// adaptive of the gate then does not act. Compared within one circuit ([`Request::circuit`](super::Request::circuit)),
    /// so that an estimate which is off by a constant factor does no harm.
    fn tail_bytes(&self) -> u64 {
        0
    }
}

/// How a stage ended, if not well.
#[derive(Debug)]
pub enum StageError<E> {
    /// It saw that it was cancelled and stopped.
    Cancelled,
    /// It may work next time.
    Retryable(E),
    /// The device is not to be used any more; the partition may work on another.
    DeviceLost(E),
    /// It will fail again.
    Fatal(E),
}

impl<E> From<E> for StageError<E> {
    fn from(error: E) -> Self {
        StageError::Fatal(error)
    }
}

/// What a stage may use.
#[derive(Clone, Copy)]
pub struct StageContext<'a> {
    /// The job's number.
    pub job: u64,
    /// The partition.
    pub partition: u32,
    /// Where the stage runs.
    pub lane: Lane,
    /// Set when the stage should stop.
    pub cancel: &'a CancelToken,
    /// For stages within the stage.
    pub timeline: &'a Timeline,
    /// For evaluators' checkpoints.
    pub gate: &'a BandwidthGate,
    /// The threads.
    pub pools: &'a Pools,
    /// For buffers whose release should cost the stage nothing.
    pub reclaimer: &'a Reclaimer,
}

impl<'a> StageContext<'a> {
    /// Begins a stage within this one on the timeline.
    pub fn record(&self, stage: &'static str) -> Recording<'a> {
        self.timeline.begin(self.job, self.partition, stage, self.lane)
    }

    /// Fails with [`StageError::Cancelled`] once the stage should stop.
    ///
    /// # Errors
    /// As said.
    pub fn check<E>(&self) -> Result<(), StageError<E>> {
        if self.cancel.is_cancelled() { Err(StageError::Cancelled) } else { Ok(()) }
    }
}
