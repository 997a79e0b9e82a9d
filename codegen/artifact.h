/* Writing artifacts: the parts that artifact.c puts together. Private to codegen/; the entry is ingot_artifact_write
 * (codegen/codegen.h). */
#ifndef INGOT_CODEGEN_ARTIFACT_H
#define INGOT_CODEGEN_ARTIFACT_H
#include "codegen/codegen.h"

/* Marks the members that define what `users` leave undefined and `roots` name, and all that those need. */
ingot_status ingot_archive_select(const ingot_archive_member *members, int32_t n, const ingot_object *users,
                                  int32_t n_users, const char *const *roots, int32_t n_roots, ingot_arena *scratch,
                                  bool *out_taken);

/* The runtime's archive and the public header, carried by the compiler (cmake/embed.cmake). */
extern const char ingot_rt_archive_begin[], ingot_rt_archive_end[], ingot_rt_header_begin[], ingot_rt_header_end[];
#endif
