/* Artifacts: weights, plan, archive or shared object, header. */
#include "codegen/artifact.h"
#include "codegen/files.h"
#include "runtime/plan.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What users of the archive may call, whatever the model itself needs. */
static const char *const runtime_roots[] = {"ingot_status_code",     "ingot_status_message", "ingot_status_free",
                                            "ingot_model_open",      "ingot_model_close",    "ingot_model_get_info",
                                            "ingot_model_get_pools", "ingot_context_create", "ingot_context_run",
                                            "ingot_context_destroy"};
#define N_ROOTS ((int32_t)(sizeof runtime_roots / sizeof *runtime_roots))

typedef struct artifact {
    const ingot_artifact_options *options;
    ingot_artifact_version *versions;
    int32_t n_versions;
    const char *name;
    ingot_arena arena;
    ingot_files files;
    int32_t n_kernels; /* of all versions */
    uint8_t weights_digest[16];
    const char *weights_path; /* temporary */
    ingot_object plan_object;
    ingot_archive_member *members;
    int32_t n_members;
} artifact;

static ingot_status file_name(artifact *a, const char *suffix, const char **out)
{
    *out = ingot_arena_printf(&a->arena, "%s%s", a->name, suffix);
    return *out ? NULL : ingot_status_no_memory();
}

static ingot_status check_options(const artifact *a)
{
    const char *c = a->name;
    for (; c && (isalnum((unsigned char)*c) || *c == '_'); c++)
        ;
    if (!a->name || !*a->name || *c || isdigit((unsigned char)*a->name))
        return ingot_fail(INGOT_BAD_USAGE, "'%s' cannot be a model's name: it must be a C identifier",
                          a->name ? a->name : "");
    if (!a->options->build_id)
        return ingot_fail(INGOT_BAD_USAGE, "an artifact needs a build id");
    for (int32_t i = 0; i < a->n_versions; i++) {
        const ingot_artifact_version *v = &a->versions[i];
        if (!v->target)
            return ingot_fail(INGOT_BAD_USAGE, "an artifact needs a target");
        if (v->n_kernels != v->program->n_specs)
            return ingot_fail(INGOT_INTERNAL, "%d objects for %d kernels", (int)v->n_kernels, (int)v->program->n_specs);
    }
    return NULL;
}

static ingot_status write_weights(artifact *a)
{
    const char *name;
    int fd;
    INGOT_TRY(file_name(a, ".weights", &name));
    INGOT_TRY(ingot_files_open(&a->files, name, !a->options->embed_weights, &fd, &a->weights_path));
    ingot_status status = ingot_weights_write(a->versions[0].program, a->options->build_id, fd, a->weights_digest);
    if (close(fd) && !status)
        status = ingot_fail(INGOT_IO, "%s", strerror(errno));
    return ingot_status_note(status, "%s/%s", a->files.folder, name);
}

static ingot_status make_plan_object(artifact *a)
{
    for (int32_t i = 0; i < a->n_versions; i++) {
        ingot_artifact_version *v = &a->versions[i];
        void *plan;
        INGOT_TRY(ingot_plan_serialize(v->program, v->target, a->options->build_id, a->weights_digest, &a->arena, &plan,
                                       &v->plan_size));
        ((ingot_plan *)plan)->max_workspace_bytes = a->options->max_workspace_bytes;
        v->plan = plan;
    }
    return ingot_plan_object(a->versions, a->n_versions, a->options->embed_weights ? a->weights_path : NULL, &a->arena,
                             &a->plan_object);
}

/* Plan object, kernels of all versions, then the runtime's members that these need. */
static ingot_status collect_members(artifact *a)
{
    ingot_archive_member *runtime;
    int32_t n_runtime;
    INGOT_TRY(ingot_archive_read(ingot_rt_archive_begin, (size_t)(ingot_rt_archive_end - ingot_rt_archive_begin),
                                 &a->arena, &runtime, &n_runtime));
    ingot_object *users;
    bool *taken;
    INGOT_TRY(ingot_arena_array(&a->arena, (size_t)a->n_kernels + 1, sizeof *users, (void **)&users));
    INGOT_TRY(ingot_arena_array(&a->arena, (size_t)n_runtime + 1, sizeof *taken, (void **)&taken));
    INGOT_TRY(ingot_arena_array(&a->arena, (size_t)a->n_kernels + (size_t)n_runtime + 1, sizeof *a->members,
                                (void **)&a->members));
    const char *plan_name;
    INGOT_TRY(file_name(a, "_plan.o", &plan_name));
    a->members[a->n_members++] = (ingot_archive_member){plan_name, a->plan_object.data, a->plan_object.size};
    for (int32_t k = 0; k < a->n_versions; k++) {
        const ingot_artifact_version *v = &a->versions[k];
        for (int32_t i = 0; i < v->n_kernels; i++) {
            char symbol[32];
            ingot_kernel_symbol(&v->program->specs[i], symbol);
            char *member = ingot_arena_printf(&a->arena, "%s.o", symbol);
            if (!member)
                return ingot_status_no_memory();
            users[a->n_members - 1] = v->kernels[i];
            a->members[a->n_members++] = (ingot_archive_member){member, v->kernels[i].data, v->kernels[i].size};
        }
    }
    users[a->n_kernels] = a->plan_object;
    INGOT_TRY(
        ingot_archive_select(runtime, n_runtime, users, a->n_kernels + 1, runtime_roots, N_ROOTS, &a->arena, taken));
    for (int32_t i = 0; i < n_runtime; i++) {
        if (taken[i])
            a->members[a->n_members++] = runtime[i];
    }
    return NULL;
}

static ingot_status write_archive(artifact *a, bool keep, const char **out_path)
{
    const char *name;
    int fd;
    ingot_text bytes = {0};
    INGOT_TRY(file_name(a, ".a", &name));
    INGOT_TRY(ingot_files_open(&a->files, name, keep, &fd, out_path));
    ingot_status status = ingot_archive_write(a->members, a->n_members, &bytes);
    if (!status)
        status = ingot_write_all(fd, bytes.data, bytes.size);
    ingot_text_free(&bytes);
    if (close(fd) && !status)
        status = ingot_fail(INGOT_IO, "%s", strerror(errno));
    return ingot_status_note(status, "%s/%s", a->files.folder, name);
}

static ingot_status write_objects(artifact *a)
{
    const char *name;
    INGOT_TRY(file_name(a, ".o", &name));
    INGOT_TRY(ingot_files_add(&a->files, name, a->plan_object.data, a->plan_object.size));
    for (int32_t i = 0; i < a->n_kernels; i++)
        INGOT_TRY(ingot_files_add(&a->files, a->members[1 + i].name, a->members[1 + i].data, a->members[1 + i].size));
    return NULL;
}

/* ---- shared objects, by the system's cc ---- */

/* The first lines that a command wrote. */
static void read_output(int fd, ingot_text *out)
{
    char buffer[2000];
    ssize_t n = pread(fd, buffer, sizeof buffer, 0);
    if (n > 0)
        ingot_text_append_bytes(out, buffer, (size_t)n);
    while (out->size && isspace((unsigned char)out->data[out->size - 1]))
        out->data[--out->size] = 0;
}

static ingot_status run_command(char *const *argv, int output_fd)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int state = 0;
    if (posix_spawn_file_actions_init(&actions))
        return ingot_status_no_memory();
    int error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output_fd, 1);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output_fd, 2);
    if (!error)
        error = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT)
        return ingot_fail(INGOT_UNSUPPORTED,
                          "a shared object needs the system's '%s', which is not there; the archive does not", argv[0]);
    if (error)
        return ingot_fail(INGOT_IO, "starting %s: %s", argv[0], strerror(error));
    while (waitpid(child, &state, 0) < 0) {
        if (errno != EINTR)
            return ingot_fail(INGOT_IO, "waiting for %s: %s", argv[0], strerror(errno));
    }
    if (WIFEXITED(state) && !WEXITSTATUS(state))
        return NULL;
    ingot_text text = {0};
    read_output(output_fd, &text);
    ingot_status status =
        ingot_fail(INGOT_IO, "%s failed (status %d): %s", argv[0],
                   WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state), text.data ? text.data : "it said nothing");
    ingot_text_free(&text);
    return status;
}

/* Symbols that the shared object shows; the rest is its own, so that several of them, of any versions, live in one
 * program. */
static ingot_status write_exports(artifact *a, const char **out_path)
{
    int fd;
    ingot_text text = {0};
    INGOT_TRY(ingot_files_open(&a->files, "exports.map", false, &fd, out_path));
    ingot_text_append(&text, "{\nglobal:\n    ingot_model_entry;\n");
    static const char *const own[] = {"init", "run", "destroy", "info", "pools", "model"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        ingot_text_append(&text, "    %s_%s;\n", a->name, own[i]);
    for (int32_t i = 0; i < N_ROOTS; i++)
        ingot_text_append(&text, "    %s;\n", runtime_roots[i]);
    ingot_text_append(&text, "local:\n    *;\n};\n");
    ingot_status status = text.failed ? ingot_status_no_memory() : ingot_write_all(fd, text.data, text.size);
    ingot_text_free(&text);
    if (close(fd) && !status)
        status = ingot_fail(INGOT_IO, "%s", strerror(errno));
    return status;
}

static ingot_status write_shared(artifact *a, const char *archive_path)
{
    const char *name, *exports, *output, *log;
    int fd, log_fd;
    INGOT_TRY(file_name(a, ".so", &name));
    INGOT_TRY(write_exports(a, &exports));
    INGOT_TRY(ingot_files_open(&a->files, name, true, &fd, &output));
    close(fd);
    char *soname = ingot_arena_printf(&a->arena, "-Wl,-soname,%s", name);
    if (!soname)
        return ingot_status_no_memory();
    INGOT_TRY(ingot_files_open(&a->files, "cc.log", false, &log_fd, &log));
    const char *argv[] = {"cc",
                          "-shared",
                          "-o",
                          output,
                          soname,
                          "-Wl,--build-id=none",
                          "-Wl,-Bsymbolic",
                          "-Wl,-z,relro,-z,now",
                          "-Wl,-z,noexecstack",
                          "-Wl,--gc-sections",
                          "-Xlinker",
                          "--version-script",
                          "-Xlinker",
                          exports,
                          "-Wl,--whole-archive",
                          archive_path,
                          "-Wl,--no-whole-archive",
                          "-lm",
                          "-lpthread",
                          NULL};
    char *arguments[sizeof argv / sizeof *argv];
    memcpy(arguments, argv, sizeof argv); /* posix_spawn does not write to them */
    ingot_status status = run_command(arguments, log_fd);
    close(log_fd);
    return ingot_status_note(status, "linking %s/%s", a->files.folder, name);
}

/* ---- all of it ---- */

static ingot_status write_headers(artifact *a)
{
    const char *name;
    ingot_text text = {0};
    INGOT_TRY(file_name(a, ".h", &name));
    ingot_status status = ingot_header_write(a->versions[0].program, &text);
    if (!status)
        status = ingot_files_add(&a->files, name, text.data, text.size);
    ingot_text_free(&text);
    INGOT_TRY(status);
    return ingot_files_add(&a->files, "ingot/runtime.h", ingot_rt_header_begin,
                           (size_t)(ingot_rt_header_end - ingot_rt_header_begin));
}

static ingot_status write_all_files(artifact *a)
{
    uint32_t emit = a->options->emit ? a->options->emit : INGOT_ARTIFACT_ARCHIVE;
    const char *archive_path;
    INGOT_TRY(check_options(a));
    INGOT_TRY(ingot_files_begin(&a->files, a->options->out_dir));
    INGOT_TRY(write_weights(a));
    INGOT_TRY(make_plan_object(a));
    INGOT_TRY(collect_members(a));
    if (emit & (INGOT_ARTIFACT_ARCHIVE | INGOT_ARTIFACT_SHARED))
        INGOT_TRY(write_archive(a, emit & INGOT_ARTIFACT_ARCHIVE, &archive_path));
    if (emit & INGOT_ARTIFACT_SHARED)
        INGOT_TRY(write_shared(a, archive_path));
    if (emit & INGOT_ARTIFACT_OBJECTS)
        INGOT_TRY(write_objects(a));
    INGOT_TRY(write_headers(a));
    for (int32_t i = 0; i < a->options->n_files; i++) {
        const ingot_artifact_file *f = &a->options->files[i];
        const char *name;
        INGOT_TRY(file_name(a, f->suffix, &name));
        INGOT_TRY(ingot_files_add(&a->files, name, f->data, f->size));
    }
    return ingot_files_commit(&a->files);
}

ingot_status ingot_artifact_write(const ingot_artifact_options *options, ingot_artifact_version *versions,
                                  int32_t n_versions)
{
    artifact a = {
        .options = options, .versions = versions, .n_versions = n_versions, .name = versions[0].program->name};
    for (int32_t i = 0; i < n_versions; i++)
        a.n_kernels += versions[i].n_kernels;
    ingot_status status = write_all_files(&a);
    ingot_files_end(&a.files);
    ingot_arena_release(&a.arena);
    return status;
}
