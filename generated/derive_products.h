/*
 * Matrices applied to rows or to each other, for one precision and one instruction set; included after derive_tiles.h.
 *
 * A matrix is packed first, its columns filled up with zeros.
 */

/* A packed matrix of `depth` rows, and what it is applied to: at every time rows `row` numbers apart. */
typedef struct {
    const real *a;
    size_t time, row, depth;
    const real *panels;
} NAME(factor);

/* What a row is multiplied with: a factor's panel k, to make those of `columns` columns of c. */
INLINE NAME(single) NAME(whole_panel)(const NAME(factor) *f, size_t k, size_t columns, real *c, int add)
{
    const size_t vectors = NAME(vectors)(columns), v = piece(vectors, VECTORS, k);
    const size_t end = piece(vectors, VECTORS, k + 1), last = smaller(LANES, columns - (end - 1) * LANES);
    return (NAME(single)){f->a, f->panels + v * f->depth * LANES, f->depth, end - v, c + v * LANES, last, add};
}

/* Or block b of it. */
INLINE NAME(single) NAME(block)(const NAME(factor) *f, size_t b, size_t k, size_t columns, real *c, int add)
{
    const size_t start = piece(f->depth, DEPTH, b);
    NAME(single) s = NAME(whole_panel)(f, k, columns, c, add);
    s.a += start;
    s.panel += start * s.breadth * LANES;
    s.depth = piece(f->depth, DEPTH, b + 1) - start;
    return s;
}

/*
 * One row. The panels of one factor follow each other in memory; if long, they are read so, as caches like it, or with
 * `back` from the last to the first; all others are read abreast, block by block. The choice is the same for any share
 * of the panels, and so are the bits.
 */
INLINE void NAME(apply_row)(size_t columns, size_t number, const NAME(factor) *factors, real *c, int add, int back,
    size_t low, size_t high)
{
    const size_t turned = high - 1 + low;
    NAME(single) rows[4];
    size_t waiting = 0;
    if (number == 1 && factors->depth >= 64) {
        for (size_t i = low; i < high; i++) {
            *rows = NAME(whole_panel)(factors, back ? turned - i : i, columns, c, add);
            NAME(any_row)(rows);
        }
        return;
    }
    for (size_t i = low; i < high; i++)
        for (size_t f = 0; f < number; f++)
            for (size_t b = 0; b < pieces(factors[f].depth, DEPTH); b++) {
                const int more = add || f + b > 0;
                const NAME(single) next = NAME(block)(factors + f, b, back ? turned - i : i, columns, c, more);
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
    const size_t tiles = pieces(rows, ROWS), turned = back ? high - 1 + low : 0;
    NAME(single) s = NAME(block)(factors, 0, back ? turned - low : low, columns, c, add);
    for (size_t i = low, f = 0, b = 0; i < high;) {
        const size_t row = factors[f].row;
        if (++b == pieces(factors[f].depth, DEPTH)) {
            b = 0;
            f = (f + 1) % number;
            i += f == 0;
        }
        const int more = add || f + b > 0;
        const NAME(single) next = i < high ? NAME(block)(factors + f, b, back ? turned - i : i, columns, c, more) : s;
        for (size_t t = 0; t < tiles; t++) {
            const size_t r = piece(rows, ROWS, t), count = piece(rows, ROWS, t + 1) - r, begun = t * s.depth;
            const int within = tiles > 1 && begun + s.depth <= next.depth * next.breadth;
            const real *const ahead = within ? next.panel + begun * LANES : s.panel;
            NAME(any_tile)(s.breadth, count, s.depth, s.a + r * row, row, sizeof(real), s.panel, s.c + r * c_row,
                c_row, s.last, s.add, ahead);
        }
        s = next;
    }
}

/*
 * In how many runs rows are taken: about as many at once as stay in a near cache, in so many bytes, while all panels
 * pass them, but no fewer than eight tiles.
 */
INLINE size_t NAME(runs)(size_t rows, size_t depth)
{
    if (rows <= 8 * ROWS)
        return 1;
    const size_t bytes = 262144, most = larger(bytes / sizeof(real) / depth, 8 * ROWS);
    return larger(1, (rows + most / 2) / most);
}

/*
 * At each of some times c = the sum of factors, or c += that if `add`; from one time to the next c lies c_time further.
 * `back` turns the order of the panels around: what was read last is then read first, from a near cache. Of the panels,
 * part u of us does its share.
 */
FUNCTION void NAME(apply)(size_t times, size_t rows, size_t columns, size_t number, NAME(factor) *factors, real *c,
    size_t c_time, size_t c_row, int add, int back, size_t u, size_t us)
{
    const size_t panels = pieces(NAME(vectors)(columns), VECTORS), low = panels * u / us, high = panels * (u + 1) / us;
    size_t depth = 0;
    int gaps = c_time != rows * c_row;
    for (size_t f = 0; f < number; f++) {
        gaps = gaps || factors[f].time != rows * factors[f].row;
        depth += factors[f].depth;
    }
    if (!gaps) {
        rows *= times;
        times = 1;
    }
    const size_t runs = NAME(runs)(rows, depth);
    for (size_t time = 0; low < high && time < times; time++) {
        for (size_t run = 0, top = 0; run < runs; run++) {
            const size_t height = rows * (run + 1) / runs - top;
            if (rows == 1 && !gaps) /* in all, however many parts there are: its rounding errors are others */
                NAME(apply_row)(columns, number, factors, c + top * c_row, add, back, low, high);
            else
                NAME(apply_rows)(height, columns, number, factors, c + top * c_row, c_row, add, back, low, high);
            for (size_t f = 0; f < number; f++)
                factors[f].a += height * factors[f].row;
            top += height;
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
    size_t turn = 0;
    for (size_t deep, i = 0; i < height; i += deep) {
        deep = smaller(DEPTH, height - i);
        for (size_t j = 0, count; j < width; j += count) {
            const size_t lane = (left + j) % LANES, v = (left + j) / LANES;
            count = smaller(LANES - lane, width - j);
            if (turn++ % parts != part)
                continue;
            const size_t panel = piece_of(vectors, VECTORS, v), first = piece(vectors, VECTORS, panel);
            const size_t row = (piece(vectors, VECTORS, panel + 1) - first) * LANES;
            real *const to = panels + (first * depth + v - first) * LANES + (top + i) * row + lane;
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

/*
 * c = a b, or c += a b if `add`, of two matrices: of each, rows and columns so far apart, one of the two being 1 for b.
 * Of b a panel at a time is packed, not deeper than a near cache has room for.
 */
FUNCTION void NAME(multiply)(size_t rows, size_t columns, size_t depth, const real *a, size_t a_row, size_t a_column,
    const real *b, size_t b_row, size_t b_column, real *c, size_t c_row, int add)
{
    vec panel[DEPTH * VECTORS];
    const size_t vectors = NAME(vectors)(columns);
    for (size_t p = 0, v = 0, edge; v < vectors; p++, v = edge) {
        edge = piece(vectors, VECTORS, p + 1);
        const size_t width = smaller(columns, edge * LANES) - v * LANES, last = width - (edge - v - 1) * LANES;
        for (size_t block = 0; block < pieces(depth, DEPTH); block++) {
            const size_t k = piece(depth, DEPTH, block), deep = piece(depth, DEPTH, block + 1) - k;
            NAME(pack)(deep, width, 0, deep, 0, width, b + k * b_row + v * LANES * b_column, b_row, b_column,
                (real *)panel, 0, 1);
            for (size_t t = 0; t < pieces(rows, ROWS); t++) {
                const size_t r = piece(rows, ROWS, t), count = piece(rows, ROWS, t + 1) - r;
                NAME(any_tile)(edge - v, count, deep, a + r * a_row + k * a_column, a_row, a_column * sizeof(real),
                    (real *)panel, c + r * c_row + v * LANES, c_row, last, add || k > 0, (real *)panel);
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
    for (size_t p = piece_of(vectors, VECTORS, v); left < right; p++) {
        const size_t first = piece(vectors, VECTORS, p), end = piece(vectors, VECTORS, p + 1);
        real *const to = panels + (depth * first + k * (end - first)) * LANES;
        for (; v < end && left < right; v++) {
            const size_t next = smaller((v + 1) * LANES, right), fill = next == columns ? (v + 1) * LANES : next;
            vec_store(to + left - first * LANES, vec_load(from, next - left), fill - left);
            from += next - left;
            left = next;
        }
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
