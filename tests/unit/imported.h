/* What tests of importers ask of a module. */
#ifndef INGOT_TESTS_IMPORTED_H
#define INGOT_TESTS_IMPORTED_H
#include "ir/ir.h"
#include <criterion/criterion.h>

static inline int32_t count_ops(const ingot_module *m, ingot_op_kind kind)
{
    int32_t n = 0;
    for (int32_t g = 0; g < m->n_graphs; g++)
        for (const ingot_op *op = m->graphs[g]->first; op; op = op->next)
            n += op->kind == kind;
    return n;
}

/* The type of the first result, as printed. */
static inline void expect_output(const ingot_module *m, const char *text)
{
    ingot_text t = {0};
    ingot_type_print(m, &m->graphs[0]->results[0]->type, &t);
    cr_assert_str_eq(t.data, text);
    ingot_text_free(&t);
}

#endif
