/* Importing small models: shapes and symbols, constants, nested graphs, functions, and what must be refused, with its
 * words. */
#include "frontend/frontend.h"
#include "tests/unit/imported.h"
#include "tests/unit/onnx_writer.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

/* Imports and frees the bytes. */
static ingot_status import_with(pb *model, const ingot_import_options *given, ingot_module **out)
{
    ingot_import_options options = {.struct_size = sizeof options};
    if (given)
        options = *given;
    options.struct_size = sizeof options;
    cr_assert_not(model->failed);
    return ingot_import_memory(model->data, model->size, &options, out);
}

static ingot_module *import_ok(pb *model, const ingot_import_options *options)
{
    ingot_module *m;
    ingot_status status = import_with(model, options, &m);
    cr_assert_null(status, "%s", ingot_status_message(status));
    return m;
}

static void expect_refusal(pb *model, ingot_code code, const char *words)
{
    ingot_module *m;
    ingot_status status = import_with(model, NULL, &m);
    cr_assert_eq(ingot_status_code(status), code, "%s", ingot_status_message(status));
    cr_assert_not_null(strstr(ingot_status_message(status), words), "%s", ingot_status_message(status));
    cr_assert_null(m);
    ingot_status_free(status);
    ingot_text_free(model);
}

static pb relu_model(const char *dims)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, dims);
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Relu", "x", "y", NULL);
    return onnx_model(&g, 17);
}

Test(import, names_sizes_after_the_model_and_pins_them_on_request)
{
    pb model = relu_model("batch,3,?");
    ingot_module *m = import_ok(&model, NULL);
    expect_output(m, "tensor<?x3x?xf32, [\"batch\", \"x_d2\"]>");
    ingot_module_destroy(m);
    ingot_dim_option dims[] = {{.name = "batch", .lo = 4, .hi = 4, .n_dims = -1},
                               {.name = "x_d2", .lo = 1, .hi = 9, .n_dims = -1}};
    m = import_ok(&model, &(ingot_import_options){.dims = dims, .n_dims = 2});
    expect_output(m, "tensor<4x3x?xf32, [\"x_d2\"]>");
    cr_assert_eq(ingot_module_symbol(m, 0)->hi, 9);
    ingot_module_destroy(m);
    ingot_dim_option shape = {.name = "x", .n_dims = 3, .dims = {2, -1, 5}};
    m = import_ok(&model, &(ingot_import_options){.dims = &shape, .n_dims = 1});
    expect_output(m, "tensor<2x3x5xf32>");
    ingot_module_destroy(m);
    ingot_dim_option wrong = {.name = "bach", .lo = 4, .hi = 4, .n_dims = -1};
    ingot_status status = import_with(&model, &(ingot_import_options){.dims = &wrong, .n_dims = 1}, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    ingot_status_free(status);
    ingot_text_free(&model);
}

/* Reshape(x, Concat(Shape(x)[0:1], [-1])): no value of the run decides a size. */
Test(import, folds_shape_arithmetic)
{
    const int64_t zero = 0, minus_one = -1;
    pb g = {0}, attrs = {0}, concat = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "n,3,4");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_tensor(&g, "zero", INGOT_I64, "1", &zero, 8);
    onnx_tensor(&g, "rest", INGOT_I64, "1", &minus_one, 8);
    onnx_node(&g, "Shape", "x", "s", NULL);
    onnx_attr_int(&attrs, "axis", 0);
    onnx_node(&g, "Gather", "s,zero", "first", &attrs);
    onnx_attr_int(&concat, "axis", 0);
    onnx_node(&g, "Concat", "first,rest", "shape", &concat);
    onnx_node(&g, "Reshape", "x,shape", "y", NULL);
    pb model = onnx_model(&g, 17);
    ingot_module *m = import_ok(&model, NULL);
    expect_output(m, "tensor<?x12xf32, [\"n\"]>");
    cr_assert_eq(count_ops(m, INGOT_OP_bind_dims), 0);
    ingot_module_destroy(m);
    ingot_text_free(&model);
}

/* A shape that is an input of the model is bound when it runs. */
Test(import, binds_sizes_that_only_data_tell)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "n,3");
    onnx_value(&g, ONNX_INPUT, "shape", INGOT_I64, "2");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Reshape", "x,shape", "y", NULL);
    pb model = onnx_model(&g, 17);
    ingot_module *m = import_ok(&model, NULL);
    cr_assert_eq(count_ops(m, INGOT_OP_bind_dims), 1);
    ingot_module_destroy(m);
    ingot_text_free(&model);
}

Test(import, lists_all_unsupported_nodes_at_once)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "n,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Frobnicate", "x", "a", NULL);
    onnx_node(&g, "Relu", "a", "b", NULL);
    onnx_node(&g, "Grobnicate", "b", "y", NULL);
    pb model = onnx_model(&g, 17);
    ingot_module *m;
    ingot_status status = import_with(&model, NULL, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_UNSUPPORTED);
    const char *text = ingot_status_message(status);
    cr_assert_not_null(strstr(text, "2 nodes are not supported"), "%s", text);
    cr_assert_not_null(strstr(text, "node 'a' (Frobnicate, opset 17): inputs f32[n,3]"), "%s", text);
    cr_assert_not_null(strstr(text, "(Grobnicate, opset 17)"), "%s", text);
    ingot_status_free(status);
    ingot_text_free(&model);
}

Test(import, refuses_broken_graphs_with_the_node_and_its_shapes)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2,3");
    onnx_value(&g, ONNX_INPUT, "z", INGOT_F32, "2,4");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Add", "x,z", "y", NULL);
    pb model = onnx_model(&g, 17);
    expect_refusal(&model, INGOT_BAD_MODEL, "node 'y' (Add, opset 17): inputs f32[2,3], f32[2,4]");
    g = (pb){0};
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Relu", "nowhere", "y", NULL);
    model = onnx_model(&g, 17);
    expect_refusal(&model, INGOT_BAD_MODEL, "'nowhere' is used but not defined");
    g = (pb){0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Relu", "x", "y", NULL);
    onnx_node(&g, "Abs", "x", "y", NULL);
    model = onnx_model(&g, 17);
    expect_refusal(&model, INGOT_BAD_MODEL, "'y' is defined twice");
}

Test(import, refuses_initializers_of_the_wrong_size)
{
    const float values[3] = {1, 2, 3};
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_tensor(&g, "w", INGOT_F32, "2", values, sizeof values);
    onnx_node(&g, "Add", "x,w", "y", NULL);
    pb model = onnx_model(&g, 17);
    expect_refusal(&model, INGOT_BAD_MODEL, "tensor 'w' (f32[2]): expected 8 bytes of data, found 12");
}

static pb branch_of(const char *op)
{
    pb g = {0};
    onnx_node(&g, op, "x", "r", NULL);
    onnx_value(&g, ONNX_OUTPUT, "r", INGOT_F32, NULL);
    return g;
}

/* y = cond ? relu(x) : abs(x), with cond an input or a constant */
static pb if_model(bool constant)
{
    const uint8_t truth = 0;
    pb g = {0}, attrs = {0}, then_branch = branch_of("Relu"), else_branch = branch_of("Abs");
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "n");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    if (constant)
        onnx_tensor(&g, "c", INGOT_BOOL, "", &truth, 1);
    else
        onnx_value(&g, ONNX_INPUT, "c", INGOT_BOOL, "");
    onnx_attr_graph(&attrs, "then_branch", &then_branch);
    onnx_attr_graph(&attrs, "else_branch", &else_branch);
    onnx_node(&g, "If", "c", "y", &attrs);
    return onnx_model(&g, 17);
}

Test(import, inlines_the_branch_that_is_taken)
{
    pb model = if_model(true);
    ingot_module *m = import_ok(&model, NULL);
    cr_assert_eq(m->n_graphs, 1);
    cr_assert_eq(count_ops(m, INGOT_OP_abs), 1);
    cr_assert_eq(count_ops(m, INGOT_OP_relu), 0);
    ingot_module_destroy(m);
    ingot_text_free(&model);
}

Test(import, makes_regions_with_explicit_captures)
{
    pb model = if_model(false);
    ingot_module *m = import_ok(&model, NULL);
    cr_assert_eq(m->n_graphs, 3);
    const ingot_op *op = m->graphs[0]->last;
    cr_assert_eq(op->kind, INGOT_OP_if);
    cr_assert_eq(op->n_in, 2);
    cr_assert_eq(op->in[1], m->graphs[0]->params[0]);
    cr_assert_eq(op->regions[0]->n_params, 1);
    cr_assert_eq(op->regions[1]->n_params, 1);
    expect_output(m, "tensor<?xf32, [\"n\"]>");
    ingot_module_destroy(m);
    ingot_text_free(&model);
}

/* f(x) = Softmax(x, axis = @a), called with a = 0 */
Test(import, inlines_functions_of_the_model_with_their_attributes)
{
    pb g = {0}, f = {0}, attrs = {0}, call = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_attr_int(&call, "a", 0);
    onnx_node_in(&g, 1, "mine", "F", "x", "y", &call);
    pb model = onnx_model(&g, 17);
    onnx_opset(&model, 8, "mine", 1);
    pb_text(&f, 1, "F");
    pb_text(&f, 4, "p");
    pb_text(&f, 5, "q");
    pb_text(&f, 6, "a");
    onnx_attr_ref(&attrs, "axis", "a", 2);
    onnx_node_in(&f, 7, "", "Softmax", "p", "q", &attrs);
    onnx_opset(&f, 9, "", 17);
    pb_text(&f, 10, "mine");
    pb_message(&model, 25, &f);
    ingot_module *m = import_ok(&model, NULL);
    cr_assert_eq(count_ops(m, INGOT_OP_softmax), 1);
    cr_assert_eq(((ingot_attrs_softmax *)m->graphs[0]->last->attrs)->axis, 0);
    ingot_module_destroy(m);
    ingot_text_free(&model);
}

Test(import, refuses_functions_that_call_themselves)
{
    pb g = {0}, f = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node_in(&g, 1, "mine", "F", "x", "y", NULL);
    pb model = onnx_model(&g, 17);
    onnx_opset(&model, 8, "mine", 1);
    pb_text(&f, 1, "F");
    pb_text(&f, 4, "p");
    pb_text(&f, 5, "q");
    onnx_node_in(&f, 7, "mine", "F", "p", "q", NULL);
    onnx_opset(&f, 9, "mine", 1);
    pb_text(&f, 10, "mine");
    pb_message(&model, 25, &f);
    expect_refusal(&model, INGOT_LIMIT, "--max-depth");
}

static pb external_model(const char *location)
{
    pb g = {0}, t = {0}, entry = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    pb_int(&t, 1, 2);
    pb_int(&t, 2, INGOT_F32);
    pb_text(&t, 8, "w");
    pb_text(&entry, 1, "location");
    pb_text(&entry, 2, location);
    pb_message(&t, 13, &entry);
    pb_int(&t, 14, 1);
    pb_message(&g, 5, &t);
    onnx_node(&g, "Add", "x,w", "y", NULL);
    return onnx_model(&g, 17);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(data, 1, size, f), size);
    fclose(f);
}

Test(import, reads_external_data_only_from_files_beside_the_model)
{
    static const struct {
        const char *location;
        ingot_code code;
    } cases[] = {{"w.bin", INGOT_OK},
                 {"./w.bin", INGOT_OK},
                 {"../w.bin", INGOT_BAD_MODEL},
                 {"/etc/passwd", INGOT_BAD_MODEL},
                 {"a/../w.bin", INGOT_BAD_MODEL},
                 {"link.bin", INGOT_BAD_MODEL},
                 {"twice.bin", INGOT_BAD_MODEL},
                 {"short.bin", INGOT_BAD_MODEL},
                 {".", INGOT_BAD_MODEL},
                 {"absent.bin", INGOT_IO}};
    char folder[] = "/tmp/ingot-test-XXXXXX", path[256], other[256];
    const float values[2] = {1, 2};
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/w.bin", folder);
    write_file(path, values, sizeof values);
    snprintf(other, sizeof other, "%s/link.bin", folder);
    cr_assert_eq(symlink("w.bin", other), 0);
    snprintf(path, sizeof path, "%s/once.bin", folder);
    write_file(path, values, sizeof values);
    snprintf(other, sizeof other, "%s/twice.bin", folder);
    cr_assert_eq(link(path, other), 0);
    snprintf(path, sizeof path, "%s/short.bin", folder);
    write_file(path, values, 4);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb model = external_model(cases[i].location);
        write_file(path, model.data, model.size);
        ingot_module *m;
        ingot_status status = ingot_import_file(path, NULL, &m);
        cr_assert_eq(ingot_status_code(status), cases[i].code, "%s: %s", cases[i].location,
                     ingot_status_message(status));
        if (m)
            ingot_module_destroy(m);
        ingot_status_free(status);
        ingot_text_free(&model);
    }
    static const char *const files[] = {"w.bin", "link.bin", "once.bin", "twice.bin", "short.bin", "model.onnx"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

Test(import, tells_files_that_are_no_models_apart)
{
    ingot_module *m;
    char path[] = "/tmp/ingot-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    ingot_status status = ingot_import_file(path, NULL, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert_not_null(strstr(ingot_status_message(status), "empty"));
    ingot_status_free(status);
    write_file(path, "ir_version: 8\n", 14);
    status = ingot_import_file(path, NULL, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert_not_null(strstr(ingot_status_message(status), "not an ONNX model"));
    ingot_status_free(status);
    unlink(path);
    status = ingot_import_file(path, NULL, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_IO);
    ingot_status_free(status);
    status = ingot_import_file("/tmp", NULL, &m);
    cr_assert_eq(ingot_status_code(status), INGOT_IO);
    ingot_status_free(status);
}

Test(import, summarizes_a_file_and_reads_its_tensors)
{
    char path[] = "/tmp/ingot-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    pb model = if_model(false);
    write_file(path, model.data, model.size);
    ingot_text_free(&model);
    ingot_arena arena = {0};
    ingot_onnx_summary summary;
    ingot_status status = ingot_onnx_summarize(path, &arena, &summary);
    cr_assert_null(status, "%s", ingot_status_message(status));
    cr_assert_eq(summary.n_nodes, 3);
    cr_assert_eq(summary.n_op_types, 3);
    cr_assert_str_eq(summary.op_types[0], "Abs");
    cr_assert_str_eq(summary.op_types[1], "If");
    cr_assert_eq(summary.op_counts[2], 1);
    cr_assert_eq(summary.opset_versions[0], 17);
    pb t = {0}; /* [2] int32, one entry a field */
    pb_int(&t, 1, 2);
    pb_int(&t, 2, INGOT_I32);
    pb_int(&t, 5, 7);
    pb_int(&t, 5, -3);
    write_file(path, t.data, t.size);
    ingot_text_free(&t);
    ingot_tensor tensor;
    status = ingot_read_tensor_pb(path, &arena, &tensor);
    cr_assert_null(status, "%s", ingot_status_message(status));
    cr_assert(tensor.rank == 1 && tensor.dims[0] == 2 && tensor.dtype == INGOT_I32);
    cr_assert(((int32_t *)tensor.data)[0] == 7 && ((int32_t *)tensor.data)[1] == -3);
    ingot_arena_release(&arena);
    unlink(path);
}
