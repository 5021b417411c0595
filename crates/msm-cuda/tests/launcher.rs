//! The CPU launcher and the device layer on the kernels of `cuda/selftest`.

use forebay_msm::ErrorClass;
use forebay_msm_cuda::{
    Emulator,
    device::{Args, Device, DeviceMemory, Event, Launch, Stream},
    error::DeviceError,
    memory::{Arena, Plan, TableKey},
};
use std::sync::Arc;

const MEMORY: usize = 1 << 20;

fn emulator() -> (Arc<Emulator>, Arc<dyn Device>) {
    match Emulator::new(MEMORY).map(Arc::new) {
        Ok(emulator) => (emulator.clone(), emulator),
        Err(e) => panic!("{e}"),
    }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The histogram kernel's result for each seed of the thread order, and whether it is right.
fn histogram(device: &Arc<dyn Device>) -> Result<bool, DeviceError> {
    let values: Vec<u32> = (0..10_007u32).map(|i| i.wrapping_mul(2_654_435_761) >> 3).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let stream = Stream::new(device)?;
    let (input, output) = (DeviceMemory::new(device, bytes.len())?, DeviceMemory::new(device, 1024 + 8)?);
    input.upload(&stream, 0, &bytes)?;
    output.wipe(&stream, 0, 1024 + 8)?;
    let mut args = Args::new()
        .ptr(input.ptr())
        .u32(values.len() as u32)
        .ptr(output.ptr())
        .ptr(output.ptr().offset(1024));
    // SAFETY: as the kernel's signature says.
    unsafe {
        device.launch(
            stream.id(),
            "selftest_histogram",
            Launch::linear(5, 256).with_shared(1024),
            &mut args,
        )?
    };
    let mut found = vec![0; 1024 + 8];
    output.download(&stream, 0, &mut found)?;
    let mut expected = vec![0u32; 256];
    values.iter().for_each(|v| expected[(*v & 255) as usize] += 1);
    let sum: u64 = values.iter().map(|v| u64::from(*v & 255)).sum();
    Ok(words(&found[..1024]) == expected && found[1024..] == sum.to_le_bytes())
}

#[test]
fn shared_memory_barriers_and_atomics() {
    let (emulator, device) = emulator();
    for seed in 0..20 {
        emulator.set_seed(seed);
        assert!(histogram(&device).unwrap(), "seed {seed}");
    }
    assert_eq!((emulator.launches(), emulator.used()), (20, 0));
}

#[test]
fn warp_functions() {
    let (_, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let out = DeviceMemory::new(&device, 96 * 16).unwrap();
    let mut args = Args::new().ptr(out.ptr());
    // SAFETY: as the kernel's signature says.
    unsafe { device.launch(stream.id(), "selftest_warp", Launch::linear(1, 96), &mut args).unwrap() };
    let mut bytes = vec![0; 96 * 16];
    out.download(&stream, 0, &mut bytes).unwrap();
    let value = |t: u32| t.wrapping_mul(2_654_435_761);
    for (t, found) in (0u32..).zip(words(&bytes).chunks(4)) {
        let (first, lane) = (t & !31, t & 31);
        let votes = (0..32).fold(0, |v, k| v | (value(first + k) & 1) << k);
        let same = (0..32).filter(|k| k % 5 == lane % 5).fold(0, |v, k| v | 1 << k);
        let neighbour = if lane == 0 { value(t) } else { value(t - 1) };
        let flags = 1 + (lane.reverse_bits() ^ t.leading_zeros()).wrapping_mul(4);
        assert_eq!(found, [votes, same, neighbour ^ value(first + 7), flags], "thread {t}");
    }
}

#[test]
fn what_must_not_diverge_fails_the_launch_and_the_device_stays_lost() {
    for (kernel, why) in
        [("selftest_divergent_barrier", "different barriers"), ("selftest_missing_lane", "never arrive")]
    {
        let (_, device) = emulator();
        let out = DeviceMemory::new(&device, 256).unwrap();
        let stream = Stream::new(&device).unwrap();
        let launch = |kernel| {
            // SAFETY: as the kernel's signature says.
            unsafe {
                device.launch(stream.id(), kernel, Launch::linear(1, 64), &mut Args::new().ptr(out.ptr()))
            }
        };
        let error = launch(kernel).unwrap_err();
        assert!(error.detail.contains(why) && error.code == 719, "{kernel}: {error}");
        assert_eq!(error.class(), ErrorClass::DeviceLost);
        assert_eq!(launch("selftest_warp").unwrap_err().code, 719);
        assert!(stream.synchronize().is_err() && device.alloc(1).is_err());
    }
}

#[test]
fn wrong_launches_are_refused() {
    let (_, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let launch = |kernel, shape| {
        // SAFETY: none of these runs.
        unsafe { device.launch(stream.id(), kernel, shape, &mut Args::new()) }.unwrap_err().code
    };
    assert_eq!(launch("no_such_kernel", Launch::linear(1, 32)), 500);
    assert_eq!(launch("selftest_warp", Launch::linear(0, 32)), 1);
    assert_eq!(launch("selftest_warp", Launch::linear(1, 2048)), 1);
    assert_eq!(launch("selftest_warp", Launch::linear(1, 32).with_shared(1 << 20)), 1);
    assert!(histogram(&device).unwrap(), "and the device still works");
}

#[test]
fn planted_faults() {
    let (emulator, device) = emulator();
    emulator.fail_launch(0, 600);
    assert_eq!(histogram(&device).unwrap_err().class(), ErrorClass::Retryable);
    assert!(histogram(&device).unwrap());
    emulator.fail_launch(0, 700);
    assert_eq!(histogram(&device).unwrap_err().class(), ErrorClass::DeviceLost);
    assert_eq!(histogram(&device).unwrap_err().code, 700);
    assert_eq!(emulator.used(), 0);
}

#[test]
fn memory_is_counted_and_ranges_are_checked() {
    let (emulator, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let memory = DeviceMemory::new(&device, MEMORY - 100).unwrap();
    assert_eq!(device.memory().unwrap().free, 100);
    assert_eq!(DeviceMemory::new(&device, 101).unwrap_err().class(), ErrorClass::OutOfMemory);
    for (offset, len) in [(MEMORY - 100, 1), (usize::MAX, 2), (0, MEMORY)] {
        let error = memory.upload(&stream, offset, &vec![0; len]).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Bug);
    }
    drop(memory);
    assert_eq!(emulator.used(), 0);
    let (start, end) = (Event::new(&device).unwrap(), Event::new(&device).unwrap());
    assert!(device.elapsed_ms(start.id(), end.id()).is_err());
    device.record(start.id(), stream.id()).unwrap();
    device.record(end.id(), stream.id()).unwrap();
    assert!(device.elapsed_ms(start.id(), end.id()).unwrap() >= 0.0);
}

fn key(n: u64) -> TableKey {
    TableKey { kind: "test", parameters: [n, 0, 0] }
}

#[test]
fn plans_are_refused_before_anything_is_allocated() {
    let (emulator, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let mut arena = Arena::new(&device, 4096);
    for (secret, table) in [(3841, 0), (1793, 2048), (usize::MAX, 1), (usize::MAX - 5, usize::MAX - 5)] {
        let mut plan = Plan::new();
        plan.secret(secret);
        plan.table(key(0), table);
        let error = arena.begin("test", &plan, &stream).unwrap_err();
        assert_eq!((error.class(), error.operation()), (ErrorClass::OutOfMemory, "test"));
        assert_eq!(emulator.used(), 0);
    }
    // A budget that the device does not have.
    let mut arena = Arena::new(&device, 2 * MEMORY);
    assert_eq!(arena.begin("test", &Plan::new(), &stream).unwrap_err().class(), ErrorClass::OutOfMemory);
}

#[test]
fn secrets_are_wiped_and_tables_stay() {
    let (_, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let mut arena = Arena::new(&device, 8192);
    let mut plan = Plan::new();
    let (public, secret) = (plan.public(300), plan.secret(300));
    let table = plan.table(key(1), 1000);
    let read = |lease: &forebay_msm_cuda::memory::Lease<'_>, region| {
        let mut bytes = vec![0; 300];
        lease.download(region, 0, &mut bytes).unwrap();
        bytes
    };
    for finishes in [true, false, true] {
        let mut lease = arena.begin("test", &plan, &stream).unwrap();
        let (region, filled) = lease.table(table);
        assert!(lease.upload(secret, 1, &[1; 300]).is_err(), "beyond the region");
        if !filled {
            lease.upload(region, 0, &[3; 1000]).unwrap();
            lease.filled(table);
        }
        lease.upload(public, 0, &[1; 300]).unwrap();
        lease.upload(secret, 0, &[2; 300]).unwrap();
        if finishes {
            lease.finish().unwrap()
        } else {
            drop(lease)
        }
        let lease = arena.begin("test", &plan, &stream).unwrap();
        let (region, filled) = lease.table(table);
        assert_eq!(filled, finishes, "a failed operation leaves no table");
        assert_eq!(read(&lease, secret), [0; 300]);
        assert_eq!(read(&lease, public), [1; 300]);
        assert!(!filled || read(&lease, region) == [3; 300]);
        lease.finish().unwrap();
    }
}

#[test]
fn tables_make_way() {
    let (_, device) = emulator();
    let stream = Stream::new(&device).unwrap();
    let mut arena = Arena::new(&device, 4096 + 256);
    let mut with = |scratch: usize, tables: &[u64]| {
        let mut plan = Plan::new();
        plan.public(scratch);
        for n in tables {
            plan.table(key(*n), 1024);
        }
        let mut lease = arena.begin("test", &plan, &stream).unwrap();
        let before = (0..tables.len()).map(|i| lease.table(i).1).collect::<Vec<_>>();
        (0..tables.len()).for_each(|i| lease.filled(i));
        let lowest = (0..tables.len()).map(|i| lease.ptr(lease.table(i).0)).min();
        let start = lease.ptr(Plan::new().public(0));
        assert!(lowest.is_none_or(|p| p.0 >= start.0 + scratch as u64), "tables and working memory overlap");
        lease.finish().unwrap();
        before
    };
    assert_eq!(with(1024, &[1, 2]), [false, false]);
    assert_eq!(with(1024, &[2, 1, 3]), [true, true, false]);
    assert_eq!(with(2048, &[1]), [true], "the third made way");
    assert_eq!(with(2048, &[2, 3]), [false, false]);
    assert_eq!(with(4096, &[]), [false; 0]);
    assert_eq!(with(0, &[1]), [false]);
}
