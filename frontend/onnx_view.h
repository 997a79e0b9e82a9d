/* ONNX's messages as C structs: names are copies in an arena, bulk data stays where it lies in the file.
 *
 * The tree is made in one go, with limits on depth and on the number of nodes. Absent fields are zero, null or empty.
 */
#ifndef INGOT_FRONTEND_ONNX_VIEW_H
#define INGOT_FRONTEND_ONNX_VIEW_H
#include "ir/ir.h"

/* onnx.proto, AttributeProto.AttributeType */
typedef enum {
    INGOT_ONNX_UNDEFINED,
    INGOT_ONNX_FLOAT,
    INGOT_ONNX_INT,
    INGOT_ONNX_STRING,
    INGOT_ONNX_TENSOR,
    INGOT_ONNX_GRAPH,
    INGOT_ONNX_FLOATS,
    INGOT_ONNX_INTS,
    INGOT_ONNX_STRINGS,
    INGOT_ONNX_TENSORS,
    INGOT_ONNX_GRAPHS,
    INGOT_ONNX_SPARSE_TENSOR,
    INGOT_ONNX_SPARSE_TENSORS,
    INGOT_ONNX_TYPE,
    INGOT_ONNX_TYPES
} ingot_onnx_attr_type;

typedef struct ingot_span_view {
    const uint8_t *data;
    size_t size;
} ingot_span_view;

typedef struct ingot_onnx_tensor {
    const char *name; /* "" when it has none */
    int32_t dtype;    /* TensorProto.DataType: not checked yet */
    int32_t n_dims;
    int64_t *dims;
    bool has_raw, external;
    ingot_span_view raw;                    /* raw_data */
    ingot_span_view body;                   /* the whole message: typed fields are read from it when wanted */
    const char *location, *offset, *length; /* external data; null when absent */
} ingot_onnx_tensor;

typedef struct ingot_onnx_sparse {
    ingot_onnx_tensor *values, *indices; /* null when absent */
    int32_t n_dims;
    int64_t *dims;
} ingot_onnx_sparse;

typedef struct ingot_onnx_graph ingot_onnx_graph;
struct ingot_onnx_value;
typedef struct ingot_onnx_attr {
    const char *name, *ref; /* ref: name of the attribute of the enclosing function, or null */
    int32_t type;
    double f;
    int64_t i;
    ingot_string s;
    ingot_onnx_tensor *t;
    ingot_onnx_sparse *sparse;
    ingot_onnx_graph *g;
    struct ingot_onnx_value *tp; /* TYPE; without a name */
    int32_t n;                   /* of the one list that is there */
    double *floats;
    int64_t *ints;
    ingot_string *strings;
} ingot_onnx_attr;

typedef struct ingot_onnx_node {
    const char *name, *op_type, *domain, *overload; /* "" when absent; domain "ai.onnx" is "" */
    int32_t n_in, n_out, n_attrs;
    const char **in, **out;
    ingot_onnx_attr *attrs;
} ingot_onnx_node;

typedef struct ingot_onnx_dim {
    int64_t value;     /* -1: not given */
    const char *param; /* null: not given */
} ingot_onnx_dim;

typedef struct ingot_onnx_value {
    const char *name;
    const char *kind; /* null: what `form` says; else what no form stands for: "map", "sparse tensor", ... */
    ingot_form form;
    int32_t dtype; /* of sequences and optionals: of the tensors inside */
    int32_t rank;  /* -1: no shape, or not a tensor */
    ingot_onnx_dim *dims;
    int32_t inner_rank; /* of the tensors inside sequences and optionals; -1: no shape */
} ingot_onnx_value;

struct ingot_onnx_graph {
    const char *name;
    int32_t n_nodes, n_initializers, n_sparse, n_in, n_out;
    ingot_onnx_node *nodes;
    ingot_onnx_tensor *initializers;
    ingot_onnx_sparse *sparse;
    ingot_onnx_value *in, *out;
};

typedef struct ingot_onnx_opset {
    const char *domain;
    int64_t version;
} ingot_onnx_opset;

typedef struct ingot_onnx_function {
    const char *name, *domain, *overload;
    int32_t n_in, n_out, n_required, n_defaults, n_nodes, n_opsets;
    const char **in, **out, **required; /* required: attributes without a default */
    ingot_onnx_attr *defaults;
    ingot_onnx_node *nodes;
    ingot_onnx_opset *opsets;
} ingot_onnx_function;

typedef struct ingot_onnx_model {
    int64_t ir_version;
    const char *producer, *producer_version;
    ingot_onnx_graph *graph; /* never null */
    int32_t n_opsets, n_functions;
    ingot_onnx_opset *opsets;
    ingot_onnx_function *functions;
} ingot_onnx_model;

/* Reads a ModelProto. `bytes` stay in use. Errors: INGOT_BAD_MODEL "not an ONNX model: why", INGOT_LIMIT. */
ingot_status ingot_onnx_read_model(const void *bytes, size_t size, const ingot_limits *limits, ingot_arena *arena,
                                   ingot_onnx_model *out);
/* Values that stand alone in a file (test data). */
typedef struct ingot_onnx_boxed {
    ingot_onnx_tensor *tensor;         /* or null */
    struct ingot_onnx_boxed *elements; /* of a sequence; of an optional: one or none */
    int64_t count;
} ingot_onnx_boxed;
/* Reads a TensorProto, SequenceProto or OptionalProto that stands alone, as the form says. */
ingot_status ingot_onnx_read_boxed(const void *bytes, size_t size, ingot_form form, ingot_arena *arena,
                                   ingot_onnx_boxed *out);
/* Reads a TensorProto that stands alone. */
ingot_status ingot_onnx_read_tensor(const void *bytes, size_t size, ingot_arena *arena, ingot_onnx_tensor *out);
#endif
