/* Learned cost models as text: exact both ways, malformed text refused; the built-in one is what its file says. */
#include "costmodel/learned.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_default(size_t *out_size)
{
    FILE *f = fopen(INGOT_SOURCE_DIR "/costmodel/default.model", "rb");
    cr_assert(f != NULL);
    char *text = malloc(8 << 20);
    cr_assert(text != NULL);
    *out_size = fread(text, 1, (8 << 20) - 1, f);
    text[*out_size] = 0;
    fclose(f);
    return text;
}

/* Features of some kernels, spread out. */
static void sample(int i, double *f)
{
    for (int k = 0; k < INGOT_FEATURE_COUNT; k++)
        f[k] = (double)((i * 7919 + k * 104729) % 1000) / 50;
    f[INGOT_FEATURE_family] = i % INGOT_FAMILY_COUNT;
}

Test(knowledge, built_in_tables_are_those_of_the_file)
{
    size_t size;
    char *text = read_default(&size);
    const ingot_knowledge *built_in = ingot_knowledge_built_in();
    ingot_knowledge read;
    ingot_status status = ingot_knowledge_read(text, size, &read);
    cr_assert(status == NULL, "%s", status ? ingot_status_message(status) : "");
    cr_expect_leq(size, 2 << 20, "the file that ships has %zu bytes", size);
    cr_expect_str_eq(read.target, built_in->target);
    cr_expect_gt(built_in->forest.n_trees, 50);
    cr_expect_eq(read.forest.n_nodes, built_in->forest.n_nodes);
    for (int i = 0; i < 200; i++) {
        double f[INGOT_FEATURE_COUNT];
        sample(i, f);
        cr_expect_eq(ingot_forest_predict(&read.forest, f), ingot_forest_predict(&built_in->forest, f));
        cr_expect_float_eq(ingot_linear_predict(read.linear, f), ingot_linear_predict(built_in->linear, f), 1e-9);
        cr_expect_eq(ingot_nearest_predict(&read, f), ingot_nearest_predict(built_in, f));
    }
    ingot_knowledge_release(&read);
    free(text);
}

Test(knowledge, text_is_exact)
{
    size_t size;
    char *text = read_default(&size);
    ingot_knowledge read;
    ingot_text again = {0};
    cr_assert(ingot_knowledge_read(text, size, &read) == NULL);
    cr_assert(ingot_knowledge_write(&read, &again) == NULL);
    cr_expect_eq(again.size, size);
    cr_expect(again.size == size && memcmp(again.data, text, size) == 0);
    ingot_text_free(&again);
    ingot_knowledge_release(&read);
    free(text);
}

static void expect_refused(const char *text, const char *part)
{
    ingot_knowledge k;
    ingot_status status = ingot_knowledge_read(text, strlen(text), &k);
    cr_assert(status != NULL, "%s", text);
    cr_expect_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "%s", ingot_status_message(status));
    ingot_status_free(status);
}

Test(knowledge, malformed_text_is_refused)
{
    expect_refused("", "does not begin with");
    expect_refused("ingot cost model 1\n", "a section");
    expect_refused("ingot cost model 1\nfeatures 3 a b c\nend\n", "trained by another version");
    expect_refused("ingot cost model 1\nforest 1 3 0\ntree 3\n0 0 1.5\n1\n2\nend\n", "children that follow");
    expect_refused("ingot cost model 1\nforest 1 3 0\ntree 3\n9999 1 1.5\n1\n2\nend\n", "a feature");
    expect_refused("ingot cost model 1\nforest 1 3 0\ntree 3\n0 2 1.5\n1\n2\nend\n", "children that follow");
    expect_refused("ingot cost model 1\nforest 1 3 0\ntree 1\n1\nend\n", "as many nodes");
    expect_refused("ingot cost model 1\nforest 99999999 3 0\nend\n", "not too large");
    expect_refused("ingot cost model 1\nforest 1 1 0\ntree 1\nnan\nend\n", "a number");
    expect_refused("ingot cost model 1\nlinear 2\n1\n2\nend\n", "as many weights");
    expect_refused("ingot cost model 1\ntokens 1\n99999 1\nend\n", "not too large");
    expect_refused("ingot cost model 1\nnearest 5000\nend\n", "not too large");
    expect_refused("ingot cost model 1\nwhat 1\nend\n", "the name of a section");
}

/* Every prefix of a model and every flipped byte ends in a model or a message. */
Test(knowledge, damaged_text_never_crashes)
{
    size_t size;
    char *text = read_default(&size), *copy = malloc(size + 1);
    cr_assert(copy != NULL);
    for (int i = 0; i < 60; i++) {
        ingot_knowledge k;
        size_t n = i % 2 ? size : size * (size_t)i / 60;
        memcpy(copy, text, n);
        copy[n] = 0;
        if (i % 2)
            copy[size * (size_t)i / 60] ^= (char)(1 + i);
        ingot_status status = ingot_knowledge_read(copy, n, &k);
        double f[INGOT_FEATURE_COUNT];
        sample(i, f);
        if (!status && k.forest.n_trees)
            ingot_forest_predict(&k.forest, f);
        if (!status)
            ingot_knowledge_release(&k);
        ingot_status_free(status);
    }
    free(copy);
    free(text);
}

Test(knowledge, words_are_counted_without_the_numbers_of_values)
{
    float *a = malloc(INGOT_TOKEN_BUCKETS * sizeof *a), *b = malloc(INGOT_TOKEN_BUCKETS * sizeof *b);
    cr_assert(a && b);
    static const char one[] = "%1 = vector.fma %2, %3 : vector<8xf32>",
                      two[] = "%10 = vector.fma %20, %7 : vector<8xf32>",
                      other[] = "%1 = arith.addf %2, %3 : vector<8xf32>";
    ingot_tokens_count(one, strlen(one), a);
    ingot_tokens_count(two, strlen(two), b);
    cr_expect(memcmp(a, b, INGOT_TOKEN_BUCKETS * sizeof *a) == 0);
    ingot_tokens_count(other, strlen(other), b);
    cr_expect(memcmp(a, b, INGOT_TOKEN_BUCKETS * sizeof *a) != 0);
    free(a);
    free(b);
}

Test(cost_models, open_by_name)
{
    static const char *const names[] = {"constant", "flops", "roofline", "linear", "nearest", "learned"};
    static const char line[] = "contract b0=1 b1=1 m=128 n=768 k=768 in=f32[0,0,768,0,1] "
                               "in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,768,1,0] | mr=6 nr=16 | znver3";
    ingot_spec spec;
    const ingot_target *target;
    cr_assert(ingot_spec_parse(line, strlen(line), &spec) == NULL);
    cr_assert(ingot_target_find("znver3", &target) == NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ingot_cost_model *model;
        cr_assert(ingot_cost_model_open(names[i], &model) == NULL, "%s", names[i]);
        cr_expect_str_eq(model->name, names[i]);
        const ingot_cost_query query = {.spec = &spec, .target = target};
        ingot_cost cost = ingot_cost_predict(model, &query);
        cr_expect(isfinite(cost.ns) && cost.ns > 0, "%s: %g", names[i], cost.ns);
        cr_expect(cost.bound_ns > 1e5 && cost.bytes_moved > 2e6);
        ingot_cost_model_close(model);
    }
    ingot_cost_model *model;
    ingot_status status = ingot_cost_model_open("no-such-model", &model);
    cr_assert(status != NULL && model == NULL);
    cr_expect(strstr(ingot_status_message(status), "roofline") != NULL); /* the names are listed */
    ingot_status_free(status);
}
