# must: a program that was started by name is bounded in shared memory too
import subprocess, sys
source = r"""
#define _GNU_SOURCE
#include <sys/mman.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    size_t size = 600UL << 20, step = 20 << 20;
    char *m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) { perror("BLOCKED"); return 0; }
    for (size_t at = 0; at < size; at += step) { for (size_t p = 0; p < step; p += 4096) m[at + p] = 1; madvise(m + at, step, MADV_DONTNEED); }
    printf("ESCAPED %zu MiB held\n", size >> 20);
    return 0;
}
"""
try:
    with open("/w/shared.c", "w") as f:
        f.write(source)
    subprocess.run(["gcc", "-o", "/w/shared", "/w/shared.c"], check=True)
    print(subprocess.run(["/w/shared"], capture_output=True, text=True))
except (OSError, subprocess.CalledProcessError) as e:
    print("BLOCKED", e)
