//! The reclaimer's thread.

use super::arena::{Arena, Returned, Shared};
use super::{Mode, Options};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Work of the reclaimer's thread.
pub(super) enum Task {
    /// Wipe and put on the free list.
    Region(Returned),
    /// Drop something.
    Drop(Box<dyn FnOnce() + Send>),
}

/// One thread that wipes and frees, and the arena that it serves. Dropping it drains.
#[derive(Debug)]
pub struct Reclaimer {
    arena: Arena,
    thread: Option<JoinHandle<()>>,
}

impl Reclaimer {
    /// Starts the thread (in mode [`Mode::Arena`]; the other modes start one per buffer).
    ///
    /// # Errors
    /// If the system has no thread.
    pub fn new(options: Options) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        let thread = match options.mode {
            Mode::Arena => {
                let shared = shared.clone();
                Some(std::thread::Builder::new().name("reclaimer".into()).spawn(move || run(&shared))?)
            }
            Mode::Unbounded | Mode::Mutex => None,
        };
        Ok(Reclaimer { arena: Arena::of(shared), thread })
    }

    /// The arena.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Drops `value` in the reclaimer's thread (in the other modes: in a thread of its own). Blocks while the queue is full.
    pub fn defer<T: Send + 'static>(&self, value: T) {
        self.arena.shared().submit(Task::Drop(Box::new(move || drop(value))));
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        self.arena.shared().close();
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of what it drops, so it ends as it should.
            let _ = thread.join();
        }
        self.arena.trim(usize::MAX);
    }
}

fn run(shared: &Arc<Shared>) {
    shared.set_thread();
    while let Some(task) = shared.next_task() {
        perform(shared, task);
        shared.task_done();
    }
}

/// Does a task, in whatever thread.
pub(super) fn perform(shared: &Shared, task: Task) {
    match task {
        Task::Region(returned) => shared.reclaim(returned),
        // A destructor of the user's that panics must not end the thread. The panic hook has reported it.
        Task::Drop(drop) => {
            let _ = catch_unwind(AssertUnwindSafe(drop));
        }
    }
}
