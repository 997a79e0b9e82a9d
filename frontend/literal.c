/* TensorProtos as constants: ranges of the file where they are large, else copies in the module. */
#include "frontend/importer.h"
#include "frontend/wire.h"
#include <string.h>

#define DEFAULT_MAX_TENSOR_BYTES ((int64_t)1 << 40)
#define COPY_BYTES               4096 /* literals up to this size are copied: a look at them needs no read */
#define ALIGN_BYTES              16

static const char *name_of(const ingot_onnx_tensor *tensor)
{
    return *tensor->name ? tensor->name : "(no name)";
}

ingot_status ingot_literal_shape(const ingot_onnx_tensor *tensor, int64_t max_bytes, ingot_tensor *out,
                                 int64_t *out_bytes)
{
    if (tensor->dtype <= INGOT_UNDEFINED || tensor->dtype >= INGOT_DTYPE_COUNT)
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': %d is not an element type", name_of(tensor), tensor->dtype);
    if (tensor->n_dims > INGOT_MAX_RANK)
        return ingot_fail(INGOT_UNSUPPORTED, "tensor '%s': rank %d is over %d", name_of(tensor), tensor->n_dims,
                          INGOT_MAX_RANK);
    *out = (ingot_tensor){.dtype = (ingot_dtype)tensor->dtype, .rank = tensor->n_dims};
    int64_t count = 1;
    bool empty = false, overflows = false;
    for (int32_t i = 0; i < tensor->n_dims; i++) {
        int64_t d = tensor->dims[i];
        if (d < 0)
            return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': size %lld of axis %d", name_of(tensor), (long long)d, i);
        out->dims[i] = d;
        empty |= d == 0;
        overflows |= d != 0 && ingot_mul_overflows(count, d, &count);
    }
    *out_bytes = empty ? 0 : overflows ? -1 : ingot_dtype_bytes(out->dtype, count);
    if (*out_bytes < 0 || *out_bytes > (max_bytes > 0 ? max_bytes : DEFAULT_MAX_TENSOR_BYTES))
        return ingot_fail(INGOT_LIMIT, "tensor '%s' is larger than allowed (--max-tensor-bytes)", name_of(tensor));
    return NULL;
}

/* The field that holds typed data of an element type, its wire type, and the bytes that one entry stands for (0:
 * several entries an element are impossible). */
typedef struct typed_field {
    uint32_t number;
    ingot_wire_type wire;
    int32_t entry_bytes;
} typed_field;

static typed_field field_of(ingot_dtype dtype)
{
    switch (dtype) {
    case INGOT_F32:
    case INGOT_C64:
        return (typed_field){4, INGOT_WIRE_FIXED32, 4};
    case INGOT_F64:
    case INGOT_C128:
        return (typed_field){10, INGOT_WIRE_FIXED64, 8};
    case INGOT_I64:
        return (typed_field){7, INGOT_WIRE_VARINT, 8};
    case INGOT_U64:
        return (typed_field){11, INGOT_WIRE_VARINT, 8};
    case INGOT_U32:
        return (typed_field){11, INGOT_WIRE_VARINT, 4};
    case INGOT_I32:
        return (typed_field){5, INGOT_WIRE_VARINT, 4};
    default: /* narrow types lie in int32_data, one storage unit an entry; packed ones a byte an entry */
        return (typed_field){5, INGOT_WIRE_VARINT, ingot_dtype_bits(dtype) == 16 ? 2 : 1};
    }
}

static ingot_status wrong_size(const ingot_onnx_tensor *tensor, const ingot_tensor *shape, int64_t expected,
                               int64_t found)
{
    ingot_text dims = {0};
    for (int32_t i = 0; i < shape->rank; i++)
        ingot_text_append(&dims, "%s%lld", i ? "," : "", (long long)shape->dims[i]);
    ingot_status status =
        ingot_fail(INGOT_BAD_MODEL, "tensor '%s' (%s[%s]): expected %lld bytes of data, found %lld", name_of(tensor),
                   ingot_dtype_name(shape->dtype), dims.data ? dims.data : "", (long long)expected, (long long)found);
    ingot_text_free(&dims);
    return status;
}

static ingot_status read_typed(ingot_arena *arena, const ingot_onnx_tensor *tensor, const ingot_tensor *shape,
                               int64_t size_bytes, const void **out_data)
{
    typed_field field = field_of(shape->dtype);
    uint8_t *data = NULL;
    int64_t found = 0;
    /* First count, so that a small file cannot ask for a large tensor. */
    for (int fill = 0; fill < 2; fill++) {
        ingot_wire w = ingot_wire_open(tensor->body.data, tensor->body.size);
        ingot_wire_field f;
        int64_t at = 0;
        while (ingot_wire_next(&w, &f)) {
            if (f.number != field.number)
                continue;
            uint64_t word;
            ingot_wire_list list = ingot_wire_list_open(&f, field.wire);
            while (ingot_wire_list_next(&list, &word)) {
                if (fill)
                    memcpy(data + at, &word, (size_t)field.entry_bytes); /* little-endian hosts only */
                at += field.entry_bytes;
            }
            if (list.packed.error)
                return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': %s", name_of(tensor), list.packed.error);
        }
        found = at;
        if (!fill) {
            if (found != size_bytes)
                return wrong_size(tensor, shape, size_bytes, found);
            INGOT_TRY(ingot_arena_array(arena, (size_t)size_bytes + 1, 1, (void **)&data));
        }
    }
    *out_data = data;
    return NULL;
}

static ingot_status read_texts(ingot_arena *arena, const ingot_onnx_tensor *tensor, const ingot_tensor *shape,
                               const void **out_data)
{
    int64_t count = ingot_tensor_count(shape), at = 0;
    ingot_string *texts = NULL;
    for (int fill = 0; fill < 2; fill++) {
        ingot_wire w = ingot_wire_open(tensor->body.data, tensor->body.size);
        ingot_wire_field f;
        at = 0;
        while (ingot_wire_next(&w, &f)) {
            if (f.number != 6 || f.type != INGOT_WIRE_BYTES)
                continue;
            if (fill) {
                char *copy = ingot_arena_strndup(arena, f.size ? (const char *)f.data : "", f.size);
                if (!copy)
                    return ingot_status_no_memory();
                texts[at] = (ingot_string){copy, (int64_t)f.size};
            }
            at++;
        }
        if (at != count)
            return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': expected %lld texts, found %lld", name_of(tensor),
                              (long long)count, (long long)at);
        if (!fill)
            INGOT_TRY(ingot_arena_array(arena, (size_t)count + 1, sizeof *texts, (void **)&texts));
    }
    *out_data = texts;
    return NULL;
}

ingot_status ingot_literal_data(ingot_arena *arena, const ingot_onnx_tensor *tensor, const ingot_tensor *shape,
                                int64_t size_bytes, const void **out_data)
{
    if (tensor->external)
        return ingot_fail(INGOT_UNSUPPORTED, "tensor '%s': external data has no place here", name_of(tensor));
    if (shape->dtype == INGOT_STRING)
        return read_texts(arena, tensor, shape, out_data);
    if (!tensor->has_raw)
        return read_typed(arena, tensor, shape, size_bytes, out_data);
    if ((uint64_t)size_bytes != tensor->raw.size)
        return wrong_size(tensor, shape, size_bytes, (int64_t)tensor->raw.size);
    *out_data = tensor->raw.data;
    return NULL;
}

/* A constant op with that literal. */
static ingot_status add_literal(ingot_importer *im, ingot_graph *graph, const ingot_tensor *shape,
                                const ingot_literal *literal, const char *loc, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_graph_add_op(graph, NULL, INGOT_OP_constant, 0, NULL, 1, &op));
    INGOT_TRY(ingot_arena_array(&im->module->arena, 1, sizeof *op->literal, (void **)&op->literal));
    *op->literal = *literal;
    op->loc = loc;
    op->out[0]->type = ingot_type_static(im->module, shape->dtype, shape->rank, shape->dims);
    *out = op->out[0];
    return ingot_op_infer(op);
}

static void normalize_bools(uint8_t *bytes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        bytes[i] = bytes[i] != 0;
}

ingot_status ingot_literal_make(ingot_importer *im, ingot_graph *graph, const ingot_onnx_tensor *tensor,
                                const char *loc, ingot_value **out)
{
    ingot_tensor shape;
    int64_t size_bytes;
    INGOT_TRY(ingot_literal_shape(tensor, im->limits.max_tensor_bytes, &shape, &size_bytes));
    if (!loc && *tensor->name) {
        loc = ingot_arena_strndup(&im->module->arena, tensor->name, strlen(tensor->name));
        if (!loc)
            return ingot_status_no_memory();
    }
    ingot_literal literal = {.kind = INGOT_LITERAL_MEMORY, .size_bytes = size_bytes};
    if (tensor->external) {
        if (shape.dtype == INGOT_STRING)
            return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': texts cannot be external data", name_of(tensor));
        literal.kind = INGOT_LITERAL_FILE;
        INGOT_TRY(
            ingot_external_open(im, tensor, size_bytes, &literal.file_handle, &literal.file, &literal.file_offset));
        return add_literal(im, graph, &shape, &literal, loc, out);
    }
    INGOT_TRY(ingot_literal_data(&im->module->arena, tensor, &shape, size_bytes, &literal.data));
    if (tensor->has_raw && shape.dtype != INGOT_STRING) {
        bool misaligned = (uintptr_t)literal.data % ALIGN_BYTES != 0;
        if (size_bytes <= COPY_BYTES || shape.dtype == INGOT_BOOL || (im->file_handle < 0 && misaligned)) {
            void *copy;
            INGOT_TRY(ingot_arena_array(&im->module->arena, (size_t)size_bytes + 1, 1, &copy));
            if (size_bytes)
                memcpy(copy, literal.data, (size_t)size_bytes);
            if (shape.dtype == INGOT_BOOL)
                normalize_bools(copy, size_bytes);
            literal.data = copy;
        } else if (im->file_handle >= 0) {
            literal.kind = INGOT_LITERAL_FILE;
            literal.file = im->module->file;
            literal.file_handle = im->file_handle;
            literal.file_offset = (const uint8_t *)literal.data - im->bytes;
            literal.data = NULL;
        }
    } else if (shape.dtype == INGOT_BOOL) {
        normalize_bools((uint8_t *)(uintptr_t)literal.data, size_bytes); /* ours: read_typed made it */
    }
    return add_literal(im, graph, &shape, &literal, loc, out);
}

/* A sparse tensor becomes a dense constant: [NNZ] values at linear or [NNZ, rank] indices. */
ingot_status ingot_literal_make_sparse(ingot_importer *im, ingot_graph *graph, const ingot_onnx_sparse *sparse,
                                       const char *loc, ingot_value **out)
{
    if (!sparse->values || !sparse->indices)
        return ingot_fail(INGOT_BAD_MODEL, "a sparse tensor without values or indices");
    ingot_onnx_tensor dense = *sparse->values;
    dense.dims = sparse->dims;
    dense.n_dims = sparse->n_dims;
    ingot_tensor shape, value_shape, index_shape;
    int64_t size_bytes, value_bytes, index_bytes;
    const void *values, *indices;
    int64_t max = im->limits.max_tensor_bytes;
    INGOT_TRY(ingot_literal_shape(&dense, max, &shape, &size_bytes));
    INGOT_TRY(ingot_literal_shape(sparse->values, max, &value_shape, &value_bytes));
    INGOT_TRY(ingot_literal_shape(sparse->indices, max, &index_shape, &index_bytes));
    if (index_shape.dtype != INGOT_I64 || shape.dtype == INGOT_STRING || size_bytes > ((int64_t)1 << 30))
        return ingot_fail(INGOT_UNSUPPORTED, "sparse tensor '%s': indices must be int64, the dense form at most 1 GiB",
                          name_of(sparse->values));
    INGOT_TRY(ingot_literal_data(&im->scratch, sparse->values, &value_shape, value_bytes, &values));
    INGOT_TRY(ingot_literal_data(&im->scratch, sparse->indices, &index_shape, index_bytes, &indices));
    int64_t n = ingot_tensor_count(&value_shape), total = ingot_tensor_count(&shape);
    bool linear = index_shape.rank == 1;
    if (ingot_tensor_count(&index_shape) != (linear ? n : n * shape.rank))
        return ingot_fail(INGOT_BAD_MODEL, "sparse tensor '%s': %lld values do not fit the indices",
                          name_of(sparse->values), (long long)n);
    char *data;
    INGOT_TRY(ingot_arena_array(&im->module->arena, (size_t)size_bytes + 1, 1, (void **)&data));
    for (int64_t i = 0; i < n; i++) {
        int64_t at = 0, index;
        for (int32_t k = 0; k < (linear ? 1 : shape.rank); k++) {
            memcpy(&index, (const char *)indices + 8 * (linear ? i : i * shape.rank + k), sizeof index);
            int64_t bound = linear ? total : shape.dims[k];
            if (index < 0 || index >= bound)
                return ingot_fail(INGOT_BAD_MODEL, "sparse tensor '%s': index %lld is outside its axis of %lld",
                                  name_of(sparse->values), (long long)index, (long long)bound);
            at = linear ? index : at * shape.dims[k] + index;
        }
        ingot_copy_element(data, at, values, i, shape.dtype);
    }
    ingot_literal literal = {.kind = INGOT_LITERAL_MEMORY, .data = data, .size_bytes = size_bytes};
    return add_literal(im, graph, &shape, &literal, loc, out);
}

ingot_status ingot_literal_make_given(ingot_importer *im, ingot_graph *graph, const DLTensor *tensor, const char *name,
                                      ingot_value **out)
{
    ingot_tensor shape = {.rank = tensor->ndim};
    for (int dtype = 1; dtype < INGOT_DTYPE_COUNT; dtype++) {
        DLDataType dl = ingot_dtype_to_dl((ingot_dtype)dtype);
        if (dl.code == tensor->dtype.code && dl.bits == tensor->dtype.bits && tensor->dtype.lanes == 1) {
            shape.dtype = (ingot_dtype)dtype;
            break;
        }
    }
    if (!shape.dtype || shape.dtype == INGOT_STRING || tensor->ndim < 0 || tensor->ndim > INGOT_MAX_RANK ||
        tensor->strides || tensor->device.device_type != kDLCPU)
        return ingot_fail(INGOT_BAD_USAGE, "constant '%s' must be a dense CPU tensor of a known element type", name);
    int64_t count = 1;
    for (int32_t i = 0; i < tensor->ndim; i++) {
        shape.dims[i] = tensor->shape[i];
        if (shape.dims[i] < 0)
            return ingot_fail(INGOT_BAD_USAGE, "constant '%s' has a negative size", name);
    }
    count = ingot_tensor_count(&shape);
    int64_t size_bytes = count < 0 ? -1 : ingot_dtype_bytes(shape.dtype, count);
    if (size_bytes < 0 || (size_bytes && !tensor->data))
        return ingot_fail(INGOT_BAD_USAGE, "constant '%s' has no data or is too large", name);
    ingot_literal literal = {.kind = INGOT_LITERAL_MEMORY,
                             .size_bytes = size_bytes,
                             .data = size_bytes ? (const char *)tensor->data + tensor->byte_offset : ""};
    const char *loc = ingot_arena_strndup(&im->module->arena, name, strlen(name));
    return loc ? add_literal(im, graph, &shape, &literal, loc, out) : ingot_status_no_memory();
}

/* ---- For importers ---- */
ingot_value *ingot_tensor_value(ingot_node *n, const ingot_onnx_tensor *tensor)
{
    ingot_value *v = &n->im->placeholder;
    if (!n->error)
        ingot_node_check(n, ingot_literal_make(n->im, n->graph, tensor, n->loc, &v));
    return n->error ? &n->im->placeholder : v;
}

ingot_value *ingot_sparse_value(ingot_node *n, const ingot_onnx_sparse *sparse)
{
    ingot_value *v = &n->im->placeholder;
    if (!n->error)
        ingot_node_check(n, ingot_literal_make_sparse(n->im, n->graph, sparse, n->loc, &v));
    return n->error ? &n->im->placeholder : v;
}

ingot_value *ingot_texts_value(ingot_node *n, int32_t count, const ingot_string *texts, bool list)
{
    ingot_value *v = &n->im->placeholder;
    ingot_string *copy;
    ingot_arena *arena = &n->m->arena;
    if (n->error || !ingot_node_check(n, ingot_arena_array(arena, (size_t)count + 1, sizeof *copy, (void **)&copy)))
        return v;
    for (int32_t i = 0; i < count; i++) {
        char *text = ingot_arena_strndup(arena, texts[i].size ? texts[i].data : "", (size_t)texts[i].size);
        if (!text) {
            ingot_node_check(n, ingot_status_no_memory());
            return v;
        }
        copy[i] = (ingot_string){text, texts[i].size};
    }
    ingot_tensor shape = {.dtype = INGOT_STRING, .rank = list ? 1 : 0, .dims = {count}};
    ingot_literal literal = {.kind = INGOT_LITERAL_MEMORY, .data = copy, .size_bytes = count * (int64_t)sizeof *copy};
    ingot_node_check(n, add_literal(n->im, n->graph, &shape, &literal, n->loc, &v));
    return n->error ? &n->im->placeholder : v;
}
