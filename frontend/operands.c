/* Reading a node: attributes with defaults, constants and symbolic contents of operands. */
#include "frontend/importer.h"
#include <string.h>

#define MAX_KNOWN_FLOATS 65536

/* ---- Attributes ---- */
static const ingot_onnx_attr *find_in(const ingot_onnx_attr *attrs, int32_t n, const char *name)
{
    for (int32_t i = 0; i < n; i++)
        if (!strcmp(attrs[i].name, name))
            return &attrs[i];
    return NULL;
}

/* Follows references to the attributes of the functions being inlined, outwards. Null: absent. */
static const ingot_onnx_attr *find_attr(const ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = find_in(n->view->attrs, n->view->n_attrs, name);
    for (const ingot_call_frame *f = n->scope->frame; a && a->ref && f; f = f->caller) {
        const char *ref = a->ref;
        a = find_in(f->call->attrs, f->call->n_attrs, ref);
        if (!a)
            return find_in(f->function->defaults, f->function->n_defaults, ref);
    }
    return a && a->ref ? NULL : a;
}

bool ingot_attr_has(ingot_node *n, const char *name)
{
    return find_attr(n, name) != NULL;
}

static const char *kind_of_attr(int32_t type)
{
    static const char *const kinds[] = {
        [INGOT_ONNX_UNDEFINED] = "of no type",
        [INGOT_ONNX_FLOAT] = "a real number",
        [INGOT_ONNX_INT] = "an integer",
        [INGOT_ONNX_STRING] = "a text",
        [INGOT_ONNX_TENSOR] = "a tensor",
        [INGOT_ONNX_GRAPH] = "a graph",
        [INGOT_ONNX_FLOATS] = "a list of real numbers",
        [INGOT_ONNX_INTS] = "a list of integers",
        [INGOT_ONNX_STRINGS] = "a list of texts",
        [INGOT_ONNX_TENSORS] = "a list of tensors",
        [INGOT_ONNX_GRAPHS] = "a list of graphs",
        [INGOT_ONNX_SPARSE_TENSOR] = "a sparse tensor",
        [INGOT_ONNX_SPARSE_TENSORS] = "a list of sparse tensors",
        [INGOT_ONNX_TYPE] = "a type",
        [INGOT_ONNX_TYPES] = "a list of types",
    };
    return type >= 0 && type < (int32_t)(sizeof kinds / sizeof *kinds) ? kinds[type] : "of an unknown type";
}

const ingot_onnx_attr *ingot_attr_find(ingot_node *n, const char *name, int32_t type)
{
    const ingot_onnx_attr *a = n->error ? NULL : find_attr(n, name);
    if (a && a->type != type) {
        ingot_node_bad(n, "attribute '%s' is %s, expected %s", name, kind_of_attr(a->type), kind_of_attr(type));
        return NULL;
    }
    return a;
}

int64_t ingot_attr_int(ingot_node *n, const char *name, int64_t absent)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_INT);
    return a ? a->i : absent;
}

double ingot_attr_float(ingot_node *n, const char *name, double absent)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_FLOAT);
    return a ? a->f : absent;
}

const char *ingot_attr_text(ingot_node *n, const char *name, const char *absent)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_STRING);
    if (!a)
        return absent;
    const char *text = ingot_arena_strndup(&n->im->scratch, a->s.data ? a->s.data : "", (size_t)a->s.size);
    if (!text)
        ingot_node_check(n, ingot_status_no_memory());
    return text ? text : absent;
}

bool ingot_attr_ints(ingot_node *n, const char *name, ingot_ints *out)
{
    memset(out, 0, sizeof *out);
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_INTS);
    if (!a)
        return false;
    if (a->n > INGOT_MAX_INTS) {
        ingot_node_bad(n, "attribute '%s' has %d numbers, over %d", name, a->n, INGOT_MAX_INTS);
        return false;
    }
    out->n = a->n;
    if (a->n)
        memcpy(out->v, a->ints, (size_t)a->n * sizeof *a->ints);
    return true;
}

int32_t ingot_attr_choice(ingot_node *n, const char *name, const char *absent, const char *const *names)
{
    const char *text = ingot_attr_text(n, name, absent);
    for (int32_t i = 0; names[i]; i++)
        if (!strcmp(names[i], text))
            return i;
    ingot_node_bad(n, "attribute '%s' is '%.64s'", name, text);
    return 0;
}

/* ---- Constants ---- */
bool ingot_known_floats(ingot_node *n, const ingot_value *v, int64_t *out_count, const double **out_data)
{
    const ingot_literal *lit = v && !n->error ? ingot_value_literal(v) : NULL;
    int64_t count = lit ? ingot_type_count(&v->type) : -1;
    if (count < 0 || count > MAX_KNOWN_FLOATS || v->type.dtype == INGOT_STRING)
        return false;
    double *data;
    const void *bytes;
    if (!ingot_node_check(n, ingot_arena_array(&n->im->scratch, (size_t)count + 1, sizeof *data, (void **)&data)) ||
        !ingot_node_check(n, ingot_literal_get_data(n->m, lit, v->type.dtype, &n->im->scratch, &bytes)))
        return false;
    for (int64_t i = 0; i < count; i++)
        data[i] = ingot_load_f64(bytes, v->type.dtype, i);
    *out_count = count;
    *out_data = data;
    return true;
}

bool ingot_known_float(ingot_node *n, const ingot_value *v, double *out)
{
    int64_t count;
    const double *data;
    if (!ingot_known_floats(n, v, &count, &data) || count != 1)
        return false;
    *out = data[0];
    return true;
}

bool ingot_known_dims(ingot_node *n, const ingot_value *v, int32_t *out_count, const ingot_dim *out[INGOT_MAX_CONTENT])
{
    if (!v || n->error || v->type.rank > 1 || v->type.rank < 0)
        return false;
    if (v->content && v->n_content <= INGOT_MAX_CONTENT) {
        for (int32_t i = 0; i < v->n_content; i++)
            if (!(out[i] = v->content[i]))
                return false;
        *out_count = v->n_content;
        return true;
    }
    const ingot_literal *lit = ingot_value_literal(v);
    int64_t count = lit ? ingot_type_count(&v->type) : -1;
    bool integer = ingot_dtype_is_integer(v->type.dtype) || v->type.dtype == INGOT_BOOL;
    const void *bytes;
    if (count < 0 || count > INGOT_MAX_CONTENT || !integer ||
        !ingot_node_check(n, ingot_literal_get_data(n->m, lit, v->type.dtype, &n->im->scratch, &bytes)))
        return false;
    for (int64_t i = 0; i < count; i++)
        out[i] = ingot_const_dim(n, ingot_load_i64(bytes, v->type.dtype, i));
    *out_count = (int32_t)count;
    return true;
}

bool ingot_known_ints(ingot_node *n, const ingot_value *v, ingot_ints *out)
{
    const ingot_dim *dims[INGOT_MAX_CONTENT];
    int32_t count;
    if (!ingot_known_dims(n, v, &count, dims) || count > INGOT_MAX_INTS)
        return false;
    out->n = count;
    for (int32_t i = 0; i < count; i++) {
        if (!ingot_dim_is_const(dims[i]))
            return false;
        out->v[i] = dims[i]->value;
    }
    return true;
}

/* Fresh symbols for the elements of `v`, defined when the model runs. */
static int32_t bind_dims(ingot_node *n, ingot_value *v, int64_t lo, int64_t hi, const ingot_dim **out)
{
    int64_t count = ingot_type_count(&v->type);
    if (v->type.rank > 1 || count < 0 || count > INGOT_MAX_CONTENT || !ingot_dtype_is_integer(v->type.dtype)) {
        ingot_node_unsupported(n, "sizes come from a tensor whose own size is not known when compiling");
        return 0;
    }
    int32_t first = ingot_module_symbol_count(n->m);
    for (int64_t i = 0; i < count; i++) {
        const ingot_dim *d = ingot_symbol_fresh(n->m, "data", lo, hi, true);
        out[i] = d ? d : ingot_const_dim(n, lo);
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_bind_dims, 1, &v, 0);
    ((ingot_attrs_bind_dims *)op->attrs)->first_symbol = first;
    ingot_emit_end(n, op);
    return (int32_t)count;
}

ingot_value *ingot_list_of(ingot_node *n, ingot_value *v, int64_t count)
{
    if (n->error || !v || v->type.rank != 1 || ingot_dim_is_const(v->type.dims[0]))
        return v;
    const ingot_dim *length = ingot_const_dim(n, count);
    if (!ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, v->type.dims[0], length, v->def)))
        return v;
    return ingot_reshape(n, v, 1, &length);
}

ingot_value *ingot_scalar_of(ingot_node *n, ingot_value *v)
{
    v = ingot_list_of(n, v, 1);
    return n->error || ingot_type_count(&v->type) != 1 ? v : ingot_reshape(n, v, 0, NULL);
}

int32_t ingot_operand_dims(ingot_node *n, ingot_value *v, int64_t lo, int64_t hi,
                           const ingot_dim *out[INGOT_MAX_CONTENT])
{
    for (int32_t i = 0; i < INGOT_MAX_CONTENT; i++)
        out[i] = n->im->placeholder.type.dims[0];
    int32_t count;
    if (n->error || !v)
        return 0;
    if (ingot_known_dims(n, v, &count, out))
        return count;
    if (n->error)
        return 0;
    /* What is known stays known; the rest is bound. */
    const ingot_dim *bound[INGOT_MAX_CONTENT];
    count = bind_dims(n, v, lo, hi, bound);
    for (int32_t i = 0; i < count; i++)
        out[i] = v->content && i < v->n_content && v->content[i] ? v->content[i] : bound[i];
    return count;
}

const ingot_dim *ingot_const_dim(ingot_node *n, int64_t value)
{
    const ingot_dim *d = ingot_dim_const(n->m, value);
    if (d)
        return d;
    ingot_node_check(n, ingot_status_no_memory());
    return n->im->placeholder.type.dims[0];
}

/* ---- Axes and ranks ---- */
int32_t ingot_node_axis(ingot_node *n, int64_t axis, int32_t rank)
{
    if (axis < -rank || axis >= rank) {
        ingot_node_bad(n, "axis %lld is outside a tensor of rank %d", (long long)axis, rank);
        return 0;
    }
    return (int32_t)(axis < 0 ? axis + rank : axis);
}

bool ingot_node_needs(ingot_node *n, const int32_t *inputs)
{
    for (; *inputs >= 0 && !n->error; inputs++)
        if (*inputs >= n->n_in || !n->in[*inputs])
            ingot_node_bad(n, "input %d must be given", *inputs);
    return !n->error;
}

void ingot_node_axes(ingot_node *n, ingot_ints *axes, int32_t rank)
{
    bool used[INGOT_MAX_INTS] = {0};
    for (int64_t i = 0; i < axes->n; i++) {
        int32_t axis = ingot_node_axis(n, axes->v[i], rank);
        if (n->error) {
            axes->n = 0;
            return;
        }
        if (used[axis]) {
            ingot_node_bad(n, "axis %d is named twice", axis);
            axes->n = 0;
            return;
        }
        used[axis] = true;
    }
    axes->n = 0;
    for (int32_t i = 0; i < INGOT_MAX_INTS; i++)
        if (used[i])
            axes->v[axes->n++] = i;
}

int32_t ingot_node_rank(ingot_node *n, const ingot_value *v, int32_t lo)
{
    if (!n->error && v->type.rank < lo)
        ingot_node_bad(n, "an input of rank %d, expected at least %d", v->type.rank, lo);
    return n->error ? lo : v->type.rank;
}
