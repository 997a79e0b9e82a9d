/* Optionals: made, asked, opened. */
#include "runtime/boxed/boxed.h"

static bool is_optional(const ingot_box *box)
{
    return box->form == INGOT_FORM_OPTIONAL || box->form == INGOT_FORM_OPTIONAL_SEQUENCE;
}

ingot_status ingot_boxed_opt_make(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "opt_make", 0, 1));
    const ingot_attrs_form *attrs = call->attrs;
    ingot_form form = (ingot_form)attrs->form,
               inner = form == INGOT_FORM_OPTIONAL_SEQUENCE ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR;
    bool full = boxed_has(call, 0);
    KERNEL_REQUIRE(form == INGOT_FORM_OPTIONAL || form == INGOT_FORM_OPTIONAL_SEQUENCE, "opt_make: form %d", (int)form);
    if (full)
        INGOT_TRY(ingot_boxed_need(call, "opt_make", 0, inner));
    INGOT_TRY(ingot_box_make_list(call->heap, form, (ingot_dtype)attrs->dtype, full, &call->out[0]));
    return full ? ingot_box_keep(call->heap, call->in[0], &call->out[0]->elements[0]) : NULL;
}

ingot_status ingot_boxed_opt_has(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "opt_has", 1, 1));
    return ingot_boxed_scalar(call, 0, INGOT_BOOL, !is_optional(call->in[0]) || call->in[0]->count > 0);
}

ingot_status ingot_boxed_opt_get(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "opt_get", 1, 1));
    ingot_box *box = call->in[0];
    KERNEL_REQUIRE(!is_optional(box) || box->count > 0, "opt_get: the optional is empty");
    return ingot_box_keep(call->heap, is_optional(box) ? box->elements[0] : box, &call->out[0]);
}
