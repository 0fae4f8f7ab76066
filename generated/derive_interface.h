/*
 * The functions that every cell offers, for one precision; included behind what tells where the cell's things lie,
 * with CELL(name) a name of the cell's and Q(name) one for this precision.
 */

/* The work, once for each set of instructions; in stages, of each of which `part` of `parts` is done. */
typedef struct {
    void (*fill)(const CELL(dims) *, const Q(params) *, real *, int);
    void (*forward)(const CELL(dims) *, const Q(params) *, const real *, const Q(inputs) *, const Q(state) *,
        Q(outputs) *, Q(state) *, real *, real *, size_t, size_t, size_t);
    void (*backward)(const CELL(dims) *, const Q(params) *, const real *, const Q(inputs) *, const Q(state) *,
        const real *, const Q(outputs) *, const Q(state) *, Q(dparams) *, Q(dinputs) *, Q(state) *, real *,
        size_t, size_t, size_t);
} Q(kernels);

static const Q(kernels) *Q(kernels_of)(int set);

/* No buffer has 0 bytes: it would have no address. */
size_t Q(packed_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    size_t at[Q(groups)];
    (void)options;
    return dims ? times(larger(Q(packed_layout)(dims, at), UNIT), sizeof(real)) : TOO_LARGE;
}

size_t Q(tape_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    size_t at[Q(entries)];
    (void)options;
    return dims ? times(larger(Q(tape_layout)(dims, at), UNIT), sizeof(real)) : TOO_LARGE;
}

size_t Q(work_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    size_t forward_at[Q(forward_regions)], backward_at[Q(backward_regions)];
    const size_t parts = options && options->parts > 1 ? (size_t)options->parts : 1;
    if (!dims)
        return TOO_LARGE;
    const size_t forward = Q(forward_layout)(dims, parts, forward_at);
    const size_t backward = Q(backward_layout)(dims, parts, backward_at);
    return times(larger(larger(forward, backward), UNIT), sizeof(real));
}

size_t Q(tape_offset)(const CELL(dims) *dims,
    const CELL(options) *options, int index)
{
    size_t at[Q(entries)] = {0};
    (void)options;
    if (!dims || index < 0 || index >= Q(entries))
        return TOO_LARGE;
    Q(tape_layout)(dims, at);
    return times(at[index], sizeof(real));
}

/* The error that the sizes are, or CELL(ok). */
static int Q(check_sizes)(const CELL(dims) *dims)
{
    const int code = Q(check_arrays)(dims);
    if (code == CELL(ok) && (Q(work_bytes)(dims, NULL) == TOO_LARGE || Q(tape_bytes)(dims, NULL) == TOO_LARGE))
        return CELL(overflow);
    return code;
}

/*
 * What the options ask for: the set of instructions, and which stages and which part of them to do. All parts of a
 * stage may be done at the same time, each stage behind the one before.
 */
typedef struct {
    const Q(kernels) *kernels;
    int set;
    size_t first, last, part, parts;
} Q(plan);

static int Q(make_plan)(const CELL(options) *options, size_t stages, Q(plan) *plan)
{
    plan->set = options && options->set ? options->set : SET_NEON;
    while (!(options && options->set) && (!has_set(plan->set) || !Q(kernels_of)(plan->set)))
        plan->set--;
    plan->kernels = has_set(plan->set) ? Q(kernels_of)(plan->set) : NULL;
    plan->first = 0;
    plan->last = stages;
    plan->part = 0;
    plan->parts = 1;
    if (!plan->kernels)
        return CELL(unsupported);
    if (options && options->parts) {
        if (options->parts < 0 || options->part < 0 || options->part >= options->parts || options->stage < 0)
            return CELL(unsupported);
        plan->first = (size_t)options->stage;
        plan->last = plan->first < stages ? plan->first + 1 : plan->first;
        plan->part = (size_t)options->part;
        plan->parts = (size_t)options->parts;
    }
    return CELL(ok);
}

/* What is wrong with the buffers, or CELL(ok). */
static int Q(check)(const CELL(dims) *dims, const void *packed, const void *tape, const void *work,
    const CELL(options) *options, size_t stages, Q(plan) *plan)
{
    if (misaligned(packed) || misaligned(tape) || misaligned(work))
        return CELL(misaligned);
    int code = Q(check_sizes)(dims);
    if (code == CELL(ok))
        code = Q(make_plan)(options, stages, plan);
    if (code == CELL(ok) && packed && *(const int *)packed != plan->set)
        return CELL(mispacked);
    return code;
}

int Q(pack)(const CELL(dims) *dims, const Q(params) *params, void *packed,
    const CELL(options) *options)
{
    if (!dims || Q(no_params)(params) || !packed)
        return CELL(null);
    Q(plan) plan;
    const int code = Q(check)(dims, NULL, NULL, packed, options, 0, &plan);
    if (code != CELL(ok))
        return code;
    plan.kernels->fill(dims, params, packed, for_forward | for_backward);
    *(int *)packed = plan.set;
    return CELL(ok);
}

int Q(forward)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, Q(outputs) *outputs, Q(state) *final,
    void *tape, void *work, const CELL(options) *options)
{
    if (!dims || Q(no_params)(params) || Q(no_inputs)(inputs) || Q(no_outputs)(outputs) || !work)
        return CELL(null);
    Q(plan) plan;
    const int code = Q(check)(dims, packed, tape, work, options, CELL(forward_stages), &plan);
    if (code != CELL(ok))
        return code;
    const Q(state) zero = {0};
    Q(state) unwanted = {0};
    for (size_t stage = plan.first; stage < plan.last; stage++)
        plan.kernels->forward(dims, params, packed, inputs, initial ? initial : &zero, outputs, final ? final : &unwanted, tape, work,
            stage, plan.part, plan.parts);
    return CELL(ok);
}

int Q(backward)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, const void *tape, const Q(outputs) *doutputs,
    const Q(state) *dfinal, Q(dparams) *dparams, Q(dinputs) *dinputs, Q(state) *dinitial, void *work,
    const CELL(options) *options)
{
    if (!dims || Q(no_params)(params) || Q(no_inputs)(inputs) || Q(no_outputs)(doutputs) || !tape || !work)
        return CELL(null);
    Q(plan) plan;
    const int code = Q(check)(dims, packed, tape, work, options, CELL(backward_stages), &plan);
    if (code != CELL(ok))
        return code;
    const Q(state) zero = {0};
    Q(state) no_dinitial = {0};
    Q(dparams) no_dparams = {0};
    Q(dinputs) no_dinputs = {0};
    for (size_t stage = plan.first; stage < plan.last; stage++)
        plan.kernels->backward(dims, params, packed, inputs, initial ? initial : &zero, tape, doutputs,
            dfinal ? dfinal : &zero, dparams ? dparams : &no_dparams, dinputs ? dinputs : &no_dinputs,
            dinitial ? dinitial : &no_dinitial, work, stage, plan.part, plan.parts);
    return CELL(ok);
}

int Q(step)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *state, Q(outputs) *outputs, Q(state) *new_state,
    void *work, const CELL(options) *options)
{
    if (!dims)
        return CELL(null);
    CELL(dims) one = *dims;
    one.T = 1;
    return Q(forward)(&one, params, packed, inputs, state, outputs, new_state, NULL, work, options);
}
