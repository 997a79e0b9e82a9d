/* The builder's control flow: loops, branches, switches (scf). */
#include "codegen/emit_impl.h"

/* "%1, %2" or their types, from values. */
static void list(ingot_emitter *e, ingot_text *out, int32_t n, const ingot_ev *values, bool types)
{
    for (int32_t i = 0; i < n; i++) {
        if (types)
            ingot_text_append(out, "%s%s", i ? ", " : "", ingot_e_type_name(values[i].type));
        else
            ingot_text_append(out, "%s%%%d", i ? ", " : "", ingot_e_id(e, values[i]));
    }
    if (out->failed)
        ingot_e_fail(e, INGOT_LIMIT, "no memory for the text of a kernel");
}

static void yield(ingot_emitter *e, int32_t n, const ingot_ev *values)
{
    if (n == 0) {
        ingot_e_line(e, "scf.yield");
        return;
    }
    ingot_text names = {0}, types = {0};
    list(e, &names, n, values, false);
    list(e, &types, n, values, true);
    ingot_e_line(e, "scf.yield %s : %s", names.data ? names.data : "", types.data ? types.data : "");
    ingot_text_free(&names);
    ingot_text_free(&types);
}

static bool too_many(ingot_emitter *e, int32_t n)
{
    if (n >= 0 && n <= INGOT_E_MAX_CARRIED)
        return false;
    ingot_e_fail(e, INGOT_INTERNAL, "%d carried values", n);
    return true;
}

void ingot_e_for(ingot_emitter *e, ingot_ev lo, ingot_ev hi, ingot_ev step, int32_t n, const ingot_ev *init,
                 ingot_eloop *loop)
{
    *loop = (ingot_eloop){.n = n};
    if (too_many(e, n)) {
        loop->n = 0;
        return;
    }
    int32_t from = ingot_e_id(e, lo), to = ingot_e_id(e, hi), by = ingot_e_id(e, step);
    ingot_text carried = {0}, results = {0}, types = {0};
    for (int32_t i = 0; i < n; i++) {
        int32_t first = ingot_e_id(e, init[i]);
        loop->results[i] = ingot_e_fresh(e, init[i].type);
        loop->args[i] = ingot_e_fresh(e, init[i].type);
        ingot_text_append(&carried, "%s%%%d = %%%d", i ? ", " : "", loop->args[i].id, first);
    }
    list(e, &results, n, loop->results, false);
    list(e, &types, n, loop->results, true);
    loop->index = ingot_e_fresh(e, INGOT_E_I64_TYPE);
    if (n == 0)
        ingot_e_line(e, "scf.for %%%d = %%%d to %%%d step %%%d : i64 {", loop->index.id, from, to, by);
    else
        ingot_e_line(e, "%s = scf.for %%%d = %%%d to %%%d step %%%d iter_args(%s) -> (%s) : i64 {",
                     results.data ? results.data : "", loop->index.id, from, to, by, carried.data ? carried.data : "",
                     types.data ? types.data : "");
    ingot_text_free(&carried);
    ingot_text_free(&results);
    ingot_text_free(&types);
}

void ingot_e_for_end(ingot_emitter *e, ingot_eloop *loop, const ingot_ev *yielded)
{
    yield(e, loop->n, yielded);
    ingot_e_line(e, "}");
}

void ingot_e_if(ingot_emitter *e, ingot_ev cond, int32_t n, const ingot_etype *types, ingot_eif *branch)
{
    *branch = (ingot_eif){.n = n};
    if (too_many(e, n) || !e->function) {
        branch->n = 0;
        return;
    }
    branch->mark = (int64_t)e->function->body.size;
    if (cond.known) {
        branch->taken = cond.value != 0;
        branch->skipped = cond.value == 0;
        return;
    }
    int32_t c = ingot_e_id(e, cond);
    if (n == 0) {
        ingot_e_line(e, "scf.if %%%d {", c);
        return;
    }
    ingot_text names = {0}, type_names = {0};
    for (int32_t i = 0; i < n; i++)
        branch->results[i] = ingot_e_fresh(e, types[i]);
    list(e, &names, n, branch->results, false);
    list(e, &type_names, n, branch->results, true);
    ingot_e_line(e, "%s = scf.if %%%d -> (%s) {", names.data ? names.data : "", c,
                 type_names.data ? type_names.data : "");
    ingot_text_free(&names);
    ingot_text_free(&type_names);
}

/* Takes back what was written since the mark: a branch that never runs. */
static void drop(ingot_emitter *e, const ingot_eif *branch)
{
    ingot_text *body = &e->function->body;
    if (body->data && body->size > (size_t)branch->mark) {
        body->size = (size_t)branch->mark;
        body->data[body->size] = '\0';
    }
}

void ingot_e_else(ingot_emitter *e, ingot_eif *branch, const ingot_ev *yielded)
{
    if (!e->function)
        return;
    branch->has_else = true;
    if (branch->skipped) {
        drop(e, branch);
    } else if (branch->taken) {
        for (int32_t i = 0; i < branch->n; i++)
            branch->results[i] = yielded[i];
        branch->mark = (int64_t)e->function->body.size;
    } else {
        yield(e, branch->n, yielded);
        ingot_e_line(e, "} else {");
    }
}

void ingot_e_if_end(ingot_emitter *e, ingot_eif *branch, const ingot_ev *yielded)
{
    if (!e->function)
        return;
    if (branch->taken || branch->skipped) {
        if (branch->has_else ? branch->taken : branch->skipped)
            drop(e, branch);
        else
            for (int32_t i = 0; i < branch->n; i++)
                branch->results[i] = yielded[i];
        return;
    }
    yield(e, branch->n, yielded);
    ingot_e_line(e, "}");
}

void ingot_e_switch(ingot_emitter *e, ingot_ev value)
{
    int32_t v = ingot_e_id(e, value);
    ingot_ev index = ingot_e_fresh(e, INGOT_E_I64_TYPE);
    ingot_e_line(e, "%%%d = arith.index_cast %%%d : i64 to index", index.id, v);
    ingot_e_line(e, "scf.index_switch %%%d", index.id);
    if (e->function)
        e->function->in_case = false;
}

void ingot_e_case(ingot_emitter *e, int64_t k)
{
    if (e->function && e->function->in_case) {
        ingot_e_line(e, "scf.yield");
        ingot_e_line(e, "}");
    }
    ingot_e_line(e, "case %lld {", (long long)k);
    if (e->function)
        e->function->in_case = true;
}

void ingot_e_switch_end(ingot_emitter *e)
{
    if (e->function && e->function->in_case) {
        ingot_e_line(e, "scf.yield");
        ingot_e_line(e, "}");
        e->function->in_case = false;
    }
    ingot_e_line(e, "default {");
    ingot_e_line(e, "}");
}
