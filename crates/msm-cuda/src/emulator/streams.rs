//! Streams of the CPU launcher that are queues: work is done when somebody waits for it, and no sooner.
//!
//! What a stream has to do is queued. A wait runs queued work, each time of a stream drawn from the seed, until what is waited
//! for has happened. Whatever is not ordered by a stream or an event happens in a random order, and page-locked memory is read
//! late; so a wait that is missing gives a wrong result.

use crate::{
    device::{Args, DevicePtr, EventId, Launch, StreamId, Transfer},
    error::{DeviceError, code},
};
use std::{
    collections::{BTreeMap, VecDeque},
    ffi::CString,
    time::Instant,
};
use zeroize::Zeroizing;

/// Something that a stream has to do.
#[derive(Debug)]
pub(super) enum Work {
    Transfer(Transfer),
    /// A copy from pageable memory, which the caller may change meanwhile.
    Staged {
        to: DevicePtr,
        bytes: Zeroizing<Vec<u8>>,
    },
    Launch {
        kernel: CString,
        shape: Launch,
        args: Args,
        seed: u64,
    },
}

// SAFETY: the addresses in it are used where the work is done, by the promise of whoever queued it.
unsafe impl Send for Work {}

#[derive(Debug)]
enum Step {
    Work(Work),
    Record(EventId, u64),
    Wait(EventId, u64),
}

/// How often an event was recorded, and how many of these have happened.
#[derive(Clone, Copy, Debug, Default)]
struct Recorded {
    asked: u64,
    happened: u64,
    at: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Streams {
    queues: BTreeMap<u64, VecDeque<Step>>,
    events: Vec<Recorded>,
    streams: u64,
    random: u64,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    Idle,
    StreamIdle(StreamId),
    Happened(EventId),
}

fn no_such(what: &'static str) -> DeviceError {
    DeviceError::new(code::INVALID_HANDLE, what, "no such event")
}

impl Streams {
    pub(super) fn seed(&mut self, seed: u64) {
        self.random = seed;
    }

    pub(super) fn new_stream(&mut self) -> StreamId {
        self.streams += 1;
        StreamId(self.streams)
    }

    pub(super) fn new_event(&mut self) -> EventId {
        self.events.push(Recorded::default());
        EventId(self.events.len() as u64 - 1)
    }

    pub(super) fn push(&mut self, stream: StreamId, work: Work) {
        self.queues.entry(stream.0).or_default().push_back(Step::Work(work));
    }

    /// Forgets all work: the device is lost.
    pub(super) fn clear(&mut self) {
        self.queues.clear();
    }

    pub(super) fn record(&mut self, event: EventId, stream: StreamId) -> Result<(), DeviceError> {
        let recorded = self.events.get_mut(event.0 as usize).ok_or_else(|| no_such("record"))?;
        recorded.asked += 1;
        let step = Step::Record(event, recorded.asked);
        self.queues.entry(stream.0).or_default().push_back(step);
        Ok(())
    }

    /// For what was recorded so far; nothing if nothing was.
    pub(super) fn wait(&mut self, stream: StreamId, event: EventId) -> Result<(), DeviceError> {
        let recorded = self.events.get(event.0 as usize).ok_or_else(|| no_such("wait"))?;
        let step = Step::Wait(event, recorded.asked);
        self.queues.entry(stream.0).or_default().push_back(step);
        Ok(())
    }

    pub(super) fn happened_at(&self, event: EventId) -> Option<Instant> {
        self.events.get(event.0 as usize).and_then(|recorded| recorded.at)
    }

    pub(super) fn is(&self, until: Until) -> bool {
        match until {
            Until::Idle => self.queues.values().all(VecDeque::is_empty),
            Until::StreamIdle(stream) => self.queues.get(&stream.0).is_none_or(VecDeque::is_empty),
            Until::Happened(event) => {
                self.events.get(event.0 as usize).is_none_or(|recorded| recorded.happened >= recorded.asked)
            }
        }
    }

    /// The next work of a stream that need not wait, if that is what is next there.
    pub(super) fn next(&mut self) -> Result<Option<Work>, DeviceError> {
        let ready = |step: &Step| match step {
            Step::Wait(event, version) => self.events[event.0 as usize].happened >= *version,
            _ => true,
        };
        let free: Vec<u64> =
            self.queues.iter().filter(|(_, q)| q.front().is_some_and(ready)).map(|(id, _)| *id).collect();
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chosen = free.get((self.random >> 33) as usize % free.len().max(1));
        match chosen.and_then(|id| self.queues.get_mut(id)).and_then(VecDeque::pop_front) {
            Some(Step::Work(work)) => Ok(Some(work)),
            Some(Step::Record(event, version)) => {
                let recorded = &mut self.events[event.0 as usize];
                (recorded.happened, recorded.at) = (recorded.happened.max(version), Some(Instant::now()));
                Ok(None)
            }
            Some(Step::Wait(..)) => Ok(None),
            None => Err(DeviceError::new(code::INVALID_VALUE, "synchronize", "streams wait for each other")),
        }
    }
}
