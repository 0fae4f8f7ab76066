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
    while (stretch < SPAN && stretch * stretch < rows)
        stretch *= 2;
    return stretch;
}

#if BAND % LANES != 0 || BAND % ROWS != 0
#error "BAND has to be a multiple of LANES and of ROWS"
#endif

/* Copy columns i to i + width of an operand, for `depth` rows from `first` on, into rows BAND numbers apart. */
static inline void NAME(copy_band)(const NAME(operand) *a, size_t i, size_t width, size_t first, size_t depth,
    real *band)
{
    for (size_t k = 0; k < depth; k++, band += BAND) {
        const real *const from = NAME(row_of)(a, first + k) + i;
        for (size_t j = 0; j < width; j += LANES)
            vec_store(band + j, vec_load(from + j, width - j), LANES);
    }
}

/*
 * Rows i to i + width of some results, from a band and panels of `depth` rows: a stretch of a panel stays near while
 * the band passes it.
 */
static inline void NAME(gather_band)(size_t i, size_t width, const real *band, size_t depth, size_t stretch,
    size_t rights, const NAME(side) *right, const NAME(result) *results, const real *panel, int add)
{
    size_t columns;
    for (const NAME(side) *next, *const end = right + rights; right < end; results++, right = next) {
        next = NAME(joint)(right, end, &columns);
        const size_t vectors = NAME(vectors)(columns), row = results->row;
        for (size_t v = 0, p = 0, edge; v < vectors; v = edge, p++) {
            edge = piece(vectors, VECTORS, p + 1);
            const size_t breadth = edge - v, last = smaller(LANES, columns - (edge - 1) * LANES);
            for (size_t start = 0; results->c && start < depth; start += stretch)
                for (size_t j = 0; j < width; j += ROWS)
                    NAME(any_tile)(breadth, smaller(ROWS, width - j), smaller(stretch, depth - start),
                        band + start * BAND + j, 1, BAND * sizeof(real), panel + start * breadth * LANES,
                        results->c + (i + j) * row + v * LANES, row, last, add || start > 0, panel);
            panel += depth * breadth * LANES;
        }
    }
}

/* Copy `depth` rows of right operands, from `first` on, into panels. */
static inline void NAME(pack_sides)(size_t rights, const NAME(side) *right, size_t first, size_t depth, real *panels)
{
    size_t columns;
    for (const NAME(side) *next, *const end = right + rights; right < end; right = next) {
        size_t at = 0;
        next = NAME(joint)(right, end, &columns);
        for (const NAME(side) *each = right; each < next; at += each->width, each++)
            for (size_t k = 0; k < depth; k++)
                NAME(pack_row)(depth, columns, k, at, each->width, NAME(row_of)(&each->a, first + k), panels);
        panels += depth * NAME(vectors)(columns) * LANES;
    }
}

/*
 * For each of some left operands and each right one, or several that are joined, c = aᵀ b, or c += aᵀ b if `add`;
 * results come left by left, and one of NULL is skipped. All operands have `rows` rows. `scratch` holds SPAN packed
 * rows of all right operands, and BAND columns of a left one. Of each c, part `part` of `parts` does its share.
 */
FUNCTION void NAME(gather)(size_t lefts, const NAME(side) *left, size_t rights, const NAME(side) *right,
    const NAME(result) *results, size_t rows, real *scratch, int add, size_t part, size_t parts)
{
    real *const panels = scratch + BAND * SPAN;
    const size_t stretch = NAME(stretch)(rows, 64);
    size_t number = 0;
    for (size_t r = 0; r < rights; r++)
        number += !right[r].joined;
    for (size_t s = 0; s < pieces(rows, SPAN); s++) {
        const size_t first = piece(rows, SPAN, s), depth = piece(rows, SPAN, s + 1) - first;
        NAME(pack_sides)(rights, right, first, depth, panels);
        for (size_t l = 0; l < lefts; l++) {
            const size_t begin = NAME(share)(left[l].width, ROWS, part, parts);
            const size_t width = NAME(share)(left[l].width, ROWS, part + 1, parts) - begin;
            const NAME(result) *const c = results + l * number;
            int wanted = 0;
            for (size_t r = 0; r < number; r++)
                wanted = wanted || c[r].c;
            for (size_t i = 0, end, bands = pieces(width, BAND), k = 0; wanted && k < bands; i = end, k++) {
                end = NAME(share)(width, ROWS, k + 1, bands);
                NAME(copy_band)(&left[l].a, begin + i, end - i, first, depth, scratch);
                NAME(gather_band)(begin + i, end - i, scratch, depth, stretch, rights, right, c, panels,
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
#undef DEPTH
#undef VECTORS
