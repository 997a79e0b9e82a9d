#include "codegen/worker.h"
ingot_status ingot_compile_with_workers(const char *const *lines, int32_t n, int32_t workers, const ingot_codegen_options *options, ingot_arena *arena,
                                        ingot_object *out) { ingot_codegen_options o=*options; o.workers=-1; (void)workers; return ingot_codegen_compile(lines,n,&o,arena,out); }
