/* Validation of a plan, once, when a model's context is created: after it, everything that reads the plan may index
 * without looking. */
#include "runtime/context.h"
#include "runtime/digest.h"
#include <string.h>

#define MAX_STEP_OPERANDS (1 << 20)
#define MAX_BOXES         (1 << 24)

#define BAD(...) ingot_fail(INGOT_BAD_MODEL, __VA_ARGS__)

static ingot_status check_span(const ingot_plan *plan, ingot_span span, size_t record_bytes, const char *what)
{
    uint64_t bytes = (uint64_t)span.count * record_bytes; /* both below 2^32 */
    if (span.count && (span.offset % 8 || span.offset > plan->plan_bytes || bytes > plan->plan_bytes - span.offset))
        return BAD("plan: %s lie outside the plan's %llu bytes", what, (unsigned long long)plan->plan_bytes);
    if (span.count > INT32_MAX)
        return BAD("plan: %u %s are too many", (unsigned)span.count, what);
    return NULL;
}

static ingot_status check_text(const ingot_plan *plan, ingot_span span, const char *what)
{
    const char *base = (const char *)plan;
    if (!span.count)
        return NULL;
    if (span.offset >= plan->plan_bytes || span.count >= plan->plan_bytes - span.offset)
        return BAD("plan: the text of %s lies outside the plan", what);
    if (base[(uint64_t)span.offset + span.count] || memchr(base + span.offset, 0, span.count))
        return BAD("plan: the text of %s does not end where it should", what);
    return NULL;
}

static ingot_status check_header(const ingot_model *model)
{
    if (!model || !model->plan || (uintptr_t)model->plan % 8)
        return ingot_fail(INGOT_BAD_USAGE, "no model given, or its plan is not aligned to 8 bytes");
    if (model->abi_version != INGOT_ABI_VERSION || model->struct_size < sizeof *model)
        return BAD("the model has ABI version %u, this runtime has %d", (unsigned)model->abi_version,
                   INGOT_ABI_VERSION);
    const ingot_plan *plan = model->plan;
    if (memcmp(plan->magic, INGOT_PLAN_MAGIC, sizeof plan->magic))
        return BAD("not a plan: it does not begin with %s", INGOT_PLAN_MAGIC);
    if (plan->abi_version != INGOT_ABI_VERSION || plan->header_bytes != sizeof *plan)
        return BAD("the plan has ABI version %u, this runtime has %d", (unsigned)plan->abi_version, INGOT_ABI_VERSION);
    if (plan->plan_bytes < sizeof *plan || plan->plan_bytes > UINT32_MAX)
        return BAD("plan: a size of %llu bytes is impossible", (unsigned long long)plan->plan_bytes);
    if (plan->n_boxes > MAX_BOXES)
        return BAD("plan: %u boxed values are too many", (unsigned)plan->n_boxes);
    if (plan->n_kernels && !model->kernels)
        return BAD("plan: the model has no kernels, %u are needed", (unsigned)plan->n_kernels);
    for (uint32_t i = 0; i < plan->n_kernels; i++) {
        if (!model->kernels[i])
            return BAD("plan: kernel %u is missing", (unsigned)i);
    }
    return NULL;
}

static ingot_status check_tables(ingot_plan_view *v)
{
    const ingot_plan *plan = v->plan;
#define TABLE(name)                                                  \
    INGOT_TRY(check_span(plan, plan->name, sizeof *v->name, #name)); \
    v->name = (const void *)(v->base + plan->name.offset);           \
    v->n_##name = (int32_t)plan->name.count;
    TABLE(symbols)
    TABLE(exprs)
    TABLE(inputs)
    TABLE(outputs)
    TABLE(checks)
    TABLE(buffers)
    TABLE(places)
    TABLE(steps)
#undef TABLE
    INGOT_TRY(check_text(plan, plan->name, "the name"));
    INGOT_TRY(check_text(plan, plan->cpu, "the CPU"));
    v->name = ingot_plan_text(v, plan->name);
    return NULL;
}

static ingot_status check_expr_index(const ingot_plan_view *v, uint32_t index, bool on_data_allowed, const char *what,
                                     int32_t number)
{
    if (index >= (uint32_t)v->n_exprs)
        return BAD("plan: %s %d: expression %u is not in the table of %d", what, (int)number, (unsigned)index,
                   (int)v->n_exprs);
    if (!on_data_allowed && v->exprs[index].on_data)
        return BAD("plan: %s %d: expression %u depends on the data, which it must not", what, (int)number,
                   (unsigned)index);
    return NULL;
}

static ingot_status check_exprs(const ingot_plan_view *v)
{
    for (int32_t i = 0; i < v->n_symbols; i++) {
        INGOT_TRY(check_text(v->plan, v->symbols[i].name, "a symbol"));
        if (v->symbols[i].lo > v->symbols[i].hi || v->symbols[i].lo == INGOT_UNKNOWN)
            return BAD("plan: symbol %d has an empty range", (int)i);
    }
    for (int32_t i = 0; i < v->n_exprs; i++) {
        const ingot_plan_expr *e = &v->exprs[i];
        bool on_data = false;
        if (e->kind == INGOT_EXPR_SYMBOL) {
            if (e->value < 0 || e->value >= v->n_symbols)
                return BAD("plan: expression %d names symbol %lld of %d", (int)i, (long long)e->value,
                           (int)v->n_symbols);
            on_data = v->symbols[e->value].from_data != 0;
        } else if (e->kind != INGOT_EXPR_CONST) {
            if (e->kind > INGOT_EXPR_MAX)
                return BAD("plan: expression %d is of unknown kind %u", (int)i, (unsigned)e->kind);
            if (e->a >= (uint32_t)i || e->b >= (uint32_t)i)
                return BAD("plan: expression %d refers forward", (int)i);
            on_data = v->exprs[e->a].on_data || v->exprs[e->b].on_data;
        }
        if ((e->on_data != 0) != on_data)
            return BAD("plan: expression %d is marked wrongly as to whether data decides it", (int)i);
    }
    return check_expr_index(v, v->plan->arena_bytes, false, "arena size", 0);
}

/* `boxed`: a value without sizes is allowed, whose rank is -1. */
static ingot_status check_shape(const ingot_plan_view *v, int32_t dtype, int32_t rank, const uint32_t *dims,
                                bool on_data_allowed, bool boxed, const char *what, int32_t number)
{
    if (dtype <= INGOT_UNDEFINED || dtype >= INGOT_DTYPE_COUNT)
        return BAD("plan: %s %d: unknown element type %d", what, (int)number, (int)dtype);
    if (rank < (boxed ? -1 : 0) || rank > INGOT_MAX_RANK)
        return BAD("plan: %s %d: rank %d is not within 0 to %d", what, (int)number, (int)rank, INGOT_MAX_RANK);
    for (int32_t d = 0; d < rank; d++)
        INGOT_TRY(check_expr_index(v, dims[d], on_data_allowed, what, number));
    return NULL;
}

static ingot_status check_memory(const ingot_plan_view *v)
{
    for (int32_t i = 0; i < v->n_buffers; i++) {
        const ingot_plan_buffer *b = &v->buffers[i];
        if (b->pool > INGOT_PLAN_POOL_BOX)
            return BAD("plan: buffer %d is in unknown pool %u", (int)i, (unsigned)b->pool);
        if (b->pool == INGOT_PLAN_POOL_BOX && (b->index < 0 || (uint32_t)b->index >= v->plan->n_boxes))
            return BAD("plan: buffer %d is boxed value %d of %u", (int)i, (int)b->index, (unsigned)v->plan->n_boxes);
        int32_t limit = b->pool == 2 ? v->n_inputs : v->n_outputs;
        if ((b->pool == 2 || b->pool == 3) && (b->index < 0 || b->index >= limit))
            return BAD("plan: buffer %d is %s %d of %d", (int)i, b->pool == 2 ? "input" : "output", (int)b->index,
                       (int)limit);
        bool grows = b->pool == 0 || b->pool == 3; /* when the data has decided their sizes */
        INGOT_TRY(check_expr_index(v, b->bytes, grows, "buffer", i));
        INGOT_TRY(check_expr_index(v, b->offset, false, "buffer", i));
        INGOT_TRY(check_text(v->plan, b->name, "a buffer"));
    }
    for (int32_t i = 0; i < v->n_places; i++) {
        const ingot_plan_place *p = &v->places[i];
        if (p->buffer < 0 || p->buffer >= v->n_buffers)
            return BAD("plan: place %d is in buffer %d of %d", (int)i, (int)p->buffer, (int)v->n_buffers);
        INGOT_TRY(check_expr_index(v, p->offset_bytes, true, "place", i));
        bool boxed = v->buffers[p->buffer].pool == INGOT_PLAN_POOL_BOX;
        INGOT_TRY(check_shape(v, p->dtype, p->rank, p->dims, true, boxed, "place", i));
        if (boxed != (p->rank < 0))
            return BAD("plan: place %d has rank %d in a buffer of pool %u", (int)i, (int)p->rank,
                       (unsigned)v->buffers[p->buffer].pool);
    }
    return NULL;
}

static ingot_status check_interface(const ingot_plan_view *v)
{
    for (int32_t side = 0; side < 2; side++) {
        const char *what = side ? "output" : "input";
        for (int32_t i = 0; i < (side ? v->n_outputs : v->n_inputs); i++) {
            const ingot_plan_io *io = side ? &v->outputs[i] : &v->inputs[i];
            INGOT_TRY(check_text(v->plan, io->name, "a name"));
            INGOT_TRY(check_shape(v, io->dtype, io->rank, io->dims, side == 1, true, what, i));
            for (int32_t d = 0; d < io->rank; d++)
                INGOT_TRY(check_text(v->plan, io->dim_names[d], "a size"));
            if (io->place >= v->n_places)
                return BAD("plan: %s %d: place %d of %d", what, (int)i, (int)io->place, (int)v->n_places);
            if (io->form < INGOT_FORM_TENSOR || io->form > INGOT_FORM_OPTIONAL_SEQUENCE ||
                (io->form != INGOT_FORM_TENSOR && io->rank >= 0))
                return BAD("plan: %s %d: form %d of rank %d", what, (int)i, (int)io->form, (int)io->rank);
            if (io->rank < 0 && (ingot_place_box(v, io->place) < 0 || io->alias != (side ? -2 : -1)))
                return BAD("plan: %s %d: its place is not that of a boxed value", what, (int)i);
            if (!side)
                continue;
            if (io->alias < -2 || io->alias >= v->n_inputs)
                return BAD("plan: output %d: is input %d of %d", (int)i, (int)io->alias, (int)v->n_inputs);
            if (io->alias < 0 && io->place < 0)
                return BAD("plan: output %d has no place", (int)i);
            const ingot_plan_buffer *b = io->alias == -1 ? &v->buffers[v->places[io->place].buffer] : NULL;
            if (b && (b->pool != 3 || b->index != i))
                return BAD("plan: output %d is not written to its own buffer", (int)i);
        }
    }
    for (int32_t i = 0; i < v->n_checks; i++) {
        const ingot_plan_check *c = &v->checks[i];
        if (c->kind > 2)
            return BAD("plan: check %d is of unknown kind %u", (int)i, (unsigned)c->kind);
        INGOT_TRY(check_expr_index(v, c->a, c->in_step != 0, "check", i));
        INGOT_TRY(check_expr_index(v, c->b, c->in_step != 0, "check", i));
        INGOT_TRY(check_text(v->plan, c->message, "a check"));
    }
    return NULL;
}

/* A scalar program reads only registers that are there. */
static bool prog_is_valid(const ingot_prog *p)
{
    if (p->n_args < 0 || p->n_args > INGOT_PROG_MAX_ARGS || p->n_instrs < 0 || p->n_instrs > INGOT_PROG_MAX_INSTRS ||
        p->n_results < 1 || p->n_results > INGOT_PROG_MAX_RESULTS)
        return false;
    for (int32_t i = 0; i < p->n_args; i++) {
        if (p->arg_dtypes[i] <= 0 || p->arg_dtypes[i] >= INGOT_DTYPE_COUNT)
            return false;
    }
    for (int32_t i = 0; i < p->n_instrs; i++) {
        const ingot_instr *k = &p->instrs[i];
        int32_t limit = p->n_args + i;
        if (k->op < 0 || k->op > INGOT_SCALAR_const || k->dtype <= 0 || k->dtype >= INGOT_DTYPE_COUNT)
            return false;
        if (k->a >= limit || k->b >= limit || k->c >= limit || k->a < -1 || k->b < -1 || k->c < -1)
            return false;
    }
    for (int32_t i = 0; i < p->n_results; i++) {
        if (p->results[i] < 0 || p->results[i] >= p->n_args + p->n_instrs)
            return false;
    }
    return true;
}

/* What each kind of step needs: operand counts (-1: any) and whether they may be left out. */
static const struct {
    int8_t n_in, n_out;
    bool optional;
} step_rules[] = {
    [INGOT_PLAN_KERNEL] = {-1, -1, true}, [INGOT_PLAN_PORTABLE] = {-1, -1, true},   [INGOT_PLAN_COPY] = {1, 1, false},
    [INGOT_PLAN_ZERO] = {0, 1, false},    [INGOT_PLAN_DIMS] = {0, 1, false},        [INGOT_PLAN_BIND] = {1, 0, false},
    [INGOT_PLAN_JUMP] = {0, 0, false},    [INGOT_PLAN_JUMP_UNLESS] = {1, 0, false}, [INGOT_PLAN_CHECK] = {0, 0, false},
    [INGOT_PLAN_BOXED] = {-1, -1, true},
};

static ingot_status check_step_operands(const ingot_plan_view *v, const ingot_plan_step *s, int32_t i)
{
    INGOT_TRY(check_span(v->plan, s->places, sizeof(int32_t), "operands of a step"));
    INGOT_TRY(check_span(v->plan, s->sizes, sizeof(uint32_t), "sizes of a step"));
    INGOT_TRY(check_span(v->plan, s->data_dims, sizeof(ingot_plan_data_dim), "data sizes of a step"));
    INGOT_TRY(check_span(v->plan, s->attrs, 1, "attributes of a step"));
    INGOT_TRY(check_span(v->plan, s->prog, 1, "the program of a step"));
    if (s->n_in > MAX_STEP_OPERANDS || s->n_out > MAX_STEP_OPERANDS || s->n_in + s->n_out != s->places.count ||
        (step_rules[s->kind].n_in >= 0 && s->n_in != (uint32_t)step_rules[s->kind].n_in) ||
        (step_rules[s->kind].n_out >= 0 && s->n_out != (uint32_t)step_rules[s->kind].n_out))
        return BAD("plan: step %d: %u inputs and %u outputs do not suit its kind", (int)i, (unsigned)s->n_in,
                   (unsigned)s->n_out);
    const int32_t *places = ingot_step_places(v, s);
    for (uint32_t k = 0; k < s->places.count; k++) {
        if (places[k] >= v->n_places || places[k] < -1 || (places[k] < 0 && !step_rules[s->kind].optional))
            return BAD("plan: step %d: place %d of %d", (int)i, (int)places[k], (int)v->n_places);
        if (s->kind != INGOT_PLAN_BOXED && ingot_place_box(v, places[k]) >= 0)
            return BAD("plan: step %d: operand %u is a boxed value, which its kind does not take", (int)i, (unsigned)k);
    }
    const uint32_t *sizes = ingot_step_sizes(v, s);
    for (uint32_t k = 0; k < s->sizes.count; k++)
        INGOT_TRY(check_expr_index(v, sizes[k], true, "step", i));
    if (s->prog.count && (s->prog.count != sizeof(ingot_prog) ||
                          !prog_is_valid((const ingot_prog *)(const void *)(v->base + s->prog.offset))))
        return BAD("plan: step %d: its scalar program is malformed", (int)i);
    const ingot_plan_data_dim *data = ingot_step_data_dims(v, s);
    for (uint32_t k = 0; k < s->data_dims.count; k++) {
        int32_t place =
            data[k].out >= 0 && (uint32_t)data[k].out < s->n_out ? places[s->n_in + (uint32_t)data[k].out] : -1;
        if (place < 0 || data[k].dim < 0 || data[k].dim >= v->places[place].rank || data[k].symbol < 0 ||
            data[k].symbol >= v->n_symbols || !v->symbols[data[k].symbol].from_data)
            return BAD("plan: step %d: size %u that the data decides is malformed", (int)i, (unsigned)k);
    }
    return NULL;
}

static ingot_status check_step(const ingot_plan_view *v, int32_t i)
{
    const ingot_plan_step *s = &v->steps[i];
    if (s->kind > INGOT_PLAN_BOXED)
        return BAD("plan: step %d is of unknown kind %u", (int)i, (unsigned)s->kind);
    INGOT_TRY(check_text(v->plan, s->label, "a step"));
    INGOT_TRY(check_step_operands(v, s, i));
    bool calls = s->kind == INGOT_PLAN_KERNEL || s->kind == INGOT_PLAN_PORTABLE || s->kind == INGOT_PLAN_BOXED;
    if (calls && (s->kernel < 0 || (uint32_t)s->kernel >= v->plan->n_kernels))
        return BAD("plan: step %d: kernel %d of %u", (int)i, (int)s->kernel, (unsigned)v->plan->n_kernels);
    if (s->kind == INGOT_PLAN_PORTABLE && (s->portable < 0 || s->portable >= INGOT_PORTABLE_COUNT))
        return BAD("plan: step %d: unknown portable kernel %d", (int)i, (int)s->portable);
    if (s->kind == INGOT_PLAN_BOXED && (s->portable < 0 || s->portable >= INGOT_BOXED_COUNT))
        return BAD("plan: step %d: unknown boxed kernel %d", (int)i, (int)s->portable);
    if (s->data_dims.count && s->kind != INGOT_PLAN_PORTABLE && s->kind != INGOT_PLAN_BOXED)
        return BAD("plan: step %d: only portable and boxed kernels decide sizes", (int)i);
    if ((s->kind == INGOT_PLAN_JUMP || s->kind == INGOT_PLAN_JUMP_UNLESS) && (s->target < 0 || s->target > v->n_steps))
        return BAD("plan: step %d: jumps to step %d of %d", (int)i, (int)s->target, (int)v->n_steps);
    if (s->kind == INGOT_PLAN_CHECK && (s->target < 0 || s->target >= v->n_checks))
        return BAD("plan: step %d: makes check %d of %d", (int)i, (int)s->target, (int)v->n_checks);
    const ingot_plan_place *first =
        s->places.count && !step_rules[s->kind].optional ? &v->places[ingot_step_places(v, s)[0]] : NULL;
    if (s->kind == INGOT_PLAN_JUMP_UNLESS && first->dtype != INGOT_BOOL)
        return BAD("plan: step %d: its condition is %s, expected bool", (int)i,
                   ingot_dtype_name((ingot_dtype)first->dtype));
    if (s->kind == INGOT_PLAN_DIMS && first->dtype != INGOT_I64)
        return BAD("plan: step %d: sizes go to %s, expected i64", (int)i, ingot_dtype_name((ingot_dtype)first->dtype));
    if (s->kind == INGOT_PLAN_BIND &&
        (!ingot_dtype_is_integer((ingot_dtype)first->dtype) || s->first_symbol < 0 || s->first_symbol >= v->n_symbols))
        return BAD("plan: step %d: cannot set symbol %d from %s", (int)i, (int)s->first_symbol,
                   ingot_dtype_name((ingot_dtype)first->dtype));
    return NULL;
}

ingot_status ingot_plan_view_create(const ingot_model *model, ingot_plan_view *out)
{
    INGOT_TRY(check_header(model));
    *out = (ingot_plan_view){.plan = model->plan, .base = (const char *)model->plan};
    INGOT_TRY(check_tables(out));
    INGOT_TRY(check_exprs(out));
    INGOT_TRY(check_memory(out));
    INGOT_TRY(check_interface(out));
    for (int32_t i = 0; i < out->n_steps; i++)
        INGOT_TRY(check_step(out, i));
    return NULL;
}
