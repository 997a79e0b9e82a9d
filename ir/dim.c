/* Symbolic sizes: the table of interned nodes, symbols, ranges, evaluation, substitution. Canonical arithmetic is in
 * dim_poly.c, text in dim_text.c. */
#include "ir/internal.h"
#include <stdio.h>
#include <string.h>

/* ---- range arithmetic ---- */

int64_t ingot_sat_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t ingot_sat_mul(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

int64_t ingot_floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t sat_floor_div(int64_t a, int64_t b)
{
    if (a == INT64_MAX || a == INT64_MIN) /* "beyond" stays beyond */
        return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
    return ingot_floor_div(a, b);
}

typedef struct {
    int64_t lo, hi;
} range;

static range corners(int64_t (*f)(int64_t, int64_t), const ingot_dim *a, const ingot_dim *b)
{
    int64_t v[4] = {f(a->lo, b->lo), f(a->lo, b->hi), f(a->hi, b->lo), f(a->hi, b->hi)};
    range r = {v[0], v[0]};
    for (int i = 1; i < 4; i++) {
        r.lo = v[i] < r.lo ? v[i] : r.lo;
        r.hi = v[i] > r.hi ? v[i] : r.hi;
    }
    return r;
}

#define SMALLER(x, y) ((x) < (y) ? (x) : (y))
#define LARGER(x, y)  ((x) > (y) ? (x) : (y))

static range range_of(ingot_dim_kind kind, const ingot_dim *a, const ingot_dim *b)
{
    switch (kind) {
    case INGOT_DIM_ADD:
        return (range){ingot_sat_add(a->lo, b->lo), ingot_sat_add(a->hi, b->hi)};
    case INGOT_DIM_MUL:
        return corners(ingot_sat_mul, a, b);
    case INGOT_DIM_FLOORDIV:
        if (b->lo >= 1)
            return corners(sat_floor_div, a, b);
        return (range){INT64_MIN, INT64_MAX};
    case INGOT_DIM_MOD:
        if (b->lo >= 1) {
            range r = {0, b->hi - 1};
            if (a->lo >= 0)
                r.hi = SMALLER(r.hi, a->hi);
            return r;
        }
        return (range){INT64_MIN, INT64_MAX};
    case INGOT_DIM_MIN:
        return (range){SMALLER(a->lo, b->lo), SMALLER(a->hi, b->hi)};
    case INGOT_DIM_MAX:
        return (range){LARGER(a->lo, b->lo), LARGER(a->hi, b->hi)};
    default:
        return (range){INT64_MIN, INT64_MAX};
    }
}

/* ---- interning ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static bool table_grow(ingot_module *m, struct ingot_dim_table *table)
{
    size_t n = table->n_buckets ? table->n_buckets * 2 : 64;
    ingot_dim_node **buckets = ingot_arena_alloc(&m->arena, n, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < table->n_buckets; i++) {
        for (ingot_dim_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & (n - 1)];
            buckets[node->hash & (n - 1)] = node;
        }
    }
    table->buckets = buckets;
    table->n_buckets = n;
    return true;
}

ingot_status ingot_dims_check(ingot_module *m)
{
    struct ingot_dim_table *table = m->dims;
    const char *exceeded = table->exceeded;
    bool no_memory = table->no_memory;
    table->exceeded = NULL;
    table->no_memory = false;
    if (no_memory)
        return ingot_status_no_memory();
    if (exceeded)
        return ingot_fail(INGOT_LIMIT, "size expression too large: %s", exceeded);
    return NULL;
}

static const ingot_dim *stand_in(ingot_module *m, const char *exceeded)
{
    if (exceeded)
        m->dims->exceeded = exceeded;
    else
        m->dims->no_memory = true;
    return &m->dims->zero.dim;
}

const ingot_dim *ingot_dim_intern(ingot_module *m, ingot_dim_kind kind, int64_t value, const ingot_dim *a,
                                  const ingot_dim *b)
{
    struct ingot_dim_table *table = m->dims;
    uint64_t hash = mix(mix(mix(mix(0, (uint64_t)kind), (uint64_t)value), a ? a->id + 1 : 0), b ? b->id + 1 : 0);
    if (table->n_buckets) {
        for (ingot_dim_node *n = table->buckets[hash & (table->n_buckets - 1)]; n; n = n->next) {
            if (n->hash == hash && n->dim.kind == kind && n->dim.value == value && n->dim.a == a && n->dim.b == b)
                return &n->dim;
        }
    }
    int32_t depth = 1;
    int64_t weight = 1;
    const ingot_dim *parts[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        const ingot_dim_node *part = (const ingot_dim_node *)parts[i];
        if (!part)
            continue;
        /* A chain of a sum or product counts as one level: it is walked, not recursed into. */
        bool chain = i == 1 && (kind == INGOT_DIM_ADD || kind == INGOT_DIM_MUL) && part->dim.kind == kind;
        depth = LARGER(depth, part->depth + !chain);
        weight += part->weight;
    }
    if (depth > INGOT_DIM_MAX_DEPTH)
        return stand_in(m, "nested too deeply");
    if (weight > INGOT_DIM_MAX_WEIGHT)
        return stand_in(m, "too many terms");
    if (table->n_nodes >= table->n_buckets && !table_grow(m, table))
        return stand_in(m, NULL);
    ingot_dim_node *node = ingot_arena_alloc(&m->arena, 1, sizeof *node);
    if (!node)
        return stand_in(m, NULL);
    node->dim = (ingot_dim){.kind = kind, .id = table->next_id++, .value = value, .a = a, .b = b};
    node->hash = hash;
    node->depth = depth;
    node->weight = weight;
    if (kind == INGOT_DIM_CONST) {
        node->dim.lo = node->dim.hi = value;
    } else if (kind == INGOT_DIM_SYMBOL) {
        node->dim.lo = table->symbols[value]->lo;
        node->dim.hi = table->symbols[value]->hi;
    } else {
        range r = range_of(kind, a, b);
        node->dim.lo = r.lo;
        node->dim.hi = r.hi;
    }
    node->next = table->buckets[hash & (table->n_buckets - 1)];
    table->buckets[hash & (table->n_buckets - 1)] = node;
    table->n_nodes++;
    return &node->dim;
}

const ingot_dim *ingot_dim_const(ingot_module *m, int64_t value)
{
    return ingot_dim_intern(m, INGOT_DIM_CONST, value, NULL, NULL);
}

/* ---- symbols ---- */

static const ingot_dim *symbol_add(ingot_module *m, const char *name, int64_t lo, int64_t hi, bool from_data)
{
    struct ingot_dim_table *table = m->dims;
    if (table->n_symbols >= INGOT_MAX_SYMBOLS)
        return stand_in(m, "too many symbols");
    if (table->n_symbols == table->symbols_capacity) {
        int32_t capacity = table->symbols_capacity ? table->symbols_capacity * 2 : 16;
        ingot_symbol_info **symbols = ingot_arena_alloc(&m->arena, (size_t)capacity, sizeof(void *));
        const ingot_dim **dims = ingot_arena_alloc(&m->arena, (size_t)capacity, sizeof(void *));
        if (!symbols || !dims)
            return stand_in(m, NULL);
        if (table->n_symbols) {
            memcpy(symbols, table->symbols, (size_t)table->n_symbols * sizeof(void *));
            memcpy(dims, table->symbol_dims, (size_t)table->n_symbols * sizeof(void *));
        }
        table->symbols = symbols;
        table->symbol_dims = dims;
        table->symbols_capacity = capacity;
    }
    ingot_symbol_info *info = ingot_arena_alloc(&m->arena, 1, sizeof *info);
    char *copy = ingot_arena_strndup(&m->arena, name, strlen(name));
    if (!info || !copy)
        return stand_in(m, NULL);
    *info = (ingot_symbol_info){copy, lo, LARGER(lo, hi), from_data, NULL};
    int32_t index = table->n_symbols;
    table->symbols[index] = info;
    const ingot_dim *dim = ingot_dim_intern(m, INGOT_DIM_SYMBOL, index, NULL, NULL);
    if (dim->kind != INGOT_DIM_SYMBOL)
        return dim;
    table->symbol_dims[index] = dim;
    table->n_symbols++;
    return dim;
}

static int32_t symbol_find(const ingot_module *m, const char *name)
{
    for (int32_t i = 0; i < m->dims->n_symbols; i++) {
        if (!strcmp(m->dims->symbols[i]->name, name))
            return i;
    }
    return -1;
}

const ingot_dim *ingot_symbol(ingot_module *m, const char *name, int64_t lo, int64_t hi)
{
    int32_t index = symbol_find(m, name);
    return index >= 0 ? m->dims->symbol_dims[index] : symbol_add(m, name, lo, hi, false);
}

const ingot_dim *ingot_symbol_fresh(ingot_module *m, const char *prefix, int64_t lo, int64_t hi, bool from_data)
{
    char name[96];
    size_t n = strlen(prefix);
    n = SMALLER(n, sizeof name - 16);
    memcpy(name, prefix, n);
    do { /* the counter only grows: few names are tried twice */
        (void)snprintf(name + n, sizeof name - n, "%d", (int)m->dims->next_fresh++);
    } while (symbol_find(m, name) >= 0);
    return symbol_add(m, name, lo, hi, from_data);
}

int32_t ingot_module_symbol_count(const ingot_module *m)
{
    return m->dims->n_symbols;
}

const ingot_symbol_info *ingot_module_symbol(const ingot_module *m, int32_t index)
{
    return index >= 0 && index < m->dims->n_symbols ? m->dims->symbols[index] : NULL;
}

const ingot_dim *ingot_module_symbol_dim(const ingot_module *m, int32_t index)
{
    return index >= 0 && index < m->dims->n_symbols ? m->dims->symbol_dims[index] : NULL;
}

ingot_status ingot_symbol_restrict(ingot_module *m, int32_t index, int64_t lo, int64_t hi)
{
    if (index < 0 || index >= m->dims->n_symbols)
        return ingot_fail(INGOT_INTERNAL, "no symbol %d", (int)index);
    ingot_symbol_info *info = m->dims->symbols[index];
    int64_t new_lo = LARGER(lo, info->lo), new_hi = SMALLER(hi, info->hi);
    if (new_lo > new_hi)
        return ingot_fail(INGOT_BAD_USAGE, "size '%s' is in %lld..%lld, which excludes %lld..%lld", info->name,
                          (long long)info->lo, (long long)info->hi, (long long)lo, (long long)hi);
    info->lo = new_lo;
    info->hi = new_hi;
    ingot_dim *dim = (ingot_dim *)m->dims->symbol_dims[index]; /* ours: interned in this table */
    dim->lo = new_lo;
    dim->hi = new_hi;
    return NULL;
}

/* ---- evaluation and substitution; recursion is bounded by INGOT_DIM_MAX_DEPTH ---- */

#define UNKNOWN INT64_MIN

static int64_t apply(ingot_dim_kind kind, int64_t a, int64_t b)
{
    int64_t result;
    if (a == UNKNOWN || b == UNKNOWN)
        return UNKNOWN;
    switch (kind) {
    case INGOT_DIM_ADD:
        return __builtin_add_overflow(a, b, &result) ? UNKNOWN : result;
    case INGOT_DIM_MUL:
        return __builtin_mul_overflow(a, b, &result) ? UNKNOWN : result;
    case INGOT_DIM_FLOORDIV:
        return b == 0 ? UNKNOWN : ingot_floor_div(a, b);
    case INGOT_DIM_MOD:
        if (b == 0)
            return UNKNOWN;
        result = a % b;
        return result && (result < 0) != (b < 0) ? result + b : result;
    case INGOT_DIM_MIN:
        return SMALLER(a, b);
    case INGOT_DIM_MAX:
        return LARGER(a, b);
    default:
        return UNKNOWN;
    }
}

/* What symbols stand for: numbers, or, without them, the typical values of a module. */
typedef struct {
    const int64_t *numbers;
    const ingot_module *m;
} meaning;

#define TYPICAL_SIDE 256

static int64_t typical_symbol(const ingot_module *m, int64_t symbol)
{
    const ingot_symbol_info *info = m->dims->symbols[symbol];
    const ingot_graph *g = m->n_graphs ? m->graphs[0] : NULL;
    int64_t value = TYPICAL_SIDE;
    for (int32_t i = 0; g && i < g->n_params; i++) {
        const ingot_type *t = &g->params[i]->type;
        if (t->rank > 1 && t->dims[0]->kind == INGOT_DIM_SYMBOL && t->dims[0]->value == symbol)
            value = 1;
    }
    return LARGER(info->lo, SMALLER(info->hi, value));
}

static int64_t evaluate(const ingot_dim *d, meaning of)
{
    if (d->kind == INGOT_DIM_CONST)
        return d->value;
    if (d->kind == INGOT_DIM_SYMBOL)
        return of.numbers ? of.numbers[d->value] : typical_symbol(of.m, d->value);
    int64_t result = evaluate(d->a, of);
    const ingot_dim *rest = d->b;
    if (!ingot_dim_is_opaque(d) && (d->kind == INGOT_DIM_ADD || d->kind == INGOT_DIM_MUL)) {
        for (; rest->kind == d->kind && !ingot_dim_is_opaque(rest); rest = rest->b)
            result = apply(d->kind, result, evaluate(rest->a, of));
    }
    return apply(d->kind, result, evaluate(rest, of));
}

int64_t ingot_dim_eval(const ingot_dim *d, const int64_t *symbols)
{
    return evaluate(d, (meaning){.numbers = symbols});
}

int64_t ingot_dim_typical(const ingot_module *m, const ingot_dim *d)
{
    return evaluate(d, (meaning){.m = m});
}

static const ingot_dim *combine(ingot_module *m, ingot_dim_kind kind, const ingot_dim *a, const ingot_dim *b)
{
    switch (kind) {
    case INGOT_DIM_ADD:
        return ingot_dim_add(m, a, b);
    case INGOT_DIM_MUL:
        return ingot_dim_mul(m, a, b);
    case INGOT_DIM_FLOORDIV:
        return ingot_dim_floordiv(m, a, b);
    case INGOT_DIM_MOD:
        return ingot_dim_mod(m, a, b);
    case INGOT_DIM_MIN:
        return ingot_dim_min(m, a, b);
    default:
        return ingot_dim_max(m, a, b);
    }
}

const ingot_dim *ingot_dim_substitute(ingot_module *m, const ingot_dim *d, int64_t symbol, const ingot_dim *by)
{
    if (d->kind == INGOT_DIM_CONST)
        return d;
    if (d->kind == INGOT_DIM_SYMBOL)
        return d->value == symbol ? by : d;
    const ingot_dim *result = ingot_dim_substitute(m, d->a, symbol, by);
    const ingot_dim *rest = d->b;
    if (!ingot_dim_is_opaque(d) && (d->kind == INGOT_DIM_ADD || d->kind == INGOT_DIM_MUL)) {
        for (; rest->kind == d->kind && !ingot_dim_is_opaque(rest); rest = rest->b)
            result = combine(m, d->kind, result, ingot_dim_substitute(m, rest->a, symbol, by));
    }
    return combine(m, d->kind, result, ingot_dim_substitute(m, rest, symbol, by));
}
