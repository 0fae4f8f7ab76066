/*
 * Tiles of matrix products, for one precision and one instruction set; included after derive_vectors.h. A tile has up
 * to ROWS rows and VECTORS vectors, whose sums stay in registers.
 *
 * A matrix stands in panels, pieces of at most VECTORS vectors; in a panel depth after depth, as the tile reads them.
 * A panel is multiplied in blocks, pieces of at most DEPTH rows, which leave room in the nearest cache, and whose sums
 * are added up: so rounding errors are those of short sums.
 */

#define VECTORS 4
#define DEPTH 160
#define REPEAT(i, n) UNROLL for (int i = 0; i < (n); i++)
#if LANES > 1
#define FETCH(address) __builtin_prefetch((address), 0, 2)
#else
#define FETCH(address) ((void)(address))
#endif

/*
 * c = the sums, or c += them if `add`; of the last vector only the first `last` numbers. The sums began at zero, not
 * at c, so that their rounding errors are those of a short sum.
 */
INLINE void NAME(add_up)(const int vectors, const vec *sums, real *c, size_t last, int add)
{
    REPEAT(v, vectors)
    {
        const size_t count = v + 1 < vectors ? LANES : last;
        vec_store(c + v * LANES, add ? vec_load(c + v * LANES, count) + sums[v] : sums[v], count);
    }
}

/*
 * c = a b, or c += a b if `add`: rows and vectors are constants where this is called. Of a, rows are a_row apart, and
 * the numbers of a row a_step bytes: told in numbers, compilers make a second loop for those that are neighbours. At
 * every depth a vector of what is needed next is fetched from `ahead`.
 */
INLINE void NAME(tile)(const int rows, const int vectors, size_t depth, const real *a, size_t a_row, size_t a_step,
    const real *panel, real *c, size_t c_row, size_t last, int add, const real *ahead)
{
    vec sums[ROWS][VECTORS];
    REPEAT(r, rows) REPEAT(v, vectors) sums[r][v] = V(0);
    for (; depth > 0; depth--) {
        vec factors[ROWS];
        REPEAT(r, rows) factors[r] = V(a[(size_t)r * a_row]);
        REPEAT(v, vectors)
        {
            vec b = vec_load(panel + v * LANES, LANES);
            if (rows > 1)
                HOLD(b);
            REPEAT(r, rows) sums[r][v] += factors[r] * b;
        }
        a = (const real *)(const void *)((const char *)(const void *)a + a_step);
        panel += vectors * LANES;
        FETCH(ahead);
        ahead += LANES;
    }
    REPEAT(r, rows) NAME(add_up)(vectors, sums[r], c + (size_t)r * c_row, last, add);
}

/* A row times one panel, or a block of it. */
typedef struct {
    const real *a, *panel;
    size_t depth, breadth;
    real *c;
    size_t last;
    int add;
} NAME(single);

/* As one row alone would have to wait for its sums, it has several of each, at every so many-th depth ... */
INLINE void NAME(row)(const int vectors, const NAME(single) *s)
{
    const int chains = 8 / vectors;
    const size_t apart = (size_t)chains;
    const real *panel = s->panel;
    vec sums[8][VECTORS], total[VECTORS];
    REPEAT(v, vectors) total[v] = V(0);
    for (size_t k = 0, end; k < s->depth; k = end) {
        end = smaller(s->depth, k + DEPTH);
        REPEAT(i, chains) REPEAT(v, vectors) sums[i][v] = V(0);
        for (; k + apart <= end; k += apart)
            REPEAT(i, chains)
            {
                const vec factor = V(s->a[k + (size_t)i]);
                REPEAT(v, vectors) sums[i][v] += factor * vec_load(panel + v * LANES, LANES);
                panel += vectors * LANES;
            }
        for (; k < end; k++, panel += vectors * LANES)
            REPEAT(v, vectors) sums[0][v] += V(s->a[k]) * vec_load(panel + v * LANES, LANES);
        REPEAT(i, chains) REPEAT(v, vectors) total[v] += sums[i][v];
    }
    NAME(add_up)(vectors, total, s->c, s->last, s->add);
}

/* ... or is multiplied with several blocks, equally deep and broad, each summed in order. */
INLINE void NAME(abreast)(const int number, const int vectors, const NAME(single) *s)
{
    vec sums[4][VECTORS];
    REPEAT(i, number) REPEAT(v, vectors) sums[i][v] = V(0);
    for (size_t k = 0; k < s->depth; k++)
        REPEAT(i, number)
        {
            const vec factor = V(s[i].a[k]);
            REPEAT(v, vectors)
                sums[i][v] += factor * vec_load(s[i].panel + (k * (size_t)vectors + (size_t)v) * LANES, LANES);
        }
    REPEAT(i, number) NAME(add_up)(vectors, sums[i], s[i].c, s[i].last, s[i].add);
}

#define TILE(rows, vectors) \
    case (rows): NAME(tile)(rows, vectors, depth, a, a_row, a_step, panel, c, c_row, last, add, ahead); break;
#if ROWS == 6
#define FURTHER(vectors) TILE(4, vectors) TILE(5, vectors) TILE(6, vectors)
#else
#define FURTHER(vectors)
#endif
#define TILES(vectors) \
    FUNCTION void NAME(tile_##vectors)(size_t rows, size_t depth, const real *a, size_t a_row, size_t a_step, \
        const real *panel, real *c, size_t c_row, size_t last, int add, const real *ahead) \
    { \
        switch (rows) { TILE(1, vectors) TILE(2, vectors) TILE(3, vectors) FURTHER(vectors) } \
    } \
    FUNCTION void NAME(row_##vectors)(const NAME(single) *s) { NAME(row)(vectors, s); } \
    FUNCTION void NAME(abreast_##vectors)(const NAME(single) *s) { NAME(abreast)(vectors > 2 ? 2 : 4, vectors, s); }
TILES(1)
TILES(2)
TILES(3)
TILES(4)
#undef TILES
#undef FURTHER
#undef TILE

/* Where a part's share of `count` begins, in whole units. */
INLINE size_t NAME(share)(size_t count, size_t unit, size_t part, size_t parts)
{
    return smaller(count, (count + unit - 1) / unit * part / parts * unit);
}

INLINE size_t NAME(vectors)(size_t columns) { return (columns + LANES - 1) / LANES; }

/* The kernel for panels so broad. */
#define BY_BREADTH(breadth, kernel, ...) \
    switch (breadth) { \
    case 1: NAME(kernel##_1)(__VA_ARGS__); break; \
    case 2: NAME(kernel##_2)(__VA_ARGS__); break; \
    case 3: NAME(kernel##_3)(__VA_ARGS__); break; \
    case 4: NAME(kernel##_4)(__VA_ARGS__); break; \
    }

FUNCTION void NAME(any_tile)(size_t breadth, size_t rows, size_t depth, const real *a, size_t a_row, size_t a_step,
    const real *panel, real *c, size_t c_row, size_t last, int add, const real *ahead)
{
    BY_BREADTH(breadth, tile, rows, depth, a, a_row, a_step, panel, c, c_row, last, add, ahead)
}

INLINE void NAME(any_row)(const NAME(single) *s) { BY_BREADTH(s->breadth, row, s) }
INLINE void NAME(any_abreast)(const NAME(single) *s) { BY_BREADTH(s->breadth, abreast, s) }
#undef BY_BREADTH

/* Blocks too few to be read abreast, each summed in order like those. */
FUNCTION void NAME(one_by_one)(size_t number, const NAME(single) *s)
{
    for (; number > 0; number--, s++)
        NAME(any_tile)(s->breadth, 1, s->depth, s->a, 0, sizeof(real), s->panel, s->c, 0, s->last, s->add, s->panel);
}
