/* A program as the bytes that the runtime walks (runtime/plan.h).
 *
 * Records are appended to one growing text whose offsets go into spans; the header comes first and is filled in at the
 * end. Expressions are numbered in the order of first use, each once (sizes are interned: equal ones are the same
 * pointer). */
#include "codegen/codegen.h"
#include "runtime/plan.h"
#include <string.h>

typedef struct blob {
    const ingot_program *program;
    ingot_arena *scratch;
    ingot_text bytes;
    ingot_plan header;
    ingot_plan_expr *exprs;
    int32_t n_exprs, expr_capacity;
    /* Open addressing, keyed by the id of the size. */
    const ingot_dim **keys;
    uint32_t *numbers;
    uint32_t table_size;
    uint32_t *kernel_numbers; /* of portable kernels by id, then of boxed ones */
} blob;

#define LIBRARY_KERNELS (INGOT_PORTABLE_COUNT + INGOT_BOXED_COUNT)
/* Which kernel of the library a step calls: portable ones by id, then boxed ones. */
static int32_t library_kernel(const ingot_step *step)
{
    return step->portable + (step->kind == INGOT_STEP_BOXED ? (int32_t)INGOT_PORTABLE_COUNT : 0);
}

/* ---- bytes ---- */

static ingot_status append(blob *b, const void *data, size_t count, size_t size, ingot_span *out)
{
    static const char zeros[8];
    ingot_text_append_bytes(&b->bytes, zeros, (8 - b->bytes.size % 8) % 8);
    size_t at = b->bytes.size;
    if (count)
        ingot_text_append_bytes(&b->bytes, data, count * size);
    if (b->bytes.failed)
        return ingot_status_no_memory();
    if (b->bytes.size > UINT32_MAX)
        return ingot_fail(INGOT_LIMIT, "the plan is larger than 4 GiB");
    *out = (ingot_span){count ? (uint32_t)at : 0, (uint32_t)count};
    return NULL;
}

static ingot_status append_text(blob *b, const char *text, ingot_span *out)
{
    *out = (ingot_span){0, 0};
    if (!text || !*text)
        return NULL;
    size_t size = strlen(text);
    INGOT_TRY(append(b, text, size + 1, 1, out));
    out->count = (uint32_t)size;
    return NULL;
}

/* ---- expressions ---- */

static uint32_t find_slot(const blob *b, const ingot_dim *d)
{
    uint32_t at = d->id * 2654435761u & (b->table_size - 1);
    while (b->keys[at] && b->keys[at] != d)
        at = (at + 1) & (b->table_size - 1);
    return at;
}

static ingot_status grow_table(blob *b)
{
    uint32_t old_size = b->table_size, *old_numbers = b->numbers;
    const ingot_dim **old_keys = b->keys;
    b->table_size = old_size ? old_size * 2 : 256;
    INGOT_TRY(ingot_arena_array(b->scratch, b->table_size, sizeof *b->keys, (void **)&b->keys));
    INGOT_TRY(ingot_arena_array(b->scratch, b->table_size, sizeof *b->numbers, (void **)&b->numbers));
    for (uint32_t i = 0; i < old_size; i++) {
        if (!old_keys[i])
            continue;
        uint32_t at = find_slot(b, old_keys[i]);
        b->keys[at] = old_keys[i];
        b->numbers[at] = old_numbers[i];
    }
    return NULL;
}

static ingot_status grow_exprs(blob *b)
{
    if (b->n_exprs < b->expr_capacity)
        return NULL;
    int32_t capacity = b->expr_capacity ? b->expr_capacity * 2 : 128;
    ingot_plan_expr *exprs;
    INGOT_TRY(ingot_arena_array(b->scratch, (size_t)capacity, sizeof *exprs, (void **)&exprs));
    if (b->n_exprs)
        memcpy(exprs, b->exprs, (size_t)b->n_exprs * sizeof *exprs);
    b->exprs = exprs;
    b->expr_capacity = capacity;
    return NULL;
}

static bool is_leaf(const ingot_dim *d)
{
    return d->kind == INGOT_DIM_CONST || d->kind == INGOT_DIM_SYMBOL;
}

static bool is_numbered(const blob *b, const ingot_dim *d)
{
    return b->table_size && b->keys[find_slot(b, d)] == d;
}

static uint32_t number_of(const blob *b, const ingot_dim *d)
{
    return b->numbers[find_slot(b, d)];
}

/* Numbers one size whose operands have theirs. */
static ingot_status add_expr(blob *b, const ingot_dim *d)
{
    if ((uint64_t)b->n_exprs * 2 >= b->table_size)
        INGOT_TRY(grow_table(b));
    INGOT_TRY(grow_exprs(b));
    ingot_plan_expr *e = &b->exprs[b->n_exprs];
    *e = (ingot_plan_expr){.kind = (uint32_t)d->kind};
    if (is_leaf(d)) {
        e->value = d->value;
        e->on_data =
            d->kind == INGOT_DIM_SYMBOL && ingot_module_symbol(b->program->module, (int32_t)d->value)->from_data;
    } else {
        e->a = number_of(b, d->a);
        e->b = number_of(b, d->b);
        e->on_data = b->exprs[e->a].on_data | b->exprs[e->b].on_data;
    }
    uint32_t at = find_slot(b, d);
    b->keys[at] = d;
    b->numbers[at] = (uint32_t)b->n_exprs++;
    return NULL;
}

/* Operands first; sums are long chains, so with a stack of our own. */
static ingot_status number_expr(blob *b, const ingot_dim *d, uint32_t *out)
{
    int32_t capacity = 64, depth = 0;
    const ingot_dim *first[64], **stack = first;
    if (!is_numbered(b, d))
        stack[depth++] = d;
    while (depth) {
        const ingot_dim *top = stack[depth - 1];
        if (depth + 2 > capacity) {
            const ingot_dim **larger;
            INGOT_TRY(ingot_arena_array(b->scratch, (size_t)capacity * 2, sizeof *larger, (void **)&larger));
            memcpy(larger, stack, (size_t)depth * sizeof *stack);
            stack = larger;
            capacity *= 2;
        }
        if (is_numbered(b, top)) {
            depth--;
        } else if (is_leaf(top) || (is_numbered(b, top->a) && is_numbered(b, top->b))) {
            INGOT_TRY(add_expr(b, top));
            depth--;
        } else {
            stack[depth++] = top->b;
            stack[depth++] = top->a;
        }
    }
    *out = number_of(b, d);
    return NULL;
}

static ingot_status number_dims(blob *b, const ingot_dim *const *dims, int32_t n, uint32_t *out)
{
    for (int32_t i = 0; i < n; i++)
        INGOT_TRY(number_expr(b, dims[i], &out[i]));
    return NULL;
}

/* ---- tables ---- */

#define ARRAY(count, out) INGOT_TRY(ingot_arena_array(b->scratch, (size_t)(count) + 1, sizeof **(out), (void **)(out)))

static ingot_status write_symbols(blob *b)
{
    const ingot_module *m = b->program->module;
    int32_t n = ingot_module_symbol_count(m);
    ingot_plan_symbol *symbols;
    ARRAY(n, &symbols);
    for (int32_t i = 0; i < n; i++) {
        const ingot_symbol_info *info = ingot_module_symbol(m, i);
        INGOT_TRY(append_text(b, info->name, &symbols[i].name));
        symbols[i].lo = info->lo;
        symbols[i].hi = info->hi;
        symbols[i].from_data = info->from_data;
    }
    return append(b, symbols, (size_t)n, sizeof *symbols, &b->header.symbols);
}

static ingot_status write_dim_name(blob *b, const ingot_dim *d, ingot_span *out)
{
    if (ingot_dim_is_const(d))
        return NULL;
    ingot_text text = {0};
    ingot_dim_print(b->program->module, d, &text);
    ingot_status status = text.failed ? ingot_status_no_memory() : append_text(b, text.data, out);
    ingot_text_free(&text);
    return status;
}

/* How output i comes about: written in place, or copied from where its place is. */
static int32_t output_alias(const ingot_program *p, int32_t i)
{
    const ingot_place *place = &p->places[p->output_places[i]];
    const ingot_buffer *buffer = &p->buffers[place->buffer];
    bool at_start = ingot_dim_is(place->offset_bytes, 0);
    if (buffer->pool == INGOT_POOL_BOX)
        return -2;
    if (buffer->pool == INGOT_POOL_OUTPUT && buffer->index == i && at_start)
        return -1;
    return buffer->pool == INGOT_POOL_INPUT && at_start ? buffer->index : -2;
}

static ingot_status write_interface(blob *b, bool output, ingot_span *out)
{
    const ingot_program *p = b->program;
    const ingot_graph *g = p->module->graphs[0];
    int32_t n = output ? g->n_results : g->n_params;
    ingot_plan_io *ios;
    ARRAY(n, &ios);
    for (int32_t i = 0; i < n; i++) {
        const ingot_value *v = output ? g->results[i] : g->params[i];
        ingot_plan_io *io = &ios[i];
        INGOT_TRY(append_text(b, output ? g->result_names[i] : v->name, &io->name));
        io->dtype = (int32_t)v->type.dtype;
        io->rank = v->type.rank;
        io->form = (int32_t)v->type.form;
        INGOT_TRY(number_dims(b, v->type.dims, v->type.rank, io->dims));
        for (int32_t d = 0; d < v->type.rank; d++)
            INGOT_TRY(write_dim_name(b, v->type.dims[d], &io->dim_names[d]));
        io->place = output ? p->output_places[i] : p->input_places[i];
        io->alias = output ? output_alias(p, i) : -1;
    }
    return append(b, ios, (size_t)n, sizeof *ios, out);
}

static ingot_status write_checks(blob *b)
{
    int32_t n = 0;
    const ingot_module *m = b->program->module;
    for (const ingot_check *c = m->checks; c; c = c->next)
        n++;
    ingot_plan_check *checks;
    ARRAY(n, &checks);
    n = 0;
    for (const ingot_check *c = m->checks; c; c = c->next, n++) {
        checks[n].kind = (uint32_t)c->kind;
        checks[n].in_step =
            c->graph != m->graphs[0] || ingot_dim_is_from_data(m, c->a) || ingot_dim_is_from_data(m, c->b);
        INGOT_TRY(number_expr(b, c->a, &checks[n].a));
        INGOT_TRY(number_expr(b, c->b, &checks[n].b));
        INGOT_TRY(append_text(b, c->message, &checks[n].message));
    }
    return append(b, checks, (size_t)n, sizeof *checks, &b->header.checks);
}

/* An expression that is no size of the module. */
static ingot_status add_node(blob *b, uint32_t kind, uint32_t left, uint32_t right, uint32_t *out)
{
    INGOT_TRY(grow_exprs(b));
    b->exprs[b->n_exprs] = (ingot_plan_expr){
        .kind = kind, .a = left, .b = right, .on_data = b->exprs[left].on_data | b->exprs[right].on_data};
    *out = (uint32_t)b->n_exprs++;
    return NULL;
}

/* Offsets of buffers that name those below them, and the size of the arena. */
static ingot_status write_stack(blob *b, ingot_plan_buffer *buffers)
{
    const ingot_program *p = b->program;
    uint32_t *ends, top;
    ARRAY(p->n_buffers, &ends);
    INGOT_TRY(number_expr(b, ingot_dim_const(p->module, 0), &top));
    for (int32_t i = 0; i < p->n_stack; i++) {
        const ingot_buffer *from = &p->buffers[p->stack[i]];
        ingot_plan_buffer *to = &buffers[p->stack[i]];
        for (int32_t k = 0; k < from->n_above; k++) {
            uint32_t end = ends[from->above[k]];
            if (k == 0)
                to->offset = end;
            else
                INGOT_TRY(add_node(b, INGOT_EXPR_MAX, to->offset, end, &to->offset));
        }
        INGOT_TRY(add_node(b, INGOT_EXPR_ADD, to->offset, to->bytes, &ends[p->stack[i]]));
        INGOT_TRY(add_node(b, INGOT_EXPR_MAX, top, ends[p->stack[i]], &top));
    }
    b->header.arena_bytes = top;
    return NULL;
}

static ingot_status write_memory(blob *b)
{
    const ingot_program *p = b->program;
    ingot_plan_buffer *buffers;
    ingot_plan_place *places;
    ARRAY(p->n_buffers, &buffers);
    ARRAY(p->n_places, &places);
    for (int32_t i = 0; i < p->n_buffers; i++) {
        const ingot_buffer *from = &p->buffers[i];
        bool unused = from->pool == INGOT_POOL_ARENA && from->first_step < 0; /* it has no offset */
        const ingot_dim *zero = ingot_dim_const(p->module, 0);
        buffers[i].pool = (uint32_t)from->pool;
        buffers[i].index = from->index;
        INGOT_TRY(number_expr(b, unused ? zero : from->bytes, &buffers[i].bytes));
        INGOT_TRY(number_expr(b, unused || !from->offset ? zero : from->offset, &buffers[i].offset));
        if (!unused && ingot_dim_is_from_data(p->module, from->bytes)) /* it grows: errors name it */
            INGOT_TRY(append_text(b, from->name, &buffers[i].name));
    }
    if (!p->arena_bytes)
        INGOT_TRY(write_stack(b, buffers));
    for (int32_t i = 0; i < p->n_places; i++) {
        const ingot_place *from = &p->places[i];
        places[i].buffer = from->buffer;
        places[i].dtype = (int32_t)from->dtype;
        places[i].rank = from->rank;
        INGOT_TRY(number_expr(b, from->offset_bytes, &places[i].offset_bytes));
        INGOT_TRY(number_dims(b, from->dims, from->rank, places[i].dims));
    }
    INGOT_TRY(append(b, buffers, (size_t)p->n_buffers, sizeof *buffers, &b->header.buffers));
    return append(b, places, (size_t)p->n_places, sizeof *places, &b->header.places);
}

/* A program without the bytes that no register uses, so that equal programs are equal bytes. */
static ingot_status write_prog(blob *b, const ingot_prog *from, ingot_span *out)
{
    ingot_prog prog;
    if (!from)
        return NULL;
    memset(&prog, 0, sizeof prog);
    prog.n_args = from->n_args;
    prog.n_instrs = from->n_instrs;
    prog.n_results = from->n_results;
    memcpy(prog.arg_dtypes, from->arg_dtypes, (size_t)from->n_args * sizeof *prog.arg_dtypes);
    memcpy(prog.results, from->results, (size_t)from->n_results * sizeof *prog.results);
    for (int32_t i = 0; i < from->n_instrs; i++) {
        prog.instrs[i] = from->instrs[i];
        prog.instrs[i].reserved = 0;
    }
    return append(b, &prog, sizeof prog, 1, out);
}

static ingot_status write_step(blob *b, const ingot_step *from, ingot_plan_step *to)
{
    uint32_t *sizes;
    ARRAY(from->n_sizes, &sizes);
    *to = (ingot_plan_step){
        .kind = (uint32_t)from->kind,
        .kernel = -1,
        .portable = -1,
        .n_in = (uint32_t)from->n_in,
        .n_out = (uint32_t)from->n_out,
        .first_symbol = from->first_symbol,
        .target = from->target,
        .op_id = from->op ? from->op->id : UINT32_MAX,
        .cost_ns = from->cost_ns,
    };
    if (from->kind == INGOT_STEP_CHECK) {
        to->target = 0; /* its number */
        for (const ingot_check *c = b->program->module->checks; c != from->check; c = c->next)
            to->target++;
    } else if (from->kind == INGOT_STEP_KERNEL) {
        to->kernel = from->spec;
    } else if (from->kind == INGOT_STEP_PORTABLE || from->kind == INGOT_STEP_BOXED) {
        to->portable = from->portable;
        to->kernel = (int32_t)b->kernel_numbers[library_kernel(from)];
    }
    INGOT_TRY(number_dims(b, from->sizes, from->n_sizes, sizes));
    INGOT_TRY(append(b, from->places, (size_t)(from->n_in + from->n_out), sizeof *from->places, &to->places));
    INGOT_TRY(append(b, sizes, (size_t)from->n_sizes, sizeof *sizes, &to->sizes));
    INGOT_TRY(append(b, from->attrs, from->attrs ? from->attrs_bytes : 0, 1, &to->attrs));
    INGOT_TRY(write_prog(b, from->prog, &to->prog));
    ingot_plan_data_dim *data;
    ARRAY(from->n_data_dims, &data);
    for (int32_t i = 0; i < from->n_data_dims; i++)
        data[i] = (ingot_plan_data_dim){from->data_dims[i].out, from->data_dims[i].dim, from->data_dims[i].symbol, 0};
    INGOT_TRY(append(b, data, (size_t)from->n_data_dims, sizeof *data, &to->data_dims));
    return append_text(b, from->label, &to->label);
}

static ingot_status write_steps(blob *b)
{
    const ingot_program *p = b->program;
    ingot_plan_step *steps;
    ARRAY(p->n_steps, &steps);
    for (int32_t i = 0; i < p->n_steps; i++)
        INGOT_TRY(write_step(b, &p->steps[i], &steps[i]));
    return append(b, steps, (size_t)p->n_steps, sizeof *steps, &b->header.steps);
}

static ingot_status write_plan(blob *b, const ingot_target *target)
{
    const ingot_program *p = b->program;
    ingot_span unused;
    INGOT_TRY(append(b, &b->header, 1, sizeof b->header, &unused)); /* written again at the end */
    INGOT_TRY(append_text(b, p->name, &b->header.name));
    INGOT_TRY(append_text(b, target->name, &b->header.cpu));
    INGOT_TRY(write_symbols(b));
    INGOT_TRY(write_interface(b, false, &b->header.inputs));
    INGOT_TRY(write_interface(b, true, &b->header.outputs));
    INGOT_TRY(write_checks(b));
    INGOT_TRY(write_memory(b));
    INGOT_TRY(write_steps(b));
    if (p->arena_bytes)
        INGOT_TRY(number_expr(b, p->arena_bytes, &b->header.arena_bytes));
    INGOT_TRY(append(b, b->exprs, (size_t)b->n_exprs, sizeof *b->exprs, &b->header.exprs));
    INGOT_TRY(append(b, NULL, 0, 1, &unused)); /* a multiple of 8 bytes */
    b->header.plan_bytes = b->bytes.size;
    memcpy(b->bytes.data, &b->header, sizeof b->header);
    return NULL;
}

/* Portable and boxed kernels that the program calls get numbers after the generated ones, in the order of their ids. */
static ingot_status number_library(const ingot_program *p, ingot_arena *arena, uint32_t **out_numbers,
                                   int32_t *out_count)
{
    INGOT_TRY(ingot_arena_array(arena, LIBRARY_KERNELS, sizeof **out_numbers, (void **)out_numbers));
    for (int32_t i = 0; i < p->n_steps; i++) {
        bool boxed = p->steps[i].kind == INGOT_STEP_BOXED;
        if (!boxed && p->steps[i].kind != INGOT_STEP_PORTABLE)
            continue;
        int32_t id = p->steps[i].portable, count = boxed ? (int32_t)INGOT_BOXED_COUNT : (int32_t)INGOT_PORTABLE_COUNT;
        if (id < 0 || id >= count)
            return ingot_fail(INGOT_INTERNAL, "step %d calls the unknown %s kernel %d", (int)i,
                              boxed ? "boxed" : "portable", (int)id);
        (*out_numbers)[library_kernel(&p->steps[i])] = 1;
    }
    *out_count = p->n_specs;
    for (int32_t id = 0; id < LIBRARY_KERNELS; id++)
        (*out_numbers)[id] = (*out_numbers)[id] ? (uint32_t)(*out_count)++ : UINT32_MAX;
    return NULL;
}

static ingot_status serialize(blob *b, const ingot_target *target, const uint8_t *build_id,
                              const uint8_t *weights_digest)
{
    int32_t n_kernels;
    INGOT_TRY(number_library(b->program, b->scratch, &b->kernel_numbers, &n_kernels));
    b->header = (ingot_plan){
        .magic = {'I', 'N', 'G', 'O', 'T', 'P', 'L', '1'},
        .abi_version = INGOT_ABI_VERSION,
        .header_bytes = sizeof b->header,
        .weights_bytes = (uint64_t)b->program->weights_bytes,
        .cpu_required = target->required,
        .n_kernels = (uint32_t)n_kernels,
        .n_boxes = (uint32_t)b->program->n_boxes,
    };
    memcpy(b->header.weights_digest, weights_digest, sizeof b->header.weights_digest);
    memcpy(b->header.build_id, build_id, sizeof b->header.build_id);
    return write_plan(b, target);
}

ingot_status ingot_plan_serialize(const ingot_program *program, const ingot_target *target, const uint8_t *build_id,
                                  const uint8_t *weights_digest, ingot_arena *arena, void **out_bytes, size_t *out_size)
{
    ingot_arena scratch = {0};
    blob b = {.program = program, .scratch = &scratch};
    ingot_status status = serialize(&b, target, build_id, weights_digest);
    if (!status)
        status = ingot_arena_array(arena, b.bytes.size, 1, out_bytes);
    if (!status) {
        memcpy(*out_bytes, b.bytes.data, b.bytes.size);
        *out_size = b.bytes.size;
    }
    ingot_text_free(&b.bytes);
    ingot_arena_release(&scratch);
    return status;
}

static ingot_status list_names(const ingot_program *p, ingot_arena *arena, ingot_arena *scratch,
                               const char *const **out_names, int32_t *out_count)
{
    static const char *const library_names[] = {
#define PORTABLE(name) "ingot_portable_" #name,
#include "runtime/portable.def"
#undef PORTABLE
#define BOXED(name) "ingot_boxed_" #name,
#include "runtime/boxed.def"
#undef BOXED
    };
    uint32_t *numbers;
    const char **names;
    INGOT_TRY(number_library(p, scratch, &numbers, out_count));
    INGOT_TRY(ingot_arena_array(arena, (size_t)*out_count + 1, sizeof *names, (void **)&names));
    for (int32_t i = 0; i < p->n_specs; i++) {
        char symbol[32];
        ingot_kernel_symbol(&p->specs[i], symbol);
        names[i] = ingot_arena_strndup(arena, symbol, strlen(symbol));
        if (!names[i])
            return ingot_status_no_memory();
    }
    for (int32_t id = 0; id < LIBRARY_KERNELS; id++) {
        if (numbers[id] != UINT32_MAX)
            names[numbers[id]] = library_names[id];
    }
    *out_names = names;
    return NULL;
}

ingot_status ingot_program_kernel_names(const ingot_program *program, ingot_arena *arena, const char *const **out_names,
                                        int32_t *out_count)
{
    ingot_arena scratch = {0};
    ingot_status status = list_names(program, arena, &scratch, out_names, out_count);
    ingot_arena_release(&scratch);
    return status;
}
