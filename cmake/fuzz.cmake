# Each core/fuzz/fuzz_<what>.c is one libFuzzer program with the protocol library.

if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "LW_FUZZ needs clang: cmake -DCMAKE_C_COMPILER=clang -DLW_FUZZ=ON")
endif()
set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined)
add_compile_options(${sanitizers} -g -O1 -fno-omit-frame-pointer)
add_link_options(${sanitizers})

add_library(fuzzed_proto OBJECT ${proto_sources})
target_compile_options(fuzzed_proto PRIVATE -fsanitize=fuzzer-no-link)
target_link_libraries(fuzzed_proto PUBLIC lw::CRYPTO lw::ZLIB)

file(GLOB fuzz_sources CONFIGURE_DEPENDS core/fuzz/fuzz_*.c)
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} $<TARGET_OBJECTS:fuzzed_proto>)
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE lw::CRYPTO lw::ZLIB)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endforeach()
