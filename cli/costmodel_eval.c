/* ingot costmodel eval: a table per split, the learning curve, a plot. */
#include "cli/costmodel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct summary {
    double median, low, high;
} summary;

static summary summarise(double *values, int32_t n)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            values[kept++] = values[i];
    if (kept == 0)
        return (summary){NAN, NAN, NAN};
    qsort(values, (size_t)kept, sizeof *values, cli_compare_doubles);
    return (summary){values[kept / 2], values[0], values[kept - 1]};
}

/* ---- Printing ---- */

static const struct {
    const char *title;
    double scale;
    const char *format; /* with two numbers after it in brackets when there are several seeds */
} columns[INGOT_N_METRICS] = {
    {"MAPE %", 100, "%.1f"},
    {"ratio", 1, "%.2f"},
    {"in 10 %", 100, "%.0f"},
    {"in 20 %", 100, "%.0f"},
    {"Spearman", 1, "%.3f"},
    {"Kendall", 1, "%.2f"},
    {"regret-1 %", 100, "%.1f"},
    {"regret-5 %", 100, "%.1f"},
    {"models MAPE %", 100, "%.1f"},
    {"models in 10 %", 100, "%.0f"},
    {"models in 20 %", 100, "%.0f"},
    {"context", 1, "%.2f"},
    {"us", 1, "%.2f"},
};

static void print_cell(const summary *s, int column, bool range)
{
    char text[64];
    if (isnan(s->median)) {
        printf(" - |");
        return;
    }
    snprintf(text, sizeof text, columns[column].format, s->median * columns[column].scale);
    printf(" %s", text);
    if (range && s->high > s->low) {
        snprintf(text, sizeof text, columns[column].format, s->low * columns[column].scale);
        printf(" (%s-", text);
        snprintf(text, sizeof text, columns[column].format, s->high * columns[column].scale);
        printf("%s)", text);
    }
    printf(" |");
}

static void print_header(const char *first)
{
    printf("| %s |", first);
    for (int c = 0; c < INGOT_N_METRICS; c++)
        printf(" %s |", columns[c].title);
    printf("\n|---|");
    for (int c = 0; c < INGOT_N_METRICS; c++)
        printf("---:|");
    printf("\n");
}

/* One row of a table from the metrics of some seeds. */
static void show_row(const costmodel_options *o, cJSON *array, const char *name, const ingot_metrics *metrics,
                     int32_t n)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", name);
    if (!o->json)
        printf("| %s |", name);
    for (int c = 0; c < INGOT_N_METRICS; c++) {
        double values[COSTMODEL_MOST_SEEDS];
        for (int32_t s = 0; s < n; s++)
            values[s] = ingot_metric_get(&metrics[s], c);
        summary all = summarise(values, n);
        cJSON *cell = cJSON_AddObjectToObject(item, ingot_metric_name(c));
        cli_json_number(cell, "median", all.median);
        cli_json_number(cell, "low", all.low);
        cli_json_number(cell, "high", all.high);
        if (!o->json)
            print_cell(&all, c, c <= 1 || c >= 6);
    }
    if (!o->json)
        printf("\n");
    cJSON_AddItemToArray(array, item);
}

/* ---- Splits ---- */

static ingot_status eval_split(costmodel_options *o, ingot_split split, double *predicted, double *model_ns,
                               cJSON *root)
{
    static ingot_metrics metrics[INGOT_EVALUATED][COSTMODEL_MOST_SEEDS];
    ingot_train_options options = costmodel_train_options(o);
    int32_t n = split == INGOT_SPLIT_FAMILY ? 1 : (int32_t)o->seeds; /* families are the same for every seed */
    for (int32_t s = 0; s < n; s++) {
        ingot_metrics one[INGOT_EVALUATED];
        cli_progress(NULL, ingot_split_name(split), s, n);
        INGOT_TRY(ingot_evaluate(&o->data, split, (uint64_t)(o->seed + s), &options, s == 0 ? predicted : NULL,
                                 s == 0 ? model_ns : NULL, one));
        for (int e = 0; e < INGOT_EVALUATED; e++)
            metrics[e][s] = one[e];
    }
    cli_progress_clear();
    cJSON *array = cJSON_AddArrayToObject(root, ingot_split_name(split));
    if (!o->json) {
        printf("\n## Split by %s\n\n", ingot_split_name(split));
        print_header("model");
    }
    for (int e = 0; e < INGOT_EVALUATED; e++)
        show_row(o, array, ingot_evaluated_name((ingot_evaluated)e), metrics[e], n);
    return NULL;
}

static ingot_status eval_curve(costmodel_options *o, cJSON *root)
{
    static const double shares[] = {0.1, 0.3, 1};
    cJSON *array = cJSON_AddArrayToObject(root, "learning_curve");
    if (!o->json) {
        printf("\n## Learning curve (learned, split by shape)\n\n");
        print_header("share of the data");
    }
    for (int i = 0; i < 3; i++) {
        ingot_train_options options = costmodel_train_options(o);
        ingot_metrics one[INGOT_EVALUATED];
        char name[32];
        options.share = shares[i];
        options.forest_only = true;
        cli_progress(NULL, "learning curve", i, 3);
        INGOT_TRY(ingot_evaluate(&o->data, INGOT_SPLIT_SHAPE, (uint64_t)o->seed, &options, NULL, NULL, one));
        cli_progress_clear();
        snprintf(name, sizeof name, "%.0f %%", shares[i] * 100);
        show_row(o, array, name, &one[INGOT_EVAL_LEARNED], 1);
    }
    return NULL;
}

/* A model as it is, on all rows: the built-in one on this machine's data. */
static ingot_status eval_given(costmodel_options *o, cJSON *root)
{
    const ingot_knowledge *k = ingot_knowledge_built_in();
    ingot_knowledge read = {0};
    if (o->model && strcmp(o->model, "learned")) {
        void *data;
        size_t size;
        INGOT_TRY(cli_read_file(o->model, 1 << 28, &o->arena, &data, &size));
        INGOT_TRY_NOTE(ingot_knowledge_read(data, size, &read), "%s", o->model);
        k = &read;
    }
    ingot_metrics metrics[INGOT_EVALUATED];
    ingot_status status = ingot_evaluate_knowledge(&o->data, k, metrics);
    cJSON *array = cJSON_AddArrayToObject(root, "given");
    if (!status && !o->json) {
        printf("\n## %s, as it is\n\n", o->model ? o->model : "built in");
        print_header("model");
    }
    if (!status)
        show_row(o, array, "learned", &metrics[INGOT_EVAL_LEARNED], 1);
    ingot_knowledge_release(&read);
    return status;
}

/* ---- Noise ---- */

/* How far apart the medians of the even and odd timings of a kernel are: no model can do better. */
static void show_noise(const costmodel_options *o, cJSON *root)
{
    const ingot_dataset *d = &o->data;
    double sum = 0;
    for (int32_t i = 0; i < d->n; i++)
        sum += fabs(d->rows[i].halves[0] / d->rows[i].halves[1] - 1) / d->n;
    cJSON_AddNumberToObject(root, "rows", d->n);
    cJSON_AddNumberToObject(root, "problems", d->n_problems);
    cJSON_AddNumberToObject(root, "models", d->n_models);
    cJSON_AddNumberToObject(root, "model_runs", d->n_runs);
    cJSON_AddNumberToObject(root, "dropped", (double)d->n_dropped / d->n_measured);
    cJSON_AddNumberToObject(root, "noise", sum);
    if (!o->json)
        printf("%d kernels of %d problems, %d whole models; %.1f %% of the labels dropped as noisy; halves of a "
               "kernel's timings differ by %.1f %% on average\n",
               d->n, d->n_problems, d->n_runs, 100.0 * d->n_dropped / d->n_measured, 100 * sum);
}

/* ---- The plot ---- */

static void place(double ns, double size, double *out)
{
    *out = (log10(ns < 10 ? 10 : ns) - 1) / 8 * size; /* 10 ns to 1 s */
}

static ingot_status write_plot(const costmodel_options *o, const double *predicted)
{
    enum { SIZE = 640, MARGIN = 60 };
    static const char *const colours[] = {"#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7",
                                          "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0", "#222222", "#7f7f00"};
    const int32_t n_colours = (int32_t)(sizeof colours / sizeof colours[0]);
    ingot_text t = {0};
    ingot_text_append(&t,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
                      "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
                      SIZE + 2 * MARGIN + 80, SIZE + 2 * MARGIN);
    for (int e = 1; e <= 9; e++) {
        static const char *const labels[] = {"10 ns", "100 ns", "1 us",   "10 us", "100 us",
                                             "1 ms",  "10 ms",  "100 ms", "1 s"};
        double at;
        place(pow(10, e), SIZE, &at);
        ingot_text_append(&t,
                          "<path d=\"M%.0f %d V%d M%d %.0f H%d\" stroke=\"#ddd\"/><text x=\"%.0f\" y=\"%d\" "
                          "text-anchor=\"middle\">%s</text><text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n",
                          MARGIN + at, MARGIN, MARGIN + SIZE, MARGIN, MARGIN + SIZE - at, MARGIN + SIZE, MARGIN + at,
                          MARGIN + SIZE + 18, labels[e - 1], MARGIN - 6, MARGIN + SIZE - at + 4, labels[e - 1]);
    }
    for (int32_t i = 0; i < o->data.n; i++) {
        const ingot_data_row *row = &o->data.rows[i];
        double x, y;
        if (isnan(predicted[i]))
            continue;
        place(row->ns, SIZE, &x);
        place(predicted[i], SIZE, &y);
        ingot_text_append(&t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.6\" fill=\"%s\" fill-opacity=\"0.5\"/>\n",
                          MARGIN + x, MARGIN + SIZE - y, colours[row->family % n_colours]);
    }
    for (int f = 0; f < INGOT_FAMILY_COUNT; f++)
        ingot_text_append(&t, "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", MARGIN + SIZE + 10, MARGIN + 16 * f,
                          colours[f % n_colours], ingot_family_info_get((ingot_family)f)->name);
    ingot_text_append(&t,
                      "<path d=\"M%d %d L%d %d\" stroke=\"black\"/>\n<text x=\"%d\" y=\"%d\">measured</text>\n"
                      "<text x=\"%d\" y=\"%d\">predicted</text>\n</svg>\n",
                      MARGIN, MARGIN + SIZE, MARGIN + SIZE, MARGIN, MARGIN + SIZE / 2, MARGIN + SIZE + 40, 4,
                      MARGIN - 20);
    ingot_status status = t.failed ? ingot_status_no_memory() : cli_write_file(o->plot, t.data, t.size);
    ingot_text_free(&t);
    return status;
}

/* The learned model's errors by family, from the predictions of the first split and seed. */
static void show_families(const costmodel_options *o, const double *predicted, cJSON *root)
{
    cJSON *array = cJSON_AddArrayToObject(root, "families");
    if (!o->json)
        printf(
            "\n## Learned, by family (split by %s)\n\n| family | kernels | MAPE %% | in 10 %% | in 20 %% | spread of "
            "labels %% |\n|---|---:|---:|---:|---:|---:|\n",
            ingot_split_name(o->split < 0 ? INGOT_SPLIT_SHAPE : (ingot_split)o->split));
    for (int f = 0; f < INGOT_FAMILY_COUNT; f++) {
        double n = 0, error = 0, in_10 = 0, in_20 = 0, noise = 0;
        for (int32_t i = 0; i < o->data.n; i++) {
            const ingot_data_row *row = &o->data.rows[i];
            if (row->family != f || isnan(predicted[i]))
                continue;
            double e = fabs(predicted[i] / row->ns - 1);
            n++;
            error += e;
            in_10 += e <= 0.1;
            in_20 += e <= 0.2;
            noise += fabs(row->halves[0] / row->halves[1] - 1);
        }
        if (n == 0)
            continue;
        const char *name = ingot_family_info_get((ingot_family)f)->name;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "family", name);
        cJSON_AddNumberToObject(item, "kernels", n);
        cJSON_AddNumberToObject(item, "mape", error / n);
        cJSON_AddNumberToObject(item, "within_10", in_10 / n);
        cJSON_AddNumberToObject(item, "noise", noise / n);
        cJSON_AddItemToArray(array, item);
        if (!o->json)
            printf("| %s | %.0f | %.1f | %.0f | %.0f | %.1f |\n", name, n, 100 * error / n, 100 * in_10 / n,
                   100 * in_20 / n, 100 * noise / n);
    }
}

/* Every kernel: measured, predicted, spread of its halves, and its spec. */
static ingot_status write_rows(const costmodel_options *o, const double *predicted, const double *model_ns)
{
    ingot_text t = {0};
    ingot_text_append(&t, "measured_ns\tpredicted_ns\troofline_ns\tnoise\tcold\tspec\n");
    for (int32_t i = 0; i < o->data.n; i++) {
        const ingot_data_row *row = &o->data.rows[i];
        ingot_text_append(&t, "%.6g\t%.6g\t%.6g\t%.3g\t%d\t%s\n", row->ns, predicted[i], row->roofline_ns,
                          fabs(row->halves[0] / row->halves[1] - 1), row->cold, row->spec);
    }
    for (int32_t r = 0; r < o->data.n_runs; r++) {
        const ingot_data_run *run = &o->data.runs[r];
        ingot_text_append(&t, "%.6g\t%.6g\t\t%.3g\t%d\tmodel %s %s\n", run->ns, model_ns[r], run->spread, run->cold,
                          run->name, run->config);
    }
    ingot_status status = t.failed ? ingot_status_no_memory() : cli_write_file(o->rows, t.data, t.size);
    ingot_text_free(&t);
    return status;
}

/* Keeps the rows whose spec is in the list. */
static ingot_status keep_listed(costmodel_options *o)
{
    void *data;
    size_t size;
    INGOT_TRY(cli_read_file(o->specs, 1 << 28, &o->arena, &data, &size));
    ((char *)data)[size] = 0; /* cli_read_file leaves room */
    int32_t kept = 0;
    for (int32_t i = 0; i < o->data.n; i++) {
        const char *task_end = strstr(o->data.rows[i].spec, " | ");
        size_t task = task_end ? (size_t)(task_end - o->data.rows[i].spec) : strlen(o->data.rows[i].spec);
        bool found = false;
        for (const char *at = data; *at && !found; at += strcspn(at, "\n"), at += *at == '\n')
            found = !strncmp(at, o->data.rows[i].spec, task);
        if (found)
            o->data.rows[kept++] = o->data.rows[i];
    }
    o->data.n = kept;
    if (kept == 0)
        return ingot_fail(INGOT_BAD_USAGE,
                          "%s: the store holds none of these kernels; `ingot measure --specs` times them", o->specs);
    return NULL;
}

ingot_status costmodel_eval(costmodel_options *o)
{
    o->no_tokens = o->no_tokens || o->specs;
    INGOT_TRY(costmodel_load(o));
    double *predicted, *model_ns;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    ingot_status status = ingot_arena_array(&o->arena, (size_t)o->data.n + 1, sizeof *predicted, (void **)&predicted);
    if (!status)
        status = ingot_arena_array(&o->arena, (size_t)o->data.n_runs + 1, sizeof *model_ns, (void **)&model_ns);
    if (!status && o->specs)
        status = keep_listed(o);
    if (!status)
        show_noise(o, root);
    for (int s = 0; s < INGOT_SPLITS && !status && !o->specs; s++)
        if (o->split < 0 || o->split == s)
            status = eval_split(o, (ingot_split)s, s == 0 || o->split == s ? predicted : NULL,
                                s == 0 || o->split == s ? model_ns : NULL, root);
    if (!status && !o->specs)
        show_families(o, predicted, root);
    if (!status && o->split < 0 && !o->specs)
        status = eval_curve(o, root);
    if (!status)
        status = eval_given(o, root);
    if (!status && o->plot && !o->specs)
        status = write_plot(o, predicted);
    if (!status && o->rows && !o->specs)
        status = write_rows(o, predicted, model_ns);
    if (status) {
        cJSON_Delete(root);
        return status;
    }
    if (o->json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return NULL;
}
