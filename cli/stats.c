/* Percentiles, memory of this process, numbers for people and for JSON. */
#include "cli/cli.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int cli_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cli_percentile(const double *sorted, int32_t n, double p)
{
    if (n <= 0)
        return NAN;
    double at = p * (n - 1);
    int32_t low = (int32_t)at;
    double part = at - low;
    return low + 1 < n ? sorted[low] * (1 - part) + sorted[low + 1] * part : sorted[n - 1];
}

static int64_t status_field(const char *field)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long long kib = 0;
    size_t size = strlen(field);
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, field, size) && line[size] == ':' && sscanf(line + size + 1, "%lld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return (int64_t)kib * 1024;
}

int64_t cli_peak_rss_bytes(void)
{
    return status_field("VmHWM");
}
int64_t cli_rss_bytes(void)
{
    return status_field("VmRSS");
}

void cli_json_number(cJSON *object, const char *name, double value)
{
    char text[32];
    if (!isfinite(value)) {
        cJSON_AddNullToObject(object, name);
        return;
    }
    snprintf(text, sizeof text, value == floor(value) && fabs(value) < 9e15 ? "%.0f" : "%.6g", value);
    cJSON_AddRawToObject(object, name, text);
}

ingot_status cli_json_print(cJSON *object, bool pretty)
{
    char *text = pretty ? cJSON_Print(object) : cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text)
        return ingot_status_no_memory();
    puts(text);
    cJSON_free(text);
    fflush(stdout);
    return NULL;
}

void cli_print_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    int unit = 0;
    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void cli_print_count(double count, char out[32])
{
    static const char *const units[] = {"", " thousand", " million", " billion", " trillion"};
    int unit = 0;
    while (count >= 10000 && unit < 4) {
        count /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 || count >= 100 ? "%.0f%s" : "%.2f%s", count, units[unit]);
}
