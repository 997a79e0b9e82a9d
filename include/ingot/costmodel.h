/* Cost models of one's own, as shared libraries: `ingot compile model.onnx -o out --cost-model=./mine.so`.
 *
 * The library exports one function, ingot_costmodel_plugin. Ingot asks it for the time of every candidate of every
 * decision and takes the least. See examples/costmodel/.
 */
#ifndef INGOT_COSTMODEL_PLUGIN_H
#define INGOT_COSTMODEL_PLUGIN_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INGOT_COSTMODEL_ABI 1

/* One call of one kernel on one thread. Everything is borrowed for the call. Later versions append fields: struct_size
 * tells how many there are. */
typedef struct ingot_plugin_query {
    uint32_t struct_size;
    int32_t cold;       /* 1: constants come from memory, not from a cache */
    const char *spec;   /* "contract b0=1 ... | mr=6 nr=16 | znver3": task, decisions, target */
    const char *target; /* "znver3" */
    double roofline_ns; /* the analytic bound */
    double flops, bytes;
    int32_t n_features; /* docs/cost-model.md */
    const char *const *feature_names;
    const double *features;
} ingot_plugin_query;

/* Zeros on entry. A time that is not finite and positive is replaced by the roofline's. */
typedef struct ingot_plugin_cost {
    uint32_t struct_size;
    double ns;
    double uncertainty; /* one standard deviation, as a share of ns */
    double code_bytes, spills;
} ingot_plugin_cost;

typedef struct ingot_costmodel_plugin_info {
    uint32_t abi; /* INGOT_COSTMODEL_ABI */
    uint32_t struct_size;
    const char *name;
    void *state;
    void (*predict)(void *state, const ingot_plugin_query *query, ingot_plugin_cost *cost);
    void (*close)(void *state); /* may be null */
} ingot_costmodel_plugin_info;

/* What the library exports; null: it could not be set up. */
const ingot_costmodel_plugin_info *ingot_costmodel_plugin(void);

#ifdef __cplusplus
}
#endif
#endif
