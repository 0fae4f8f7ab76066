/* A leaky linear cell, written by hand: h[t] = a * h[t-1] + W @ [h[t-1], x] + b, s[t] = s[t-1] + h[t]; y = h, total = s.
   Included once a precision, with REAL and NAME(x) defined. */

typedef struct { const REAL *a, *W, *b; } NAME(params);
typedef struct { REAL *a, *W, *b; } NAME(dparams);
typedef struct { const REAL *x; } NAME(inputs);
typedef struct { REAL *x; } NAME(dinputs);
typedef struct { REAL *h, *s; } NAME(state);
typedef struct { REAL *h, *s; } NAME(outputs);

size_t NAME(packed_bytes)(const leak_dims *d, const leak_options *o)
{
    (void)o;
    return product(d->H, d->H + d->D, sizeof(REAL));
}

size_t NAME(tape_bytes)(const leak_dims *d, const leak_options *o)
{
    (void)o;
    return product(product(d->T, d->B, 2 * sizeof(REAL)), d->H, 1);
}

size_t NAME(tape_offset)(const leak_dims *d, const leak_options *o, int index)
{
    (void)o;
    return (size_t)index * d->T * d->B * d->H * sizeof(REAL);
}

size_t NAME(work_bytes)(const leak_dims *d, const leak_options *o)
{
    (void)o;
    return product(d->B * 2, d->H, sizeof(REAL));
}

/* "packed" is twice W, so that a test sees whether it is used */
int NAME(pack)(const leak_dims *d, const NAME(params) *p, void *packed, const leak_options *o)
{
    (void)o;
    for (size_t i = 0; i < d->H * (d->H + d->D); i++) ((REAL *)packed)[i] = 2 * p->W[i];
    return 0;
}

static int NAME(check)(const leak_dims *d, const leak_options *o, const void *p, const void *tape)
{
    if (!d || !p) return 1;
    if (!d->T || !d->B || !d->D || !d->H) return 2;
    if (o->parts < 0) return 3;
    if ((size_t)tape % 64) return 4;
    return 0;
}

int NAME(forward)(const leak_dims *d, const NAME(params) *p, const void *packed, const NAME(inputs) *in,
                  const NAME(state) *initial, NAME(outputs) *out, NAME(state) *final, void *tape, void *work,
                  const leak_options *o)
{
    size_t T = d->T, B = d->B, D = d->D, H = d->H, n = B * H;
    const REAL *W = packed ? (const REAL *)packed : p->W;
    REAL scale = packed ? (REAL)0.5 : 1;
    REAL *before = (REAL *)work, *total = before + n;
    int code = NAME(check)(d, o, p, tape);
    if (code) return code;
    for (size_t i = 0; i < n; i++) {
        before[i] = initial ? initial->h[i] : 0;
        total[i] = initial ? initial->s[i] : 0;
    }
    for (size_t t = 0; t < T; t++) {
        REAL *h = out->h + t * n;
        for (size_t m = 0; m < B; m++)
            for (size_t i = 0; i < H; i++) {
                REAL sum = *p->a * before[m * H + i] + p->b[i];
                for (size_t j = 0; j < H; j++) sum += scale * W[i * (H + D) + j] * before[m * H + j];
                for (size_t j = 0; j < D; j++) sum += scale * W[i * (H + D) + H + j] * in->x[(t * B + m) * D + j];
                h[m * H + i] = sum;
            }
        for (size_t i = 0; i < n; i++) {
            before[i] = h[i];
            total[i] += h[i];
            out->s[t * n + i] = total[i];
            if (tape) ((REAL *)tape)[t * n + i] = h[i];
            if (tape) ((REAL *)tape)[(T + t) * n + i] = total[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        final->h[i] = before[i];
        final->s[i] = total[i];
    }
    return 0;
}

int NAME(step)(const leak_dims *d, const NAME(params) *p, const void *packed, const NAME(inputs) *in,
               const NAME(state) *state, NAME(outputs) *out, NAME(state) *next, void *work, const leak_options *o)
{
    if (d->T != 1) return 2;
    return NAME(forward)(d, p, packed, in, state, out, next, 0, work, o);
}

int NAME(backward)(const leak_dims *d, const NAME(params) *p, const void *packed, const NAME(inputs) *in,
                   const NAME(state) *initial, const void *tape, const NAME(outputs) *dy, const NAME(state) *dfinal,
                   NAME(dparams) *dp, NAME(dinputs) *din, NAME(state) *dinitial, void *work, const leak_options *o)
{
    size_t T = d->T, B = d->B, D = d->D, H = d->H, n = B * H;
    const REAL *saved = (const REAL *)tape;
    REAL *dh = (REAL *)work, *ds = dinitial->s, *carry = dinitial->h;
    int code = NAME(check)(d, o, p, tape);
    (void)packed;
    if (code) return code;
    *dp->a = 0;
    for (size_t i = 0; i < H * (H + D); i++) dp->W[i] = 0;
    for (size_t i = 0; i < H; i++) dp->b[i] = 0;
    for (size_t i = 0; i < n; i++) {
        carry[i] = dfinal ? dfinal->h[i] : 0;
        ds[i] = dfinal ? dfinal->s[i] : 0;
    }
    for (size_t t = T; t-- > 0;) {
        for (size_t i = 0; i < n; i++) {
            ds[i] += dy->s[t * n + i];
            dh[i] = carry[i] + dy->h[t * n + i] + ds[i];
            carry[i] = *p->a * dh[i];
        }
        for (size_t m = 0; m < B; m++) {
            const REAL *x = in->x + (t * B + m) * D;
            for (size_t j = 0; j < D; j++) din->x[(t * B + m) * D + j] = 0;
            for (size_t i = 0; i < H; i++) {
                REAL g = dh[m * H + i];
                const REAL *w = p->W + i * (H + D);
                const REAL *old = t ? saved + (t - 1) * n : initial ? initial->h : 0;
                dp->b[i] += g;
                if (old) *dp->a += g * old[m * H + i];
                for (size_t j = 0; j < H; j++) {
                    carry[m * H + j] += g * w[j];
                    if (old) dp->W[i * (H + D) + j] += g * old[m * H + j];
                }
                for (size_t j = 0; j < D; j++) {
                    din->x[(t * B + m) * D + j] += g * w[H + j];
                    dp->W[i * (H + D) + H + j] += g * x[j];
                }
            }
        }
    }
    return 0;
}

int NAME(forward_threads)(const leak_dims *d, const NAME(params) *p, const void *packed, const NAME(inputs) *in,
                          const NAME(state) *initial, NAME(outputs) *out, NAME(state) *final, void *tape, void *work,
                          const leak_options *o)
{
    return NAME(forward)(d, p, packed, in, initial, out, final, tape, work, o);
}

int NAME(backward_threads)(const leak_dims *d, const NAME(params) *p, const void *packed, const NAME(inputs) *in,
                           const NAME(state) *initial, const void *tape, const NAME(outputs) *dy,
                           const NAME(state) *dfinal, NAME(dparams) *dp, NAME(dinputs) *din, NAME(state) *dinitial,
                           void *work, const leak_options *o)
{
    return NAME(backward)(d, p, packed, in, initial, tape, dy, dfinal, dp, din, dinitial, work, o);
}
