// A C++ host of the gate. Every function returns 0 if all is well, or the line that is not.
#include "forebay_gate.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t), "the flag is a bare 32-bit atomic");
static_assert(std::atomic<int32_t>::is_always_lock_free, "the flag is lock-free");

#define CHECK(condition) do { if (!(condition)) return __LINE__; } while (0)

static std::atomic<int32_t> *flag_of(const ForebayGate *gate) {
    return reinterpret_cast<std::atomic<int32_t> *>(forebay_gate_flag(gate));
}

extern "C" int host_counts_holds() {
    CHECK(forebay_gate_create(3, 0) == nullptr);
    ForebayGate *gate = forebay_gate_create(FOREBAY_GATE_PARK, 1);
    CHECK(gate != nullptr);
    auto *flag = flag_of(gate);
    CHECK(flag->load() == 0);
    CHECK(forebay_gate_release(gate) == -1);
    CHECK(forebay_gate_hold(gate) == 0);
    CHECK(forebay_gate_hold(gate) == 0);
    CHECK(flag->load() == 2);
    CHECK(forebay_gate_release(gate) == 0);
    CHECK(flag->load() == 1);
    forebay_gate_checkpoint(gate); // the holder's own thread never parks
    CHECK(forebay_gate_release(gate) == 0);
    CHECK(forebay_gate_release(gate) == -1);
    CHECK(flag->load() == 0);
    forebay_gate_destroy(gate);
    return 0;
}

extern "C" int null_is_an_error() {
    CHECK(forebay_gate_hold(nullptr) == -1);
    CHECK(forebay_gate_release(nullptr) == -1);
    CHECK(forebay_gate_flag(nullptr) == nullptr);
    forebay_gate_checkpoint(nullptr);
    forebay_gate_leave(nullptr);
    forebay_gate_destroy(nullptr);
    return 0;
}

// Threads count up and down on the flag itself, others through the functions; in the end nothing is held, and evaluators
// that were parked by a bare count came back.
extern "C" int many_threads_count() {
    ForebayGate *gate = forebay_gate_create(FOREBAY_GATE_PARK, 0);
    auto *flag = flag_of(gate);
    std::vector<std::thread> threads;
    std::atomic<int> passed{0};
    flag->fetch_add(1, std::memory_order_relaxed);
    for (int t = 0; t < 2; t++) {
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; i++) {
                flag->fetch_add(1, std::memory_order_relaxed);
                flag->fetch_sub(1, std::memory_order_relaxed);
            }
        });
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; i++) {
                forebay_gate_hold(gate);
                forebay_gate_release(gate);
            }
        });
        threads.emplace_back([&] {
            forebay_gate_checkpoint(gate);
            passed++;
        });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(passed.load() == 0); // held all the while, and k is 0
    flag->fetch_sub(1, std::memory_order_relaxed);
    for (auto &thread : threads) thread.join();
    CHECK(passed.load() == 2);
    CHECK(flag->load() == 0);
    forebay_gate_destroy(gate);
    return 0;
}

// k is 1: the second evaluator passes when the first one leaves.
extern "C" int one_of_two_runs() {
    ForebayGate *gate = forebay_gate_create(FOREBAY_GATE_PARK, 1);
    std::atomic<int> step{0};
    std::thread holder([&] {
        forebay_gate_hold(gate);
        step = 1;
        while (step.load() < 4) std::this_thread::yield();
        forebay_gate_release(gate);
    });
    while (step.load() < 1) std::this_thread::yield();
    forebay_gate_checkpoint(gate);
    forebay_gate_checkpoint(gate); // it keeps its place
    std::thread second([&] {
        forebay_gate_checkpoint(gate);
        step = 3;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(step.load() == 1);
    forebay_gate_leave(gate);
    second.join();
    CHECK(step.load() == 3);
    step = 4;
    holder.join();
    forebay_gate_destroy(gate);
    return 0;
}

// A gate that Rust made and evaluates under: the host only has the flag's address.
extern "C" void host_begins(int32_t *flag) {
    reinterpret_cast<std::atomic<int32_t> *>(flag)->fetch_add(1, std::memory_order_relaxed);
}

extern "C" void host_ends(int32_t *flag) {
    reinterpret_cast<std::atomic<int32_t> *>(flag)->fetch_sub(1, std::memory_order_relaxed);
}
