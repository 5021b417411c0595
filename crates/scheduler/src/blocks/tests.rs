//! Blocks by hand: reuse, classes, counters.

use super::*;

#[test]
fn spares_serve_an_overlap_that_was_not_seen() {
    let blocks = BigBlocks::new();
    blocks.recycle(usize::MAX);
    // SAFETY: each block is freed once, with its layout.
    unsafe {
        let first = blocks.alloc(layout(1 << 20));
        blocks.dealloc(first, layout(1 << 20));
        blocks.add_spares(2);
        assert_eq!(blocks.stats().maps, 3, "of the one class in use");
        let owned = [(); 3].map(|()| blocks.alloc(layout(1 << 20)));
        assert_eq!((blocks.stats().maps, blocks.stats().idle_bytes), (3, 0));
        owned.into_iter().for_each(|block| blocks.dealloc(block, layout(1 << 20)));
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 64).unwrap()
}

#[test]
fn a_freed_block_is_used_again() {
    let blocks = BigBlocks::new();
    blocks.recycle(usize::MAX);
    // SAFETY: each block is used within its layout and freed once.
    unsafe {
        let first = blocks.alloc(layout(1 << 20));
        first.write_bytes(0xAA, 1 << 20);
        blocks.dealloc(first, layout(1 << 20));
        let again = blocks.alloc_zeroed(layout((1 << 20) - 999));
        assert_eq!(first, again);
        assert!(core::slice::from_raw_parts(again, (1 << 20) - 999).iter().all(|&b| b == 0));
        blocks.dealloc(again, layout((1 << 20) - 999));
    }
    let stats = blocks.stats();
    assert_eq!((stats.maps, stats.unmaps, stats.reuses), (1, 0, 1));
    assert_eq!((stats.live_bytes, stats.idle_bytes, stats.peak_live_bytes), (0, 1 << 20, 1 << 20));
    blocks.trim(0);
    assert_eq!((blocks.stats().idle_bytes, blocks.stats().unmaps), (0, 1));
}

#[test]
fn without_recycling_every_block_goes_back() {
    let blocks = BigBlocks::new();
    for _ in 0..3 {
        // SAFETY: freed once, with its layout.
        unsafe { blocks.dealloc(blocks.alloc(layout(300_000)), layout(300_000)) };
    }
    let stats = blocks.stats();
    assert_eq!((stats.maps, stats.unmaps, stats.reuses, stats.idle_bytes), (3, 3, 0, 0));
}

#[test]
fn idle_bytes_stay_under_their_limit() {
    let blocks = BigBlocks::new();
    blocks.recycle(5 << 20);
    // SAFETY: each block is freed once, with its layout.
    unsafe {
        let many: Vec<*mut u8> = (0..4).map(|_| blocks.alloc(layout(2 << 20))).collect();
        many.iter().for_each(|&b| blocks.dealloc(b, layout(2 << 20)));
    }
    assert_eq!(blocks.stats().idle_bytes, 4 << 20);
    blocks.recycle(2 << 20);
    assert_eq!(blocks.stats().idle_bytes, 2 << 20);
    blocks.trim(0);
}

#[test]
fn contents_survive_growing_and_shrinking() {
    let blocks = BigBlocks::new();
    blocks.recycle(usize::MAX);
    blocks.use_huge_pages(true);
    // Small, within a class, to other classes, into huge pages, and back to small.
    let sizes = [1000, SMALLEST, SMALLEST + 1, SMALLEST + 9, 5 << 20, (5 << 20) + 3, 700_000, 500];
    // SAFETY: every access is within the current size; each block is freed once by the next call.
    unsafe {
        let (mut at, mut block) = (sizes[0], blocks.alloc(layout(sizes[0])));
        (0..500).for_each(|i| block.add(i).write(i as u8));
        for size in sizes {
            block = blocks.realloc(block, layout(at), size);
            at = size;
            assert!((0..500).all(|i| block.add(i).read() == i as u8), "{size}");
            block.add(size - 1).write(block.add(size - 1).read());
        }
        blocks.dealloc(block, layout(at));
    }
    assert_eq!(blocks.stats().live_bytes, 0);
    blocks.trim(0);
}

#[test]
fn a_block_that_grows_is_not_held_twice() {
    let blocks = BigBlocks::new();
    // SAFETY: every access is within the current size; the block is freed once.
    unsafe {
        let mut block = blocks.alloc(layout(1 << 20));
        (0..1 << 20).for_each(|i| block.add(i).write((i % 251) as u8));
        for log in 20..26 {
            block = blocks.realloc(block, layout(1 << log), 2 << log);
            assert!((0..1 << 20).all(|i| block.add(i).read() == (i % 251) as u8));
            block.add((2 << log) - 1).write(1);
            assert_eq!(blocks.stats().live_bytes, 2 << log);
        }
        assert_eq!(cfg!(target_os = "linux"), blocks.stats().peak_live_bytes == 64 << 20);
        block = blocks.realloc(block, layout(64 << 20), 1 << 20);
        assert!((0..1 << 20).all(|i| block.add(i).read() == (i % 251) as u8));
        blocks.dealloc(block, layout(1 << 20));
    }
    assert_eq!(blocks.stats().live_bytes, 0);
}

#[test]
fn threads_never_share_a_block() {
    let blocks = BigBlocks::new();
    blocks.recycle(64 << 20);
    std::thread::scope(|scope| {
        for id in 1..=4u8 {
            let blocks = &blocks;
            scope.spawn(move || {
                for round in 0..200usize {
                    let layout = layout(SMALLEST + (round % 7) * 100_000);
                    // SAFETY: used within its layout, freed once.
                    unsafe {
                        let block = blocks.alloc(layout);
                        let ends = [block.add(8), block.add(layout.size() - 1)];
                        ends.iter().for_each(|p| p.write(id));
                        std::thread::yield_now();
                        assert!(ends.iter().all(|p| p.read() == id));
                        blocks.dealloc(block, layout);
                    }
                }
            });
        }
    });
    assert_eq!(blocks.stats().live_bytes, 0);
    blocks.trim(0);
    assert_eq!(blocks.stats().idle_bytes, 0);
}

#[test]
fn what_does_not_fit_is_left_to_the_system() {
    let page_and_more = Layout::from_size_align(1 << 20, 2 * PAGE).unwrap();
    assert_eq!((served(layout(SMALLEST - 1)), served(page_and_more)), (None, None));
    assert_eq!(served(layout(SMALLEST)), Some(0));
}
