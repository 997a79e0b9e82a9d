/* Opening NAME.so. */
#include "runtime/context.h"
#include "runtime/model_info.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static ingot_status open_library(const char *path, ingot_arena *scratch, void **out_handle)
{
    struct stat info;
    if (stat(path, &info))
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ingot_fail(INGOT_IO, "%s: is not a file", path);
    /* Without a slash dlopen would search the system's folders. */
    const char *name = strchr(path, '/') ? path : ingot_arena_printf(scratch, "./%s", path);
    if (!name)
        return ingot_status_no_memory();
    *out_handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!*out_handle) {
        const char *why = dlerror();
        return ingot_fail(INGOT_BAD_MODEL, "%s: cannot be loaded: %s", path, why ? why : "unknown reason");
    }
    return NULL;
}

ingot_status ingot_model_open(const char *path, const ingot_model **out_model, void **out_handle)
{
    *out_model = NULL;
    *out_handle = NULL;
    if (!path || !*path)
        return ingot_fail(INGOT_BAD_USAGE, "no path of a model given");
    ingot_arena scratch = {0};
    void *handle = NULL;
    ingot_status status = open_library(path, &scratch, &handle);
    ingot_arena_release(&scratch);
    if (status)
        return status;
    const ingot_model *model = dlsym(handle, "ingot_model_entry");
    ingot_plan_view view;
    if (!model)
        status = ingot_fail(INGOT_BAD_MODEL, "%s: is not a compiled model: it has no ingot_model_entry", path);
    else
        status = ingot_status_note(ingot_plan_view_create(ingot_model_for_cpu(model), &view), "%s", path);
    if (status) {
        dlclose(handle);
        return status;
    }
    *out_model = model;
    *out_handle = handle;
    return NULL;
}

void ingot_model_close(void *handle)
{
    if (!handle)
        return;
    const ingot_model *model = dlsym(handle, "ingot_model_entry");
    if (model)
        ingot_model_forget(model);
    dlclose(handle);
}
