/* The attribute records of attrs.def as C structs: `ingot_attrs_conv` and so on. */
#ifndef INGOT_RUNTIME_ATTRS_H
#define INGOT_RUNTIME_ATTRS_H
#include <stdint.h>

#define INGOT_MAX_INTS 24
typedef struct ingot_ints {
    int64_t n;
    int64_t v[INGOT_MAX_INTS];
} ingot_ints;

/* Enumerations; the printed names are in attrs_names (runtime/attrs.c), in this order. */
typedef enum { INGOT_PAD_CONSTANT, INGOT_PAD_REFLECT, INGOT_PAD_EDGE, INGOT_PAD_WRAP } ingot_pad_mode;
typedef enum {
    INGOT_SCATTER_NONE,
    INGOT_SCATTER_ADD,
    INGOT_SCATTER_MUL,
    INGOT_SCATTER_MAX,
    INGOT_SCATTER_MIN
} ingot_scatter_reduction;
typedef enum {
    INGOT_REDUCE_SUM,
    INGOT_REDUCE_MEAN,
    INGOT_REDUCE_MAX,
    INGOT_REDUCE_MIN,
    INGOT_REDUCE_PROD,
    INGOT_REDUCE_L1,
    INGOT_REDUCE_L2,
    INGOT_REDUCE_LOG_SUM,
    INGOT_REDUCE_LOG_SUM_EXP,
    INGOT_REDUCE_SUM_SQUARE
} ingot_reduce_kind;
typedef enum { INGOT_RESIZE_NEAREST, INGOT_RESIZE_LINEAR, INGOT_RESIZE_CUBIC } ingot_resize_mode;
typedef enum {
    INGOT_COORDS_HALF_PIXEL,
    INGOT_COORDS_PYTORCH_HALF_PIXEL,
    INGOT_COORDS_ALIGN_CORNERS,
    INGOT_COORDS_ASYMMETRIC,
    INGOT_COORDS_TF_CROP_AND_RESIZE,
    INGOT_COORDS_HALF_PIXEL_SYMMETRIC
} ingot_resize_coords;
typedef enum {
    INGOT_NEAREST_ROUND_PREFER_FLOOR,
    INGOT_NEAREST_ROUND_PREFER_CEIL,
    INGOT_NEAREST_FLOOR,
    INGOT_NEAREST_CEIL
} ingot_resize_nearest;
typedef enum { INGOT_GRID_ZEROS, INGOT_GRID_BORDER, INGOT_GRID_REFLECTION } ingot_grid_padding;
typedef enum { INGOT_TREES_AVERAGE, INGOT_TREES_SUM, INGOT_TREES_MIN, INGOT_TREES_MAX } ingot_tree_aggregate;
typedef enum { INGOT_RANDOM_UNIFORM, INGOT_RANDOM_NORMAL } ingot_random_kind;
typedef enum { INGOT_PIXEL_RGB, INGOT_PIXEL_BGR, INGOT_PIXEL_GRAYSCALE } ingot_pixel_format;
typedef enum { INGOT_FORWARD, INGOT_REVERSE, INGOT_BIDIRECTIONAL } ingot_direction;
/* Entries of ingot_attrs_recurrent.activations, per direction: f, g, h (RNN: f; GRU: f, g). */
typedef enum {
    INGOT_ACT_SIGMOID,
    INGOT_ACT_TANH,
    INGOT_ACT_RELU,
    INGOT_ACT_HARD_SIGMOID,
    INGOT_ACT_SOFTSIGN,
    INGOT_ACT_SOFTPLUS,
    INGOT_ACT_AFFINE,
    INGOT_ACT_LEAKY_RELU,
    INGOT_ACT_THRESHOLDED_RELU,
    INGOT_ACT_SCALED_TANH,
    INGOT_ACT_ELU
} ingot_recurrent_act;

#define I(name)       int64_t name;
#define F(name)       double name;
#define V(name)       ingot_ints name;
#define E(name, type) int64_t name; /* a value of enum `type`; int64_t keeps the record free of padding */
#define ATTRS(kind, fields)                                      \
    typedef struct ingot_attrs_##kind {                          \
        int64_t present; /* always 1: a record is never empty */ \
        fields                                                   \
    } ingot_attrs_##kind;
#include "runtime/attrs.def"
#undef I
#undef F
#undef V
#undef E
#undef ATTRS

typedef enum ingot_attrs_kind {
#define ATTRS(kind, fields) INGOT_ATTRS_##kind,
#include "runtime/attrs.def"
#undef ATTRS
    INGOT_ATTRS_COUNT
} ingot_attrs_kind;

/* Reflection for printer, reader, hash and verifier. */
typedef enum { INGOT_FIELD_INT, INGOT_FIELD_FLOAT, INGOT_FIELD_INTS, INGOT_FIELD_ENUM } ingot_field_type;
typedef struct ingot_field {
    const char *name;
    ingot_field_type type;
    uint32_t offset;               /* bytes from the start of the record */
    const char *const *enum_names; /* null-terminated; null unless ENUM */
} ingot_field;
typedef struct ingot_attrs_desc {
    const char *name;
    uint32_t size_bytes;
    int32_t n_fields;
    const ingot_field *fields;
} ingot_attrs_desc;
extern const ingot_attrs_desc ingot_attrs_table[INGOT_ATTRS_COUNT];
#endif
