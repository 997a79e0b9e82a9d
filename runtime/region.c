/* Pages from the system for what a context's sizes decide. */
#include "runtime/context.h"
#include <sys/mman.h>

#define PAGE_BYTES ((uint64_t)4096)
#define HUGE_BYTES ((uint64_t)4 << 20) /* from here on larger pages pay */

/* Bounds of sizes that the data decides may be far above what is touched: nothing is reserved. New room is half as much
 * again as the old, so that sizes which creep up do not ask the system each time. */
ingot_status ingot_region_reserve(ingot_region *region, uint64_t size, uint64_t limit)
{
    if (region->data && size <= region->capacity)
        return NULL;
    uint64_t room = region->capacity + region->capacity / 2;
    if (limit && room > limit)
        room = limit;
    if (room < size)
        room = size;
    if (room > SIZE_MAX / 2)
        return ingot_fail(INGOT_LIMIT, "%llu bytes of working memory do not fit", (unsigned long long)size);
    room = (room + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (!room)
        room = PAGE_BYTES;
    ingot_region_release(region);
    void *data = mmap(NULL, (size_t)room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "out of memory: the system has no %llu bytes of working memory",
                          (unsigned long long)room);
    if (room >= HUGE_BYTES)
        (void)madvise(data, (size_t)room, MADV_HUGEPAGE);
    *region = (ingot_region){data, (size_t)room};
    return NULL;
}

ingot_status ingot_region_extend(ingot_region *region, uint64_t size, uint64_t limit)
{
    if (!region->data)
        return ingot_region_reserve(region, size, limit);
    if (size <= region->capacity)
        return NULL;
    if (size > SIZE_MAX / 2)
        return ingot_fail(INGOT_LIMIT, "%llu bytes of working memory do not fit", (unsigned long long)size);
    uint64_t room = region->capacity + region->capacity / 2;
    if (limit && room > limit)
        room = limit;
    if (room < size)
        room = size;
    room = (room + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    void *data = mremap(region->data, region->capacity, (size_t)room, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "out of memory: the system has no %llu bytes of working memory",
                          (unsigned long long)size);
    *region = (ingot_region){data, (size_t)room};
    return NULL;
}

void ingot_region_release(ingot_region *region)
{
    if (region->data)
        munmap(region->data, region->capacity);
    *region = (ingot_region){0};
}
