/* Errors as values: one heap block per failure, and one static block for the lack of memory. */
#include "runtime/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE_BYTES ((size_t)1 << 20) /* notes in a loop must not eat the memory */
#define MAX_ORIGIN_BYTES  128

struct ingot_status_s {
    ingot_code code;
    char origin[MAX_ORIGIN_BYTES]; /* file:line, cut from the left if need be */
    const char *message;           /* what follows the struct, or static text */
};

static struct ingot_status_s no_memory = {INGOT_LIMIT, "", "out of memory"};

/* A block with room for `size` bytes of message and its null. */
static ingot_status status_alloc(ingot_code code, size_t size, char **out_text)
{
    ingot_status status = malloc(sizeof *status + size + 1);
    if (!status)
        return NULL;
    status->code = code;
    status->origin[0] = 0;
    *out_text = (char *)(status + 1);
    (*out_text)[size] = 0;
    status->message = *out_text;
    return status;
}

ingot_status ingot_status_make(ingot_code code, const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t used = size < 0 ? 0 : (size_t)size;
    if (used > MAX_MESSAGE_BYTES)
        used = MAX_MESSAGE_BYTES;
    char *text;
    ingot_status status = status_alloc(code, used, &text);
    if (!status)
        return &no_memory;
    va_start(args, format);
    (void)vsnprintf(text, used + 1, format, args);
    va_end(args);
    if (size < 0)
        text[0] = 0;
    size_t file_size = strlen(file);
    const char *tail = file_size > MAX_ORIGIN_BYTES - 16 ? file + file_size - (MAX_ORIGIN_BYTES - 16) : file;
    (void)snprintf(status->origin, sizeof status->origin, "%s:%d", tail, line);
    return status;
}

ingot_status ingot_status_note(ingot_status status, const char *format, ...)
{
    if (!status || status == &no_memory)
        return status;
    va_list args;
    va_start(args, format);
    int note_size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t old_size = strlen(status->message);
    if (note_size < 0 || (size_t)note_size > MAX_MESSAGE_BYTES || old_size > MAX_MESSAGE_BYTES)
        return status;
    char *text;
    ingot_status longer = status_alloc(status->code, (size_t)note_size + 2 + old_size, &text);
    if (!longer)
        return status; /* the failure itself matters more than the note */
    va_start(args, format);
    (void)vsnprintf(text, (size_t)note_size + 1, format, args);
    va_end(args);
    memcpy(text + note_size, ": ", 2);
    memcpy(text + note_size + 2, status->message, old_size);
    memcpy(longer->origin, status->origin, sizeof longer->origin);
    free(status);
    return longer;
}

ingot_code ingot_status_code(ingot_status status)
{
    return status ? status->code : INGOT_OK;
}

const char *ingot_status_message(ingot_status status)
{
    return status ? status->message : "success";
}

const char *ingot_status_origin(ingot_status status)
{
    return status ? status->origin : "";
}

ingot_status ingot_status_no_memory(void)
{
    return &no_memory;
}

void ingot_status_free(ingot_status status)
{
    if (status && status != &no_memory)
        free(status);
}
