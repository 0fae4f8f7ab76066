/*
 * Elementary functions of vectors, for one precision and one instruction set; included after derive_vectors.h, which
 * tells what has to be defined, and in the same region. BITS is 32 or 64.
 *
 * No function branches on a lane's value, but for sin and cos beyond TURNS_END, which libm computes lane by lane.
 * NaN passes through, and zero keeps its sign. Every step is right whether or not the compiler contracts a * b + c.
 */

#if BITS == 32

#define DIGITS 23
#define BIAS 127
#define ROUNDER 12582912.0
#define ROUNDER_BIASED_TWICE 12583166.0
#define ROUNDER_BIASED_LESS_1 12583038.0
#define LOG2_E 0x1.71547652b82fep+0
#define EXP_IS_0 -104.0
#define EXP_IS_INFINITE 89.0
#define EXPM1_IS_MINUS_1 -18.0
#define TANH_IS_1 9.0625
#define LN2_HIGH 0x1.62e4p-1
#define LN2_LOW 0x1.7f7d1cp-20
#define SMALLEST_NORMAL 0x1p-126
#define ALL_ARE_WHOLE 16777216.0
#define SQRT_HALF 0x1.6a09e667f3bcdp-1
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define HALF_PI_1 0x1.921p+0
#define HALF_PI_2 0x1.f6ap-13
#define HALF_PI_3 0x1.11p-26
#define HALF_PI_4 0x1.68c234p-39
#define TURNS_END 3216.0
#define LOW_BITS 4095
#define ERF_INSIDE 1.0
#define ERFC_OUTSIDE 0.75
#define ERFC_CENTRE 2
#define ERFC_IS_0 10.125

/* exp(r) - 1 = r + r^2 p, for r from -0.34657 to 0.34657: relative error 1.7e-08 */
INLINE vec NAME(exp_rest)(vec r)
{
    vec p = V(0x1.6bf118p-10);
    p = p * r + V(0x1.122744p-7);
    p = p * r + V(0x1.55566cp-5);
    p = p * r + V(0x1.5554bp-3);
    p = p * r + V(0x1.fffffep-2);
    return p;
}

/* 2 atanh(s) / s = 2 + r p, r = s^2, for r from 0.0 to 0.029437: relative error 8e-10 */
INLINE vec NAME(log_rest)(vec r)
{
    vec p = V(0x1.31df56p-2);
    p = p * r + V(0x1.995edep-2);
    p = p * r + V(0x1.55557ap-1);
    return p;
}

/* sin(s) / s = 1 + r p, r = s^2, for r from 0.0 to 0.61685: relative error 3.7e-09 */
INLINE vec NAME(sin_rest)(vec r)
{
    vec p = V(0x1.6cd29ap-19);
    p = p * r + V(-0x1.a00f82p-13);
    p = p * r + V(0x1.111108p-7);
    p = p * r + V(-0x1.555556p-3);
    return p;
}

/* cos(s) = 1 - r / 2 + r^2 p, r = s^2, for r from 0.0 to 0.61685: relative error 1.9e-10 */
INLINE vec NAME(cos_rest)(vec r)
{
    vec p = V(0x1.99ebfcp-16);
    p = p * r + V(-0x1.6c0c36p-10);
    p = p * r + V(0x1.55554ap-5);
    return p;
}

/* erf(s) / s = 1 + p, r = s^2, for r from 0.0 to 1.0: relative error 4.6e-09 */
INLINE vec NAME(erf_inside)(vec r)
{
    vec p = V(0x1.496a58p-14);
    p = p * r + V(-0x1.a3f706p-11);
    p = p * r + V(0x1.5405b2p-8);
    p = p * r + V(-0x1.b7f90cp-6);
    p = p * r + V(0x1.ce2cf8p-4);
    p = p * r + V(-0x1.81273ep-2);
    p = p * r + V(0x1.06eba8p-3);
    return p;
}

/* exp(a^2) erfc(a) (1 + 2 a) = p, r = (a - 2) / (a + 2), for r from -0.45455 to 0.6701: relative error 7.1e-09 */
INLINE vec NAME(erfc_outside)(vec r)
{
    vec p = V(-0x1.84a87ap-10);
    p = p * r + V(0x1.1a0edp-10);
    p = p * r + V(0x1.1f0d9ap-7);
    p = p * r + V(-0x1.063eaep-7);
    p = p * r + V(-0x1.bc3882p-5);
    p = p * r + V(0x1.4ff91ap-3);
    p = p * r + V(-0x1.540798p-3);
    p = p * r + V(-0x1.7bf5e2p-4);
    p = p * r + V(0x1.46e80ep+0);
    return p;
}

#elif BITS == 64

#define DIGITS 52
#define BIAS 1023
#define ROUNDER 6755399441055744.0
#define ROUNDER_BIASED_TWICE 6755399441057790.0
#define ROUNDER_BIASED_LESS_1 6755399441056766.0
#define LOG2_E 0x1.71547652b82fep+0
#define EXP_IS_0 -746.0
#define EXP_IS_INFINITE 710.0
#define EXPM1_IS_MINUS_1 -38.0
#define TANH_IS_1 19.0625
#define LN2_HIGH 0x1.62e42fefa38p-1
#define LN2_LOW 0x1.ef35793c7673p-45
#define SMALLEST_NORMAL 0x1p-1022
#define ALL_ARE_WHOLE 9007199254740992.0
#define SQRT_HALF 0x1.6a09e667f3bcdp-1
#define TWO_OVER_PI 0x1.45f306dc9c883p-1
#define HALF_PI_1 0x1.921fb544p+0
#define HALF_PI_2 0x1.0b4611a6p-34
#define HALF_PI_3 0x1.3198a2ep-69
#define HALF_PI_4 0x1.b839a252049c1p-104
#define TURNS_END 1647099.0
#define LOW_BITS 134217727
#define ERF_INSIDE 1.0
#define ERFC_OUTSIDE 0.75
#define ERFC_CENTRE 3
#define ERFC_IS_0 27.25

/* exp(r) - 1 = r + r^2 p, for r from -0.34657 to 0.34657: relative error 1.1e-18 */
INLINE vec NAME(exp_rest)(vec r)
{
    vec p = V(0x1.1eec1132946c1p-29);
    p = p * r + V(0x1.af5e6085e04dbp-26);
    p = p * r + V(0x1.27e533dcfa3p-22);
    p = p * r + V(0x1.71ddf889dfdf7p-19);
    p = p * r + V(0x1.a01a017cd7d31p-16);
    p = p * r + V(0x1.a01a01afcfa25p-13);
    p = p * r + V(0x1.6c16c16c1ed2cp-10);
    p = p * r + V(0x1.111111110f6e5p-7);
    p = p * r + V(0x1.555555555553fp-5);
    p = p * r + V(0x1.5555555555559p-3);
    p = p * r + V(0.5);
    return p;
}

/* 2 atanh(s) / s = 2 + r p, r = s^2, for r from 0.0 to 0.029437: relative error 1.3e-18 */
INLINE vec NAME(log_rest)(vec r)
{
    vec p = V(0x1.2f003ac12e375p-3);
    p = p * r + V(0x1.39a23f9f0102dp-3);
    p = p * r + V(0x1.746639b0fc8f8p-3);
    p = p * r + V(0x1.c71c52230e65ep-3);
    p = p * r + V(0x1.24924941d155fp-2);
    p = p * r + V(0x1.999999997fff5p-2);
    p = p * r + V(0x1.5555555555592p-1);
    return p;
}

/* sin(s) / s = 1 + r p, r = s^2, for r from 0.0 to 0.61685: relative error 6.3e-18 */
INLINE vec NAME(sin_rest)(vec r)
{
    vec p = V(-0x1.aaa2adcf18f06p-41);
    p = p * r + V(0x1.61208d2449da9p-33);
    p = p * r + V(-0x1.ae64528eefc81p-26);
    p = p * r + V(0x1.71de3a5331bacp-19);
    p = p * r + V(-0x1.a01a01a018a7cp-13);
    p = p * r + V(0x1.111111111110bp-7);
    p = p * r + V(-0x1.5555555555555p-3);
    return p;
}

/* cos(s) = 1 - r / 2 + r^2 p, r = s^2, for r from 0.0 to 0.61685: relative error 1.1e-18 */
INLINE vec NAME(cos_rest)(vec r)
{
    vec p = V(-0x1.8fa4a59562393p-37);
    p = p * r + V(0x1.1ee9d7c47a197p-29);
    p = p * r + V(-0x1.27e4f7eacfaadp-22);
    p = p * r + V(0x1.a01a019c84498p-16);
    p = p * r + V(-0x1.6c16c16c14f9p-10);
    p = p * r + V(0x1.555555555554bp-5);
    return p;
}

/* erf(s) / s = 1 + p, r = s^2, for r from 0.0 to 1.0: relative error 1.1e-17 */
INLINE vec NAME(erf_inside)(vec r)
{
    vec p = V(0x1.0579973b22e5bp-34);
    p = p * r + V(-0x1.386ab72b3841bp-30);
    p = p * r + V(0x1.f7a40e127d9efp-27);
    p = p * r + V(-0x1.5f1d364043c2p-23);
    p = p * r + V(0x1.b9def1893c9bcp-20);
    p = p * r + V(-0x1.f4d1df370f345p-17);
    p = p * r + V(0x1.f9a321a0f3512p-14);
    p = p * r + V(-0x1.c02db3d8eafd3p-11);
    p = p * r + V(0x1.565bcd0db01bep-8);
    p = p * r + V(-0x1.b82ce31284991p-6);
    p = p * r + V(0x1.ce2f21a042b2p-4);
    p = p * r + V(-0x1.812746b0379e6p-2);
    p = p * r + V(0x1.06eba8214db69p-3);
    return p;
}

/* exp(a^2) erfc(a) (1 + 2 a) = p, r = (a - 3) / (a + 3), for r from -0.6 to 0.80165: relative error 5e-17 */
INLINE vec NAME(erfc_outside)(vec r)
{
    vec p = V(0x1.6829c35f002bp-24);
    p = p * r + V(-0x1.25ee56f371d32p-24);
    p = p * r + V(-0x1.4952f86012cdep-21);
    p = p * r + V(0x1.3b77c685a128ap-22);
    p = p * r + V(0x1.d319caddfdf7p-19);
    p = p * r + V(-0x1.780fb42a4c1ecp-21);
    p = p * r + V(-0x1.51568043466dp-16);
    p = p * r + V(0x1.4b87298c0b6b7p-18);
    p = p * r + V(0x1.065b68b6360edp-13);
    p = p * r + V(-0x1.b91098f18ed87p-14);
    p = p * r + V(-0x1.98db5fbc1bd7cp-11);
    p = p * r + V(0x1.ef1bd9d6dd53ep-10);
    p = p * r + V(0x1.4b884ea8b4174p-9);
    p = p * r + V(-0x1.8574c40819b87p-6);
    p = p * r + V(0x1.17ca2877c3b8ep-4);
    p = p * r + V(-0x1.e88b803a5171bp-4);
    p = p * r + V(0x1.098366a5b4fd5p-3);
    p = p * r + V(-0x1.85a15c58aa22cp-5);
    p = p * r + V(-0x1.15c084bb9e904p-3);
    p = p * r + V(0x1.40c522d7e4987p+0);
    return p;
}

#endif

/* -- bits */

#if LANES == 1

INLINE mask NAME(shifted)(mask m, int count)
{
#if BITS == 32
    return (mask)((uint32_t)m << count);
#else
    return (mask)((uint64_t)m << count);
#endif
}

INLINE int NAME(any)(mask m) { return m != 0; }

#else

INLINE mask NAME(shifted)(mask m, int count) { return m << count; }

INLINE int NAME(any)(mask m)
{
#if defined AVX512
    return _mm512_movepi32_mask((__m512i)m) != 0;
#elif defined AVX2
    return _mm256_movemask_epi8((__m256i)m) != 0;
#else
    integer found = 0;
    for (int l = 0; l < LANES; l++)
        found |= m[l];
    return found != 0;
#endif
}

#endif

INLINE vec NAME(fabs)(vec v) { return vec_of_bits(vec_bits(v) & ~vec_bits(V(-0.0))); }

/* A number that is not negative, with the sign of another one. */
INLINE vec NAME(with_sign)(vec v, vec of) { return vec_of_bits(vec_bits(v) | (vec_bits(of) & vec_bits(V(-0.0)))); }

/* v, or the limit where v is beyond it; NaN stays. x86 returns the second operand where one is NaN. */
INLINE vec NAME(at_most)(vec v, vec limit)
{
#if defined AVX512
    return (vec)_mm512_min_ps((__m512)limit, (__m512)v);
#elif defined AVX2 && BITS == 32
    return (vec)_mm256_min_ps((__m256)limit, (__m256)v);
#elif defined AVX2
    return (vec)_mm256_min_pd((__m256d)limit, (__m256d)v);
#else
    return vec_choose(MASK(v > limit), limit, v);
#endif
}

INLINE vec NAME(at_least)(vec v, vec limit)
{
#if defined AVX512
    return (vec)_mm512_max_ps((__m512)limit, (__m512)v);
#elif defined AVX2 && BITS == 32
    return (vec)_mm256_max_ps((__m256)limit, (__m256)v);
#elif defined AVX2
    return (vec)_mm256_max_pd((__m256d)limit, (__m256d)v);
#else
    return vec_choose(MASK(v < limit), limit, v);
#endif
}

/* -- exponentials: z = n ln 2 + r */

/* exp(z - less), where less is small beside 1. The exponent goes in by halves, as 2^n alone may not be a number. */
INLINE vec NAME(exp_less)(vec z, vec less)
{
    z = NAME(at_least)(NAME(at_most)(z, V(EXP_IS_INFINITE)), V(EXP_IS_0));
    const vec rounded = (z - less) * V(LOG2_E) + V(ROUNDER_BIASED_TWICE);
    const vec n = rounded - V(ROUNDER_BIASED_TWICE);
    const vec r = z - n * V(LN2_HIGH) - n * V(LN2_LOW) - less;
    const vec power = V(1) + r * (V(1) + r * NAME(exp_rest)(r));
#if defined AVX512
    return (vec)_mm512_scalef_ps((__m512)power, (__m512)n);
#else
    const mask exponent = vec_bits(rounded), half = exponent >> M(1);
    const vec first = vec_of_bits(NAME(shifted)(half, DIGITS));
    return power * first * vec_of_bits(NAME(shifted)(exponent - half, DIGITS));
#endif
}

INLINE vec NAME(exp)(vec z) { return NAME(exp_less)(z, V(0)); }

/* (exp(z) - 1) / 2 for z from EXPM1_IS_MINUS_1 to EXP_IS_INFINITE; the half of a power is always a number. */
INLINE vec NAME(expm1_half)(vec z)
{
    const vec rounded = z * V(LOG2_E) + V(ROUNDER_BIASED_LESS_1);
    const vec n = rounded - V(ROUNDER_BIASED_LESS_1);
    const vec r = z - n * V(LN2_HIGH) - n * V(LN2_LOW);
    const vec half = vec_of_bits(NAME(shifted)(vec_bits(rounded), DIGITS));
    return half * (r + r * r * NAME(exp_rest)(r)) + (half - V(0.5));
}

INLINE vec NAME(expm1)(vec z)
{
    const vec held = NAME(at_least)(NAME(at_most)(z, V(EXP_IS_INFINITE)), V(EXPM1_IS_MINUS_1));
    return NAME(with_sign)(V(2) * NAME(expm1_half)(held), z);
}

INLINE vec NAME(tanh)(vec z)
{
    const vec a = NAME(at_most)(NAME(fabs)(z), V(TANH_IS_1)), half = NAME(expm1_half)(a + a);
    /* half / (half + 1), where that is above 1/2 as 1 - 1 / (half + 1): the quotient's error counts for less then. */
    const mask large = MASK(half > V(1));
    const vec quotient = vec_choose(large, V(-1), half) / (half + V(1));
    return NAME(with_sign)(vec_choose(large, V(1) + quotient, quotient), z);
}

/* -- logarithms: z = 2^n (1 + f), with 1 + f from sqrt(1/2) to sqrt(2) */

/* n and 1 + f of a normal number, its sign aside. */
INLINE vec NAME(exponent)(vec z, vec *mantissa)
{
    const mask bits = vec_bits(NAME(fabs)(z)), n = (bits - vec_bits(V(SQRT_HALF))) >> M(DIGITS);
    *mantissa = vec_of_bits(bits - NAME(shifted)(n, DIGITS));
    return vec_of_bits(vec_bits(V(ROUNDER)) + n) - V(ROUNDER);
}

/* n ln 2 + log(1 + f), by s = f / (2 + f); and what it is where z is no positive number. */
INLINE vec NAME(log_of)(vec n, vec f, vec z)
{
    const vec s = f / (V(2) + f), square = s * s, half = V(0.5) * f * f;
    const vec tail = s * (half + square * NAME(log_rest)(square)) + n * V(LN2_LOW);
    const vec found = n * V(LN2_HIGH) - ((half - tail) - f);
    const vec end = vec_choose(MASK(z == V(0)), V(-INFINITY), vec_choose(MASK(z < V(0)), V(NAN), z));
    return vec_choose(MASK(z > V(0)) & MASK(z < V(INFINITY)), found, end);
}

INLINE vec NAME(log)(vec z)
{
    const mask subnormal = MASK(z < V(SMALLEST_NORMAL));
    vec mantissa;
    const vec n = NAME(exponent)(vec_choose(subnormal, z * V(ALL_ARE_WHOLE), z), &mantissa);
    return NAME(log_of)(n - vec_choose(subnormal, V(DIGITS + 1), V(0)), mantissa - V(1), z);
}

/* What 1 + z has lost goes into f. */
INLINE vec NAME(log1p)(vec z)
{
    const vec sum = V(1) + z;
    vec mantissa;
    const vec n = NAME(exponent)(sum, &mantissa);
    const vec scale = vec_of_bits(NAME(shifted)(vec_bits(V(ROUNDER + BIAS) - n), DIGITS));
    const vec lost = vec_choose(MASK(z < V(ALL_ARE_WHOLE)), (z - (sum - V(1))) * scale, V(0));
    return NAME(with_sign)(NAME(log_of)(n, (mantissa - V(1)) + lost, sum), z);
}

/* -- sine and cosine: z = n pi / 2 + r */

INLINE vec NAME(sine)(vec z, int quarters)
{
    const vec rounded = z * V(TWO_OVER_PI) + V(ROUNDER), n = rounded - V(ROUNDER);
    const vec r = z - n * V(HALF_PI_1) - n * V(HALF_PI_2) - n * V(HALF_PI_3) - n * V(HALF_PI_4), square = r * r;
    const vec sine = r * (V(1) + square * NAME(sin_rest)(square));
    const vec cosine = V(1) - V(0.5) * square + square * square * NAME(cos_rest)(square);
    const mask turns = vec_bits(rounded) + M(quarters);
    const vec found = vec_choose(-(turns & M(1)), cosine, sine);
    return vec_of_bits(vec_bits(found) ^ NAME(shifted)(turns & M(2), BITS - 2));
}

static inline vec NAME(sin_by_lane)(vec z)
{
    real lanes[LANES];
    memcpy(lanes, &z, sizeof z);
    for (int l = 0; l < LANES; l++)
        lanes[l] = R(sin)(lanes[l]);
    memcpy(&z, lanes, sizeof z);
    return z;
}

INLINE vec NAME(sin)(vec z)
{
    if (NAME(any)(~MASK(NAME(fabs)(z) <= V(TURNS_END))))
        return NAME(sin_by_lane)(z);
    return NAME(sine)(z, 0);
}

static inline vec NAME(cos_by_lane)(vec z)
{
    real lanes[LANES];
    memcpy(lanes, &z, sizeof z);
    for (int l = 0; l < LANES; l++)
        lanes[l] = R(cos)(lanes[l]);
    memcpy(&z, lanes, sizeof z);
    return z;
}

INLINE vec NAME(cos)(vec z)
{
    if (NAME(any)(~MASK(NAME(fabs)(z) <= V(TURNS_END))))
        return NAME(cos_by_lane)(z);
    return NAME(sine)(z, 1);
}

/* -- the error function: near zero a polynomial, further out the tail; a function takes what loses no digits */

INLINE vec NAME(erf_near)(vec z) { return z + z * NAME(erf_inside)(z * z); }

/* erfc of |z|: exp(-a^2) times a polynomial over 1 + 2 a. Of a, the high half has an exact square. */
INLINE vec NAME(erfc_tail)(vec z)
{
    const vec a = NAME(at_most)(NAME(fabs)(z), V(ERFC_IS_0));
    const vec high = vec_of_bits(vec_bits(a) & ~M(LOW_BITS));
    const vec power = NAME(exp_less)(-(high * high), (a - high) * (a + high));
    const vec r = (a - V(ERFC_CENTRE)) / (a + V(ERFC_CENTRE));
    return power * NAME(erfc_outside)(r) / (V(1) + V(2) * a);
}

INLINE vec NAME(erfc)(vec z)
{
    const vec tail = NAME(erfc_tail)(z), far = vec_choose(MASK(z < V(0)), V(2) - tail, tail);
    return vec_choose(MASK(NAME(fabs)(z) < V(ERFC_OUTSIDE)), V(1) - NAME(erf_near)(z), far);
}

INLINE vec NAME(erf)(vec z)
{
    const vec far = NAME(with_sign)(V(1) - NAME(erfc_tail)(z), z);
    return vec_choose(MASK(NAME(fabs)(z) < V(ERF_INSIDE)), NAME(erf_near)(z), far);
}

#undef DIGITS
#undef BIAS
#undef ROUNDER
#undef ROUNDER_BIASED_TWICE
#undef ROUNDER_BIASED_LESS_1
#undef LOG2_E
#undef EXP_IS_0
#undef EXP_IS_INFINITE
#undef EXPM1_IS_MINUS_1
#undef TANH_IS_1
#undef LN2_HIGH
#undef LN2_LOW
#undef SMALLEST_NORMAL
#undef ALL_ARE_WHOLE
#undef SQRT_HALF
#undef TWO_OVER_PI
#undef HALF_PI_1
#undef HALF_PI_2
#undef HALF_PI_3
#undef HALF_PI_4
#undef TURNS_END
#undef LOW_BITS
#undef ERF_INSIDE
#undef ERFC_OUTSIDE
#undef ERFC_CENTRE
#undef ERFC_IS_0
