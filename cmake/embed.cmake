# Object ingot_embedded: the runtime's archive and include/ingot/runtime.h as bytes in .rodata, between the symbols
# ingot_rt_archive_begin/_end and ingot_rt_header_begin/_end. A zero byte follows each.
get_target_property(embedded_name ingot_rt_embedded ALIASED_TARGET)
if(NOT embedded_name)
  set(embedded_name ingot_rt_embedded)
endif()
set(INGOT_EMBED_ARCHIVE ${CMAKE_BINARY_DIR}/lib${embedded_name}.a)
set(INGOT_EMBED_HEADER ${PROJECT_SOURCE_DIR}/include/ingot/runtime.h)
set(INGOT_EMBED_SEEDS ${PROJECT_SOURCE_DIR}/costmodel/seeds.txt)
configure_file(${PROJECT_SOURCE_DIR}/cmake/embed.S.in ${CMAKE_BINARY_DIR}/embed.S @ONLY)
add_library(ingot_embedded OBJECT ${CMAKE_BINARY_DIR}/embed.S)
set_source_files_properties(${CMAKE_BINARY_DIR}/embed.S PROPERTIES
  OBJECT_DEPENDS "${INGOT_EMBED_ARCHIVE};${INGOT_EMBED_HEADER};${INGOT_EMBED_SEEDS}")
add_dependencies(ingot_embedded ${embedded_name})
