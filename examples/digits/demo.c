/* The demo of `./dev demo`: shows an 8x8 image in the terminal, what the compiled model says it is, and how long that
 * took. Usage: demo digits.weights IMAGE.npy...
 */
#include "digits.h"
#include <stdio.h>
#include <time.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, TIMED_RUNS = 1000, BAR = 30 };

/* Reads the pixels, the last 256 bytes of the file, 0 (dark) to 1 (bright). */
static int read_image(const char *path, float pixels[PIXELS])
{
    FILE *file = fopen(path, "rb");
    size_t size = PIXELS * sizeof *pixels;
    int ok = file && !fseek(file, -(long)size, SEEK_END) && fread(pixels, size, 1, file) == 1;
    if (file)
        fclose(file);
    return ok;
}

/* Five shades of Unicode blocks, two columns a pixel. */
static void show_image(const float pixels[PIXELS])
{
    static const char *const shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
    for (int y = 0; y < SIDE; y++) {
        printf("      ");
        for (int x = 0; x < SIDE; x++)
            printf("%s", shades[(int)(pixels[y * SIDE + x] * 4.0f + 0.5f)]);
        printf("\n");
    }
}

static void show_answer(const float score[CLASSES], double microseconds)
{
    int best = 0;
    for (int i = 1; i < CLASSES; i++)
        best = score[i] > score[best] ? i : best;
    printf("\n  this is a %d\n\n", best);
    for (int i = 0; i < CLASSES; i++) {
        printf("    %d ", i);
        for (int k = 0; k < (int)(score[i] * BAR + 0.5f); k++)
            printf("█");
        printf(" %.1f %%\n", 100.0 * (double)score[i]);
    }
    printf("\n  %.1f microseconds an image, on one thread\n", microseconds);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return fprintf(stderr, "usage: demo digits.weights IMAGE.npy...\n"), 2;
    float pixels[PIXELS], score[CLASSES];
    int64_t in_shape[] = {1, 1, SIDE, SIDE}, out_shape[] = {1, CLASSES};
    DLTensor in = {pixels, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
    DLTensor out = {score, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, out_shape, NULL, 0};
    const DLTensor *inputs[] = {&in};
    DLTensor *outputs[] = {&out};

    ingot_init_options options = {.struct_size = sizeof options, .weights_path = argv[1], .threads = 1};
    digits_context *model = NULL;
    ingot_status error = digits_init(&options, &model);
    for (int i = 2; i < argc && !error; i++) {
        if (!read_image(argv[i], pixels))
            return fprintf(stderr, "%s: not an 8x8 image\n", argv[i]), 2;
        struct timespec start, end;
        error = digits_run(model, inputs, outputs);
        timespec_get(&start, TIME_UTC);
        for (int k = 0; k < TIMED_RUNS && !error; k++)
            error = digits_run(model, inputs, outputs);
        timespec_get(&end, TIME_UTC);
        if (error)
            break;
        show_image(pixels);
        show_answer(score, ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
                               TIMED_RUNS / 1e3);
    }
    digits_destroy(model);
    if (error)
        return fprintf(stderr, "%s\n", ingot_status_message(error)), (int)ingot_status_code(error);
    return 0;
}
