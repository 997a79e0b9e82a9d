/* What the files of ir/ share and nobody else sees. */
#ifndef INGOT_IR_INTERNAL_H
#define INGOT_IR_INTERNAL_H
#include "ir/ir.h"

/* ---- sizes ---- */

/* Interned nodes carry what the public struct does not show. */
typedef struct ingot_dim_node {
    ingot_dim dim; /* first: a `const ingot_dim *` is a `const ingot_dim_node *` */
    uint64_t hash;
    struct ingot_dim_node *next; /* same bucket */
    int32_t depth;               /* of nesting of atoms; bounded by INGOT_DIM_MAX_DEPTH */
    int64_t weight;              /* nodes when written out; bounded by INGOT_DIM_MAX_WEIGHT */
} ingot_dim_node;

#define INGOT_DIM_MAX_DEPTH  100
#define INGOT_DIM_MAX_WEIGHT 2000
#define INGOT_MAX_SYMBOLS    10000

struct ingot_dim_table {
    ingot_dim_node **buckets;
    size_t n_buckets, n_nodes;
    ingot_symbol_info **symbols;
    const ingot_dim **symbol_dims;
    int32_t n_symbols, symbols_capacity;
    uint32_t next_id;
    int32_t next_fresh;
    ingot_dim_node zero;  /* stands in when a node cannot be made */
    const char *exceeded; /* which limit was met since the last ingot_dims_check; null: none */
    bool no_memory;
};

/* The interned node of these parts; no simplification. */
const ingot_dim *ingot_dim_intern(ingot_module *m, ingot_dim_kind kind, int64_t value, const ingot_dim *a,
                                  const ingot_dim *b);
/* A sum or product that could not be brought to canonical form (an overflow, too many terms): treated as an atom. */
static inline bool ingot_dim_is_opaque(const ingot_dim *d)
{
    return (d->kind == INGOT_DIM_ADD || d->kind == INGOT_DIM_MUL) && d->value == 1;
}
/* Saturating arithmetic on range ends; INT64_MIN and INT64_MAX stand for "beyond". */
int64_t ingot_sat_add(int64_t a, int64_t b);
int64_t ingot_sat_mul(int64_t a, int64_t b);
int64_t ingot_floor_div(int64_t a, int64_t b); /* b != 0 and not INT64_MIN / -1 */

/* ---- ops ---- */

/* One row of ops.def behind ingot_op_info: the shape rule. */
typedef ingot_status ingot_shape_fn(ingot_op *op);
ingot_shape_fn *ingot_op_shape_rule(ingot_op_kind kind);
/* True for kinds whose op->prog is an epilogue. */
bool ingot_op_takes_epilogue(ingot_op_kind kind);
/* Symbolic contents of the results of a small integer op (ir/content.c). */
ingot_status ingot_op_infer_content(ingot_op *op);
/* What each program register holds: dtype of register r (argument or result), INGOT_UNDEFINED out of range. */
ingot_dtype ingot_prog_register_dtype(const ingot_prog *prog, int32_t r);
/* Bounds, arities and types of a program; INGOT_BAD_MODEL with the offending instruction. */
ingot_status ingot_prog_verify(const ingot_prog *prog);

/* ---- scalar table ---- */

typedef enum { INGOT_RESULT_SAME, INGOT_RESULT_BOOL, INGOT_RESULT_ATTR } ingot_result_rule;
typedef struct ingot_scalar_info {
    const char *name;
    int8_t arity;
    ingot_result_rule result;
} ingot_scalar_info;
extern const ingot_scalar_info ingot_scalar_table[INGOT_SCALAR_COUNT];

/* ---- text ---- */

/* Appends "text" quoted and escaped as an MLIR string literal. */
void ingot_print_quoted(ingot_text *out, const char *text, size_t size);

/* ---- files of literals ---- */

struct ingot_file_table {
    struct ingot_file_entry {
        int fd;
        const char *path;
        int64_t size_bytes;
    } * entries;
    int32_t n, capacity;
};
#endif
