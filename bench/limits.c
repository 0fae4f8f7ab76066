/* What the machine can do at most: fused multiply-adds a second, and bytes read from each level of memory.
 *
 *     limits MILLISECONDS CPU [CPU ...]
 *
 * writes one JSON object: the peak in GFLOP/s and the bandwidth in GB/s by bytes a thread, each the best of several
 * runs and their median, of all threads together. One thread a CPU.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
#define WIDTH 16
#define CHAINS 24
#elif defined(__AVX2__) && defined(__FMA__)
#define WIDTH 8
#define CHAINS 12
#else
#define WIDTH 4
#define CHAINS 12
#endif

typedef float vector __attribute__((vector_size(4 * WIDTH)));

enum { RUNS = 15, MAX_THREADS = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float sum(vector v)
{
    float s = 0;
    for (int i = 0; i < WIDTH; i++) s += v[i];
    return s;
}

/* Independent chains, as many as hide the latency; every value stays below 1. */
__attribute__((noinline)) static float multiply_adds(long count)
{
    vector a[CHAINS], x = (vector){0} + 0.999999f, y = (vector){0} + 1e-7f;
    for (int i = 0; i < CHAINS; i++) a[i] = (vector){0} + 0.01f * i;
    for (long k = 0; k < count; k++) {
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) a[i] = a[i] * x + y;
    }
    for (int i = 1; i < CHAINS; i++) a[0] += a[i];
    return sum(a[0]);
}

__attribute__((noinline)) static float read_all(const vector *p, long vectors, long times)
{
    vector a[8];
    memset(a, 0, sizeof a);
    for (long r = 0; r < times; r++) {
        for (long k = 0; k < vectors; k += 8) {
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++) a[i] += p[k + i];
        }
        __asm__ volatile("" ::: "memory");
    }
    for (int i = 1; i < 8; i++) a[0] += a[i];
    return sum(a[0]);
}

struct job {
    int cpu;
    long bytes;      /* 0: multiply-adds */
    long count;      /* rounds of multiply-adds, or times to read all */
    double seconds[RUNS][2];
    pthread_barrier_t *together;
    volatile float sink;
};

static void *work(void *argument)
{
    struct job *job = argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(job->cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    vector *data = NULL;
    if (job->bytes) {
        if (posix_memalign((void **)&data, 1 << 21, job->bytes)) exit(1);
        memset(data, 0, job->bytes);
    }
    for (int r = -1; r < RUNS; r++) {
        pthread_barrier_wait(job->together);
        double start = now();
        job->sink = data ? read_all(data, job->bytes / sizeof(vector), job->count) : multiply_adds(job->count);
        double end = now();
        if (r >= 0) job->seconds[r][0] = start, job->seconds[r][1] = end;
    }
    free(data);
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Best and median of the rate, `units` of work for every thread. */
static void measure(int threads, const int *cpus, long bytes, long count, double units, double result[2])
{
    static struct job jobs[MAX_THREADS];
    pthread_t ids[MAX_THREADS];
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, threads);
    for (int i = 0; i < threads; i++) {
        jobs[i].cpu = cpus[i], jobs[i].bytes = bytes, jobs[i].count = count, jobs[i].together = &together;
        pthread_create(&ids[i], NULL, work, &jobs[i]);
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&together);
    double rates[RUNS];
    for (int r = 0; r < RUNS; r++) {
        double start = jobs[0].seconds[r][0], end = jobs[0].seconds[r][1];
        for (int i = 1; i < threads; i++) {
            if (jobs[i].seconds[r][0] < start) start = jobs[i].seconds[r][0];
            if (jobs[i].seconds[r][1] > end) end = jobs[i].seconds[r][1];
        }
        rates[r] = 1e-9 * threads * units / (end - start);
    }
    qsort(rates, RUNS, sizeof *rates, ascending);
    result[0] = rates[RUNS - 1], result[1] = rates[RUNS / 2];
}

int main(int argc, char **argv)
{
    static const long sizes[] = {16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 768 << 10, 1 << 20,
                                 3 << 19, 2 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 128 << 20};
    if (argc < 3 || argc - 2 > MAX_THREADS) return 2;
    double seconds = 1e-3 * atof(argv[1]), result[2];
    int threads = argc - 2, cpus[MAX_THREADS];
    for (int i = 0; i < threads; i++) cpus[i] = atoi(argv[2 + i]);
    long count = 1000000 * seconds * 100;
    measure(threads, cpus, 0, count, 2.0 * WIDTH * CHAINS * count, result);
    printf("{\"width\": %d, \"peak\": [%.2f, %.2f], \"bandwidth\": {", WIDTH, result[0], result[1]);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        long times = seconds * 5e10 / sizes[s];
        if (times < 1) times = 1;
        measure(threads, cpus, sizes[s], times, (double)times * sizes[s], result);
        printf("%s\"%ld\": [%.2f, %.2f]", s ? ", " : "", sizes[s], result[0], result[1]);
    }
    printf("}}\n");
    return 0;
}
