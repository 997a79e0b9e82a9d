/* The cost model that ships: tables made from default.model by the build (tables/make_tables.c). */
#include "costmodel/learned.h"
#include "default_model.inc"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifndef FOREST
#define FOREST \
    {          \
        0      \
    }
#endif
#ifndef FAMILIES
#define FAMILIES 0
#endif
#ifndef LINEAR
#define LINEAR NULL
#endif
#ifndef CONTEXT
#define CONTEXT 1
#endif
#ifndef CODE_BYTES
#define CODE_BYTES NULL
#endif
#ifndef TOKENS
#define TOKENS NULL
#endif
#ifndef NEAREST
#define NEAREST   NULL
#define N_NEAREST 0
#define SCALE     NULL
#endif

static ingot_knowledge built_in = {
    .target = TARGET,
    .families = FAMILIES,
    .context = CONTEXT,
    .forest = FOREST,
    .linear = LINEAR,
    .code_bytes = CODE_BYTES,
    .tokens = TOKENS,
    .n_nearest = N_NEAREST,
    .nearest = NEAREST,
    .scale = SCALE,
};

static void set_up(void)
{
    ingot_machine_parse(MACHINE, &built_in.machine);
#ifdef SIGMA
    memcpy(built_in.sigma, SIGMA, sizeof built_in.sigma);
#endif
}

const ingot_knowledge *ingot_knowledge_built_in(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    return &built_in;
}
