/* The walk over the nodes of a graph: operator table, operands, functions of the model, the list of what is
 * unsupported. */
#include "frontend/importer.h"
#include <stdio.h>
#include <string.h>

#define MAX_OPERANDS   65536
#define NEWEST_OPSET   27
#define MAX_LISTED     200
#define EXTRA_OPERANDS 16 /* importers may read operand slots past those given: null */

static const ingot_onnx_row rows[] = {
#define ONNX(domain, name, since, in_lo, in_hi, out_lo, out_hi, import, arg) \
    {domain, name, since, in_lo, in_hi, out_lo, out_hi, ingot_import_##import, arg, #import},
#include "frontend/onnx.def"
#undef ONNX
};
#define N_ROWS (sizeof rows / sizeof *rows)

bool ingot_onnx_operator_get(int32_t i, ingot_onnx_operator *out)
{
    if (i < 0 || (size_t)i >= N_ROWS)
        return false;
    const ingot_onnx_row *row = &rows[i];
    *out = (ingot_onnx_operator){row->domain,  row->op_type, row->since,  row->in_lo,
                                 row->in_hi,   row->out_lo,  row->out_hi, ingot_import_is_elementwise(row->import),
                                 row->importer};
    return true;
}

/* The row for an operator at an opset: the newest one that is not newer. `out_first`: the oldest opset with a row, 0
 * without any. */
static const ingot_onnx_row *find_row(const char *domain, const char *op_type, int64_t opset, int64_t *out_first)
{
    const ingot_onnx_row *best = NULL;
    *out_first = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].op_type, op_type) != 0 || strcmp(rows[i].domain, domain) != 0)
            continue;
        if (!*out_first || rows[i].since < *out_first)
            *out_first = rows[i].since;
        if (rows[i].since <= opset && (!best || rows[i].since > best->since))
            best = &rows[i];
    }
    return best;
}

static size_t hash_texts(const char *a, const char *b, const char *c)
{
    const char *texts[] = {a, b, c};
    uint64_t h = 1469598103934665603u;
    for (int i = 0; i < 3; i++) {
        for (const char *t = texts[i]; *t; t++)
            h = (h ^ (uint8_t)*t) * 1099511628211u;
        h = (h ^ 0xff) * 1099511628211u;
    }
    return (size_t)(h ^ (h >> 29));
}

static const ingot_onnx_function **function_slot(const ingot_importer *im, const char *domain, const char *name,
                                                 const char *overload)
{
    size_t at = hash_texts(domain, name, overload) & (im->n_function_slots - 1);
    for (;; at = (at + 1) & (im->n_function_slots - 1)) {
        const ingot_onnx_function *f = im->function_slots[at];
        if (!f || (!strcmp(f->name, name) && !strcmp(f->domain, domain) && !strcmp(f->overload, overload)))
            return &im->function_slots[at];
    }
}

ingot_status ingot_import_index_functions(ingot_importer *im)
{
    im->n_function_slots = 16;
    while (im->n_function_slots < 2 * (size_t)im->model.n_functions)
        im->n_function_slots *= 2;
    INGOT_TRY(ingot_arena_array(&im->scratch, im->n_function_slots, sizeof *im->function_slots,
                                (void **)&im->function_slots));
    for (int32_t i = 0; i < im->model.n_functions; i++) {
        const ingot_onnx_function *f = &im->model.functions[i];
        const ingot_onnx_function **slot = function_slot(im, f->domain, f->name, f->overload);
        if (*slot)
            return ingot_fail(INGOT_BAD_MODEL, "the function '%s' is defined twice", f->name);
        if (f->n_opsets > INGOT_IMPORT_MAX_OPSETS)
            return ingot_fail(INGOT_LIMIT, "the function '%s' imports %d operator sets", f->name, f->n_opsets);
        *slot = f;
    }
    return NULL;
}

static const ingot_onnx_function *find_function(const ingot_importer *im, const ingot_onnx_node *node)
{
    return *function_slot(im, node->domain, node->op_type, node->overload);
}

/* ---- Errors of a node ---- */
bool ingot_node_check(ingot_node *n, ingot_status status)
{
    if (!status)
        return true;
    if (n->error)
        ingot_status_free(status);
    else
        n->error = status;
    return false;
}

static void refuse(ingot_node *n, ingot_code code, const char *format, va_list args)
{
    if (n->error)
        return;
    char text[1024];
    (void)vsnprintf(text, sizeof text, format, args);
    n->error = ingot_fail(code, "%s", text);
}

void ingot_node_bad(ingot_node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse(n, INGOT_BAD_MODEL, format, args);
    va_end(args);
}

void ingot_node_unsupported(ingot_node *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse(n, INGOT_UNSUPPORTED, format, args);
    va_end(args);
}

void ingot_type_describe(const ingot_module *m, const ingot_type *type, ingot_text *out)
{
    static const char *const forms[] = {"", "sequence of ", "optional ", "optional sequence of "};
    ingot_text_append(out, "%s%s[", forms[type->form], ingot_dtype_name(type->dtype));
    for (int32_t i = 0; i < type->rank; i++) {
        ingot_text_append(out, "%s", i ? "," : "");
        ingot_dim_print(m, type->dims[i], out);
    }
    ingot_text_append(out, type->rank < 0 ? "unknown rank]" : "]");
}

/* "node 'x' (Foo, opset 17): inputs f32[1,3], i64[2]". */
static void describe(const ingot_node *n, ingot_text *out)
{
    const ingot_onnx_node *v = n->view;
    const char *name = *v->name ? v->name : v->n_out ? v->out[0] : "";
    ingot_text_append(out, "node '%s' (%s%s%s, opset %lld)", name, v->domain, *v->domain ? "." : "", v->op_type,
                      (long long)n->opset);
    for (int32_t i = 0; i < n->n_in && i < 16; i++) {
        ingot_text_append(out, i ? ", " : ": inputs ");
        if (!n->in || !n->in[i])
            ingot_text_append(out, "-");
        else if (n->in[i] == &n->im->placeholder)
            ingot_text_append(out, "?");
        else
            ingot_type_describe(n->m, &n->in[i]->type, out);
    }
}

/* What a status of the node adds to its description. Shape rules name the op and its operands; of an op that is all of
 * the node that has been said. */
static const char *reason_of(const ingot_node *n, ingot_status status)
{
    const char *message = ingot_status_message(status);
    size_t loc = strlen(n->loc);
    if (strncmp(message, n->loc, loc) != 0 || strncmp(message + loc, ": ", 2) != 0)
        return message;
    message += loc + 2;
    const char *open = strchr(message, '(');
    if (strncmp(message, "ingot.", 6) != 0 || !open)
        return message;
    ingot_text operands = {0};
    for (int32_t i = 0; i < n->n_in; i++) {
        ingot_text_append(&operands, i ? ", " : "");
        if (n->in[i])
            ingot_type_print(n->m, &n->in[i]->type, &operands);
        else
            ingot_text_append(&operands, "none");
    }
    ingot_text_append(&operands, "): ");
    if (!operands.failed && !strncmp(open + 1, operands.data, operands.size))
        message = open + 1 + operands.size;
    ingot_text_free(&operands);
    return message;
}

/* Adds the node and its reason to the list, and frees the status. */
static void list_refused(ingot_importer *im, const ingot_node *n, ingot_status status)
{
    if (ingot_status_code(status) == INGOT_UNSUPPORTED)
        im->n_unsupported++;
    else
        im->n_invalid++;
    if (im->n_unsupported + im->n_invalid <= MAX_LISTED) {
        ingot_text_append(&im->refused, "\n  ");
        describe(n, &im->refused);
        ingot_text_append(&im->refused, ": %s", reason_of(n, status));
    }
    ingot_status_free(status);
}

/* Whether the walk goes on behind the node, for all that is wrong with a model to be told at once. What is invalid in a
 * branch or a body is told of the node that has it: there, it may be that the branch cannot run. */
static bool may_go_on(const ingot_scope *scope, ingot_status status)
{
    ingot_code code = ingot_status_code(status);
    return code == INGOT_UNSUPPORTED || (code == INGOT_BAD_MODEL && !scope->parent && !scope->frame);
}

/* ---- One node ---- */
static ingot_status bind_results(ingot_importer *im, ingot_scope *scope, const ingot_onnx_node *view,
                                 ingot_value *const *values)
{
    for (int32_t i = 0; i < view->n_out; i++) {
        if (!*view->out[i])
            continue;
        ingot_value *v = values ? values[i] : &im->placeholder;
        if (!v)
            return ingot_fail(INGOT_BAD_MODEL, "output '%s' is not a result of %s", view->out[i], view->op_type);
        if (v != &im->placeholder && !v->name) {
            v->name = ingot_arena_strndup(&im->module->arena, view->out[i], strlen(view->out[i]));
            if (!v->name)
                return ingot_status_no_memory();
        }
        INGOT_TRY(ingot_scope_define(im, scope, (ingot_binding){.name = view->out[i], .value = v}));
    }
    return NULL;
}

static ingot_status import_function(ingot_node *n, const ingot_onnx_function *f)
{
    ingot_importer *im = n->im;
    if (n->n_in > f->n_in || n->view->n_out > f->n_out)
        return ingot_fail(INGOT_BAD_MODEL, "function '%s' takes %d inputs and gives %d outputs", f->name, f->n_in,
                          f->n_out);
    if (im->depth_left <= 0)
        return ingot_fail(INGOT_LIMIT, "functions are nested deeper than allowed (--max-depth), or call themselves");
    ingot_scope *s;
    ingot_call_frame *frame;
    INGOT_TRY(ingot_scope_make(im, n->scope, &s));
    INGOT_TRY(ingot_arena_array(&im->scratch, 1, sizeof *frame, (void **)&frame));
    *frame = (ingot_call_frame){f, n->view, n->scope->frame};
    s->parent = NULL; /* a function sees its own names only */
    s->frame = frame;
    s->opsets = f->opsets;
    s->n_opsets = f->n_opsets;
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i])
            INGOT_TRY(ingot_scope_define(im, s, (ingot_binding){.name = f->in[i], .value = n->in[i]}));
    im->depth_left--;
    ingot_status status = ingot_import_nodes(im, s, f->n_nodes, f->nodes);
    im->depth_left++;
    INGOT_TRY(status);
    for (int32_t i = 0; i < n->view->n_out; i++)
        if (*n->view->out[i])
            n->out[i] = ingot_scope_get(n, s, f->out[i]);
    return n->error;
}

/* Without boxed operands. What only a run can settle may still be possible with a boxed result: then nothing stays of
 * the first try. */
static void import_plain(ingot_node *n, const ingot_onnx_row *row)
{
    ingot_op *last = n->graph->last;
    ingot_check *checks = n->m->checks;
    row->import(n);
    if (!n->error || ingot_status_code(n->error) != INGOT_UNSUPPORTED || !ingot_has_boxed_form(row))
        return;
    ingot_status plain = n->error;
    n->error = NULL;
    while (n->graph->last != last && n->graph->last)
        ingot_op_erase(n->graph->last);
    n->m->checks = checks;
    ingot_import_boxed(n, row);
    if (!n->error) {
        ingot_status_free(plain);
        return;
    }
    ingot_status_free(n->error);
    n->error = plain;
}

static void bad_count(ingot_node *n, const char *verb, const char *what, int32_t lo, int32_t hi, int32_t found)
{
    const char *s = lo == 1 && hi == 1 ? "" : "s";
    if (lo == hi)
        ingot_node_bad(n, "%s %d %s%s, found %d", verb, lo, what, s, found);
    else if (hi < 0)
        ingot_node_bad(n, "%s at least %d %s%s, found %d", verb, lo, what, s, found);
    else
        ingot_node_bad(n, "%s %d to %d %ss, found %d", verb, lo, hi, what, found);
}

/* The table's part: arity, then the importer. */
static void import_by_row(ingot_node *n, const ingot_onnx_row *row)
{
    int32_t given = n->n_in, results = n->view->n_out;
    if (given < row->in_lo || (row->in_hi >= 0 && given > row->in_hi)) {
        bad_count(n, "takes", "input", row->in_lo, row->in_hi, given);
        return;
    }
    for (int32_t i = 0; i < row->in_lo; i++)
        if (!n->in[i]) {
            ingot_node_bad(n, "input %d must be given", i);
            return;
        }
    if (results < row->out_lo || (row->out_hi >= 0 && results > row->out_hi)) {
        bad_count(n, "gives", "output", row->out_lo, row->out_hi, results);
        return;
    }
    n->arg = row->arg;
    bool boxed = false;
    for (int32_t i = 0; i < given; i++)
        boxed |= n->in[i] && ingot_type_is_boxed(&n->in[i]->type);
    if (boxed)
        ingot_import_with_boxes(n, row);
    else
        import_plain(n, row);
}

static bool any_placeholder(const ingot_node *n)
{
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i] == &n->im->placeholder)
            return true;
    return false;
}

/* Which rule an operator without a usable row breaks. */
static ingot_status missing_row(const ingot_node *n, int64_t first)
{
    if (!n->opset)
        return ingot_fail(INGOT_BAD_MODEL, "the model does not import the domain '%s'", n->view->domain);
    if (!*n->view->domain && n->opset > NEWEST_OPSET)
        return ingot_fail(INGOT_UNSUPPORTED, "opset %lld is newer than %d, the newest known: export for that one",
                          (long long)n->opset, NEWEST_OPSET);
    if (first)
        return ingot_fail(INGOT_UNSUPPORTED, "known from opset %lld on: convert the model to a newer opset",
                          (long long)first);
    bool standard = !*n->view->domain || !strncmp(n->view->domain, "ai.onnx", 7);
    return ingot_fail(INGOT_UNSUPPORTED, standard
                                             ? "not an operator that is known (`ingot info --operators` lists them)"
                                             : "this operator is not known: export the model without it, or with "
                                               "a function in the model that defines it");
}

static ingot_status run_importer(ingot_node *n)
{
    const ingot_onnx_function *f = find_function(n->im, n->view);
    if (f) {
        if (!any_placeholder(n))
            ingot_node_check(n, import_function(n, f));
        return n->error;
    }
    int64_t first;
    const ingot_onnx_row *row = find_row(n->view->domain, n->view->op_type, n->opset, &first);
    if (!row || (!*n->view->domain && n->opset > NEWEST_OPSET)) {
        ingot_node_check(n, missing_row(n, first));
        return n->error;
    }
    /* Behind an unsupported node only the table is checked. */
    if (!any_placeholder(n))
        import_by_row(n, row);
    return n->error;
}

static ingot_status import_node(ingot_importer *im, ingot_scope *scope, const ingot_onnx_node *view)
{
    if (im->nodes_left-- <= 0)
        return ingot_fail(INGOT_LIMIT, "the model has more nodes, functions inlined, than allowed (--max-nodes)");
    if (view->n_in > MAX_OPERANDS || view->n_out > MAX_OPERANDS)
        return ingot_fail(INGOT_LIMIT, "node '%s' has over %d inputs or outputs", view->name, MAX_OPERANDS);
    ingot_node n = {.im = im,
                    .scope = scope,
                    .m = im->module,
                    .graph = scope->graph,
                    .view = view,
                    .n_in = view->n_in,
                    .n_out = view->n_out};
    n.opset = ingot_scope_opset(scope, view->domain);
    const char *name = *view->name ? view->name : view->n_out ? view->out[0] : "";
    n.loc = ingot_arena_printf(&im->module->arena, "%s (%s)", name, view->op_type);
    if (!n.loc)
        return ingot_status_no_memory();
    size_t n_slots = (size_t)view->n_in + EXTRA_OPERANDS;
    INGOT_TRY(ingot_arena_array(&im->scratch, n_slots, sizeof *n.in, (void **)&n.in));
    INGOT_TRY(ingot_arena_array(&im->scratch, (size_t)view->n_out + 4, sizeof *n.out, (void **)&n.out));
    for (int32_t i = 0; i < view->n_in && !n.error; i++)
        n.in[i] = *view->in[i] ? ingot_scope_get(&n, scope, view->in[i]) : NULL;
    ingot_status status = n.error ? n.error : run_importer(&n);
    if (!status && any_placeholder(&n))
        return bind_results(im, scope, view, NULL);
    if (status && may_go_on(scope, status)) {
        list_refused(im, &n, status);
        return bind_results(im, scope, view, NULL);
    }
    if (!status)
        status = bind_results(im, scope, view, n.out);
    if (!status)
        return NULL;
    if (may_go_on(scope, status)) {
        list_refused(im, &n, status);
        return NULL;
    }
    ingot_text where = {0};
    describe(&n, &where);
    ingot_status told =
        ingot_fail(ingot_status_code(status), "%s: %s", where.data ? where.data : "", reason_of(&n, status));
    ingot_text_free(&where);
    ingot_status_free(status);
    return told;
}

ingot_status ingot_import_nodes(ingot_importer *im, ingot_scope *scope, int32_t n_nodes, const ingot_onnx_node *nodes)
{
    for (int32_t i = 0; i < n_nodes; i++)
        INGOT_TRY(import_node(im, scope, &nodes[i]));
    return NULL;
}

void ingot_import_body(ingot_node *n, ingot_scope *scope, const ingot_onnx_graph *body, ingot_value **out)
{
    ingot_importer *im = n->im;
    if (n->error)
        return;
    if (im->depth_left <= 0) {
        ingot_node_check(n, ingot_fail(INGOT_LIMIT, "graphs are nested deeper than allowed (--max-depth)"));
        return;
    }
    im->depth_left--;
    if (ingot_node_check(n, ingot_scope_add_initializers(im, scope, body)) &&
        ingot_node_check(n, ingot_import_nodes(im, scope, body->n_nodes, body->nodes)))
        for (int32_t i = 0; i < body->n_out; i++)
            out[i] = ingot_scope_get(n, scope, body->out[i].name);
    im->depth_left++;
}
