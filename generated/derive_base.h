/*
 * What every generated cell is compiled with: sizes in arithmetic that cannot wrap around, and the words that
 * C compilers spell differently. Included once.
 */

#ifndef DERIVE_BASE_H
#define DERIVE_BASE_H

#if defined __FAST_MATH__
#error "compile without -ffast-math and -Ofast: functions are rounded to whole numbers by sums that they rearrange"
#elif defined __FLT_EVAL_METHOD__ && __FLT_EVAL_METHOD__ == 2 && !defined __STRICT_ANSI__
#error "compile with -std=c99, or on x86 with -msse2 -mfpmath=sse: numbers have to be as precise as they are said to be"
#endif

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined __GNUC__
#define INLINE static inline __attribute__((always_inline))
#if defined __clang__
#define FUNCTION static __attribute__((unused, noinline))
#else
#define FUNCTION static __attribute__((unused, noinline, noclone))
#endif
#else
#define INLINE static inline
#define FUNCTION static inline
#endif

#if defined __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined __GNUC__
#define UNROLL _Pragma("GCC unroll 8")
#else
#define UNROLL
#endif

/*
 * The sets of instructions that there is code for; plain C99 is always one of them, and the only one with
 * -DDERIVE_PLAIN, for small programs and short compilations.
 */
#if defined DERIVE_PLAIN
#elif defined __x86_64__ && defined __GNUC__
#include <immintrin.h>
#define X86 1
#elif defined __aarch64__ && defined __ARM_NEON && defined __GNUC__
#include <arm_neon.h>
#define ARM 1
#endif

/* As every cell's header numbers them. */
enum { SET_PLAIN = 1, SET_AVX2, SET_AVX512, SET_NEON };

/* Whether this machine has a set of instructions. */
static inline int has_set(int set)
{
#if defined X86
    if (set == SET_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && has_set(SET_AVX2);
    if (set == SET_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#elif defined ARM
    if (set == SET_NEON)
        return 1;
#endif
    return set == SET_PLAIN;
}

/* Returns when all parts have called it. */
typedef void meeting(void *room);

/* What packed matrices are wanted for. */
enum { for_forward = 1, for_backward = 2 };

#define ALIGNMENT 64
#define UNIT (8 * ALIGNMENT / BITS)

/* Where the parts of the buffers are, inside the functions that declare these. */
#define WORK(k) (memory + at[k])
#define SAVED(k) (saved + saved_at[k])
#define PANELS(k) (panels + panels_at[k])

/* A part of an array that may be missing. */
#define PART(array, start) ((array) ? (array) + (start) : NULL)

/* How many rows a sum over rows takes at once, and how many columns of what it multiplies. */
#define SPAN 256
#define BAND 48

/* How many rows a product in front of a loop does ahead. */
#define RUN 256

#define TOO_LARGE ((size_t)-1)
#define LIMIT (TOO_LARGE / 2)

/* Sizes, in arithmetic that stays at TOO_LARGE instead of wrapping around. */
FUNCTION size_t times_large(size_t a, size_t b)
{
    return b != 0 && a > LIMIT / b ? TOO_LARGE : a * b;
}

INLINE size_t times(size_t a, size_t b)
{
    return (a | b) >> (4 * sizeof(size_t) - 1) ? times_large(a, b) : a * b;
}

INLINE size_t plus(size_t a, size_t b)
{
    return b > LIMIT || a > LIMIT - b ? TOO_LARGE : a + b;
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* `count` rounded up to whole units. */
INLINE size_t whole(size_t count, size_t unit)
{
    return count > LIMIT - unit ? TOO_LARGE : (count + unit - 1) / unit * unit;
}

/*
 * Something in pieces of at most so many, as few as can be, all about as large: how many pieces there are, where one
 * begins, and which it is that has number i.
 */
INLINE size_t pieces(size_t count, size_t most) { return (count + most - 1) / most; }
INLINE size_t piece(size_t count, size_t most, size_t k)
{
    return count > most ? count * k / pieces(count, most) : count * k;
}
INLINE size_t piece_of(size_t count, size_t most, size_t i) { return ((i + 1) * pieces(count, most) - 1) / count; }

/* Reserve `count` elements, rounded up to whole units, from `*end` on; returns where they start. */
INLINE size_t place(size_t *end, size_t count, size_t unit)
{
    const size_t start = *end;
    *end = plus(start, whole(count, unit));
    return start;
}

static inline int misaligned(const void *buffer)
{
    return (uintptr_t)buffer % ALIGNMENT != 0;
}

#endif
