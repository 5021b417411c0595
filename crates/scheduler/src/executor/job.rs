//! A job inside the executor: its stages with their types hidden, its partitions' values, and the caller's handle.

use super::work::{StageContext, StageError, Work};
use crate::{
    device::DeviceId,
    policy::{Failure, Refusal, Severity},
    reclaim::Reclaimer,
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

/// How a stage ended, for the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Aborted,
    Failed(Severity),
    DeviceLost,
    Panicked,
}

/// Why a job gave no outputs.
#[derive(Debug)]
pub enum JobError<E> {
    /// It was not taken.
    Refused(Refusal),
    /// It was taken and failed. If a stage reported an error, the last one is here, with its partition.
    Failed {
        /// What the policy made of it.
        failure: Failure,
        /// What the stage reported.
        error: Option<(u32, E)>,
    },
    /// The executor was shut down before the job was done.
    ShutDown,
}

impl<E: fmt::Display> fmt::Display for JobError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Refused(refusal) => write!(f, "not taken: {refusal}"),
            JobError::Failed { failure, error: Some((partition, error)) } => {
                write!(f, "{failure}: partition {partition}: {error}")
            }
            JobError::Failed { failure, error: None } => write!(f, "{failure}"),
            JobError::ShutDown => f.write_str("the executor was shut down"),
        }
    }
}

impl<E: fmt::Display + fmt::Debug> std::error::Error for JobError<E> {}

/// The outcome of a job: its outputs in the order of its partitions, all of them or none.
pub type JobResult<W> = Result<Vec<<W as Work>::Output>, JobError<<W as Work>::Error>>;

/// The stages of a job, whatever its types are. Indices are partitions.
pub(super) trait Stages: Send + Sync {
    fn synthesise(&self, index: u32, cx: &StageContext<'_>) -> Verdict;
    fn prepare(&self, index: u32, cx: &StageContext<'_>) -> Verdict;
    fn device(&self, index: u32, device: DeviceId, cx: &StageContext<'_>) -> Verdict;
    fn on_host(&self, index: u32, cx: &StageContext<'_>) -> Verdict;
    fn tail(&self, index: u32, cx: &StageContext<'_>) -> Verdict;
    fn device_is_host(&self) -> bool;
    fn tail_bytes(&self) -> u64;
    /// Gives up what the partition holds.
    fn discard(&self, index: u32, reclaimer: &Reclaimer);
    /// Hands the outputs out.
    fn deliver(&self);
    fn fail(&self, failure: Failure, reclaimer: &Reclaimer);
    fn refuse(&self, refusal: Refusal);
}

pub(super) struct Job<W: Work> {
    work: Arc<W>,
    partitions: Vec<Mutex<Value<W>>>,
    error: Mutex<Option<(u32, W::Error)>>,
    result: mpsc::SyncSender<JobResult<W>>,
}

/// What a partition holds between two stages.
enum Value<W: Work> {
    Nothing,
    Ready(W::Ready),
    Tail(W::Tail),
    Output(W::Output),
}

impl<W: Work> Job<W> {
    pub(super) fn new(work: Arc<W>, partitions: u32) -> (Self, mpsc::Receiver<JobResult<W>>) {
        // One result is sent, so sending never blocks.
        let (result, receiver) = mpsc::sync_channel(1);
        let partitions = (0..partitions).map(|_| Mutex::new(Value::Nothing)).collect();
        (Job { work, partitions, error: Mutex::new(None), result }, receiver)
    }

    /// The partition's place. Values move in and out whole, so a panic cannot leave one half changed.
    fn value(&self, index: u32) -> MutexGuard<'_, Value<W>> {
        self.partitions[index as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, index: u32) -> Value<W> {
        std::mem::replace(&mut *self.value(index), Value::Nothing)
    }

    /// Runs a stage. A panic ends here.
    fn run(&self, index: u32, stage: impl FnOnce() -> Result<Value<W>, StageError<W::Error>>) -> Verdict {
        let error = match catch_unwind(AssertUnwindSafe(stage)) {
            Err(_) => return Verdict::Panicked,
            Ok(Ok(value)) => {
                *self.value(index) = value;
                return Verdict::Done;
            }
            Ok(Err(error)) => error,
        };
        let (error, verdict) = match error {
            StageError::Cancelled => return Verdict::Aborted,
            StageError::Retryable(error) => (error, Verdict::Failed(Severity::Retryable)),
            StageError::Fatal(error) => (error, Verdict::Failed(Severity::Fatal)),
            StageError::DeviceLost(error) => (error, Verdict::DeviceLost),
        };
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, error));
        verdict
    }

    fn send(&self, result: JobResult<W>) {
        // The caller may have dropped the handle; then nobody wants to know.
        let _ = self.result.try_send(result);
    }
}

impl<W: Work> Stages for Job<W> {
    fn synthesise(&self, index: u32, cx: &StageContext<'_>) -> Verdict {
        self.run(index, || self.work.synthesise(index, cx).map(Value::Ready))
    }

    fn prepare(&self, index: u32, cx: &StageContext<'_>) -> Verdict {
        let Value::Ready(mut ready) = self.take(index) else { return Verdict::Panicked };
        self.run(index, || self.work.prepare(&mut ready, cx).map(|()| Value::Ready(ready)))
    }

    fn device(&self, index: u32, device: DeviceId, cx: &StageContext<'_>) -> Verdict {
        let Value::Ready(ready) = self.take(index) else { return Verdict::Panicked };
        self.run(index, || self.work.device(ready, device, cx).map(Value::Tail))
    }

    fn on_host(&self, index: u32, cx: &StageContext<'_>) -> Verdict {
        let Value::Ready(ready) = self.take(index) else { return Verdict::Panicked };
        self.run(index, || self.work.on_host(ready, cx).map(Value::Tail))
    }

    fn tail(&self, index: u32, cx: &StageContext<'_>) -> Verdict {
        let Value::Tail(tail) = self.take(index) else { return Verdict::Panicked };
        self.run(index, || self.work.tail(tail, cx).map(Value::Output))
    }

    fn device_is_host(&self) -> bool {
        self.work.device_is_host()
    }

    fn tail_bytes(&self) -> u64 {
        self.work.tail_bytes()
    }

    fn discard(&self, index: u32, reclaimer: &Reclaimer) {
        match self.take(index) {
            Value::Nothing => (),
            value => reclaimer.defer(value),
        }
    }

    fn deliver(&self) {
        let outputs = (0..self.partitions.len() as u32).filter_map(|index| match self.take(index) {
            Value::Output(output) => Some(output),
            _ => None,
        });
        let outputs: Vec<W::Output> = outputs.collect();
        if outputs.len() == self.partitions.len() {
            self.send(Ok(outputs));
        } else {
            // The policy delivers a job once, after its last partition finished, so this is a defect; no proof is
            // better than some of the proofs.
            self.send(Err(JobError::ShutDown));
        }
    }

    fn fail(&self, failure: Failure, reclaimer: &Reclaimer) {
        (0..self.partitions.len() as u32).for_each(|index| self.discard(index, reclaimer));
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.send(Err(JobError::Failed { failure, error }));
    }

    fn refuse(&self, refusal: Refusal) {
        self.send(Err(JobError::Refused(refusal)));
    }
}

/// The caller's end of a job.
#[must_use = "a job whose handle is dropped goes on, and its outputs are lost"]
pub struct JobHandle<W: Work> {
    pub(super) id: crate::policy::JobId,
    pub(super) result: mpsc::Receiver<JobResult<W>>,
    pub(super) cancel: Box<dyn Fn() + Send>,
}

impl<W: Work> JobHandle<W> {
    /// The job's name.
    pub fn id(&self) -> crate::policy::JobId {
        self.id
    }

    /// Asks for the job to be given up. Its result will be an error, unless it was done already.
    pub fn cancel(&self) {
        (self.cancel)();
    }

    /// Waits for the outcome.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn wait(self) -> JobResult<W> {
        self.result.recv().unwrap_or(Err(JobError::ShutDown))
    }

    /// Waits for at most `time`; `None` if the job is still open.
    pub fn wait_for(&self, time: Duration) -> Option<JobResult<W>> {
        match self.result.recv_timeout(time) {
            Ok(result) => Some(result),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(Err(JobError::ShutDown)),
        }
    }
}
