/* ingot: picks a subcommand, prints errors, turns statuses into exit codes. */
#include "cli/cli.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    cli_command *run;
    const char *summary;
} commands[] = {
    {"compile", cli_compile, "make an artifact: header, archive or shared object, weights, report"},
    {"info", cli_info, "inputs, outputs, sizes, ops, parameters, FLOPs of a model or an artifact"},
    {"run", cli_run, "compile in memory (or open an artifact) and run once"},
    {"verify", cli_verify, "run ONNX test directories and compare with their outputs"},
    {"bench", cli_bench, "time a model, an artifact or one kernel"},
    {"explain", cli_explain, "what was fused, which kernels, predicted times, memory"},
    {"opt", cli_opt, "run passes and print the IR"},
    {"targets", cli_targets, "CPUs that code can be made for"},
    {"costmodel", cli_costmodel, "train, evaluate and exchange cost models"},
    {"measure", cli_measure, "time kernels on this machine, for the cost model"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out)
{
    fprintf(out, "usage: ingot COMMAND [OPTION...]\n\n"
                 "Compiles ONNX models ahead of time to machine code.\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n"
                 "  ingot compile model.onnx -o out/          cc app.c out/model.a -lm -lpthread\n"
                 "  ingot run model.onnx --random\n"
                 "  ingot COMMAND --help                      the options of a command\n"
                 "  ingot --version\n\n"
                 "Exit codes: 0 success; 1 results differ; 2 usage; 3 bad model; 4 unsupported; 5 input/output;\n"
                 "6 a limit or memory; 70 internal error.\n");
}

static void print_error(ingot_status status)
{
    cli_progress_clear();
    fprintf(stderr, "ingot: error: %s\n", ingot_status_message(status));
    if (ingot_status_code(status) == INGOT_INTERNAL && *ingot_status_origin(status))
        fprintf(stderr, "ingot: this is a fault of Ingot itself (%s); please report it\n", ingot_status_origin(status));
}

static ingot_status dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return cli_usage("no command");
    }
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        print_help(stdout);
        return NULL;
    }
    if (!strcmp(word, "--version")) {
        printf("ingot %s\n", INGOT_VERSION);
        return NULL;
    }
    for (int i = 0; i < N_COMMANDS; i++) {
        if (!strcmp(word, commands[i].name)) {
            opterr = 0;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return cli_usage("there is no command '%.64s'; see `ingot --help`", word);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    ingot_status status = dispatch(argc, argv);
    if (fflush(stdout) && !status)
        status = ingot_fail(INGOT_IO, "standard output cannot be written");
    int code = (int)ingot_status_code(status);
    if (status)
        print_error(status);
    ingot_status_free(status);
    return code;
}
