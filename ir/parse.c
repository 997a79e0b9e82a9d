/* The reader: the inverse of print.c, for text that anybody may have written. */
#include "ir/parse_impl.h"
#include <string.h>

#define IDS_PER_NODE 4 /* value ids are below this times --max-nodes: results, parameters, and what passes removed */

static ingot_status copy_name(ingot_reader *r, const char **out)
{
    char *text;
    size_t size;
    INGOT_TRY(ingot_reader_string(r, &text, &size));
    *out = size ? text : NULL;
    return NULL;
}

/* ["a", "", "b"] for n values; "" is no name. */
static ingot_status read_names(ingot_reader *r, int32_t n, const char **out)
{
    INGOT_TRY(ingot_reader_expect(r, "["));
    for (int32_t i = 0; i < n; i++) {
        if (i)
            INGOT_TRY(ingot_reader_expect(r, ","));
        INGOT_TRY(copy_name(r, &out[i]));
    }
    return ingot_reader_expect(r, "]");
}

static ingot_status name_values(ingot_reader *r, ingot_value *const *values, int32_t n)
{
    void *names;
    INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)n, sizeof(char *), &names));
    INGOT_TRY(read_names(r, n, names));
    for (int32_t i = 0; i < n; i++)
        values[i]->name = ((const char **)names)[i];
    return NULL;
}

/* ---- values ---- */

static ingot_status read_id(ingot_reader *r, int64_t *out)
{
    int64_t limit =
        r->m->limits->max_nodes > INT32_MAX / IDS_PER_NODE ? INT32_MAX : r->m->limits->max_nodes * IDS_PER_NODE;
    INGOT_TRY(ingot_reader_expect(r, "%"));
    size_t n = ingot_integer_parse(r->text + r->at, r->size - r->at, out);
    if (!n || *out < 0 || *out >= limit)
        return ingot_reader_fail(r, "expected a value's number below %lld", (long long)limit);
    r->at += n;
    return NULL;
}

static ingot_status define(ingot_reader *r, int64_t id, ingot_value *v)
{
    if (id >= r->n_values) {
        int64_t n = r->n_values ? r->n_values : 64;
        while (n <= id)
            n *= 2;
        void *values;
        INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)n, sizeof(void *), &values));
        if (r->n_values)
            memcpy(values, r->values, (size_t)r->n_values * sizeof(void *));
        r->values = values;
        r->n_values = n;
    }
    if (r->values[id])
        return ingot_reader_fail(r, "%%%lld is defined twice", (long long)id);
    r->values[id] = v;
    v->id = (uint32_t)id;
    return NULL;
}

/* (%1, %none, %3); grows in the arena by doubling. */
static ingot_status read_operands(ingot_reader *r, const ingot_graph *g, ingot_value ***out, int32_t *out_n)
{
    int32_t n = 0, capacity = 0;
    ingot_value **list = NULL;
    INGOT_TRY(ingot_reader_expect(r, "("));
    if (!ingot_reader_take(r, ")")) {
        do {
            if (n == capacity) {
                capacity = capacity ? 2 * capacity : 4;
                void *longer;
                INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)capacity, sizeof(void *), &longer));
                if (n)
                    memcpy(longer, list, (size_t)n * sizeof(void *));
                list = longer;
            }
            list[n] = NULL;
            int64_t id;
            if (!ingot_reader_take(r, "%none")) {
                INGOT_TRY(read_id(r, &id));
                if (id >= r->n_values || !r->values[id] || r->values[id]->graph != g)
                    return ingot_reader_fail(r, "%%%lld is not defined here", (long long)id);
                list[n] = r->values[id];
            }
            n++;
        } while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, ")"));
    }
    *out = list;
    *out_n = n;
    return NULL;
}

static ingot_status check_operand_types(ingot_reader *r, ingot_value *const *values, int32_t n)
{
    INGOT_TRY(ingot_reader_expect(r, "("));
    for (int32_t i = 0; i < n; i++) {
        ingot_type t;
        bool none;
        if (i)
            INGOT_TRY(ingot_reader_expect(r, ","));
        size_t at = r->at;
        INGOT_TRY(ingot_reader_type(r, &t, &none));
        if (none != (values[i] == NULL) || (values[i] && !ingot_type_equal(&t, &values[i]->type)))
            return ingot_reader_fail_at(r, at, "operand %d has another type where it is defined", (int)i);
    }
    return ingot_reader_expect(r, ")");
}

/* ---- attributes ---- */

static ingot_status read_enum(ingot_reader *r, const ingot_field *field, int64_t *out)
{
    char *text;
    size_t size, at = r->at;
    if (ingot_reader_peek(r) != '"')
        return ingot_reader_int(r, out);
    INGOT_TRY(ingot_reader_string(r, &text, &size));
    for (int64_t i = 0; field->enum_names[i]; i++) {
        if (!strcmp(field->enum_names[i], text)) {
            *out = i;
            return NULL;
        }
    }
    return ingot_reader_fail_at(r, at, "unknown %s \"%.60s\"", field->name, text);
}

static ingot_status read_field(ingot_reader *r, ingot_op *op, const ingot_field *field)
{
    void *at = (char *)op->attrs + field->offset;
    if (field->type == INGOT_FIELD_INT)
        return ingot_reader_int(r, at);
    if (field->type == INGOT_FIELD_FLOAT)
        return ingot_reader_double(r, at);
    if (field->type == INGOT_FIELD_ENUM)
        return read_enum(r, field, at);
    ingot_ints *list = at;
    *list = (ingot_ints){0};
    INGOT_TRY(ingot_reader_expect(r, "["));
    if (ingot_reader_take(r, "]"))
        return NULL;
    do {
        if (list->n == INGOT_MAX_INTS)
            return ingot_reader_fail(r, "more than %d numbers", INGOT_MAX_INTS);
        INGOT_TRY(ingot_reader_int(r, &list->v[list->n]));
        list->n++;
    } while (ingot_reader_take(r, ","));
    return ingot_reader_expect(r, "]");
}

#define MAX_SYM 4096

static ingot_status read_sym(ingot_reader *r, ingot_op *op)
{
    const ingot_dim *list[MAX_SYM];
    int32_t n = 0;
    INGOT_TRY(ingot_reader_expect(r, "["));
    if (!ingot_reader_take(r, "]")) {
        do {
            if (n == MAX_SYM)
                return ingot_reader_fail(r, "more than %d sizes", MAX_SYM);
            INGOT_TRY(ingot_reader_dim(r, &list[n++]));
        } while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, "]"));
    }
    return ingot_op_set_sym(op, n, list);
}

static ingot_status read_scales(ingot_reader *r, ingot_op *op)
{
    double list[INGOT_MAX_RANK];
    int32_t n = 0;
    INGOT_TRY(ingot_reader_expect(r, "["));
    do {
        if (n == INGOT_MAX_RANK)
            return ingot_reader_fail(r, "more than %d scales", INGOT_MAX_RANK);
        INGOT_TRY(ingot_reader_double(r, &list[n++]));
    } while (ingot_reader_take(r, ","));
    void *copy;
    INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)n, sizeof(double), &copy));
    memcpy(copy, list, (size_t)n * sizeof(double));
    op->scales = copy;
    op->n_scales = n;
    return ingot_reader_expect(r, "]");
}

static ingot_status read_prog(ingot_reader *r, ingot_op *op)
{
    char *text;
    size_t size, at = r->at;
    void *prog;
    INGOT_TRY(ingot_reader_string(r, &text, &size));
    INGOT_TRY(ingot_arena_array(&r->m->arena, 1, sizeof(ingot_prog), &prog));
    op->prog = prog;
    ingot_status status = ingot_prog_parse(text, size, op->prog);
    if (!status)
        return NULL;
    ingot_status placed = ingot_reader_fail_at(r, at, "%s", ingot_status_message(status));
    ingot_status_free(status);
    return placed;
}

static ingot_status read_count(ingot_reader *r, int32_t most, int32_t *out)
{
    int64_t value;
    INGOT_TRY(ingot_reader_int(r, &value));
    if (value < 0 || value > most)
        return ingot_reader_fail(r, "expected a number up to %d", (int)most);
    *out = (int32_t)value;
    return NULL;
}

/* What an op's dictionary said beyond its fields. */
typedef struct {
    ingot_type literal_type;
    size_t literal_at;
} extras;

static bool is(const char *key, size_t size, const char *word)
{
    return strlen(word) == size && !memcmp(key, word, size);
}

static ingot_status read_attribute(ingot_reader *r, ingot_op *op, extras *extra)
{
    const ingot_attrs_desc *desc = &ingot_attrs_table[ingot_op_info_get(op->kind)->attrs];
    const char *key;
    size_t size, at = r->at;
    INGOT_TRY(ingot_reader_name(r, &key, &size));
    INGOT_TRY(ingot_reader_expect(r, "="));
    for (int32_t i = 0; i < desc->n_fields; i++) {
        if (is(key, size, desc->fields[i].name))
            return read_field(r, op, &desc->fields[i]);
    }
    if (is(key, size, "value") && op->kind == INGOT_OP_constant) {
        void *memory;
        INGOT_TRY(ingot_arena_array(&r->m->arena, 1, sizeof(ingot_literal), &memory));
        op->literal = memory;
        extra->literal_at = r->at;
        return ingot_reader_literal(r, op->literal, &extra->literal_type);
    }
    if (is(key, size, "sym"))
        return read_sym(r, op);
    if (is(key, size, "scales"))
        return read_scales(r, op);
    if (is(key, size, "prog"))
        return read_prog(r, op);
    if (is(key, size, "n_base"))
        return read_count(r, op->n_in, &op->n_base);
    if (is(key, size, "n_carried"))
        return read_count(r, op->n_in, &op->n_carried);
    if (is(key, size, "names"))
        return name_values(r, op->out, op->n_out);
    return ingot_reader_fail_at(r, at, "ingot.%s has no attribute '%.*s'", ingot_op_info_get(op->kind)->name,
                                (int)(size < 60 ? size : 60), key);
}

static ingot_status read_result_types(ingot_reader *r, ingot_op *op)
{
    bool listed = ingot_reader_take(r, "("), none;
    if (!listed && op->n_out != 1)
        return ingot_reader_fail(r, "expected '('");
    for (int32_t i = 0; i < op->n_out; i++) {
        if (i)
            INGOT_TRY(ingot_reader_expect(r, ","));
        INGOT_TRY(ingot_reader_type(r, &op->out[i]->type, &none));
        if (none)
            return ingot_reader_fail(r, "a result of type none");
    }
    return listed ? ingot_reader_expect(r, ")") : NULL;
}

/* ---- ops ---- */

static ingot_status read_body(ingot_reader *r, ingot_graph *g);

static ingot_status read_regions(ingot_reader *r, ingot_graph *out[2])
{
    out[0] = out[1] = NULL;
    if (!ingot_reader_take(r, "("))
        return NULL;
    for (int i = 0; i < 2; i++) {
        if (i && !ingot_reader_take(r, ","))
            break;
        out[i] = ingot_module_add_graph(r->m, "");
        if (!out[i])
            return ingot_status_no_memory();
        INGOT_TRY(ingot_reader_expect(r, "{"));
        INGOT_TRY(ingot_reader_enter(r));
        INGOT_TRY(read_body(r, out[i]));
        r->depth--;
        INGOT_TRY(ingot_reader_expect(r, "}"));
    }
    return ingot_reader_expect(r, ")");
}

static ingot_status read_ids(ingot_reader *r, int64_t **out, int32_t *out_n)
{
    int32_t n = 0, capacity = 0;
    int64_t *list = NULL;
    do {
        if (n == capacity) {
            capacity = capacity ? 2 * capacity : 4;
            void *longer;
            INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)capacity, sizeof *list, &longer));
            if (n)
                memcpy(longer, list, (size_t)n * sizeof *list);
            list = longer;
        }
        INGOT_TRY(read_id(r, &list[n++]));
    } while (ingot_reader_take(r, ","));
    *out = list;
    *out_n = n;
    return ingot_reader_expect(r, "=");
}

static ingot_status read_op_rest(ingot_reader *r, ingot_graph *g, ingot_op_kind kind, const int64_t *ids, int32_t n_ids)
{
    ingot_value **in;
    ingot_op *op;
    ingot_graph *regions[2];
    extras extra = {0};
    int32_t n_in;
    size_t at = r->at;
    INGOT_TRY(read_operands(r, g, &in, &n_in));
    INGOT_TRY(read_regions(r, regions));
    INGOT_TRY(ingot_graph_add_op(g, NULL, kind, n_in, in, n_ids, &op));
    for (int i = 0; i < 2; i++) {
        op->regions[i] = regions[i];
        if (regions[i])
            regions[i]->parent = op;
    }
    if (ingot_reader_take(r, "{") && !ingot_reader_take(r, "}")) {
        do
            INGOT_TRY(read_attribute(r, op, &extra));
        while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, "}"));
    }
    INGOT_TRY(ingot_reader_expect(r, ":"));
    INGOT_TRY(check_operand_types(r, in, n_in));
    INGOT_TRY(ingot_reader_expect(r, "->"));
    INGOT_TRY(read_result_types(r, op));
    if (ingot_reader_take(r, "loc(")) {
        INGOT_TRY(copy_name(r, &op->loc));
        INGOT_TRY(ingot_reader_expect(r, ")"));
    }
    for (int32_t i = 0; i < n_ids; i++)
        INGOT_TRY(define(r, ids[i], op->out[i]));
    if (kind == INGOT_OP_constant) {
        if (!op->literal || n_ids != 1)
            return ingot_reader_fail_at(r, at, "a constant needs a value");
        if (op->literal->kind != INGOT_LITERAL_FILE && !ingot_type_equal(&extra.literal_type, &op->out[0]->type))
            return ingot_reader_fail_at(r, extra.literal_at, "the literal's type is not the result's");
        ingot_status status = ingot_op_shape_rule(kind)(op);
        if (status) {
            ingot_status placed = ingot_reader_fail_at(r, extra.literal_at, "%s", ingot_status_message(status));
            ingot_status_free(status);
            return placed;
        }
    }
    return ingot_op_infer_content(op);
}

/* The end of a body: results, their names, and for regions name and parameter names. */
static ingot_status read_return(ingot_reader *r, ingot_graph *g)
{
    ingot_value **results;
    int32_t n;
    void *names;
    INGOT_TRY(read_operands(r, g, &results, &n));
    INGOT_TRY(ingot_arena_array(&r->m->arena, (size_t)n, sizeof(char *), &names));
    if (ingot_reader_take(r, "{")) {
        do {
            const char *key;
            size_t size, at = r->at;
            INGOT_TRY(ingot_reader_name(r, &key, &size));
            INGOT_TRY(ingot_reader_expect(r, "="));
            if (is(key, size, "names"))
                INGOT_TRY(read_names(r, n, names));
            else if (is(key, size, "param_names"))
                INGOT_TRY(name_values(r, g->params, g->n_params));
            else if (is(key, size, "sym_name"))
                INGOT_TRY(copy_name(r, &g->name));
            else
                return ingot_reader_fail_at(r, at, "ingot.return has no such attribute");
        } while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, "}"));
    }
    INGOT_TRY(ingot_reader_expect(r, ":"));
    INGOT_TRY(check_operand_types(r, results, n));
    INGOT_TRY(ingot_reader_expect(r, "->"));
    INGOT_TRY(ingot_reader_expect(r, "("));
    INGOT_TRY(ingot_reader_expect(r, ")"));
    for (int32_t i = 0; i < n; i++) {
        if (!results[i])
            return ingot_reader_fail(r, "a result is left out");
        INGOT_TRY(ingot_graph_add_output(g, ((const char **)names)[i], results[i]));
    }
    if (!g->name)
        g->name = "";
    return NULL;
}

static ingot_status read_params(ingot_reader *r, ingot_graph *g)
{
    if (!ingot_reader_take(r, "^bb0"))
        return NULL;
    INGOT_TRY(ingot_reader_expect(r, "("));
    if (!ingot_reader_take(r, ")")) {
        do {
            int64_t id;
            ingot_type t;
            bool none;
            INGOT_TRY(read_id(r, &id));
            INGOT_TRY(ingot_reader_expect(r, ":"));
            INGOT_TRY(ingot_reader_type(r, &t, &none));
            if (none)
                return ingot_reader_fail(r, "a parameter of type none");
            ingot_value *v = ingot_graph_add_input(g, NULL, &t);
            if (!v)
                return ingot_status_no_memory();
            INGOT_TRY(define(r, id, v));
        } while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, ")"));
    }
    return ingot_reader_expect(r, ":");
}

static ingot_status read_body(ingot_reader *r, ingot_graph *g)
{
    INGOT_TRY(read_params(r, g));
    for (;;) {
        int64_t *ids = NULL;
        int32_t n_ids = 0;
        bool none = ingot_reader_take(r, "%none");
        if (none)
            INGOT_TRY(ingot_reader_expect(r, "="));
        else if (ingot_reader_peek(r) == '%')
            INGOT_TRY(read_ids(r, &ids, &n_ids));
        size_t at = r->at, size;
        char *name;
        INGOT_TRY(ingot_reader_string(r, &name, &size));
        if (none) {
            if (strcmp(name, "ingot.none"))
                return ingot_reader_fail_at(r, at, "expected \"ingot.none\"");
            INGOT_TRY(ingot_reader_expect(r, "()"));
            INGOT_TRY(ingot_reader_expect(r, ":"));
            INGOT_TRY(ingot_reader_expect(r, "()"));
            INGOT_TRY(ingot_reader_expect(r, "->"));
            INGOT_TRY(ingot_reader_expect(r, "none"));
            continue;
        }
        if (!strcmp(name, "ingot.return") && !n_ids)
            return read_return(r, g);
        ingot_op_kind kind = INGOT_OP_COUNT;
        if (size > 6 && !memcmp(name, "ingot.", 6))
            kind = ingot_op_kind_parse(name + 6, size - 6);
        if (kind == INGOT_OP_COUNT)
            return ingot_reader_fail_at(r, at, "unknown op \"%.60s\"", name);
        INGOT_TRY(read_op_rest(r, g, kind, ids, n_ids));
    }
}

/* ---- module ---- */

static ingot_status read_symbol(ingot_reader *r)
{
    char *text;
    size_t size, at = r->at;
    int64_t bounds[2];
    INGOT_TRY(ingot_reader_string(r, &text, &size));
    bool from_data = size > 5 && !strcmp(text + size - 5, ":data");
    if (from_data)
        text[size - 5] = 0;
    for (int i = 1; i >= 0; i--) { /* from the right: a name may hold colons */
        char *colon = strrchr(text, ':');
        if (!colon || !colon[1] || ingot_integer_parse(colon + 1, strlen(colon + 1), &bounds[i]) != strlen(colon + 1))
            return ingot_reader_fail_at(r, at, "expected \"name:low:high\"");
        *colon = 0;
    }
    int32_t before = ingot_module_symbol_count(r->m);
    if (!*text || bounds[0] > bounds[1])
        return ingot_reader_fail_at(r, at, "expected \"name:low:high\" with a name and low <= high");
    (void)ingot_symbol(r->m, text, bounds[0], bounds[1]);
    INGOT_TRY(ingot_dims_check(r->m));
    if (ingot_module_symbol_count(r->m) == before)
        return ingot_reader_fail_at(r, at, "symbol '%.60s' twice", text);
    r->m->dims->symbols[before]->from_data = from_data;
    return NULL;
}

static ingot_status read_check(ingot_reader *r, ingot_check ***tail)
{
    char *kind, *message;
    size_t size;
    void *memory;
    INGOT_TRY(ingot_arena_array(&r->m->arena, 1, sizeof(ingot_check), &memory));
    ingot_check *check = memory;
    INGOT_TRY(ingot_reader_expect(r, "["));
    INGOT_TRY(ingot_reader_string(r, &kind, &size));
    int k = 0;
    while (k < 3 && strcmp(kind, ingot_check_names[k]))
        k++;
    if (k == 3)
        return ingot_reader_fail(r, "unknown check \"%.60s\"", kind);
    INGOT_TRY(ingot_reader_expect(r, ","));
    INGOT_TRY(ingot_reader_dim(r, &check->a));
    INGOT_TRY(ingot_reader_expect(r, ","));
    INGOT_TRY(ingot_reader_dim(r, &check->b));
    INGOT_TRY(ingot_reader_expect(r, ","));
    INGOT_TRY(ingot_reader_string(r, &message, &size));
    int64_t graph = 0;
    if (ingot_reader_take(r, ","))
        INGOT_TRY(ingot_reader_int(r, &graph));
    if (graph < 0 || graph >= r->m->n_graphs)
        return ingot_reader_fail(r, "a check of graph %lld, there are %d", (long long)graph, (int)r->m->n_graphs);
    check->graph = r->m->graphs[graph];
    check->kind = (ingot_check_kind)k;
    check->message = message;
    **tail = check;
    *tail = &check->next;
    return ingot_reader_expect(r, "]");
}

static ingot_status read_list(ingot_reader *r, bool checks, ingot_check ***tail)
{
    INGOT_TRY(ingot_reader_expect(r, "["));
    if (ingot_reader_take(r, "]"))
        return NULL;
    do
        INGOT_TRY(checks ? read_check(r, tail) : read_symbol(r));
    while (ingot_reader_take(r, ","));
    return ingot_reader_expect(r, "]");
}

/* Over a bracketed list, minding strings. */
static ingot_status skip_list(ingot_reader *r)
{
    int depth = 0;
    do {
        char c = ingot_reader_peek(r);
        if (!c)
            return ingot_reader_fail(r, "a list without end");
        if (c == '"') {
            char *text;
            size_t size;
            INGOT_TRY(ingot_reader_string(r, &text, &size));
            continue;
        }
        depth += (c == '[') - (c == ']');
        r->at++;
    } while (depth > 0);
    return NULL;
}

static ingot_status read_module_attributes(ingot_reader *r)
{
    INGOT_TRY(ingot_reader_expect(r, "{"));
    if (ingot_reader_take(r, "}"))
        return NULL;
    do {
        const char *key;
        size_t size, at = r->at;
        INGOT_TRY(ingot_reader_name(r, &key, &size));
        INGOT_TRY(ingot_reader_expect(r, "="));
        if (is(key, size, "ingot.file")) {
            INGOT_TRY(copy_name(r, &r->m->file));
        } else if (is(key, size, "ingot.symbols")) {
            INGOT_TRY(read_list(r, false, NULL));
        } else if (is(key, size, "ingot.checks")) { /* once all symbols and graphs are there */
            r->checks_at = r->at;
            INGOT_TRY(skip_list(r));
        } else {
            return ingot_reader_fail_at(r, at, "unknown attribute '%.*s'", (int)(size < 60 ? size : 60), key);
        }
    } while (ingot_reader_take(r, ","));
    return ingot_reader_expect(r, "}");
}

static ingot_status read_checks(ingot_reader *r)
{
    ingot_check **tail = &r->m->checks;
    if (!r->checks_at)
        return NULL;
    r->at = r->checks_at;
    return read_list(r, true, &tail);
}

static ingot_status read_graph(ingot_reader *r)
{
    INGOT_TRY(ingot_reader_expect(r, "\"ingot.graph\""));
    INGOT_TRY(ingot_reader_expect(r, "()"));
    INGOT_TRY(ingot_reader_expect(r, "({"));
    ingot_graph *g = ingot_module_add_graph(r->m, "");
    if (!g)
        return ingot_status_no_memory();
    INGOT_TRY(ingot_reader_enter(r));
    INGOT_TRY(read_body(r, g));
    r->depth--;
    INGOT_TRY(ingot_reader_expect(r, "})"));
    if (ingot_reader_take(r, "{")) {
        do {
            size_t at = r->at;
            if (ingot_reader_take(r, "sym_name")) {
                INGOT_TRY(ingot_reader_expect(r, "="));
                INGOT_TRY(copy_name(r, &g->name));
            } else if (ingot_reader_take(r, "param_names")) {
                INGOT_TRY(ingot_reader_expect(r, "="));
                INGOT_TRY(name_values(r, g->params, g->n_params));
            } else {
                return ingot_reader_fail_at(r, at, "expected sym_name or param_names");
            }
        } while (ingot_reader_take(r, ","));
        INGOT_TRY(ingot_reader_expect(r, "}"));
    }
    if (!g->name)
        g->name = "";
    INGOT_TRY(ingot_reader_expect(r, ":"));
    INGOT_TRY(ingot_reader_expect(r, "()"));
    INGOT_TRY(ingot_reader_expect(r, "->"));
    return ingot_reader_expect(r, "()");
}

static ingot_status read_module(ingot_reader *r)
{
    INGOT_TRY(ingot_reader_expect(r, "module"));
    if (ingot_reader_take(r, "attributes"))
        INGOT_TRY(read_module_attributes(r));
    INGOT_TRY(ingot_reader_expect(r, "{"));
    do
        INGOT_TRY(read_graph(r));
    while (!ingot_reader_take(r, "}"));
    if (ingot_reader_peek(r) || r->at < r->size)
        return ingot_reader_fail(r, "expected the end");
    INGOT_TRY(read_checks(r));
    r->m->next_value_id = 0;
    for (int64_t i = 0; i < r->n_values; i++) {
        if (r->values[i])
            r->m->next_value_id = (uint32_t)i + 1;
    }
    INGOT_TRY(ingot_dims_check(r->m));
    ingot_status status = ingot_module_verify(r->m);
    if (status) { /* the text's fault, not ours */
        ingot_status ours = ingot_fail(INGOT_BAD_MODEL, "%s: %s", r->file, ingot_status_message(status));
        ingot_status_free(status);
        return ours;
    }
    return NULL;
}

ingot_status ingot_module_parse(const char *text, size_t size, const char *file, const ingot_limits *limits,
                                ingot_module **out)
{
    ingot_module *m;
    *out = NULL;
    INGOT_TRY(ingot_module_create(limits, &m));
    ingot_reader r = {
        .m = m, .text = text, .file = file ? file : "(text)", .size = size, .max_depth = m->limits->max_depth};
    ingot_status status = read_module(&r);
    if (status) {
        ingot_module_destroy(m);
        return status;
    }
    *out = m;
    return NULL;
}
