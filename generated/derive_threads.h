/*
 * Work in stages and parts, done by POSIX threads: a crew that waits between calls, or one for a single call. Nothing
 * else of the generated C needs an operating system. Included once.
 */

#ifndef DERIVE_THREADS_H
#define DERIVE_THREADS_H

#include <pthread.h>
#include <sched.h>

/* A thread looks out for others in a loop, so many turns with its core and so many without, before it sleeps. */
enum { MOST_THREADS = 64, TURNS_AWAKE = 2000, TURNS_YIELDING = 200 };

/* Does one part of one stage, all parts at the same time; returns an error code. */
typedef int (*stage_work)(const void *call, int stage, int part, int parts, meeting *meet, void *room);

typedef struct crew crew;

/* On cache lines of its own. */
typedef struct {
    __attribute__((aligned(ALIGNMENT))) size_t met; /* how many meetings it has come to */
    crew *crew;
    int part, parts;
    pthread_t thread;
} crew_member;

/*
 * `order` is the number of a call times ORDERS, and its parts, or LEAVE: one word, so that a thread without a part in
 * a call reads nothing else. The first member is the one that calls. All zero, it is a crew that has not been started.
 */
struct crew {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int size, busy, asleep;
    size_t order;
    stage_work work;
    const void *call;
    int stages, code;
    crew_member members[MOST_THREADS];
};

enum { ORDERS = 2 * MOST_THREADS, LEAVE = ORDERS - 1 };

/* One turn of waiting; returns the number of turns, which ends at that of a thread that could sleep. */
static int crew_waits(int turns)
{
    if (turns >= TURNS_AWAKE)
        sched_yield();
#if defined X86
    else
        __builtin_ia32_pause();
#endif
    return turns < TURNS_AWAKE + TURNS_YIELDING ? turns + 1 : turns;
}

/* Returns when all parts have come here. */
static void crew_meets(void *room)
{
    crew_member *const me = room;
    const size_t met = me->met + 1;
    __atomic_store_n(&me->met, met, __ATOMIC_RELEASE);
    for (int k = 0; k < me->parts; k++)
        for (int turns = 0; __atomic_load_n(&me->crew->members[k].met, __ATOMIC_ACQUIRE) - met > LIMIT;)
            turns = crew_waits(turns);
}

/* Behind the last meeting the crew may have its next call, so nothing of it is read then. */
static void crew_works(crew_member *me, int parts)
{
    crew *const c = me->crew;
    const int stages = c->stages;
    me->parts = parts;
    for (int stage = 0; stage < stages; stage++) {
        const int code = c->work(c->call, stage, me->part, parts, crew_meets, me);
        if (code)
            __atomic_store_n(&c->code, code, __ATOMIC_RELAXED);
        crew_meets(me);
    }
}

/* The next order after `last`. */
static size_t crew_ordered(crew *c, size_t last)
{
    size_t order = last;
    for (int turns = 0; turns < TURNS_AWAKE + TURNS_YIELDING; turns = crew_waits(turns)) {
        order = __atomic_load_n(&c->order, __ATOMIC_ACQUIRE);
        if (order != last)
            return order;
    }
    pthread_mutex_lock(&c->lock);
    __atomic_add_fetch(&c->asleep, 1, __ATOMIC_SEQ_CST);
    while ((order = __atomic_load_n(&c->order, __ATOMIC_SEQ_CST)) == last)
        pthread_cond_wait(&c->wake, &c->lock);
    __atomic_sub_fetch(&c->asleep, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&c->lock);
    return order;
}

static void crew_orders(crew *c, size_t what)
{
    __atomic_store_n(&c->order, (c->order / ORDERS + 1) * ORDERS + what, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&c->asleep, __ATOMIC_SEQ_CST) > 0) {
        pthread_mutex_lock(&c->lock);
        pthread_cond_broadcast(&c->wake);
        pthread_mutex_unlock(&c->lock);
    }
}

static void *crew_member_lives(void *argument)
{
    crew_member *const me = argument;
    for (size_t order = 0;;) {
        order = crew_ordered(me->crew, order);
        if (order % ORDERS == LEAVE)
            return NULL;
        if ((size_t)me->part < order % ORDERS)
            crew_works(me, (int)(order % ORDERS));
    }
}

/* A crew of so many, or of as many as threads can be had. */
static void crew_starts(crew *c, int threads)
{
    memset(c, 0, offsetof(crew, members));
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    for (; c->size < 1 || (c->size < threads && c->size < MOST_THREADS); c->size++) {
        crew_member *const m = &c->members[c->size];
        m->met = 0;
        m->crew = c;
        m->part = c->size;
        if (c->size > 0 && pthread_create(&m->thread, NULL, crew_member_lives, m) != 0)
            break;
    }
}

static void crew_ends(crew *c)
{
    if (c->size == 0)
        return;
    crew_orders(c, LEAVE);
    for (int k = 1; k < c->size; k++)
        pthread_join(c->members[k].thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    c->size = 0;
}

static int crew_does(crew *c, int threads, int stages, stage_work work, const void *call)
{
    const int parts = threads < c->size ? threads : c->size;
    c->work = work;
    c->call = call;
    c->stages = stages;
    c->code = 0;
    /* Who had no part in the call before has come to fewer meetings. */
    for (int k = 1; k < parts; k++)
        if (__atomic_load_n(&c->members[k].met, __ATOMIC_RELAXED) != c->members->met)
            __atomic_store_n(&c->members[k].met, c->members->met, __ATOMIC_RELAXED);
    crew_orders(c, (size_t)parts);
    crew_works(c->members, parts);
    return c->code;
}

/*
 * All stages, in as many parts as threads can be had, the caller being one: by the crew that waits, unless it is NULL,
 * not started, or busy with another call. Returns an error code, or 0.
 */
static int do_in_threads(crew *waiting, int threads, int stages, stage_work work, const void *call)
{
    int code;
    if (threads > 1 && waiting && waiting->size > 1 && !__atomic_exchange_n(&waiting->busy, 1, __ATOMIC_ACQUIRE)) {
        code = crew_does(waiting, threads, stages, work, call);
        __atomic_store_n(&waiting->busy, 0, __ATOMIC_RELEASE);
    } else {
        crew own;
        crew_starts(&own, threads);
        code = crew_does(&own, threads, stages, work, call);
        crew_ends(&own);
    }
    return code;
}

size_t CELL(crew_bytes)(void)
{
    return sizeof(crew);
}

int CELL(crew_start)(void *memory, int threads)
{
    if (!memory || misaligned(memory))
        return memory ? CELL(misaligned) : CELL(null);
    crew_starts(memory, threads);
    return CELL(ok);
}

void CELL(crew_end)(void *memory)
{
    if (memory)
        crew_ends(memory);
}

#endif
