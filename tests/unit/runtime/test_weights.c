/* Weights files, descriptions of models, and opening shared objects. */
#include "hand_plan.h"
#include "runtime/context.h"
#include "runtime/digest.h"
#include "runtime/model_info.h"
#include "runtime/weights.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define POOL_BYTES 128

static hand_plan h;
static _Alignas(4096) char file[INGOT_WEIGHTS_OFFSET + POOL_BYTES];
static char folder[64], path[128];

/* A model whose output is a constant, its weights file, and a folder to work in. */
static void set_up(void)
{
    uint32_t n = hand_symbol(&h, "n", 2, 10, false), four = hand_const(&h, 4);
    hand_input(&h, "x", INGOT_F32, 2, (uint32_t[]){n, four});
    int32_t constant =
        hand_place(&h, hand_buffer(&h, 1, 0, hand_const(&h, 16), hand_const(&h, 64)), INGOT_F32, 1, &four);
    hand_alias(&h, "y", -2, constant);
    h.header.arena_bytes = hand_mul(&h, n, hand_const(&h, 64));
    h.header.weights_bytes = POOL_BYTES;
    memset(h.header.build_id, 0x5a, sizeof h.header.build_id);
    memcpy(file + INGOT_WEIGHTS_OFFSET + 64, (float[]){1, 2, 3, 4}, 16);
    ingot_digest(file + INGOT_WEIGHTS_OFFSET, POOL_BYTES, h.header.weights_digest);
    ingot_weights_header header = {
        .version = INGOT_WEIGHTS_VERSION, .data_offset = INGOT_WEIGHTS_OFFSET, .size = POOL_BYTES};
    memcpy(header.magic, INGOT_WEIGHTS_MAGIC, 8);
    memcpy(header.build_id, h.header.build_id, 16);
    memcpy(header.digest, h.header.weights_digest, 16);
    memcpy(file, &header, sizeof header);
    hand_finish(&h);
    snprintf(folder, sizeof folder, "/tmp/ingot-test-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/hand.weights", folder);
    mkdir(folder, 0777);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(folder);
}

static void write_file(const void *data, size_t size)
{
    FILE *out = fopen(path, "wb");
    cr_assert_not_null(out);
    fwrite(data, 1, size, out);
    fclose(out);
}

static ingot_init_options defaults(void)
{
    return (ingot_init_options){.struct_size = sizeof(ingot_init_options), .threads = 1, .weights_path = path};
}

static void expect_result(ingot_context *ctx)
{
    float in[8] = {0};
    int64_t shape[2] = {2, 4}, out_shape[INGOT_MAX_RANK];
    DLTensor x = hand_tensor(in, INGOT_F32, 2, shape), y = {.shape = out_shape};
    ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y});
    cr_assert_null(status, "%s", ingot_status_message(status));
    cr_assert_arr_eq(y.data, ((float[]){1, 2, 3, 4}), 16);
}

static void expect_refused(const ingot_init_options *options, ingot_code code, const char *part)
{
    ingot_context *ctx;
    ingot_status status = ingot_context_create(&h.model, options, &ctx);
    cr_assert_not_null(status, "expected: %s", part);
    cr_expect_eq(ingot_status_code(status), code, "%s", ingot_status_message(status));
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "'%s' is not in: %s", part,
              ingot_status_message(status));
    ingot_status_free(status);
}

Test(weights, come_from_a_file_that_contexts_share, .init = set_up, .fini = tear_down)
{
    ingot_init_options options = defaults();
    ingot_context *a, *b;
    write_file(file, sizeof file);
    cr_assert_null(ingot_context_create(&h.model, &options, &a));
    cr_assert_null(ingot_context_create(&h.model, &options, &b));
    cr_assert_eq(a->weights_data, b->weights_data);
    ingot_context_destroy(a);
    expect_result(b);
    ingot_context_destroy(b);
}

Test(weights, come_from_memory_or_the_working_directory, .init = set_up, .fini = tear_down)
{
    ingot_init_options options = {
        .struct_size = sizeof options, .threads = 1, .weights = file, .weights_size = sizeof file};
    ingot_context *ctx;
    cr_assert_null(ingot_context_create(&h.model, &options, &ctx));
    expect_result(ctx);
    ingot_context_destroy(ctx);
    h.model.embedded_weights = file;
    cr_assert_null(ingot_context_create(&h.model, NULL, &ctx));
    expect_result(ctx);
    ingot_context_destroy(ctx);
    h.model.embedded_weights = NULL;
    cr_assert_eq(chdir(folder), 0);
    expect_refused(NULL, INGOT_IO, "no weights: there is no hand.weights in the working directory");
    write_file(file, sizeof file);
    cr_assert_null(ingot_context_create(&h.model, NULL, &ctx));
    ingot_context_destroy(ctx);
}

Test(weights, damage_is_refused_each_with_its_message, .init = set_up, .fini = tear_down)
{
    static char bad[sizeof file];
    ingot_init_options options = defaults();
    expect_refused(&options, INGOT_IO, "hand.weights: No such file");
    write_file("", 0);
    expect_refused(&options, INGOT_BAD_MODEL, "0 bytes are too few");
    write_file(file, 100);
    expect_refused(&options, INGOT_BAD_MODEL, "is cut off: 100 bytes, expected 4224");
    write_file(file, sizeof file - 1);
    expect_refused(&options, INGOT_BAD_MODEL, "is cut off: 4223 bytes, expected 4224");
    memcpy(bad, file, sizeof bad);
    bad[0] = 'X';
    write_file(bad, sizeof bad);
    expect_refused(&options, INGOT_BAD_MODEL, "not a weights file");
    memcpy(bad, file, sizeof bad);
    bad[8] = 9;
    write_file(bad, sizeof bad);
    expect_refused(&options, INGOT_BAD_MODEL, "weights file of version 9, expected 1");
    memcpy(bad, file, sizeof bad);
    bad[16] = 0;
    write_file(bad, sizeof bad);
    expect_refused(&options, INGOT_BAD_MODEL, "belongs to another compile (build 005a5a");
    memcpy(bad, file, sizeof bad);
    bad[sizeof bad - 1] = 1;
    write_file(bad, sizeof bad);
    options.verify_weights = 1;
    expect_refused(&options, INGOT_BAD_MODEL, "damaged: the digest");
    write_file(file, sizeof file);
    ingot_context *ctx;
    cr_assert_null(ingot_context_create(&h.model, &options, &ctx));
    ingot_context_destroy(ctx);
    options = defaults();
    options.weights_path = folder;
    expect_refused(&options, INGOT_IO, "is not a file");
    options.weights = file + 4;
    options.weights_size = 64;
    expect_refused(&options, INGOT_BAD_USAGE, "is not aligned to 64 bytes");
    options.weights = file;
    options.weights_size = 0;
    expect_refused(&options, INGOT_BAD_USAGE, "weights without weights_size");
}

Test(model_info, describes_interface_and_memory, .init = set_up, .fini = tear_down)
{
    const ingot_model_info *info = ingot_model_get_info(&h.model);
    cr_assert_not_null(info);
    cr_assert_eq(info, ingot_model_get_info(&h.model));
    cr_assert_str_eq(info->name, "hand");
    cr_assert_str_eq(info->build_id, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    cr_assert_eq(info->n_inputs, 1);
    cr_assert_eq(info->inputs[0].dims[0], -1);
    cr_assert_str_eq(info->inputs[0].dim_names[0], "n");
    cr_assert_eq(info->inputs[0].dims[1], 4);
    cr_assert_null(info->inputs[0].dim_names[1]);
    cr_assert_str_eq(info->outputs[0].name, "y");
    cr_assert_eq(info->weights_bytes, POOL_BYTES);
    cr_assert_eq(info->arena_bytes, 0);
    ingot_pool pools[4];
    cr_assert_eq(ingot_model_get_pools(&h.model, NULL, pools, 4), 3);
    cr_assert_eq(pools[0].size_bytes, 128);
    cr_assert_eq(pools[1].size_bytes, POOL_BYTES);
    cr_assert_gt(pools[2].size_bytes, 0);
    int64_t n = 10;
    cr_assert_eq(ingot_model_get_pools(&h.model, &n, pools, 1), 3);
    cr_assert_eq(pools[0].size_bytes, 640);
    hand_plan_of(&h)->build_id[0] = 1; /* another model at the same address */
    cr_assert_str_eq(ingot_model_get_info(&h.model)->build_id, "015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    ingot_model_forget(&h.model);
    hand_plan_of(&h)->magic[0] = 0;
    cr_assert_null(ingot_model_get_info(&h.model));
    cr_assert_eq(ingot_model_get_pools(&h.model, NULL, pools, 4), 0);
}

Test(loader, refuses_what_is_no_model, .init = set_up, .fini = tear_down)
{
    static const struct {
        const char *path, *part;
        ingot_code code;
    } cases[] = {{"/nowhere/m.so", "No such file", INGOT_IO},
                 {"/tmp", "is not a file", INGOT_IO},
                 {"", "no path", INGOT_BAD_USAGE},
                 {path, "cannot be loaded", INGOT_BAD_MODEL}};
    write_file(file, sizeof file);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ingot_model *model;
        void *handle;
        ingot_status status = ingot_model_open(cases[i].path, &model, &handle);
        cr_assert_not_null(status);
        cr_expect_eq(ingot_status_code(status), cases[i].code);
        cr_expect(strstr(ingot_status_message(status), cases[i].part) != NULL, "%s", ingot_status_message(status));
        ingot_status_free(status);
    }
    ingot_model_close(NULL);
}

Test(digest, does_not_depend_on_how_bytes_are_cut)
{
    uint8_t data[1000], whole[16], pieces[16], other[16];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i);
    for (size_t size = 0; size <= sizeof data; size += 37) {
        ingot_digest(data, size, whole);
        for (size_t step = 1; step < 80; step += 13) {
            ingot_digest_state state;
            ingot_digest_begin(&state);
            for (size_t at = 0; at < size; at += step)
                ingot_digest_add(&state, data + at, size - at < step ? size - at : step);
            ingot_digest_end(&state, pieces);
            cr_assert_arr_eq(whole, pieces, 16);
        }
        if (!size)
            continue;
        data[size / 2] ^= 1;
        ingot_digest(data, size, other);
        data[size / 2] ^= 1;
        cr_assert(memcmp(whole, other, 16) != 0);
        ingot_digest(data, size - 1, other);
        cr_assert(memcmp(whole, other, 16) != 0);
    }
}
