/* Texts, and tables of keys. Lists of texts that ONNX has as attributes become constants. */
#include "frontend/import.h"
#include "runtime/boxed/text.h"
#include <string.h>

/* A list of texts of an attribute; null when absent. */
static ingot_value *texts_attr(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_STRINGS);
    return a ? ingot_texts_value(n, a->n, a->strings, true) : NULL;
}

static ingot_value *ints_attr(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_INTS);
    return a ? ingot_ints_value(n, a->n, a->ints) : NULL;
}

static ingot_value *floats_attr(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_FLOATS);
    ingot_value *v = NULL;
    float *data;
    if (!a || !ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)a->n + 1, sizeof *data, (void **)&data)))
        return NULL;
    for (int32_t i = 0; i < a->n; i++)
        data[i] = (float)a->floats[i];
    ingot_type type = ingot_type_static(n->m, INGOT_F32, 1, (int64_t[]){a->n});
    ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, &type, data, false, &v));
    return v;
}

static ingot_value *text_value(ingot_node *n, const char *text)
{
    return ingot_texts_value(n, 1, &(ingot_string){text, (int64_t)strlen(text)}, false);
}

void ingot_import_string_concat(ingot_node *n)
{
    n->out[0] = ingot_emit2(n, INGOT_OP_string_concat, n->in[0], n->in[1]);
}

void ingot_import_string_split(ingot_node *n)
{
    int64_t most = ingot_attr_int(n, "maxsplit", -1);
    ingot_value *in[] = {n->in[0], text_value(n, ingot_attr_text(n, "delimiter", ""))};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_string_split, 2, in, 2);
    ((ingot_attrs_string_split *)op->attrs)->maxsplit = most < 0 ? -1 : most;
    ingot_emit_end(n, op);
    n->out[0] = op->out[0];
    n->out[1] = op->out[1];
}

void ingot_import_string_normalizer(ingot_node *n)
{
    static const char *const actions[] = {"NONE", "LOWER", "UPPER", NULL};
    ingot_value *words = texts_attr(n, "stopwords");
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_string_normalize, words ? 2 : 1, (ingot_value *[]){n->in[0], words}, 1);
    ingot_attrs_string_normalize *a = op->attrs;
    a->change = ingot_attr_choice(n, "case_change_action", "NONE", actions);
    a->case_sensitive = ingot_attr_int(n, "is_case_sensitive", 0) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

/* The pattern is looked at here already: a bad one is an error of the model, not of a run. */
void ingot_import_regex_full_match(ingot_node *n)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, "pattern", INGOT_ONNX_STRING);
    ingot_arena scratch = {0};
    const ingot_regex *regex;
    if (!a) {
        ingot_node_bad(n, "attribute 'pattern' is missing");
        return;
    }
    if (ingot_node_check(n, ingot_regex_compile(&scratch, a->s.data, a->s.size, &regex)))
        n->out[0] = ingot_emit2(n, INGOT_OP_regex_match, n->in[0], ingot_texts_value(n, 1, &a->s, false));
    ingot_arena_release(&scratch);
}

void ingot_import_tfidf_vectorizer(ingot_node *n)
{
    static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};
    const ingot_onnx_attr *indexes = ingot_attr_find(n, "ngram_indexes", INGOT_ONNX_INTS);
    ingot_value *pool = texts_attr(n, "pool_strings");
    ingot_value *in[] = {n->in[0], pool ? pool : ints_attr(n, "pool_int64s"), ints_attr(n, "ngram_counts"),
                         ints_attr(n, "ngram_indexes"), floats_attr(n, "weights")};
    if (!n->error && (!in[1] || !in[2] || !in[3]))
        ingot_node_bad(n, "ngram_counts, ngram_indexes and one of pool_strings and pool_int64s must be given");
    if (!n->error && (in[0]->type.dtype == INGOT_STRING) != (in[1]->type.dtype == INGOT_STRING))
        ingot_node_bad(n, "the pool is of %s, the input of %s", ingot_dtype_name(in[1]->type.dtype),
                       ingot_dtype_name(in[0]->type.dtype));
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_tfidf, in[4] ? 5 : 4, in, 1);
    ingot_attrs_tfidf *a = op->attrs;
    a->mode = ingot_attr_choice(n, "mode", "", modes);
    a->min_gram = ingot_attr_int(n, "min_gram_length", 0);
    a->max_gram = ingot_attr_int(n, "max_gram_length", 0);
    a->max_skip = ingot_attr_int(n, "max_skip_count", 0);
    for (int32_t i = 0; indexes && i < indexes->n; i++) {
        if (indexes->ints[i] < 0 || indexes->ints[i] >= INGOT_DIM_MAX_VALUE)
            ingot_node_bad(n, "ngram_indexes[%d] is %lld", i, (long long)indexes->ints[i]);
        else if (indexes->ints[i] >= a->width)
            a->width = indexes->ints[i] + 1;
    }
    if (a->min_gram < 1 || a->max_gram < a->min_gram || a->max_skip < 0)
        ingot_node_bad(n, "n-grams of %lld to %lld elements, %lld skipped", (long long)a->min_gram,
                       (long long)a->max_gram, (long long)a->max_skip);
    n->out[0] = ingot_emit_end(n, op);
}

/* ---- tables of keys ---- */

static void encode(ingot_node *n, ingot_value *keys, ingot_value *values, ingot_value *otherwise)
{
    if (n->error)
        return;
    if (!keys || !values || !otherwise) {
        ingot_node_bad(n, "one list of keys and one of values must be given");
        return;
    }
    if (ingot_type_count(&keys->type) != ingot_type_count(&values->type)) {
        ingot_node_bad(n, "%lld keys for %lld values", (long long)ingot_type_count(&keys->type),
                       (long long)ingot_type_count(&values->type));
        return;
    }
    ingot_value *in[] = {n->in[0], keys, values, otherwise};
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_label_encode, 4, in, 1));
}

/* "PREFIX_strings", "PREFIX_int64s", "PREFIX_floats", "PREFIX_tensor": the one that is there. */
static ingot_value *list_attr(ingot_node *n, const char *strings, const char *int64s, const char *floats,
                              const char *tensor)
{
    const ingot_onnx_attr *t = ingot_attr_find(n, tensor, INGOT_ONNX_TENSOR);
    ingot_value *v = t && t->t ? ingot_tensor_value(n, t->t) : texts_attr(n, strings);
    v = v ? v : ints_attr(n, int64s);
    return v ? v : floats_attr(n, floats);
}

void ingot_import_label_encoder(ingot_node *n)
{
    ingot_value *keys = list_attr(n, "keys_strings", "keys_int64s", "keys_floats", "keys_tensor");
    ingot_value *values = list_attr(n, "values_strings", "values_int64s", "values_floats", "values_tensor");
    const ingot_onnx_attr *given = ingot_attr_find(n, "default_tensor", INGOT_ONNX_TENSOR);
    ingot_value *otherwise = NULL;
    if (n->error || !values) {
        encode(n, keys, values, NULL);
        return;
    }
    ingot_dtype dtype = values->type.dtype;
    if (given && given->t)
        otherwise = ingot_tensor_value(n, given->t);
    else if (dtype == INGOT_STRING)
        otherwise = text_value(n, ingot_attr_text(n, "default_string", "_Unused"));
    else if (ingot_dtype_is_float(dtype))
        otherwise = ingot_splat(n, dtype, ingot_attr_float(n, "default_float", -0.0));
    else
        otherwise = ingot_splat(n, dtype, (double)ingot_attr_int(n, "default_int64", -1));
    encode(n, keys, values, otherwise);
}

/* 0, 1, 2, ... */
static ingot_value *numbers(ingot_node *n, int32_t count)
{
    int64_t *list;
    if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)count + 1, sizeof *list, (void **)&list)))
        return NULL;
    for (int32_t i = 0; i < count; i++)
        list[i] = i;
    return ingot_ints_value(n, count, list);
}

/* Texts to numbers or back, whichever the input is. */
static void encode_texts(ingot_node *n, ingot_value *texts, ingot_value *ints, const char *text_default,
                         const char *int_default)
{
    bool from_texts = n->in[0]->type.dtype == INGOT_STRING;
    ingot_value *otherwise = from_texts ? ingot_splat(n, INGOT_I64, (double)ingot_attr_int(n, int_default, -1))
                                        : text_value(n, ingot_attr_text(n, text_default, "_Unused"));
    encode(n, from_texts ? texts : ints, from_texts ? ints : texts, otherwise);
}

/* Version 1: a text's number is its place in the list. */
void ingot_import_label_encoder_1(ingot_node *n)
{
    const ingot_onnx_attr *classes = ingot_attr_find(n, "classes_strings", INGOT_ONNX_STRINGS);
    ingot_value *texts = texts_attr(n, "classes_strings");
    encode_texts(n, texts, classes ? numbers(n, classes->n) : NULL, "default_string", "default_int64");
}

/* Where each text of the input stands in a list attribute. One that is not in it: -1, or an error of the run. */
ingot_value *ingot_places_of_texts(ingot_node *n, const char *attr, bool others, int64_t *out_count)
{
    const ingot_onnx_attr *given = ingot_attr_find(n, attr, INGOT_ONNX_STRINGS);
    ingot_value *texts = texts_attr(n, attr), *places = given ? numbers(n, given->n) : NULL;
    *out_count = given ? given->n : 0;
    if (!n->error && n->in[0]->type.dtype != INGOT_STRING)
        ingot_node_bad(n, "'%s' holds texts, the input is %s", attr, ingot_dtype_name(n->in[0]->type.dtype));
    encode(n, texts, places, ingot_splat(n, INGOT_I64, others ? -1 : (double)*out_count));
    if (n->error)
        return ingot_placeholder(n);
    return others ? n->out[0] : ingot_emit2(n, INGOT_OP_gather, places, n->out[0]);
}

void ingot_import_category_mapper(ingot_node *n)
{
    encode_texts(n, texts_attr(n, "cats_strings"), ints_attr(n, "cats_int64s"), "default_string", "default_int64");
}
