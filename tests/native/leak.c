#include <stddef.h>

typedef struct { size_t T, B, D, H; } leak_dims;
typedef struct { int part, parts, checkpoint; void *crew; } leak_options;

static size_t product(size_t a, size_t b, size_t c)
{
    if (a == (size_t)-1) return a;
    if (b && a > (size_t)-1 / b) return (size_t)-1;
    if (c && a * b > (size_t)-1 / c) return (size_t)-1;
    return a * b * c;
}

/* nobody: all threads do the same here */
size_t leak_crew_bytes(void) { return 1; }
int leak_crew_start(void *crew, int threads) { return !crew || threads < 1; }

#define REAL float
#define NAME(x) leak_f32_##x
#include "leak.h"
#undef REAL
#undef NAME
#define REAL double
#define NAME(x) leak_f64_##x
#include "leak.h"
