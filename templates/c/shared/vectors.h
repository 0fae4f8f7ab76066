/*
 * Vectors of numbers, for one precision and one instruction set. Included once for each pair, inside the
 * instruction set's region, with these defined:
 *   real       float or double        integer    the signed integer of the same size
 *   LANES      numbers in a vector; 1 makes every vector a plain number, and all of this C99
 *   NAME(x)    a name of its own for this precision and instruction set
 *   AVX512, AVX2 or NEON where the set is that one
 * Arithmetic, comparisons and integer operations are C's own operators. A comparison gives, in `MASK(…)`, all
 * bits of a lane set or none, in every set.
 */

#define vec NAME(vec)
#define mask NAME(mask)
#define vec_load NAME(vec_load)
#define vec_store NAME(vec_store)
#define vec_bits NAME(vec_bits)
#define vec_of_bits NAME(vec_of_bits)
#define vec_choose NAME(vec_choose)
#define vec_sqrt NAME(vec_sqrt)
#define vec_sum NAME(vec_sum)
#define vec_largest NAME(vec_largest)
#define vec_first NAME(vec_first)
#define vec_keep NAME(vec_keep)

#if LANES == 1

typedef real vec;
typedef integer mask;
#define V(x) ((real)(x))
#define M(x) ((integer)(x))
#define MASK(comparison) (-(mask)(comparison))

INLINE vec vec_load(const real *p, size_t count) { (void)count; return *p; }
INLINE void vec_store(real *p, vec v, size_t count) { (void)count; *p = v; }
INLINE vec vec_choose(mask m, vec a, vec b) { return m ? a : b; }
INLINE vec vec_sqrt(vec v) { return R(sqrt)(v); }
INLINE real vec_sum(vec v) { return v; }
INLINE real vec_largest(vec v) { return v; }
INLINE real vec_first(vec v) { return v; }
INLINE vec vec_keep(vec v, vec otherwise, size_t count) { (void)otherwise; (void)count; return v; }

#else

typedef real vec __attribute__((vector_size(LANES * sizeof(real))));
typedef integer mask __attribute__((vector_size(LANES * sizeof(real))));
typedef real NAME(loose) __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));
#define V(x) ((real)(x) - (vec){0})
#define M(x) ((integer)(x) - (mask){0})
#define MASK(comparison) (comparison)

/* The first `count` numbers behind p, as many as a vector holds; the other lanes are zero. */
INLINE vec vec_load(const real *p, size_t count)
{
    if (count >= LANES)
        return *(const NAME(loose) *)p;
#if defined AVX512 && BITS == 32
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif defined AVX512
    return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
#else
    vec v = {0};
    memcpy(&v, p, count * sizeof(real));
    return v;
#endif
}

INLINE void vec_store(real *p, vec v, size_t count)
{
    if (count >= LANES)
        *(NAME(loose) *)p = v;
    else
#if defined AVX512 && BITS == 32
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#elif defined AVX512
        _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)v);
#else
        memcpy(p, &v, count * sizeof(real));
#endif
}

INLINE vec vec_choose(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

INLINE vec vec_sqrt(vec v)
{
#if defined AVX512 && BITS == 32
    return (vec)_mm512_sqrt_ps((__m512)v);
#elif defined AVX512
    return (vec)_mm512_sqrt_pd((__m512d)v);
#elif defined AVX2 && BITS == 32
    return (vec)_mm256_sqrt_ps((__m256)v);
#elif defined AVX2
    return (vec)_mm256_sqrt_pd((__m256d)v);
#elif defined NEON && BITS == 32
    return (vec)vsqrtq_f32((float32x4_t)v);
#else
    return (vec)vsqrtq_f64((float64x2_t)v);
#endif
}

INLINE real vec_sum(vec v)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            v[l] += v[l + half];
    return v[0];
}

/* The largest lane; NaN where the first is. */
INLINE real vec_largest(vec v)
{
    real largest = v[0];
    for (int l = 1; l < LANES; l++)
        largest = v[l] > largest ? v[l] : largest;
    return largest;
}

INLINE real vec_first(vec v) { return v[0]; }

/* The first `count` lanes; in the others what is given otherwise. */
INLINE vec vec_keep(vec v, vec otherwise, size_t count)
{
    if (count < LANES)
        for (size_t l = count; l < LANES; l++)
            v[l] = otherwise[l];
    return v;
}

#endif

INLINE mask vec_bits(vec v)
{
    mask m;
    memcpy(&m, &v, sizeof m);
    return m;
}

INLINE vec vec_of_bits(mask m)
{
    vec v;
    memcpy(&v, &m, sizeof v);
    return v;
}
