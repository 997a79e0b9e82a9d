/* Shape rules of boxed ops: sequences, optionals, tensors whose rank only the run knows, texts. What is known of the
 * rank inside is kept, so that values can be unboxed again. */
#include "ir/shape.h"

static void set_boxed(ingot_op *op, int32_t i, ingot_dtype dtype, ingot_form form, int32_t inner_rank)
{
    ingot_type t = ingot_type_boxed(dtype, form, inner_rank);
    set_type(op, i, &t);
}

static void set_scalar(ingot_op *op, ingot_dtype dtype)
{
    ingot_type t = ingot_type_make(dtype, 0, NULL);
    set_type(op, 0, &t);
}

static ingot_status need_form(const ingot_op *op, int32_t i, ingot_form form)
{
    static const char *const names[] = {"a tensor", "a sequence", "an optional tensor", "an optional sequence"};
    const ingot_type *t = in_type(op, i);
    if (t && t->form != form)
        return BAD("operand %d is %s, expected %s", (int)i, names[t->form], names[form]);
    return NULL;
}

/* A list operand's length where it is known, else -1. */
static int32_t list_length(const ingot_type *t)
{
    return t && t->rank == 1 && ingot_dim_is_const(t->dims[0]) && t->dims[0]->value <= INGOT_MAX_RANK
               ? (int32_t)t->dims[0]->value
           : t && t->rank == 0 ? 1
                               : -1;
}

static ingot_status need_integers(const ingot_op *op, int32_t first)
{
    for (int32_t i = first; i < op->n_in; i++) {
        const ingot_type *t = in_type(op, i);
        if (t && (t->form != INGOT_FORM_TENSOR || !ingot_dtype_is_integer(t->dtype)))
            return BAD("operand %d must be integers, it is %s", (int)i, ingot_dtype_name(t->dtype));
    }
    return NULL;
}

RULE(box)
{
    const ingot_type *x = in_type(op, 0);
    set_boxed(op, 0, x->dtype, x->form, x->rank >= 0 ? x->rank : x->inner_rank);
    return NULL;
}

RULE(unbox)
{
    const ingot_type *x = in_type(op, 0);
    INGOT_TRY(need_form(op, 0, INGOT_FORM_TENSOR));
    const ingot_attrs_unbox *a = op->attrs;
    int32_t known = ingot_type_rank(x); /* an operand may have become plain since */
    if (a->rank > INGOT_MAX_RANK || (known >= 0 && a->rank >= 0 && known != a->rank))
        return BAD("a tensor of rank %d, expected %lld", (int)known, (long long)a->rank);
    if (known < 0 && a->rank < 0)
        return BAD("only a tensor of known rank has sizes");
    ingot_type t = ingot_type_make(x->dtype, 0, NULL);
    t.rank = known >= 0 ? known : (int32_t)a->rank;
    for (int32_t i = 0; i < t.rank; i++)
        t.dims[i] = ingot_infer_data_symbol(op, "box", constant(op, INGOT_DIM_MAX_VALUE), 0, i);
    set_type(op, 0, &t);
    return NULL;
}

/* ---- sequences ---- */

RULE(seq_empty)
{
    int64_t to = ((const ingot_attrs_cast *)op->attrs)->to;
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT)
        return BAD("%lld is not an element type", (long long)to);
    set_boxed(op, 0, (ingot_dtype)to, INGOT_FORM_SEQUENCE, INGOT_RANK_NONE);
    return NULL;
}

RULE(seq_construct)
{
    int32_t rank = INGOT_RANK_NONE;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!in_type(op, i))
            return BAD("operand %d is left out", (int)i);
        INGOT_TRY(need_form(op, i, INGOT_FORM_TENSOR));
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, i));
        rank = ingot_rank_join(rank, ingot_type_rank(in_type(op, i)));
    }
    set_boxed(op, 0, in_type(op, 0)->dtype, INGOT_FORM_SEQUENCE, rank);
    return NULL;
}

RULE(seq_insert)
{
    INGOT_TRY(need_form(op, 0, INGOT_FORM_SEQUENCE));
    INGOT_TRY(need_form(op, 1, INGOT_FORM_TENSOR));
    INGOT_TRY(need_integers(op, 2));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    set_boxed(op, 0, in_type(op, 0)->dtype, INGOT_FORM_SEQUENCE,
              ingot_rank_join(in_type(op, 0)->inner_rank, ingot_type_rank(in_type(op, 1))));
    return NULL;
}

RULE(seq_erase)
{
    INGOT_TRY(need_form(op, 0, INGOT_FORM_SEQUENCE));
    INGOT_TRY(need_integers(op, 1));
    set_type(op, 0, in_type(op, 0));
    return NULL;
}

RULE(seq_at)
{
    INGOT_TRY(need_form(op, 0, INGOT_FORM_SEQUENCE));
    INGOT_TRY(need_integers(op, 1));
    set_boxed(op, 0, in_type(op, 0)->dtype, INGOT_FORM_TENSOR, ingot_type_rank(in_type(op, 0)));
    return NULL;
}

RULE(seq_length)
{
    INGOT_TRY(need_form(op, 0, INGOT_FORM_SEQUENCE));
    set_scalar(op, INGOT_I64);
    return NULL;
}

RULE(seq_split)
{
    ingot_attrs_seq_split *a = op->attrs;
    const ingot_type *x = in_type(op, 0), *split = in_type(op, 1);
    INGOT_TRY(need_form(op, 0, INGOT_FORM_TENSOR));
    INGOT_TRY(need_integers(op, 1));
    int32_t rank = ingot_type_rank(x);
    if (rank >= 0)
        INGOT_TRY(ingot_infer_axis(&a->axis, rank));
    if (rank > 0 && !a->keepdims && !split)
        rank--;
    set_boxed(op, 0, x->dtype, INGOT_FORM_SEQUENCE, rank);
    return NULL;
}

RULE(seq_concat)
{
    const ingot_attrs_seq_concat *a = op->attrs;
    INGOT_TRY(need_form(op, 0, INGOT_FORM_SEQUENCE));
    int32_t rank = ingot_type_rank(in_type(op, 0));
    if (rank >= 0 && a->new_axis && ++rank > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a result of rank %d", (int)rank);
    set_boxed(op, 0, in_type(op, 0)->dtype, INGOT_FORM_TENSOR, rank);
    return NULL;
}

/* ---- optionals ---- */

RULE(opt_make)
{
    const ingot_attrs_form *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    bool sequence = a->form == INGOT_FORM_OPTIONAL_SEQUENCE;
    if (!sequence && a->form != INGOT_FORM_OPTIONAL)
        return BAD("form %lld is not that of an optional", (long long)a->form);
    INGOT_TRY(need_form(op, 0, sequence ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR));
    if (a->dtype <= INGOT_UNDEFINED || a->dtype >= INGOT_DTYPE_COUNT || (x && x->dtype != (ingot_dtype)a->dtype))
        return BAD("%lld is not the element type", (long long)a->dtype);
    set_boxed(op, 0, (ingot_dtype)a->dtype, (ingot_form)a->form,
              !x             ? INGOT_RANK_NONE
              : x->rank >= 0 ? x->rank
                             : x->inner_rank);
    return NULL;
}

RULE(opt_has)
{
    set_scalar(op, INGOT_BOOL);
    return NULL;
}

RULE(opt_get)
{
    const ingot_type *x = in_type(op, 0);
    bool sequence = x->form == INGOT_FORM_OPTIONAL_SEQUENCE || x->form == INGOT_FORM_SEQUENCE;
    set_boxed(op, 0, x->dtype, sequence ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR,
              x->rank >= 0 ? x->rank
              : sequence   ? x->inner_rank
                           : ingot_type_rank(x));
    return NULL;
}

/* ---- tensors of any rank ---- */

/* The largest rank of the operands, or unknown. */
static int32_t broadcast_rank(const ingot_op *op, int32_t n)
{
    int32_t most = 0;
    for (int32_t i = 0; i < n; i++) {
        int32_t rank = ingot_type_rank(in_type(op, i));
        if (rank < 0)
            return INGOT_RANK_UNKNOWN;
        most = rank > most ? rank : most;
    }
    return most;
}

static void set_tensor(ingot_op *op, int32_t rank)
{
    set_boxed(op, 0, in_type(op, 0)->dtype, INGOT_FORM_TENSOR, rank < 0 ? INGOT_RANK_UNKNOWN : rank);
}

static ingot_status need_tensors(const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_in; i++)
        INGOT_TRY(need_form(op, i, INGOT_FORM_TENSOR));
    return NULL;
}

RULE(any_map)
{
    const ingot_prog *prog = op->prog;
    INGOT_TRY(need_tensors(op));
    if (!prog || prog->n_args != op->n_in || prog->n_results != op->n_out)
        return BAD("no program, or one for other operands and results");
    INGOT_TRY(ingot_prog_verify(prog));
    for (int32_t i = 0; i < op->n_in; i++)
        if (!in_type(op, i) || in_type(op, i)->dtype != (ingot_dtype)prog->arg_dtypes[i])
            return BAD("operand %d is not what the program takes", (int)i);
    for (int32_t i = 0; i < op->n_out; i++)
        set_boxed(op, i, ingot_prog_register_dtype(prog, prog->results[i]), INGOT_FORM_TENSOR,
                  broadcast_rank(op, op->n_in));
    return NULL;
}

RULE(any_shape)
{
    const ingot_attrs_any_shape *a = op->attrs;
    INGOT_TRY(need_tensors(op));
    ingot_type t = {.dtype = INGOT_I64, .rank = 1};
    int64_t rank = ingot_type_rank(in_type(op, 0));
    if (rank >= 0) {
        int64_t start = a->start < 0 ? a->start + rank : a->start, end = a->end < 0 ? a->end + rank : a->end;
        start = start < 0 ? 0 : start > rank ? rank : start;
        end = end < start ? start : end > rank ? rank : end;
        t.dims[0] = constant(op, end - start);
    } else {
        t.dims[0] = ingot_infer_data_symbol(op, "rank", constant(op, INGOT_MAX_RANK), 0, 0);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(any_size)
{
    INGOT_TRY(need_tensors(op));
    set_scalar(op, INGOT_I64);
    return NULL;
}

RULE(any_reshape)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    set_tensor(op, list_length(in_type(op, 1)));
    return NULL;
}

RULE(any_flatten)
{
    INGOT_TRY(need_tensors(op));
    set_tensor(op, 2);
    return NULL;
}

RULE(any_softmax)
{
    INGOT_TRY(need_tensors(op));
    set_tensor(op, ingot_type_rank(in_type(op, 0)));
    return NULL;
}

RULE(any_squeeze)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    int32_t rank = ingot_type_rank(in_type(op, 0)), n = list_length(in_type(op, 1));
    set_tensor(op, rank >= n && n >= 0 ? rank - n : -1);
    return NULL;
}

RULE(any_unsqueeze)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    int32_t rank = ingot_type_rank(in_type(op, 0)), n = list_length(in_type(op, 1));
    if (rank >= 0 && n >= 0 && rank + n > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a result of rank %d", (int)(rank + n));
    set_tensor(op, rank >= 0 && n >= 0 ? rank + n : -1);
    return NULL;
}

RULE(any_transpose)
{
    const ingot_attrs_perm *a = op->attrs;
    INGOT_TRY(need_tensors(op));
    int32_t rank = ingot_type_rank(in_type(op, 0));
    if (rank >= 0 && a->perm.n && a->perm.n != rank)
        return BAD("a permutation of %lld axes for rank %d", (long long)a->perm.n, (int)rank);
    set_tensor(op, a->perm.n ? (int32_t)a->perm.n : rank);
    return NULL;
}

RULE(any_concat)
{
    int32_t rank = INGOT_RANK_NONE;
    INGOT_TRY(need_tensors(op));
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!in_type(op, i))
            return BAD("operand %d is left out", (int)i);
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, i));
        int32_t one = ingot_type_rank(in_type(op, i));
        rank = one >= 0 ? one : rank; /* they are all equal, or the run fails */
    }
    set_tensor(op, rank);
    return NULL;
}

RULE(any_gather)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    int32_t a = ingot_type_rank(in_type(op, 0)), b = ingot_type_rank(in_type(op, 1));
    if (a >= 0 && b >= 0 && a - 1 + b > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a result of rank %d", (int)(a - 1 + b));
    set_tensor(op, a >= 1 && b >= 0 ? a - 1 + b : -1);
    return NULL;
}

RULE(any_slice)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    set_tensor(op, ingot_type_rank(in_type(op, 0)));
    return NULL;
}

RULE(any_reduce)
{
    const ingot_attrs_any_reduce *a = op->attrs;
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    int32_t rank = ingot_type_rank(in_type(op, 0)), n = list_length(in_type(op, 1));
    bool all = !in_type(op, 1) || n == 0;
    if (!a->keepdims && !(all && a->none_when_empty))
        rank = all ? 0 : n >= 0 && rank >= n ? rank - n : -1;
    set_tensor(op, rank);
    return NULL;
}

RULE(any_expand)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(need_integers(op, 1));
    int32_t rank = ingot_type_rank(in_type(op, 0)), n = list_length(in_type(op, 1));
    set_tensor(op, rank < 0 || n < 0 ? -1 : rank > n ? rank : n);
    return NULL;
}

RULE(any_matmul)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    int32_t a = ingot_type_rank(in_type(op, 0)), b = ingot_type_rank(in_type(op, 1)), most = a > b ? a : b;
    set_tensor(op, a < 1 || b < 1 ? -1 : a >= 2 && b >= 2 ? most : a == 1 && b == 1 ? 0 : most - 1);
    return NULL;
}

/* ---- texts: plain where their operands are ---- */

static ingot_status need_dtype(const ingot_op *op, int32_t i, ingot_dtype dtype)
{
    const ingot_type *t = in_type(op, i);
    INGOT_TRY(need_form(op, i, INGOT_FORM_TENSOR));
    if (t && t->dtype != dtype)
        return BAD("operand %d is %s, expected %s", (int)i, ingot_dtype_name(t->dtype), ingot_dtype_name(dtype));
    return NULL;
}

/* Operand 0's shape with another element type. */
static void set_like(ingot_op *op, int32_t i, ingot_dtype dtype)
{
    ingot_type t = *in_type(op, 0);
    t.dtype = dtype;
    set_type(op, i, &t);
}

RULE(string_cast)
{
    ingot_dtype to = (ingot_dtype)((const ingot_attrs_cast *)op->attrs)->to, from = in_type(op, 0)->dtype;
    INGOT_TRY(need_tensors(op));
    if ((to == INGOT_STRING) == (from == INGOT_STRING) || to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT)
        return BAD("from %s to %s", ingot_dtype_name(from), ingot_dtype_name(to));
    set_like(op, 0, to);
    return NULL;
}

RULE(string_concat)
{
    INGOT_TRY(need_dtype(op, 0, INGOT_STRING));
    INGOT_TRY(need_dtype(op, 1, INGOT_STRING));
    if (in_type(op, 0)->rank < 0 || in_type(op, 1)->rank < 0) {
        set_tensor(op, broadcast_rank(op, 2));
        return NULL;
    }
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(ingot_infer_broadcast_into(op, &t, in_type(op, 1)));
    set_type(op, 0, &t);
    return NULL;
}

RULE(string_split)
{
    INGOT_TRY(need_dtype(op, 0, INGOT_STRING));
    INGOT_TRY(need_dtype(op, 1, INGOT_STRING));
    const ingot_type *x = in_type(op, 0);
    set_like(op, 1, INGOT_I64);
    if (ingot_type_rank(x) == INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a result of rank %d", INGOT_MAX_RANK + 1);
    if (x->rank < 0) {
        set_tensor(op, ingot_type_rank(x) < 0 ? -1 : ingot_type_rank(x) + 1);
        return NULL;
    }
    ingot_type t = *x;
    t.dims[t.rank] = ingot_infer_data_symbol(op, "parts", constant(op, INGOT_DIM_MAX_VALUE), 0, t.rank);
    t.rank++;
    set_type(op, 0, &t);
    return NULL;
}

RULE(string_normalize)
{
    INGOT_TRY(need_dtype(op, 0, INGOT_STRING));
    INGOT_TRY(need_dtype(op, 1, INGOT_STRING));
    const ingot_type *x = in_type(op, 0);
    ingot_type t = *x;
    if (x->rank >= 0) {
        if (x->rank != 1 && x->rank != 2)
            return BAD("operand 0 has rank %d, expected [C] or [1, C]", (int)x->rank);
        const ingot_dim *merged;
        if (x->rank == 2)
            INGOT_TRY(ingot_infer_unify(op, x->dims[0], constant(op, 1), "the first of two axes and 1", &merged));
        int64_t most = x->dims[x->rank - 1]->hi;
        t.dims[x->rank - 1] = ingot_infer_data_symbol(op, "words", constant(op, most < 1 ? 1 : most), 0, x->rank - 1);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(regex_match)
{
    INGOT_TRY(need_dtype(op, 0, INGOT_STRING));
    INGOT_TRY(need_dtype(op, 1, INGOT_STRING));
    set_like(op, 0, INGOT_BOOL);
    return NULL;
}

RULE(tfidf)
{
    const ingot_attrs_tfidf *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    INGOT_TRY(need_tensors(op));
    if (x->rank > 2)
        return BAD("operand 0 has rank %d, expected [C] or [N, C]", (int)x->rank);
    if (x->rank < 0) {
        set_boxed(op, 0, INGOT_F32, INGOT_FORM_TENSOR, x->inner_rank > 0 ? x->inner_rank : INGOT_RANK_UNKNOWN);
        return NULL;
    }
    ingot_type t = {.dtype = INGOT_F32, .rank = x->rank == 2 ? 2 : 1};
    if (x->rank == 2)
        t.dims[0] = x->dims[0];
    t.dims[t.rank - 1] = constant(op, a->width);
    set_type(op, 0, &t);
    return NULL;
}

RULE(label_encode)
{
    INGOT_TRY(need_tensors(op));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 2, 3));
    set_like(op, 0, in_type(op, 2)->dtype);
    return NULL;
}
