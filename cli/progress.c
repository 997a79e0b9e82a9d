/* Progress of a compile on a terminal: one line that overwrites itself, shown after half a second. */
#include "cli/cli.h"
#include <unistd.h>

static struct {
    double begin, shown;
    bool drawn;
} state;

void cli_progress(void *arg, const char *stage, int32_t done, int32_t total)
{
    (void)arg;
    double now = ingot_seconds_now();
    if (state.begin == 0)
        state.begin = now;
    if (!isatty(STDERR_FILENO) || now - state.begin < 0.5 || now - state.shown < 0.1)
        return;
    state.shown = now;
    state.drawn = true;
    if (total > 0)
        fprintf(stderr, "\r\033[K%.0f s  %s %d/%d", now - state.begin, stage, done, total);
    else
        fprintf(stderr, "\r\033[K%.0f s  %s", now - state.begin, stage);
    fflush(stderr);
}

void cli_progress_clear(void)
{
    if (state.drawn)
        fputs("\r\033[K", stderr);
    state.drawn = false;
}
