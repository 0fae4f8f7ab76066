/*
 * Work in stages and parts, done by POSIX threads that live for one call. Nothing else of the generated C needs
 * an operating system. Included once.
 */

#ifndef DERIVE_THREADS_H
#define DERIVE_THREADS_H

#include <pthread.h>
#include <sched.h>

enum { MOST_THREADS = 64 };

/* Does one part of one stage, all parts at the same time; returns an error code. */
typedef int (*stage_work)(const void *call, int stage, int part, int parts, meeting *meet, void *room);

typedef struct {
    stage_work work;
    const void *call;
    int stages, parts;
    int arrived, round, code;
} crew;

typedef struct {
    crew *crew;
    int part;
    pthread_t thread;
} crew_member;

/* Returns when all have come here; gives the core away while it waits. */
static void crew_meets(void *room)
{
    crew *const c = room;
    const int round = __atomic_load_n(&c->round, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&c->arrived, 1, __ATOMIC_ACQ_REL) == c->parts) {
        __atomic_store_n(&c->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&c->round, round + 1, __ATOMIC_RELEASE);
        return;
    }
    for (int turns = 0; __atomic_load_n(&c->round, __ATOMIC_ACQUIRE) == round; turns++)
        if (turns > 2000)
            sched_yield();
}

static void do_stages(crew *c, int part)
{
    for (int stage = 0; stage < c->stages; stage++) {
        const int code = c->work(c->call, stage, part, c->parts, crew_meets, c);
        if (code)
            __atomic_store_n(&c->code, code, __ATOMIC_RELAXED);
        crew_meets(c);
    }
}

static void *join_crew(void *argument)
{
    crew_member *const member = argument;
    while (__atomic_load_n(&member->crew->parts, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    do_stages(member->crew, member->part);
    return NULL;
}

/* All stages, in as many parts as threads can be had, the caller being one. Returns an error code, or 0. */
static int do_in_threads(int threads, int stages, stage_work work, const void *call)
{
    crew c = {work, call, stages, 0, 0, 0, 0};
    crew_member members[MOST_THREADS];
    int parts = 1;
    for (; parts < threads && parts < MOST_THREADS; parts++) {
        members[parts].crew = &c;
        members[parts].part = parts;
        if (pthread_create(&members[parts].thread, NULL, join_crew, &members[parts]) != 0)
            break;
    }
    __atomic_store_n(&c.parts, parts, __ATOMIC_RELEASE);
    do_stages(&c, 0);
    for (int k = 1; k < parts; k++)
        pthread_join(members[k].thread, NULL);
    return c.code;
}

#endif
