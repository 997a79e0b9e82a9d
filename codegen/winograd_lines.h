/* What a line of a Winograd tile is multiplied with: rows of BT and of AT (kernel/winograd.h), on vectors of floats or
 * of integers, which wrap. */
#ifndef INGOT_WINOGRAD_LINES_H
#define INGOT_WINOGRAD_LINES_H
#include "codegen/emit.h"
#include "kernel/winograd_exact.h"

/* y [w->t] = BT x, x [w->t]. */
void ingot_winograd_line_in(ingot_emitter *e, const ingot_winograd *w, const ingot_ev *x, ingot_ev *y);
/* y [w->m] = AT x, x [w->t]. */
void ingot_winograd_line_out(ingot_emitter *e, const ingot_winograd *w, const ingot_ev *x, ingot_ev *y);
/* A result of integers without the scale that AT leaves. */
ingot_ev ingot_winograd_unscaled(ingot_emitter *e, ingot_winograd_unscale u, ingot_ev sum);
#endif
