/* What to measure next: tasks of models and tasks near them, more of those that the cost model predicts badly (the
 * adaptive rule of nn-Meter, MobiSys 2021, section 4).
 *
 *     ingot_sampler *s;
 *     INGOT_TRY(ingot_sampler_create(target, seed, &s));
 *     INGOT_TRY(ingot_sampler_add(s, &spec, "resnet50"));          // any number of seeds
 *     while (...) {
 *         ingot_sample sample;
 *         INGOT_TRY(ingot_sampler_next(s, &sample));               // candidates of one problem
 *         ... measure ...
 *         ingot_sampler_learn(s, &sample, error);                  // |log2(predicted / measured)|
 *     }
 */
#ifndef INGOT_DRIVER_SAMPLER_H
#define INGOT_DRIVER_SAMPLER_H
#include "costmodel/costmodel.h"

#define INGOT_SAMPLE_SPECS 14

typedef struct ingot_sample {
    int32_t n;
    ingot_spec specs[INGOT_SAMPLE_SPECS]; /* of one problem; direct convolutions before Winograd's */
    bool cold, near;                      /* near: a neighbour of the seed, not the seed itself */
    bool first;                           /* the seed's own turn, before any is drawn by its error */
    int32_t seed;
    const char *origin; /* of the seed */
    char *problem;      /* text; owned by the sampler, until the next call */
} ingot_sample;

typedef struct ingot_sampler ingot_sampler;
INGOT_MUST_USE ingot_status ingot_sampler_create(const ingot_target *target, uint64_t seed, ingot_sampler **out);
void ingot_sampler_destroy(ingot_sampler *s);
/* Specs with dynamic sizes are left out, and so are those that were added before; `origin` is copied. */
INGOT_MUST_USE ingot_status ingot_sampler_add(ingot_sampler *s, const ingot_spec *spec, const char *origin);
int32_t ingot_sampler_count(const ingot_sampler *s);
/* Every seed once, in order, then by error; neighbours and seeds with other decisions. near: 0 keeps to the seeds. */
INGOT_MUST_USE ingot_status ingot_sampler_next(ingot_sampler *s, double near, ingot_sample *out);
void ingot_sampler_learn(ingot_sampler *s, const ingot_sample *sample, double error);
/* The kernels of known models, one spec a line, "# MODEL" before each model's (costmodel/seeds.txt). */
extern const char ingot_seeds_begin[], ingot_seeds_end[];
#endif
