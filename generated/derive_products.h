/*
 * Matrix products, for one precision and one instruction set; included after derive_vectors.h. A product is carried
 * out in tiles of up to ROWS rows and VECTORS vectors, whose sums stay in registers.
 *
 * A matrix that is applied to rows is packed first: in as few panels of at most VECTORS vectors as can be, all about as
 * broad; depth after depth as the tile reads them, in blocks of DEPTH; its columns are filled up with zeros.
 */

#define VECTORS 4
#define REPEAT(i, n) UNROLL for (int i = 0; i < (n); i++)
#if LANES > 1
#define FETCH(address) __builtin_prefetch((address), 0, 2)
#else
#define FETCH(address) ((void)(address))
#endif

/* Rows of an operand: `count` of them from `first`, the others from `rest`; all `row` numbers apart. */
typedef struct {
    const real *first, *rest;
    size_t count, row;
} NAME(operand);

INLINE const real *NAME(row_of)(const NAME(operand) *a, size_t number)
{
    return number < a->count ? a->first + number * a->row : a->rest + (number - a->count) * a->row;
}

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
 * the numbers of a row a_column. At every depth a vector of what is needed next is fetched from `ahead`.
 */
INLINE void NAME(tile)(const int rows, const int vectors, size_t depth, const real *a, size_t a_row, size_t a_column,
    const real *panel, real *c, size_t c_row, size_t last, int add, const real *ahead)
{
    vec sums[ROWS][VECTORS];
    REPEAT(r, rows) REPEAT(v, vectors) sums[r][v] = V(0);
    for (; depth > 0; depth--) {
        vec factors[ROWS];
        REPEAT(r, rows) factors[r] = V(a[(size_t)r * a_row]);
        REPEAT(v, vectors)
        {
            const vec b = vec_load(panel + v * LANES, LANES);
            REPEAT(r, rows) sums[r][v] += factors[r] * b;
        }
        a += a_column;
        panel += vectors * LANES;
        FETCH(ahead);
        ahead += LANES;
    }
    REPEAT(r, rows) NAME(add_up)(vectors, sums[r], c + (size_t)r * c_row, last, add);
}

/* A row times a block of one panel. */
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
    vec sums[8][VECTORS];
    size_t k = 0;
    REPEAT(i, chains) REPEAT(v, vectors) sums[i][v] = V(0);
    for (; k + apart <= s->depth; k += apart)
        REPEAT(i, chains)
        {
            const vec factor = V(s->a[k + (size_t)i]);
            REPEAT(v, vectors) sums[i][v] += factor * vec_load(panel + v * LANES, LANES);
            panel += vectors * LANES;
        }
    for (; k < s->depth; k++, panel += vectors * LANES)
        REPEAT(v, vectors) sums[0][v] += V(s->a[k]) * vec_load(panel + v * LANES, LANES);
    REPEAT(i, chains - 1) REPEAT(v, vectors) sums[0][v] += sums[i + 1][v];
    NAME(add_up)(vectors, sums[0], s->c, s->last, s->add);
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
    case (rows): NAME(tile)(rows, vectors, depth, a, a_row, a_column, panel, c, c_row, last, add, ahead); break;
#if ROWS == 6
#define FURTHER(vectors) TILE(4, vectors) TILE(5, vectors) TILE(6, vectors)
#else
#define FURTHER(vectors)
#endif
#define TILES(vectors) \
    FUNCTION void NAME(tile_##vectors)(size_t rows, size_t depth, const real *a, size_t a_row, size_t a_column, \
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

/* How many panels so many vectors take, where one begins, and which holds a vector. */
INLINE size_t NAME(panels)(size_t vectors) { return (vectors + VECTORS - 1) / VECTORS; }
INLINE size_t NAME(panel)(size_t vectors, size_t k) { return vectors * k / NAME(panels)(vectors); }
INLINE size_t NAME(panel_of)(size_t vectors, size_t v) { return ((v + 1) * NAME(panels)(vectors) - 1) / vectors; }

/* The kernel for panels so broad. */
#define BY_BREADTH(breadth, kernel, ...) \
    switch (breadth) { \
    case 1: NAME(kernel##_1)(__VA_ARGS__); break; \
    case 2: NAME(kernel##_2)(__VA_ARGS__); break; \
    case 3: NAME(kernel##_3)(__VA_ARGS__); break; \
    case 4: NAME(kernel##_4)(__VA_ARGS__); break; \
    }

FUNCTION void NAME(any_tile)(size_t breadth, size_t rows, size_t depth, const real *a, size_t a_row, size_t a_column,
    const real *panel, real *c, size_t c_row, size_t last, int add, const real *ahead)
{
    BY_BREADTH(breadth, tile, rows, depth, a, a_row, a_column, panel, c, c_row, last, add, ahead)
}

INLINE void NAME(any_row)(const NAME(single) *s) { BY_BREADTH(s->breadth, row, s) }
INLINE void NAME(any_abreast)(const NAME(single) *s) { BY_BREADTH(s->breadth, abreast, s) }
#undef BY_BREADTH

/* Blocks too few to be read abreast, each summed in order like those. */
FUNCTION void NAME(one_by_one)(size_t number, const NAME(single) *s)
{
    for (; number > 0; number--, s++)
        NAME(any_tile)(s->breadth, 1, s->depth, s->a, 0, 1, s->panel, s->c, 0, s->last, s->add, s->panel);
}

/* A packed matrix of `depth` rows, and what it is applied to: at every time rows `row` numbers apart. */
typedef struct {
    const real *a;
    size_t time, row, depth;
    const real *panels;
} NAME(factor);

/* What a row is multiplied with: a block of a factor's panel k, to make those of `columns` columns of c. */
INLINE NAME(single) NAME(block)(const NAME(factor) *f, size_t start, size_t k, size_t columns, real *c, int add)
{
    const size_t vectors = NAME(vectors)(columns), v = NAME(panel)(vectors, k), end = NAME(panel)(vectors, k + 1);
    const size_t depth = smaller(DEPTH, f->depth - start), last = smaller(LANES, columns - (end - 1) * LANES);
    const real *const panel = f->panels + (start * vectors + v * depth) * LANES;
    return (NAME(single)){f->a + start, panel, depth, end - v, c + v * LANES, last, add};
}

/*
 * One row: panel after panel to its whole depth, or with `back` from the last panel to the first. The panels of one
 * factor follow each other in memory; if long, they are read so, as caches like it, and all others abreast. The choice
 * is the same for any share of the panels, and so are the bits.
 */
INLINE void NAME(apply_row)(size_t columns, size_t number, const NAME(factor) *factors, real *c, int add, int back,
    size_t low, size_t high)
{
    const size_t turned = high - 1 + low;
    NAME(single) rows[4];
    size_t waiting = 0;
    if (number == 1 && factors->depth >= 64) {
        const size_t blocks = (factors->depth + DEPTH - 1) / DEPTH;
        for (size_t s = 0; s < blocks; s++)
            for (size_t i = low; i < high; i++) {
                const size_t start = (back ? blocks - 1 - s : s) * DEPTH;
                *rows = NAME(block)(factors, start, back ? turned - i : i, columns, c, add || s > 0);
                NAME(any_row)(rows);
            }
        return;
    }
    for (size_t i = low; i < high; i++)
        for (size_t f = 0; f < number; f++)
            for (size_t start = 0; start < factors[f].depth; start += DEPTH) {
                const int more = add || f > 0 || start > 0;
                const NAME(single) next = NAME(block)(factors + f, start, back ? turned - i : i, columns, c, more);
                if (waiting > 0 && (next.depth != rows->depth || next.breadth != rows->breadth)) {
                    NAME(one_by_one)(waiting, rows);
                    waiting = 0;
                }
                rows[waiting++] = next;
                if (waiting == (next.breadth > 2 ? 2 : 4)) {
                    NAME(any_abreast)(rows);
                    waiting = 0;
                }
            }
    if (waiting > 0)
        NAME(one_by_one)(waiting, rows);
}

/*
 * Rows of a batch: a block of every panel stays near while all rows pass it, and so do the columns of c that it makes;
 * the block behind it is fetched meanwhile. With `back` from the last panel to the first.
 */
static inline void NAME(apply_rows)(size_t rows, size_t columns, size_t number, const NAME(factor) *factors, real *c,
    size_t c_row, int add, int back, size_t low, size_t high)
{
    const size_t tiles = (rows + ROWS - 1) / ROWS, turned = back ? high - 1 + low : 0;
    NAME(single) s = NAME(block)(factors, 0, back ? turned - low : low, columns, c, add);
    for (size_t i = low, f = 0, start = 0; i < high;) {
        const size_t row = factors[f].row;
        start += DEPTH;
        if (start >= factors[f].depth) {
            start = 0;
            f = (f + 1) % number;
            i += f == 0;
        }
        const int more = add || f + start > 0;
        const NAME(single) next =
            i < high ? NAME(block)(factors + f, start, back ? turned - i : i, columns, c, more) : s;
        for (size_t t = 0; t < tiles; t++) {
            const size_t r = rows * t / tiles, count = rows * (t + 1) / tiles - r, begun = t * s.depth;
            const int within = tiles > 1 && begun + s.depth <= next.depth * next.breadth;
            const real *const ahead = within ? next.panel + begun * LANES : s.panel;
            NAME(any_tile)(s.breadth, count, s.depth, s.a + r * row, row, 1, s.panel, s.c + r * c_row, c_row, s.last,
                s.add, ahead);
        }
        s = next;
    }
}

/*
 * At each of some times c = the sum of factors, or c += that if `add`; from one time to the next c lies c_time further.
 * `back` turns the order of the panels around: what was read last is then read first, from a near cache. Of the panels,
 * part u of us does its share.
 */
FUNCTION void NAME(apply)(size_t times, size_t rows, size_t columns, size_t number, NAME(factor) *factors, real *c,
    size_t c_time, size_t c_row, int add, int back, size_t u, size_t us)
{
    const size_t panels = NAME(panels)(NAME(vectors)(columns)), low = panels * u / us, high = panels * (u + 1) / us;
    int gaps = c_time != rows * c_row;
    for (size_t f = 0; f < number; f++)
        gaps = gaps || factors[f].time != rows * factors[f].row;
    if (!gaps) {
        rows *= times;
        times = 1;
    }
    for (size_t time = 0; low < high && time < times; time++) {
        for (size_t top = 0; top < rows; top += RUN) {
            const size_t height = smaller(RUN, rows - top);
            if (rows == 1 && !gaps) /* in all, however many parts there are: its rounding errors are others */
                NAME(apply_row)(columns, number, factors, c + top * c_row, add, back, low, high);
            else
                NAME(apply_rows)(height, columns, number, factors, c + top * c_row, c_row, add, back, low, high);
            for (size_t f = 0; f < number; f++)
                factors[f].a += height * factors[f].row;
        }
        for (size_t f = 0; f < number && gaps; f++)
            factors[f].a += factors[f].time - rows * factors[f].row;
        c += c_time;
    }
}

/*
 * Pack a matrix into rows `top` to `top + height` and columns `left` to `left + width` of panels for `depth` rows and
 * `columns` columns; its entries are from[row * from_row + column * from_column], one of both being 1. What is last
 * fills up the last vector. Part `part` of `parts` does its share.
 */
FUNCTION void NAME(pack)(size_t depth, size_t columns, size_t top, size_t height, size_t left, size_t width,
    const real *from, size_t from_row, size_t from_column, real *panels, size_t part, size_t parts)
{
    const size_t vectors = NAME(vectors)(columns);
    size_t piece = 0;
    for (size_t deep, i = 0; i < height; i += deep) {
        const size_t start = (top + i) / DEPTH * DEPTH, block = smaller(DEPTH, depth - start), within = top + i - start;
        deep = smaller(block - within, height - i);
        for (size_t j = 0, count; j < width; j += count) {
            const size_t lane = (left + j) % LANES, v = (left + j) / LANES;
            count = smaller(LANES - lane, width - j);
            if (piece++ % parts != part)
                continue;
            const size_t panel = NAME(panel_of)(vectors, v), first = NAME(panel)(vectors, panel);
            const size_t row = (NAME(panel)(vectors, panel + 1) - first) * LANES;
            real *const to = panels + (start * vectors + block * first + v - first) * LANES + within * row + lane;
            const size_t fill = left + j + count == columns ? LANES - lane : count;
            const real *const corner = from + i * from_row + j * from_column;
            size_t k = 0;
            for (; from_row == 1 && count == LANES && k + LANES <= deep; k += LANES) {
                vec square[LANES];
                for (size_t l = 0; l < LANES; l++)
                    square[l] = vec_load(corner + k + l * from_column, LANES);
                vec_turn(square);
                for (size_t l = 0; l < LANES; l++)
                    vec_store(to + (k + l) * row, square[l], LANES);
            }
            for (; from_column == 1 && k < deep; k++)
                vec_store(to + k * row, vec_load(corner + k * from_row, count), fill);
            for (; k < deep; k++) {
                for (size_t l = 0; l < count; l++)
                    to[k * row + l] = corner[k + l * from_column];
                for (size_t l = count; l < fill; l++)
                    to[k * row + l] = 0;
            }
        }
    }
}

/* Pack `width` numbers of row k among `depth`, from column `left` on. What is last fills up the last vector. */
INLINE void NAME(pack_row)(size_t depth, size_t columns, size_t k, size_t left, size_t width, const real *from,
    real *panels)
{
    const size_t vectors = NAME(vectors)(columns), right = left + width;
    size_t v = left / LANES;
    for (size_t p = NAME(panel_of)(vectors, v); left < right; p++) {
        const size_t first = NAME(panel)(vectors, p), end = NAME(panel)(vectors, p + 1);
        real *const to = panels + (depth * first + k * (end - first)) * LANES;
        for (; v < end && left < right; v++) {
            const size_t next = smaller((v + 1) * LANES, right), fill = next == columns ? (v + 1) * LANES : next;
            vec_store(to + left - first * LANES, vec_load(from, next - left), fill - left);
            from += next - left;
            left = next;
        }
    }
}

/*
 * An operand of `gather` and how broad it is; if `joined`, it stands on the right of the one before, with one result.
 */
typedef struct {
    NAME(operand) a;
    size_t width;
    int joined;
} NAME(side);

typedef struct {
    real *c;
    size_t row;
} NAME(result);

/* Where the operands that are joined with one end, and how broad they are. */
INLINE const NAME(side) *NAME(joint)(const NAME(side) *side, const NAME(side) *end, size_t *width)
{
    *width = side->width;
    while (++side < end && side->joined)
        *width += side->width;
    return side;
}

/* How many rows are summed by themselves: about the root of all, so that rounding errors stay small, but not fewer. */
INLINE size_t NAME(stretch)(size_t rows, size_t fewest)
{
    size_t stretch = fewest;
    while (stretch < DEPTH && stretch * stretch < rows)
        stretch *= 2;
    return stretch;
}

#if BAND % ROWS != 0
#error "BAND has to be a multiple of ROWS"
#endif

/* Pack columns i to i + width of an operand into slivers, ROWS columns each, for `depth` rows from `first` on. */
static inline void NAME(pack_band)(const NAME(operand) *a, size_t i, size_t width, size_t first, size_t depth,
    real *slivers)
{
    for (size_t k = 0; k < depth; k++, slivers += ROWS) {
        const real *const from = NAME(row_of)(a, first + k) + i;
        size_t j = 0;
        if (width == BAND)
            REPEAT(s, BAND / ROWS) memcpy(slivers + s * ROWS * DEPTH, from + s * ROWS, ROWS * sizeof(real));
        else
            for (; j + ROWS <= width; j += ROWS)
                memcpy(slivers + j * DEPTH, from + j, ROWS * sizeof(real));
        if (width % ROWS > 0)
            memcpy(slivers + j * DEPTH, from + j, (width - j) * sizeof(real));
    }
}

/*
 * Rows i to i + width of some results, from the slivers and panels of `depth` rows: a stretch of a panel stays near
 * while all slivers pass it.
 */
static inline void NAME(gather_band)(size_t i, size_t width, const real *slivers, size_t depth, size_t stretch,
    size_t rights, const NAME(side) *right, const NAME(result) *results, const real *panel, int add)
{
    size_t columns;
    for (const NAME(side) *next, *const end = right + rights; right < end; results++, right = next) {
        next = NAME(joint)(right, end, &columns);
        const size_t vectors = NAME(vectors)(columns), row = results->row;
        for (size_t p = 0, v = 0; v < vectors; p++) {
            const size_t edge = NAME(panel)(vectors, p + 1), breadth = edge - v;
            const size_t last = smaller(LANES, columns - (edge - 1) * LANES);
            for (size_t start = 0; results->c && start < depth; start += stretch)
                for (size_t j = 0; j < width; j += ROWS)
                    NAME(any_tile)(breadth, smaller(ROWS, width - j), smaller(stretch, depth - start),
                        slivers + j * DEPTH + start * ROWS, 1, ROWS, panel + start * breadth * LANES,
                        results->c + (i + j) * row + v * LANES, row, last, add || start > 0, panel);
            panel += depth * breadth * LANES;
            v = edge;
        }
    }
}

/*
 * For each of some left operands and each right one, or several that are joined, c = aᵀ b, or c += aᵀ b if `add`;
 * results come left by left, and one of NULL is skipped. All operands have `rows` rows. `scratch` holds DEPTH packed
 * rows of all right operands, and BAND columns of a left one. Of each c, part `part` of `parts` does its share.
 */
FUNCTION void NAME(gather)(size_t lefts, const NAME(side) *left, size_t rights, const NAME(side) *right,
    const NAME(result) *results, size_t rows, real *scratch, int add, size_t part, size_t parts)
{
    real *const panels = scratch + BAND * DEPTH;
    size_t number = 0;
    for (size_t r = 0; r < rights; r++)
        number += !right[r].joined;
    for (size_t first = 0; first < rows; first += DEPTH) {
        const size_t depth = smaller(DEPTH, rows - first);
        real *packed = panels;
        for (const NAME(side) *r = right, *next; r < right + rights; r = next) {
            size_t columns, at = 0;
            next = NAME(joint)(r, right + rights, &columns);
            for (const NAME(side) *each = r; each < next; at += each->width, each++)
                for (size_t k = 0; k < depth; k++)
                    NAME(pack_row)(depth, columns, k, at, each->width, NAME(row_of)(&each->a, first + k), packed);
            packed += depth * NAME(vectors)(columns) * LANES;
        }
        for (size_t l = 0; l < lefts; l++) {
            const size_t end = NAME(share)(left[l].width, ROWS, part + 1, parts);
            const NAME(result) *const c = results + l * number;
            int wanted = 0;
            for (size_t r = 0; r < number; r++)
                wanted = wanted || c[r].c;
            for (size_t i = NAME(share)(left[l].width, ROWS, part, parts); wanted && i < end; i += BAND) {
                const size_t width = smaller(BAND, end - i);
                NAME(pack_band)(&left[l].a, i, width, first, depth, scratch);
                NAME(gather_band)(i, width, scratch, depth, NAME(stretch)(rows, 64), rights, right, c, panels,
                    add || first > 0);
            }
        }
    }
}

/* Sums of neighbouring vectors of a's rows, the last one of `last` numbers; in stretches, for small rounding errors. */
INLINE void NAME(sum_vectors)(const int vectors, size_t rows, const NAME(operand) *a, size_t j, size_t last, real *c,
    int add)
{
    const size_t stretch = NAME(stretch)(rows, 16);
    vec sums[VECTORS], some[VECTORS];
    REPEAT(v, vectors) sums[v] = V(0);
    for (size_t first = 0; first < rows; first += stretch) {
        REPEAT(v, vectors) some[v] = V(0);
        for (size_t k = first; k < smaller(rows, first + stretch); k++)
            REPEAT(v, vectors) some[v] += vec_load(NAME(row_of)(a, k) + j + v * LANES, v + 1 < vectors ? LANES : last);
        REPEAT(v, vectors) sums[v] += some[v];
    }
    NAME(add_up)(vectors, sums, c + j, last, add);
}

/* c = the sum of a's rows, or c += that if `add`; nothing for a c of NULL. */
FUNCTION void NAME(sum)(size_t rows, size_t width, const NAME(operand) *a, real *c, int add, size_t part, size_t parts)
{
    const size_t end = c ? NAME(share)(width, LANES, part + 1, parts) : 0;
    size_t j = NAME(share)(width, LANES, part, parts);
    for (; j + VECTORS * LANES <= end; j += VECTORS * LANES)
        NAME(sum_vectors)(VECTORS, rows, a, j, LANES, c, add);
    for (; j < end; j += LANES)
        NAME(sum_vectors)(1, rows, a, j, smaller(LANES, end - j), c, add);
}

/* Copy, at each of some times, `rows` rows of `width` numbers to where rows have no gaps. */
FUNCTION void NAME(copy)(size_t times, size_t rows, size_t width, const real *from, size_t from_time, size_t from_row,
    real *to, size_t to_time)
{
    for (; times > 0; times--, from += from_time, to += to_time)
        for (size_t r = 0; r < rows; r++)
            memcpy(to + r * width, from + r * from_row, width * sizeof(real));
}

#undef FETCH
#undef REPEAT
#undef VECTORS
