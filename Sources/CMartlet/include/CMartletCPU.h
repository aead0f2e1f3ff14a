// Instructions: spin hint, floating-point mode, CPU identification.
#ifndef CMARTLET_CPU_H
#define CMARTLET_CPU_H

#include <stdint.h>

/// Tells the core that the calling thread spins.
static inline void cm_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/// The floating-point mode of the calling thread: MXCSR on x86-64, FPCR on AArch64.
static inline uint64_t cm_get_fp_mode(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

/// Sets the mode that cm_get_fp_mode reads.
static inline void cm_set_fp_mode(uint64_t mode) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

/// The IEEE 754 default: round to nearest even, denormals kept, exceptions masked.
static inline uint64_t cm_ieee_fp_mode(void) {
#if defined(__x86_64__)
    return 0x1f80;
#else
    return 0;
#endif
}

typedef struct {
    uint32_t eax, ebx, ecx, edx;
} cm_cpuid_result;

/// The cpuid instruction; all zero on other machines than x86-64.
static inline cm_cpuid_result cm_cpuid(uint32_t leaf, uint32_t subleaf) {
    cm_cpuid_result r = {0, 0, 0, 0};
#if defined(__x86_64__)
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
#else
    (void)leaf;
    (void)subleaf;
#endif
    return r;
}

/// Register states that the operating system saves (XCR0). Call only where cpuid reports OSXSAVE.
static inline uint64_t cm_xgetbv(void) {
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
#else
    return 0;
#endif
}

/// Makes freshly written code visible to instruction fetch (needed on AArch64, nothing on x86-64).
static inline void cm_clear_instruction_cache(void *start, uint64_t size) {
    __builtin___clear_cache((char *)start, (char *)start + size);
}

#endif
