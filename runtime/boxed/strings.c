/* Strings: joined, split, normalised, matched. */
#include "runtime/boxed/boxed.h"
#include "runtime/boxed/text.h"

static ingot_status need_strings(const ingot_boxed_call *call, const char *name, int32_t i)
{
    INGOT_TRY(ingot_boxed_need(call, name, i, INGOT_FORM_TENSOR));
    KERNEL_REQUIRE(boxed_tensor(call, i)->dtype == INGOT_STRING, "%s: operand %d is %s, expected strings", name, i,
                   ingot_dtype_name(boxed_tensor(call, i)->dtype));
    return NULL;
}

static bool same_text(const ingot_string *a, const ingot_string *b)
{
    return a->size == b->size && (!a->size || !memcmp(a->data, b->data, (size_t)a->size));
}

ingot_status ingot_boxed_string_concat(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "string_concat", 2, 1));
    int32_t rank = 0;
    int64_t dims[INGOT_MAX_RANK], strides[2][INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0};
    for (int32_t i = 0; i < 2; i++) {
        INGOT_TRY(need_strings(call, "string_concat", i));
        INGOT_TRY(ingot_boxed_broadcast("string_concat", boxed_tensor(call, i), &rank, dims));
    }
    for (int32_t i = 0; i < 2; i++)
        INGOT_TRY(ingot_kernel_broadcast("string_concat", boxed_tensor(call, i), rank, dims, strides[i]));
    ingot_tensor *y;
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_STRING, rank, dims, &y));
    const ingot_string *a = boxed_tensor(call, 0)->data, *b = boxed_tensor(call, 1)->data;
    for (int64_t i = 0, n = ingot_tensor_count(y); i < n; i++, kernel_next(rank, dims, index)) {
        ingot_string x = a[kernel_offset(rank, index, strides[0])], z = b[kernel_offset(rank, index, strides[1])];
        char *text;
        INGOT_TRY(ingot_heap_text(call->heap, x.size + z.size, &text));
        if (x.size)
            memcpy(text, x.data, (size_t)x.size);
        if (z.size)
            memcpy(text + x.size, z.data, (size_t)z.size);
        ((ingot_string *)y->data)[i] = (ingot_string){text, x.size + z.size};
    }
    return NULL;
}

/* ---- string_split ---- */

/* Parts of a text, one at a time. An empty separator stands for white space: then parts are never empty. */
typedef struct splitter {
    ingot_string rest, separator;
    int64_t splits_left; /* -1: no limit */
    bool ended;
} splitter;

static int64_t space_bytes(const ingot_string *s, int64_t at)
{
    int32_t bytes;
    return at < s->size && ingot_text_is_space(ingot_text_decode(s->data, s->size, at, &bytes)) ? bytes : 0;
}

static bool next_word(splitter *s, ingot_string *out)
{
    ingot_string *r = &s->rest;
    int64_t at = 0, n;
    while ((n = space_bytes(r, at)))
        at += n;
    *r = (ingot_string){r->data + at, r->size - at};
    if (!r->size)
        return false;
    if (s->splits_left == 0) {
        *out = *r;
        *r = (ingot_string){r->data, 0};
        return true;
    }
    for (at = 0; at < r->size && !space_bytes(r, at);) {
        int32_t bytes;
        (void)ingot_text_decode(r->data, r->size, at, &bytes);
        at += bytes;
    }
    *out = (ingot_string){r->data, at};
    *r = (ingot_string){r->data + at, r->size - at};
    s->splits_left -= s->splits_left > 0;
    return true;
}

static bool next_part(splitter *s, ingot_string *out)
{
    const ingot_string *sep = &s->separator;
    if (!sep->size)
        return next_word(s, out);
    if (s->ended)
        return false;
    for (int64_t at = 0; s->splits_left != 0 && at + sep->size <= s->rest.size; at++) {
        if (memcmp(s->rest.data + at, sep->data, (size_t)sep->size) != 0)
            continue;
        *out = (ingot_string){s->rest.data, at};
        s->rest = (ingot_string){s->rest.data + at + sep->size, s->rest.size - at - sep->size};
        s->splits_left -= s->splits_left > 0;
        return true;
    }
    *out = s->rest;
    s->ended = true;
    return true;
}

ingot_status ingot_boxed_string_split(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "string_split", 2, 2));
    const ingot_attrs_string_split *attrs = call->attrs;
    INGOT_TRY(need_strings(call, "string_split", 0));
    INGOT_TRY(need_strings(call, "string_split", 1));
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_tensor shape = *x, *y, *counts;
    KERNEL_REQUIRE(ingot_tensor_count(boxed_tensor(call, 1)) == 1, "string_split: the delimiter must be one string");
    ingot_string separator = *(const ingot_string *)boxed_tensor(call, 1)->data, part;
    int64_t n = ingot_tensor_count(x), most = 0;
    KERNEL_REQUIRE(x->rank < INGOT_MAX_RANK, "string_split: an input of rank %d", x->rank);
    INGOT_TRY(ingot_boxed_result(call, 1, INGOT_I64, x->rank, x->dims, &counts));
    for (int64_t i = 0; i < n; i++) {
        splitter s = {((const ingot_string *)x->data)[i], separator, attrs->maxsplit, false};
        int64_t found = 0;
        while (next_part(&s, &part))
            found++;
        ingot_store_i64(counts->data, INGOT_I64, i, found);
        most = found > most ? found : most;
    }
    shape.dims[shape.rank++] = most;
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_STRING, shape.rank, shape.dims, &y));
    for (int64_t i = 0; i < n; i++) {
        splitter s = {((const ingot_string *)x->data)[i], separator, attrs->maxsplit, false};
        ingot_string *row = (ingot_string *)y->data + i * most;
        while (next_part(&s, &part)) /* as many as were counted; the rest of the row stays empty */
            *row++ = part;
    }
    return NULL;
}

/* ---- string_normalize ---- */

/* The text with every letter's case changed, in the heap's texts. A letter keeps its number of bytes or nearly so. */
static ingot_status change_case(ingot_heap *heap, ingot_string in, bool lower, ingot_string *out)
{
    char *text;
    int64_t used = 0;
    INGOT_TRY(ingot_heap_text(heap, 2 * in.size, &text));
    for (int64_t at = 0; at < in.size;) {
        int32_t bytes, point = ingot_text_decode(in.data, in.size, at, &bytes),
                       changed = lower ? ingot_text_lower(point) : ingot_text_upper(point);
        if (changed == point || (bytes == 1 && point >= 0x80)) {
            memcpy(text + used, in.data + at, (size_t)bytes);
            used += bytes;
        } else {
            used += ingot_text_encode(changed, text + used);
        }
        at += bytes;
    }
    *out = (ingot_string){text, used};
    return NULL;
}

ingot_status ingot_boxed_string_normalize(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "string_normalize", 1, 1));
    const ingot_attrs_string_normalize *attrs = call->attrs;
    INGOT_TRY(need_strings(call, "string_normalize", 0));
    const ingot_tensor *x = boxed_tensor(call, 0);
    KERNEL_REQUIRE(x->rank == 1 || (x->rank == 2 && x->dims[0] == 1),
                   "string_normalize: the input must be [C] or [1, C], it is of rank %d", x->rank);
    int64_t n = ingot_tensor_count(x), n_stops = 0, kept = 0;
    ingot_string *words, *stops = NULL;
    ingot_box *room;
    if (boxed_has(call, 1)) {
        INGOT_TRY(need_strings(call, "string_normalize", 1));
        n_stops = ingot_tensor_count(boxed_tensor(call, 1));
    }
    int64_t all = n + n_stops;
    INGOT_TRY(ingot_box_make_tensor(call->heap, INGOT_STRING, 1, &all, &room));
    words = room->tensor.data;
    stops = words + n;
    ingot_status status = NULL;
    for (int64_t i = 0; i < n_stops && !status; i++) {
        stops[i] = ((const ingot_string *)boxed_tensor(call, 1)->data)[i];
        if (!attrs->case_sensitive)
            status = change_case(call->heap, stops[i], true, &stops[i]);
    }
    for (int64_t i = 0; i < n && !status; i++) {
        ingot_string word = ((const ingot_string *)x->data)[i], compared = word;
        bool stopped = false;
        if (!attrs->case_sensitive && n_stops)
            status = change_case(call->heap, word, true, &compared);
        for (int64_t k = 0; k < n_stops && !stopped && !status; k++)
            stopped = same_text(&compared, &stops[k]);
        if (!stopped)
            words[kept++] = word;
    }
    for (int64_t i = 0; i < kept && attrs->change && !status; i++)
        status = change_case(call->heap, words[i], attrs->change == 1, &words[i]);
    int64_t dims[2] = {1, kept ? kept : 1}; /* nothing left: one empty string */
    ingot_tensor *y;
    if (!status)
        status = ingot_boxed_result(call, 0, INGOT_STRING, x->rank, x->rank == 2 ? dims : dims + 1, &y);
    if (!status && kept)
        memcpy(y->data, words, (size_t)kept * sizeof *words);
    ingot_box_drop(room);
    return status;
}

/* ---- regex_match ---- */

static ingot_status match_all(ingot_boxed_call *call, ingot_arena *arena)
{
    const ingot_tensor *x = boxed_tensor(call, 0);
    const ingot_string *pattern = boxed_tensor(call, 1)->data;
    const ingot_regex *regex;
    void *scratch;
    ingot_tensor *y;
    INGOT_TRY(ingot_regex_compile(arena, pattern->data, pattern->size, &regex));
    INGOT_TRY(ingot_arena_array(arena, (size_t)ingot_regex_scratch_bytes(regex), 1, &scratch));
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_BOOL, x->rank, x->dims, &y));
    for (int64_t i = 0, n = ingot_tensor_count(x); i < n; i++) {
        const ingot_string *text = (const ingot_string *)x->data + i;
        ((uint8_t *)y->data)[i] = ingot_regex_match(regex, text->data, text->size, scratch);
    }
    return NULL;
}

ingot_status ingot_boxed_regex_match(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "regex_match", 2, 1));
    INGOT_TRY(need_strings(call, "regex_match", 0));
    INGOT_TRY(need_strings(call, "regex_match", 1));
    KERNEL_REQUIRE(ingot_tensor_count(boxed_tensor(call, 1)) == 1, "regex_match: the pattern must be one string");
    ingot_arena arena = {0};
    ingot_status status = match_all(call, &arena);
    ingot_arena_release(&arena);
    return status;
}
