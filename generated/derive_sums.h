/*
 * Sums over time and batch, for one precision and one instruction set; included after derive_products.h: those of outer
 * products, which are gradients of matrices, and those of rows.
 */

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
                        slivers + j * DEPTH + start * ROWS, 1, ROWS * sizeof(real), panel + start * breadth * LANES,
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

#undef FETCH
#undef REPEAT
#undef VECTORS
