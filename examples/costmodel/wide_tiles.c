/* A cost model in a few lines: the roofline, made longer by what a register tile leaves unused.
 *
 *     cc -shared -fPIC -I ../../include wide_tiles.c -o wide_tiles.so
 *     ingot explain model.onnx --cost-model=./wide_tiles.so
 */
#include <ingot/costmodel.h>
#include <string.h>

static double feature(const ingot_plugin_query *q, const char *name)
{
    for (int32_t i = 0; i < q->n_features; i++)
        if (strcmp(q->feature_names[i], name) == 0)
            return q->features[i];
    return 1;
}

static void predict(void *state, const ingot_plugin_query *q, ingot_plugin_cost *cost)
{
    (void)state;
    double registers = feature(q, "registers"); /* accumulators over vector registers */
    double fill = feature(q, "row_fill") * feature(q, "column_fill");
    double used = registers < 1 ? registers : 0.1; /* beyond the registers, everything spills */
    cost->ns = q->roofline_ns / (0.2 + 0.8 * used) / (fill > 0.05 ? fill : 0.05);
    cost->uncertainty = 0.5;
}

const ingot_costmodel_plugin_info *ingot_costmodel_plugin(void)
{
    static const ingot_costmodel_plugin_info info = {
        .abi = INGOT_COSTMODEL_ABI, .struct_size = sizeof info, .name = "wide tiles", .predict = predict};
    return &info;
}
