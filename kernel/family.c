/* The table of kernel families, made from families.def. */
#include "kernel/kernel.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ingot_family_info info;
    char dims[96], params[96], decisions[64]; /* the lists with their blanks turned into terminators */
} family_row;

static family_row rows[INGOT_FAMILY_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int32_t split(const char *list, char *storage, size_t capacity, const char **out, int32_t most)
{
    int32_t n = 0;
    size_t size = strlen(list) < capacity ? strlen(list) : capacity - 1;
    memcpy(storage, list, size);
    storage[size] = 0;
    for (char *at = storage; *at != 0 && n < most;) {
        out[n++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = 0;
    }
    return n;
}

static void fill_rows(void)
{
    static const char *const texts[INGOT_FAMILY_COUNT][4] = {
#define FAMILY(name, dims, params, decisions) {#name, dims, params, decisions},
#include "kernel/families.def"
#undef FAMILY
    };
    for (int f = 0; f < INGOT_FAMILY_COUNT; f++) {
        family_row *row = &rows[f];
        row->info.name = texts[f][0];
        row->info.n_dims = split(texts[f][1], row->dims, sizeof row->dims, row->info.dims, INGOT_SPEC_DIMS);
        row->info.n_params = split(texts[f][2], row->params, sizeof row->params, row->info.params, INGOT_SPEC_PARAMS);
        row->info.n_decisions =
            split(texts[f][3], row->decisions, sizeof row->decisions, row->info.decisions, INGOT_SPEC_DECISIONS);
    }
}

const ingot_family_info *ingot_family_info_get(ingot_family family)
{
    pthread_once(&once, fill_rows);
    return &rows[family].info;
}

const char *ingot_step_kind_name(ingot_step_kind kind)
{
    static const char *const names[] = {
        [INGOT_STEP_KERNEL] = "kernel", [INGOT_STEP_PORTABLE] = "portable",
        [INGOT_STEP_COPY] = "copy",     [INGOT_STEP_ZERO] = "zero",
        [INGOT_STEP_DIMS] = "dims",     [INGOT_STEP_BIND] = "bind",
        [INGOT_STEP_JUMP] = "jump",     [INGOT_STEP_JUMP_UNLESS] = "jump_unless",
        [INGOT_STEP_CHECK] = "check",   [INGOT_STEP_BOXED] = "boxed",
    };
    return names[kind];
}
