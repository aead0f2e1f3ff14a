// System calls: affinity, futex, tile-register permission, hardware capabilities.
#ifndef CMARTLET_SYSTEM_H
#define CMARTLET_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

// Declared by unistd.h only under feature macros that an importer of this header cannot set.
extern long syscall(long number, ...);
#endif

/// How many CPUs the calling thread may run on; 0 if the system does not say.
static inline int cm_affinity_count(void) {
#if defined(__linux__)
    uint64_t mask[128] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int count = 0;
    for (long i = 0; i < bytes / 8; i++) {
        count += __builtin_popcountll(mask[i]);
    }
    return count;
#else
    return 0;
#endif
}

/// The number of the `index`-th CPU that the calling thread may run on; -1 if there is none.
static inline int cm_affinity_cpu(int index) {
#if defined(__linux__)
    uint64_t mask[128] = {0};
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    for (long cpu = 0; cpu < bytes * 8; cpu++) {
        if ((mask[cpu / 64] >> (cpu % 64)) & 1 && index-- == 0) {
            return (int)cpu;
        }
    }
#endif
    return -1;
}

/// Binds the calling thread to one CPU; 0 on success.
static inline int cm_bind_thread(int cpu) {
#if defined(__linux__)
    uint64_t mask[128] = {0};
    if (cpu < 0 || cpu >= 128 * 64) {
        return -1;
    }
    mask[cpu / 64] = (uint64_t)1 << (cpu % 64);
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof mask, mask);
#else
    return -1;
#endif
}

/// Sleeps while the 32-bit word still holds `expected`; may return early.
static inline void cm_futex_wait(const void *word, uint32_t expected) {
#if defined(__linux__)
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
#endif
}

/// Wakes up to `count` threads that sleep on the word.
static inline void cm_futex_wake(const void *word, int count) {
#if defined(__linux__)
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#endif
}

/// Asks Linux for the AMX tile data state of this process; 0 on success.
static inline int cm_request_amx(void) {
#if defined(__linux__) && defined(__x86_64__)
    return (int)syscall(SYS_arch_prctl, 0x1023, 18);
#else
    return -1;
#endif
}

/// The hardware capability words of the kernel (AT_HWCAP for 1, AT_HWCAP2 for 2).
static inline uint64_t cm_hardware_capabilities(int word) {
#if defined(__linux__)
    return getauxval(word == 2 ? AT_HWCAP2 : AT_HWCAP);
#else
    return 0;
#endif
}

#endif
