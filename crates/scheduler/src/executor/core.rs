//! The one place where events meet the policy: a lock around the policy, the open jobs and the queues of the threads.
//!
//! *Protocol.* A thread reports what happened with [`Core::post`]. Under the lock the policy turns the event into
//! actions, and the actions are carried out: starting a stage is sending its run to a thread's queue (never blocks),
//! stopping one is setting its token. What might take long or call the job's own code (handing out results, dropping
//! buffers) is collected and done after the lock is free. So the lock is held for microseconds, and no code of a job
//! runs under it.
//!
//! *Memory.* The policy decides by counting; the [`Budget`] holds the same bytes as reservations, one per partition,
//! taken and given back exactly where the policy says. That the budget never refuses one is the cross-check of the two
//! ([`Core::overcommits`] counts refusals; it stays zero).

use super::job::Stages;
use crate::{
    budget::{Amounts, Budget, Reservation},
    cancel::CancelToken,
    policy::{
        Action, CircuitId, DeviceId, Event, Failure, Footprint, JobId, JobSpec, Outcome, PartitionId, Policy,
        Refusal, Run, Snapshot, Time, WorkerId,
    },
    reclaim::Reclaimer,
    timeline::Timeline,
};
use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

/// A stage that a thread is to run.
pub(super) struct Task {
    pub(super) run: Run,
    pub(super) circuit: CircuitId,
    pub(super) stages: Arc<dyn Stages>,
    pub(super) cancel: CancelToken,
    /// When the partition could have begun, had there been a place for it.
    pub(super) since: Duration,
}

pub(super) struct Core {
    state: Mutex<State>,
    /// Told when the next wake-up may have moved.
    changed: Condvar,
    pub(super) timeline: Arc<Timeline>,
    pub(super) reclaimer: Arc<Reclaimer>,
    budget: Budget,
}

struct State {
    policy: Policy,
    actions: Vec<Action>,
    jobs: HashMap<JobId, Open>,
    running: HashMap<u64, CancelToken>,
    reservations: HashMap<PartitionId, Reservation>,
    queues: Queues,
    faults: HashMap<DeviceId, u32>,
    overcommits: u64,
    closed: bool,
}

/// Where the threads wait for work. Dropping the senders ends the threads.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) synthesis: Option<mpsc::Sender<Task>>,
    pub(super) workers: HashMap<WorkerId, mpsc::Sender<Task>>,
}

/// A job that is not over.
struct Open {
    stages: Arc<dyn Stages>,
    circuit: CircuitId,
    footprint: Footprint,
    submitted: Duration,
    ready: HashMap<u32, Duration>,
}

/// What is done once the lock is free.
enum Later {
    Deliver(Arc<dyn Stages>),
    Fail(Arc<dyn Stages>, Failure),
    Refuse(Arc<dyn Stages>, Refusal),
}

impl Core {
    pub(super) fn new(
        policy: Policy,
        budget: Budget,
        queues: Queues,
        timeline: Arc<Timeline>,
        reclaimer: Arc<Reclaimer>,
    ) -> Self {
        let state = State {
            policy,
            actions: Vec::new(),
            jobs: HashMap::new(),
            running: HashMap::new(),
            reservations: HashMap::new(),
            queues,
            faults: HashMap::new(),
            overcommits: 0,
            closed: false,
        };
        Core { state: Mutex::new(state), changed: Condvar::new(), timeline, reclaimer, budget }
    }

    /// The time for the policy.
    fn now(&self) -> Time {
        Time(u64::try_from(self.timeline.now().as_nanos()).unwrap_or(u64::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The policy does not panic by its contract; if it did, stopping everything would lose more than going on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job in. Its outcome, a refusal included, goes to its handle.
    pub(super) fn submit(&self, spec: JobSpec, stages: Arc<dyn Stages>) -> Outcome {
        let mut state = self.state();
        if state.closed {
            drop(state);
            stages.refuse(Refusal::Draining);
            return Outcome::Applied;
        }
        let submitted = self.timeline.now();
        let (circuit, footprint) = (spec.circuit, spec.footprint);
        let open = Open { stages, circuit, footprint, submitted, ready: HashMap::new() };
        if state.jobs.contains_key(&spec.id) {
            return Outcome::Ignored(crate::policy::Ignored::DuplicateJob);
        }
        state.jobs.insert(spec.id, open);
        self.handle(state, Event::Submitted(spec))
    }

    /// Tells the policy what happened, and does what it asks for.
    pub(super) fn post(&self, event: Event) -> Outcome {
        self.handle(self.state(), event)
    }

    fn handle(&self, mut state: MutexGuard<'_, State>, event: Event) -> Outcome {
        let now = self.now();
        if let Event::Synthesised { run, .. } = event
            && let Some(job) = state.jobs.get_mut(&run.partition.job)
        {
            job.ready.insert(run.partition.index, Duration::from_nanos(now.0));
        }
        if let Event::BudgetChanged { host, device } = event {
            self.budget.set_total(Amounts { host, device, ..self.budget.usage().total });
        }
        let mut actions = std::mem::take(&mut state.actions);
        let outcome = state.policy.handle(now, event, &mut actions);
        let mut later = Vec::new();
        for action in actions.drain(..) {
            later.extend(state.perform(action, &self.budget));
        }
        state.actions = actions;
        drop(state);
        self.changed.notify_all();
        later.into_iter().for_each(|deed| self.perform_later(deed));
        outcome
    }

    fn perform_later(&self, deed: Later) {
        match deed {
            Later::Deliver(stages) => stages.deliver(),
            Later::Fail(stages, failure) => stages.fail(failure, &self.reclaimer),
            Later::Refuse(stages, refusal) => stages.refuse(refusal),
        }
    }

    /// Says that a run is over, so that its token is forgotten. Its event comes next.
    pub(super) fn ended(&self, run: Run) {
        self.state().running.remove(&run.ticket);
    }

    /// Counts a device's failures in a row; says when there were `limit`.
    pub(super) fn device_failed(&self, device: DeviceId, limit: u32) -> bool {
        let mut state = self.state();
        let faults = state.faults.entry(device).or_default();
        *faults += 1;
        *faults >= limit
    }

    pub(super) fn device_worked(&self, device: DeviceId) {
        self.state().faults.remove(&device);
    }

    /// Ends the threads: no more tasks reach them. What is open fails.
    pub(super) fn close(&self) {
        let (open, queues) = {
            let mut state = self.state();
            state.closed = true;
            state.running.values().for_each(CancelToken::cancel);
            (state.jobs.keys().copied().collect::<Vec<_>>(), std::mem::take(&mut state.queues))
        };
        drop(queues);
        for job in open {
            let _ = self.post(Event::Cancelled(job));
        }
        self.changed.notify_all();
    }

    /// Sends [`Event::Tick`] whenever the policy wants to be woken; returns once the executor is closed.
    pub(super) fn keep_time(&self) {
        let mut state = self.state();
        while !state.closed {
            let now = self.now();
            match state.policy.next_wakeup() {
                Some(at) if at <= now => {
                    let _ = self.handle(state, Event::Tick);
                    state = self.state();
                }
                Some(at) => {
                    let waited = self.changed.wait_timeout(state, at - now);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Counts of the policy.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.state().policy.snapshot()
    }

    /// Reservations that the budget refused although the policy had counted on them.
    pub(super) fn overcommits(&self) -> u64 {
        self.state().overcommits
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl State {
    /// Carries out one action; returns what has to wait until the lock is free.
    fn perform(&mut self, action: Action, budget: &Budget) -> Option<Later> {
        match action {
            Action::Synthesise { run } => self.start(run, None, budget),
            Action::Prove { run, worker } => self.start(run, Some(worker), budget),
            Action::Abort { run } => {
                if let Some(token) = self.running.get(&run.ticket) {
                    token.cancel();
                }
            }
            Action::Release { partition, bytes } => self.release(partition, bytes),
            Action::Deliver { job } => return self.jobs.remove(&job).map(|open| Later::Deliver(open.stages)),
            Action::Fail { job, reason } => {
                return self.jobs.remove(&job).map(|open| Later::Fail(open.stages, reason));
            }
            Action::Refuse { job, reason } => {
                return self.jobs.remove(&job).map(|open| Later::Refuse(open.stages, reason));
            }
        }
        None
    }

    fn start(&mut self, run: Run, worker: Option<WorkerId>, budget: &Budget) {
        let Some(open) = self.jobs.get_mut(&run.partition.job) else { return };
        let since = open.ready.remove(&run.partition.index).unwrap_or(open.submitted);
        let bytes = if worker.is_none() { open.footprint.synthesis() } else { open.footprint.tail };
        let (circuit, stages) = (open.circuit, Arc::clone(&open.stages));
        let task = Task { run, circuit, stages, cancel: CancelToken::new(), since };
        self.reserve(run.partition, bytes, budget);
        self.running.insert(run.ticket, task.cancel.clone());
        let queue = match worker {
            None => self.queues.synthesis.as_ref(),
            Some(worker) => self.queues.workers.get(&worker),
        };
        // A queue is gone only while the executor closes; the job is failed then.
        if let Some(queue) = queue {
            let _ = queue.send(task);
        }
    }

    fn reserve(&mut self, partition: PartitionId, bytes: u64, budget: &Budget) {
        let granted = match self.reservations.get_mut(&partition) {
            Some(held) => held.try_grow(Amounts::host(bytes)).is_ok(),
            None => budget
                .try_reserve(Amounts::host(bytes))
                .map(|held| self.reservations.insert(partition, held))
                .is_ok(),
        };
        self.overcommits += u64::from(!granted);
    }

    fn release(&mut self, partition: PartitionId, bytes: u64) {
        let Some(held) = self.reservations.get_mut(&partition) else { return };
        let left = held.amounts().host.saturating_sub(bytes);
        if left == 0 || held.shrink_to(Amounts::host(left)).is_err() {
            self.reservations.remove(&partition);
        }
    }
}
