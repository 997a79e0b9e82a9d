/* ai.onnx.ml: features, and what its models share. */
#include "frontend/ml.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lists, constants ---- */
ingot_ml_list ingot_ml_floats(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_FLOATS);
    return a ? (ingot_ml_list){.count = a->n, .floats = a->floats} : (ingot_ml_list){0};
}

ingot_ml_list ingot_ml_ints(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_INTS);
    return a ? (ingot_ml_list){.count = a->n, .ints = a->ints} : (ingot_ml_list){0};
}

void *ingot_ml_array(ingot_node *n, int64_t count, size_t size)
{
    static _Alignas(16) uint8_t nothing[64];
    void *memory = NULL;
    if (count < 0 || !ingot_node_check(n, ingot_arena_array(&n->im->scratch, (size_t)count + 1, size, &memory)))
        return nothing;
    memset(memory, 0, ((size_t)count + 1) * size);
    return memory;
}

ingot_ml_list ingot_ml_tensor(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_TENSOR);
    ingot_value *v = a && a->t ? ingot_tensor_value(n, a->t) : NULL;
    const ingot_literal *lit = v && !n->error ? ingot_value_literal(v) : NULL;
    int64_t count = lit ? ingot_type_count(&v->type) : 0;
    const void *bytes;
    if (!lit || v->type.dtype == INGOT_STRING || count > INT32_MAX ||
        !ingot_node_check(n, ingot_literal_get_data(n->m, lit, v->type.dtype, &n->im->scratch, &bytes)))
        return (ingot_ml_list){0};
    double *data = ingot_ml_array(n, count, sizeof *data);
    for (int64_t i = 0; !n->error && i < count; i++)
        data[i] = ingot_load_f64(bytes, v->type.dtype, i);
    return (ingot_ml_list){.count = count, .floats = data};
}

ingot_ml_list ingot_ml_weights(ingot_node *n, const char *name)
{
    ingot_ml_list list = ingot_ml_floats(n, name);
    char *other = ingot_arena_printf(&n->im->scratch, "%s_as_tensor", name);
    return list.count || !other ? list : ingot_ml_tensor(n, other);
}

ingot_value *ingot_ml_constant(ingot_node *n, const ingot_ml_list *list, ingot_dtype dtype, int32_t rank,
                               const int64_t *dims)
{
    ingot_type type = ingot_type_static(n->m, dtype, rank, dims);
    int64_t count = ingot_type_count(&type);
    if (!n->error && count != list->count)
        ingot_node_bad(n, "%lld numbers where %lld are expected", (long long)list->count, (long long)count);
    if (n->error)
        return ingot_placeholder(n);
    uint64_t *data = ingot_ml_array(n, count, sizeof *data); /* no type is wider */
    for (int64_t i = 0; !n->error && i < count; i++) {
        if (list->ints)
            ingot_store_i64(data, dtype, i, list->ints[i]);
        else
            ingot_store_f64(data, dtype, i, list->floats[i]);
    }
    ingot_value *v;
    if (n->error || !ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, &type, data, true, &v)))
        return ingot_placeholder(n);
    v->def->loc = n->loc;
    return v;
}

ingot_value *ingot_ml_vector(ingot_node *n, const ingot_ml_list *list, ingot_dtype dtype)
{
    return ingot_ml_constant(n, list, dtype, 1, &list->count);
}

/* ---- Labels and scores ---- */
ingot_ml_labels ingot_ml_read_labels(ingot_node *n, const char *ints, const char *texts)
{
    ingot_ml_list numbers = ingot_ml_ints(n, ints);
    const ingot_onnx_attr *a = ingot_attr_find(n, texts, INGOT_ONNX_STRINGS);
    if (numbers.count)
        return (ingot_ml_labels){numbers.count, ingot_ml_vector(n, &numbers, INGOT_I64)};
    if (a && a->n)
        return (ingot_ml_labels){a->n, ingot_texts_value(n, a->n, a->strings, true)};
    return (ingot_ml_labels){0};
}

ingot_value *ingot_ml_label_of(ingot_node *n, const ingot_ml_labels *labels, ingot_value *index)
{
    if (!labels->values)
        return index;
    return ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){labels->values, index}, 1));
}

ingot_value *ingot_ml_best(ingot_node *n, ingot_value *scores)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_arg_reduce, 1, &scores, 1);
    ((ingot_attrs_arg_reduce *)op->attrs)->axis = 1;
    return ingot_emit_end(n, op);
}

ingot_value *ingot_ml_choose(ingot_node *n, const ingot_ml_labels *labels, ingot_value *condition)
{
    ingot_value *index = ingot_cast(n, condition, INGOT_I64);
    if (labels->count == 2)
        return ingot_ml_label_of(n, labels, index);
    if (labels->values && labels->values->type.dtype == INGOT_STRING) {
        ingot_node_unsupported(n, "one class with a text for its label: give the labels of both classes");
        return index;
    }
    return index; /* 1 and 0 */
}

int32_t ingot_ml_transform_attr(ingot_node *n)
{
    static const char *const names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT", NULL};
    return ingot_attr_choice(n, "post_transform", "NONE", names);
}

static ingot_value *binary(ingot_node *n, ingot_op_kind kind, ingot_value *a, ingot_value *b)
{
    return ingot_emit2(n, kind, a, b);
}

static ingot_value *with(ingot_node *n, ingot_op_kind kind, ingot_value *a, double b)
{
    return ingot_emit2(n, kind, a, ingot_splat_like(n, a, b));
}

/* A softmax whose scores of zero stay zero before the division. */
static ingot_value *softmax_zero(ingot_node *n, ingot_value *x)
{
    ingot_ints axis = {.n = 1, .v = {1}};
    ingot_value *most = ingot_reduce(n, x, INGOT_REDUCE_MAX, &axis, true);
    ingot_value *power = ingot_emit1(n, INGOT_OP_exp, binary(n, INGOT_OP_sub, x, most));
    ingot_value *small = binary(n, INGOT_OP_mul, x, ingot_emit1(n, INGOT_OP_exp, ingot_emit1(n, INGOT_OP_neg, most)));
    ingot_value *counts = with(n, INGOT_OP_gt, ingot_emit1(n, INGOT_OP_abs, x), 1e-7);
    ingot_value *y = ingot_emit3(n, INGOT_OP_select, counts, power, small);
    ingot_value *sum = ingot_reduce(n, y, INGOT_REDUCE_SUM, &axis, true);
    ingot_value *none = with(n, INGOT_OP_eq, sum, 0);
    return ingot_emit3(n, INGOT_OP_select, none, ingot_splat_like(n, y, 0.5), binary(n, INGOT_OP_div, y, sum));
}

/* The inverse of the normal distribution function, by the approximation that ONNX Runtime uses: sqrt(2) erfinv(2p-1)
 */
static ingot_value *probit(ingot_node *n, ingot_value *p)
{
    const double a = 0.147, pi = 3.14159265358979323846;
    ingot_value *x = with(n, INGOT_OP_sub, with(n, INGOT_OP_mul, p, 2), 1);
    ingot_value *rest = binary(n, INGOT_OP_mul, with(n, INGOT_OP_sub, x, 1), with(n, INGOT_OP_add, x, 1));
    ingot_value *l = ingot_emit1(n, INGOT_OP_log, ingot_emit1(n, INGOT_OP_neg, rest));
    ingot_value *v = with(n, INGOT_OP_add, with(n, INGOT_OP_mul, l, 0.5), 2 / (pi * a));
    ingot_value *square = binary(n, INGOT_OP_sub, binary(n, INGOT_OP_mul, v, v), with(n, INGOT_OP_mul, l, 1 / a));
    ingot_value *root =
        ingot_emit1(n, INGOT_OP_sqrt, binary(n, INGOT_OP_sub, ingot_emit1(n, INGOT_OP_sqrt, square), v));
    ingot_value *sign = ingot_emit3(n, INGOT_OP_select, with(n, INGOT_OP_lt, x, 0), ingot_splat_like(n, x, -1.41421356),
                                    ingot_splat_like(n, x, 1.41421356));
    ingot_value *y = binary(n, INGOT_OP_mul, root, sign);
    return ingot_emit3(n, INGOT_OP_select, with(n, INGOT_OP_eq, rest, 0), ingot_splat_like(n, x, 0), y);
}

ingot_value *ingot_ml_transform(ingot_node *n, ingot_value *scores, int32_t transform)
{
    switch (transform) {
    case INGOT_ML_SOFTMAX:
        return ingot_softmax(n, scores, 1, false);
    case INGOT_ML_LOGISTIC:
        return ingot_emit1(n, INGOT_OP_sigmoid, scores);
    case INGOT_ML_SOFTMAX_ZERO:
        return softmax_zero(n, scores);
    case INGOT_ML_PROBIT:
        return probit(n, scores);
    default:
        return scores;
    }
}

ingot_value *ingot_ml_pair(ingot_node *n, ingot_value *s, bool share, int32_t transform)
{
    if (transform == INGOT_ML_PROBIT)
        s = probit(n, s);
    share = share && (transform == INGOT_ML_NONE || transform == INGOT_ML_PROBIT);
    ingot_value *other =
        share ? ingot_emit2(n, INGOT_OP_sub, ingot_splat_like(n, s, 1), s) : ingot_emit1(n, INGOT_OP_neg, s);
    ingot_value *both = ingot_concat(n, 2, (ingot_value *[]){other, s}, 1);
    return transform == INGOT_ML_PROBIT ? both : ingot_ml_transform(n, both, transform);
}

ingot_value *ingot_ml_column(ingot_node *n, ingot_value *x, int64_t k)
{
    return ingot_slice(n, x, 1, ingot_const_dim(n, k), ingot_const_dim(n, 1));
}

ingot_value *ingot_ml_rows(ingot_node *n, ingot_value *x)
{
    if (!n->error && x->type.rank != 1 && x->type.rank != 2)
        ingot_node_bad(n, "an input of rank %d, expected [rows, features] or [features]", x->type.rank);
    if (n->error)
        return ingot_placeholder(n);
    return ingot_cast(n, x->type.rank == 1 ? ingot_unsqueeze(n, x, 0) : x, INGOT_F32);
}

/* ---- Features ---- */

/* The entries Y of the last axis of X; a list X counts as one row. */
void ingot_import_array_feature_extractor(ingot_node *n)
{
    ingot_value *x = n->in[0], *index = n->in[1];
    ingot_node_rank(n, x, 1);
    if (n->error)
        return;
    const ingot_dim *count = ingot_type_count_dim(n->m, &index->type);
    if (x->type.rank == 1)
        x = ingot_unsqueeze(n, x, 0);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){x, ingot_reshape(n, index, 1, &count)}, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = -1;
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_binarizer(ingot_node *n)
{
    ingot_value *x = n->in[0];
    /* Integers are compared as numbers: the threshold need not be one of them. */
    ingot_value *v = ingot_cast(n, x, ingot_dtype_is_float(x->type.dtype) ? x->type.dtype : INGOT_F64);
    n->out[0] = ingot_cast(n, with(n, INGOT_OP_gt, v, ingot_attr_float(n, "threshold", 0)), x->type.dtype);
}

/* Rows over their largest element, sum of magnitudes or length; rows of zeros stay as they are. */
void ingot_import_normalizer(ingot_node *n)
{
    static const char *const norms[] = {"MAX", "L1", "L2", NULL};
    int32_t norm = ingot_attr_choice(n, "norm", "MAX", norms);
    ingot_value *given = n->in[0], *x = ingot_ml_rows(n, given);
    ingot_ints axis = {.n = 1, .v = {1}};
    ingot_value *length = norm == 0 ? ingot_reduce(n, x, INGOT_REDUCE_MAX, &axis, true)
                                    : ingot_reduce(n, x, norm == 1 ? INGOT_REDUCE_L1 : INGOT_REDUCE_L2, &axis, true);
    ingot_value *zero = with(n, INGOT_OP_eq, length, 0);
    length = ingot_emit3(n, INGOT_OP_select, zero, ingot_splat_like(n, x, 1), length);
    ingot_value *y = binary(n, INGOT_OP_div, x, length);
    n->out[0] = n->error ? y : ingot_reshape(n, y, given->type.rank, given->type.dims);
}

/* (x - offset) * scale, one number or one for each feature */
void ingot_import_scaler(ingot_node *n)
{
    ingot_value *x = ingot_cast(n, n->in[0], INGOT_F32);
    ingot_ml_list offset = ingot_ml_floats(n, "offset"), scale = ingot_ml_floats(n, "scale");
    if (offset.count)
        x = binary(n, INGOT_OP_sub, x, ingot_ml_vector(n, &offset, INGOT_F32));
    if (scale.count)
        x = binary(n, INGOT_OP_mul, x, ingot_ml_vector(n, &scale, INGOT_F32));
    n->out[0] = x;
}

/* What is NaN, or equal to the value to replace, becomes the imputed value of its feature. */
void ingot_import_imputer(ingot_node *n)
{
    ingot_value *x = n->in[0], *missing;
    bool floats = ingot_dtype_is_float(x->type.dtype);
    ingot_ml_list values =
        floats ? ingot_ml_floats(n, "imputed_value_floats") : ingot_ml_ints(n, "imputed_value_int64s");
    if (!n->error && !values.count) {
        ingot_node_bad(n, "%s is missing", floats ? "imputed_value_floats" : "imputed_value_int64s");
        return;
    }
    if (floats) {
        double replaced = ingot_attr_float(n, "replaced_value_float", 0);
        missing = isnan(replaced) ? ingot_emit1(n, INGOT_OP_is_nan, x) : with(n, INGOT_OP_eq, x, replaced);
    } else {
        int64_t replaced = ingot_attr_int(n, "replaced_value_int64", 0);
        ingot_ml_list one = {.count = 1, .ints = &replaced};
        missing = binary(n, INGOT_OP_eq, x, ingot_ml_constant(n, &one, x->type.dtype, 0, NULL));
    }
    n->out[0] = ingot_emit3(n, INGOT_OP_select, missing, ingot_ml_vector(n, &values, x->type.dtype), x);
}

/* Columns of all inputs side by side, each cut or filled with zeros to its number of columns. */
void ingot_import_feature_vectorizer(ingot_node *n)
{
    ingot_ml_list columns = ingot_ml_ints(n, "inputdimensions");
    ingot_value **parts = ingot_ml_array(n, n->n_in, sizeof *parts);
    if (!n->error && columns.count && columns.count != n->n_in)
        ingot_node_bad(n, "inputdimensions has %lld numbers for %d inputs", (long long)columns.count, n->n_in);
    for (int32_t i = 0; i < n->n_in && !n->error; i++) {
        ingot_value *x = n->in[i];
        if (!x || x->type.rank < 1 || x->type.rank > 2) {
            ingot_node_bad(n, "input %d must have rank 1 or 2", i);
            return;
        }
        x = ingot_cast(n, x->type.rank == 1 ? ingot_unsqueeze(n, x, 1) : x, INGOT_F32);
        parts[i] = x;
        if (n->error || !columns.count)
            continue;
        if (columns.ints[i] < 0 || columns.ints[i] > INT32_MAX) {
            ingot_node_bad(n, "inputdimensions holds %lld", (long long)columns.ints[i]);
            return;
        }
        const ingot_dim *zero = ingot_const_dim(n, 0), *wanted = ingot_const_dim(n, columns.ints[i]);
        const ingot_dim *extra = ingot_dim_sub(n->m, wanted, x->type.dims[1]);
        if (extra->hi <= 0)
            parts[i] = ingot_slice(n, x, 1, zero, wanted);
        else if (extra->lo >= 0)
            parts[i] = ingot_pad(n, x, INGOT_PAD_CONSTANT, ingot_splat_like(n, x, 0),
                                 (const ingot_dim *[]){zero, zero, zero, extra});
        else
            ingot_node_unsupported(n,
                                   "it is not known whether input %d has more than %lld columns: pin it with --shape",
                                   i, (long long)columns.ints[i]);
    }
    if (!n->error)
        n->out[0] = ingot_concat(n, n->n_in, parts, 1);
}

/* ---- Lookups ---- */
typedef struct {
    double key;
    int64_t whole; /* the key where keys are integers */
    int32_t place;
} entry;

static int by_key(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->whole != y->whole)
        return x->whole < y->whole ? -1 : 1;
    if (isnan(x->key) || isnan(y->key)) {
        if (isnan(x->key) != isnan(y->key))
            return isnan(x->key) ? 1 : -1;
    } else if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return x->place - y->place;
}

static bool same_key(const entry *a, const entry *b)
{
    return a->whole == b->whole && (a->key == b->key || (isnan(a->key) && isnan(b->key)));
}

/* The places of keys in rising order, of equal ones the first; a count. */
static int64_t sort_keys(ingot_node *n, const ingot_ml_list *keys, entry *out)
{
    for (int64_t i = 0; i < keys->count; i++)
        out[i] = (entry){keys->ints ? 0 : keys->floats[i], keys->ints ? keys->ints[i] : 0, (int32_t)i};
    qsort(out, (size_t)keys->count, sizeof *out, by_key);
    int64_t count = 0;
    for (int64_t i = 0; i < keys->count && !n->error; i++)
        if (count == 0 || !same_key(&out[count - 1], &out[i]))
            out[count++] = out[i];
    return count;
}

static ingot_ml_list picked(ingot_node *n, const ingot_ml_list *from, const entry *entries, int64_t count)
{
    double *floats = ingot_ml_array(n, from->ints ? 0 : count, sizeof *floats);
    int64_t *ints = ingot_ml_array(n, from->ints ? count : 0, sizeof *ints);
    for (int64_t i = 0; i < count && !n->error; i++) {
        if (from->ints)
            ints[i] = from->ints[entries[i].place];
        else
            floats[i] = from->floats[entries[i].place];
    }
    return (ingot_ml_list){.count = count, .floats = from->ints ? NULL : floats, .ints = from->ints ? ints : NULL};
}

/* The value of each element's key; rest null: an element without one is an error when it is met. */
static ingot_value *look_up(ingot_node *n, ingot_value *x, const ingot_ml_list *keys, const ingot_ml_list *values,
                            ingot_dtype dtype, ingot_value *rest)
{
    if (!n->error && keys->count != values->count)
        ingot_node_bad(n, "%lld keys, %lld values", (long long)keys->count, (long long)values->count);
    entry *entries = ingot_ml_array(n, keys->count, sizeof *entries);
    if (n->error)
        return ingot_placeholder(n);
    int64_t count = sort_keys(n, keys, entries);
    ingot_ml_list sorted = picked(n, keys, entries, count), of_keys = picked(n, values, entries, count);
    ingot_value *in[] = {x, ingot_ml_vector(n, &sorted, x->type.dtype), ingot_ml_vector(n, &of_keys, dtype), rest};
    return ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_lookup, rest ? 4 : 3, in, 1));
}

/* 1 at the place of each element's category along a new last axis. */
void ingot_import_one_hot_encoder(ingot_node *n)
{
    ingot_ml_list categories = ingot_ml_ints(n, "cats_int64s");
    bool zeros = ingot_attr_int(n, "zeros", 1) != 0; /* whether an unknown category is all zero */
    bool texts = ingot_attr_has(n, "cats_strings");
    ingot_value *place = texts ? ingot_places_of_texts(n, "cats_strings", zeros, &categories.count) : NULL;
    if (!n->error && !categories.count)
        ingot_node_bad(n, "neither cats_int64s nor cats_strings is given");
    if (n->error)
        return;
    int64_t *places = ingot_ml_array(n, categories.count, sizeof *places);
    for (int64_t i = 0; i < categories.count && !n->error; i++)
        places[i] = i;
    ingot_ml_list values = {.count = categories.count, .ints = places};
    if (!texts)
        place = look_up(n, ingot_cast(n, n->in[0], INGOT_I64), &categories, &values, INGOT_I64,
                        zeros ? ingot_splat(n, INGOT_I64, -1) : NULL);
    if (n->error)
        return;
    place = ingot_unsqueeze(n, place, place->type.rank);
    n->out[0] = ingot_cast(n, binary(n, INGOT_OP_eq, place, ingot_ml_vector(n, &values, INGOT_I64)), INGOT_F32);
}

/* ZipMap, and operators that take maps. */
void ingot_import_map(ingot_node *n)
{
    ingot_node_unsupported(n, "maps are not a form of values here: give and take numbers as tensors, for ZipMap by an "
                              "export without it (skl2onnx: options={'zipmap': False})");
}
