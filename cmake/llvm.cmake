# Target ingot_mlir: the MLIR and LLVM 22 C API. MLIR's C API exists as static archives only, which bind to the C++
# symbols of the shared libMLIR; LLVM's own C API is in the shared libLLVM.
set(INGOT_LLVM_MAJOR 22)
find_program(INGOT_LLVM_CONFIG NAMES llvm-config-${INGOT_LLVM_MAJOR} REQUIRED)
execute_process(COMMAND ${INGOT_LLVM_CONFIG} --includedir OUTPUT_VARIABLE llvm_include
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${INGOT_LLVM_CONFIG} --libdir OUTPUT_VARIABLE llvm_lib
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${INGOT_LLVM_CONFIG} --version OUTPUT_VARIABLE llvm_version
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT llvm_version MATCHES "^${INGOT_LLVM_MAJOR}\\.")
  message(FATAL_ERROR "${INGOT_LLVM_CONFIG} is version ${llvm_version}; Ingot needs ${INGOT_LLVM_MAJOR}")
endif()
if(NOT EXISTS ${llvm_include}/mlir-c/IR.h)
  message(FATAL_ERROR "no ${llvm_include}/mlir-c/IR.h: install libmlir-${INGOT_LLVM_MAJOR}-dev")
endif()
file(GLOB mlir_capi ${llvm_lib}/libMLIRCAPI*.a)

add_library(ingot_mlir INTERFACE)
target_include_directories(ingot_mlir SYSTEM INTERFACE ${llvm_include})
target_link_libraries(ingot_mlir INTERFACE
  -Wl,--start-group ${mlir_capi} -Wl,--end-group ${llvm_lib}/libMLIR.so ${llvm_lib}/libLLVM-${INGOT_LLVM_MAJOR}.so stdc++)
set(CMAKE_INSTALL_RPATH ${llvm_lib})
