/* cc digits.c digits.a -lm -lpthread: prints which digit an 8x8 image shows. digits.weights is in the current folder. */
#include "digits.h"
#include <stdio.h>
int main(int argc, char **argv)
{
    float image[64], score[10];
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file || fseek(file, -(long)sizeof image, SEEK_END) || !fread(image, sizeof image, 1, file)) return 2;
    DLTensor in = {image, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, (int64_t[]){1, 1, 8, 8}, NULL, 0};
    DLTensor out = {score, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, (int64_t[]){1, 10}, NULL, 0};
    digits_context *model = NULL;
    ingot_status error = digits_init(NULL, &model);
    if (!error) error = digits_run(model, (const DLTensor *[]){&in}, (DLTensor *[]){&out});
    if (error) return fprintf(stderr, "%s\n", ingot_status_message(error)), 1;
    int best = 0;
    for (int i = 1; i < 10; i++) best = score[i] > score[best] ? i : best;
    printf("%d\n", best);
    digits_destroy(model);
}
