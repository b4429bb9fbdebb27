/*
 * Loaded into the lifecycle before Node: makes the process undumpable, so that nothing else of
 * the same user can read its memory, its environment or its open files by /proc, ptrace,
 * process_vm_readv or pidfd_getfd (proc(5), prctl(2) PR_SET_DUMPABLE). An exec undoes it, which
 * is why the starter cannot do it, and why buildpacks that the lifecycle starts are not affected.
 * Uses no C library: the loader loads it before any.
 */
#if defined(__x86_64__)
enum { PRCTL = 157 };
static long call(long number, long a, long b, long c, long d, long e) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { PRCTL = 167 };
static long call(long number, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#else
#error "the lifecycle is built for x86_64 and aarch64"
#endif

enum { SET_DUMPABLE = 4 };

__attribute__((constructor)) static void become_undumpable(void) { call(PRCTL, SET_DUMPABLE, 0, 0, 0, 0); }
