/*
 * Matrix products, for one precision and one instruction set; included behind vectors.h. A product is carried
 * out in tiles of up to ROWS rows and VECTORS vectors, whose sums stay in registers.
 *
 * A matrix that is applied to rows is packed first, in panels of VECTORS vectors (at the end 2 and 1), depth
 * after depth as the tile reads them, in blocks of DEPTH; its columns are filled up with zeros.
 */

#define VECTORS 4
#define REPEAT(i, n) UNROLL for (int i = 0; i < (n); i++)

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
 * c = a b, or c += a b if `add`: rows and vectors are constants where this is called. The sums begin at zero, not at c,
 * so that their rounding errors are those of a short sum.
 */
INLINE void NAME(tile)(const int rows, const int vectors, size_t depth, const real *a, size_t a_row, size_t a_column,
    const real *panel, real *c, size_t c_row, int add)
{
    vec sums[ROWS][VECTORS];
    REPEAT(r, rows) REPEAT(v, vectors) sums[r][v] = V(0);
    for (size_t k = 0; k < depth; k++) {
        vec factors[ROWS];
        REPEAT(r, rows) factors[r] = V(a[(size_t)r * a_row + k * a_column]);
        REPEAT(v, vectors)
        {
            const vec b = vec_load(panel + v * LANES, LANES);
            REPEAT(r, rows) sums[r][v] += factors[r] * b;
        }
        panel += vectors * LANES;
    }
    if (add)
        REPEAT(r, rows) REPEAT(v, vectors) sums[r][v] += vec_load(c + (size_t)r * c_row + v * LANES, LANES);
    REPEAT(r, rows) REPEAT(v, vectors) vec_store(c + (size_t)r * c_row + v * LANES, sums[r][v], LANES);
}

#define TILE(rows, vectors) \
    case (rows): NAME(tile)(rows, vectors, depth, a, a_row, 1, panel, c, c_row, add); break;
#if ROWS == 6
#define FURTHER(vectors) TILE(4, vectors) TILE(5, vectors) TILE(6, vectors)
#else
#define FURTHER(vectors)
#endif

/* A tile of some rows; or with `rows` 0 one of all ROWS, whose factors lie together depth after depth. */
#define TILES(vectors) \
    FUNCTION void NAME(tile_##vectors)(size_t rows, size_t depth, const real *a, size_t a_row, const real *panel, \
        real *c, size_t c_row, int add) \
    { \
        switch (rows) { \
        case 0: NAME(tile)(ROWS, vectors, depth, a, 1, ROWS, panel, c, c_row, add); break; \
        TILE(1, vectors) TILE(2, vectors) TILE(3, vectors) FURTHER(vectors) \
        } \
    }
TILES(1)
TILES(2)
TILES(4)
#undef FURTHER
#undef TILES
#undef TILE

/* Where a part's share of `count` begins, in whole units. */
INLINE size_t NAME(share)(size_t count, size_t unit, size_t part, size_t parts)
{
    return smaller(count, (count + unit - 1) / unit * part / parts * unit);
}

INLINE size_t NAME(vectors)(size_t columns) { return (columns + LANES - 1) / LANES; }
INLINE size_t NAME(breadth)(size_t vectors) { return vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1; }

INLINE void NAME(any_tile)(size_t breadth, size_t rows, size_t depth, const real *a, size_t a_row, const real *panel,
    real *c, size_t c_row, int add)
{
    if (breadth == 4)
        NAME(tile_4)(rows, depth, a, a_row, panel, c, c_row, add);
    else if (breadth == 2)
        NAME(tile_2)(rows, depth, a, a_row, panel, c, c_row, add);
    else
        NAME(tile_1)(rows, depth, a, a_row, panel, c, c_row, add);
}

/* A tile at an edge of c, where c has fewer rows or columns than the tile: by way of a copy. */
FUNCTION void NAME(edge_tile)(size_t height, size_t columns, size_t breadth, size_t rows, size_t depth, const real *a,
    size_t a_row, const real *panel, real *c, size_t c_row, int add)
{
    real edge[ROWS * VECTORS * LANES];
    const size_t edge_row = breadth * LANES, width = smaller(columns, edge_row) * sizeof(real);
    if (add)
        memset(edge, 0, (rows ? rows : ROWS) * edge_row * sizeof(real));
    for (size_t r = 0; add && r < height; r++)
        memcpy(edge + r * edge_row, c + r * c_row, width);
    NAME(any_tile)(breadth, rows, depth, a, a_row, panel, edge, edge_row, add);
    for (size_t r = 0; r < height; r++)
        memcpy(c + r * c_row, edge + r * edge_row, width);
}

/* A packed matrix of `depth` rows, and what it is applied to: at every time rows `row` numbers apart. */
typedef struct {
    const real *a;
    size_t time, row, depth;
    const real *panels;
} NAME(factor);

/* The rows of a tile that are to be multiplied with one panel; r counts them from c. */
INLINE void NAME(panel_tile)(const NAME(factor) *f, size_t start, size_t v, size_t columns, size_t r, size_t count,
    real *c, size_t c_row, int add)
{
    const size_t vectors = NAME(vectors)(columns), breadth = NAME(breadth)(vectors - v);
    const size_t part = smaller(DEPTH, f->depth - start), left = columns - v * LANES;
    const real *const panel = f->panels + (start * vectors + v * part) * LANES;
    const real *const a = f->a + r * f->row + start;
    real *const target = c + r * c_row + v * LANES;
    if (left >= breadth * LANES)
        NAME(any_tile)(breadth, count, part, a, f->row, panel, target, c_row, add);
    else
        NAME(edge_tile)(count, left, breadth, count, part, a, f->row, panel, target, c_row, add);
}

/* How many panels so many vectors take, and where one begins. */
INLINE size_t NAME(panels)(size_t vectors)
{
    return vectors / VECTORS + vectors % VECTORS / 2 + vectors % 2;
}

INLINE size_t NAME(panel)(size_t vectors, size_t k)
{
    return smaller(k * VECTORS, k <= vectors / VECTORS ? vectors : vectors - 1);
}

/* Few rows: panel after panel to its whole depth, or with `back` from the last panel to the first. */
static inline void NAME(apply_once)(size_t rows, size_t columns, size_t number, const NAME(factor) *factors, real *c,
    size_t c_row, int add, int back, size_t low, size_t high)
{
    for (size_t i = low; i < high; i++) {
        const size_t v = NAME(panel)(NAME(vectors)(columns), back ? high - 1 + low - i : i);
        for (size_t f = 0; f < number; f++)
            for (size_t start = 0; start < factors[f].depth; start += DEPTH)
                NAME(panel_tile)(factors + f, start, v, columns, 0, rows, c, c_row, add || f > 0 || start > 0);
    }
}

/* Many rows: a block of every panel stays near while all rows pass it. */
static inline void NAME(apply_many)(size_t rows, size_t columns, size_t number, const NAME(factor) *factors, real *c,
    size_t c_row, int add, size_t low, size_t high)
{
    const size_t tiles = (rows + ROWS - 1) / ROWS;
    for (size_t f = 0; f < number; f++)
        for (size_t start = 0; start < factors[f].depth; start += DEPTH)
            for (size_t i = low; i < high; i++) {
                const size_t v = NAME(panel)(NAME(vectors)(columns), i);
                for (size_t t = 0; t < tiles; t++) {
                    const size_t r = rows * t / tiles, count = rows * (t + 1) / tiles - r;
                    NAME(panel_tile)(factors + f, start, v, columns, r, count, c, c_row, add || f > 0 || start > 0);
                }
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
    for (size_t time = 0; time < times; time++) {
        for (size_t top = 0; top < rows; top += RUN) {
            const size_t height = smaller(RUN, rows - top);
            if (height <= ROWS)
                NAME(apply_once)(height, columns, number, factors, c + top * c_row, c_row, add, back, low, high);
            else
                NAME(apply_many)(height, columns, number, factors, c + top * c_row, c_row, add, low, high);
            for (size_t f = 0; f < number; f++)
                factors[f].a += height * factors[f].row;
        }
        for (size_t f = 0; f < number; f++)
            factors[f].a += factors[f].time - rows * factors[f].row;
        c += c_time;
    }
}

/*
 * Pack a matrix into columns `left` to `left + width` of panels for `depth` rows and `columns` columns; its entries
 * are from[row * from_row + column * from_column]. What is last fills up the last vector.
 */
FUNCTION void NAME(pack)(size_t depth, size_t columns, size_t left, size_t width, const real *from, size_t from_row,
    size_t from_column, real *panels)
{
    const size_t vectors = NAME(vectors)(columns), whole = vectors / 4 * 4;
    for (size_t start = 0; start < depth; start += DEPTH) {
        const size_t part = smaller(DEPTH, depth - start);
        for (size_t j = 0, count; j < width; j += count) {
            const size_t lane = (left + j) % LANES, v = (left + j) / LANES;
            const size_t first = v < whole ? v / 4 * 4 : v < whole + (vectors - whole) / 2 * 2 ? whole : vectors - 1;
            const size_t row = NAME(breadth)(vectors - first) * LANES;
            real *const to = panels + (start * vectors + part * first + v - first) * LANES + lane;
            count = smaller(LANES - lane, width - j);
            const size_t fill = left + j + count == columns ? LANES - lane : count;
            const real *const corner = from + start * from_row + j * from_column;
            size_t k = 0;
            for (; from_row == 1 && count == LANES && k + LANES <= part; k += LANES) {
                vec square[LANES];
                for (size_t l = 0; l < LANES; l++)
                    square[l] = vec_load(corner + k + l * from_column, LANES);
                vec_turn(square);
                for (size_t l = 0; l < LANES; l++)
                    vec_store(to + (k + l) * row, square[l], LANES);
            }
            for (; k < part; k++) {
                for (size_t l = 0; l < count; l++)
                    to[k * row + l] = corner[k * from_row + l * from_column];
                for (size_t l = count; l < fill; l++)
                    to[k * row + l] = 0;
            }
        }
    }
}

/* Pack one row among `depth`. */
INLINE void NAME(pack_row)(size_t depth, size_t columns, size_t k, const real *from, real *panels)
{
    const size_t vectors = NAME(vectors)(columns);
    for (size_t v = 0, breadth; v < vectors; v += breadth) {
        breadth = NAME(breadth)(vectors - v);
        real *const to = panels + (depth * v + k * breadth) * LANES;
        for (size_t l = 0; l < breadth; l++)
            vec_store(to + l * LANES, vec_load(from + (v + l) * LANES, columns - (v + l) * LANES), LANES);
    }
}

/* A left operand of `gather`, and the result that it gives. */
typedef struct {
    NAME(operand) a;
    size_t height;
    real *c;
    size_t c_row;
} NAME(gathered);

/* How many rows are summed by themselves: about the root of all, so that rounding errors stay small. */
INLINE size_t NAME(stretch)(size_t rows)
{
    size_t stretch = 64;
    while (stretch < DEPTH && stretch * stretch < rows)
        stretch *= 2;
    return stretch;
}

/* The rows of c that come from columns i to i + height of a, for `depth` rows packed in panels. */
static inline void NAME(gather_rows)(const NAME(gathered) *left, size_t i, size_t height, size_t first, size_t depth,
    size_t columns, const real *panel, size_t stretch, int add)
{
    real sliver[ROWS * DEPTH] = {0};
    for (size_t k = 0; k < depth; k++) {
        const real *const a = NAME(row_of)(&left->a, first + k) + i;
        if (height == ROWS)
            memcpy(sliver + k * ROWS, a, ROWS * sizeof(real));
        else
            memcpy(sliver + k * ROWS, a, height * sizeof(real));
    }
    const size_t vectors = NAME(vectors)(columns), row = left->c_row;
    for (size_t v = 0, breadth; v < vectors; v += breadth) {
        breadth = NAME(breadth)(vectors - v);
        real *const c = left->c + i * row + v * LANES;
        const size_t remaining = columns - v * LANES;
        for (size_t start = 0; start < depth; start += stretch) {
            const size_t part = smaller(stretch, depth - start);
            const real *const a = sliver + start * ROWS, *const from = panel + start * breadth * LANES;
            if (height == ROWS && remaining >= breadth * LANES)
                NAME(any_tile)(breadth, 0, part, a, 0, from, c, row, add || start > 0);
            else
                NAME(edge_tile)(height, remaining, breadth, 0, part, a, 0, from, c, row, add || start > 0);
        }
        panel += depth * breadth * LANES;
    }
}

/*
 * For each of some left operands c = aᵀ b, or c += aᵀ b if `add`; a and b have `rows` rows, b `columns` columns.
 * A c of NULL is skipped. `scratch` holds DEPTH packed rows of b. Of each c, part `part` of `parts` does its share.
 */
FUNCTION void NAME(gather)(size_t number, const NAME(gathered) *left, size_t rows, size_t columns,
    const NAME(operand) *b, real *scratch, int add, size_t part, size_t parts)
{
    for (size_t first = 0; first < rows; first += DEPTH) {
        const size_t depth = smaller(DEPTH, rows - first);
        for (size_t k = 0; k < depth; k++)
            NAME(pack_row)(depth, columns, k, NAME(row_of)(b, first + k), scratch);
        for (size_t g = 0; g < number; g++) {
            const size_t end = NAME(share)(left[g].height, ROWS, part + 1, parts);
            size_t i = NAME(share)(left[g].height, ROWS, part, parts);
            for (; left[g].c && i < end; i += ROWS)
                NAME(gather_rows)(left + g, i, smaller(ROWS, end - i), first, depth, columns, scratch,
                    NAME(stretch)(rows), add || first > 0);
        }
    }
}

/* c = the sum of a's rows, or c += that if `add`; nothing for a c of NULL. In stretches, for small rounding errors. */
FUNCTION void NAME(sum)(size_t rows, size_t width, const NAME(operand) *a, real *c, int add, size_t part, size_t parts)
{
    const size_t end = c ? NAME(share)(width, LANES, part + 1, parts) : 0, stretch = NAME(stretch)(rows);
    for (size_t j = NAME(share)(width, LANES, part, parts); j < end; j += LANES) {
        const size_t count = end - j;
        vec total = add ? vec_load(c + j, count) : V(0);
        for (size_t first = 0; first < rows; first += stretch) {
            const size_t last = smaller(first + stretch, rows);
            vec some[4] = {V(0), V(0), V(0), V(0)};
            size_t k = first;
            for (; k + 4 <= last; k += 4)
                REPEAT(i, 4) some[i] += vec_load(NAME(row_of)(a, k + (size_t)i) + j, count);
            for (; k < last; k++)
                some[0] += vec_load(NAME(row_of)(a, k) + j, count);
            total += (some[0] + some[1]) + (some[2] + some[3]);
        }
        vec_store(c + j, total, count);
    }
}

/* Copy, at each of some times, `rows` rows of `width` numbers to where rows have no gaps. */
FUNCTION void NAME(copy)(size_t times, size_t rows, size_t width, const real *from, size_t from_time, size_t from_row,
    real *to, size_t to_time)
{
    for (; times > 0; times--, from += from_time, to += to_time)
        for (size_t r = 0; r < rows; r++)
            memcpy(to + r * width, from + r * from_row, width * sizeof(real));
}

#undef REPEAT
#undef VECTORS
