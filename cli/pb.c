/* ONNX's TensorProto as bytes, for values that .npy cannot hold. */
#include "cli/cli.h"
#include <string.h>

static void put_varint(ingot_text *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    ingot_text_append_bytes(out, bytes, n);
}

static void put_bytes(ingot_text *out, uint32_t field, const void *data, size_t size)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, size);
    if (size)
        ingot_text_append_bytes(out, data, size);
}

/* SequenceProto and OptionalProto: name 1, elem_type 2 (1 tensor, 3 sequence), tensors 3, sequences 5. */
static ingot_status format_box(const char *name, const ingot_box *box, ingot_text *out)
{
    bool sequences = box->form == INGOT_FORM_OPTIONAL_SEQUENCE;
    if (box->form == INGOT_FORM_TENSOR)
        return cli_pb_format(name, &box->tensor, out);
    if (name && *name)
        put_bytes(out, 1, name, strlen(name));
    put_varint(out, 2 << 3);
    put_varint(out, sequences ? 3 : 1);
    for (int64_t i = 0; i < box->count; i++) {
        ingot_text element = {0};
        ingot_status status = format_box(NULL, box->elements[i], &element);
        if (!status)
            put_bytes(out, sequences ? 5 : 3, element.data, element.size);
        ingot_text_free(&element);
        INGOT_TRY(status);
    }
    return out->failed ? ingot_status_no_memory() : NULL;
}

/* Field numbers of onnx.proto: dims 1, data_type 2, string_data 6, name 8, raw_data 9. */
ingot_status cli_pb_format(const char *name, const ingot_tensor *t, ingot_text *out)
{
    if (cli_box_of(t))
        return format_box(name, cli_box_of(t), out);
    int64_t count = ingot_tensor_count(t), bytes = ingot_dtype_bytes(t->dtype, count);
    if (count < 0 || bytes < 0)
        return ingot_fail(INGOT_LIMIT, "'%s' is too large", name ? name : "");
    for (int32_t d = 0; d < t->rank; d++) {
        put_varint(out, 1 << 3);
        put_varint(out, (uint64_t)t->dims[d]);
    }
    put_varint(out, 2 << 3);
    put_varint(out, (uint64_t)t->dtype);
    if (name && *name)
        put_bytes(out, 8, name, strlen(name));
    if (t->dtype == INGOT_STRING) {
        const ingot_string *strings = t->data;
        for (int64_t i = 0; i < count; i++)
            put_bytes(out, 6, strings[i].data, (size_t)strings[i].size);
    } else {
        put_bytes(out, 9, t->data, (size_t)bytes);
    }
    return out->failed ? ingot_status_no_memory() : NULL;
}
