// The CPU launcher's scheduler: see emu.h. The symbols for the host are emu_launch, emu_kernel_exists and emu_guard.
#include "emu.h"
#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <thread>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)
#define ASAN_UNPOISON_MEMORY_REGION(address, size)
#endif

#if !defined(__x86_64__)
#error "the CPU launcher switches fibers with x86-64 instructions"
#endif

namespace emu {

thread_local Block* block;
thread_local Fiber* fiber;

namespace {

constexpr size_t STACK = 256 << 10;
constexpr unsigned MAX_THREADS = 1024;
constexpr unsigned MAX_GRID_YZ = 65535;
constexpr size_t MAX_DYNAMIC = 227 << 10; // of sm_90
// Codes of the driver's CUresult.
constexpr int INVALID_VALUE = 1, NOT_FOUND = 500, LAUNCH_FAILED = 719;

Registration* registered;

extern "C" void emu_switch(void** save, void* load);
__asm__(".text\n.hidden emu_switch\n.globl emu_switch\n.type emu_switch,@function\nemu_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\nmov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");

// One launch: what its workers share.
struct Launch {
    const Registration* kernel;
    void** arguments;
    dim3 grid, shape;
    size_t dynamic;
    uint64_t seed;
    std::atomic<uint64_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    char message[256] = "";

    Launch(const Registration* kernel, void** arguments, dim3 grid, dim3 shape, size_t dynamic, uint64_t seed)
        : kernel(kernel), arguments(arguments), grid(grid), shape(shape), dynamic(dynamic), seed(seed) {}

    void fail(const char* text, const char* file, int line, const dim3& at) {
        std::lock_guard<std::mutex> guard(mutex);
        if (failed.exchange(true)) return;
        snprintf(message, sizeof message, "%s: %s (%s:%d, block %u,%u,%u)", kernel->name, text, file, line, at.x, at.y, at.z);
    }
};

thread_local Launch* launch;
thread_local void* scheduler_stack;

void entry() {
    launch->kernel->call(launch->kernel->function, launch->arguments);
    wait(State::Done, "", 0);
    abort();
}

// Stacks of one worker, recycled from launch to launch. Only touched pages take memory.
class Stacks {
  public:
    explicit Stacks(size_t count) : count(count), memory(take(count)) {}
    ~Stacks() {
        std::lock_guard<std::mutex> guard(mutex());
        pool().push_back({count, memory});
    }
    char* top(unsigned i) const { return memory + (i + 1) * STACK; }

  private:
    struct Entry {
        size_t count;
        char* memory;
    };
    static std::mutex& mutex() {
        static std::mutex m;
        return m;
    }
    // Never destroyed: a worker may outlive static destructors.
    static std::vector<Entry>& pool() {
        static auto* p = new std::vector<Entry>;
        return *p;
    }
    static char* take(size_t count) {
        std::lock_guard<std::mutex> guard(mutex());
        auto& entries = pool();
        for (size_t i = 0; i < entries.size(); i++) {
            if (entries[i].count != count) continue;
            char* memory = entries[i].memory;
            entries.erase(entries.begin() + static_cast<ptrdiff_t>(i));
            return memory;
        }
        return static_cast<char*>(aligned_alloc(64, count * STACK));
    }
    size_t count;
    char* memory;
};

struct Worker {
    Launch& run;
    Block state{};
    std::vector<Fiber> fibers;
    std::vector<unsigned> order;
    Stacks stacks;
    uint64_t random;

    explicit Worker(Launch& run) : run(run), stacks(run.shape.x * run.shape.y * run.shape.z) {
        state.threads = run.shape.x * run.shape.y * run.shape.z;
        fibers.resize(state.threads);
        order.resize(state.threads);
        state.fibers = fibers.data();
        state.shape = run.shape;
        state.grid = run.grid;
    }

    void work() {
        // Exactly as many bytes as asked for, so that AddressSanitizer sees an access beyond them.
        size_t size = std::max<size_t>(run.dynamic, 16);
        char* dynamic = static_cast<char*>(aligned_alloc(16, (size + 15) & ~size_t{15}));
        state.dynamic = dynamic;
        block = &state;
        launch = &run;
        uint64_t blocks = uint64_t{run.grid.x} * run.grid.y * run.grid.z;
        for (uint64_t i; !run.failed && (i = run.next++) < blocks;) {
            memset(dynamic, 0xA5, size);
            random = run.seed * 1000003 + i;
            auto x = static_cast<unsigned>(i % run.grid.x), y = static_cast<unsigned>(i / run.grid.x % run.grid.y);
            state.index = dim3(x, y, static_cast<unsigned>(i / run.grid.x / run.grid.y));
            run_block();
        }
        free(dynamic);
    }

    void prepare() {
        for (unsigned i = 0; i < state.threads; i++) {
            Fiber& f = fibers[i];
            f = Fiber{};
            f.id = i;
            f.thread = dim3(i % run.shape.x, i / run.shape.x % run.shape.y, i / run.shape.x / run.shape.y);
            ASAN_UNPOISON_MEMORY_REGION(stacks.top(i) - STACK, STACK);
            void** sp = reinterpret_cast<void**>(stacks.top(i) - 64);
            *--sp = nullptr; // entry's return address: keeps the stack aligned as after a call
            *--sp = reinterpret_cast<void*>(entry);
            for (int k = 0; k < 6; k++) *--sp = nullptr;
            f.stack_pointer = sp;
            order[i] = i;
        }
    }

    void shuffle() {
        if (!run.seed) return;
        for (unsigned i = state.threads; i > 1; i--) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            std::swap(order[i - 1], order[(random >> 33) % i]);
        }
    }

    void run_block() {
        prepare();
        for (unsigned live = state.threads; live;) {
            bool moved = false;
            shuffle();
            for (unsigned i : order) {
                Fiber& f = fibers[i];
                if (f.state != State::Runnable) continue;
                moved = true;
                fiber = &f;
                emu_switch(&scheduler_stack, f.stack_pointer);
                live -= f.state == State::Done;
                if (run.failed) return; // its fibers are abandoned where they stand
            }
            for (unsigned first = 0; first < state.threads; first += 32) moved |= release_warp(first);
            moved |= live && release_barrier(live);
            if (run.failed) return;
            if (!moved && live) return stuck();
        }
    }

    // A rendezvous ends when every lane of the mask (of those that exist) is at one with that mask.
    bool release_warp(unsigned first) {
        bool released = false;
        unsigned lanes = std::min(32u, state.threads - first);
        uint32_t existing = lanes == 32 ? ~0u : (1u << lanes) - 1;
        for (unsigned l = 0; l < lanes; l++) {
            Fiber& leader = fibers[first + l];
            if (leader.state != State::AtWarp) continue;
            uint32_t mask = leader.warp_mask & existing, there = 0;
            for (unsigned k = 0; k < lanes; k++) {
                const Fiber& f = fibers[first + k];
                bool same = f.state == State::AtWarp && f.warp_mask == leader.warp_mask;
                there |= static_cast<uint32_t>(same && f.file == leader.file && f.line == leader.line) << k;
            }
            if ((there & mask) != mask) continue;
            for (unsigned k = 0; k < lanes; k++)
                if (mask >> k & 1) fibers[first + k].state = State::Runnable;
            released = true;
        }
        return released;
    }

    bool release_barrier(unsigned live) {
        unsigned there = 0;
        int any = 0, count = 0;
        const Fiber* leader = nullptr;
        for (const Fiber& f : fibers) {
            if (f.state != State::AtBarrier) continue;
            if (!leader) leader = &f;
            there++;
            any |= f.vote;
            count += f.vote;
            if (f.line != leader->line || strcmp(f.file, leader->file)) {
                run.fail("threads of a block wait at different barriers", f.file, f.line, state.index);
                return false;
            }
        }
        if (there != live) return false;
        state.vote_or = any;
        state.vote_count = count;
        for (Fiber& f : fibers)
            if (f.state == State::AtBarrier) f.state = State::Runnable;
        return true;
    }

    // Lanes that wait in vain are the cause, threads at the barrier behind them the consequence.
    void stuck() {
        for (const Fiber& f : fibers)
            if (f.state == State::AtWarp) return run.fail("lanes of a *_sync mask never arrive", f.file, f.line, state.index);
        for (const Fiber& f : fibers)
            if (f.state == State::AtBarrier) return run.fail("a barrier that not every thread reaches", f.file, f.line, state.index);
    }
};

int refuse(char* message, size_t size, const char* text, const char* name, int code) {
    if (size) snprintf(message, size, "%s: %s", name, text);
    return code;
}

const Registration* find(const char* name) {
    const Registration* r = registered;
    while (r && strcmp(r->name, name)) r = r->next;
    return r;
}

} // namespace

Registration::Registration(const char* name, Kernel call, void* function)
    : name(name), call(call), function(function), next(registered) {
    registered = this;
}

void wait(State state, const char* file, int line) {
    Fiber* self = fiber;
    self->state = state;
    self->file = file;
    self->line = line;
    emu_switch(&self->stack_pointer, scheduler_stack);
}

void fail(const char* message, const char* file, int line) {
    launch->fail(message, file, line, block->index);
    wait(State::Done, file, line);
    abort();
}

} // namespace emu

// Whether a kernel of that name is there.
extern "C" int emu_kernel_exists(const char* name) { return emu::find(name) != nullptr; }

// Forbids or allows accesses to a range, in a build with AddressSanitizer; nothing otherwise.
extern "C" void emu_guard([[maybe_unused]] void* memory, [[maybe_unused]] size_t size, int allowed) {
    if (allowed) {
        ASAN_UNPOISON_MEMORY_REGION(memory, size);
    } else {
        ASAN_POISON_MEMORY_REGION(memory, size);
    }
}

// Runs a kernel to its end. `arguments` as of cuLaunchKernel; `seed` orders the threads; at most `workers` OS threads.
// Returns a CUresult; on failure `message` says why.
extern "C" int emu_launch(const char* name, const unsigned grid[3], const unsigned shape[3], size_t dynamic, void** arguments,
                          uint64_t seed, unsigned workers, char* message, size_t size) {
    using namespace emu;
    const Registration* kernel = find(name);
    if (!kernel) return refuse(message, size, "no such kernel", name, NOT_FOUND);
    dim3 g(grid[0], grid[1], grid[2]), s(shape[0], shape[1], shape[2]);
    uint64_t threads = uint64_t{s.x} * s.y * s.z, blocks = uint64_t{g.x} * g.y * g.z;
    bool shapes = threads >= 1 && threads <= MAX_THREADS && blocks >= 1 && g.x < 1u << 31 && g.y <= MAX_GRID_YZ && g.z <= MAX_GRID_YZ;
    if (!shapes || dynamic > MAX_DYNAMIC) return refuse(message, size, "grid, block or shared memory", name, INVALID_VALUE);
    Launch run(kernel, arguments, g, s, dynamic, seed);
    auto work = [&run] { Worker(run).work(); };
    uint64_t extra = std::min<uint64_t>(blocks, std::max(workers, 1u)) - 1;
    std::vector<std::thread> others;
    for (uint64_t i = 0; i < extra; i++) others.emplace_back(work);
    work();
    for (auto& t : others) t.join();
    if (!run.failed) return 0;
    if (size) snprintf(message, size, "%s", run.message);
    return LAUNCH_FAILED;
}
