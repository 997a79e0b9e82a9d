# What `cmake --install` puts where: the binary, the public headers, libingot.so, the runtime's archive and a pkg-config
# file. The compiler's static library stays in the build folder: to link it takes MLIR's archives too.
if(TARGET ingot)
  install(TARGETS ingot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
foreach(library ingot_rt ingot_shared)
  if(TARGET ${library})
    install(TARGETS ${library} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
install(DIRECTORY include/ingot DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
configure_file(cmake/ingot.pc.in ingot.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ingot.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
