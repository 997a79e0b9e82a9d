/* What the parts of the builder share: the function being written and how its text is made. */
#ifndef INGOT_EMIT_IMPL_H
#define INGOT_EMIT_IMPL_H
#include "codegen/emit.h"

typedef struct emit_const {
    ingot_etype type;
    uint64_t bits;
    int32_t id;
    bool iota;
} emit_const;

struct ingot_efunction {
    ingot_efunction *outer;
    ingot_ehelper decl;
    ingot_text signature;
    ingot_text head; /* constants, sizes, stack: the entry */
    ingot_text body;
    int32_t next_id;
    ingot_ev sizes;                         /* pointer to the kernel's sizes; id -1: not here */
    ingot_ev size_values[INGOT_SPEC_SIZES]; /* loaded ones; id -1: not yet */
    ingot_ev outer_operands[INGOT_SPEC_OPERANDS];
    emit_const consts[INGOT_E_MAX_CONSTS];
    int32_t n_consts;
    bool in_case; /* a case of a switch is open (switches do not nest in one function) */
};

#define EMIT_MAX_OPS (200 * 1000)
/* Appends one line to the body. */
void ingot_e_line(ingot_emitter *e, const char *format, ...) INGOT_PRINTF(2, 3);
/* A fresh value of that type. */
ingot_ev ingot_e_fresh(ingot_emitter *e, ingot_etype type);
/* SSA number of a value: known integers become constants here. */
int32_t ingot_e_id(ingot_emitter *e, ingot_ev v);
/* "f32", "vector<8xf32>", "!llvm.ptr": in one of some static buffers of the emitter's thread. */
const char *ingot_e_type_name(ingot_etype type);
/* Opens the kernel's entry function (not a helper) and hands out its four parameters. */
void ingot_e_entry_begin(ingot_emitter *e, const char *symbol, ingot_ev *out_params);
#endif
