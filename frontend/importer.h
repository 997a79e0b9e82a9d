/* The state of one import; private to the walk (import.c, import_graph.c, scope.c, literal.c, builder.c). */
#ifndef INGOT_FRONTEND_IMPORTER_H
#define INGOT_FRONTEND_IMPORTER_H
#include "frontend/import.h"

typedef struct ingot_external_file {
    const char *location;
    int32_t handle;
    int64_t size_bytes;
    struct ingot_external_file *next;
} ingot_external_file;

struct ingot_importer {
    ingot_module *module;
    const ingot_import_options *options;
    ingot_arena scratch;
    ingot_onnx_model model;
    const char *file;     /* for messages */
    const uint8_t *bytes; /* of the model */
    size_t size_bytes;
    int32_t file_handle; /* of the module's files, or -1: literals stay in memory */
    const char *folder;  /* of external data, or null */
    ingot_external_file *external;
    ingot_limits limits;
    ingot_value placeholder; /* result of what failed or is unsupported */
    ingot_op dummy;          /* op handed out after an error */
    ingot_value *dummy_out[4];
    union {
        ingot_attrs_recurrent recurrent;
        ingot_attrs_pool pool;
        ingot_attrs_resize resize;
        ingot_attrs_einsum einsum;
        char bytes[4096];
    } dummy_attrs;
    ingot_text refused; /* nodes that are invalid or not supported, a line each */
    int32_t n_unsupported, n_invalid;
    int64_t nodes_left;
    int32_t depth_left;
    const ingot_onnx_function **function_slots; /* hash table; its size is a power of two */
    size_t n_function_slots;
};
#define INGOT_IMPORT_MAX_OPSETS   1000  /* looked through for each node */
#define INGOT_IMPORT_MAX_CAPTURES 65536 /* of one nested graph */

/* Where a function's body finds its attributes: the node that calls it. */
typedef struct ingot_call_frame {
    const ingot_onnx_function *function;
    const ingot_onnx_node *call;
    struct ingot_call_frame *caller;
} ingot_call_frame;

typedef struct ingot_binding {
    const char *name; /* null: free slot */
    ingot_value *value;
    const ingot_onnx_tensor *tensor; /* initializer not yet made */
    const ingot_onnx_sparse *sparse;
    const DLTensor *given; /* constant of the caller */
} ingot_binding;

typedef struct ingot_region {
    int32_t n_graphs;
    ingot_graph *graphs[2];
    ingot_scope *outer;
    int32_t n_captures, capacity;
    ingot_value **captures, **params[2];
} ingot_region;

struct ingot_scope {
    ingot_scope *parent; /* names not found here are looked up there */
    ingot_graph *graph;
    ingot_region *region; /* null: main graph */
    int32_t region_index;
    ingot_call_frame *frame; /* null: outside functions */
    const ingot_onnx_opset *opsets;
    int32_t n_opsets;
    ingot_binding *slots; /* open addressing; capacity is a power of two */
    size_t n_bound, capacity;
};

ingot_status ingot_scope_make(ingot_importer *im, ingot_scope *parent, ingot_scope **out);
/* Binds a name; a name already bound in this very scope is INGOT_BAD_MODEL. */
ingot_status ingot_scope_define(ingot_importer *im, ingot_scope *scope, ingot_binding binding);
bool ingot_scope_defines(const ingot_scope *scope, const char *name);
/* Initializers of a graph into its scope. */
ingot_status ingot_scope_add_initializers(ingot_importer *im, ingot_scope *scope, const ingot_onnx_graph *graph);

/* Makes the model's functions known by name. */
ingot_status ingot_import_index_functions(ingot_importer *im);
/* Imports a list of nodes into the scope's graph. */
ingot_status ingot_import_nodes(ingot_importer *im, ingot_scope *scope, int32_t n_nodes, const ingot_onnx_node *nodes);
/* Version of the operator set of that domain; 0 when the model does not import it. */
int64_t ingot_scope_opset(const ingot_scope *scope, const char *domain);
/* Text of a type as messages show it: f32[batch,3]. */
void ingot_type_describe(const ingot_module *m, const ingot_type *type, ingot_text *out);

/* A constant of a TensorProto at the end of `graph`. */
ingot_status ingot_literal_make(ingot_importer *im, ingot_graph *graph, const ingot_onnx_tensor *tensor,
                                const char *loc, ingot_value **out);
ingot_status ingot_literal_make_sparse(ingot_importer *im, ingot_graph *graph, const ingot_onnx_sparse *sparse,
                                       const char *loc, ingot_value **out);
ingot_status ingot_literal_make_given(ingot_importer *im, ingot_graph *graph, const DLTensor *tensor, const char *name,
                                      ingot_value **out);
/* Element type and sizes, checked; out->data stays null. Returns the dense size in `out_bytes`. */
ingot_status ingot_literal_shape(const ingot_onnx_tensor *tensor, int64_t max_bytes, ingot_tensor *out,
                                 int64_t *out_bytes);
/* Dense data: raw bytes as they lie in the file (any alignment) or typed fields converted into `arena`; texts always in
 * `arena`. Not for external data. */
ingot_status ingot_literal_data(ingot_arena *arena, const ingot_onnx_tensor *tensor, const ingot_tensor *shape,
                                int64_t size_bytes, const void **out_data);
/* Maps a regular file to read and lends its descriptor, which the caller closes; an empty file maps nothing
 * (inspect.c). */
ingot_status ingot_file_map(const char *path, int *out_fd, const void **out_bytes, size_t *out_size);
/* Opens external data beside the model, safely (external.c). */
ingot_status ingot_external_open(ingot_importer *im, const ingot_onnx_tensor *tensor, int64_t need_bytes,
                                 int32_t *out_handle, const char **out_path, int64_t *out_offset);
#endif
