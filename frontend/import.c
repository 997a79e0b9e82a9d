/* ONNX bytes to a module: files, inputs and their symbols, the walk, outputs. */
#include "frontend/importer.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEFAULT_MAX_NODES     1000000
#define DEFAULT_MAX_DEPTH     64
#define DEFAULT_SCRATCH_BYTES ((size_t)8 << 30) /* of the message tree: a hostile file could blow up 50-fold */

/* ---- Symbols ---- */

/* "?", "-1", "None" and the like mark a size as unknown; they do not name it. */
static const char *size_name(const char *param)
{
    bool letters = false;
    for (const char *c = param; c && *c; c++)
        letters |= (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    return letters && strcmp(param, "None") != 0 && strcmp(param, "unk") != 0 ? param : NULL;
}

/* A dim_param as a name that the text form can carry: letters, digits, '_' and '.'. */
static char *symbol_name(ingot_importer *im, const char *text)
{
    char *name = ingot_arena_printf(&im->scratch, "%s%s", *text >= '0' && *text <= '9' ? "_" : "", text);
    if (!name)
        return NULL;
    for (char *c = name; *c; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_' ||
              *c == '.'))
            *c = '_';
    static const char *const words[] = {"floordiv", "ceildiv", "mod", "min", "max", NULL};
    for (int i = 0; words[i]; i++)
        if (!strcmp(name, words[i]))
            return ingot_arena_printf(&im->scratch, "%s_", name);
    return name;
}

static const ingot_dim_option *find_dim(const ingot_importer *im, const char *name, bool shape)
{
    for (int32_t i = im->options->n_dims - 1; i >= 0; i--) {
        const ingot_dim_option *o = &im->options->dims[i];
        if ((o->n_dims >= 0) == shape && !strcmp(o->name, name))
            return o;
    }
    return NULL;
}

/* The symbol of a name, with the range that the options give it: a number when they pin it. */
static ingot_status make_symbol(ingot_importer *im, const char *param, const ingot_dim **out)
{
    const char *name = symbol_name(im, param);
    if (!name)
        return ingot_status_no_memory();
    int64_t lo = 1, hi = INGOT_DIM_MAX_VALUE;
    const ingot_dim_option *o = find_dim(im, param, false);
    if (!o)
        o = find_dim(im, name, false);
    if (o) {
        if (o->lo < 0 || o->lo > o->hi || o->hi > INGOT_DIM_MAX_VALUE)
            return ingot_fail(INGOT_BAD_USAGE, "size '%s': %lld to %lld is not a range", o->name, (long long)o->lo,
                              (long long)o->hi);
        lo = o->lo;
        hi = o->hi;
    }
    *out = lo == hi ? ingot_dim_const(im->module, lo) : ingot_symbol(im->module, name, lo, hi);
    return *out ? NULL : ingot_status_no_memory();
}

/* Sizes of one input. A size that --shape gives also pins its symbol wherever else it stands: see pin_by_shapes. */
static ingot_status input_type(ingot_importer *im, const ingot_onnx_value *v, ingot_type *out)
{
    if (v->kind)
        return ingot_fail(INGOT_UNSUPPORTED,
                          "input '%s' is a %s: tensors, sequences of tensors and optionals of these are supported%s",
                          v->name, v->kind, !strcmp(v->kind, "map") ? ": give the features as a tensor" : "");
    if (v->dtype <= INGOT_UNDEFINED || v->dtype >= INGOT_DTYPE_COUNT)
        return ingot_fail(INGOT_BAD_MODEL, "input '%s': %d is not an element type", v->name, v->dtype);
    const ingot_dim_option *shape = find_dim(im, v->name, true);
    if (v->form != INGOT_FORM_TENSOR) {
        int32_t inner = v->inner_rank > INGOT_MAX_RANK || v->inner_rank < 0 ? INGOT_RANK_UNKNOWN : v->inner_rank;
        *out = ingot_type_boxed((ingot_dtype)v->dtype, v->form, inner);
        return shape ? ingot_fail(INGOT_BAD_USAGE, "--shape: input '%s' is not a tensor", v->name) : NULL;
    }
    int32_t rank = v->rank >= 0 ? v->rank : shape ? shape->n_dims : -1;
    if (rank < 0) {
        *out = ingot_type_boxed((ingot_dtype)v->dtype, INGOT_FORM_TENSOR, INGOT_RANK_UNKNOWN);
        return NULL;
    }
    if (rank > INGOT_MAX_RANK)
        return ingot_fail(INGOT_UNSUPPORTED, "input '%s': rank %d is over %d", v->name, rank, INGOT_MAX_RANK);
    if (shape && shape->n_dims != rank)
        return ingot_fail(INGOT_BAD_USAGE, "--shape of '%s' has %d sizes, the input has %d", v->name, shape->n_dims,
                          rank);
    *out = (ingot_type){.dtype = (ingot_dtype)v->dtype, .rank = rank};
    for (int32_t i = 0; i < rank; i++) {
        ingot_onnx_dim d = v->rank >= 0 ? v->dims[i] : (ingot_onnx_dim){-1, NULL};
        int64_t given = shape ? shape->dims[i] : -1;
        if (d.value > INGOT_DIM_MAX_VALUE || given > INGOT_DIM_MAX_VALUE)
            return ingot_fail(INGOT_LIMIT, "input '%s': size %lld of axis %d", v->name,
                              (long long)(d.value > given ? d.value : given), i);
        if (given >= 0 && d.value >= 0 && given != d.value)
            return ingot_fail(INGOT_BAD_USAGE, "--shape of '%s': axis %d is %lld in the model, not %lld", v->name, i,
                              (long long)d.value, (long long)given);
        if (d.value >= 0 || given >= 0) {
            out->dims[i] = ingot_dim_const(im->module, d.value >= 0 ? d.value : given);
        } else {
            const char *param = size_name(d.param) ? d.param : ingot_arena_printf(&im->scratch, "%s_d%d", v->name, i);
            if (!param)
                return ingot_status_no_memory();
            INGOT_TRY(make_symbol(im, param, &out->dims[i]));
        }
        if (!out->dims[i])
            return ingot_status_no_memory();
    }
    return NULL;
}

/* --shape of one input pins the names of its sizes for all: turned into --dim options before any symbol is made. */
static ingot_status pin_by_shapes(ingot_importer *im, ingot_import_options *options)
{
    const ingot_onnx_graph *g = im->model.graph;
    size_t room = (size_t)options->n_dims;
    for (int32_t i = 0; i < g->n_in; i++)
        room += g->in[i].rank > 0 ? (size_t)g->in[i].rank : 0;
    ingot_dim_option *dims;
    INGOT_TRY(ingot_arena_array(&im->scratch, room + 1, sizeof *dims, (void **)&dims));
    int32_t n = 0;
    for (int32_t i = 0; i < options->n_dims; i++)
        dims[n++] = options->dims[i];
    for (int32_t i = 0; i < g->n_in; i++) {
        const ingot_onnx_value *v = &g->in[i];
        const ingot_dim_option *shape = find_dim(im, v->name, true);
        for (int32_t k = 0; shape && k < v->rank && k < shape->n_dims; k++) {
            if (!size_name(v->dims[k].param) || v->dims[k].value >= 0 || shape->dims[k] < 0)
                continue;
            for (int32_t d = options->n_dims; d < n; d++)
                if (!strcmp(dims[d].name, v->dims[k].param) && dims[d].lo != shape->dims[k])
                    return ingot_fail(INGOT_BAD_USAGE, "--shape gives '%s' both %lld and %lld", dims[d].name,
                                      (long long)dims[d].lo, (long long)shape->dims[k]);
            dims[n++] =
                (ingot_dim_option){.name = v->dims[k].param, .lo = shape->dims[k], .hi = shape->dims[k], .n_dims = -1};
        }
    }
    options->dims = dims;
    options->n_dims = n;
    return NULL;
}

/* Every option must have met its size or input. */
static ingot_status check_options(const ingot_importer *im, const ingot_import_options *given)
{
    const ingot_onnx_graph *g = im->model.graph;
    for (int32_t i = 0; i < given->n_dims; i++) {
        const ingot_dim_option *o = &given->dims[i];
        bool met = false;
        for (int32_t k = 0; k < g->n_in && !met; k++) {
            const ingot_onnx_value *v = &g->in[k];
            met = o->n_dims >= 0 && !strcmp(v->name, o->name);
            for (int32_t d = 0; o->n_dims < 0 && d < v->rank && !met; d++) {
                const char *param =
                    size_name(v->dims[d].param)
                        ? v->dims[d].param
                        : ingot_arena_printf((ingot_arena *)(uintptr_t)&im->scratch, "%s_d%d", v->name, d);
                char *symbol = param ? symbol_name((ingot_importer *)(uintptr_t)im, param) : NULL;
                met = v->dims[d].value < 0 && symbol && (!strcmp(param, o->name) || !strcmp(symbol, o->name));
            }
        }
        if (!met)
            return ingot_fail(INGOT_BAD_USAGE,
                              o->n_dims >= 0 ? "--shape: the model has no input '%s'"
                                             : "--dim: the model has no size named '%s'",
                              o->name);
    }
    return NULL;
}

/* ---- Graph ---- */
static const DLTensor *find_constant(const ingot_importer *im, const char *name)
{
    for (int32_t i = 0; i < im->options->n_constants; i++)
        if (!strcmp(im->options->constants[i].name, name))
            return im->options->constants[i].tensor;
    return NULL;
}

static ingot_status add_inputs(ingot_importer *im, ingot_scope *scope)
{
    const ingot_onnx_graph *g = im->model.graph;
    /* A caller's constant takes the place of an initializer or an input. */
    for (int32_t i = 0; i < im->options->n_constants; i++)
        INGOT_TRY(ingot_scope_define(
            im, scope,
            (ingot_binding){.name = im->options->constants[i].name, .given = im->options->constants[i].tensor}));
    for (int32_t i = 0; i < g->n_initializers; i++)
        if (*g->initializers[i].name && find_constant(im, g->initializers[i].name))
            g->initializers[i].name = ingot_arena_printf(&im->scratch, "%s (replaced)", g->initializers[i].name);
    INGOT_TRY(ingot_scope_add_initializers(im, scope, g));
    for (int32_t i = 0; i < g->n_in; i++) {
        const ingot_onnx_value *v = &g->in[i];
        if (!*v->name)
            return ingot_fail(INGOT_BAD_MODEL, "input number %d has no name", i);
        if (ingot_scope_defines(scope, v->name))
            continue; /* an initializer is its default: inputs of old IR versions */
        ingot_type type;
        INGOT_TRY(input_type(im, v, &type));
        const char *name = ingot_arena_strndup(&im->module->arena, v->name, strlen(v->name));
        ingot_value *value = name ? ingot_graph_add_input(scope->graph, name, &type) : NULL;
        if (!value)
            return ingot_status_no_memory();
        INGOT_TRY(ingot_scope_define(im, scope, (ingot_binding){.name = v->name, .value = value}));
    }
    return NULL;
}

/* All that the walk has found wrong. */
static ingot_status refused_nodes(ingot_importer *im)
{
    const char *verb[] = {"s are", " is"};
    int32_t bad = im->n_invalid, missing = im->n_unsupported;
    if (!bad && !missing)
        return NULL;
    if (im->refused.failed)
        return ingot_status_no_memory();
    if (bad && missing)
        return ingot_fail(INGOT_BAD_MODEL, "%d node%s invalid, %d not supported:%s", bad, verb[bad == 1], missing,
                          im->refused.data);
    if (bad == 1)
        return ingot_fail(INGOT_BAD_MODEL, "%s", im->refused.data + strspn(im->refused.data, "\n "));
    return ingot_fail(bad ? INGOT_BAD_MODEL : INGOT_UNSUPPORTED, "%d node%s %s:%s", bad + missing,
                      verb[bad + missing == 1], bad ? "invalid" : "not supported", im->refused.data);
}

/* Declared element types are binding; declared sizes are not: exporters write what they believe. */
static ingot_status check_output(const ingot_onnx_value *declared, const ingot_value *v)
{
    if (declared->kind || (ingot_dtype)declared->dtype == INGOT_UNDEFINED ||
        (ingot_dtype)declared->dtype == v->type.dtype)
        return NULL;
    return ingot_fail(INGOT_BAD_MODEL, "output '%s' is declared as %s, but it is %s: the model contradicts itself",
                      declared->name, ingot_dtype_name((ingot_dtype)declared->dtype), ingot_dtype_name(v->type.dtype));
}

static ingot_status import_graph(ingot_importer *im)
{
    const ingot_onnx_graph *g = im->model.graph;
    ingot_graph *graph = ingot_module_add_graph(im->module, "main");
    if (!graph)
        return ingot_status_no_memory();
    im->placeholder.type.rank = 0;
    im->placeholder.type.dtype = INGOT_F32;
    for (int32_t i = 0; i < INGOT_MAX_RANK; i++)
        im->placeholder.type.dims[i] = ingot_dim_const(im->module, 1);
    im->placeholder.graph = graph;
    if (!im->placeholder.type.dims[0])
        return ingot_status_no_memory();
    for (int i = 0; i < 4; i++)
        im->dummy_out[i] = &im->placeholder;
    im->dummy.attrs = &im->dummy_attrs;
    im->dummy.out = im->dummy_out;
    im->dummy.graph = graph;

    ingot_scope *scope;
    INGOT_TRY(ingot_scope_make(im, NULL, &scope));
    scope->graph = graph;
    scope->opsets = im->model.opsets;
    scope->n_opsets = im->model.n_opsets;
    if (scope->n_opsets > INGOT_IMPORT_MAX_OPSETS)
        return ingot_fail(INGOT_LIMIT, "the model imports %d operator sets", scope->n_opsets);
    INGOT_TRY(ingot_import_index_functions(im));
    INGOT_TRY(add_inputs(im, scope));
    INGOT_TRY(ingot_import_nodes(im, scope, g->n_nodes, g->nodes));
    INGOT_TRY(refused_nodes(im));
    if (!g->n_out)
        return ingot_fail(INGOT_BAD_MODEL, "the graph has no outputs");
    ingot_node at_end = {.im = im, .scope = scope, .m = im->module, .graph = graph};
    for (int32_t i = 0; i < g->n_out; i++) {
        ingot_value *v = ingot_scope_get(&at_end, scope, g->out[i].name);
        if (at_end.error)
            return ingot_status_note(at_end.error, "output '%s'", g->out[i].name);
        INGOT_TRY(check_output(&g->out[i], v));
        const char *name = ingot_arena_strndup(&im->module->arena, g->out[i].name, strlen(g->out[i].name));
        if (!name)
            return ingot_status_no_memory();
        INGOT_TRY(ingot_graph_add_output(graph, name, v));
    }
    return ingot_module_verify(im->module);
}

/* ---- Entry points ---- */
static ingot_status run_import(ingot_importer *im, const ingot_import_options *given)
{
    INGOT_TRY(ingot_onnx_read_model(im->bytes, im->size_bytes, &im->limits, &im->scratch, &im->model));
    INGOT_TRY(check_options(im, given));
    ingot_import_options options = *given;
    im->options = &options;
    INGOT_TRY(pin_by_shapes(im, &options));
    im->nodes_left = im->limits.max_nodes > 0 ? im->limits.max_nodes : DEFAULT_MAX_NODES;
    im->depth_left = im->limits.max_depth > 0 ? im->limits.max_depth : DEFAULT_MAX_DEPTH;
    return import_graph(im);
}

/* Takes `fd` (-1: none) whatever happens. */
static ingot_status import_bytes(const void *bytes, size_t size, int fd, const ingot_import_options *given,
                                 const char *file, ingot_module **out)
{
    ingot_import_options options = {.struct_size = sizeof options};
    if (given)
        memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
    ingot_importer im = {.options = &options,
                         .limits = options.limits,
                         .bytes = bytes,
                         .size_bytes = size,
                         .file = file,
                         .file_handle = -1};
    im.scratch.limit_bytes = options.limits.max_memory > 0 ? (size_t)options.limits.max_memory : DEFAULT_SCRATCH_BYTES;
    ingot_status status = ingot_module_create(&options.limits, &im.module);
    if (!status) {
        im.module->file = ingot_arena_strndup(&im.module->arena, file, strlen(file));
        const char *slash = strrchr(file, '/');
        if (fd >= 0 || options.file)
            im.folder = slash ? ingot_arena_strndup(&im.scratch, file, (size_t)(slash - file) + (slash == file)) : ".";
        if (!im.module->file)
            status = ingot_status_no_memory();
    }
    if (!status && fd >= 0) {
        status = ingot_module_add_file(im.module, fd, im.module->file, (int64_t)size, &im.file_handle);
        if (!status)
            fd = -1;
    }
    if (fd >= 0)
        close(fd);
    if (!status)
        status = ingot_status_note(run_import(&im, &options), "%s", file);
    ingot_text_free(&im.refused);
    ingot_arena_release(&im.scratch);
    if (status && im.module)
        ingot_module_destroy(im.module);
    *out = status ? NULL : im.module;
    return status;
}

ingot_status ingot_import_file(const char *path, const ingot_import_options *options, ingot_module **out)
{
    int fd;
    const void *bytes;
    size_t size;
    *out = NULL;
    INGOT_TRY(ingot_file_map(path, &fd, &bytes, &size));
    ingot_status status = import_bytes(bytes, size, fd, options, path, out);
    if (size)
        munmap((void *)(uintptr_t)bytes, size);
    return status;
}

ingot_status ingot_import_memory(const void *bytes, size_t size, const ingot_import_options *options,
                                 ingot_module **out)
{
    *out = NULL;
    const char *file = options && options->struct_size == sizeof *options && options->file ? options->file : "(memory)";
    return import_bytes(bytes, size, -1, options, file, out);
}
