//! The virtual clock: carries out the policy's actions and moves from one event to the next.

mod memory;

use super::{
    Point, Reclaim, Report, Settings, SimError, Stage, Workload,
    contention::{Contention, Load, Pressure},
    kind::{Kind, arrivals, load, stage},
    machine::Machine,
    meters::{Meters, Simulated},
    workload::gib,
};
use crate::policy::{Action, CircuitId, Event, JobId, JobSpec, Policy, PolicyConfig, Run, Time, WorkerId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Something that runs.
struct Task {
    run: Run,
    kind: Kind,
    /// Seconds left at full speed.
    left: f64,
    alone: f64,
    started: f64,
}

/// What a worker has.
struct Proof {
    worker: WorkerId,
    taken: f64,
    asked_for_lock: f64,
    locked: f64,
    /// Of preparation and quotient, which the rest of the device's work waits for, so many are done.
    ready: u8,
}

/// When a job's synthesis began and how many of its partitions still need it.
struct JobTimes {
    submitted: f64,
    first_synthesis: Option<f64>,
    synthesis_left: u32,
}

pub(super) struct Engine<'a> {
    machine: &'a Machine,
    workload: &'a Workload,
    settings: &'a Settings,
    point: Point,
    policy: Policy,
    model: Contention,
    tail: Stage,
    rng: ChaCha8Rng,
    now: f64,
    tasks: Vec<Task>,
    loads: Vec<Load>,
    speeds: Vec<f64>,
    pressure: Pressure,
    stale: bool,
    synthesis_started: BTreeMap<Run, f64>,
    proofs: BTreeMap<Run, Proof>,
    lock_holder: Vec<Option<Run>>,
    lock_queue: Vec<VecDeque<Run>>,
    /// Regions that wait for the thread that unmaps their kind.
    unmap_queue: Vec<VecDeque<Run>>,
    jobs: BTreeMap<JobId, JobTimes>,
    arrivals: VecDeque<(f64, JobId)>,
    resident: f64,
    meters: Meters,
    actions: Vec<Action>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        machine: &'a Machine,
        workload: &'a Workload,
        settings: &'a Settings,
        point: Point,
    ) -> Result<Engine<'a>, SimError> {
        let devices = machine.device.count;
        let config = PolicyConfig {
            devices,
            workers_per_device: settings.gw,
            synthesis_slots: settings.pw,
            jobs_in_flight: point.in_flight,
            look_ahead: u32::MAX,
            host_bytes: gib(machine.memory.gib - machine.memory.resident_gib),
            device_bytes: gib(machine.device.memory_gib),
            pacing: settings.pacing,
            queue_limit: usize::MAX,
            ..PolicyConfig::default()
        };
        let mut rng = ChaCha8Rng::seed_from_u64(workload.seed);
        let arrivals = arrivals(workload, point.jobs, &mut rng);
        Ok(Engine {
            policy: Policy::new(config)?,
            model: Contention::new(machine, settings),
            tail: workload.tail.with_threads(settings.msm_threads),
            rng,
            now: 0.0,
            tasks: Vec::new(),
            loads: Vec::new(),
            speeds: Vec::new(),
            pressure: Pressure::default(),
            stale: true,
            synthesis_started: BTreeMap::new(),
            proofs: BTreeMap::new(),
            lock_holder: vec![None; devices as usize],
            lock_queue: vec![VecDeque::new(); devices as usize],
            unmap_queue: vec![VecDeque::new(); workload.unmap.regions_gib.len()],
            jobs: BTreeMap::new(),
            arrivals,
            resident: machine.memory.resident_gib,
            meters: Meters { peak: machine.memory.resident_gib, ..Meters::default() },
            actions: Vec::new(),
            machine,
            workload,
            settings,
            point,
        })
    }

    pub(super) fn run(mut self) -> Result<Report, SimError> {
        self.calibrate()?;
        loop {
            while self.arrivals.front().is_some_and(|(t, _)| *t <= self.now) {
                self.arrive()?;
            }
            if self.stale {
                self.refresh();
            }
            let finish = self.next_finish();
            let arrival = self.arrivals.front().map(|(t, _)| *t);
            let wakeup = self.policy.next_wakeup().map(|t| t.as_secs_f64().max(self.now));
            let times = finish.map(|(at, _)| at).into_iter().chain(arrival).chain(wakeup);
            let Some(next) = times.min_by(f64::total_cmp) else { break };
            self.advance(next);
            match finish {
                Some((at, index)) if at <= next => self.complete(index)?,
                _ if wakeup == Some(next) => self.tick()?,
                _ => {}
            }
        }
        let left = self.point.jobs as usize - self.meters.delivered as usize;
        if left > 0 { Err(SimError::Stuck(left)) } else { Ok(self.meters.report(&self.what())) }
    }

    fn what(&self) -> Simulated<'a> {
        let Engine { machine, workload, settings, point, .. } = *self;
        Simulated { machine, workload, settings, point }
    }

    /// Pacing starts from the durations alone, as a calibration run would find them.
    fn calibrate(&mut self) -> Result<(), SimError> {
        let s = &self.workload.stages;
        let (quotient, device) = (s.quotient.seconds, s.device.seconds);
        let occupied = s.prepare.seconds.max(quotient) + device + self.tail.seconds + s.finish.seconds;
        let interval = (occupied / f64::from(self.settings.gw)).max(quotient + device);
        self.send(Event::Calibrated {
            circuit: CircuitId(0),
            synthesis: Duration::from_secs_f64(s.witness.seconds + s.evaluate.seconds),
            interval: Duration::from_secs_f64(interval),
        })
    }

    fn arrive(&mut self) -> Result<(), SimError> {
        let Some((at, id)) = self.arrivals.pop_front() else { return Ok(()) };
        let partitions = self.workload.partitions;
        let times = JobTimes { submitted: at, first_synthesis: None, synthesis_left: partitions };
        self.jobs.insert(id, times);
        let submitted = Time::from_secs_f64(self.now);
        self.send(Event::Submitted(JobSpec {
            id,
            priority: 0,
            circuit: CircuitId(0),
            partitions,
            footprint: self.workload.footprint.bytes(),
            deadline: None,
            submitted,
        }))
    }

    /// The policy gets the very time it asked for: seconds in floating point may round to a nanosecond before it.
    fn tick(&mut self) -> Result<(), SimError> {
        let due = self.policy.next_wakeup().unwrap_or_default();
        let mut actions = std::mem::take(&mut self.actions);
        _ = self.policy.handle(due, Event::Tick, &mut actions);
        self.carry_out(actions)
    }

    /// The task that finishes first, and when.
    fn next_finish(&self) -> Option<(f64, usize)> {
        let at = |(i, task): (usize, &Task)| {
            let v = self.speeds[i];
            (v > 0.0).then(|| (self.now + task.left / v, i))
        };
        self.tasks.iter().enumerate().filter_map(at).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn refresh(&mut self) {
        self.loads.clear();
        self.loads.extend(self.tasks.iter().map(|t| load(self.workload, &self.tail, t.kind)));
        self.pressure = self.model.speeds(&self.loads, &mut self.speeds);
        self.stale = false;
    }

    fn advance(&mut self, to: f64) {
        let dt = (to - self.now).max(0.0);
        for (task, v) in self.tasks.iter_mut().zip(&self.speeds) {
            task.left -= dt * v;
        }
        let m = &mut self.meters;
        let unmapping = self.tasks.iter().filter(|t| matches!(t.kind, Kind::Unmap(_))).count();
        m.unmaps += unmapping as f64 * dt;
        m.most_unmaps = m.most_unmaps.max(unmapping);
        m.slots += self.synthesis_started.len() as f64 * dt;
        m.workers += self.proofs.len() as f64 * dt;
        m.any_worker += if self.proofs.is_empty() { 0.0 } else { dt };
        m.locks += self.lock_holder.iter().flatten().count() as f64 * dt;
        m.cores += self.pressure.cores * dt;
        m.bandwidth += self.pressure.bandwidth * dt;
        self.now = to;
    }

    fn complete(&mut self, index: usize) -> Result<(), SimError> {
        let task = self.tasks.swap_remove(index);
        self.stale = true;
        let (run, took) = (task.run, self.now - task.started);
        if let Some(tally) = self.meters.stages.get_mut(task.kind.index()) {
            tally.add(took, task.alone);
        }
        match task.kind {
            Kind::Witness => self.start(run, Kind::Evaluate),
            Kind::Evaluate => self.synthesised(run)?,
            Kind::Prepare | Kind::Quotient => self.half_ready(run),
            Kind::Device => self.device_done(run)?,
            Kind::Tail => self.start(run, Kind::Finish),
            Kind::Finish => self.finished(run)?,
            Kind::Unmap(region) => self.unmapped(region),
        }
        Ok(())
    }

    fn synthesised(&mut self, run: Run) -> Result<(), SimError> {
        let started = self.synthesis_started.remove(&run).unwrap_or(self.now);
        let took = self.now - started;
        let stages = &self.workload.stages;
        self.meters.synthesis.add(took, stages.witness.seconds + stages.evaluate.seconds);
        if let Some(job) = self.jobs.get_mut(&run.partition.job) {
            job.synthesis_left -= 1;
            if job.synthesis_left == 0 {
                self.meters.job_synthesis.add(self.now - job.first_synthesis.unwrap_or(self.now), 0.0);
            }
        }
        self.send(Event::Synthesised { run, took: Duration::from_secs_f64(took) })
    }

    fn ask_for_lock(&mut self, run: Run) {
        let Some(proof) = self.proofs.get_mut(&run) else { return };
        proof.asked_for_lock = self.now;
        let device = proof.worker.device.0 as usize;
        if self.lock_holder[device].is_some() {
            self.lock_queue[device].push_back(run);
        } else {
            self.lock(device, run);
        }
    }

    fn lock(&mut self, device: usize, run: Run) {
        let asked = self.proofs.get(&run).map_or(self.now, |p| p.asked_for_lock);
        self.meters.lock_wait.add(self.now - asked, 0.0);
        self.lock_holder[device] = Some(run);
        if let Some(proof) = self.proofs.get_mut(&run) {
            proof.locked = self.now;
        }
        self.start(run, Kind::Quotient);
    }

    /// Preparation and quotient run at the same time; what comes after needs both.
    fn half_ready(&mut self, run: Run) {
        let Some(proof) = self.proofs.get_mut(&run) else { return };
        proof.ready += 1;
        if proof.ready == 2 {
            self.start(run, Kind::Device);
        }
    }

    fn device_done(&mut self, run: Run) -> Result<(), SimError> {
        let (device, locked) =
            self.proofs.get(&run).map_or((0, self.now), |p| (p.worker.device.0 as usize, p.locked));
        let held = self.now - locked;
        self.meters.lock_held.add(held, 0.0);
        self.lock_holder[device] = None;
        if let Some(next) = self.lock_queue[device].pop_front() {
            self.lock(device, next);
        }
        self.start(run, Kind::Tail);
        if self.settings.reclaim == Reclaim::Arena {
            self.resident -= self.workload.footprint.evaluated_gib;
        }
        self.send(Event::DeviceReleased { run, held: Duration::from_secs_f64(held) })
    }

    fn finished(&mut self, run: Run) -> Result<(), SimError> {
        let f = self.workload.footprint;
        if let Some(proof) = self.proofs.remove(&run) {
            self.meters.occupancy.add(self.now - proof.taken, 0.0);
        }
        self.meters.last_finished = self.now;
        self.resident -= f.tail_gib;
        if self.settings.reclaim == Reclaim::Arena {
            self.resident -= f.witness_gib;
        } else {
            self.unmap(run);
        }
        self.send(Event::Finished { run })
    }

    fn start(&mut self, run: Run, kind: Kind) {
        let stage = stage(self.workload, &self.tail, kind);
        let alone = match kind {
            Kind::Unmap(region) => self.workload.unmap.regions_gib[region] / self.machine.tlb.unmap_gib_s,
            _ if stage.spread > 0.0 => stage.seconds + self.rng.gen_range(-stage.spread..stage.spread),
            _ => stage.seconds,
        };
        self.tasks.push(Task { run, kind, left: alone, alone, started: self.now });
        self.stale = true;
    }

    /// Tells the policy and carries out what it asks for.
    fn send(&mut self, event: Event) -> Result<(), SimError> {
        let mut actions = std::mem::take(&mut self.actions);
        _ = self.policy.handle(Time::from_secs_f64(self.now), event, &mut actions);
        self.carry_out(actions)
    }

    fn carry_out(&mut self, mut actions: Vec<Action>) -> Result<(), SimError> {
        for action in actions.drain(..) {
            self.act(action)?;
        }
        self.actions = actions;
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), SimError> {
        let f = self.workload.footprint;
        match action {
            Action::Synthesise { run } => {
                self.synthesis_started.insert(run, self.now);
                if let Some(job) = self.jobs.get_mut(&run.partition.job) {
                    job.first_synthesis.get_or_insert(self.now);
                }
                self.reside(f.witness_gib + f.evaluated_gib);
                self.start(run, Kind::Witness);
            }
            Action::Prove { run, worker } => {
                let (taken, asked_for_lock, locked) = (self.now, self.now, self.now);
                self.proofs.insert(run, Proof { worker, taken, asked_for_lock, locked, ready: 0 });
                self.meters.first_taken.get_or_insert(self.now);
                self.reside(f.tail_gib);
                self.start(run, Kind::Prepare);
                self.ask_for_lock(run);
            }
            Action::Deliver { job } => {
                self.meters.delivered += 1;
                self.meters.last_delivered = self.now;
                if let Some(times) = self.jobs.remove(&job) {
                    self.meters.latency.add(self.now - times.submitted, 0.0);
                }
            }
            Action::Refuse { reason, .. } => return Err(SimError::Refused(reason)),
            // Nothing fails and nothing is cancelled here; the model follows memory by itself.
            Action::Abort { .. } | Action::Fail { .. } | Action::Release { .. } => {}
        }
        Ok(())
    }
}
