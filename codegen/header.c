/* NAME.h: the declarations of a compiled model, and all that its user has to know. */
#include "codegen/artifact.h"
#include <ctype.h>
#include <string.h>

#define EXAMPLE_TENSORS 4 /* inputs and outputs that the example spells out */

/* What a tensor's elements are in C, for the table and the example. */
static const char *c_type(ingot_dtype dtype)
{
    switch (dtype) {
    case INGOT_F32:
        return "float";
    case INGOT_F64:
        return "double";
    case INGOT_I8:
        return "int8_t";
    case INGOT_U8:
        return "uint8_t";
    case INGOT_I16:
        return "int16_t";
    case INGOT_U16:
    case INGOT_F16:
    case INGOT_BF16:
        return "uint16_t";
    case INGOT_I32:
        return "int32_t";
    case INGOT_U32:
        return "uint32_t";
    case INGOT_I64:
        return "int64_t";
    case INGOT_U64:
        return "uint64_t";
    case INGOT_STRING:
        return "ingot_string";
    default:
        return "uint8_t";
    }
}

static const char *dl_code(ingot_dtype dtype)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {{kDLInt, "kDLInt"},
                 {kDLUInt, "kDLUInt"},
                 {kDLFloat, "kDLFloat"},
                 {kDLOpaqueHandle, "kDLOpaqueHandle"},
                 {kDLBfloat, "kDLBfloat"},
                 {kDLComplex, "kDLComplex"},
                 {kDLBool, "kDLBool"},
                 {kDLFloat8_e4m3fn, "kDLFloat8_e4m3fn"},
                 {kDLFloat8_e4m3fnuz, "kDLFloat8_e4m3fnuz"},
                 {kDLFloat8_e5m2, "kDLFloat8_e5m2"},
                 {kDLFloat8_e5m2fnuz, "kDLFloat8_e5m2fnuz"},
                 {kDLFloat8_e8m0fnu, "kDLFloat8_e8m0fnu"},
                 {kDLFloat4_e2m1fn, "kDLFloat4_e2m1fn"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].code == ingot_dtype_to_dl(dtype).code)
            return names[i].name;
    }
    return "kDLOpaqueHandle";
}

/* Text from the model inside a comment: it must neither end it nor break the line. */
static void append_quoted(ingot_text *out, const char *text)
{
    for (const char *c = text ? text : ""; *c; c++) {
        if ((*c == '*' && c[1] == '/') || (*c == '/' && c[1] == '*'))
            ingot_text_append(out, "%c ", *c);
        else
            ingot_text_append(out, "%c", (unsigned char)*c < ' ' || *c == 127 || *c == '\\' ? '?' : *c);
    }
}

static void append_shape(const ingot_program *p, const ingot_type *t, ingot_text *out)
{
    ingot_text_append(out, t->rank < 0 ? "[*" : "[");
    for (int32_t d = 0; d < t->rank; d++) {
        ingot_text dim = {0};
        ingot_dim_print(p->module, t->dims[d], &dim);
        ingot_text_append(out, "%s", d ? ", " : "");
        append_quoted(out, dim.data);
        out->failed |= dim.failed;
        ingot_text_free(&dim);
    }
    ingot_text_append(out, "]");
}

static void append_tensors(const ingot_program *p, bool output, ingot_text *out)
{
    static const char *const forms[] = {"", "sequence of ", "optional ", "optional sequence of "};
    const ingot_graph *g = p->module->graphs[0];
    int32_t n = output ? g->n_results : g->n_params;
    ingot_text_append(out, " *\n * %s, in this order:\n", output ? "Outputs" : "Inputs");
    for (int32_t i = 0; i < n; i++) {
        const ingot_value *v = output ? g->results[i] : g->params[i];
        DLDataType dl = ingot_dtype_to_dl(v->type.dtype);
        ingot_text_append(out, " *   %d  ", (int)i);
        append_quoted(out, output ? g->result_names[i] : v->name);
        ingot_text_append(out, "  %s%s ", forms[v->type.form], ingot_dtype_onnx_name(v->type.dtype));
        append_shape(p, &v->type, out);
        if (v->type.form == INGOT_FORM_TENSOR)
            ingot_text_append(out, "  {%s, %d, 1}\n", dl_code(v->type.dtype), (int)dl.bits);
        else
            ingot_text_append(out, "  a box, {kDLOpaqueHandle, 64, 1}\n");
    }
    if (!n)
        ingot_text_append(out, " *   none\n");
}

static bool dim_uses(const ingot_dim *d, int64_t symbol)
{
    while (d->kind != INGOT_DIM_CONST && d->kind != INGOT_DIM_SYMBOL) {
        if (dim_uses(d->a, symbol))
            return true;
        d = d->b;
    }
    return d->kind == INGOT_DIM_SYMBOL && d->value == symbol;
}

static bool interface_uses(const ingot_graph *g, int64_t symbol)
{
    for (int32_t i = 0; i < g->n_params + g->n_results; i++) {
        const ingot_type *t = i < g->n_params ? &g->params[i]->type : &g->results[i - g->n_params]->type;
        for (int32_t d = 0; d < t->rank; d++) {
            if (dim_uses(t->dims[d], symbol))
                return true;
        }
    }
    return false;
}

static void append_symbols(const ingot_program *p, ingot_text *out)
{
    bool any = false;
    for (int32_t s = 0; s < ingot_module_symbol_count(p->module); s++) {
        const ingot_symbol_info *info = ingot_module_symbol(p->module, s);
        if (!interface_uses(p->module->graphs[0], s))
            continue;
        ingot_text_append(out, "%s", any ? "" : " *\n * Sizes that are not fixed:\n");
        any = true;
        ingot_text_append(out, " *   ");
        append_quoted(out, info->name);
        ingot_text_append(out, "  %lld to %lld%s\n", (long long)info->lo, (long long)info->hi,
                          info->from_data ? ", decided by the data" : "");
    }
}

/* A declaration of one tensor in the example: fixed sizes as they are, others at their low end, at least 1. */
static void append_example_tensor(const ingot_program *p, bool output, int32_t i, ingot_text *out)
{
    const ingot_graph *g = p->module->graphs[0];
    const ingot_value *v = output ? g->results[i] : g->params[i];
    const char *variable = output ? "out" : "in";
    int rank = v->type.rank < 0 ? 0 : (int)v->type.rank; /* an unknown one: a scalar is as good as any */
    if (v->type.form != INGOT_FORM_TENSOR) {
        ingot_text_append(out, " *     DLTensor %s%d = ingot_box_to_dl(%s);\n", variable, (int)i,
                          output ? "NULL" : "your_box");
        return;
    }
    ingot_text_append(out, " *     int64_t %s%d_shape[%d] = {", variable, (int)i,
                      output ? INGOT_MAX_RANK
                      : rank ? rank
                             : 1);
    for (int32_t d = 0; d < v->type.rank && !output; d++) {
        int64_t size = v->type.dims[d]->lo;
        ingot_text_append(out, "%s%lld", d ? ", " : "",
                          (long long)(size < 1 && !ingot_dim_is_const(v->type.dims[d]) ? 1 : size));
    }
    ingot_text_append(out, "%s};\n", rank && !output ? "" : "0");
    ingot_text_append(out, " *     DLTensor %s%d = {%s, {kDLCPU, 0}, %d, {%s, %d, 1}, %s%d_shape, NULL, 0};\n",
                      variable, (int)i, output ? "NULL" : "your_data", rank, dl_code(v->type.dtype),
                      (int)ingot_dtype_to_dl(v->type.dtype).bits, variable, (int)i);
}

/* "&in0, &in1, ..." */
static void append_references(const char *variable, int32_t n, ingot_text *out)
{
    for (int32_t i = 0; i < n && i < EXAMPLE_TENSORS; i++)
        ingot_text_append(out, "%s&%s%d", i ? ", " : "", variable, (int)i);
    if (n > EXAMPLE_TENSORS)
        ingot_text_append(out, ", ...");
    if (!n)
        ingot_text_append(out, "NULL");
}

static void append_example(const ingot_program *p, ingot_text *out)
{
    const ingot_graph *g = p->module->graphs[0];
    const char *name = p->name;
    ingot_text_append(
        out,
        " *\n * Example (the sizes are one choice; an output without memory is pointed at memory of the context):\n");
    for (int32_t i = 0; i < g->n_params && i < EXAMPLE_TENSORS; i++)
        append_example_tensor(p, false, i, out);
    for (int32_t i = 0; i < g->n_results && i < EXAMPLE_TENSORS; i++)
        append_example_tensor(p, true, i, out);
    ingot_text_append(out, " *     const DLTensor *inputs[] = {");
    append_references("in", g->n_params, out);
    ingot_text_append(out, "};\n *     DLTensor *outputs[] = {");
    append_references("out", g->n_results, out);
    ingot_text_append(out, "};\n *     %s_context *model = NULL;\n", name);
    ingot_text_append(out, " *     ingot_status error = %s_init(NULL, &model);%s\n", name,
                      p->weights_bytes ? "      // needs the weights, see ingot_init_options" : "");
    ingot_text_append(out, " *     if (!error) error = %s_run(model, inputs, outputs);\n", name);
    if (g->n_results && g->results[0]->type.form != INGOT_FORM_TENSOR)
        ingot_text_append(out, " *     const ingot_box *result = ingot_box_from_dl(&out0);\n");
    else if (g->n_results)
        ingot_text_append(out, " *     const %s *result = out0.data;                     // sizes: out0_shape\n",
                          c_type(g->results[0]->type.dtype));
    ingot_text_append(out, " *     if (error) puts(ingot_status_message(error)), ingot_status_free(error);\n");
    ingot_text_append(out, " *     %s_destroy(model);\n", name);
}

ingot_status ingot_header_write(const ingot_program *program, ingot_text *out)
{
    const char *name = program->name;
    ingot_text_append(out, "/* %s: a model compiled by Ingot. Link %s.a (or %s.so) with -lm -lpthread.\n", name, name,
                      name);
    append_tensors(program, false, out);
    append_tensors(program, true, out);
    append_symbols(program, out);
    append_example(program, out);
    ingot_text_append(out, " */\n#ifndef INGOT_MODEL_");
    for (const char *c = name; *c; c++)
        ingot_text_append(out, "%c", toupper((unsigned char)*c));
    /* upper case may make two names one: the guard has both */
    ingot_text_append(out, "_%s_H\n#define INGOT_MODEL_", name);
    for (const char *c = name; *c; c++)
        ingot_text_append(out, "%c", toupper((unsigned char)*c));
    ingot_text_append(out, "_%s_H\n#include \"ingot/runtime.h\"\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", name);
    ingot_text_append(out, "typedef struct ingot_context %s_context;\n\n", name);
    ingot_text_append(out,
                      "/* Loads the weights, checks the CPU, starts threads. `options` may be null: all defaults. */\n"
                      "ingot_status %s_init(const ingot_init_options *options, %s_context **out_context);\n",
                      name, name);
    ingot_text_append(
        out,
        "/* Runs the model once. Arrays of %d inputs and %d outputs. One context runs once at a time. */\n"
        "ingot_status %s_run(%s_context *context, const DLTensor *const *inputs, DLTensor *const *outputs);\n",
        (int)program->module->graphs[0]->n_params, (int)program->module->graphs[0]->n_results, name, name);
    ingot_text_append(out, "void %s_destroy(%s_context *context); /* null is fine */\n", name, name);
    ingot_text_append(out, "/* Names, types, sizes, memory. */\nconst ingot_model_info *%s_info(void);\n", name);
    ingot_text_append(
        out,
        "/* Memory of a run for these values of the model's symbols (null: lowest); see ingot_model_get_pools. */\n"
        "int32_t %s_pools(const int64_t *symbols, ingot_pool *out_pools, int32_t capacity);\n",
        name);
    ingot_text_append(out, "extern const ingot_model %s_model; /* for the ingot_ functions of the runtime */\n\n",
                      name);
    ingot_text_append(out, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
    return out->failed ? ingot_status_no_memory() : NULL;
}
