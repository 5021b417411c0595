//! What the system counts: memory, page faults, TLB shoot-downs, from /proc. Needs no privileges.
//!
//! Whatever cannot be read is `None`: an unknown count is not zero.

use std::{fs, time::Duration};

/// A snapshot. Subtract two to see what happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Resident bytes.
    pub rss: Option<u64>,
    /// The most bytes that were ever resident.
    pub peak_rss: Option<u64>,
    /// Bytes of address space.
    pub mapped: Option<u64>,
    /// Bytes of anonymous memory in huge pages.
    pub huge: Option<u64>,
    /// Page faults without input or output.
    pub minor_faults: Option<u64>,
    /// Page faults that read from a disk.
    pub major_faults: Option<u64>,
    /// TLB shoot-down interrupts, of all processors, by all processes of the machine.
    pub tlb_shootdowns: Option<u64>,
}

impl Snapshot {
    /// Now, of this process.
    pub fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self::parse(
            &read("/proc/self/status"),
            &read("/proc/self/stat"),
            &read("/proc/self/smaps_rollup"),
            &read("/proc/interrupts"),
        )
    }

    /// From the texts of /proc/self/status, /proc/self/stat, /proc/self/smaps_rollup and /proc/interrupts.
    pub fn parse(status: &str, stat: &str, rollup: &str, interrupts: &str) -> Self {
        // The second field is the command in parentheses, which may hold spaces and parentheses.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        // Numbered from 1 in proc_pid_stat(5); the first after the command is number 3.
        let field = |number: usize| fields.get(number - 3).and_then(|f| f.parse().ok());
        Snapshot {
            rss: kilobytes(status, "VmRSS:"),
            peak_rss: kilobytes(status, "VmHWM:"),
            mapped: kilobytes(status, "VmSize:"),
            huge: kilobytes(rollup, "AnonHugePages:"),
            minor_faults: field(10),
            major_faults: field(12),
            tlb_shootdowns: shootdowns(interrupts),
        }
    }

    /// What happened since `before`: counts are differences, sizes are as they are now.
    pub fn since(&self, before: &Snapshot) -> Snapshot {
        let difference = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        Snapshot {
            minor_faults: difference(self.minor_faults, before.minor_faults),
            major_faults: difference(self.major_faults, before.major_faults),
            tlb_shootdowns: difference(self.tlb_shootdowns, before.tlb_shootdowns),
            ..*self
        }
    }
}

/// The value of a line `Key:   123 kB`, in bytes.
pub(crate) fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line[key.len()..].split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The sum over the processors of the line `TLB:  12  34   TLB shootdowns` (x86 alone has it).
fn shootdowns(interrupts: &str) -> Option<u64> {
    let line = interrupts.lines().find_map(|line| line.trim_start().strip_prefix("TLB:"))?;
    Some(line.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum())
}

/// CPU time of the process so far, in user and kernel mode.
pub fn cpu_time() -> Option<Duration> {
    // SAFETY: all zeros is a valid rusage, and getrusage fills the one it is handed.
    let usage = unsafe {
        let mut usage: libc::rusage = core::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &mut usage) == 0).then_some(usage)?
    };
    let time = |t: libc::timeval| {
        Some(
            Duration::from_secs(u64::try_from(t.tv_sec).ok()?)
                + Duration::from_micros(u64::try_from(t.tv_usec).ok()?),
        )
    };
    Some(time(usage.ru_utime)? + time(usage.ru_stime)?)
}

/// Starts the count of peak resident memory afresh, where the system allows it. Whether it did.
pub fn reset_peak_rss() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}
