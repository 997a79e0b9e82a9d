/* Turns a cost model's text (costmodel/knowledge.c) into C tables: `make_tables default.model > tables.c`, run by the
 * build. Knows the form of the text only; the test of the built-in model reads the same file and compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *take_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (end)
        *end++ = 0;
    else
        end = line + strlen(line);
    *at = end;
    return line;
}

static void numbers(char **at, const char *type, const char *name, long n)
{
    printf("static const %s %s[] = {", type, name);
    for (long i = 0; i < n; i++)
        printf("%s,", take_line(at));
    printf("};\n");
}

static void forest(char **at, const char *rest)
{
    long n_trees, n_nodes, at_node = 0;
    double base;
    if (sscanf(rest, "%ld %ld %lf", &n_trees, &n_nodes, &base) != 3)
        exit(1);
    long *roots = calloc((size_t)n_trees + 1, sizeof *roots);
    if (!roots)
        exit(1);
    printf("static const ingot_tree_node forest_nodes[] = {\n");
    for (long t = 0; t < n_trees; t++) {
        long n = strtol(take_line(at) + strlen("tree "), NULL, 10);
        roots[t] = at_node;
        at_node += n;
        for (long i = 0; i < n; i++) {
            char *line = take_line(at), *left = strchr(line, ' '), *threshold = left ? strchr(left + 1, ' ') : NULL;
            if (!threshold) {
                printf("{%s,0,0},", line);
                continue;
            }
            *left++ = *threshold++ = 0;
            printf("{%s,%s,%s},", threshold, line, left);
        }
        printf("\n");
    }
    printf("};\nstatic const int32_t forest_roots[] = {");
    for (long t = 0; t < n_trees; t++)
        printf("%ld,", roots[t]);
    printf("};\n#define FOREST {%ld, %ld, %.17g, forest_roots, forest_nodes}\n", n_trees, n_nodes, base);
    free(roots);
}

/* Pairs of an index and a weight. */
static void tokens(char **at, long n)
{
    printf("static const float tokens[INGOT_TOKEN_BUCKETS + 1] = {");
    for (long i = 0; i < n; i++) {
        char *line = take_line(at), *weight = strchr(line, ' ');
        if (!weight)
            exit(1);
        *weight++ = 0;
        printf("[%s]=%s,", line, weight);
    }
    printf("};\n#define TOKENS tokens\n");
}

static void spaced(char *line)
{
    for (char *c = line; *c; c++)
        if (*c == ' ')
            *c = ',';
}

static void nearest(char **at, long n)
{
    char *scale = take_line(at);
    spaced(scale);
    printf("static const float nearest_scale[] = {%s};\nstatic const ingot_nearest_point nearest[] = {\n", scale);
    for (long i = 0; i < n; i++) {
        char *line = take_line(at), *value = strrchr(line, ' ');
        if (!value)
            exit(1);
        *value++ = 0;
        spaced(line);
        printf("{{%s},%s},\n", line, value);
    }
    printf("};\n#define NEAREST nearest\n#define N_NEAREST %ld\n#define SCALE nearest_scale\n", n);
}

static void section(char **at, char *line)
{
    char *rest = strchr(line, ' ');
    if (!rest)
        return;
    *rest++ = 0;
    long n = strtol(rest, NULL, 10);
    if (!strcmp(line, "target"))
        printf("#define TARGET \"%s\"\n", rest);
    else if (!strcmp(line, "machine"))
        printf("#define MACHINE \"%s\"\n", rest);
    else if (!strcmp(line, "families"))
        printf("#define FAMILIES %ldu\n", n);
    else if (!strcmp(line, "context"))
        printf("#define CONTEXT %s\n", rest);
    else if (!strcmp(line, "sigma"))
        numbers(at, "double", "sigma", n), printf("#define SIGMA sigma\n");
    else if (!strcmp(line, "linear"))
        numbers(at, "double", "linear", n), printf("#define LINEAR linear\n");
    else if (!strcmp(line, "code_bytes"))
        numbers(at, "double", "code_bytes", n), printf("#define CODE_BYTES code_bytes\n");
    else if (!strcmp(line, "forest"))
        forest(at, rest);
    else if (!strcmp(line, "tokens"))
        tokens(at, n);
    else if (!strcmp(line, "nearest"))
        nearest(at, n);
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fprintf(stderr, "usage: make_tables FILE.model\n");
        return 2;
    }
    size_t capacity = (size_t)16 << 20, size;
    char *text = malloc(capacity + 1), *at = text;
    if (!text)
        return 1;
    size = fread(text, 1, capacity, f);
    text[size] = 0;
    fclose(f);
    printf("/* Made by make_tables from %s. */\n", strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1]);
    while (*at)
        section(&at, take_line(&at));
    free(text);
    return 0;
}
