/* A model to run: compiled in memory, or an artifact opened. */
#include "cli/cli.h"
#include "frontend/onnx_view.h"
#include "runtime/context.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_in(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);
    return size > tail && !strcmp(path + size - tail, ending);
}

bool cli_is_artifact(const char *path)
{
    struct stat info;
    return ends_in(path, ".so") || ends_in(path, ".a") || (!stat(path, &info) && S_ISDIR(info.st_mode));
}

ingot_status cli_artifact_path(const char *path, ingot_arena *arena, const char **out)
{
    struct stat info;
    *out = path;
    if (ends_in(path, ".a"))
        return ingot_fail(
            INGOT_UNSUPPORTED,
            "%s: an archive is linked into a program; `ingot compile --emit=so` makes an artifact that can be opened",
            path);
    if (stat(path, &info))
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return NULL;
    DIR *folder = opendir(path);
    if (!folder)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    const char *found = NULL;
    int n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!ends_in(entry->d_name, ".so"))
            continue;
        n++;
        found = ingot_arena_printf(arena, "%s/%s", path, entry->d_name);
    }
    closedir(folder);
    if (n != 1)
        return ingot_fail(INGOT_IO, "%s: a directory with %s (`ingot compile --emit=so` makes one)", path,
                          n ? "several shared objects: name one" : "no shared object in it");
    *out = found;
    return found ? NULL : ingot_status_no_memory();
}

static ingot_status open_any(const char *path, const cli_options *options, cli_model *m)
{
    double begin = ingot_seconds_now();
    if (cli_is_artifact(path)) {
        const char *file;
        INGOT_TRY(cli_artifact_path(path, &m->arena, &file));
        INGOT_TRY(ingot_model_open(file, &m->model, &m->handle));
        m->model = ingot_model_for_cpu(m->model);
    } else {
        ingot_compile_options compile = options->compile;
        compile.path = path;
        INGOT_TRY(ingot_compile(&compile, &m->compiled));
        INGOT_TRY(ingot_compiled_get_model(m->compiled, &m->model));
        cli_progress_clear();
        m->compile_s = ingot_seconds_now() - begin;
        begin = ingot_seconds_now();
    }
    m->info = ingot_model_get_info(m->model);
    if (!m->info)
        return ingot_fail(INGOT_BAD_MODEL, "%s: its plan is damaged", path);
    const ingot_init_options init = {.struct_size = sizeof init, .threads = options->threads};
    INGOT_TRY(ingot_context_create(m->model, &init, &m->ctx));
    m->load_s = ingot_seconds_now() - begin;
    return NULL;
}

ingot_status cli_model_open(const char *path, const cli_options *options, cli_model *out)
{
    *out = (cli_model){0};
    ingot_status status = open_any(path, options, out);
    if (status)
        cli_model_close(out);
    return status;
}

void cli_model_close(cli_model *m)
{
    ingot_context_destroy(m->ctx);
    ingot_compiled_destroy(m->compiled);
    ingot_model_close(m->handle);
    ingot_arena_release(&m->arena);
    *m = (cli_model){0};
}

/* ---- Inputs ---- */

static const cli_value *find_given(const char *name, int32_t n, const cli_value *given)
{
    for (int32_t i = 0; i < n; i++)
        if (!strcmp(given[i].name, name))
            return &given[i];
    return NULL;
}

ingot_status cli_model_input_sizes(cli_model *m, const cli_options *options, int32_t n_given, const cli_value *given,
                                   ingot_tensor *out)
{
    ingot_plan_view v;
    INGOT_TRY(ingot_plan_view_create(m->model, &v));
    int64_t *symbols, *env;
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)v.n_symbols + 1, sizeof *symbols, (void **)&symbols));
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)v.n_exprs + 1, sizeof *env, (void **)&env));
    ingot_plan_low_symbols(&v, symbols);
    for (int32_t i = 0; i < v.n_symbols; i++) {
        if (symbols[i] < 1 && v.symbols[i].hi >= 1)
            symbols[i] = 1;
        for (int32_t k = 0; options && k < options->compile.n_sizes; k++)
            if (!strcmp(options->compile.sizes[k].name, ingot_plan_text(&v, v.symbols[i].name)))
                symbols[i] = options->compile.sizes[k].lo;
    }
    for (int32_t i = 0; i < v.n_inputs; i++) {
        const cli_value *value = find_given(m->info->inputs[i].name, n_given, given);
        for (int32_t d = 0; value && !cli_box_of(&value->tensor) && d < v.inputs[i].rank && d < value->tensor.rank;
             d++) {
            const ingot_plan_expr *e = &v.exprs[v.inputs[i].dims[d]];
            if (e->kind == INGOT_EXPR_SYMBOL)
                symbols[e->value] = value->tensor.dims[d];
        }
    }
    ingot_plan_evaluate(&v, symbols, false, env);
    for (int32_t i = 0; i < v.n_inputs; i++) {
        out[i] = (ingot_tensor){.dtype = (ingot_dtype)v.inputs[i].dtype, .rank = v.inputs[i].rank};
        if (ingot_io_is_boxed(&v.inputs[i]))
            out[i].rank = 0;
        for (int32_t d = 0; d < out[i].rank; d++) {
            out[i].dims[d] = env[v.inputs[i].dims[d]];
            if (out[i].dims[d] < 0)
                return ingot_fail(INGOT_BAD_USAGE, "input '%s': the size of axis %d is not known: give it with --dim",
                                  m->info->inputs[i].name, d);
        }
    }
    return NULL;
}

ingot_status cli_model_fill_inputs(cli_model *m, const cli_options *options, int32_t n_given, const cli_value *given,
                                   uint64_t *seed, ingot_arena *arena, ingot_tensor **out)
{
    int32_t n = m->info->n_inputs;
    ingot_tensor *inputs;
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof *inputs, (void **)&inputs));
    for (int32_t k = 0; k < n_given; k++) {
        bool known = false;
        for (int32_t i = 0; i < n && !known; i++)
            known = !strcmp(given[k].name, m->info->inputs[i].name);
        if (!known) {
            ingot_text names = {0};
            for (int32_t i = 0; i < n; i++)
                ingot_text_append(&names, "%s %s", i ? "," : "", m->info->inputs[i].name);
            ingot_status status = ingot_fail(INGOT_BAD_USAGE, "the model has no input '%s'; its inputs are%s",
                                             given[k].name, names.data ? names.data : "");
            ingot_text_free(&names);
            return status;
        }
    }
    INGOT_TRY(cli_model_input_sizes(m, options, n_given, given, inputs));
    for (int32_t i = 0; i < n; i++) {
        const char *name = m->info->inputs[i].name;
        const cli_value *value = find_given(name, n_given, given);
        if (value)
            inputs[i] = value->tensor;
        else if (seed && m->info->inputs[i].form == INGOT_FORM_TENSOR)
            INGOT_TRY(cli_random_tensor(inputs[i].dtype, inputs[i].rank, inputs[i].dims, seed, arena, &inputs[i]));
        else
            return ingot_fail(INGOT_BAD_USAGE,
                              m->info->inputs[i].form == INGOT_FORM_TENSOR
                                  ? "input '%s' has no value: give one with --input %s=@FILE.npy, or use --random"
                                  : "input '%s' has no value: give one with --input %s=@FILE.pb",
                              name, name);
    }
    *out = inputs;
    return NULL;
}

ingot_status cli_model_run(cli_model *m, const ingot_tensor *inputs, ingot_tensor *out)
{
    int32_t n_in = m->info->n_inputs, n_out = m->info->n_outputs;
    ingot_arena scratch = {0};
    DLTensor *tensors, **pointers;
    int64_t *dims;
    INGOT_TRY(ingot_arena_array(&scratch, (size_t)(n_in + n_out) + 1, sizeof *tensors, (void **)&tensors));
    ingot_status status = ingot_arena_array(&scratch, (size_t)(n_in + n_out) + 1, sizeof *pointers, (void **)&pointers);
    if (!status)
        status = ingot_arena_array(&scratch, (size_t)(n_in + n_out) + 1, INGOT_MAX_RANK * sizeof *dims, (void **)&dims);
    if (status) {
        ingot_arena_release(&scratch);
        return status;
    }
    for (int32_t i = 0; i < n_in + n_out; i++) {
        int64_t *shape = dims + (size_t)i * INGOT_MAX_RANK;
        const ingot_tensor *t = i < n_in ? &inputs[i] : NULL;
        const ingot_tensor_info *info = t ? NULL : &m->info->outputs[i - n_in];
        if (t)
            memcpy(shape, t->dims, sizeof t->dims);
        tensors[i] = (DLTensor){
            .data = t ? t->data : NULL,
            .device = {kDLCPU, 0},
            .ndim = t ? t->rank : info->rank,
            .dtype = ingot_dtype_to_dl(t ? t->dtype : info->dtype),
            .shape = shape,
        };
        if (t && cli_box_of(t))
            tensors[i] = ingot_box_to_dl(cli_box_of(t));
        pointers[i] = &tensors[i];
    }
    status = ingot_context_run(m->ctx, (const DLTensor *const *)pointers, pointers + n_in);
    for (int32_t i = 0; i < n_out && !status; i++) {
        const DLTensor *t = &tensors[n_in + i];
        if (m->info->outputs[i].form != INGOT_FORM_TENSOR) {
            out[i] = cli_tensor_of_box(ingot_box_from_dl(t));
            continue;
        }
        out[i] = (ingot_tensor){.data = t->data ? (char *)t->data + t->byte_offset : NULL,
                                .dtype = m->info->outputs[i].dtype,
                                .rank = t->ndim};
        for (int32_t d = 0; d < t->ndim && d < INGOT_MAX_RANK; d++)
            out[i].dims[d] = t->shape[d];
    }
    ingot_arena_release(&scratch);
    return status;
}

/* ---- Inputs and outputs, before a compile ---- */

static ingot_status make_ports(int32_t n, ingot_arena *arena, cli_port **out)
{
    return ingot_arena_array(arena, (size_t)n + 1, sizeof **out, (void **)out);
}

static ingot_status read_onnx(const void *bytes, size_t size, ingot_arena *arena, cli_interface *out)
{
    static const ingot_limits limits = {.max_nodes = 1000000, .max_depth = 64, .max_tensor_bytes = (int64_t)1 << 40};
    ingot_onnx_model model;
    INGOT_TRY(ingot_onnx_read_model(bytes, size, &limits, arena, &model));
    const ingot_onnx_graph *g = model.graph;
    INGOT_TRY(make_ports(g->n_in, arena, &out->inputs));
    INGOT_TRY(make_ports(g->n_out, arena, &out->outputs));
    for (int32_t i = 0; i < g->n_in; i++) {
        bool initialized = false;
        for (int32_t k = 0; k < g->n_initializers && !initialized; k++)
            initialized = !strcmp(g->initializers[k].name, g->in[i].name);
        if (!initialized)
            out->inputs[out->n_inputs++] = (cli_port){g->in[i].name, g->in[i].form, (ingot_dtype)g->in[i].dtype};
    }
    for (int32_t i = 0; i < g->n_out; i++)
        out->outputs[out->n_outputs++] = (cli_port){g->out[i].name, g->out[i].form, (ingot_dtype)g->out[i].dtype};
    return NULL;
}

static ingot_status read_onnx_file(const char *path, ingot_arena *arena, cli_interface *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info)) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(error));
    }
    void *map = S_ISREG(info.st_mode) && info.st_size > 0
                    ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                    : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED)
        return ingot_fail(S_ISREG(info.st_mode) ? INGOT_BAD_MODEL : INGOT_IO, "%s: %s", path,
                          S_ISDIR(info.st_mode) ? "is a directory"
                          : info.st_size        ? "cannot be read"
                                                : "is empty");
    ingot_status status = ingot_status_note(read_onnx(map, (size_t)info.st_size, arena, out), "%s", path);
    munmap(map, (size_t)info.st_size);
    return status;
}

static ingot_status copy_ports(int32_t n, const ingot_tensor_info *from, ingot_arena *arena, cli_port **out)
{
    INGOT_TRY(make_ports(n, arena, out));
    for (int32_t i = 0; i < n; i++) {
        char *name = ingot_arena_strndup(arena, from[i].name, strlen(from[i].name));
        (*out)[i] = (cli_port){name, from[i].form, from[i].dtype};
        if (!name)
            return ingot_status_no_memory();
    }
    return NULL;
}

static ingot_status read_artifact(const ingot_model *model, const char *path, ingot_arena *arena, cli_interface *out)
{
    const ingot_model_info *info = ingot_model_get_info(model);
    if (!info)
        return ingot_fail(INGOT_BAD_MODEL, "%s: its plan is damaged", path);
    out->n_inputs = info->n_inputs;
    out->n_outputs = info->n_outputs;
    INGOT_TRY(copy_ports(info->n_inputs, info->inputs, arena, &out->inputs));
    return copy_ports(info->n_outputs, info->outputs, arena, &out->outputs);
}

ingot_status cli_read_interface(const char *path, ingot_arena *arena, cli_interface *out)
{
    *out = (cli_interface){0};
    if (!cli_is_artifact(path))
        return read_onnx_file(path, arena, out);
    const char *file;
    const ingot_model *model;
    void *handle;
    INGOT_TRY(cli_artifact_path(path, arena, &file));
    INGOT_TRY(ingot_model_open(file, &model, &handle));
    ingot_status status = read_artifact(model, file, arena, out);
    ingot_model_close(handle);
    return status;
}
