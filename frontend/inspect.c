/* Looking at files without importing: tensors of test data, a model's summary. */
#include "frontend/importer.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

ingot_status ingot_file_map(const char *path, int *out_fd, const void **out_bytes, size_t *out_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    struct stat info;
    ingot_status status = NULL;
    if (fstat(fd, &info) != 0)
        status = ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    else if (S_ISDIR(info.st_mode))
        status = ingot_fail(INGOT_IO, "%s: is a directory", path);
    else if (!S_ISREG(info.st_mode))
        status = ingot_fail(INGOT_IO, "%s: is not a regular file", path);
    *out_bytes = NULL;
    *out_size = status ? 0 : (size_t)info.st_size;
    if (*out_size) {
        void *bytes = mmap(NULL, *out_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            status = ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
        *out_bytes = bytes;
    }
    if (status)
        close(fd);
    *out_fd = fd;
    return status;
}

ingot_status ingot_read_tensor_pb(const char *path, ingot_arena *arena, ingot_tensor *out)
{
    int fd;
    const void *bytes;
    size_t size;
    INGOT_TRY(ingot_file_map(path, &fd, &bytes, &size));
    close(fd);
    ingot_onnx_tensor tensor;
    int64_t size_bytes = 0;
    const void *data = NULL;
    void *copy = NULL;
    ingot_status status = ingot_onnx_read_tensor(bytes, size, arena, &tensor);
    if (!status)
        status = ingot_literal_shape(&tensor, 0, out, &size_bytes);
    if (!status)
        status = ingot_literal_data(arena, &tensor, out, size_bytes, &data);
    if (!status && out->dtype != INGOT_STRING) {
        status = ingot_arena_array(arena, (size_t)size_bytes + 1, 1, &copy);
        if (!status && size_bytes)
            memcpy(copy, data, (size_t)size_bytes);
        data = copy;
    }
    out->data = (void *)(uintptr_t)data;
    if (size)
        munmap((void *)(uintptr_t)bytes, size);
    return ingot_status_note(status, "%s", path);
}

static ingot_status make_tensor(const ingot_onnx_tensor *tensor, ingot_dtype dtype, ingot_arena *scratch,
                                ingot_heap *heap, ingot_box **out)
{
    ingot_tensor shape;
    int64_t size_bytes;
    const void *data;
    INGOT_TRY(ingot_literal_shape(tensor, 0, &shape, &size_bytes));
    if (shape.dtype != dtype)
        return ingot_fail(INGOT_BAD_MODEL, "an element is of %s, expected %s", ingot_dtype_name(shape.dtype),
                          ingot_dtype_name(dtype));
    INGOT_TRY(ingot_literal_data(scratch, tensor, &shape, size_bytes, &data));
    INGOT_TRY(ingot_box_make_tensor(heap, dtype, shape.rank, shape.dims, out));
    if (size_bytes)
        memcpy((*out)->tensor.data, data, (size_t)size_bytes);
    ingot_string *texts = (*out)->tensor.data; /* their bytes go with `scratch` */
    for (int64_t i = 0, n = dtype == INGOT_STRING ? ingot_tensor_count(&shape) : 0; i < n; i++) {
        char *copy;
        INGOT_TRY(ingot_heap_text(heap, texts[i].size, &copy));
        if (texts[i].size)
            memcpy(copy, texts[i].data, (size_t)texts[i].size);
        texts[i].data = copy;
    }
    return NULL;
}

static ingot_status make_box(const ingot_onnx_boxed *from, ingot_form form, ingot_dtype dtype, ingot_arena *scratch,
                             ingot_heap *heap, ingot_box **out)
{
    if (form == INGOT_FORM_TENSOR)
        return make_tensor(from->tensor, dtype, scratch, heap, out);
    INGOT_TRY(ingot_box_make_list(heap, form, dtype, from->count, out));
    ingot_form inner = form == INGOT_FORM_OPTIONAL_SEQUENCE ? INGOT_FORM_SEQUENCE : INGOT_FORM_TENSOR;
    for (int64_t i = 0; i < from->count; i++)
        INGOT_TRY(make_box(&from->elements[i], inner, dtype, scratch, heap, &(*out)->elements[i]));
    return NULL;
}

ingot_status ingot_read_box_pb(const char *path, ingot_form form, ingot_dtype dtype, ingot_heap *heap, ingot_box **out)
{
    int fd;
    const void *bytes;
    size_t size;
    ingot_arena scratch = {0};
    ingot_onnx_boxed boxed;
    *out = NULL;
    INGOT_TRY(ingot_file_map(path, &fd, &bytes, &size));
    close(fd);
    ingot_status status = ingot_onnx_read_boxed(bytes, size, form, &scratch, &boxed);
    if (!status)
        status = make_box(&boxed, form, dtype, &scratch, heap, out);
    ingot_arena_release(&scratch);
    if (size)
        munmap((void *)(uintptr_t)bytes, size);
    return ingot_status_note(status, "%s", path);
}

/* Adds one to the count of "domain.op_type", in sorted place. */
static ingot_status count_op(ingot_arena *arena, const ingot_onnx_node *node, ingot_onnx_summary *out,
                             int32_t *capacity)
{
    char *name = ingot_arena_printf(arena, "%s%s%s", node->domain, *node->domain ? "." : "", node->op_type);
    if (!name)
        return ingot_status_no_memory();
    int32_t lo = 0, hi = out->n_op_types;
    while (lo < hi) {
        int32_t mid = (lo + hi) / 2, order = strcmp(out->op_types[mid], name);
        if (!order) {
            out->op_counts[mid]++;
            return NULL;
        }
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (out->n_op_types == *capacity) {
        int32_t room = *capacity ? *capacity * 2 : 64;
        const char **types;
        int64_t *counts;
        INGOT_TRY(ingot_arena_array(arena, (size_t)room, sizeof *types, (void **)&types));
        INGOT_TRY(ingot_arena_array(arena, (size_t)room, sizeof *counts, (void **)&counts));
        for (int32_t i = 0; i < out->n_op_types; i++) {
            types[i] = out->op_types[i];
            counts[i] = out->op_counts[i];
        }
        out->op_types = types;
        out->op_counts = counts;
        *capacity = room;
    }
    for (int32_t i = out->n_op_types++; i > lo; i--) {
        out->op_types[i] = out->op_types[i - 1];
        out->op_counts[i] = out->op_counts[i - 1];
    }
    out->op_types[lo] = name;
    out->op_counts[lo] = 1;
    return NULL;
}

static ingot_status count_graph(ingot_arena *arena, int32_t n, const ingot_onnx_node *nodes, ingot_onnx_summary *out,
                                int32_t *capacity)
{
    for (int32_t i = 0; i < n; i++) {
        out->n_nodes++;
        INGOT_TRY(count_op(arena, &nodes[i], out, capacity));
        for (int32_t a = 0; a < nodes[i].n_attrs; a++) /* the reader has bounded the depth */
            if (nodes[i].attrs[a].g)
                INGOT_TRY(count_graph(arena, nodes[i].attrs[a].g->n_nodes, nodes[i].attrs[a].g->nodes, out, capacity));
    }
    return NULL;
}

ingot_status ingot_onnx_summarize(const char *path, ingot_arena *arena, ingot_onnx_summary *out)
{
    int fd;
    const void *bytes;
    size_t size;
    memset(out, 0, sizeof *out);
    INGOT_TRY(ingot_file_map(path, &fd, &bytes, &size));
    close(fd);
    ingot_onnx_model model;
    ingot_status status = ingot_onnx_read_model(bytes, size, NULL, arena, &model);
    if (!status) {
        out->producer = model.producer;
        out->graph_name = model.graph->name;
        out->ir_version = model.ir_version;
        out->n_opsets = model.n_opsets;
        out->n_functions = model.n_functions;
        status = ingot_arena_array(arena, (size_t)model.n_opsets + 1, sizeof *out->opset_domains,
                                   (void **)&out->opset_domains);
    }
    if (!status)
        status = ingot_arena_array(arena, (size_t)model.n_opsets + 1, sizeof *out->opset_versions,
                                   (void **)&out->opset_versions);
    int32_t capacity = 0;
    if (!status) {
        for (int32_t i = 0; i < model.n_opsets; i++) {
            out->opset_domains[i] = model.opsets[i].domain;
            out->opset_versions[i] = model.opsets[i].version;
        }
        status = count_graph(arena, model.graph->n_nodes, model.graph->nodes, out, &capacity);
    }
    for (int32_t i = 0; !status && i < model.n_functions; i++)
        status = count_graph(arena, model.functions[i].n_nodes, model.functions[i].nodes, out, &capacity);
    if (size)
        munmap((void *)(uintptr_t)bytes, size);
    return ingot_status_note(status, "%s", path);
}
