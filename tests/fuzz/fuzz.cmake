# The fuzz targets, with libFuzzer (clang): one program for each .cc here, its seeds in corpus/NAME. CMakeLists.txt
# includes this where FOB_FUZZ is ON; the sanitizers come from FOB_SANITIZE.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "FOB_FUZZ needs clang: libFuzzer is part of it")
endif()

foreach(FUZZED protocol key_file tokens token_host cli)
  target_compile_options(${FUZZED} PRIVATE -fsanitize=fuzzer-no-link)
endforeach()

file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cc)
add_custom_target(fuzz)
foreach(FUZZ_SOURCE ${FUZZ_SOURCES})
  get_filename_component(FUZZ_NAME ${FUZZ_SOURCE} NAME_WE)
  set(FUZZ_TARGET fuzz_${FUZZ_NAME})
  add_executable(${FUZZ_TARGET} ${FUZZ_SOURCE})
  target_link_libraries(${FUZZ_TARGET} PRIVATE token_host key_file cli)
  target_compile_options(${FUZZ_TARGET} PRIVATE -fsanitize=fuzzer)
  target_link_options(${FUZZ_TARGET} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz ${FUZZ_TARGET})
endforeach()
