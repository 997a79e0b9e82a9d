/* Reflection over the attribute records: name, type and place of every field, made from attrs.def. */
#include "runtime/attrs.h"
#include <stddef.h>

/* Printed names of the enumerations, in the order of attrs.h. */
static const char *const names_ingot_pad_mode[] = {"constant", "reflect", "edge", "wrap", NULL};
static const char *const names_ingot_scatter_reduction[] = {"none", "add", "mul", "max", "min", NULL};
static const char *const names_ingot_reduce_kind[] = {"sum", "mean",    "max",         "min",        "prod", "l1",
                                                      "l2",  "log_sum", "log_sum_exp", "sum_square", NULL};
static const char *const names_ingot_resize_mode[] = {"nearest", "linear", "cubic", NULL};
static const char *const names_ingot_resize_coords[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                                        "asymmetric", "tf_crop_and_resize", "half_pixel_symmetric",
                                                        NULL};
static const char *const names_ingot_resize_nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                                         NULL};
static const char *const names_ingot_grid_padding[] = {"zeros", "border", "reflection", NULL};
static const char *const names_ingot_tree_aggregate[] = {"average", "sum", "min", "max", NULL};
static const char *const names_ingot_random_kind[] = {"uniform", "normal", NULL};
static const char *const names_ingot_pixel_format[] = {"rgb", "bgr", "grayscale", NULL};
static const char *const names_ingot_direction[] = {"forward", "reverse", "bidirectional", NULL};

/* A row's field list becomes ", (type, name, names) ..." so that it can be walked as variadic arguments. */
#define I(name)       , (INT, name, NULL)
#define F(name)       , (FLOAT, name, NULL)
#define V(name)       , (INTS, name, NULL)
#define E(name, type) , (ENUM, name, names_##type)

#define UNPACK(...)                     __VA_ARGS__
#define FIELD(kind, field)              FIELD_OF(kind, UNPACK field)
#define FIELD_OF(...)                   FIELD_ROW(__VA_ARGS__)
#define FIELD_ROW(kind, type, name, en) {#name, INGOT_FIELD_##type, (uint32_t)offsetof(ingot_attrs_##kind, name), en},
#define EACH0(k)
#define EACH1(k, f)                                         FIELD(k, f)
#define EACH2(k, f, ...)                                    FIELD(k, f) EACH1(k, __VA_ARGS__)
#define EACH3(k, f, ...)                                    FIELD(k, f) EACH2(k, __VA_ARGS__)
#define EACH4(k, f, ...)                                    FIELD(k, f) EACH3(k, __VA_ARGS__)
#define EACH5(k, f, ...)                                    FIELD(k, f) EACH4(k, __VA_ARGS__)
#define EACH6(k, f, ...)                                    FIELD(k, f) EACH5(k, __VA_ARGS__)
#define EACH7(k, f, ...)                                    FIELD(k, f) EACH6(k, __VA_ARGS__)
#define EACH8(k, f, ...)                                    FIELD(k, f) EACH7(k, __VA_ARGS__)
#define EACH9(k, f, ...)                                    FIELD(k, f) EACH8(k, __VA_ARGS__)
#define EACH10(k, f, ...)                                   FIELD(k, f) EACH9(k, __VA_ARGS__)
#define TWELFTH(k, a, b, c, d, e, f, g, h, i, j, each, ...) each
#define EACH(...) \
    TWELFTH(__VA_ARGS__, EACH10, EACH9, EACH8, EACH7, EACH6, EACH5, EACH4, EACH3, EACH2, EACH1, EACH0, 0)(__VA_ARGS__)

#define ATTRS(kind, fields) \
    static const ingot_field fields_##kind[] = {EACH(kind fields){NULL, INGOT_FIELD_INT, 0, NULL}};
#include "runtime/attrs.def"
#undef ATTRS

const ingot_attrs_desc ingot_attrs_table[INGOT_ATTRS_COUNT] = {
#define ATTRS(kind, fields)                                                                                      \
    {#kind, (uint32_t)sizeof(ingot_attrs_##kind), (int32_t)(sizeof fields_##kind / sizeof fields_##kind[0]) - 1, \
     fields_##kind},
#include "runtime/attrs.def"
#undef ATTRS
};
