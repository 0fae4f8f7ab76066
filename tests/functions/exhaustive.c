/*
 * Runs functions of single precision over all floats, in vector code of one set, and prints for each how many
 * units in the last place it is off at most, and where. Exits with 1 where a special value is wrong.
 *
 *     cc -DSET=avx512 exhaustive.c rows.c -lm; each row is `void run_NAME_f32_SET(const float *, float *, size_t)`
 */

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef SET
#define SET plain
#endif
#define JOINED(name, set) run_##name##_f32_##set
#define NAMED(name, set) JOINED(name, set)
#define RUN(name) NAMED(name, SET)
#define BLOCK 4096

typedef void row(const float *z, float *y, size_t n);

row RUN(exp), RUN(tanh), RUN(sigmoid), RUN(log);

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

static const struct {
    const char *name;
    row *run;
    double (*exact)(double z);
} ROWS[] = {
    {"exp", RUN(exp), exp},
    {"tanh", RUN(tanh), tanh},
    {"sigmoid", RUN(sigmoid), sigmoid},
    {"log", RUN(log), log},
};

/* The distance of neighbouring floats where a number is. */
static double unit(double exact)
{
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    exponent = (exponent < FLT_MIN_EXP - 1 ? FLT_MIN_EXP - 1 : exponent) + 1023 - (FLT_MANT_DIG - 1);
    bits = (uint64_t)exponent << 52;
    memcpy(&exact, &bits, sizeof bits);
    return exact;
}

/* Infinity counts as the number after the largest; a wrong sign, also of zero, and a wrong NaN as infinitely far. */
static double off(double got, double exact)
{
    const double beyond = 0x1p128;
    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0 : HUGE_VAL;
    if (!signbit(got) != !signbit(exact) || (isinf(exact) && !isinf(got)))
        return HUGE_VAL;
    if (fabs(got) > beyond)
        got = copysign(beyond, got);
    if (fabs(exact) > beyond)
        exact = copysign(beyond, exact);
    return fabs(got - exact) / unit(exact);
}

static int passes(row *run, double (*exact)(double z), const char *name)
{
    static float z[BLOCK], y[BLOCK];
    double worst = 0;
    float where = 0;
    uint32_t bits = 0;
    do {
        for (int k = 0; k < BLOCK; k++, bits++)
            memcpy(&z[k], &bits, sizeof bits);
        run(z, y, BLOCK);
        for (int k = 0; k < BLOCK; k++) {
            const double found = off((double)y[k], exact((double)z[k]));
            if (found > worst) {
                worst = found;
                where = z[k];
            }
        }
    } while (bits);
    printf("%s %.3f %.9g %a\n", name, worst, (double)where, (double)where);
    return isfinite(worst);
}

int main(void)
{
    int fine = 1;
    for (size_t k = 0; k < sizeof ROWS / sizeof *ROWS; k++)
        fine &= passes(ROWS[k].run, ROWS[k].exact, ROWS[k].name);
    return !fine;
}
