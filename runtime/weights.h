/* The file NAME.weights: a header, then at INGOT_WEIGHTS_OFFSET the pool that plans refer to. Little endian. */
#ifndef INGOT_RUNTIME_WEIGHTS_H
#define INGOT_RUNTIME_WEIGHTS_H
#include "runtime/plan.h"

#define INGOT_WEIGHTS_MAGIC   "INGOTWT1"
#define INGOT_WEIGHTS_VERSION 1
#define INGOT_WEIGHTS_OFFSET  4096 /* page aligned, so that the pool is when the file is mapped */
typedef struct ingot_weights_header {
    char magic[8];
    uint32_t version, data_offset;
    uint8_t build_id[16];
    uint8_t digest[16]; /* ingot_digest of the pool */
    uint64_t size;      /* bytes of the pool */
    uint64_t reserved;
} ingot_weights_header;
_Static_assert(sizeof(ingot_weights_header) == 64, "the header is 64 bytes");
#endif
