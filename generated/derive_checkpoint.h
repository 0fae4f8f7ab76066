/*
 * Sequences in segments, for one precision: the tape keeps the states between them only, and backward computes the
 * rest again, segment by segment. Included by the interface.
 */

/* What the segments of a sequence need, in numbers; TOO_LARGE where that cannot be addressed. */
typedef struct {
    size_t length, number, state, outputs, params, tape, work;
} Q(segments);

/* Numbers of some arrays that lie one behind the other, each for `rows` rows. */
static size_t Q(total)(size_t count, const size_t width[], size_t rows)
{
    size_t end = 0;
    for (size_t i = 0; i < count; i++)
        place(&end, times(rows, width[i]), UNIT);
    return end;
}

static size_t Q(kept_whole)(const CELL(dims) *dims);
static size_t Q(work_whole)(const CELL(dims) *dims, size_t parts);

static Q(segments) Q(cut)(const CELL(dims) *dims, const CELL(options) *options)
{
    const size_t wanted = options->checkpoint > 0 ? (size_t)options->checkpoint : 1;
    Q(widths) w;
    Q(measure)(dims, &w);
    CELL(dims) one = *dims;
    one.T = smaller(dims->T, wanted);
    return (Q(segments)){
        .length = one.T,
        .number = (dims->T + one.T - 1) / one.T,
        .state = Q(total)(Q(states_count), w.states, dims->B),
        .outputs = Q(total)(Q(outputs_count), w.outputs, times(one.T, dims->B)),
        .params = Q(total)(Q(params_count), w.params, 1),
        .tape = Q(kept_whole)(&one),
        .work = Q(work_whole)(&one, Q(parts_of)(options)),
    };
}

/* Pointers to arrays that lie one behind the other from `start`; NULL where `like` is given and has NULL. */
static void Q(lay)(void *arrays, real *start, size_t count, const size_t width[], size_t rows, const void *like)
{
    size_t end = 0;
    for (size_t i = 0; i < count; i++) {
        real *array = start + place(&end, rows * width[i], UNIT), *given = array;
        if (like)
            memcpy(&given, (const char *)like + i * sizeof given, sizeof given);
        if (!given)
            array = NULL;
        memcpy((char *)arrays + i * sizeof array, &array, sizeof array);
    }
}

/* The same arrays from some row on. */
static void Q(move)(void *arrays, const void *from, size_t count, const size_t width[], size_t rows)
{
    for (size_t i = 0; i < count; i++) {
        real *array;
        memcpy(&array, (const char *)from + i * sizeof array, sizeof array);
        array = array ? array + rows * width[i] : NULL;
        memcpy((char *)arrays + i * sizeof array, &array, sizeof array);
    }
}

static void Q(add_up)(const void *sums, const void *addends, size_t count, const size_t width[])
{
    for (size_t i = 0; i < count; i++) {
        real *sum;
        const real *addend;
        memcpy(&sum, (const char *)sums + i * sizeof sum, sizeof sum);
        memcpy(&addend, (const char *)addends + i * sizeof addend, sizeof addend);
        for (size_t j = 0; sum && j < width[i]; j++)
            sum[j] += addend[j];
    }
}

/* Where a segment begins: the caller's state, or what the tape keeps. */
static Q(state) Q(start_of)(size_t segment, const Q(state) *initial, real *tape, const Q(segments) *s,
    const Q(widths) *w, size_t B)
{
    Q(state) start = {0};
    if (segment > 0)
        Q(lay)(&start, tape + (segment - 1) * s->state, Q(states_count), w->states, B, NULL);
    else if (initial)
        start = *initial;
    return start;
}

static int Q(forward_cut)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, Q(outputs) *outputs, Q(state) *final, void *tape, void *work,
    const CELL(options) *options, Q(forward_function) *run)
{
    CELL(options) whole_sequence = *options;
    whole_sequence.checkpoint = 0;
    if (!tape)
        return run(dims, params, packed, inputs, initial, outputs, final, NULL, work, &whole_sequence);
    const Q(segments) s = Q(cut)(dims, options);
    Q(widths) w;
    Q(measure)(dims, &w);
    int code = CELL(ok);
    for (size_t k = 0; k < s.number && code == CELL(ok); k++) {
        const size_t rows = k * s.length * dims->B;
        CELL(dims) segment = *dims;
        segment.T = smaller(s.length, dims->T - k * s.length);
        Q(state) start = Q(start_of)(k, initial, tape, &s, &w, dims->B), end = {0};
        if (k + 1 < s.number)
            end = Q(start_of)(k + 1, NULL, tape, &s, &w, dims->B);
        else if (final)
            end = *final;
        Q(inputs) these_inputs;
        Q(outputs) these_outputs;
        Q(move)(&these_inputs, inputs, Q(inputs_count), w.inputs, rows);
        Q(move)(&these_outputs, outputs, Q(outputs_count), w.outputs, rows);
        code = run(&segment, params, packed, &these_inputs, &start, &these_outputs, &end, NULL, work, &whole_sequence);
    }
    return code;
}

static int Q(backward_cut)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, const void *tape, const Q(outputs) *doutputs,
    const Q(state) *dfinal, Q(dparams) *dparams, Q(dinputs) *dinputs, Q(state) *dinitial, void *work,
    const CELL(options) *options, Q(forward_function) *run, Q(backward_function) *run_back)
{
    CELL(options) whole_sequence = *options;
    whole_sequence.checkpoint = 0;
    const Q(segments) s = Q(cut)(dims, options);
    Q(widths) w;
    Q(measure)(dims, &w);
    real *const segment_tape = (real *)work + s.work, *const scratch = segment_tape + s.tape;
    real *const share = scratch + s.outputs, *const carried[2] = {share + s.params, share + s.params + s.state};
    Q(outputs) unread;
    Q(dparams) more = {0}, *first = dparams;
    Q(state) carry[2];
    Q(lay)(&unread, scratch, Q(outputs_count), w.outputs, s.length * dims->B, NULL);
    if (dparams)
        Q(lay)(&more, share, Q(params_count), w.params, 1, dparams);
    for (int i = 0; i < 2; i++)
        Q(lay)(&carry[i], carried[i], Q(states_count), w.states, dims->B, NULL);
    int code = CELL(ok);
    for (size_t k = s.number; k-- > 0 && code == CELL(ok);) {
        const size_t rows = k * s.length * dims->B;
        const int last = k + 1 == s.number;
        CELL(dims) segment = *dims;
        segment.T = smaller(s.length, dims->T - k * s.length);
        const Q(state) start = Q(start_of)(k, initial, (real *)(uintptr_t)tape, &s, &w, dims->B);
        Q(inputs) these_inputs;
        Q(outputs) these_doutputs;
        Q(dinputs) these_dinputs = {0};
        Q(move)(&these_inputs, inputs, Q(inputs_count), w.inputs, rows);
        Q(move)(&these_doutputs, doutputs, Q(outputs_count), w.outputs, rows);
        if (dinputs)
            Q(move)(&these_dinputs, dinputs, Q(inputs_count), w.inputs, rows);
        code = run(&segment, params, packed, &these_inputs, &start, &unread, NULL, segment_tape, work, &whole_sequence);
        if (code == CELL(ok))
            code = run_back(&segment, params, packed, &these_inputs, &start, segment_tape, &these_doutputs,
                last ? dfinal : &carry[k % 2], first, &these_dinputs, k == 0 ? dinitial : &carry[(k + 1) % 2], work,
                &whole_sequence);
        if (code == CELL(ok) && !last && dparams)
            Q(add_up)(dparams, &more, Q(params_count), w.params);
        first = dparams ? &more : NULL;
    }
    return code;
}
