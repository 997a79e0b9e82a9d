/* What an importer of an ONNX operator works with: the node, its operands and attributes, and helpers that emit IR.
 *
 * An importer is one function and one row of onnx.def. It reads attributes and operands, emits ops, and stores the
 * results in n->out. Errors stick to the node: after the first, attributes read as their defaults and emitters return a
 * harmless placeholder, so that importers are straight lines; the walk looks at n->error once the importer is back.
 *
 *     void ingot_import_softsign(ingot_node *n) // x / (1 + |x|)
 *     {
 *         ingot_value *x = n->in[0], *one = ingot_splat_like(n, x, 1);
 *         ingot_value *below = ingot_emit2(n, INGOT_OP_add, ingot_emit1(n, INGOT_OP_abs, x), one);
 *         n->out[0] = ingot_emit2(n, INGOT_OP_div, x, below);
 *     }
 */
#ifndef INGOT_FRONTEND_IMPORT_H
#define INGOT_FRONTEND_IMPORT_H
#include "frontend/frontend.h"
#include "frontend/onnx_view.h"

typedef struct ingot_importer ingot_importer;
typedef struct ingot_scope ingot_scope;
typedef struct ingot_node ingot_node;
typedef void ingot_import_fn(ingot_node *n);

/* A row of onnx.def. */
typedef struct ingot_onnx_row {
    const char *domain, *op_type;
    int16_t since;
    int16_t in_lo, in_hi, out_lo, out_hi; /* hi -1: any number */
    ingot_import_fn *import;
    int32_t arg;
    const char *importer; /* name of `import` */
} ingot_onnx_row;

struct ingot_node {
    ingot_importer *im;
    ingot_scope *scope;
    ingot_module *m;
    ingot_graph *graph;
    const ingot_onnx_node *view;
    int64_t opset;
    int32_t arg; /* of the row */
    const char *loc;
    int32_t n_in, n_out;
    ingot_value **in;  /* left-out operands are null; entries up to row.in_hi (or the given count) may be read */
    ingot_value **out; /* to fill; at least 4 entries */
    ingot_status error;
};

/* ---- Refusing (import_graph.c): the first call counts; inputs and shapes are added by the walk ---- */
/* Code INGOT_BAD_MODEL for what breaks ONNX's rules. */
void ingot_node_bad(ingot_node *n, const char *format, ...) INGOT_PRINTF(2, 3);
/* Code INGOT_UNSUPPORTED for what is valid; the text says which rule is broken and what would work. */
void ingot_node_unsupported(ingot_node *n, const char *format, ...) INGOT_PRINTF(2, 3);
/* Keeps the status as the node's error, unless there is one. True when all is well. */
bool ingot_node_check(ingot_node *n, ingot_status status);

/* ---- Attributes (operands.c): the default when absent; another type than expected is an error of the node ---- */
const ingot_onnx_attr *ingot_attr_find(ingot_node *n, const char *name, int32_t type);
bool ingot_attr_has(ingot_node *n, const char *name);
int64_t ingot_attr_int(ingot_node *n, const char *name, int64_t absent);
double ingot_attr_float(ingot_node *n, const char *name, double absent);
/* A null-terminated copy. */
const char *ingot_attr_text(ingot_node *n, const char *name, const char *absent);
/* At most INGOT_MAX_INTS numbers; false when absent. */
bool ingot_attr_ints(ingot_node *n, const char *name, ingot_ints *out);
/* The index of the attribute's text among `names` (null-terminated list); an error when it is none of them. */
int32_t ingot_attr_choice(ingot_node *n, const char *name, const char *absent, const char *const *names);

/* ---- What is known of operands at compile time (operands.c) ---- */
/* Every element of a constant as double; false (and no error) when `v` is null or not constant. `out_data` lives as
 * long as the import. */
bool ingot_known_floats(ingot_node *n, const ingot_value *v, int64_t *out_count, const double **out_data);
bool ingot_known_ints(ingot_node *n, const ingot_value *v, ingot_ints *out);
bool ingot_known_float(ingot_node *n, const ingot_value *v, double *out);
/* A list whose length the operator prescribes: where the length is a symbol, a run checks it and it counts as known
 * from here on. */
ingot_value *ingot_list_of(ingot_node *n, ingot_value *v, int64_t count);
/* A value of one element as a scalar: a list of unknown length is checked by the run. Others stay as they are. */
ingot_value *ingot_scalar_of(ingot_node *n, ingot_value *v);
/* The elements of a rank 0 or 1 integer tensor as sizes, at most INGOT_MAX_CONTENT. Those not known while compiling
 * become fresh symbols in [lo, hi] defined by a bind_dims. An error when even their number is unknown. */
int32_t ingot_operand_dims(ingot_node *n, ingot_value *v, int64_t lo, int64_t hi,
                           const ingot_dim *out[INGOT_MAX_CONTENT]);
/* The same without binding: false when an element is unknown. */
bool ingot_known_dims(ingot_node *n, const ingot_value *v, int32_t *out_count, const ingot_dim *out[INGOT_MAX_CONTENT]);
/* `axis` in [-rank, rank) made non-negative; else an error of the node, and 0. */
int32_t ingot_node_axis(ingot_node *n, int64_t axis, int32_t rank);
/* Whether the inputs of those numbers (a list that ends with -1) are there; else an error of the node. For operators
 * whose optional inputs lie between required ones. */
bool ingot_node_needs(ingot_node *n, const int32_t *inputs);
/* Checked, sorted, without duplicates. */
void ingot_node_axes(ingot_node *n, ingot_ints *axes, int32_t rank);
/* Rank of an operand, at least `lo`; an error of the node and `lo` otherwise. */
int32_t ingot_node_rank(ingot_node *n, const ingot_value *v, int32_t lo);
static inline const ingot_dim *ingot_dim_of(const ingot_value *v, int32_t axis)
{
    return v->type.dims[axis];
}
const ingot_dim *ingot_const_dim(ingot_node *n, int64_t value);

/* ---- Emitting (builder.c) ---- */
/* A new op at the end of the graph; fill its attributes, then finish it: shape rule, folding of small constants. Never
 * null. */
ingot_op *ingot_emit_begin(ingot_node *n, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, int32_t n_out);
void ingot_emit_sym(ingot_node *n, ingot_op *op, int32_t n_sym, const ingot_dim *const *sym);
ingot_value *ingot_emit_end(ingot_node *n, ingot_op *op);
ingot_value *ingot_emit1(ingot_node *n, ingot_op_kind kind, ingot_value *a);
ingot_value *ingot_emit2(ingot_node *n, ingot_op_kind kind, ingot_value *a, ingot_value *b);
ingot_value *ingot_emit3(ingot_node *n, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value *c);
/* Constants: a scalar; one of the same element type; a list of numbers. */
ingot_value *ingot_splat(ingot_node *n, ingot_dtype dtype, double value);
ingot_value *ingot_splat_like(ingot_node *n, const ingot_value *like, double value);
ingot_value *ingot_splat_shaped(ingot_node *n, ingot_dtype dtype, int32_t rank, const ingot_dim *const *dims,
                                double value);
ingot_value *ingot_ints_value(ingot_node *n, int32_t count, const int64_t *values);
/* An i64 tensor [count] of sizes; a scalar for count -1. */
ingot_value *ingot_dims_value(ingot_node *n, int32_t count, const ingot_dim *const *dims);
/* Shape changes; nothing is emitted where nothing changes. */
ingot_value *ingot_reshape(ingot_node *n, ingot_value *v, int32_t rank, const ingot_dim *const *dims);
ingot_value *ingot_broadcast(ingot_node *n, ingot_value *v, int32_t rank, const ingot_dim *const *dims);
ingot_value *ingot_transpose(ingot_node *n, ingot_value *v, const int64_t *perm);
ingot_value *ingot_unsqueeze(ingot_node *n, ingot_value *v, int32_t axis);
ingot_value *ingot_squeeze(ingot_node *n, ingot_value *v, int32_t axis);
/* v [C] as [C, 1, 1, ...] so that it lies along axis 1 of a tensor of that rank. */
ingot_value *ingot_along_channels(ingot_node *n, ingot_value *v, int32_t rank);
/* [N, ..., C] as [N, C, ...], or back. */
ingot_value *ingot_move_channels(ingot_node *n, ingot_value *v, bool to_front);
/* `count` elements along one axis from `start`. */
ingot_value *ingot_slice(ingot_node *n, ingot_value *v, int32_t axis, const ingot_dim *start, const ingot_dim *count);
ingot_value *ingot_concat(ingot_node *n, int32_t count, ingot_value *const *in, int32_t axis);
ingot_value *ingot_cast(ingot_node *n, ingot_value *v, ingot_dtype to);
/* Where each text of input 0 stands in a list attribute (import_string.c); others: -1 for those that do not, else they
 * are errors of the run. */
ingot_value *ingot_places_of_texts(ingot_node *n, const char *attr, bool others, int64_t *out_count);
/* Between floats and integers (import_quantize.c). The scale is a number or one for each entry of `axis`; the zero
 * point of dequantize may be null. */
ingot_value *ingot_dequantize(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *zero, int32_t axis);
ingot_value *ingot_quantize(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *zero, int32_t axis);
/* Numbers of import_random.c, uniform in [a, b) or normal; without a seed attribute, of a seed of the node's own. */
ingot_value *ingot_random(ingot_node *n, ingot_random_kind kind, ingot_dtype dtype, int32_t rank,
                          const ingot_dim *const *dims, double a, double b);
/* axes null: all. */
ingot_value *ingot_reduce(ingot_node *n, ingot_value *v, ingot_reduce_kind kind, const ingot_ints *axes, bool keepdims);
ingot_value *ingot_softmax(ingot_node *n, ingot_value *v, int32_t axis, bool log);
/* NumPy's matmul, vectors included. */
ingot_value *ingot_matmul(ingot_node *n, ingot_value *a, ingot_value *b, bool trans_a, bool trans_b);
/* pads: low of all axes, then high. */
ingot_value *ingot_pad(ingot_node *n, ingot_value *v, ingot_pad_mode mode, ingot_value *fill,
                       const ingot_dim *const *pads);
ingot_value *ingot_clamp(ingot_node *n, ingot_value *v, double lo, double hi);
/* The number nearest to minus or plus infinity that the type has. */
ingot_value *ingot_lowest_like(ingot_node *n, const ingot_value *like);

/* ---- Axes that only a run knows (axes.c) ---- */
/* The axes when they are known, an empty list included. */
bool ingot_axes_known(ingot_node *n, ingot_value *axes, ingot_ints *out);
/* Their number when that is known; else an error of the node, and 0. */
int32_t ingot_axes_count(ingot_node *n, const ingot_value *axes);
/* An i64 list [rank]: numbers[k] at axes[k], 0 elsewhere. Both are i64 lists. */
ingot_value *ingot_spread_along_axes(ingot_node *n, ingot_value *axes, ingot_value *numbers, int32_t rank);
ingot_value *ingot_unsqueeze_by(ingot_node *n, ingot_value *x, ingot_value *axes);
ingot_value *ingot_squeeze_by(ingot_node *n, ingot_value *x, ingot_value *axes);

/* ---- Names and nested graphs (scope.c, import_graph.c) ---- */
/* The value of that name as seen from the scope: constants are made where they are wanted, values of outer graphs
 * become captures. An undefined name is an error of the node. */
ingot_value *ingot_scope_get(ingot_node *n, ingot_scope *scope, const char *name);
/* A scope for a nested graph that becomes part of the node's own graph. */
ingot_scope *ingot_scope_inline(ingot_node *n);
/* One region of a control-flow op: `graph` gets a parameter for each captured value. Regions of an `if` share their
 * captures: pass the first region's scope for the second. */
ingot_scope *ingot_scope_region(ingot_node *n, ingot_graph *graph, ingot_scope *shares);
ingot_graph *ingot_scope_graph(const ingot_scope *scope);
/* Captured values of the enclosing graph, in the order of the parameters. */
int32_t ingot_scope_captures(const ingot_scope *scope, ingot_value *const **out);
void ingot_scope_bind(ingot_node *n, ingot_scope *scope, const char *name, ingot_value *value);
/* Imports the nodes of a nested graph and looks up its outputs. */
void ingot_import_body(ingot_node *n, ingot_scope *scope, const ingot_onnx_graph *body, ingot_value **out);

/* ---- Tensors of the file (literal.c) ---- */
ingot_value *ingot_tensor_value(ingot_node *n, const ingot_onnx_tensor *tensor);
ingot_value *ingot_sparse_value(ingot_node *n, const ingot_onnx_sparse *sparse);
/* Texts as a list, or a scalar. */
ingot_value *ingot_texts_value(ingot_node *n, int32_t count, const ingot_string *texts, bool list);
/* A boxed value as a plain one (import_boxed.c): of known rank, with sizes that the run decides. Plain values stay; one
 * of unknown rank is an error of the node. */
ingot_value *ingot_unbox(ingot_node *n, ingot_value *v);
/* The same for what must have one element: a scalar. */
ingot_value *ingot_unbox_scalar(ingot_node *n, ingot_value *v);
/* A plain value as a boxed one. */
ingot_value *ingot_box_value(ingot_node *n, ingot_value *v);
/* A node with boxed operands by the importer of its row: through boxed ops, or with its operands unboxed. */
void ingot_import_with_boxes(ingot_node *n, const ingot_onnx_row *row);
/* Whether each element of the results comes from those at its place in the operands. */
bool ingot_import_is_elementwise(ingot_import_fn *import);
/* Whether a row's operator also has an importer that makes boxed ops, and that importer. */
bool ingot_has_boxed_form(const ingot_onnx_row *row);
void ingot_import_boxed(ingot_node *n, const ingot_onnx_row *row);
/* What stands for the results of unsupported nodes, which are listed all together in the end. */
bool ingot_is_placeholder(const ingot_node *n, const ingot_value *v);
ingot_value *ingot_placeholder(ingot_node *n);

#define ONNX(domain, name, since, in_lo, in_hi, out_lo, out_hi, import, arg) ingot_import_fn ingot_import_##import;
#include "frontend/onnx.def"
#undef ONNX
#endif
