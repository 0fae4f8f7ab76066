/*
 * The functions that every cell offers, for one precision; included after the cell's layouts,
 * with CELL(name) a name of the cell's and Q(name) one for this precision.
 */

/*
 * The work, once for each set of instructions: `make` what is made of parameters alone, `fill` the panels of matrices,
 * both into packed memory; the others in stages, of each of which `part` of `parts` is done.
 */
typedef struct {
    void (*make)(const CELL(dims) *, const Q(params) *, real *);
    void (*fill)(const CELL(dims) *, const Q(params) *, real *, int, size_t, size_t);
    void (*forward)(const CELL(dims) *, const Q(params) *, const real *, const Q(inputs) *, const Q(state) *,
        Q(outputs) *, Q(state) *, real *, real *, size_t, size_t, size_t, int, meeting *, void *);
    void (*backward)(const CELL(dims) *, const Q(params) *, const real *, const Q(inputs) *, const Q(state) *,
        const real *, const Q(outputs) *, const Q(state) *, Q(dparams) *, Q(dinputs) *, Q(state) *, real *,
        size_t, size_t, size_t, int, meeting *, void *);
} Q(kernels);

static const Q(kernels) *Q(kernels_of)(int set);

/* In how many parts the work may be done. */
static size_t Q(parts_of)(const CELL(options) *options)
{
    return options && options->parts > 1 ? (size_t)options->parts : 1;
}

#include "derive_checkpoint.h"

static size_t Q(kept_whole)(const CELL(dims) *dims)
{
    size_t at[Q(entries)];
    return larger(Q(tape_layout)(dims, at), UNIT);
}

static int Q(infers)(const CELL(options) *options)
{
    return options && options->inference;
}

/* What packed matrices take: all of them, or those of forward, which come first. */
static size_t Q(packed_whole)(const CELL(dims) *dims, int inference)
{
    size_t at[Q(groups)];
    const size_t all = Q(packed_layout)(dims, at);
    return larger(inference && Q(forward_groups) < Q(groups) ? at[Q(forward_groups)] : all, UNIT);
}

/* What a whole sequence takes, without or with backward; what is inferred has its matrices packed elsewhere. */
static size_t Q(work_forward)(const CELL(dims) *dims, size_t parts, int inference)
{
    size_t at[Q(forward_regions)];
    const size_t forward = Q(forward_layout)(dims, parts, at);
    return larger(plus(forward, Q(matrices) && !inference ? Q(packed_whole)(dims, 0) : 0), UNIT);
}

static size_t Q(work_whole)(const CELL(dims) *dims, size_t parts)
{
    size_t at[Q(backward_regions)];
    const size_t backward = Q(backward_layout)(dims, parts, at);
    return larger(plus(backward, Q(matrices) ? Q(packed_whole)(dims, 0) : 0), Q(work_forward)(dims, parts, 0));
}

/* No buffer has 0 bytes: it would have no address. */
size_t Q(packed_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    return dims ? times(Q(packed_whole)(dims, Q(infers)(options)), sizeof(real)) : TOO_LARGE;
}

size_t Q(tape_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    if (!dims)
        return TOO_LARGE;
    if (!options || !options->checkpoint || !dims->T)
        return times(Q(kept_whole)(dims), sizeof(real));
    const Q(segments) s = Q(cut)(dims, options);
    return times(larger(times(s.number - 1, s.state), UNIT), sizeof(real));
}

size_t Q(work_bytes)(const CELL(dims) *dims, const CELL(options) *options)
{
    if (!dims)
        return TOO_LARGE;
    CELL(dims) sequence = *dims;
    sequence.T = larger(dims->T, 1); /* that of a step, whatever T is */
    if (Q(infers)(options))
        return times(Q(work_forward)(&sequence, Q(parts_of)(options), 1), sizeof(real));
    if (!options || !options->checkpoint)
        return times(Q(work_whole)(&sequence, Q(parts_of)(options)), sizeof(real));
    const Q(segments) s = Q(cut)(&sequence, options);
    const size_t kept = plus(plus(s.tape, s.outputs), plus(s.params, times(2, s.state)));
    const size_t inference = Q(work_forward)(&sequence, Q(parts_of)(options), 0);
    return times(larger(plus(s.work, kept), inference), sizeof(real));
}

size_t Q(tape_offset)(const CELL(dims) *dims,
    const CELL(options) *options, int index)
{
    size_t at[Q(entries)] = {0};
    if (!dims || index < 0 || index >= Q(entries) || (options && options->checkpoint))
        return TOO_LARGE;
    Q(tape_layout)(dims, at);
    return times(at[index], sizeof(real));
}

/* What is wrong with the sizes, or CELL(ok). */
static int Q(check_sizes)(const CELL(dims) *dims, const CELL(options) *options)
{
    size_t axis[sizeof *dims / sizeof(size_t)];
    memcpy(axis, dims, sizeof axis);
    size_t largest = 0;
    for (size_t i = 0; i < sizeof axis / sizeof *axis; i++) {
        if (axis[i] == 0)
            return CELL(empty);
        largest = larger(largest, axis[i]);
    }
    /* Arrays of up to five such axes are far from the end of 64 bits, and a stream wants to be quick. */
    if (largest <= 1024 && sizeof(size_t) == 8)
        return CELL(ok);
    Q(widths) w;
    Q(measure)(dims, &w);
    const size_t rows = times(dims->T, dims->B);
    const size_t total = plus(plus(Q(total)(Q(params_count), w.params, 1), Q(total)(Q(inputs_count), w.inputs, rows)),
        plus(Q(total)(Q(states_count), w.states, dims->B), Q(total)(Q(outputs_count), w.outputs, rows)));
    if (times(total, sizeof(real)) == TOO_LARGE || Q(work_bytes)(dims, options) == TOO_LARGE ||
        Q(tape_bytes)(dims, options) == TOO_LARGE)
        return CELL(overflow);
    return CELL(ok);
}

/*
 * What the options ask for: the set of instructions, and which stages and which part of them to do. All parts of a
 * stage may be done at the same time, each stage after the one before.
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
    if (!plan->kernels || (options && options->checkpoint < 0))
        return CELL(unsupported);
    if (options && !options->parts && (options->part || options->stage))
        return CELL(unsupported);
    if (options && options->parts) {
        if (options->parts < 0 || options->part < 0 || options->part >= options->parts || options->stage < 0 ||
            (size_t)options->stage >= stages)
            return CELL(unsupported);
        plan->first = (size_t)options->stage;
        plan->last = plan->first + 1;
        plan->part = (size_t)options->part;
        plan->parts = (size_t)options->parts;
    }
    return CELL(ok);
}

/* In front of packed matrices: for which set of instructions, whether for inference alone, and a hash of the sizes. */
typedef struct {
    int set, inference;
    size_t sizes;
} Q(stamp);

static Q(stamp) Q(stamp_of)(const CELL(dims) *dims, int set, int inference)
{
    size_t axis[sizeof *dims / sizeof(size_t)], sizes = 0;
    memcpy(axis, dims, sizeof axis);
    for (size_t i = 2; i < sizeof axis / sizeof *axis; i++) /* behind T and B, which do not matter */
        sizes = (sizes ^ axis[i]) * 0x9E3779B1u;
    return (Q(stamp)){set, inference, sizes};
}

static int Q(mispacked)(const void *packed, Q(stamp) wanted)
{
    Q(stamp) made;
    memcpy(&made, packed, sizeof made);
    return made.set != wanted.set || made.sizes != wanted.sizes || (made.inference && !wanted.inference);
}

/* What is wrong with the buffers, or CELL(ok). */
static int Q(check)(const CELL(dims) *dims, const void *packed, const void *tape, const void *work,
    const CELL(options) *options, size_t stages, Q(plan) *plan)
{
    if (misaligned(packed) || misaligned(tape) || misaligned(work))
        return CELL(misaligned);
    int code = Q(check_sizes)(dims, options);
    if (code == CELL(ok))
        code = Q(make_plan)(options, stages, plan);
    if (code == CELL(ok) && packed && Q(mispacked)(packed, Q(stamp_of)(dims, plan->set, Q(infers)(options))))
        return CELL(mispacked);
    return code;
}

int Q(pack)(const CELL(dims) *dims, const Q(params) *params, void *packed,
    const CELL(options) *options)
{
    if (!dims || Q(no_params)(params) || !packed)
        return CELL(null);
    CELL(dims) one = *dims;
    one.T = one.B = 1; /* whatever they are */
    Q(plan) plan;
    const int code = Q(check)(&one, NULL, NULL, packed, options, TOO_LARGE, &plan);
    if (code != CELL(ok))
        return code;
    const int inference = Q(infers)(options);
    plan.kernels->make(&one, params, packed);
    plan.kernels->fill(&one, params, packed, inference ? for_forward : for_forward | for_backward, 0, 1);
    const Q(stamp) stamp = Q(stamp_of)(dims, plan.set, inference);
    memcpy(packed, &stamp, sizeof stamp);
    return CELL(ok);
}

/* What is wrong with the arguments, or CELL(ok). */
static int Q(forward_ready)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(outputs) *outputs, const void *tape, const void *work,
    const CELL(options) *options, Q(plan) *plan)
{
    if (!dims || Q(no_params)(params) || Q(no_inputs)(inputs) || Q(no_outputs)(outputs) || !work)
        return CELL(null);
    if (Q(infers)(options) && (tape || !packed))
        return CELL(unsupported);
    return Q(check)(dims, packed, tape, work, options, CELL(forward_stages), plan);
}

static int Q(backward_ready)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(outputs) *doutputs, const void *tape, const void *work,
    const CELL(options) *options, Q(plan) *plan)
{
    if (!dims || Q(no_params)(params) || Q(no_inputs)(inputs) || Q(no_outputs)(doutputs) || !tape || !work)
        return CELL(null);
    if (Q(infers)(options))
        return CELL(unsupported);
    return Q(check)(dims, packed, tape, work, options, CELL(backward_stages), plan);
}

/*
 * Whether parts share the units: where there are too few rows for them all and each step is worth meeting for. Needs
 * parts that run at the same time.
 */
static int Q(share_units)(const CELL(dims) *dims, size_t parts, int able)
{
    return able && parts > 1 && dims->B < 4 * parts && Q(effort)(dims) >= ((size_t)1 << 16);
}

static void Q(forward_with)(const Q(plan) *plan, const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, Q(outputs) *outputs, Q(state) *final,
    void *tape, void *work, meeting *meet, void *room)
{
    const int together = meet && Q(share_units)(dims, plan->parts, Q(forward_together));
    const Q(state) zero = {0};
    Q(state) unwanted = {0};
    for (size_t stage = plan->first; stage < plan->last; stage++)
        plan->kernels->forward(dims, params, packed, inputs, initial ? initial : &zero, outputs,
            final ? final : &unwanted, tape, work, stage, plan->part, plan->parts, together, meet, room);
}

int Q(forward)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, Q(outputs) *outputs, Q(state) *final,
    void *tape, void *work, const CELL(options) *options)
{
    Q(plan) plan;
    const int code = Q(forward_ready)(dims, params, packed, inputs, outputs, tape, work, options, &plan);
    if (code == CELL(ok) && options && options->checkpoint)
        return options->parts ? CELL(unsupported) : Q(forward_cut)(dims, params, packed, inputs, initial, outputs,
            final, tape, work, options, Q(forward));
    if (code == CELL(ok))
        Q(forward_with)(&plan, dims, params, packed, inputs, initial, outputs, final, tape, work, NULL, NULL);
    return code;
}

static void Q(backward_with)(const Q(plan) *plan, const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, const void *tape, const Q(outputs) *doutputs,
    const Q(state) *dfinal, Q(dparams) *dparams, Q(dinputs) *dinputs, Q(state) *dinitial, void *work,
    meeting *meet, void *room)
{
    const int together = meet && Q(share_units)(dims, plan->parts, Q(backward_together));
    const Q(state) zero = {0};
    Q(state) no_dinitial = {0};
    Q(dparams) no_dparams = {0};
    Q(dinputs) no_dinputs = {0};
    for (size_t stage = plan->first; stage < plan->last; stage++)
        plan->kernels->backward(dims, params, packed, inputs, initial ? initial : &zero, tape, doutputs,
            dfinal ? dfinal : &zero, dparams ? dparams : &no_dparams, dinputs ? dinputs : &no_dinputs,
            dinitial ? dinitial : &no_dinitial, work, stage, plan->part, plan->parts, together, meet, room);
}

int Q(backward)(const CELL(dims) *dims, const Q(params) *params, const void *packed,
    const Q(inputs) *inputs, const Q(state) *initial, const void *tape, const Q(outputs) *doutputs,
    const Q(state) *dfinal, Q(dparams) *dparams, Q(dinputs) *dinputs, Q(state) *dinitial, void *work,
    const CELL(options) *options)
{
    Q(plan) plan;
    const int code = Q(backward_ready)(dims, params, packed, inputs, doutputs, tape, work, options, &plan);
    if (code == CELL(ok) && options && options->checkpoint)
        return options->parts ? CELL(unsupported) : Q(backward_cut)(dims, params, packed, inputs, initial, tape,
            doutputs, dfinal, dparams, dinputs, dinitial, work, options, Q(forward), Q(backward));
    if (code == CELL(ok))
        Q(backward_with)(&plan, dims, params, packed, inputs, initial, tape, doutputs, dfinal, dparams, dinputs,
            dinitial, work, NULL, NULL);
    return code;
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
