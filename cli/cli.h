/* The command line: main.c picks a subcommand, each in a file of its own; what they share is here.
 *
 *   options.c  options of a compile that several commands take: --cpu, -O, --dim, --shape, ...
 *   model.c    a model from any of: .onnx (compiled in memory), .so, artifact folder; sizes; one run
 *   tensors.c  values from files and at random, statistics, printing
 *   npy.c      .npy files       pb.c  .pb files
 *   stats.c    percentiles, JSON helpers
 *
 * A command gets its arguments after its name and returns a status, whose code is the exit code.
 *
 *     ingot_status cli_info(int argc, char **argv);   // argv[0] is "info"
 */
#ifndef INGOT_CLI_H
#define INGOT_CLI_H
#include "driver/driver.h"
#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>

typedef ingot_status cli_command(int argc, char **argv);
cli_command cli_compile, cli_info, cli_run, cli_verify, cli_bench, cli_opt, cli_explain, cli_targets, cli_measure,
    cli_costmodel;

/* ---- options.c ---- */
ingot_status cli_usage(const char *format, ...) INGOT_PRINTF(1, 2); /* INGOT_BAD_USAGE with the text */
/* The last of getopt's complaints as a status. */
ingot_status cli_bad_option(int argc, char **argv, const char *command);
/* Numbers of long options that several commands share; a command's own begin at CLI_OPTION_OWN. */
enum {
    CLI_OPTION_CPU = 1000,
    CLI_OPTION_DIM,
    CLI_OPTION_SHAPE,
    CLI_OPTION_THREADS,
    CLI_OPTION_NO_PORTABLE,
    CLI_OPTION_NO_GENERATED,
    CLI_OPTION_EXACT_CONV,
    CLI_OPTION_PRECISION,
    CLI_OPTION_CACHE,
    CLI_OPTION_COST_MODEL,
    CLI_OPTION_TUNE,
    CLI_OPTION_MAX_MEMORY,
    CLI_OPTION_MAX_WORKSPACE,
    CLI_OPTION_MAX_NODES,
    CLI_OPTION_MAX_TENSOR_BYTES,
    CLI_OPTION_MAX_FOLD_BYTES,
    CLI_OPTION_MAX_DEPTH,
    CLI_OPTION_OWN = 2000
};
/* Rows for a command's table of getopt_long. */
#define CLI_COMPILE_OPTIONS                                                                             \
    {"cpu", required_argument, NULL, CLI_OPTION_CPU}, {"dim", required_argument, NULL, CLI_OPTION_DIM}, \
        {"shape", required_argument, NULL, CLI_OPTION_SHAPE},                                           \
        {"threads", required_argument, NULL, CLI_OPTION_THREADS},                                       \
        {"no-portable", no_argument, NULL, CLI_OPTION_NO_PORTABLE},                                     \
        {"no-generated", no_argument, NULL, CLI_OPTION_NO_GENERATED},                                   \
        {"exact-conv", no_argument, NULL, CLI_OPTION_EXACT_CONV},                                       \
        {"precision", required_argument, NULL, CLI_OPTION_PRECISION},                                   \
        {"cache", required_argument, NULL, CLI_OPTION_CACHE},                                           \
        {"cost-model", required_argument, NULL, CLI_OPTION_COST_MODEL},                                 \
        {"tune", optional_argument, NULL, CLI_OPTION_TUNE},                                             \
        {"max-memory", required_argument, NULL, CLI_OPTION_MAX_MEMORY},                                 \
        {"max-workspace", required_argument, NULL, CLI_OPTION_MAX_WORKSPACE},                           \
        {"max-nodes", required_argument, NULL, CLI_OPTION_MAX_NODES},                                   \
        {"max-tensor-bytes", required_argument, NULL, CLI_OPTION_MAX_TENSOR_BYTES},                     \
        {"max-fold-bytes", required_argument, NULL, CLI_OPTION_MAX_FOLD_BYTES},                         \
        {"max-depth", required_argument, NULL, CLI_OPTION_MAX_DEPTH},                                   \
    {                                                                                                   \
        "help", no_argument, NULL, 'h'                                                                  \
    }

#define CLI_MAX_SIZES 256
typedef struct cli_options {
    ingot_compile_options compile;
    ingot_size_range sizes[CLI_MAX_SIZES];
    ingot_input_shape shapes[CLI_MAX_SIZES];
    int32_t threads; /* of runs; 0: not given */
    ingot_arena arena;
} cli_options;
void cli_options_init(cli_options *o);
void cli_options_free(cli_options *o);
/* Takes one of the shared options ('O' too); *out_taken tells whether it was one. */
ingot_status cli_options_take(cli_options *o, int option, const char *argument, bool *out_taken);
/* "12", "4K", "2G", "1.5M" */
ingot_status cli_parse_bytes(const char *text, const char *option, int64_t *out);
ingot_status cli_parse_int(const char *text, const char *option, int64_t lo, int64_t hi, int64_t *out);
ingot_status cli_parse_number(const char *text, const char *option, double lo, double hi, double *out);
ingot_status cli_add_shape(cli_options *o, const char *name, const ingot_tensor *like);

/* ---- tensors.c ---- */
/* A value of a model is an ingot_tensor: dense; or, for a sequence or an optional, one without an element type whose
 * `data` is the box. */
typedef struct cli_value {
    const char *name, *path; /* path: where it is read from, once its form is known */
    ingot_tensor tensor;     /* owned by an arena */
} cli_value;
ingot_tensor cli_tensor_of_box(const ingot_box *box);
/* Null for a plain tensor. */
const ingot_box *cli_box_of(const ingot_tensor *value);
/* By the file's ending: .npy, else .pb. */
ingot_status cli_read_tensor(const char *path, ingot_arena *arena, ingot_tensor *out);
/* The same for a value of any form; boxes live in the heap. */
ingot_status cli_read_value(const char *path, ingot_form form, ingot_dtype dtype, ingot_arena *arena, ingot_heap *heap,
                            ingot_tensor *out);
/* FOLDER/INDEX.npy, or .pb for types that .npy lacks. */
ingot_status cli_write_tensor(const char *folder, int32_t index, const char *name, const ingot_tensor *t);
/* Parses "NAME=@FILE". */
ingot_status cli_parse_input(const char *argument, ingot_arena *arena, cli_value *out);
/* Reads the files of the inputs given for a model or artifact. */
ingot_status cli_read_inputs(const char *model, int32_t n, cli_value *values, ingot_arena *arena, ingot_heap *heap);
/* Normal floats; integers and bools 0 or 1. */
ingot_status cli_random_tensor(ingot_dtype dtype, int32_t rank, const int64_t *dims, uint64_t *seed, ingot_arena *arena,
                               ingot_tensor *out);
typedef struct cli_tensor_stats {
    bool valid; /* numeric and not empty */
    double min, max, mean;
    int64_t count, not_finite;
} cli_tensor_stats;
cli_tensor_stats cli_stats_of(const ingot_tensor *t);
void cli_print_shape(const ingot_tensor *t, ingot_text *out); /* "f32[1,10]", "sequence of f32 (f32[2], f32[3])" */
ingot_status cli_make_folder(const char *path);
/* Written under another name, then renamed. */
ingot_status cli_write_file(const char *path, const void *data, size_t size);
/* A whole file of at most `limit` bytes; INGOT_IO for what is not a file. */
ingot_status cli_read_file(const char *path, int64_t limit, ingot_arena *arena, void **out_data, size_t *out_size);

/* ---- npy.c, pb.c ---- */
ingot_status cli_npy_parse(const void *data, size_t size, const char *path, ingot_arena *arena, ingot_tensor *out);
bool cli_npy_can_hold(ingot_dtype dtype);
/* Header and data. */
ingot_status cli_npy_format(const ingot_tensor *t, ingot_text *out_header);
ingot_status cli_pb_format(const char *name, const ingot_tensor *t, ingot_text *out); /* boxes too */

/* ---- model.c ---- */
typedef struct cli_model {
    ingot_compiled *compiled; /* null for an artifact */
    void *handle;             /* of a shared object */
    const ingot_model *model;
    const ingot_model_info *info;
    ingot_context *ctx;
    ingot_arena arena;
    double compile_s, load_s;
} cli_model;
/* True for a .so, or a folder (an artifact is in it). */
bool cli_is_artifact(const char *path);
/* A folder's only .so, or the path itself. */
ingot_status cli_artifact_path(const char *path, ingot_arena *arena, const char **out);
/* Compiles or opens, and makes a context. */
ingot_status cli_model_open(const char *path, const cli_options *options, cli_model *out);
void cli_model_close(cli_model *m);
/* Sizes of every input: from the values given, --dim, low ends. `out` has room for n_inputs; dims only are filled in.
 */
ingot_status cli_model_input_sizes(cli_model *m, const cli_options *options, int32_t n_given, const cli_value *given,
                                   ingot_tensor *out);
/* One value per input in the model's order; those not given are made at random if `seed`, else it is an error that
 * names them. */
ingot_status cli_model_fill_inputs(cli_model *m, const cli_options *options, int32_t n_given, const cli_value *given,
                                   uint64_t *seed, ingot_arena *arena, ingot_tensor **out);
/* Runs; outputs point at memory of the context, valid until the next run. `out` has room for n_outputs. */
ingot_status cli_model_run(cli_model *m, const ingot_tensor *inputs, ingot_tensor *out);
/* What a model file or artifact takes (inputs that a caller gives, in order) and gives. */
typedef struct cli_port {
    const char *name;
    ingot_form form;
    ingot_dtype dtype;
} cli_port;
typedef struct cli_interface {
    int32_t n_inputs, n_outputs;
    cli_port *inputs, *outputs;
} cli_interface;
ingot_status cli_read_interface(const char *path, ingot_arena *arena, cli_interface *out);

/* ---- stats.c ---- */
double cli_percentile(const double *sorted, int32_t n, double p);
int cli_compare_doubles(const void *a, const void *b);
int64_t cli_peak_rss_bytes(void);
int64_t cli_rss_bytes(void);
/* A number that JSON can hold, else null. */
void cli_json_number(cJSON *object, const char *name, double value);
/* Prints on one line, flushes and deletes. */
ingot_status cli_json_print(cJSON *object, bool pretty);
void cli_print_bytes(double bytes, char out[32]);
void cli_print_count(double count, char out[32]);

/* ---- progress.c: a line on a terminal's stderr that overwrites itself, after half a second. ---- */
void cli_progress(void *arg, const char *stage, int32_t done, int32_t total);
void cli_progress_clear(void);
#endif
