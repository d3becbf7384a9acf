# Each core/test/test_<file>.c is one program, with all of the core. Allocations go through test.c,
# which can make any one of them fail.

include(CheckIncludeFile)
check_include_file(linux/tls.h HAS_LINUX_TLS_H)
enable_testing()
file(GLOB test_sources CONFIGURE_DEPENDS core/test/test_*.c)
foreach(source ${test_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} core/test/test.c $<TARGET_OBJECTS:lunawire_core>)
  target_link_libraries(${name} PRIVATE lw::LIBUV lw::SSL lw::CRYPTO lw::ZLIB)
  target_link_options(${name} PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
  if(name MATCHES "^test_tls_kernel" AND LW_KTLS AND HAS_LINUX_TLS_H) # a kernel of their own
    target_link_options(${name} PRIVATE
      -Wl,--wrap=setsockopt,--wrap=send,--wrap=sendmsg,--wrap=sendfile)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()
# Define __wrap_malloc and its like, which no header declares.
set_source_files_properties(core/test/test.c core/test/test_tls_kernel.c
  core/test/test_tls_kernel_ends.c PROPERTIES
  COMPILE_OPTIONS "-Wno-missing-prototypes;-Wno-pedantic;-Wno-unknown-warning-option")
