/*
 * Vectors of numbers, for one precision and one instruction set. Included once for each pair, inside the
 * instruction set's region, with these defined:
 *   real       float or double        integer    the signed integer of the same size
 *   LANES      numbers in a vector; 1 makes every vector a plain number, and all of this C99
 *   NAME(x)    a name of its own for this precision and instruction set
 *   AVX512 (single precision only) or AVX2 where the set is that one
 * Arithmetic, comparisons and integer operations are C's own operators. A comparison gives, in `MASK(…)`, all
 * bits of a lane set or none, in every set.
 */

#undef V
#undef M
#undef MASK
#undef VECTOR

#define vec NAME(vec)
#define mask NAME(mask)
#define vec_load NAME(vec_load)
#define vec_store NAME(vec_store)
#define vec_bits NAME(vec_bits)
#define vec_of_bits NAME(vec_of_bits)
#define vec_choose NAME(vec_choose)
#define vec_sqrt NAME(vec_sqrt)
#define vec_turn NAME(vec_turn)
#define vec_sum NAME(vec_sum)
#define vec_sums NAME(vec_sums)
#define vec_lanes NAME(vec_lanes)
#define vec_first NAME(vec_first)
#define vec_keep NAME(vec_keep)
#define vec_gather NAME(vec_gather)
#define vec_power NAME(vec_power)

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
INLINE void vec_turn(vec square[1]) { (void)square; }
INLINE real vec_sum(vec v) { return v; }
INLINE vec vec_sums(const vec rows[1]) { return rows[0]; }
INLINE real vec_first(vec v) { return v; }
INLINE vec vec_keep(vec v, vec otherwise, size_t count) { (void)otherwise; (void)count; return v; }

#else

typedef real vec __attribute__((vector_size(LANES * sizeof(real))));
typedef integer mask __attribute__((vector_size(LANES * sizeof(real))));
typedef real NAME(loose) __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));
#define V(x) ((real)(x) - (vec){0})
#define M(x) ((integer)(x) - (mask){0})
#define MASK(comparison) (comparison)

/* All bits of the first `count` lanes. */
INLINE mask vec_lanes(size_t count)
{
    mask lane;
    UNROLL for (int l = 0; l < LANES; l++) lane[l] = l;
    return lane < M(count);
}

#if defined AVX512
#define MASKED_LOAD(p, count) (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << (count)) - 1), p)
#define MASKED_STORE(p, v, count) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (count)) - 1), (__m512)(v))
#define ROOT(v) (vec)_mm512_sqrt_ps((__m512)(v))
#elif defined AVX2 && BITS == 32
#define MASKED_LOAD(p, count) (vec)_mm256_maskload_ps(p, (__m256i)vec_lanes(count))
#define MASKED_STORE(p, v, count) _mm256_maskstore_ps(p, (__m256i)vec_lanes(count), (__m256)(v))
#define ROOT(v) (vec)_mm256_sqrt_ps((__m256)(v))
#elif defined AVX2
#define MASKED_LOAD(p, count) (vec)_mm256_maskload_pd(p, (__m256i)vec_lanes(count))
#define MASKED_STORE(p, v, count) _mm256_maskstore_pd(p, (__m256i)vec_lanes(count), (__m256d)(v))
#define ROOT(v) (vec)_mm256_sqrt_pd((__m256d)(v))
#else
FUNCTION vec NAME(masked_load)(const real *p, size_t count)
{
    vec v = {0};
    memcpy(&v, p, count * sizeof(real));
    return v;
}
#define MASKED_LOAD(p, count) NAME(masked_load)(p, count)
#define MASKED_STORE(p, v, count) memcpy(p, &(v), (count) * sizeof(real))
#if BITS == 32
#define ROOT(v) (vec)vsqrtq_f32((float32x4_t)(v))
#else
#define ROOT(v) (vec)vsqrtq_f64((float64x2_t)(v))
#endif
#endif

/* The first `count` numbers from p on, as many as a vector holds; the other lanes are zero. */
INLINE vec vec_load(const real *p, size_t count)
{
    if (count >= LANES)
        return *(const NAME(loose) *)p;
    return MASKED_LOAD(p, count);
}

INLINE void vec_store(real *p, vec v, size_t count)
{
    if (count >= LANES)
        *(NAME(loose) *)p = v;
    else
        MASKED_STORE(p, v, count);
}

INLINE vec vec_choose(mask m, vec a, vec b) { return (vec)((m & (mask)a) | (~m & (mask)b)); }

INLINE vec vec_sqrt(vec v) { return ROOT(v); }

/* The lanes of two vectors in turn, the first half of them and the second. */
#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES == 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#else
#define LOW 0, 2
#define HIGH 1, 3
#endif
#ifdef __clang__
#define SHUFFLE(a, b, order) __builtin_shufflevector(a, b, order)
#else
#define SHUFFLE(a, b, order) __builtin_shuffle(a, b, (mask){order})
#endif

/* Turn a square of numbers over: lane k of vector l becomes lane l of vector k. */
INLINE void vec_turn(vec square[LANES])
{
    for (int span = 1; span < LANES; span *= 2) {
        vec turned[LANES];
        UNROLL for (int l = 0; l < LANES / 2; l++) {
            turned[2 * l] = SHUFFLE(square[l], square[l + LANES / 2], LOW);
            turned[2 * l + 1] = SHUFFLE(square[l], square[l + LANES / 2], HIGH);
        }
        UNROLL for (int l = 0; l < LANES; l++) square[l] = turned[l];
    }
}
/* The sum of all lanes. */
FUNCTION real vec_sum(vec v)
{
    UNROLL for (int half = LANES / 2; half > 0; half /= 2) v = SHUFFLE(v, v, LOW) + SHUFFLE(v, v, HIGH);
    return v[0];
}

/* Those of several vectors, each as `vec_sum` forms it; that of vector k in lane k. */
FUNCTION vec vec_sums(const vec rows[LANES])
{
    vec sums[LANES];
    UNROLL for (int l = 0; l < LANES; l++) sums[l] = rows[l];
    UNROLL for (int half = LANES / 2; half > 0; half /= 2)
        UNROLL for (int l = 0; l < half; l++)
            sums[l] = SHUFFLE(sums[l], sums[l + half], LOW) + SHUFFLE(sums[l], sums[l + half], HIGH);
    return sums[0];
}
#undef SHUFFLE
#undef HIGH
#undef LOW

INLINE real vec_first(vec v) { return v[0]; }

/* The first `count` lanes; in the others what is given otherwise. */
INLINE vec vec_keep(vec v, vec otherwise, size_t count)
{
    return count >= LANES ? v : vec_choose(vec_lanes(count), v, otherwise);
}

#undef ROOT
#undef MASKED_STORE
#undef MASKED_LOAD

#endif

/* Lanes that are `step` numbers apart. */
FUNCTION vec vec_gather(const real *p, size_t step, size_t count)
{
    real found[LANES] = {0};
    for (size_t l = 0; l < count && l < LANES; l++)
        found[l] = p[l * step];
    return vec_load(found, LANES);
}

INLINE vec vec_power(vec base, unsigned exponent)
{
    vec result = base;
    while (--exponent > 0)
        result *= base;
    return result;
}

/* What has been loaded stays in a register: a compiler loads anew what is used two or three times. */
#undef HOLD
#if defined AVX512
#define HOLD(v) __asm__("" : "+v"(v))
#elif defined AVX2
#define HOLD(v) __asm__("" : "+x"(v))
#else
#define HOLD(v) ((void)(v))
#endif

#undef GET
#undef PUT
#undef KEEP
#undef SUM
#define GET(p) vec_load(p, lanes)
#define PUT(p, v) vec_store(p, v, lanes)
#define KEEP(v) vec_keep(v, V(0), lanes)

/*
 * Statements for the next lanes of `count` numbers: compiled twice, for a whole vector and for what is left at
 * the end, with `lanes` telling how many.
 */
#if LANES == 1
#define VECTOR(count, ...) { enum { lanes = 1 }; __VA_ARGS__ }
#else
#define VECTOR(count, ...) \
    if ((count) >= LANES) { enum { lanes = LANES }; __VA_ARGS__ } \
    else { const size_t lanes = (count); __VA_ARGS__ }
#endif

/* A vector of sums over k below `count`; as two, since each addition has to wait for the one before. */
#define SUM(total, k, count, ...) \
    vec total; \
    { \
        size_t k = 0; \
        vec sum_0 = V(0), sum_1 = V(0); \
        while (k + 2 <= (count)) { \
            sum_0 += __VA_ARGS__; k++; \
            sum_1 += __VA_ARGS__; k++; \
        } \
        if (k < (count)) sum_0 += __VA_ARGS__; \
        total = sum_0 + sum_1; \
    }

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
