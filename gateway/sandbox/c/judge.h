/* The judge's part of a C or C++ program with its tests, before the solution:
   PREFIX is drawn anew for every program, so that no solution can name any of
   it. It speaks over descriptor 3 by system calls of its own, since a solution
   may define the library's functions as it likes. */
#define PREFIX_quiet __attribute__((unused))
static char PREFIX_token[33];
static unsigned long PREFIX_ran;
PREFIX_quiet static long PREFIX_call(long number, long a, long b, long c) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
#endif
}
#if defined(__x86_64__)
enum { PREFIX_read = 0, PREFIX_write = 1, PREFIX_leave = 231 };
#else
enum { PREFIX_read = 63, PREFIX_write = 64, PREFIX_leave = 94 };
#endif
PREFIX_quiet static unsigned long PREFIX_strlen(const char *s) { unsigned long n = 0; while (s[n]) n++; return n; }
PREFIX_quiet static int PREFIX_strncmp(const char *a, const char *b, unsigned long n) {
  for (; n; a++, b++, n--) {
    if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    if (!*a) return 0;
  }
  return 0;
}
PREFIX_quiet static int PREFIX_strcmp(const char *a, const char *b) { return PREFIX_strncmp(a, b, -1UL); }
PREFIX_quiet static int PREFIX_memcmp(const void *p, const void *q, unsigned long n) {
  const unsigned char *a = (const unsigned char *)p, *b = (const unsigned char *)q;
  for (; n; a++, b++, n--) if (*a != *b) return *a < *b ? -1 : 1;
  return 0;
}
#ifdef __cplusplus
template <class T> static inline T PREFIX_abs(T x) { return x < T(0) ? -x : x; }
template <class A, class B, class C> static inline bool PREFIX_same(A &&a, const B &b, const C &c) { return (a == b) && !(a == c); }
template <class T> static inline double PREFIX_fabs(T x) { return x < T(0) ? -(double)x : (double)x; }
#else
PREFIX_quiet static int PREFIX_abs(int x) { return x < 0 ? -x : x; }
PREFIX_quiet static double PREFIX_fabs(double x) { return __builtin_fabs(x); }
PREFIX_quiet static float PREFIX_fabsf(float x) { return __builtin_fabsf(x); }
#endif
PREFIX_quiet static void PREFIX_say(const char *s) {
  unsigned long n = PREFIX_strlen(s);
  while (n) {
    long wrote = PREFIX_call(PREFIX_write, 3, (long)s, (long)n);
    if (wrote <= 0) break;
    s += wrote, n -= (unsigned long)wrote;
  }
}
PREFIX_quiet __attribute__((noreturn)) static void PREFIX_fail(const char *why) {
  PREFIX_say("F ");
  PREFIX_say(why);
  for (;;) PREFIX_call(PREFIX_leave, 1, 0, 0);
}
PREFIX_quiet static void PREFIX_check(int held, const char *text) {
  PREFIX_ran++;
  if (!held) PREFIX_fail(text);
}
/* The end of the tests, with the status that they give. */
PREFIX_quiet __attribute__((noreturn)) static void PREFIX_exit(int status) {
  if (status) PREFIX_fail("the tests end with another status than 0");
  PREFIX_say(PREFIX_token);
  if (!PREFIX_ran && PREFIX_idle) PREFIX_say(" nothing");
  for (;;) PREFIX_call(PREFIX_leave, 0, 0, 0);
}
PREFIX_quiet __attribute__((noreturn)) static void PREFIX_abort(void) { PREFIX_fail("the tests abort"); }
/* Before all constructors, of which a solution may have some. */
static void PREFIX_start(void) {
  long at = 0;
  while (at < 32) {
    long got = PREFIX_call(PREFIX_read, 3, (long)(PREFIX_token + at), 32 - at);
    if (got <= 0) break;
    at += got;
  }
}
__attribute__((section(".preinit_array"), used)) static void (*PREFIX_first)(void) = PREFIX_start;
#define main PREFIX_unused
