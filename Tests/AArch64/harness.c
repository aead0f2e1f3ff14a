// Executes the recorded run of an engine: `harness RUN OUTPUTS`. RecordedRun.swift writes the file and reads the outputs.
//
// All numbers are 64-bit, little-endian; parts of bytes are padded to 8:
//   magic, bytes of code, weights, arena and scratch memory, number of ports and of inputs, words of operations,
//   bytes of each port, the operations, the code, the weights, each input.
// Every kernel is called for its grid in two cuts, as threads would call it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void Kernel(uint64_t *bases, const int64_t *words, int64_t first, int64_t last, void *scratch);

enum { magic = 0x4e55522e54524d, firstPort = 3 };
enum { callKernel, copyBytes, jumpIfZero, jump };

static void fail(const char *what) {
    fprintf(stderr, "harness: %s\n", what);
    exit(1);
}

static void *memory(int64_t count) {
    size_t size = ((size_t)count + 64) / 64 * 64;
    void *start = aligned_alloc(64, size);
    if (!start) fail("no memory");
    return memset(start, 0xa5, size); // what is read before it is written should be noticed
}

static void readInto(void *start, int64_t count, FILE *file) {
    char padding[8];
    size_t rest = (size_t)(-count & 7);
    if (fread(start, 1, (size_t)count, file) != (size_t)count) fail("the file ends too early");
    if (fread(padding, 1, rest, file) != rest) fail("the file ends too early");
}

static void *readCode(int64_t count, FILE *file) {
    void *start = mmap(NULL, (size_t)count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) fail("no memory for code");
    readInto(start, count, file);
    if (mprotect(start, (size_t)count, PROT_READ | PROT_EXEC)) fail("no executable memory");
    __builtin___clear_cache((char *)start, (char *)start + count);
    return start;
}

static void run(const int64_t *words, int64_t count, char *code, uint64_t *bases, void *scratch) {
    const uint64_t *status = (const uint64_t *)bases[0];
    for (const int64_t *next = words; next < words + count;) {
        switch (next[0]) {
        case callKernel: { // offset, grid, number of words, words
            Kernel *kernel = (Kernel *)(code + next[1]);
            int64_t grid = next[2], cut = grid / 2;
            if (cut > 0) kernel(bases, next + 4, 0, cut, scratch);
            kernel(bases, next + 4, cut, grid, scratch);
            if (*status != UINT64_MAX) fail("a kernel reports bad data");
            next += 4 + next[3];
            break;
        }
        case copyBytes: // base and offset of the source, of the destination, bytes
            memmove((char *)bases[next[3]] + next[4], (char *)bases[next[1]] + next[2], (size_t)next[5]);
            next += 6;
            break;
        case jumpIfZero: // base and offset of a byte, position in the operations
            next = *((char *)bases[next[1]] + next[2]) ? next + 4 : words + next[3];
            break;
        case jump: // position in the operations
            next = words + next[1];
            break;
        default: fail("an unknown operation");
        }
    }
}

int main(int argumentCount, char **arguments) {
    if (argumentCount != 3) fail("usage: harness RUN OUTPUTS");
    FILE *file = fopen(arguments[1], "rb");
    int64_t head[8];
    if (!file) fail("cannot open the run");
    readInto(head, sizeof head, file);
    if (head[0] != magic) fail("this is no recorded run");
    int64_t ports = head[5], inputs = head[6];
    int64_t *sizes = memory(8 * ports), *operations = memory(8 * head[7]);
    uint64_t *bases = memory(8 * (firstPort + ports));
    readInto(sizes, 8 * ports, file);
    readInto(operations, 8 * head[7], file);
    char *code = readCode(head[1], file);
    bases[0] = (uint64_t)memory(64);
    *(uint64_t *)bases[0] = UINT64_MAX;
    bases[1] = (uint64_t)memory(head[2]);
    readInto((void *)bases[1], head[2], file);
    bases[2] = (uint64_t)memory(head[3]);
    for (int64_t port = 0; port < ports; port++) {
        bases[firstPort + port] = (uint64_t)memory(sizes[port]);
        if (port < inputs) readInto((void *)bases[firstPort + port], sizes[port], file);
    }
    run(operations, head[7], code, bases, memory(head[4]));
    FILE *outputs = fopen(arguments[2], "wb");
    if (!outputs) fail("cannot write the outputs");
    for (int64_t port = inputs; port < ports; port++) {
        size_t size = (size_t)sizes[port];
        if (fwrite((void *)bases[firstPort + port], 1, size, outputs) != size) fail("cannot write the outputs");
    }
    return fclose(outputs) ? 1 : 0;
}
