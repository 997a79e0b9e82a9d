/* Two compiled models in one program, each with its own symbols: one.h and two.h of the same network must agree.
 * Prints ok. Usage: two one.weights two.weights IMAGE.npy
 */
#include "one.h"
#include "two.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    float image[64], a[10], b[10];
    FILE *file = argc == 4 ? fopen(argv[3], "rb") : NULL;
    if (!file || fseek(file, -256, SEEK_END) || fread(image, sizeof image, 1, file) != 1)
        return 2;
    fclose(file);
    int64_t in_shape[] = {1, 1, 8, 8}, a_shape[] = {1, 10}, b_shape[] = {1, 10};
    DLTensor in = {image, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
    DLTensor out_a = {a, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, a_shape, NULL, 0};
    DLTensor out_b = {b, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, b_shape, NULL, 0};
    ingot_init_options options = {.struct_size = sizeof options, .threads = 2};
    one_context *one = NULL;
    two_context *two = NULL;
    options.weights_path = argv[1];
    ingot_status error = one_init(&options, &one);
    options.weights_path = argv[2];
    if (!error)
        error = two_init(&options, &two);
    if (!error)
        error = one_run(one, (const DLTensor *[]){&in}, (DLTensor *[]){&out_a});
    if (!error)
        error = two_run(two, (const DLTensor *[]){&in}, (DLTensor *[]){&out_b});
    one_destroy(one);
    two_destroy(two);
    if (error) {
        fprintf(stderr, "%s\n", ingot_status_message(error));
        ingot_status_free(error);
        return 1;
    }
    puts(memcmp(a, b, sizeof a) || strcmp(one_info()->name, "one") || strcmp(two_info()->name, "two") ? "differ"
                                                                                                      : "ok");
    return 0;
}
