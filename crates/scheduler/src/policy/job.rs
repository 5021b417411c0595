//! What is scheduled: jobs, partitions and their bytes; and where: devices and workers.

use super::Time;

/// A job's name, chosen by the caller, unique among the jobs that are alive. The policy forgets a job when it is over: who
/// wants a name to be used once remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A circuit's name. Durations are learnt per circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CircuitId(pub u64);

/// A partition: its job and its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The job.
    pub job: JobId,
    /// From 0.
    pub index: u32,
}

/// A device, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

/// A worker of a device, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    /// The device it feeds.
    pub device: DeviceId,
    /// Its place among the device's workers.
    pub slot: u32,
}

/// The bytes one partition needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Host: the witness, from the start of synthesis to the end.
    pub witness: u64,
    /// Host: a, b, c, from the start of synthesis until the device is released.
    pub evaluated: u64,
    /// Device: while the device lock is held.
    pub device: u64,
    /// Host: scratch of preparation and tail, from when a worker takes the partition to the end.
    pub tail: u64,
}

impl Footprint {
    /// Host bytes that synthesis commits.
    pub fn synthesis(&self) -> u64 {
        self.witness.saturating_add(self.evaluated)
    }

    /// The most host bytes at any time.
    pub fn host_peak(&self) -> u64 {
        self.synthesis().saturating_add(self.tail)
    }
}

/// What is known of a job when it is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// Its name.
    pub id: JobId,
    /// Larger is more urgent.
    pub priority: u8,
    /// The circuit that all its partitions share.
    pub circuit: CircuitId,
    /// How many partitions, at least 1.
    pub partitions: u32,
    /// Of each partition.
    pub footprint: Footprint,
    /// When it is worthless: it fails, and what runs of it is aborted.
    pub deadline: Option<Time>,
    /// When it was submitted; the rank counts from here. Later than now is read as now.
    pub submitted: Time,
}
