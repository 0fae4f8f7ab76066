/*
 * The work of a cell, which is in the file KERNELS, for one precision and every set of instructions. GCC and Clang
 * compile each for its own set, whatever machine the rest is compiled for.
 */

/* C99 alone */
#if defined X86 && !defined __clang__ /* small, as few x86 machines run it */
#pragma GCC push_options
#pragma GCC optimize("Os")
#endif
#define LANES 1
#define ROWS 3
#define NAME(name) Q(plain_##name)
#include KERNELS
#undef NAME
#undef ROWS
#undef LANES
#if defined X86 && !defined __clang__
#pragma GCC pop_options
#endif

/* x86-64 with AVX2 and FMA */
#if defined X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi2")
#endif
#define AVX2
#define LANES (256 / BITS)
#define ROWS 3
#define NAME(name) Q(avx2_##name)
#include KERNELS
#undef NAME
#undef ROWS
#undef LANES
#undef AVX2
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

/* x86-64 with AVX-512; single precision */
#if defined X86 && BITS == 32
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi2"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,bmi2")
#endif
#define AVX512
#define LANES 16
#define ROWS 6
#define NAME(name) Q(avx512_##name)
#include KERNELS
#undef NAME
#undef ROWS
#undef LANES
#undef AVX512
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

/* AArch64 */
#if defined ARM
#define LANES (128 / BITS)
#define ROWS 6
#define NAME(name) Q(neon_##name)
#include KERNELS
#undef NAME
#undef ROWS
#undef LANES
#endif

static const Q(kernels) *Q(kernels_of)(int set)
{
    switch (set) {
    case SET_PLAIN:
        return &Q(plain_kernels);
#if defined X86
    case SET_AVX2:
        return &Q(avx2_kernels);
#endif
#if defined X86 && BITS == 32
    case SET_AVX512:
        return &Q(avx512_kernels);
#endif
#if defined ARM
    case SET_NEON:
        return &Q(neon_kernels);
#endif
    default:
        return NULL;
    }
}
