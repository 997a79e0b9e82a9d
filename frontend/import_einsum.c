/* Einsum as transposes, reductions and matrix products, one operand after the other. */
#include "frontend/import.h"
#include <string.h>

#define N_LABELS (52 + INGOT_MAX_RANK) /* letters, then the axes of an ellipsis counted from the right */

/* A value with a label for each axis. */
typedef struct labelled {
    ingot_value *v;
    int32_t rank;
    int32_t labels[2 * INGOT_MAX_RANK];
} labelled;

static int32_t letter_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

/* Reads one term, as "ij...k"; `wide`: axes that its ellipsis stands for. Stops at ',' and '-'. */
static const char *read_term(ingot_node *n, const char *at, int32_t wide, labelled *out)
{
    out->rank = 0;
    for (; *at && *at != ',' && *at != '-'; at++) {
        int32_t count = 1, label = letter_of(*at);
        if (*at == ' ')
            continue;
        if (!strncmp(at, "...", 3)) {
            count = wide;
            label = 52 + wide - 1;
            at += 2;
        } else if (label < 0) {
            ingot_node_bad(n, "the equation holds '%c'", *at);
            return at;
        }
        for (int32_t i = 0; i < count; i++) {
            if (out->rank == INGOT_MAX_RANK) {
                ingot_node_unsupported(n, "a term of more than %d axes", INGOT_MAX_RANK);
                return at;
            }
            out->labels[out->rank++] = label - i;
        }
    }
    return at;
}

/* Letters of a term, and whether it has an ellipsis. */
static int32_t count_letters(const char *at, bool *out_ellipsis)
{
    int32_t n = 0;
    *out_ellipsis = false;
    for (; *at && *at != ',' && *at != '-'; at++) {
        n += letter_of(*at) >= 0;
        *out_ellipsis |= *at == '.';
    }
    return n;
}

static int32_t find(const labelled *x, int32_t label)
{
    for (int32_t i = 0; i < x->rank; i++)
        if (x->labels[i] == label)
            return i;
    return -1;
}

/* Moves the axes into the order of `order`, a permutation of 0..rank-1. */
static void permute(ingot_node *n, labelled *x, const int64_t *order)
{
    int32_t labels[INGOT_MAX_RANK];
    x->v = ingot_transpose(n, x->v, order);
    for (int32_t i = 0; i < x->rank; i++)
        labels[i] = x->labels[order[i]];
    memcpy(x->labels, labels, (size_t)x->rank * sizeof *labels);
}

/* "ii": both axes last, joined, every (size + 1)th element. */
static void take_diagonals(ingot_node *n, labelled *x)
{
    for (int32_t i = 0; i < x->rank && !n->error; i++) {
        for (int32_t k = i + 1; k < x->rank && !n->error; k++) {
            if (x->labels[i] != x->labels[k])
                continue;
            int64_t order[INGOT_MAX_RANK];
            int32_t at = 0, rank = x->rank;
            for (int32_t j = 0; j < rank; j++)
                if (j != i && j != k)
                    order[at++] = j;
            order[at++] = i;
            order[at] = k;
            permute(n, x, order);
            if (n->error)
                return;
            const ingot_dim *dims[INGOT_MAX_RANK], *size = x->v->type.dims[rank - 1];
            if (!ingot_dim_is_const(size) || x->v->type.dims[rank - 2] != size) {
                ingot_node_unsupported(n, "a diagonal over sizes that are not known or differ");
                return;
            }
            memcpy(dims, x->v->type.dims, sizeof dims);
            dims[rank - 2] = ingot_const_dim(n, size->value * size->value);
            ingot_value *joined = ingot_reshape(n, x->v, rank - 1, dims);
            ingot_op *op = ingot_emit_begin(n, INGOT_OP_slice, 1, &joined, 1);
            ingot_attrs_slice *a = op->attrs;
            a->axes.n = a->steps.n = 1;
            a->axes.v[0] = rank - 2;
            a->steps.v[0] = size->value + 1;
            ingot_emit_sym(n, op, 2, (const ingot_dim *[]){ingot_const_dim(n, 0), size});
            x->v = ingot_emit_end(n, op);
            x->rank--;
            i = -1; /* the axes have moved: look again from the first */
            break;
        }
    }
}

/* Sums over the axes whose labels nobody else wants. */
static void sum_out(ingot_node *n, labelled *x, const bool *wanted)
{
    ingot_ints axes = {0};
    int32_t rank = 0;
    for (int32_t i = 0; i < x->rank; i++) {
        if (wanted[x->labels[i]])
            x->labels[rank++] = x->labels[i];
        else
            axes.v[axes.n++] = i;
    }
    if (axes.n)
        x->v = ingot_reduce(n, x->v, INGOT_REDUCE_SUM, &axes, false);
    x->rank = rank;
}

static const ingot_dim *joined_dim(ingot_node *n, const labelled *x, int32_t from, int32_t count)
{
    const ingot_dim *p = ingot_const_dim(n, 1);
    for (int32_t i = 0; i < count && !n->error; i++)
        p = ingot_dim_mul(n->m, p, x->v->type.dims[from + i]);
    return p;
}

/* x with its axes in three groups (listed labels), the last two joined to one axis each: [batch..., first, second]. */
static ingot_value *as_matrices(ingot_node *n, labelled *x, const int32_t *labels, int32_t n_batch, int32_t n_first,
                                int32_t n_second)
{
    int64_t order[INGOT_MAX_RANK];
    const ingot_dim *dims[INGOT_MAX_RANK];
    for (int32_t i = 0; i < x->rank; i++)
        order[i] = find(x, labels[i]);
    permute(n, x, order);
    if (n->error)
        return x->v;
    memcpy(dims, x->v->type.dims, (size_t)n_batch * sizeof *dims);
    dims[n_batch] = joined_dim(n, x, n_batch, n_first);
    dims[n_batch + 1] = joined_dim(n, x, n_batch + n_first, n_second);
    return ingot_reshape(n, x->v, n_batch + 2, dims);
}

/* a and b contracted: shared labels are kept (batch) where `wanted` later, else summed over. */
static void contract(ingot_node *n, labelled *a, labelled *b, const bool *wanted)
{
    int32_t batch[INGOT_MAX_RANK], summed[INGOT_MAX_RANK], free_a[INGOT_MAX_RANK], free_b[INGOT_MAX_RANK];
    int32_t n_batch = 0, n_summed = 0, n_a = 0, n_b = 0, list[2 * INGOT_MAX_RANK];
    for (int32_t i = 0; i < a->rank; i++) {
        int32_t label = a->labels[i];
        if (find(b, label) < 0)
            free_a[n_a++] = label;
        else if (wanted[label])
            batch[n_batch++] = label;
        else
            summed[n_summed++] = label;
    }
    for (int32_t i = 0; i < b->rank; i++)
        if (find(a, b->labels[i]) < 0)
            free_b[n_b++] = b->labels[i];
    if (n_batch + 2 > INGOT_MAX_RANK || n_batch + n_a + n_b > INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a product of more than %d axes", INGOT_MAX_RANK);
        return;
    }
    size_t one = sizeof *list;
    memcpy(list, batch, (size_t)n_batch * one);
    memcpy(list + n_batch, free_a, (size_t)n_a * one);
    memcpy(list + n_batch + n_a, summed, (size_t)n_summed * one);
    ingot_value *left = as_matrices(n, a, list, n_batch, n_a, n_summed);
    memcpy(list + n_batch, summed, (size_t)n_summed * one);
    memcpy(list + n_batch + n_summed, free_b, (size_t)n_b * one);
    ingot_value *right = as_matrices(n, b, list, n_batch, n_summed, n_b);
    ingot_value *y = ingot_matmul(n, left, right, false, false);
    if (n->error)
        return;
    const ingot_dim *dims[INGOT_MAX_RANK];
    memcpy(dims, y->type.dims, (size_t)n_batch * sizeof *dims);
    memcpy(dims + n_batch, a->v->type.dims + n_batch, (size_t)n_a * sizeof *dims);
    memcpy(dims + n_batch + n_a, b->v->type.dims + n_batch + n_summed, (size_t)n_b * sizeof *dims);
    memcpy(list + n_batch, free_a, (size_t)n_a * one);
    memcpy(list + n_batch + n_a, free_b, (size_t)n_b * one);
    a->rank = n_batch + n_a + n_b;
    memcpy(a->labels, list, (size_t)a->rank * one);
    a->v = ingot_reshape(n, y, a->rank, dims);
}

/* The result's labels: after "->", else those that stand once, in alphabetical order behind the ellipsis. */
static void result_labels(ingot_node *n, const char *arrow, const labelled *terms, int32_t wide, labelled *out)
{
    if (arrow) {
        const char *end = read_term(n, arrow + 2, wide, out);
        if (!n->error && *end)
            ingot_node_bad(n, "the equation goes on after the result");
        return;
    }
    int32_t seen[N_LABELS] = {0};
    out->rank = 0;
    for (int32_t t = 0; t < n->n_in; t++)
        for (int32_t i = 0; i < terms[t].rank; i++)
            seen[terms[t].labels[i]]++;
    for (int32_t i = wide - 1; i >= 0; i--)
        out->labels[out->rank++] = 52 + i;
    for (int32_t i = 0; i < 52; i++)
        if (seen[i] == 1 && out->rank < INGOT_MAX_RANK)
            out->labels[out->rank++] = i;
}

/* Terms of the equation with their operands; returns the axes of the widest ellipsis. */
static int32_t read_terms(ingot_node *n, const char *equation, labelled *terms)
{
    int32_t widest = 0;
    const char *at = equation;
    for (int32_t t = 0; t < n->n_in && !n->error; t++) {
        bool ellipsis;
        int32_t letters = count_letters(at, &ellipsis), rank = n->in[t] ? n->in[t]->type.rank : -1;
        int32_t wide = ellipsis ? rank - letters : 0;
        if (rank < 0 || wide < 0 || (!ellipsis && rank != letters)) {
            ingot_node_bad(n, "term %d does not fit an operand of rank %d", t, rank);
            return 0;
        }
        widest = wide > widest ? wide : widest;
        at = read_term(n, at, wide, &terms[t]);
        terms[t].v = n->in[t];
        if (!n->error && (t + 1 < n->n_in ? *at != ',' : *at != 0 && *at != '-'))
            ingot_node_bad(n, "the equation has not one term for each of %d operands", n->n_in);
        at += *at == ',';
    }
    return widest;
}

void ingot_import_einsum(ingot_node *n)
{
    const char *equation = ingot_attr_text(n, "equation", ""), *arrow = strstr(equation, "->");
    labelled *terms, result;
    if (n->error ||
        !ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)n->n_in, sizeof *terms, (void **)&terms)))
        return;
    int32_t wide = read_terms(n, equation, terms);
    if (!n->error)
        result_labels(n, arrow, terms, wide, &result);
    for (int32_t t = 0; t < n->n_in && !n->error; t++)
        take_diagonals(n, &terms[t]);
    for (int32_t t = 0; t < n->n_in && !n->error; t++) {
        /* What the operands still to come and the result need. */
        bool later[N_LABELS] = {0}, own[N_LABELS];
        for (int32_t i = 0; i < result.rank; i++)
            later[result.labels[i]] = true;
        for (int32_t k = t + 1; k < n->n_in; k++)
            for (int32_t i = 0; i < terms[k].rank; i++)
                later[terms[k].labels[i]] = true;
        memcpy(own, later, sizeof own);
        for (int32_t i = 0; t > 0 && i < terms[0].rank; i++)
            own[terms[0].labels[i]] = true;
        sum_out(n, &terms[t], own);
        if (t > 0 && !n->error)
            contract(n, &terms[0], &terms[t], later);
    }
    int64_t order[INGOT_MAX_RANK];
    if (!n->error && result.rank != terms[0].rank)
        ingot_node_bad(n, "the result has a label that no operand has, or one twice");
    for (int32_t i = 0; !n->error && i < result.rank; i++) {
        order[i] = find(&terms[0], result.labels[i]);
        if (order[i] < 0)
            ingot_node_bad(n, "the result has a label that no operand has");
    }
    if (!n->error)
        n->out[0] = ingot_transpose(n, terms[0].v, order);
}
