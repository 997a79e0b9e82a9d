/* From a spec to its kernel: the table of emitters and the C entry function around what they write. */
#include "codegen/emit_impl.h"
#include <stdio.h>
#include <string.h>

#define MAX_DIM      ((int64_t)1 << 31)
#define MAX_STRIDE   ((int64_t)1 << 40)
#define MAX_DECISION ((int64_t)1 << 20)

static const ingot_family_emitter *const emitters[INGOT_FAMILY_COUNT] = {
    [INGOT_FAMILY_map] = &ingot_emit_map,
    [INGOT_FAMILY_reduce] = &ingot_emit_reduce,
    [INGOT_FAMILY_contract] = &ingot_emit_contract,
    [INGOT_FAMILY_conv] = &ingot_emit_conv,
    [INGOT_FAMILY_depthwise] = &ingot_emit_depthwise,
    [INGOT_FAMILY_winograd] = &ingot_emit_winograd,
    [INGOT_FAMILY_window] = &ingot_emit_window,
    [INGOT_FAMILY_gather] = &ingot_emit_gather,
    [INGOT_FAMILY_attention] = &ingot_emit_attention,
    [INGOT_FAMILY_lstm] = &ingot_emit_lstm,
    [INGOT_FAMILY_gru] = &ingot_emit_gru,
};

const ingot_family_emitter *ingot_family_emitter_get(ingot_family family)
{
    return (unsigned)family < INGOT_FAMILY_COUNT ? emitters[family] : NULL;
}

void ingot_kernel_symbol(const ingot_spec *spec, char *out)
{
    snprintf(out, 32, "ingot_k_%016llx", (unsigned long long)ingot_spec_hash(spec));
}

/* Known numbers small enough that arithmetic on a few of them stays within 64 bits. */
static bool in_range(const ingot_size *sizes, int32_t n, int64_t limit)
{
    for (int32_t i = 0; i < n; i++)
        if (!ingot_size_is_dynamic(sizes[i]) && (sizes[i] > limit || sizes[i] < -limit))
            return false;
    return true;
}

static bool sizes_in_range(const ingot_spec *spec)
{
    bool ok = in_range(spec->dims, spec->n_dims, MAX_DIM) && in_range(spec->params, INGOT_SPEC_PARAMS, MAX_STRIDE);
    for (int32_t i = 0; i < spec->n_in + spec->n_out; i++)
        ok = ok && in_range(spec->operands[i].strides, spec->n_dims, MAX_STRIDE) &&
             in_range(&spec->operands[i].lane, 1, MAX_STRIDE);
    for (int32_t i = 0; i < INGOT_SPEC_DECISIONS; i++)
        ok = ok && spec->decisions[i] >= 0 && spec->decisions[i] <= MAX_DECISION;
    for (int32_t i = 0; i < spec->n_dims; i++)
        ok = ok && (ingot_size_is_dynamic(spec->dims[i]) || spec->dims[i] >= 0);
    return ok;
}

/* What every family needs; the rest is the emitter's. */
static bool supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    const ingot_family_emitter *emitter = ingot_family_emitter_get(spec->family);
    if (!emitter) {
        *out_why = "no emitter for this family";
        return false;
    }
    for (int32_t i = 0; i < spec->n_in + spec->n_out; i++) {
        if (ingot_e_scalar_of(spec->operands[i].dtype) == INGOT_E_NONE) {
            *out_why = "an operand's element type";
            return false;
        }
    }
    if (!sizes_in_range(spec)) {
        *out_why = "sizes or strides out of range";
        return false;
    }
    if (spec->has_body && !ingot_e_prog_supported(&spec->body, out_why))
        return false;
    return emitter->supports(spec, target, out_why);
}

bool ingot_codegen_supports(const ingot_spec *spec, const char **out_why)
{
    const char *unused;
    const char **why = out_why ? out_why : &unused;
    const ingot_target *target;
    ingot_status status = ingot_target_find(spec->target, &target);
    if (status) {
        ingot_status_free(status);
        *why = "unknown target";
        return false;
    }
    return supports(spec, target, why);
}

/* int64_t kernel(buffers, sizes, begin, end): counts units, or loads the pointers and calls the body. */
static void emit_entry(ingot_emitter *e, const ingot_family_emitter *emitter, const ingot_ehelper *body)
{
    char symbol[32];
    ingot_kernel_symbol(e->spec, symbol);
    ingot_ev p[4], zero = ingot_e_int(e, 0), count, operands[INGOT_SPEC_OPERANDS];
    ingot_e_entry_begin(e, symbol, p);
    ingot_eif counting, working;
    ingot_e_if(e, ingot_e_cmp(e, "slt", p[2], zero), 1, (ingot_etype[]){INGOT_E_I64_TYPE}, &counting);
    count = emitter->units(e);
    ingot_e_else(e, &counting, &count);
    ingot_e_if(e, ingot_e_cmp(e, "slt", p[2], p[3]), 0, NULL, &working);
    memcpy(operands, e->operands, sizeof operands);
    for (int32_t i = 0; i < e->spec->n_in + e->spec->n_out; i++)
        e->operands[i] = ingot_e_load(e, ingot_e_type(INGOT_E_PTR), p[0], ingot_e_int(e, i));
    ingot_e_call(e, body, (ingot_ev[]){p[2], p[3]});
    ingot_e_if_end(e, &working, NULL);
    ingot_e_if_end(e, &counting, &zero);
    ingot_e_helper_end(e, counting.results[0]);
}

ingot_status ingot_emit_module(const ingot_spec *spec, const ingot_target *target, ingot_text *out)
{
    const char *why = "";
    if (!supports(spec, target, &why))
        return ingot_fail(INGOT_UNSUPPORTED, "no generated kernel: %s", why);
    const ingot_family_emitter *emitter = ingot_family_emitter_get(spec->family);
    ingot_emitter e = {
        .spec = spec, .target = target, .lanes_f32 = target->vector_bytes / 4, .lanes_f64 = target->vector_bytes / 8};
    ingot_ehelper body = {.name = "body",
                          .kernel_args = true,
                          .n = 2,
                          .types = {INGOT_E_I64_TYPE, INGOT_E_I64_TYPE},
                          .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev range[2];
    ingot_text_append(&e.module, "module {\n");
    if (ingot_e_helper_begin(&e, &body, range)) {
        emitter->body(&e, range[0], range[1]);
        ingot_e_helper_end(&e, (ingot_ev){.id = -1});
    }
    emit_entry(&e, emitter, &body);
    while (e.function) /* an emitter that failed may have left functions open */
        ingot_e_helper_end(&e, ingot_e_int(&e, 0));
    ingot_text_append(&e.module, "}\n");
    if (e.module.failed)
        ingot_e_fail(&e, INGOT_LIMIT, "no memory for the text of a kernel");
    if (!e.failed)
        ingot_text_append_bytes(out, e.module.data, e.module.size);
    ingot_text_free(&e.module);
    if (!e.failed && out->failed)
        return ingot_status_no_memory();
    return e.status;
}

ingot_status ingot_codegen_mlir(const ingot_spec *spec, ingot_text *out)
{
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(spec->target, &target));
    return ingot_emit_module(spec, target, out);
}
