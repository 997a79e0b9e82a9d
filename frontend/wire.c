/* Protobuf's wire format: varints, fixed words, length-delimited fields. */
#include "frontend/wire.h"
#include <string.h>

static bool fault(ingot_wire *wire, const char *text)
{
    wire->error = text;
    wire->at = wire->end;
    return false;
}

ingot_wire ingot_wire_open(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    return (ingot_wire){at, size ? at + size : at, NULL};
}

bool ingot_wire_varint(ingot_wire *wire, uint64_t *out)
{
    if (wire->at == wire->end)
        return false;
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (wire->at == wire->end)
            return fault(wire, "a number runs past the end of its message");
        uint8_t byte = *wire->at++;
        if (shift == 63 && byte > 1)
            return fault(wire, "a number of more than 64 bits");
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return fault(wire, "a number of more than 64 bits");
}

/* Little-endian word of `size` bytes. */
static bool read_fixed(ingot_wire *wire, size_t size, uint64_t *out)
{
    if ((size_t)(wire->end - wire->at) < size)
        return fault(wire, "a fixed-size number runs past the end of its message");
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)wire->at[i] << (8 * i);
    wire->at += size;
    *out = value;
    return true;
}

bool ingot_wire_next(ingot_wire *wire, ingot_wire_field *out)
{
    memset(out, 0, sizeof *out);
    uint64_t key;
    if (!ingot_wire_varint(wire, &key))
        return false;
    uint64_t number = key >> 3;
    if (number == 0 || number > 536870911)
        return fault(wire, "a field number out of range");
    out->number = (uint32_t)number;
    out->type = (ingot_wire_type)(key & 7);
    switch (key & 7) {
    case INGOT_WIRE_VARINT:
        if (ingot_wire_varint(wire, &out->value))
            return true;
        return wire->error ? false : fault(wire, "a number is missing at the end of a message");
    case INGOT_WIRE_FIXED64:
        return read_fixed(wire, 8, &out->value);
    case INGOT_WIRE_FIXED32:
        return read_fixed(wire, 4, &out->value);
    case INGOT_WIRE_BYTES: {
        uint64_t size;
        if (!ingot_wire_varint(wire, &size))
            return wire->error ? false : fault(wire, "a length is missing at the end of a message");
        if (size > (uint64_t)(wire->end - wire->at))
            return fault(wire, "a field runs past the end of its message");
        out->data = wire->at;
        out->size = (size_t)size;
        wire->at += size;
        return true;
    }
    default:
        return fault(wire, "a group or an unknown wire type");
    }
}

ingot_wire_list ingot_wire_list_open(const ingot_wire_field *field, ingot_wire_type type)
{
    ingot_wire_list list = {.type = type};
    if (field->type == INGOT_WIRE_BYTES) {
        list.packed = ingot_wire_open(field->data, field->size);
    } else if (field->type == type) {
        list.single = true;
        list.value = field->value;
    } else {
        list.packed.error = "a list whose elements have the wrong wire type";
    }
    return list;
}

bool ingot_wire_list_next(ingot_wire_list *list, uint64_t *out)
{
    if (list->single) {
        list->single = false;
        *out = list->value;
        return true;
    }
    if (list->packed.at == list->packed.end)
        return false;
    if (list->type == INGOT_WIRE_VARINT)
        return ingot_wire_varint(&list->packed, out);
    return read_fixed(&list->packed, list->type == INGOT_WIRE_FIXED32 ? 4 : 8, out);
}
