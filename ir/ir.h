/* The intermediate representation: modules of graphs of ops and values, symbolic sizes, text form.
 *
 * All of a module lives in one arena and goes with it; pointers are stable. Ops of a graph form a list in execution
 * order. Every op has an id that survives passes. The text form is MLIR's generic syntax in the dialect `ingot`;
 * printing and reading are exact inverses.
 *
 *     ingot_module *m;
 *     INGOT_TRY(ingot_module_create(&limits, &m));
 *     ingot_graph *g = ingot_module_add_graph(m, "main");
 *     const ingot_dim *n = ingot_symbol(m, "batch", 1, 64);
 *     ingot_type t = ingot_type_make(INGOT_F32, 2, (const ingot_dim *[]){n, ingot_dim_const(m, 768)});
 *     ingot_value *x = ingot_graph_add_input(g, "x", &t);
 *     ingot_op *op;
 *     INGOT_TRY(ingot_graph_add_op(g, NULL, INGOT_OP_relu, 1, &x, 1, &op));
 *     INGOT_TRY(ingot_op_infer(op));                      // result types by the op's shape rule
 *     INGOT_TRY(ingot_graph_add_output(g, "y", op->out[0]));
 *     ingot_module_destroy(m);
 */
#ifndef INGOT_IR_H
#define INGOT_IR_H
#include "runtime/arena.h"
#include "runtime/attrs.h"
#include "runtime/box.h"
#include "runtime/portable.h"
#include "runtime/prog.h"
#include <stdbool.h>

typedef struct ingot_module ingot_module;
typedef struct ingot_graph ingot_graph;
typedef struct ingot_op ingot_op;
typedef struct ingot_value ingot_value;

/* ---- Symbolic sizes (ir/dim.c)
 * ----------------------------------------------------------------------------------------------- Immutable, interned
 * in the module: equal expressions are equal pointers. Canonical form: a sum of products with sorted factors and
 * integer coefficients; floordiv, mod, min, max of canonical parts; ranges are propagated, and used to simplify
 * ((x*4)/4, max(x, 1) with x >= 1). Integers are int64; an operation that overflows gives an expression that is not
 * constant, and range ends saturate. */
typedef enum {
    INGOT_DIM_CONST,
    INGOT_DIM_SYMBOL,
    INGOT_DIM_ADD,
    INGOT_DIM_MUL,
    INGOT_DIM_FLOORDIV,
    INGOT_DIM_MOD,
    INGOT_DIM_MIN,
    INGOT_DIM_MAX
} ingot_dim_kind;
typedef struct ingot_dim {
    ingot_dim_kind kind;
    uint32_t id;                   /* creation order: deterministic */
    int64_t value;                 /* CONST: the number; SYMBOL: index into the module's symbols */
    const struct ingot_dim *a, *b; /* n-ary sums and products are right-leaning chains */
    int64_t lo, hi;                /* range, inclusive */
} ingot_dim;

typedef struct ingot_symbol_info {
    const char *name;
    int64_t lo, hi;
    bool from_data; /* set while running (bind_dims, ops with trait S), not by the shapes of inputs */
    const struct ingot_dim
        *bound; /* from_data: a size that it never exceeds, of symbols set before it; null: only hi */
} ingot_symbol_info;

#define INGOT_DIM_MAX_VALUE ((int64_t)1 << 31) /* default upper end of an undeclared symbol */
const ingot_dim *ingot_dim_const(ingot_module *m, int64_t value);
/* The symbol of that name; created with the range if new (else the ranges are intersected by ingot_symbol_restrict
 * only). */
const ingot_dim *ingot_symbol(ingot_module *m, const char *name, int64_t lo, int64_t hi);
const ingot_dim *ingot_symbol_fresh(ingot_module *m, const char *prefix, int64_t lo, int64_t hi, bool from_data);
const ingot_dim *ingot_dim_add(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_sub(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_mul(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_floordiv(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_ceildiv(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_mod(ingot_module *m, const ingot_dim *a, const ingot_dim *b); /* sign of the divisor */
const ingot_dim *ingot_dim_min(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_max(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
/* The size of the broadcast of two sizes of which only a run knows whether they are equal or one of them is 1: symbols
 * of inputs, or broadcasts of such (ir/dim_broadcast.c). Null for others: those must be equal, unless one is fixed
 * at 1. */
const ingot_dim *ingot_dim_broadcast(ingot_module *m, const ingot_dim *a, const ingot_dim *b);
const ingot_dim *ingot_dim_round_up(ingot_module *m, const ingot_dim *a, int64_t multiple);
/* Size functions return a stand-in when they meet a limit; this reports (and clears) that. */
INGOT_MUST_USE ingot_status ingot_dims_check(ingot_module *m);
static inline bool ingot_dim_is_const(const ingot_dim *d)
{
    return d->kind == INGOT_DIM_CONST;
}
static inline bool ingot_dim_is(const ingot_dim *d, int64_t v)
{
    return d->kind == INGOT_DIM_CONST && d->value == v;
}
/* Value with symbols[i] for symbol i; INT64_MIN on overflow or division by zero. */
int64_t ingot_dim_eval(const ingot_dim *d, const int64_t *symbols);
/* A value for what only a run knows: what layouts and kernels are chosen for. Symbols that stand first in an input of
 * several dims are 1 (one image), all others 256, within their ranges. INT64_MIN as above. */
int64_t ingot_dim_typical(const ingot_module *m, const ingot_dim *d);
/* `d` with the given symbol replaced. */
const ingot_dim *ingot_dim_substitute(ingot_module *m, const ingot_dim *d, int64_t symbol, const ingot_dim *by);
/* A size that `d` never exceeds, without symbols that the data decides: these count at their bounds (ir/dim_bound.c).
 * Not small when nothing better than a range is known: up to INT64_MAX. */
const ingot_dim *ingot_dim_upper(ingot_module *m, const ingot_dim *d);
/* Whether the size mentions a symbol that the data decides. */
bool ingot_dim_is_from_data(const ingot_module *m, const ingot_dim *d);
/* "4", "batch", "seq * 2 + 1", "floordiv(seq, 2)"; the reader takes the same. */
void ingot_dim_print(const ingot_module *m, const ingot_dim *d, ingot_text *out);
ingot_status ingot_dim_parse(ingot_module *m, const char *text, size_t size, const ingot_dim **out);
int32_t ingot_module_symbol_count(const ingot_module *m);
const ingot_symbol_info *ingot_module_symbol(const ingot_module *m, int32_t index);
const ingot_dim *ingot_module_symbol_dim(const ingot_module *m, int32_t index); /* the size that it is */
/* Intersects a symbol's range (already interned expressions keep their wider ranges). */
ingot_status ingot_symbol_restrict(ingot_module *m, int32_t index, int64_t lo, int64_t hi);
/* Replaces symbol `index` by a number everywhere in the module (types, sym lists, contents): pins a dynamic size. */
ingot_status ingot_module_pin_symbol(ingot_module *m, int32_t index, int64_t value);

/* A fact that shapes rely on but that only a run can check: for the main graph on entry, or when the data has decided
 * its sizes; for a region whenever that runs. */
typedef enum { INGOT_CHECK_EQUAL, INGOT_CHECK_EQUAL_OR_ONE, INGOT_CHECK_DIVIDES } ingot_check_kind;
typedef struct ingot_check {
    ingot_check_kind kind;
    const ingot_dim *a, *b; /* a == b; a == b or a == 1 or b == 1; a divides b */
    const char *message;    /* names the op and the dims */
    const struct ingot_graph *graph;
    struct ingot_check *next;
} ingot_check;
ingot_status ingot_module_require(ingot_module *m, ingot_check_kind kind, const ingot_dim *a, const ingot_dim *b,
                                  const ingot_op *op);

/* ---- Types
 * ------------------------------------------------------------------------------------------------------------------ */
typedef enum {
    INGOT_LAYOUT_PLAIN,
    INGOT_LAYOUT_C16 /* [N][ceil(C/16)][spatial...][16], channels past C hold zero */
} ingot_layout;
/* A type of rank -1 is boxed: a tensor of any rank, a sequence or an optional (runtime/box.h). Only ops with a row in
 * runtime/boxed.def, identity and control flow take boxed operands. */
typedef struct ingot_type {
    ingot_dtype dtype; /* of sequences and optionals: of the tensors inside */
    int32_t rank;      /* -1: boxed */
    const ingot_dim *dims[INGOT_MAX_RANK];
    ingot_layout layout;
    ingot_form form;
    int32_t inner_rank; /* boxed: rank of the tensors inside where it is known, INGOT_RANK_UNKNOWN, INGOT_RANK_NONE */
} ingot_type;
#define INGOT_RANK_UNKNOWN (-1)
#define INGOT_RANK_NONE    (-2) /* nothing is inside: joins with any rank */
ingot_type ingot_type_boxed(ingot_dtype dtype, ingot_form form, int32_t inner_rank);
static inline bool ingot_type_is_boxed(const ingot_type *t)
{
    return t->rank < 0;
}
/* Rank of a tensor, boxed or not; INGOT_RANK_UNKNOWN. */
int32_t ingot_type_rank(const ingot_type *t);
/* What is known of the rank when a value has either of two. */
int32_t ingot_rank_join(int32_t a, int32_t b);
ingot_type ingot_type_make(ingot_dtype dtype, int32_t rank, const ingot_dim *const *dims);
ingot_type ingot_type_static(ingot_module *m, ingot_dtype dtype, int32_t rank, const int64_t *dims);
/* Boxed types are equal whatever is known of the rank inside. */
bool ingot_type_equal(const ingot_type *a, const ingot_type *b);
bool ingot_type_is_static(const ingot_type *t);
/* Elements if static, else -1. */
int64_t ingot_type_count(const ingot_type *t);
/* What a size counts as where one number has to stand for it: its low end, at least 1. */
static inline int64_t ingot_dim_least(const ingot_dim *d)
{
    return d->lo > 1 ? d->lo : 1;
}
const ingot_dim *ingot_type_count_dim(ingot_module *m, const ingot_type *t);
void ingot_type_print(const ingot_module *m, const ingot_type *t, ingot_text *out); /* tensor<?x3xf32, ["batch"]> */

/* ---- Constants
 * --------------------------------------------------------------------------------------------------------------- */
typedef enum { INGOT_LITERAL_MEMORY, INGOT_LITERAL_SPLAT, INGOT_LITERAL_FILE } ingot_literal_kind;
typedef struct ingot_literal {
    ingot_literal_kind kind;
    const void
        *data; /* MEMORY: borrowed or in the arena, dense; SPLAT: one element; STRING data: array of ingot_string */
    int64_t size_bytes;  /* of the dense form */
    const char *file;    /* FILE: path as opened */
    int32_t file_handle; /* FILE: index of ingot_module_add_file */
    int64_t file_offset;
} ingot_literal;
/* Dense bytes of a literal: lends memory where it can, else reads or expands into `arena`. */
ingot_status ingot_literal_get_data(ingot_module *m, const ingot_literal *lit, ingot_dtype dtype, ingot_arena *arena,
                                    const void **out);
/* A file that literals may refer to; the module owns the descriptor. */
ingot_status ingot_module_add_file(ingot_module *m, int fd, const char *path, int64_t size_bytes, int32_t *out_handle);

/* ---- Ops and values
 * ---------------------------------------------------------------------------------------------------------- */
typedef enum ingot_op_kind {
#define SCALAR_OP(name, arity, result)                                         INGOT_OP_##name,
#define OP(name, in_lo, in_hi, out_lo, out_hi, attrs, shape, portable, traits) INGOT_OP_##name,
#include "ir/ops.def"
#undef SCALAR_OP
#undef OP
    INGOT_OP_COUNT
} ingot_op_kind;

struct ingot_value {
    uint32_t id; /* unique in the module */
    ingot_type type;
    ingot_op *def;     /* null: graph parameter */
    int32_t def_index; /* result or parameter number */
    ingot_graph *graph;
    const char *name;                  /* of the model, or null */
    struct ingot_use *uses, *last_use; /* list; order is that of adding */
    /* Contents of a small integer tensor (rank 0 or 1, at most INGOT_MAX_CONTENT elements) as sizes, when known; else
     * null. Entries may be null. */
    const ingot_dim *const *content;
    int32_t n_content;
};
#define INGOT_MAX_CONTENT 64
typedef struct ingot_use {
    ingot_op *op; /* null: graph output */
    int32_t index;
    struct ingot_use *next;
} ingot_use;

struct ingot_op {
    ingot_op_kind kind;
    uint32_t id;
    ingot_graph *graph;
    ingot_op *prev, *next;
    int32_t n_in, n_out;
    ingot_value **in, **out; /* entries of `in` may be null: left out */
    int32_t n_base;          /* operands before the epilogue's own */
    int32_t n_carried;       /* loop */
    void *attrs;             /* record of the op's attrs kind; never null */
    ingot_prog *prog;        /* or null */
    int32_t n_sym;
    const ingot_dim **sym;
    const double *scales; /* resize: one per axis; null: from sizes */
    int32_t n_scales;
    ingot_literal *literal; /* constant */
    ingot_graph *regions[2];
    const char *loc; /* ONNX node name and op type: "Conv_0 (Conv)" */
};

struct ingot_graph {
    ingot_module *module;
    const char *name;
    ingot_op *first, *last, *parent; /* parent: the op that has this region, or null */
    int32_t n_params, n_results;
    ingot_value **params, **results;
    const char **result_names;
    int32_t params_capacity, results_capacity;
};

struct ingot_module {
    ingot_arena arena;
    ingot_graph **graphs; /* [0] is main; regions are here too */
    int32_t n_graphs;
    ingot_check *checks;
    uint32_t next_op_id, next_value_id;
    const char *file; /* model's path, for messages */
    struct ingot_dim_table *dims;
    struct ingot_file_table *files;
    const struct ingot_limits *limits; /* as given, with the defaults filled in */
};

typedef struct ingot_op_info {
    const char *name; /* "conv" */
    int8_t in_lo, in_hi, out_lo, out_hi;
    ingot_attrs_kind attrs;
    int portable; /* ingot_portable_id, or -1: special */
    bool scalar, pure, foldable, view, data_sized;
} ingot_op_info;
const ingot_op_info *ingot_op_info_get(ingot_op_kind kind);
/* The boxed kernel of that name, or -1. */
int32_t ingot_op_boxed(ingot_op_kind kind);
ingot_op_kind ingot_op_kind_parse(const char *name, size_t size); /* INGOT_OP_COUNT when unknown */

typedef struct ingot_limits { /* zero: the default */
    int64_t max_nodes;        /* 1,000,000 */
    int64_t max_tensor_bytes; /* 2^40 */
    int64_t max_memory;       /* compiler; 0: none */
    int32_t max_depth;        /* of nesting, 64 */
    int64_t
        max_fold_bytes; /* 16 MiB: results of folding larger than this and larger than the operands stay as they are */
} ingot_limits;
ingot_status ingot_module_create(const ingot_limits *limits, ingot_module **out);
void ingot_module_destroy(ingot_module *m);
double ingot_module_constant_bytes(const ingot_module *m); /* of all constants that ops may read */
ingot_graph *ingot_module_add_graph(ingot_module *m, const char *name);
ingot_value *ingot_graph_add_input(ingot_graph *g, const char *name, const ingot_type *type);
ingot_status ingot_graph_add_output(ingot_graph *g, const char *name, ingot_value *value);
/* New op before `before` (null: at the end) with zeroed attributes and results without types. `in` may hold nulls. */
ingot_status ingot_graph_add_op(ingot_graph *g, ingot_op *before, ingot_op_kind kind, int32_t n_in,
                                ingot_value *const *in, int32_t n_out, ingot_op **out);
ingot_status ingot_graph_add_constant(ingot_graph *g, ingot_op *before, const ingot_type *type, const void *data,
                                      bool copy, ingot_value **out);
ingot_status ingot_graph_add_splat(ingot_graph *g, ingot_op *before, const ingot_type *type, double value,
                                   ingot_value **out);
ingot_status ingot_op_set_sym(ingot_op *op, int32_t n, const ingot_dim *const *sym);
ingot_status ingot_op_append_operand(ingot_op *op, ingot_value *v);
/* Result types (and contents) from operands and attributes: the op's shape rule. Errors name op, operands and shapes.
 */
ingot_status ingot_op_infer(ingot_op *op);
void ingot_op_set_operand(ingot_op *op, int32_t index, ingot_value *v); /* keeps use lists */
void ingot_value_replace_uses(ingot_value *old_value, ingot_value *new_value);
void ingot_op_move_before(ingot_op *op, ingot_op *before);
/* Unlinks an op without uses. */
void ingot_op_erase(ingot_op *op);
bool ingot_value_has_uses(const ingot_value *v);
bool ingot_value_has_one_use(const ingot_value *v);
/* Its literal when the value is a constant, else null. */
const ingot_literal *ingot_value_literal(const ingot_value *v);
/* True when every element is that number (constant or splat). */
bool ingot_value_is_splat(ingot_module *m, const ingot_value *v, double *out_value);
/* The least and the greatest number that an element of v, integers of up to 32 bits, can be, as far as what makes it
 * tells (ir/range.c); of other types: all. */
void ingot_value_range(const ingot_value *v, int64_t *out_low, int64_t *out_high);
/* Hash and equality of kind, attributes, prog, sym, operands: for CSE. */
uint64_t ingot_op_hash(const ingot_op *op);
bool ingot_op_same(const ingot_op *a, const ingot_op *b);
ingot_status ingot_module_verify(const ingot_module *m);
/* The one-instruction program of an elementwise op. */
void ingot_op_to_prog(const ingot_op *op, ingot_prog *out);
/* Whether a resize repeats each element along an axis as often as out_factors [rank] says, whatever the run's sizes:
 * nearest, by whole factors. */
bool ingot_resize_repeats(const ingot_op *op, int64_t *out_factors);

/* ---- Evaluation of constants (ir/evaluate.c): results of an op whose operands are all constant, through its portable
 * kernel. out_data[i]: dense bytes in `arena`. INGOT_UNSUPPORTED when the op is not foldable or a size is unknown. */
ingot_status ingot_op_evaluate(const ingot_op *op, ingot_arena *arena, void **out_data);

/* ---- Text
 * --------------------------------------------------------------------------------------------------------------------
 */
void ingot_module_print(const ingot_module *m, ingot_text *out);
ingot_status ingot_module_parse(const char *text, size_t size, const char *file, const ingot_limits *limits,
                                ingot_module **out);
void ingot_prog_print(const ingot_prog *prog, ingot_text *out);
ingot_status ingot_prog_parse(const char *text, size_t size, ingot_prog *out);
bool ingot_prog_equal(const ingot_prog *a, const ingot_prog *b);
#endif
