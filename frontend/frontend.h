/* From ONNX bytes to a module of the IR.
 *
 * The reader is our own: a bounded protobuf wire reader (wire.c) with zero-copy views (onnx_view.c), a table of
 * operators (onnx.def, one row per ONNX operator and opset range) and one importer file per family. Input is untrusted:
 * every size is checked, depth and counts are limited, external data never leaves the model's folder.
 *
 * Initializers become literals that refer to the file (INGOT_LITERAL_FILE); sizes known by name become symbols; small
 * integer tensors (Shape, Gather of it, arithmetic...) are followed as symbolic contents, so that exported shape
 * arithmetic turns into size expressions.
 *
 *     ingot_import_options o = {.struct_size = sizeof o};
 *     INGOT_TRY(ingot_import_file("model.onnx", &o, &module));
 */
#ifndef INGOT_FRONTEND_H
#define INGOT_FRONTEND_H
#include "ir/ir.h"

/* Fixes or bounds sizes by hand. */
typedef struct ingot_dim_option {
    const char *name; /* symbol (dim_param), or input name when n_dims >= 0 */
    int64_t lo, hi;   /* --dim batch=1:64; lo == hi pins */
    int32_t n_dims;   /* --shape x=1x3x224x224: the sizes of input `name`, -1 entries stay; else -1 */
    int64_t dims[INGOT_MAX_RANK];
} ingot_dim_option;

/* A constant given by the caller for an initializer or input of that name, borrowed until the module goes. */
typedef struct ingot_named_tensor {
    const char *name;
    const DLTensor *tensor;
} ingot_named_tensor;

typedef struct ingot_import_options {
    size_t struct_size;
    const ingot_dim_option *dims;
    int32_t n_dims;
    const ingot_named_tensor *constants;
    int32_t n_constants;
    ingot_limits limits;
    const char *file; /* name for messages when importing from memory; external data is looked up beside it */
} ingot_import_options;

ingot_status ingot_import_file(const char *path, const ingot_import_options *options, ingot_module **out);
/* `bytes` are borrowed until the module goes. */
ingot_status ingot_import_memory(const void *bytes, size_t size, const ingot_import_options *options,
                                 ingot_module **out);

/* Reads a TensorProto file (test_data_set_0/input_0.pb) into `arena`. */
ingot_status ingot_read_tensor_pb(const char *path, ingot_arena *arena, ingot_tensor *out);

/* Reads a SequenceProto or an OptionalProto file, as the form says, into boxes of the heap. Tensors inside must be of
 * the element type. */
ingot_status ingot_read_box_pb(const char *path, ingot_form form, ingot_dtype dtype, ingot_heap *heap, ingot_box **out);

/* Row `i` of the operators that the importer knows, in the order of onnx.def; null past the last. An operator has a row
 * for each opset from which on it is read differently. */
typedef struct ingot_onnx_operator {
    const char *domain, *name; /* "" is ai.onnx */
    int32_t since;
    int32_t in_lo, in_hi, out_lo, out_hi; /* hi -1: any number */
    bool elementwise;
    const char *importer; /* name of the function: what explains its limits */
} ingot_onnx_operator;
bool ingot_onnx_operator_get(int32_t i, ingot_onnx_operator *out);

/* What `ingot info` shows, straight from the file. */
typedef struct ingot_onnx_summary {
    const char *producer, *graph_name;
    int64_t ir_version;
    int32_t n_opsets, n_nodes, n_functions;
    const char **opset_domains;
    int64_t *opset_versions;
    int32_t n_op_types;
    const char **op_types; /* "Conv", "com.microsoft.Gelu", sorted */
    int64_t *op_counts;
} ingot_onnx_summary;
ingot_status ingot_onnx_summarize(const char *path, ingot_arena *arena, ingot_onnx_summary *out);
#endif
