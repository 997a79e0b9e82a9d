/* Boxed kernels: values that node tests of ONNX do not reach, and what is refused. */
#include "runtime/box.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static ingot_heap heap;

#define DIMS(...)                                                \
    (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]) \
    {                                                            \
        __VA_ARGS__                                              \
    }

static ingot_box *tensor(ingot_dtype dtype, const void *data, int32_t rank, const int64_t *dims)
{
    ingot_box *box;
    cr_assert_null(ingot_box_make_tensor(&heap, dtype, rank, dims, &box));
    int64_t bytes = ingot_dtype_bytes(dtype, ingot_tensor_count(&box->tensor));
    if (bytes)
        memcpy(box->tensor.data, data, (size_t)bytes);
    return box;
}

static ingot_box *ints(int64_t n, const int64_t *data)
{
    return tensor(INGOT_I64, data, 1, &n);
}
#define INTS(...) ints((int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]){__VA_ARGS__})

static ingot_box *number(int64_t value)
{
    return tensor(INGOT_I64, &value, 0, NULL);
}

static ingot_box *texts(int64_t n, const char *const *data)
{
    ingot_string strings[8];
    for (int64_t i = 0; i < n; i++)
        strings[i] = (ingot_string){data[i], (int64_t)strlen(data[i])};
    return tensor(INGOT_STRING, strings, 1, &n);
}
#define TEXTS(...) texts((int64_t)(sizeof((const char *[]){__VA_ARGS__}) / 8), (const char *[]){__VA_ARGS__})

static ingot_status call(ingot_boxed_fn *kernel, const void *attrs, int32_t n_in, ingot_box **in, ingot_box **out)
{
    ingot_box *results[2] = {NULL};
    static const ingot_attrs_none none = {1};
    ingot_boxed_call c = {
        .heap = &heap, .attrs = attrs ? attrs : &none, .n_in = n_in, .n_out = 2, .in = in, .out = results};
    ingot_status status = kernel(&c);
    *out = results[0];
    return status;
}

static ingot_box *run_n(ingot_boxed_fn *kernel, const void *attrs, int32_t n_in, ingot_box **in)
{
    ingot_box *out;
    ingot_status status = call(kernel, attrs, n_in, in, &out);
    cr_assert_null(status, "%s", ingot_status_message(status));
    return out;
}

static void refuse_n(ingot_boxed_fn *kernel, const void *attrs, const char *part, int32_t n_in, ingot_box **in)
{
    ingot_box *out;
    ingot_status status = call(kernel, attrs, n_in, in, &out);
    cr_assert_not_null(status, "expected: %s", part);
    cr_expect_not_null(strstr(ingot_status_message(status), part), "'%s' is not in: %s", part,
                       ingot_status_message(status));
    ingot_status_free(status);
    ingot_box_drop(out);
}

#define IN(...)                                                                            \
    (int32_t)(sizeof((ingot_box *[]){__VA_ARGS__}) / sizeof(ingot_box *)), (ingot_box *[]) \
    {                                                                                      \
        __VA_ARGS__                                                                        \
    }
#define RUN(kernel, attrs, ...)          run_n(ingot_boxed_##kernel, attrs, IN(__VA_ARGS__))
#define REFUSE(kernel, attrs, part, ...) refuse_n(ingot_boxed_##kernel, attrs, part, IN(__VA_ARGS__))

static void expect_dims(const ingot_box *box, int32_t rank, const int64_t *dims)
{
    cr_assert_eq(box->tensor.rank, rank);
    for (int32_t d = 0; d < rank; d++)
        cr_expect_eq(box->tensor.dims[d], dims[d]);
}

static void expect_ints(const ingot_box *box, int64_t n, const int64_t *want)
{
    cr_assert_eq(ingot_tensor_count(&box->tensor), n);
    for (int64_t i = 0; i < n; i++)
        cr_expect_eq(ingot_load_i64(box->tensor.data, box->tensor.dtype, i), want[i], "element %lld", (long long)i);
}
#define EXPECT_INTS(box, ...) \
    expect_ints(box, (int64_t)(sizeof((int64_t[]){__VA_ARGS__}) / 8), (int64_t[]){__VA_ARGS__})

static void expect_text(const ingot_box *box, int64_t i, const char *want)
{
    const ingot_string *s = (const ingot_string *)box->tensor.data + i;
    cr_expect(s->size == (int64_t)strlen(want) && (!s->size || !memcmp(s->data, want, strlen(want))),
              "text %lld: '%.*s', not '%s'", (long long)i, (int)s->size, s->data, want);
}

/* ---- sequences and optionals ---- */

Test(sequences, positions_count_from_both_ends)
{
    ingot_box *list = RUN(seq_construct, NULL, number(10), number(11), number(12));
    EXPECT_INTS(RUN(seq_at, NULL, list, number(-1)), 12);
    ingot_box *longer = RUN(seq_insert, NULL, list, number(9), number(-3));
    EXPECT_INTS(longer->elements[0], 9);
    cr_assert_eq(longer->count, 4);
    EXPECT_INTS(RUN(seq_insert, NULL, list, number(13), number(3))->elements[3], 13);
    EXPECT_INTS(RUN(seq_erase, NULL, list)->elements[1], 11);
    EXPECT_INTS(RUN(seq_erase, NULL, list, number(0))->elements[0], 11);
    cr_assert_eq(list->count, 3, "others see the same sequence");
    REFUSE(seq_at, NULL, "position 3 is outside a sequence of 3 elements", list, number(3));
    REFUSE(seq_at, NULL, "position -4 is outside", list, number(-4));
    REFUSE(seq_insert, NULL, "position 4 is outside", list, number(1), number(4));
    REFUSE(seq_erase, NULL, "position -4 is outside", list, number(-4));
    REFUSE(seq_insert, NULL, "an element of str in a sequence of i64", list, TEXTS("a"));
    REFUSE(seq_construct, NULL, "operand 1 is str, not i64", number(1), TEXTS("a"));
    REFUSE(seq_at, NULL, "must be one integer", list, INTS(1, 2));
    REFUSE(seq_length, NULL, "operand 0 is not a sequence", number(1));
    const ingot_attrs_cast f32 = {1, INGOT_F32, 0};
    ingot_box *empty;
    cr_assert_null(call(ingot_boxed_seq_empty, &f32, 0, NULL, &empty));
    EXPECT_INTS(RUN(seq_length, NULL, empty), 0);
    REFUSE(seq_erase, NULL, "outside a sequence of 0 elements", empty);
}

Test(sequences, split_and_join)
{
    int64_t data[6] = {1, 2, 3, 4, 5, 6};
    ingot_box *x = tensor(INGOT_I64, data, DIMS(2, 3));
    const ingot_attrs_seq_split columns = {1, -1, 1}, drop = {1, 1, 0}, beyond = {1, 2, 1};
    ingot_box *parts = RUN(seq_split, &columns, x, INTS(1, 0, 2));
    cr_assert_eq(parts->count, 3);
    EXPECT_INTS(parts->elements[0], 1, 4);
    expect_dims(parts->elements[1], DIMS(2, 0));
    EXPECT_INTS(parts->elements[2], 2, 3, 5, 6);
    EXPECT_INTS(RUN(seq_split, &columns, x, number(2))->elements[1], 3, 6);
    expect_dims(RUN(seq_split, &drop, x)->elements[0], DIMS(2));
    REFUSE(seq_split, &columns, "the lengths add up to 2, not 3", x, INTS(1, 1));
    REFUSE(seq_split, &columns, "do not add up to 3", x, INTS(4, -1));
    REFUSE(seq_split, &columns, "parts of 0", x, number(0));
    REFUSE(seq_split, &beyond, "axis 2 is outside", x);
    const ingot_attrs_seq_concat rows = {1, 0, 0}, stack = {1, -1, 1}, along = {1, 1, 0}, far = {1, 2, 0};
    EXPECT_INTS(RUN(seq_concat, &along, parts), 1, 2, 3, 4, 5, 6);
    ingot_box *pair = RUN(seq_construct, NULL, INTS(1, 2), INTS(3, 4));
    EXPECT_INTS(RUN(seq_concat, &rows, pair), 1, 2, 3, 4);
    ingot_box *stacked = RUN(seq_concat, &stack, pair);
    expect_dims(stacked, DIMS(2, 2));
    EXPECT_INTS(stacked, 1, 3, 2, 4);
    REFUSE(seq_concat, &far, "axis 2 is outside", pair);
    REFUSE(seq_concat, &rows, "element 1 does not have the shape of element 0", RUN(seq_construct, NULL, x, INTS(1)));
    REFUSE(seq_concat, &rows, "the sequence is empty", RUN(seq_erase, NULL, RUN(seq_construct, NULL, x)));
}

Test(optionals, open_or_say_why_not)
{
    const ingot_attrs_form of_tensor = {1, INGOT_I64, INGOT_FORM_OPTIONAL}, wrong = {1, INGOT_I64, INGOT_FORM_SEQUENCE};
    ingot_box *full = RUN(opt_make, &of_tensor, number(5)), *empty;
    EXPECT_INTS(RUN(opt_get, NULL, full), 5);
    EXPECT_INTS(RUN(opt_has, NULL, full), 1);
    cr_assert_null(call(ingot_boxed_opt_make, &of_tensor, 0, NULL, &empty));
    EXPECT_INTS(RUN(opt_has, NULL, empty), 0);
    REFUSE(opt_get, NULL, "the optional is empty", empty);
    REFUSE(opt_make, &wrong, "form 1", number(1));
    REFUSE(opt_make, &of_tensor, "operand 0 is not a tensor", full);
}

/* ---- tensors of any rank ---- */

Test(any, sizes_and_shapes)
{
    int64_t data[6] = {1, 2, 3, 4, 5, 6};
    ingot_box *x = tensor(INGOT_I64, data, DIMS(1, 2, 3));
    const ingot_attrs_any_shape all = {1, 0, INT64_MAX}, last = {1, -1, INT64_MAX}, none = {1, 2, 1};
    const ingot_attrs_any_reshape copies = {1, 0}, keeps = {1, 1};
    EXPECT_INTS(RUN(any_shape, &all, x), 1, 2, 3);
    EXPECT_INTS(RUN(any_shape, &last, x), 3);
    expect_dims(RUN(any_shape, &none, x), DIMS(0));
    EXPECT_INTS(RUN(any_size, NULL, x), 6);
    expect_dims(RUN(any_reshape, &copies, x, INTS(3, 0, -1)), DIMS(3, 2, 1));
    expect_dims(RUN(any_squeeze, NULL, x), DIMS(2, 3));
    expect_dims(RUN(any_squeeze, NULL, x, INTS(-3)), DIMS(2, 3));
    expect_dims(RUN(any_unsqueeze, NULL, x, INTS(0, -1)), DIMS(1, 1, 2, 3, 1));
    const ingot_attrs_axis one = {1, 1}, end = {1, 3}, beyond = {1, 4};
    expect_dims(RUN(any_flatten, &one, x), DIMS(1, 6));
    expect_dims(RUN(any_flatten, &end, x), DIMS(6, 1));
    REFUSE(any_flatten, &beyond, "axis 4 is outside", x);
    const ingot_attrs_softmax far = {1, 3, 0};
    REFUSE(any_softmax, &far, "axis 3 is outside", x);
    ingot_box *empty = tensor(INGOT_I64, data, DIMS(0, 3));
    expect_dims(RUN(any_reshape, &keeps, empty, INTS(3, 0)), DIMS(3, 0));
    REFUSE(any_reshape, &keeps, "rows of 0", empty, INTS(0, -1));
    REFUSE(any_reshape, &copies, "6 elements in rows of 4", x, INTS(4, -1));
    REFUSE(any_reshape, &copies, "6 elements do not fill a tensor of 8", x, INTS(8));
    REFUSE(any_reshape, &copies, "size 1 is -1", x, INTS(-1, -1));
    REFUSE(any_reshape, &copies, "size 3 is 0, copied", x, INTS(1, 2, 3, 0));
    REFUSE(any_reshape, &copies, "the sizes are too large", x, INTS(INT64_MAX, 2));
    REFUSE(any_reshape, &copies, "at most 12 integers", x,
           ints(13, (int64_t[13]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6}));
    REFUSE(any_squeeze, NULL, "axis 1 has size 2, expected 1", x, INTS(1));
    REFUSE(any_unsqueeze, NULL, "outside", x, INTS(5));
}

Test(any, movement)
{
    int64_t data[6] = {1, 2, 3, 4, 5, 6};
    ingot_box *x = tensor(INGOT_I64, data, DIMS(2, 3));
    const ingot_attrs_perm reversed = {.present = 1}, three = {1, {3, {0, 1, 2}}};
    const ingot_attrs_axis columns = {1, -1}, rows = {1, 0};
    EXPECT_INTS(RUN(any_transpose, &reversed, x), 1, 4, 2, 5, 3, 6);
    REFUSE(any_transpose, &three, "a permutation of 3 axes for rank 2", x);
    EXPECT_INTS(RUN(any_gather, &columns, x, INTS(-1, 0)), 3, 1, 6, 4);
    REFUSE(any_gather, &rows, "index 2 is outside", x, number(2));
    EXPECT_INTS(RUN(any_concat, &rows, x, x), 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6);
    REFUSE(any_concat, &rows, "operand 1 is of rank 1", x, INTS(1, 2, 3));
    REFUSE(any_concat, &rows, "size 1 on axis 1", x, tensor(INGOT_I64, data, DIMS(1, 1)));
    EXPECT_INTS(RUN(any_slice, NULL, x, INTS(-1), INTS(-100), INTS(1), INTS(-2)), 3, 1, 6, 4);
    EXPECT_INTS(RUN(any_expand, NULL, number(7), INTS(2, 1)), 7, 7);
    REFUSE(any_expand, NULL, "do not broadcast", x, INTS(2));
    REFUSE(any_expand, NULL, "size 0 is -1", x, INTS(-1, 3));
}

Test(any, arithmetic)
{
    int64_t data[6] = {1, 2, 3, 4, 5, 6};
    float floats[6] = {1, 2, 3, 4, 5, 6};
    ingot_box *x = tensor(INGOT_I64, data, DIMS(2, 3)), *f = tensor(INGOT_F32, floats, DIMS(2, 3)),
              *v = tensor(INGOT_F32, floats, DIMS(3)), *y;
    const ingot_prog add = {.n_args = 2,
                            .n_instrs = 1,
                            .n_results = 1,
                            .arg_dtypes = {INGOT_I64, INGOT_I64},
                            .results = {2},
                            .instrs = {{.op = INGOT_SCALAR_add, .dtype = INGOT_I64, .a = 0, .b = 1, .c = -1}}};
    ingot_box *in[2] = {x, tensor(INGOT_I64, data, DIMS(2, 1, 1))}, *out[1] = {NULL};
    ingot_boxed_call c = {.heap = &heap, .prog = &add, .n_in = 2, .n_out = 1, .in = in, .out = out};
    cr_assert_null(ingot_boxed_any_map(&c));
    expect_dims(out[0], DIMS(2, 2, 3));
    EXPECT_INTS(out[0], 2, 3, 4, 5, 6, 7, 3, 4, 5, 6, 7, 8);
    in[1] = INTS(1, 2);
    ingot_status status = ingot_boxed_any_map(&c);
    cr_assert(strstr(ingot_status_message(status), "sizes 3 and 2 do not broadcast"));
    ingot_status_free(status);
    const ingot_attrs_any_reduce sum = {1, INGOT_REDUCE_SUM, 0, 0}, keep = {1, INGOT_REDUCE_MAX, 1, 0},
                                 nothing = {1, INGOT_REDUCE_SUM, 1, 1};
    EXPECT_INTS(RUN(any_reduce, &sum, x), 21);
    EXPECT_INTS(RUN(any_reduce, &sum, x, INTS(-1)), 6, 15);
    expect_dims(RUN(any_reduce, &keep, x, INTS(0)), DIMS(1, 3));
    cr_assert_eq(RUN(any_reduce, &nothing, x), x);
    REFUSE(any_reduce, &sum, "axis 2 is outside", x, INTS(2));
    y = RUN(any_matmul, NULL, f, v);
    expect_dims(y, DIMS(2));
    cr_expect_eq(((float *)y->tensor.data)[1], 32);
    expect_dims(RUN(any_matmul, NULL, v, v), 0, NULL);
    expect_dims(RUN(any_matmul, NULL, v, tensor(INGOT_F32, floats, DIMS(3, 2))), DIMS(2));
    REFUSE(any_matmul, NULL, "sizes 3 and 2 of the sum differ", f, f);
}

/* ---- texts and tables ---- */

Test(texts, casts)
{
    const ingot_attrs_cast to_text = {1, INGOT_STRING, 0}, to_i8 = {1, INGOT_I8, 0}, to_f32 = {1, INGOT_F32, 0},
                           to_bool = {1, INGOT_BOOL, 0}, to_u64 = {1, INGOT_U64, 0};
    float floats[6] = {0.1f, -INFINITY, NAN, 16777216, 1e-20f, -0.0f};
    uint64_t most = UINT64_MAX;
    ingot_box *t = RUN(string_cast, &to_text, tensor(INGOT_F32, floats, DIMS(6)));
    expect_text(t, 0, "0.1");
    expect_text(t, 1, "-INF");
    expect_text(t, 2, "NaN");
    expect_text(t, 3, "16777216");
    expect_text(t, 5, "-0");
    ingot_box *back = RUN(string_cast, &to_f32, t);
    for (int i = 0; i < 6; i++)
        cr_expect(i == 2 ? isnan(((float *)back->tensor.data)[2]) : ((float *)back->tensor.data)[i] == floats[i]);
    expect_text(RUN(string_cast, &to_text, tensor(INGOT_U64, &most, 0, NULL)), 0, "18446744073709551615");
    EXPECT_INTS(RUN(string_cast, &to_u64, TEXTS("18446744073709551615")), -1);
    EXPECT_INTS(RUN(string_cast, &to_i8, TEXTS(" -128 ", "127")), -128, 127);
    EXPECT_INTS(RUN(string_cast, &to_bool, TEXTS("True", "0")), 1, 0);
    REFUSE(string_cast, &to_i8, "string 1, '128', is no number of type i8", TEXTS("1", "128"));
    REFUSE(string_cast, &to_i8, "'1.5', is no number", TEXTS("1.5"));
    REFUSE(string_cast, &to_f32, "'', is no number", TEXTS(""));
    REFUSE(string_cast, &to_f32, "'1x', is no number", TEXTS("1x"));
    REFUSE(string_cast, &to_text, "from str to str", TEXTS("a"));
}

Test(texts, split_and_normalize)
{
    const ingot_attrs_string_split all = {1, -1}, once = {1, 1}, never = {1, 0};
    ingot_box *y = RUN(string_split, &once, TEXTS("  a  b c ", "", "x"), TEXTS(""));
    expect_dims(y, DIMS(3, 2));
    expect_text(y, 0, "a");
    expect_text(y, 1, "b c ");
    expect_text(y, 2, "");
    y = RUN(string_split, &all, TEXTS("a::b::", ""), TEXTS("::"));
    expect_dims(y, DIMS(2, 3));
    expect_text(y, 2, "");
    expect_text(RUN(string_split, &never, TEXTS("a b"), TEXTS(" ")), 0, "a b");
    expect_text(RUN(string_split, &all,
                    TEXTS("a\xe2\x80\x83"
                          "b"),
                    TEXTS("")),
                1, "b"); /* an em space */
    REFUSE(string_split, &all, "the delimiter must be one string", TEXTS("a"), TEXTS("a", "b"));
    REFUSE(string_split, &all, "expected strings", INTS(1), TEXTS("a"));
    const ingot_attrs_string_normalize lower = {1, 1, 0}, upper = {1, 2, 1};
    y = RUN(string_normalize, &lower, TEXTS("\xc3\x84pfel", "UND"), TEXTS("und"));
    expect_dims(y, DIMS(1));
    expect_text(y, 0, "\xc3\xa4pfel");
    y = RUN(string_normalize, &upper, TEXTS("und", "Und"), TEXTS("und"));
    expect_text(y, 0, "UND");
    y = RUN(string_normalize, &upper, TEXTS("und"), TEXTS("und"));
    expect_dims(y, DIMS(1));
    expect_text(y, 0, "");
    REFUSE(string_normalize, &lower, "must be [C] or [1, C]",
           tensor(INGOT_STRING, (ingot_string[2]){{"", 0}}, DIMS(2, 1)));
}

Test(tables, label_encode)
{
    double keys[4] = {1, NAN, 0, 1}, x[4] = {NAN, -0.0, 1, 2};
    EXPECT_INTS(RUN(label_encode, NULL, tensor(INGOT_F64, x, DIMS(4)), tensor(INGOT_F64, keys, DIMS(4)),
                    INTS(10, 11, 12, 13), number(-1)),
                11, 12, 13, -1);
    ingot_box *y = RUN(label_encode, NULL, INTS(5, 6), INTS(5), TEXTS("five"), TEXTS("?"));
    expect_text(y, 0, "five");
    expect_text(y, 1, "?");
    REFUSE(label_encode, NULL, "1 keys of i64 for 2 values", INTS(1), INTS(1), INTS(1, 2), number(0));
    REFUSE(label_encode, NULL, "elements of str", TEXTS("a"), INTS(1), INTS(1), number(0));
}

Test(tables, tfidf_checks_its_tables)
{
    const ingot_attrs_tfidf one = {1, 0, 1, 1, 0, 2}, narrow = {1, 0, 1, 1, 0, 1};
    ingot_box *y = RUN(tfidf, &one, INTS(7, 8, 7), INTS(7, 8), INTS(0), INTS(0, 1));
    cr_expect_eq(((float *)y->tensor.data)[0], 2);
    cr_expect_eq(((float *)y->tensor.data)[1], 1);
    REFUSE(tfidf, &narrow, "index 1 of a result of 1", INTS(7), INTS(7, 8), INTS(0), INTS(0, 1));
    REFUSE(tfidf, &one, "more n-grams than the 1 ngram_indexes", INTS(7), INTS(7, 8), INTS(0), INTS(0));
    REFUSE(tfidf, &one, "n-grams of 2 elements lie at 1 to 2", INTS(7), INTS(7, 8), INTS(0, 1), INTS(0, 1));
    REFUSE(tfidf, &one, "n-grams of 1 elements lie at 3 to 2", INTS(7), INTS(7, 8), INTS(3), INTS(0, 1));
    REFUSE(tfidf, &one, "do not fit together", INTS(7), TEXTS("a"), INTS(0), INTS(0));
    expect_dims(RUN(tfidf, &one, tensor(INGOT_I64, NULL, DIMS(0, 4)), INTS(7, 8), INTS(0), INTS(0, 1)), DIMS(0, 2));
}

/* A constant of strings comes from the bytes of a plan: they may be anything. */
Test(texts, constants_stay_inside_their_bytes)
{
    int64_t good[6] = {1, 1, 32, 3, 0x636261, 0}, bad[6];
    ingot_box *out[1] = {NULL};
    ingot_boxed_call c = {.heap = &heap, .attrs = good, .attrs_bytes = 40, .n_out = 1, .out = out};
    cr_assert_null(ingot_boxed_texts(&c));
    expect_text(out[0], 0, "abc");
    c.attrs = bad;
    for (size_t i = 0; i < 32; i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bad, good, sizeof bad);
            ((char *)bad)[i] = (char)(((char *)bad)[i] ^ 1 << bit);
            out[0] = NULL;
            ingot_status_free(ingot_boxed_texts(&c)); /* the sanitizers look on */
            for (int64_t k = 0; out[0] && k < ingot_tensor_count(&out[0]->tensor); k++) {
                const ingot_string *s = (const ingot_string *)out[0]->tensor.data + k;
                cr_assert(!s->size || (s->data >= (char *)bad && s->data + s->size <= (char *)bad + 40));
            }
            ingot_box_drop(out[0]);
        }
    c.attrs_bytes = 4;
    ingot_status status = ingot_boxed_texts(&c);
    cr_assert_not_null(status);
    ingot_status_free(status);
}
