//! What the executor's threads do: synthesise, prove, keep time.

use super::{
    core::{Core, Task},
    job::Verdict,
    work::StageContext,
};
use crate::{
    cancel::Wait,
    device::DeviceLock,
    gate::{StageKey, Stages},
    policy::{Event, PartitionId, Run, Severity, WorkerId},
    pools::Pools,
    timeline::{Lane, Recording, WaitReason},
};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// The critical stage.
const TAIL: &str = "tail";

/// What all threads share.
pub(super) struct Shared {
    pub(super) core: Core,
    pub(super) stages: Stages,
    pub(super) pools: Pools,
    pub(super) locks: Vec<DeviceLock>,
    /// A device that fails this often in a row is used no more.
    pub(super) quarantine_after: u32,
}

/// One end of a queue, shared by threads that do the same.
pub(super) type Source = Arc<Mutex<mpsc::Receiver<Task>>>;

/// The next task; `None` once the executor closes.
fn next(source: &Source) -> Option<Task> {
    source.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// A thread with a slot for witnesses and evaluations.
pub(super) fn synthesise(shared: &Shared, slot: u32, source: &Source) {
    while let Some(task) = next(source) {
        let cx = shared.context(&task, Lane::Synthesis(slot));
        let mut recording = cx.record("synthesise");
        recording.waited(WaitReason::Worker, cx.timeline.now().saturating_sub(task.since));
        let verdict = task.stages.synthesise(task.run.partition.index, &cx);
        let took = recording.elapsed();
        shared.close_recording(recording, verdict);
        shared.finish(&task, verdict, Event::Synthesised { run: task.run, took });
    }
}

/// A device's worker: preparation, the device under its lock, the tail.
pub(super) fn prove(shared: &Shared, worker: WorkerId, lane: u32, source: &Source) {
    while let Some(task) = next(source) {
        let verdict = shared.prepare(&task, lane).unwrap_or_else(|| shared.on_device(&task, worker, lane));
        let verdict =
            if verdict == Verdict::Done { shared.judged_tail(&task, worker, lane) } else { verdict };
        shared.finish(&task, verdict, Event::Finished { run: task.run });
    }
}

impl Shared {
    fn context<'a>(&'a self, task: &'a Task, lane: Lane) -> StageContext<'a> {
        let PartitionId { job, index } = task.run.partition;
        StageContext {
            job: job.0,
            partition: index,
            lane,
            cancel: &task.cancel,
            timeline: &self.core.timeline,
            gate: self.stages.gate(),
            pools: &self.pools,
            reclaimer: &self.core.reclaimer,
        }
    }

    fn close_recording(&self, mut recording: Recording<'_>, verdict: Verdict) {
        if verdict != Verdict::Done {
            recording.failed();
        }
    }

    /// `None` if all is well.
    fn prepare(&self, task: &Task, lane: u32) -> Option<Verdict> {
        let cx = self.context(task, Lane::Worker(lane));
        let mut recording = cx.record("prepare");
        recording.waited(WaitReason::Worker, cx.timeline.now().saturating_sub(task.since));
        let verdict = task.stages.prepare(task.run.partition.index, &cx);
        self.close_recording(recording, verdict);
        (verdict != Verdict::Done).then_some(verdict)
    }

    fn on_device(&self, task: &Task, worker: WorkerId, lane: u32) -> Verdict {
        let Some(lock) = self.locks.get(worker.device.0 as usize) else { return self.on_host(task, lane) };
        let asked = self.core.timeline.now();
        // First come, first served: the policy hands partitions to workers in the order in which they should run.
        let Ok(guard) = lock.acquire(0, Wait::cancelled_by(&task.cancel)) else { return Verdict::Aborted };
        let cx = self.context(task, Lane::Device(worker.device.0));
        let mut recording = cx.record("device");
        recording.waited(WaitReason::DeviceLock, cx.timeline.now().saturating_sub(asked));
        let kernels = task.stages.device_is_host().then(|| self.stages.host_kernels());
        let verdict = task.stages.device(task.run.partition.index, guard.device(), &cx);
        drop(kernels);
        let held = recording.elapsed();
        self.close_recording(recording, verdict);
        drop(guard);
        if verdict != Verdict::Done {
            self.judge_device(worker, verdict);
        }
        if verdict == Verdict::Done {
            let _ = self.core.post(Event::DeviceReleased { run: task.run, held });
        }
        verdict
    }

    /// The device's part by the host's kernels, which no lock guards: one worker has them.
    fn on_host(&self, task: &Task, lane: u32) -> Verdict {
        let cx = self.context(task, Lane::Worker(lane));
        let recording = cx.record("host");
        let kernels = self.stages.host_kernels();
        let verdict = task.stages.on_host(task.run.partition.index, &cx);
        drop(kernels);
        let held = recording.elapsed();
        self.close_recording(recording, verdict);
        if verdict == Verdict::Done {
            let _ = self.core.post(Event::DeviceReleased { run: task.run, held });
        }
        verdict
    }

    /// The tail verifies the proof, so it is what says whether the device computed rightly.
    fn judged_tail(&self, task: &Task, worker: WorkerId, lane: u32) -> Verdict {
        let verdict = self.tail(task, lane);
        if (worker.device.0 as usize) < self.locks.len() {
            self.judge_device(worker, verdict);
        }
        verdict
    }

    /// A device that keeps failing or computing wrongly, or says that it is gone, is taken out of use.
    fn judge_device(&self, worker: WorkerId, verdict: Verdict) {
        let device = worker.device;
        let lost = match verdict {
            Verdict::Done => {
                self.core.device_worked(device);
                false
            }
            Verdict::DeviceLost => true,
            Verdict::Failed(Severity::Retryable) => self.core.device_failed(device, self.quarantine_after),
            _ => false,
        };
        if lost {
            let _ = self.core.post(Event::DeviceLost(device));
        }
    }

    fn tail(&self, task: &Task, lane: u32) -> Verdict {
        let cx = self.context(task, Lane::Worker(lane));
        let mut recording = cx.record(TAIL);
        let bytes = task.stages.tail_bytes();
        recording.add_bytes(bytes);
        // What is not measured holds the gate too, and nothing is learnt from it.
        let _hold = (bytes == 0).then(|| self.stages.gate().hold());
        let stage = StageKey { circuit: task.circuit.0, stage: TAIL };
        let measured = (bytes > 0).then(|| self.stages.begin(stage));
        let verdict = task.stages.tail(task.run.partition.index, &cx);
        if let (Some(measured), Verdict::Done) = (measured, verdict) {
            let _ = measured.finish(bytes);
        }
        self.close_recording(recording, verdict);
        verdict
    }

    /// Reports the end of a run; gives up what the partition holds unless it goes on.
    fn finish(&self, task: &Task, verdict: Verdict, done: Event) {
        let run = task.run;
        if verdict != Verdict::Done {
            task.stages.discard(run.partition.index, &self.core.reclaimer);
        }
        self.core.ended(run);
        let outcome = self.core.post(event_of(run, verdict, done));
        if outcome != crate::policy::Outcome::Applied {
            task.stages.discard(run.partition.index, &self.core.reclaimer);
        }
    }
}

fn event_of(run: Run, verdict: Verdict, done: Event) -> Event {
    match verdict {
        Verdict::Done => done,
        Verdict::Aborted => Event::Aborted { run },
        Verdict::Panicked => Event::Panicked { run },
        Verdict::Failed(severity) => Event::Failed { run, severity },
        Verdict::DeviceLost => Event::Failed { run, severity: Severity::Retryable },
    }
}
