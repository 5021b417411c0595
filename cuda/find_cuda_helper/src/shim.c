// Completed by lib.rs: the table, the names, and one jump per function.
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

enum { STUB_LIBRARY = 34, NO_DEVICE = 100 };

static int absent(void) { return STUB_LIBRARY; }
static int (*real_init)(unsigned);
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void fill(void* library);

static void fill_table(void* library, void** table, const char* const* names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        void* function = dlsym(library, names[i]);
        if (function) table[i] = function;
    }
}

// Containers mount the driver where the loader does not look.
static void load(void) {
    static const char* const places[] = {"libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};
    void* library = NULL;
    for (size_t i = 0; !library && i < sizeof places / sizeof *places; i++) library = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    fill(library);
    real_init = (int (*)(unsigned))dlsym(library, "cuInit");
}

int cuInit(unsigned flags) {
    pthread_once(&once, load);
    return real_init ? real_init(flags) : NO_DEVICE;
}
