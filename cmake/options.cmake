# Warnings and sanitizers, shared by every target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)    # the same bytes wherever the sources lie
set(INGOT_WARNINGS -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes)

# ingot_sanitize(TARGET): builds and links TARGET with the sanitizers of INGOT_SANITIZE, if any.
function(ingot_sanitize target)
  if(INGOT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${INGOT_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${INGOT_SANITIZE})
  endif()
endfunction()
