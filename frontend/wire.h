/* Reading protobuf's wire format from untrusted bytes: a cursor that never leaves its span.
 *
 * Nothing is copied and nothing recurses: a nested message is a span to open a new cursor on, and its reader keeps
 * count of the depth.
 *
 *     ingot_wire w = ingot_wire_open(bytes, size);
 *     ingot_wire_field f;
 *     while (ingot_wire_next(&w, &f))
 *         if (f.number == 7 && f.type == INGOT_WIRE_BYTES) ...   // f.data, f.size
 *     if (w.error) ...                                            // "a field runs past the end of its message"
 */
#ifndef INGOT_FRONTEND_WIRE_H
#define INGOT_FRONTEND_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    INGOT_WIRE_VARINT = 0,
    INGOT_WIRE_FIXED64 = 1,
    INGOT_WIRE_BYTES = 2,
    INGOT_WIRE_FIXED32 = 5
} ingot_wire_type;

typedef struct ingot_wire {
    const uint8_t *at, *end;
    const char *error; /* static text of the first fault, or null */
} ingot_wire;

typedef struct ingot_wire_field {
    uint32_t number;
    ingot_wire_type type;
    uint64_t value;      /* VARINT, FIXED32, FIXED64: the bits */
    const uint8_t *data; /* BYTES */
    size_t size;
} ingot_wire_field;

ingot_wire ingot_wire_open(const void *bytes, size_t size);
/* The next field; false at the end and after a fault. Groups and unknown wire types are faults. */
bool ingot_wire_next(ingot_wire *wire, ingot_wire_field *out);
/* One varint of a packed list; false at the end and after a fault. */
bool ingot_wire_varint(ingot_wire *wire, uint64_t *out);

/* A repeated scalar field, packed or not: calls for every element of `field` once. `type` is the element's wire type.
 */
typedef struct ingot_wire_list {
    ingot_wire packed;
    ingot_wire_type type;
    bool single;
    uint64_t value;
} ingot_wire_list;
ingot_wire_list ingot_wire_list_open(const ingot_wire_field *field, ingot_wire_type type);
bool ingot_wire_list_next(ingot_wire_list *list, uint64_t *out);
#endif
