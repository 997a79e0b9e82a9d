/* Symbolic contents: what the elements of small integer tensors are, as sizes. Shape computations of models (Shape,
 * Gather, Concat, arithmetic, Reshape) become expressions over symbols this way.
 *
 * A value of rank 0 or 1 with at most INGOT_MAX_CONTENT elements has `content`, entries null where unknown. Bools count
 * as 0 and 1; floats take part only with whole constants, which is how models write sizes that pass through a float
 * (Resize, Range). */
#include "ir/internal.h"
#include <math.h>
#include <string.h>

typedef struct {
    const ingot_dim *const *v; /* entries may be null */
    int32_t n;
} content;

static bool content_of(const ingot_value *v, content *out)
{
    if (!v || !v->content)
        return false;
    *out = (content){v->content, v->n_content};
    return true;
}

/* Elements of a result, or -1 when it is none of the small tensors. Rank above 1 counts only with few elements, all on
 * one axis. */
static int32_t small_count(const ingot_type *t)
{
    if (t->dtype == INGOT_STRING || t->rank < 0 || t->rank > 1)
        return -1;
    if (t->rank == 0)
        return 1;
    return ingot_dim_is_const(t->dims[0]) && t->dims[0]->value <= INGOT_MAX_CONTENT ? (int32_t)t->dims[0]->value : -1;
}

static const ingot_dim *entry(const content *c, int32_t i)
{
    return c->v[c->n == 1 ? 0 : i]; /* broadcasts */
}

static bool both_const(const ingot_dim *a, const ingot_dim *b)
{
    return ingot_dim_is_const(a) && ingot_dim_is_const(b);
}

/* 1, 0 or null by the sign of a - b. */
static const ingot_dim *compare(ingot_module *m, ingot_op_kind kind, const ingot_dim *a, const ingot_dim *b)
{
    const ingot_dim *d = ingot_dim_sub(m, a, b);
    int truth = -1;
    switch (kind) {
    case INGOT_OP_eq:
    case INGOT_OP_ne:
        truth = ingot_dim_is(d, 0) ? 1 : d->lo > 0 || d->hi < 0 ? 0 : -1;
        if (truth >= 0 && kind == INGOT_OP_ne)
            truth = !truth;
        break;
    case INGOT_OP_lt:
        truth = d->hi < 0 ? 1 : d->lo >= 0 ? 0 : -1;
        break;
    case INGOT_OP_le:
        truth = d->hi <= 0 ? 1 : d->lo > 0 ? 0 : -1;
        break;
    case INGOT_OP_gt:
        truth = d->lo > 0 ? 1 : d->hi <= 0 ? 0 : -1;
        break;
    default:
        truth = d->lo >= 0 ? 1 : d->hi < 0 ? 0 : -1;
        break;
    }
    return truth < 0 ? NULL : ingot_dim_const(m, truth);
}

static const ingot_dim *divide(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    if (ingot_dim_is(b, 0))
        return ingot_dim_const(m, 0); /* as scalar.def says */
    if (both_const(a, b))
        return b->value == -1 ? ingot_dim_mul(m, a, b) : ingot_dim_const(m, a->value / b->value);
    return a->lo >= 0 && b->lo > 0 ? ingot_dim_floordiv(m, a, b) : NULL; /* truncation is floor there */
}

static const ingot_dim *modulo(ingot_module *m, const ingot_op *op, const ingot_dim *a, const ingot_dim *b)
{
    bool c_sign = op->kind == INGOT_OP_fmod || ((const ingot_attrs_mod *)op->attrs)->fmod != 0;
    if (ingot_dim_is(b, 0))
        return op->kind == INGOT_OP_mod ? ingot_dim_const(m, 0) : NULL;
    if (!c_sign || (a->lo >= 0 && b->lo > 0))
        return b->lo > 0 || ingot_dim_is_const(b) ? ingot_dim_mod(m, a, b) : NULL;
    return both_const(a, b) && b->value != -1 ? ingot_dim_const(m, a->value % b->value) : NULL;
}

static bool fits(ingot_dtype dtype, const ingot_dim *d)
{
    int bits = ingot_dtype_bits(dtype);
    if (dtype == INGOT_BOOL)
        return d->lo >= 0 && d->hi <= 1;
    if (ingot_dtype_is_float(dtype)) { /* whole numbers that the type holds exactly */
        int64_t most = dtype == INGOT_F64   ? (int64_t)1 << 53
                       : dtype == INGOT_F32 ? 1 << 24
                       : dtype == INGOT_F16 ? 2048
                                            : 128;
        return ingot_dim_is_const(d) && bits >= 16 && d->value >= -most && d->value <= most;
    }
    if (bits >= 64)
        return dtype == INGOT_I64 || d->lo >= 0;
    if (bits >= 32 && !ingot_dim_is_const(d))
        return true; /* sizes that a model keeps in 32 bits are taken to fit: it would be broken otherwise */
    int64_t half = (int64_t)1 << (bits - 1);
    return ingot_dtype_is_signed(dtype) ? d->lo >= -half && d->hi < half : d->lo >= 0 && d->hi < 2 * half;
}

static const ingot_dim *scalar(const ingot_op *op, ingot_module *m, const ingot_dim *a, const ingot_dim *b,
                               const ingot_dim *c)
{
    bool is_float = ingot_dtype_is_float(op->in[0]->type.dtype);
    switch (op->kind) {
    case INGOT_OP_cast:
        if (((const ingot_attrs_cast *)op->attrs)->to == INGOT_BOOL)
            return compare(m, INGOT_OP_ne, a, ingot_dim_const(m, 0));
        return a;
    case INGOT_OP_neg:
        return ingot_dim_sub(m, ingot_dim_const(m, 0), a);
    case INGOT_OP_abs:
        return a->lo >= 0 ? a : a->hi <= 0 ? ingot_dim_sub(m, ingot_dim_const(m, 0), a) : NULL;
    case INGOT_OP_ceil:
    case INGOT_OP_floor:
    case INGOT_OP_round: /* of whole numbers */
        return a;
    case INGOT_OP_relu:
        return ingot_dim_max(m, a, ingot_dim_const(m, 0));
    case INGOT_OP_not:
        return ingot_dim_sub(m, ingot_dim_const(m, 1), a);
    case INGOT_OP_add:
        return ingot_dim_add(m, a, b);
    case INGOT_OP_sub:
        return ingot_dim_sub(m, a, b);
    case INGOT_OP_mul:
        return ingot_dim_mul(m, a, b);
    case INGOT_OP_div:
        if (is_float) /* exact quotients only */
            return both_const(a, b) && b->value != 0 && b->value != -1 && a->value % b->value == 0
                       ? ingot_dim_const(m, a->value / b->value)
                       : NULL;
        return divide(m, a, b);
    case INGOT_OP_mod:
    case INGOT_OP_fmod:
        return is_float ? NULL : modulo(m, op, a, b);
    case INGOT_OP_min:
        return ingot_dim_min(m, a, b);
    case INGOT_OP_max:
        return ingot_dim_max(m, a, b);
    case INGOT_OP_and:
        return ingot_dim_mul(m, a, b);
    case INGOT_OP_or:
        return ingot_dim_max(m, a, b);
    case INGOT_OP_eq:
    case INGOT_OP_ne:
    case INGOT_OP_lt:
    case INGOT_OP_le:
    case INGOT_OP_gt:
    case INGOT_OP_ge:
        return compare(m, op->kind, a, b);
    case INGOT_OP_select:
        return b == c ? b : !ingot_dim_is_const(a) ? NULL : a->value ? b : c;
    default:
        return NULL;
    }
}

static bool of_scalar(const ingot_op *op, ingot_module *m, const ingot_dim **out, int32_t n)
{
    content in[3];
    bool any = false;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!content_of(op->in[i], &in[i]) || (in[i].n != n && in[i].n != 1))
            return false;
    }
    for (int32_t i = 0; i < n; i++) {
        const ingot_dim *v[3] = {NULL, NULL, NULL};
        bool known = true;
        for (int32_t k = 0; k < op->n_in; k++) {
            v[k] = entry(&in[k], i);
            known &= v[k] != NULL;
        }
        if (op->kind == INGOT_OP_select && v[0] && ingot_dim_is_const(v[0])) /* the other side need not be known */
            out[i] = v[0]->value ? v[1] : v[2];
        else
            out[i] = known ? scalar(op, m, v[0], v[1], v[2]) : NULL;
        any |= out[i] != NULL;
    }
    return any;
}

static bool of_literal(const ingot_op *op, ingot_module *m, const ingot_dim **out, int32_t n)
{
    const ingot_literal *lit = op->literal;
    ingot_dtype dtype = op->out[0]->type.dtype;
    if (!lit)
        return false;
    ingot_arena scratch = {0};
    const void *data = lit->data;
    if (lit->kind == INGOT_LITERAL_FILE) {
        ingot_status status = ingot_literal_get_data(m, lit, dtype, &scratch, &data);
        if (status) { /* reported when the constant is read in earnest */
            ingot_status_free(status);
            ingot_arena_release(&scratch);
            return false;
        }
    }
    bool any = false;
    for (int32_t i = 0; i < n; i++) {
        int64_t at = lit->kind == INGOT_LITERAL_SPLAT ? 0 : i;
        out[i] = NULL;
        if (ingot_dtype_is_float(dtype)) {
            double value = ingot_load_f64(data, dtype, at);
            if (!(fabs(value) <= 0x1p53) || value != floor(value) || (value == 0 && signbit(value)))
                continue;
            out[i] = ingot_dim_const(m, (int64_t)value);
        } else if (dtype != INGOT_U64 || ingot_load_i64(data, dtype, at) >= 0) {
            out[i] = ingot_dim_const(m, ingot_load_i64(data, dtype, at));
        }
        any |= out[i] != NULL;
    }
    ingot_arena_release(&scratch);
    return any;
}

static bool copy_all(const content *c, const ingot_dim **out, int32_t n)
{
    if (c->n != n && c->n != 1)
        return false;
    for (int32_t i = 0; i < n; i++)
        out[i] = entry(c, i);
    return true;
}

static bool of_slice(const ingot_op *op, const content *x, const ingot_dim **out, int32_t n)
{
    const ingot_attrs_slice *a = op->attrs;
    if (a->axes.n == 0)
        return copy_all(x, out, n);
    if (op->n_sym != 2 || !ingot_dim_is_const(op->sym[0]))
        return false;
    for (int32_t i = 0; i < n; i++) {
        int64_t at = op->sym[0]->value + i * a->steps.v[0]; /* inside: the shape rule has looked */
        if (at < 0 || at >= x->n)
            return false;
        out[i] = x->v[at];
    }
    return true;
}

static bool of_concat(const ingot_op *op, const ingot_dim **out, int32_t n)
{
    int32_t at = 0;
    for (int32_t i = 0; i < op->n_in; i++) {
        content part;
        int32_t size = small_count(&op->in[i]->type);
        if (size < 0 || at + size > n)
            return false;
        bool known = content_of(op->in[i], &part);
        for (int32_t k = 0; k < size; k++)
            out[at++] = known ? part.v[k] : NULL;
    }
    return at == n;
}

static bool of_gather(const ingot_op *op, const content *x, const ingot_dim **out, int32_t n)
{
    content indices;
    if (!content_of(op->in[1], &indices) || indices.n != n || op->in[0]->type.rank != 1)
        return false;
    for (int32_t i = 0; i < n; i++) {
        const ingot_dim *index = indices.v[i];
        int64_t at = !index || !ingot_dim_is_const(index) ? -1 : index->value < 0 ? index->value + x->n : index->value;
        out[i] = at < 0 || at >= x->n ? NULL : x->v[at];
    }
    return true;
}

static bool of_reduce(const ingot_op *op, ingot_module *m, const content *x, const ingot_dim **out, int32_t n)
{
    const ingot_attrs_reduce *a = op->attrs;
    if (a->axes.n == 0)
        return copy_all(x, out, n);
    if (n != 1 || op->prog || ingot_dtype_is_float(op->in[0]->type.dtype))
        return false;
    const ingot_dim *sum = NULL;
    for (int32_t i = 0; i < x->n; i++) {
        const ingot_dim *v = x->v[i];
        if (!v)
            return false;
        switch (a->kind) {
        case INGOT_REDUCE_SUM:
            sum = sum ? ingot_dim_add(m, sum, v) : v;
            break;
        case INGOT_REDUCE_PROD:
            sum = sum ? ingot_dim_mul(m, sum, v) : v;
            break;
        case INGOT_REDUCE_MAX:
            sum = sum ? ingot_dim_max(m, sum, v) : v;
            break;
        case INGOT_REDUCE_MIN:
            sum = sum ? ingot_dim_min(m, sum, v) : v;
            break;
        default:
            return false;
        }
    }
    if (!sum && (a->kind == INGOT_REDUCE_SUM || a->kind == INGOT_REDUCE_PROD))
        sum = ingot_dim_const(m, a->kind == INGOT_REDUCE_PROD);
    out[0] = sum;
    return sum != NULL;
}

static bool of_range(const ingot_op *op, ingot_module *m, const ingot_dim **out, int32_t n)
{
    content start, delta;
    if (!content_of(op->in[0], &start) || !content_of(op->in[1], &delta) || !start.v[0] || !delta.v[0])
        return false;
    for (int32_t i = 0; i < n; i++)
        out[i] = ingot_dim_add(m, start.v[0], ingot_dim_mul(m, delta.v[0], ingot_dim_const(m, i)));
    return true;
}

static bool compute(const ingot_op *op, ingot_module *m, const ingot_dim **out, int32_t n)
{
    content x;
    if (op->kind == INGOT_OP_constant)
        return of_literal(op, m, out, n);
    if (op->kind == INGOT_OP_concat)
        return of_concat(op, out, n);
    if (op->kind == INGOT_OP_dims) {
        for (int32_t i = 0; i < n && i < op->n_sym; i++)
            out[i] = op->sym[i];
        return op->n_sym == n;
    }
    if (ingot_op_info_get(op->kind)->scalar)
        return of_scalar(op, m, out, n);
    if (op->n_in < 1 || !content_of(op->in[0], &x))
        return false;
    switch (op->kind) {
    case INGOT_OP_identity:
    case INGOT_OP_reshape:
        return x.n == n && copy_all(&x, out, n);
    case INGOT_OP_broadcast:
        return copy_all(&x, out, n);
    case INGOT_OP_slice:
        return of_slice(op, &x, out, n);
    case INGOT_OP_gather:
        return of_gather(op, &x, out, n);
    case INGOT_OP_reduce:
        return of_reduce(op, m, &x, out, n);
    case INGOT_OP_range:
        return of_range(op, m, out, n);
    case INGOT_OP_reverse: {
        const ingot_attrs_axes *a = op->attrs;
        for (int32_t i = 0; i < n; i++)
            out[i] = x.v[a->axes.n ? x.n - 1 - i : i];
        return x.n == n;
    }
    default:
        return false;
    }
}

ingot_status ingot_op_infer_content(ingot_op *op)
{
    const ingot_dim *entries[INGOT_MAX_CONTENT];
    ingot_module *m = op->graph->module;
    if (op->n_out != 1)
        return NULL;
    ingot_value *v = op->out[0];
    int32_t n = small_count(&v->type);
    v->content = NULL;
    v->n_content = 0;
    if (n < 0 || !compute(op, m, entries, n))
        return NULL;
    bool any = n == 0;
    for (int32_t i = 0; i < n; i++) { /* what the type cannot hold wraps or rounds: unknown */
        if (entries[i] && !fits(v->type.dtype, entries[i]))
            entries[i] = NULL;
        any |= entries[i] != NULL;
    }
    if (!any)
        return NULL;
    void *copy;
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)n, sizeof(void *), &copy));
    if (n)
        memcpy(copy, entries, (size_t)n * sizeof(void *));
    v->content = copy;
    v->n_content = n;
    return NULL;
}
