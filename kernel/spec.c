/* KernelSpecs as text: printing, exact parsing, hash. */
#include "kernel/kernel.h"
#include "kernel/winograd.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const reduce_kinds[] = {"sum",        "mean",     "max",        "min",     "prod",
                                           "l1",         "l2",       "sum_square", "softmax", "log_softmax",
                                           "layer_norm", "rms_norm", "arg_max",    "arg_min", NULL};
static const char *const window_kinds[] = {"max", "avg", NULL};

/* Names of a parameter's values, or null for plain numbers. */
static const char *const *value_names(ingot_family family, const char *param)
{
    if (strcmp(param, "kind") != 0)
        return NULL;
    return family == INGOT_FAMILY_reduce ? reduce_kinds : family == INGOT_FAMILY_window ? window_kinds : NULL;
}

static void print_size(ingot_size size, ingot_text *out)
{
    if (ingot_size_is_dynamic(size))
        ingot_text_append(out, "?%d", ingot_size_index(size));
    else
        ingot_text_append(out, "%" PRId64, size);
}

static void print_operand(const ingot_spec *spec, const ingot_operand *operand, const char *key, ingot_text *out)
{
    static const char *const access[] = {"", ".packed16", ".limited16", ".scratch"};
    ingot_text_append(out, " %s=%s%s%s[", key, ingot_dtype_name(operand->dtype), access[operand->access],
                      operand->constant ? ".const" : "");
    for (int32_t d = 0; d < spec->n_dims; d++) {
        if (d > 0)
            ingot_text_append(out, ",");
        print_size(operand->strides[d], out);
    }
    ingot_text_append(out, "]");
    if (operand->lane != 0) {
        ingot_text_append(out, "*");
        print_size(operand->lane, out);
    }
}

void ingot_spec_print_task(const ingot_spec *spec, ingot_text *out)
{
    const ingot_family_info *info = ingot_family_info_get(spec->family);
    ingot_text_append(out, "%s", info->name);
    for (int32_t d = 0; d < spec->n_dims; d++) {
        ingot_text_append(out, " %s=", info->dims[d]);
        print_size(spec->dims[d], out);
    }
    for (int32_t p = 0; p < info->n_params; p++) {
        const char *const *names = value_names(spec->family, info->params[p]);
        ingot_text_append(out, " %s=", info->params[p]);
        if (names != NULL && spec->params[p] >= 0)
            ingot_text_append(out, "%s", names[spec->params[p]]);
        else
            print_size(spec->params[p], out);
    }
    for (int32_t i = 0; i < 2; i++)
        if (spec->imm[i] != 0)
            ingot_text_append(out, " imm%d=%.17g", i, spec->imm[i]);
    for (int32_t i = 0; i < spec->n_in + spec->n_out; i++)
        print_operand(spec, &spec->operands[i], i < spec->n_in ? "in" : "out", out);
    if (spec->has_body) {
        ingot_text_append(out, " body=\"");
        ingot_prog_print(&spec->body, out);
        ingot_text_append(out, "\"");
    }
}

void ingot_spec_print(const ingot_spec *spec, ingot_text *out)
{
    const ingot_family_info *info = ingot_family_info_get(spec->family);
    ingot_spec_print_task(spec, out);
    ingot_text_append(out, " |");
    for (int32_t i = 0; i < info->n_decisions; i++)
        if (spec->decisions[i] != 0)
            ingot_text_append(out, " %s=%" PRId64, info->decisions[i], spec->decisions[i]);
    ingot_text_append(out, " | %s", spec->target);
}

/* ---- Reading ---- */

typedef struct {
    const char *start, *at, *end;
} cursor;

static ingot_status bad(const cursor *c, const char *expected)
{
    int shown = (int)(c->end - c->at < 24 ? c->end - c->at : 24);
    return ingot_fail(INGOT_BAD_USAGE, "kernel spec, column %d: expected %s, found '%.*s'", (int)(c->at - c->start) + 1,
                      expected, shown, c->at);
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && *c->at == ' ')
        c->at++;
}

static bool take(cursor *c, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, word, size) != 0)
        return false;
    c->at += size;
    return true;
}

/* A run of name characters; empty when there is none. */
static size_t name_size(const cursor *c)
{
    const char *at = c->at;
    while (at < c->end && (isalnum((unsigned char)*at) || *at == '_'))
        at++;
    return (size_t)(at - c->at);
}

static ingot_status parse_number(cursor *c, int64_t *out)
{
    char digits[32];
    size_t size = 0;
    if (c->at < c->end && *c->at == '-')
        digits[size++] = *c->at++;
    while (c->at < c->end && isdigit((unsigned char)*c->at) && size < sizeof digits - 1)
        digits[size++] = *c->at++;
    digits[size] = 0;
    char *end;
    errno = 0;
    *out = strtoll(digits, &end, 10);
    if (size == 0 || *end != 0 || errno != 0 || *out < INGOT_SIZE_BASE)
        return bad(c, "a number");
    return NULL;
}

static ingot_status parse_size(cursor *c, ingot_size *out)
{
    if (!take(c, "?"))
        return parse_number(c, out);
    int64_t index;
    INGOT_TRY(parse_number(c, &index));
    if (index < 0 || index >= INGOT_SPEC_SIZES)
        return bad(c, "the number of a size, less than 64");
    *out = ingot_size_dynamic((int32_t)index);
    return NULL;
}

static ingot_status parse_double(cursor *c, double *out)
{
    char digits[40];
    size_t size = 0;
    while (c->at < c->end && *c->at != ' ' && size < sizeof digits - 1)
        digits[size++] = *c->at++;
    digits[size] = 0;
    char *end;
    *out = strtod(digits, &end);
    if (size == 0 || *end != 0)
        return bad(c, "a floating-point number");
    return NULL;
}

static ingot_status parse_operand(cursor *c, const ingot_spec *spec, ingot_operand *out)
{
    size_t size = name_size(c);
    out->dtype = ingot_dtype_parse(c->at, size);
    if (out->dtype == INGOT_UNDEFINED)
        return bad(c, "an element type");
    c->at += size;
    if (take(c, ".packed16"))
        out->access = INGOT_ACCESS_PACKED16;
    else if (take(c, ".limited16"))
        out->access = INGOT_ACCESS_LIMITED16;
    else if (take(c, ".scratch"))
        out->access = INGOT_ACCESS_SCRATCH;
    if (take(c, ".const"))
        out->constant = true;
    if (!take(c, "["))
        return bad(c, "'['");
    for (int32_t d = 0; d < spec->n_dims; d++) {
        if (d > 0 && !take(c, ","))
            return bad(c, "one stride per dim");
        INGOT_TRY(parse_size(c, &out->strides[d]));
    }
    if (!take(c, "]"))
        return bad(c, "']'");
    if (take(c, "*"))
        INGOT_TRY(parse_size(c, &out->lane));
    return NULL;
}

static ingot_status parse_body(cursor *c, ingot_spec *spec)
{
    const char *end = memchr(c->at, '"', (size_t)(c->end - c->at));
    if (end == NULL)
        return bad(c, "a closing '\"'");
    INGOT_TRY_NOTE(ingot_prog_parse(c->at, (size_t)(end - c->at), &spec->body), "kernel spec, body");
    spec->has_body = true;
    c->at = end + 1;
    return NULL;
}

static int32_t find_name(const char *const *names, int32_t n, const char *name, size_t size)
{
    for (int32_t i = 0; i < n; i++)
        if (names[i] != NULL && strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i;
    return -1;
}

static ingot_status parse_param(cursor *c, const ingot_spec *spec, const char *param, ingot_size *out)
{
    const char *const *names = value_names(spec->family, param);
    if (names == NULL)
        return parse_size(c, out);
    int32_t n = 0;
    while (names[n] != NULL)
        n++;
    size_t size = name_size(c);
    *out = find_name(names, n, c->at, size);
    if (*out < 0)
        return bad(c, "the name of a kind");
    c->at += size;
    return NULL;
}

static ingot_status parse_task(cursor *c, ingot_spec *spec)
{
    size_t size = name_size(c);
    int f = 0;
    while (f < INGOT_FAMILY_COUNT &&
           (strlen(ingot_family_info_get(f)->name) != size || memcmp(ingot_family_info_get(f)->name, c->at, size) != 0))
        f++;
    if (f == INGOT_FAMILY_COUNT)
        return bad(
            c,
            "a kernel family (map, reduce, contract, conv, depthwise, winograd, window, gather, attention, lstm, gru)");
    spec->family = f;
    c->at += size;
    const ingot_family_info *info = ingot_family_info_get(spec->family);
    uint32_t params_seen = 0;
    for (skip_blanks(c); c->at < c->end && *c->at != '|'; skip_blanks(c)) {
        size = name_size(c);
        const char *key = c->at;
        if (size == 0 || key + size >= c->end || key[size] != '=')
            return bad(c, "key=value or '|'");
        c->at += size + 1;
        if (size == 2 && memcmp(key, "in", 2) == 0 && spec->n_out == 0) {
            if (spec->n_in == INGOT_SPEC_OPERANDS - 1)
                return bad(c, "fewer operands");
            INGOT_TRY(parse_operand(c, spec, &spec->operands[spec->n_in++]));
        } else if (size == 3 && memcmp(key, "out", 3) == 0) {
            if (spec->n_in + spec->n_out == INGOT_SPEC_OPERANDS)
                return bad(c, "fewer operands");
            INGOT_TRY(parse_operand(c, spec, &spec->operands[spec->n_in + spec->n_out++]));
        } else if (size == 4 && memcmp(key, "body", 4) == 0) {
            if (!take(c, "\""))
                return bad(c, "'\"'");
            INGOT_TRY(parse_body(c, spec));
        } else if (size == 4 && memcmp(key, "imm", 3) == 0 && (key[3] == '0' || key[3] == '1')) {
            INGOT_TRY(parse_double(c, &spec->imm[key[3] - '0']));
        } else {
            int32_t p = find_name(info->params, info->n_params, key, size);
            if (p >= 0) {
                INGOT_TRY(parse_param(c, spec, info->params[p], &spec->params[p]));
                params_seen |= 1u << p;
            } else {
                if (spec->n_dims >= info->n_dims || find_name(info->dims, info->n_dims, key, size) != spec->n_dims ||
                    spec->n_in + spec->n_out > 0) {
                    c->at = key;
                    return bad(c, "a dim or parameter of this family, dims in order and before the operands");
                }
                INGOT_TRY(parse_size(c, &spec->dims[spec->n_dims]));
                if (!ingot_size_is_dynamic(spec->dims[spec->n_dims]) && spec->dims[spec->n_dims] < 0)
                    return bad(c, "a size that is not negative");
                spec->n_dims++;
            }
        }
    }
    if (params_seen != (1u << info->n_params) - 1)
        return bad(c, "all parameters of the family");
    if (spec->n_out == 0)
        return bad(c, "an output operand");
    if (spec->family == INGOT_FAMILY_map ? spec->n_dims < 1 : spec->n_dims != info->n_dims)
        return bad(c, "all dims of the family");
    return NULL;
}

/* Bodies refer to operands: their number and types must agree. */
static ingot_status check_body(const ingot_spec *spec)
{
    const ingot_prog *body = &spec->body;
    bool map = spec->family == INGOT_FAMILY_map;
    int32_t extras = map ? body->n_args : body->n_args - 1, results = map ? spec->n_out : 1;
    if (extras < 0 || extras > spec->n_in || body->n_results != results)
        return ingot_fail(INGOT_BAD_USAGE,
                          "kernel spec: the body has %d arguments and %d results for %d inputs and %d outputs",
                          body->n_args, body->n_results, spec->n_in, spec->n_out);
    if (map && extras != spec->n_in)
        return ingot_fail(INGOT_BAD_USAGE, "kernel spec: the body has %d arguments for %d inputs", body->n_args,
                          spec->n_in);
    for (int32_t i = 0; i < extras; i++) {
        ingot_dtype operand = spec->operands[spec->n_in - extras + i].dtype,
                    arg = (ingot_dtype)body->arg_dtypes[map ? i : i + 1];
        if (operand != arg)
            return ingot_fail(INGOT_BAD_USAGE, "kernel spec: argument %d of the body is %s but its operand is %s", i,
                              ingot_dtype_name(arg), ingot_dtype_name(operand));
    }
    return NULL;
}

ingot_status ingot_spec_parse(const char *text, size_t size, ingot_spec *out)
{
    *out = (ingot_spec){0};
    cursor c = {text, text, text + size};
    while (size > 0 && isspace((unsigned char)c.end[-1]) && c.end > c.at)
        c.end--;
    skip_blanks(&c);
    INGOT_TRY(parse_task(&c, out));
    if (out->has_body)
        INGOT_TRY(check_body(out));
    else if (out->family == INGOT_FAMILY_map)
        return bad(&c, "a body");
    if (!take(&c, "|"))
        return bad(&c, "'|' and decisions");
    const ingot_family_info *info = ingot_family_info_get(out->family);
    for (skip_blanks(&c); c.at < c.end && *c.at != '|'; skip_blanks(&c)) {
        size_t n = name_size(&c);
        int32_t i = find_name(info->decisions, info->n_decisions, c.at, n);
        if (i < 0 || c.at + n >= c.end || c.at[n] != '=')
            return bad(&c, "a decision of this family or '|'");
        c.at += n + 1;
        INGOT_TRY(parse_number(&c, &out->decisions[i]));
    }
    if (!take(&c, "|"))
        return bad(&c, "'|' and a target");
    skip_blanks(&c);
    size_t n = (size_t)(c.end - c.at);
    if (n == 0 || n >= sizeof out->target || memchr(c.at, ' ', n) != NULL)
        return bad(&c, "the name of a target");
    memcpy(out->target, c.at, n);
    return NULL;
}

uint64_t ingot_spec_hash(const ingot_spec *spec)
{
    ingot_text text = {0};
    ingot_spec_print(spec, &text);
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * 1099511628211u;
    ingot_text_free(&text);
    return hash;
}

bool ingot_spec_equal(const ingot_spec *a, const ingot_spec *b)
{
    ingot_text left = {0}, right = {0};
    ingot_spec_print(a, &left);
    ingot_spec_print(b, &right);
    bool equal = left.size == right.size && memcmp(left.data, right.data, left.size) == 0;
    ingot_text_free(&left);
    ingot_text_free(&right);
    return equal;
}

int ingot_spec_group(const ingot_spec *spec)
{
    ingot_dtype a = spec->operands[0].dtype, b = spec->operands[1].dtype;
    if (spec->family == INGOT_FAMILY_winograd && spec->n_in > 1)
        return (a == INGOT_U8 || a == INGOT_I16) && b == INGOT_I16 ? 2 : 0;
    if ((spec->family != INGOT_FAMILY_contract && spec->family != INGOT_FAMILY_conv) || spec->n_in < 2)
        return 0;
    if (b == INGOT_BF16)
        return a == INGOT_BF16 || a == INGOT_F32 ? 2 : 0;
    return a == INGOT_I16 && b == INGOT_I16 ? 2 : a == INGOT_U8 && b == INGOT_I8 ? 4 : 0;
}

ingot_dtype ingot_spec_sum(const ingot_spec *spec)
{
    if (!ingot_spec_group(spec))
        return spec->operands[0].dtype;
    return spec->operands[1].dtype == INGOT_BF16 ? INGOT_F32 : INGOT_I32;
}

bool ingot_spec_is_limited(const ingot_spec *spec)
{
    return spec->n_in > 1 && spec->operands[1].access == INGOT_ACCESS_LIMITED16 && ingot_spec_group(spec) == 4;
}

static double size_value(ingot_size size, const int64_t *sizes)
{
    if (!ingot_size_is_dynamic(size))
        return (double)size;
    return sizes != NULL ? (double)sizes[ingot_size_index(size)] : 1;
}

/* Operations of one element of a family's whole iteration space. */
static double flops_per_point(const ingot_spec *spec)
{
    switch (spec->family) {
    case INGOT_FAMILY_contract:
    case INGOT_FAMILY_depthwise:
        return 2;
    case INGOT_FAMILY_conv:
        return 2 * 16;
    case INGOT_FAMILY_attention:
    case INGOT_FAMILY_winograd:
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru:
        return 0; /* counted apart */
    case INGOT_FAMILY_reduce:
        return spec->params[0] >= INGOT_SPEC_SOFTMAX && spec->params[0] <= INGOT_SPEC_LOG_SOFTMAX ? 12 : 2;
    case INGOT_FAMILY_map:
        return ingot_prog_cost(&spec->body);
    default:
        return 1;
    }
}

ingot_spec_work ingot_spec_count_work(const ingot_spec *spec, const int64_t *sizes)
{
    ingot_spec_work work = {0};
    double points = 1;
    for (int32_t d = 0; d < spec->n_dims; d++)
        points *= size_value(spec->dims[d], sizes);
    work.flops = points * flops_per_point(spec);
    double e[INGOT_SPEC_DIMS];
    for (int32_t d = 0; d < spec->n_dims; d++)
        e[d] = size_value(spec->dims[d], sizes);
    if (spec->family == INGOT_FAMILY_depthwise)
        work.flops *= 16;
    if (spec->family == INGOT_FAMILY_attention)
        work.flops = e[0] * e[1] * e[2] * e[3] * (2 * e[4] + 2 * e[5] + 12);
    if (spec->family == INGOT_FAMILY_winograd)
        work.flops = ingot_winograd_flops(spec, sizes);
    if (spec->family == INGOT_FAMILY_lstm)
        work.flops = e[0] * e[1] * e[2] * e[3] * (8 * e[3] + 60);
    if (spec->family == INGOT_FAMILY_gru)
        work.flops = e[0] * e[1] * e[2] * e[3] * (6 * e[3] + 45);
    for (int32_t i = 0; i < spec->n_in + spec->n_out; i++) {
        const ingot_operand *operand = &spec->operands[i];
        double count = 1;
        if (operand->access == INGOT_ACCESS_SCRATCH)
            continue; /* stays in caches */
        if (ingot_access_is_packed(operand->access)) {
            /* contract: k * n rounded up; lstm and gru: k = h, n = gates * h */
            count = spec->family == INGOT_FAMILY_contract ? e[4] * e[3]
                    : spec->family == INGOT_FAMILY_conv   ? e[1] * e[2] * e[5] * e[6] * e[7] * e[8] * 16
                    : spec->family == INGOT_FAMILY_winograd
                        ? (double)ingot_winograd_filter_elems(spec)
                        : e[2] * e[3] * e[3] * (spec->family == INGOT_FAMILY_lstm ? 4 : 3);
            if (spec->family == INGOT_FAMILY_contract)
                for (int32_t d = 0; d < 2; d++)
                    if (operand->strides[d] != 0)
                        count *= e[d];
        } else {
            for (int32_t d = 0; d < spec->n_dims; d++) {
                /* A convolution's taps revisit the same elements. */
                bool tap = (spec->family == INGOT_FAMILY_conv && d >= 7) ||
                           (spec->family == INGOT_FAMILY_depthwise && d >= 4) ||
                           (spec->family == INGOT_FAMILY_window && (d == 4 || d == 5));
                if (operand->strides[d] != 0 && !tap)
                    count *= e[d];
            }
            if (operand->lane != 0 || spec->family == INGOT_FAMILY_depthwise)
                count *= 16;
            if (spec->family == INGOT_FAMILY_depthwise && i == 1)
                count = e[1] * e[4] * e[5] * 16;
            if (spec->family == INGOT_FAMILY_window && i == 0)
                count *= size_value(spec->params[1], sizes) * size_value(spec->params[2], sizes);
        }
        double bytes = count * ingot_dtype_bits(operand->dtype) / 8;
        if (i >= spec->n_in)
            work.bytes_out += bytes;
        else if (operand->constant)
            work.bytes_const += bytes;
        else
            work.bytes_in += bytes;
    }
    return work;
}
