#include "cli/cli.h"
ingot_status cli_explain(int argc, char **argv){(void)argc;(void)argv;return cli_usage("explain");}
