/* Regular expressions, in RE2's syntax: parsed by descent into a list of instructions (Thompson's construction), run by
 * following all threads at once. Source: Russ Cox, "Regular Expression Matching Can Be Simple And Fast". */
#include "runtime/boxed/text.h"
#include <string.h>

#define MAX_INSTRS  20000
#define MAX_REPEATS 1000 /* as RE2 */
#define MAX_DEPTH   200
#define LAST_POINT  0x10ffff

typedef enum { TAKE, SPLIT, JUMP, ASSERT, MATCH } opcode;
typedef enum { AT_BEGIN, AT_END, AT_WORD, AT_NO_WORD, AT_LINE_BEGIN, AT_LINE_END } assertion;
typedef struct range {
    int32_t lo, hi;
    int32_t next; /* of the same class; -1: the last */
} range;
typedef struct instr {
    opcode op;
    int32_t a, b; /* SPLIT, JUMP: where to go on; TAKE: first range, -1: none; ASSERT: which */
    bool negated, folds;
} instr;

struct ingot_regex {
    instr *code;
    range *ranges;
    int32_t n, n_ranges;
};

typedef struct parser {
    ingot_arena *arena;
    const char *text;
    int64_t size, at;
    ingot_regex *regex;
    int32_t capacity, range_capacity, depth;
    bool folds, dot_all, lines;
} parser;

#define BAD(p, what)                                                                                                  \
    ingot_fail(INGOT_BAD_MODEL, "regular expression '%.*s', byte %lld: %s", (int)((p)->size < 200 ? (p)->size : 200), \
               (p)->text, (long long)(p)->at, what)

/* ---- building ---- */

static ingot_status grow(ingot_arena *arena, void **io_array, int32_t used, int32_t *io_capacity, size_t size)
{
    void *larger;
    if (used < *io_capacity)
        return NULL;
    int32_t capacity = *io_capacity ? *io_capacity * 2 : 64;
    INGOT_TRY(ingot_arena_array(arena, (size_t)capacity, size, &larger));
    if (used)
        memcpy(larger, *io_array, (size_t)used * size);
    *io_array = larger;
    *io_capacity = capacity;
    return NULL;
}

static ingot_status emit(parser *p, instr i, int32_t *out)
{
    ingot_regex *r = p->regex;
    void *code = r->code;
    if (r->n == MAX_INSTRS)
        return ingot_fail(INGOT_LIMIT, "a regular expression of more than %d instructions", MAX_INSTRS);
    INGOT_TRY(grow(p->arena, &code, r->n, &p->capacity, sizeof *r->code));
    r->code = code;
    r->code[r->n] = i;
    if (out)
        *out = r->n;
    r->n++;
    return NULL;
}

static ingot_status add_range(parser *p, int32_t lo, int32_t hi, int32_t *io_first)
{
    ingot_regex *r = p->regex;
    void *ranges = r->ranges;
    if (r->n_ranges == MAX_INSTRS)
        return ingot_fail(INGOT_LIMIT, "a regular expression of more than %d ranges", MAX_INSTRS);
    INGOT_TRY(grow(p->arena, &ranges, r->n_ranges, &p->range_capacity, sizeof *r->ranges));
    r->ranges = ranges;
    r->ranges[r->n_ranges] = (range){lo, hi, *io_first};
    *io_first = r->n_ranges++;
    return NULL;
}

static ingot_status emit_point(parser *p, int32_t point)
{
    int32_t first = -1;
    INGOT_TRY(add_range(p, point, point, &first));
    return emit(p, (instr){.op = TAKE, .a = first, .folds = p->folds}, NULL);
}

/* Room for an instruction in front of code[at..]: what follows moves up, and jumps into it follow. */
static ingot_status insert(parser *p, int32_t at, instr i)
{
    INGOT_TRY(emit(p, (instr){.op = MATCH}, NULL));
    instr *code = p->regex->code;
    memmove(code + at + 1, code + at, (size_t)(p->regex->n - 1 - at) * sizeof *code);
    for (int32_t k = at + 1; k < p->regex->n; k++) {
        if (code[k].op == SPLIT || code[k].op == JUMP)
            code[k].a += code[k].a >= at;
        if (code[k].op == SPLIT)
            code[k].b += code[k].b >= at;
    }
    code[at] = i;
    return NULL;
}

/* ---- reading ---- */

static bool more(const parser *p)
{
    return p->at < p->size;
}

static bool next_is(const parser *p, const char *text)
{
    size_t n = strlen(text);
    return p->size - p->at >= (int64_t)n && !memcmp(p->text + p->at, text, n);
}

static bool take(parser *p, const char *text)
{
    bool there = next_is(p, text);
    p->at += there ? (int64_t)strlen(text) : 0;
    return there;
}

static int32_t take_point(parser *p)
{
    int32_t bytes, point = ingot_text_decode(p->text, p->size, p->at, &bytes);
    p->at += bytes;
    return point;
}

typedef struct named_class {
    const char *name, *ranges; /* pairs of bytes */
} named_class;
static const named_class perl_classes[] = {{"d", "09"}, {"s", "\t\n\f\r  "}, {"w", "09AZaz__"}, {NULL, NULL}};
static const named_class posix_classes[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", "\1\177"},  {"blank", "\t\t  "},  {"cntrl", "\1\37\177\177"},
    {"digit", "09"},     {"graph", "!~"},   {"lower", "az"},      {"print", " ~"},      {"punct", "!/:@[`{~"},
    {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZaz__"}, {"xdigit", "09AFaf"}, {NULL, NULL},
};

/* Adds a class, or all that is not in it. */
static ingot_status add_named(parser *p, const named_class *c, bool negated, int32_t *io_first)
{
    int32_t after = 0;
    for (const char *r = c->ranges; *r; r += 2) {
        if (!negated)
            INGOT_TRY(add_range(p, (unsigned char)r[0], (unsigned char)r[1], io_first));
        else if ((unsigned char)r[0] > after)
            INGOT_TRY(add_range(p, after, (unsigned char)r[0] - 1, io_first));
        after = (unsigned char)r[1] + 1;
    }
    return negated ? add_range(p, after, LAST_POINT, io_first) : NULL;
}

/* After a backslash: \d and the like. */
static const named_class *perl_class(parser *p, bool *out_negated)
{
    for (const named_class *c = perl_classes; c->name && more(p); c++) {
        char lower = c->name[0], upper = (char)(lower - 'a' + 'A');
        if (p->text[p->at] == lower || p->text[p->at] == upper) {
            *out_negated = p->text[p->at++] == upper;
            return c;
        }
    }
    return NULL;
}

static int32_t hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static ingot_status hex_point(parser *p, int32_t *out)
{
    bool braces = take(p, "{");
    int32_t digits = 0;
    *out = 0;
    while (more(p) && hex_digit(p->text[p->at]) >= 0 && digits < (braces ? 6 : 2)) {
        *out = *out * 16 + hex_digit(p->text[p->at++]);
        digits++;
    }
    if ((braces ? digits == 0 || !take(p, "}") : digits != 2) || *out > LAST_POINT)
        return BAD(p, "a malformed \\x");
    return NULL;
}

/* After a backslash: one code point. */
static ingot_status escaped_point(parser *p, int32_t *out)
{
    static const char from[] = "afnrtv", to[] = "\a\f\n\r\t\v";
    if (!more(p))
        return BAD(p, "ends in a backslash");
    char c = p->text[p->at];
    const char *known = strchr(from, c);
    if (c == 'p' || c == 'P' || c == 'C' || c == 'Q')
        return ingot_fail(INGOT_UNSUPPORTED,
                          "regular expression '%.*s', byte %lld: \\%c is not supported: write out the characters",
                          (int)(p->size < 200 ? p->size : 200), p->text, (long long)p->at, c);
    if (c == 'x') {
        p->at++;
        return hex_point(p, out);
    }
    if (c && known) {
        p->at++;
        *out = to[known - from];
        return NULL;
    }
    if (c >= '0' && c <= '7') {
        if (c != '0' && (p->at + 1 >= p->size || p->text[p->at + 1] < '0' || p->text[p->at + 1] > '7'))
            return BAD(p, "references to groups are no regular expressions");
        *out = 0;
        for (int32_t i = 0; i < 3 && more(p) && p->text[p->at] >= '0' && p->text[p->at] <= '7'; i++)
            *out = *out * 8 + (p->text[p->at++] - '0');
        return NULL;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '8' || c == '9')
        return BAD(p, "an unknown escape");
    *out = take_point(p);
    return NULL;
}

/* An entry of [...] that stands for several code points; *out_done false when it is one point. */
static ingot_status class_entry(parser *p, int32_t *io_first, bool *out_done)
{
    bool negated;
    *out_done = true;
    if (take(p, "[:")) {
        negated = take(p, "^");
        for (const named_class *c = posix_classes; c->name; c++) {
            int64_t before = p->at;
            if (take(p, c->name) && take(p, ":]"))
                return add_named(p, c, negated, io_first);
            p->at = before;
        }
        return BAD(p, "an unknown [:class:]");
    }
    if (next_is(p, "\\")) {
        p->at++;
        const named_class *c = perl_class(p, &negated);
        if (c)
            return add_named(p, c, negated, io_first);
        p->at--;
    }
    *out_done = false;
    return NULL;
}

static ingot_status class_point(parser *p, int32_t *out)
{
    if (!take(p, "\\")) {
        *out = take_point(p);
        return NULL;
    }
    return escaped_point(p, out);
}

static ingot_status parse_class(parser *p)
{
    instr i = {.op = TAKE, .a = -1, .negated = take(p, "^"), .folds = p->folds};
    for (bool first = true; first || !next_is(p, "]"); first = false) {
        bool done;
        int32_t lo, hi;
        if (!more(p))
            return BAD(p, "a [ without its ]");
        INGOT_TRY(class_entry(p, &i.a, &done));
        if (done)
            continue;
        INGOT_TRY(class_point(p, &lo));
        hi = lo;
        if (next_is(p, "-") && p->at + 1 < p->size && p->text[p->at + 1] != ']') {
            p->at++;
            INGOT_TRY(class_point(p, &hi));
            if (hi < lo)
                return BAD(p, "a range that ends before it begins");
        }
        INGOT_TRY(add_range(p, lo, hi, &i.a));
    }
    p->at++;
    return emit(p, i, NULL);
}

static ingot_status parse_choice(parser *p);

/* "(?i" and the like up to ':' or ')'; *out_group false when it only sets flags. */
static ingot_status parse_flags(parser *p, bool *out_group)
{
    bool on = true;
    *out_group = true;
    if (take(p, "P<") || take(p, "<")) {
        int64_t begin = p->at;
        while (more(p) && p->text[p->at] != '>')
            p->at++;
        if (p->at == begin || !take(p, ">"))
            return BAD(p, "a group's name is malformed");
        return NULL;
    }
    while (more(p)) {
        char c = p->text[p->at++];
        if (c == ':')
            return NULL;
        if (c == ')') {
            *out_group = false;
            return NULL;
        }
        if (c == '-')
            on = false;
        else if (c == 'i')
            p->folds = on;
        else if (c == 's')
            p->dot_all = on;
        else if (c == 'm')
            p->lines = on;
        else if (c != 'U')
            return BAD(p, "an unknown (?");
    }
    return BAD(p, "a ( without its )");
}

static ingot_status parse_group(parser *p)
{
    parser outer = *p;
    bool group = true;
    if (take(p, "?"))
        INGOT_TRY(parse_flags(p, &group));
    if (!group)
        return NULL; /* flags from here to the end of the enclosing group */
    if (p->depth >= MAX_DEPTH)
        return ingot_fail(INGOT_LIMIT, "a regular expression with groups nested deeper than %d", MAX_DEPTH);
    p->depth++;
    INGOT_TRY(parse_choice(p));
    p->depth--;
    if (!take(p, ")"))
        return BAD(p, "a ( without its )");
    p->folds = outer.folds;
    p->dot_all = outer.dot_all;
    p->lines = outer.lines;
    return NULL;
}

static ingot_status parse_atom(parser *p)
{
    bool negated;
    int32_t point;
    if (take(p, "("))
        return parse_group(p);
    if (take(p, "["))
        return parse_class(p);
    if (take(p, ".")) {
        instr any = {.op = TAKE, .a = -1, .negated = true};
        if (!p->dot_all)
            INGOT_TRY(add_range(p, '\n', '\n', &any.a));
        return emit(p, any, NULL);
    }
    if (take(p, "^"))
        return emit(p, (instr){.op = ASSERT, .a = p->lines ? AT_LINE_BEGIN : AT_BEGIN}, NULL);
    if (take(p, "$"))
        return emit(p, (instr){.op = ASSERT, .a = p->lines ? AT_LINE_END : AT_END}, NULL);
    if (next_is(p, "*") || next_is(p, "+") || next_is(p, "?"))
        return BAD(p, "nothing to repeat");
    if (!take(p, "\\"))
        return emit_point(p, take_point(p));
    if (take(p, "A"))
        return emit(p, (instr){.op = ASSERT, .a = AT_BEGIN}, NULL);
    if (take(p, "z"))
        return emit(p, (instr){.op = ASSERT, .a = AT_END}, NULL);
    if (take(p, "b"))
        return emit(p, (instr){.op = ASSERT, .a = AT_WORD}, NULL);
    if (take(p, "B"))
        return emit(p, (instr){.op = ASSERT, .a = AT_NO_WORD}, NULL);
    const named_class *c = perl_class(p, &negated);
    if (c) {
        instr i = {.op = TAKE, .a = -1};
        INGOT_TRY(add_named(p, c, negated, &i.a));
        return emit(p, i, NULL);
    }
    INGOT_TRY(escaped_point(p, &point));
    return emit_point(p, point);
}

/* "{2}", "{2,}", "{2,5}"; anything else is plain text. hi -1: no end. */
static ingot_status parse_counts(parser *p, bool *out_there, int32_t *out_lo, int32_t *out_hi)
{
    int64_t at = p->at + 1;
    int32_t counts[2] = {-1, -1}, n = 0;
    bool comma = false;
    *out_there = false;
    for (; at < p->size && p->text[at] != '}'; at++) {
        char c = p->text[at];
        if (c == ',' && !comma && counts[0] >= 0) {
            comma = true;
            n = 1;
        } else if (c >= '0' && c <= '9') {
            int32_t digit = c - '0', before = counts[n] < 0 ? 0 : counts[n];
            counts[n] = before > MAX_REPEATS ? before : before * 10 + digit;
        } else {
            return NULL;
        }
    }
    if (at >= p->size || counts[0] < 0)
        return NULL;
    *out_there = true;
    *out_lo = counts[0];
    *out_hi = comma ? counts[1] : counts[0];
    if (*out_lo > MAX_REPEATS || *out_hi > MAX_REPEATS || (*out_hi >= 0 && *out_hi < *out_lo))
        return BAD(p, "a repetition of more than 1000 times, or of none");
    p->at = at + 1;
    return NULL;
}

/* code[from..n) once becomes lo to hi times. */
static ingot_status repeat_times(parser *p, int32_t from, int32_t lo, int32_t hi)
{
    int32_t length = p->regex->n - from;
    ingot_arena *arena = p->arena;
    void *copy;
    INGOT_TRY(ingot_arena_array(arena, (size_t)length + 1, sizeof(instr), &copy));
    memcpy(copy, p->regex->code + from, (size_t)length * sizeof(instr));
    p->regex->n = from;
    for (int32_t i = 0; i < lo + (hi < 0 ? 1 : hi - lo); i++) {
        int32_t begin = p->regex->n, split = -1;
        if (i >= lo)
            INGOT_TRY(emit(p, (instr){.op = SPLIT, .a = begin + 1}, &split));
        for (int32_t k = 0; k < length; k++) {
            instr in = ((instr *)copy)[k];
            int32_t shift = p->regex->n - k - from;
            if (in.op == SPLIT || in.op == JUMP)
                in.a += shift;
            if (in.op == SPLIT)
                in.b += shift;
            INGOT_TRY(emit(p, in, NULL));
        }
        if (i >= lo && hi < 0)
            INGOT_TRY(emit(p, (instr){.op = JUMP, .a = begin}, NULL));
        if (split >= 0)
            p->regex->code[split].b = p->regex->n;
    }
    return NULL;
}

static ingot_status parse_repeated(parser *p)
{
    int32_t from = p->regex->n, times = 0;
    INGOT_TRY(parse_atom(p));
    while (more(p)) {
        int32_t lo = 0, hi = 0;
        bool there = false;
        if (take(p, "*")) {
            hi = -1;
        } else if (take(p, "+")) {
            lo = 1;
            hi = -1;
        } else if (take(p, "?")) {
            hi = 1;
        } else if (next_is(p, "{")) {
            INGOT_TRY(parse_counts(p, &there, &lo, &hi));
            if (!there)
                return NULL;
        } else {
            return NULL;
        }
        (void)take(p, "?"); /* which match is found first does not matter here */
        if (++times > 1)
            return BAD(p, "a repetition of a repetition: use a group");
        INGOT_TRY(repeat_times(p, from, lo, hi));
    }
    return NULL;
}

static ingot_status parse_choice(parser *p)
{
    int32_t from = p->regex->n, last_jump = -1; /* jumps to the end, linked through `a` until it is known */
    for (;;) {
        while (more(p) && !next_is(p, "|") && !next_is(p, ")"))
            INGOT_TRY(parse_repeated(p));
        if (!take(p, "|"))
            break;
        INGOT_TRY(insert(p, from, (instr){.op = SPLIT, .a = from + 1}));
        INGOT_TRY(emit(p, (instr){.op = JUMP, .a = last_jump}, &last_jump));
        p->regex->code[from].b = p->regex->n;
        from = p->regex->n;
    }
    while (last_jump >= 0) {
        int32_t before = p->regex->code[last_jump].a;
        p->regex->code[last_jump].a = p->regex->n;
        last_jump = before;
    }
    return NULL;
}

ingot_status ingot_regex_compile(ingot_arena *arena, const char *pattern, int64_t size, const ingot_regex **out)
{
    void *memory;
    INGOT_TRY(ingot_arena_array(arena, 1, sizeof(ingot_regex), &memory));
    parser p = {.arena = arena, .text = pattern, .size = size, .regex = memory};
    INGOT_TRY(parse_choice(&p));
    if (more(&p))
        return BAD(&p, "a ) without its (");
    *out = p.regex;
    return emit(&p, (instr){.op = MATCH}, NULL);
}

/* ---- running ---- */

/* A list of threads without repetition: which[i] < n and list[which[i]] == i when i is in it. */
typedef struct threads {
    int32_t *list, *which, n;
} threads;

static bool holds(assertion a, const char *text, int64_t size, int64_t at)
{
    if (a == AT_BEGIN || a == AT_END)
        return a == AT_BEGIN ? at == 0 : at == size;
    if (a == AT_LINE_BEGIN || a == AT_LINE_END)
        return a == AT_LINE_BEGIN ? at == 0 || text[at - 1] == '\n' : at == size || text[at] == '\n';
    bool word[2] = {false, false};
    for (int32_t side = 0; side < 2; side++) {
        int64_t i = at - 1 + side;
        char c = i >= 0 && i < size ? text[i] : ' ';
        word[side] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    }
    return (word[0] != word[1]) == (a == AT_WORD);
}

/* Adds a thread and all that it leads to without taking a character. `stack` has room for two entries an instruction.
 */
static void add_thread(const ingot_regex *r, threads *t, int32_t start, const char *text, int64_t size, int64_t at,
                       int32_t *stack)
{
    int32_t depth = 0;
    stack[depth++] = start;
    while (depth) {
        int32_t i = stack[--depth];
        if (t->which[i] < t->n && t->list[t->which[i]] == i)
            continue;
        t->which[i] = t->n;
        t->list[t->n++] = i;
        const instr *in = &r->code[i];
        if (in->op == SPLIT)
            stack[depth++] = in->b;
        if (in->op == SPLIT || in->op == JUMP)
            stack[depth++] = in->a;
        else if (in->op == ASSERT && holds((assertion)in->a, text, size, at))
            stack[depth++] = i + 1;
    }
}

static bool in_ranges(const ingot_regex *r, int32_t first, int32_t point)
{
    for (int32_t k = first; k >= 0; k = r->ranges[k].next)
        if (point >= r->ranges[k].lo && point <= r->ranges[k].hi)
            return true;
    return false;
}

static bool takes(const ingot_regex *r, const instr *in, int32_t point)
{
    bool there = in_ranges(r, in->a, point);
    if (!there && in->folds)
        there = in_ranges(r, in->a, ingot_text_lower(point)) || in_ranges(r, in->a, ingot_text_upper(point));
    return there != in->negated;
}

int64_t ingot_regex_scratch_bytes(const ingot_regex *regex)
{
    return (int64_t)(regex->n + 1) * 6 * (int64_t)sizeof(int32_t);
}

bool ingot_regex_match(const ingot_regex *regex, const char *text, int64_t size, void *scratch)
{
    int32_t n = regex->n, *room = scratch, bytes;
    threads now = {room, room + n, 0}, then = {room + 2 * n, room + 3 * n, 0};
    memset(room, 0, (size_t)ingot_regex_scratch_bytes(regex));
    int32_t *stack = room + 4 * n;
    add_thread(regex, &now, 0, text, size, 0, stack);
    for (int64_t at = 0; at < size && now.n; at += bytes) {
        int32_t point = ingot_text_decode(text, size, at, &bytes);
        then.n = 0;
        for (int32_t k = 0; k < now.n; k++) {
            const instr *in = &regex->code[now.list[k]];
            if (in->op == TAKE && takes(regex, in, point))
                add_thread(regex, &then, now.list[k] + 1, text, size, at + bytes, stack);
        }
        threads swap = now;
        now = then;
        then = swap;
    }
    for (int32_t k = 0; k < now.n; k++)
        if (regex->code[now.list[k]].op == MATCH)
            return true;
    return false;
}
