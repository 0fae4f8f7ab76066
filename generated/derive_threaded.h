/* The functions of a cell done by several threads, for one precision; included after derive_threads.h. */

/*
 * How many threads are worth being started: none for what is done sooner than a thread is there, nor where there is
 * one row and its units cannot be shared.
 */
static int Q(threads)(const CELL(dims) *dims, const CELL(options) *options, int rows_alone, int able)
{
    const size_t asked = Q(parts_of)(options);
    if (times(times(dims->T, dims->B), Q(effort)(dims)) < ((size_t)1 << 22))
        return 1;
    return rows_alone && dims->B < 2 && !Q(share_units)(dims, asked, able) ? 1 : (int)asked;
}

static Q(plan) Q(part_of)(const Q(plan) *plan, int stage, int part, int parts)
{
    return (Q(plan)){plan->kernels, plan->set, (size_t)stage, (size_t)stage + 1, (size_t)part, (size_t)parts};
}

typedef struct {
    const CELL(dims) *dims;
    const Q(params) *params;
    const void *packed;
    const Q(inputs) *inputs;
    const Q(state) *initial;
    Q(outputs) *outputs;
    Q(state) *final;
    void *tape, *work;
    Q(plan) plan;
} Q(forward_call);

static int Q(forward_part)(const void *call, int stage, int part, int parts, meeting *meet, void *room)
{
    const Q(forward_call) *const c = call;
    const Q(plan) plan = Q(part_of)(&c->plan, stage, part, parts);
    Q(forward_with)(&plan, c->dims, c->params, c->packed, c->inputs, c->initial, c->outputs, c->final, c->tape,
        c->work, meet, room);
    return CELL(ok);
}

int Q(forward_threads)(const CELL(dims) *dims, const Q(params) *params,
    const void *packed, const Q(inputs) *inputs, const Q(state) *initial,
    Q(outputs) *outputs, Q(state) *final, void *tape, void *work,
    const CELL(options) *options)
{
    Q(plan) plan;
    const int code = Q(forward_ready)(dims, params, packed, inputs, outputs, tape, work, options, &plan);
    if (code != CELL(ok))
        return code;
    if (options && options->checkpoint)
        return Q(forward_cut)(dims, params, packed, inputs, initial, outputs, final, tape, work, options,
            Q(forward_threads));
    const Q(forward_call) call = {dims, params, packed, inputs, initial, outputs, final, tape, work, plan};
    const int threads = Q(threads)(dims, options, 1, Q(forward_together));
    return do_in_threads(options ? options->crew : NULL, threads, CELL(forward_stages), Q(forward_part), &call);
}

typedef struct {
    const CELL(dims) *dims;
    const Q(params) *params;
    const void *packed;
    const Q(inputs) *inputs;
    const Q(state) *initial;
    const void *tape;
    const Q(outputs) *doutputs;
    const Q(state) *dfinal;
    Q(dparams) *dparams;
    Q(dinputs) *dinputs;
    Q(state) *dinitial;
    void *work;
    Q(plan) plan;
} Q(backward_call);

static int Q(backward_part)(const void *call, int stage, int part, int parts, meeting *meet, void *room)
{
    const Q(backward_call) *const c = call;
    const Q(plan) plan = Q(part_of)(&c->plan, stage, part, parts);
    Q(backward_with)(&plan, c->dims, c->params, c->packed, c->inputs, c->initial, c->tape, c->doutputs, c->dfinal,
        c->dparams, c->dinputs, c->dinitial, c->work, meet, room);
    return CELL(ok);
}

int Q(backward_threads)(const CELL(dims) *dims, const Q(params) *params,
    const void *packed, const Q(inputs) *inputs, const Q(state) *initial,
    const void *tape, const Q(outputs) *doutputs, const Q(state) *dfinal,
    Q(dparams) *dparams, Q(dinputs) *dinputs, Q(state) *dinitial,
    void *work, const CELL(options) *options)
{
    Q(plan) plan;
    const int code = Q(backward_ready)(dims, params, packed, inputs, doutputs, tape, work, options, &plan);
    if (code != CELL(ok))
        return code;
    if (options && options->checkpoint)
        return Q(backward_cut)(dims, params, packed, inputs, initial, tape, doutputs, dfinal, dparams, dinputs,
            dinitial, work, options, Q(forward_threads), Q(backward_threads));
    const Q(backward_call) call = {dims, params, packed, inputs, initial, tape, doutputs, dfinal,
        dparams, dinputs, dinitial, work, plan};
    const int threads = Q(threads)(dims, options, 0, Q(backward_together));
    return do_in_threads(options ? options->crew : NULL, threads, CELL(backward_stages), Q(backward_part), &call);
}
