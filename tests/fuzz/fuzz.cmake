# The fuzz targets, with libFuzzer (clang): one program for each .cc here, its seeds in corpus/NAME. CMakeLists.txt
# includes this where FOB_FUZZ is ON; the sanitizers come from FOB_SANITIZE.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "FOB_FUZZ needs clang: libFuzzer is part of it")
endif()

foreach(FUZZED protocol key_file tokens token_host)
  target_compile_options(${FUZZED} PRIVATE -fsanitize=fuzzer-no-link)
endforeach()

file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cc)
add_custom_target(fuzz)
foreach(FUZZ_SOURCE ${FUZZ_SOURCES})
  get_filename_component(FUZZ_NAME ${FUZZ_SOURCE} NAME_WE)
  set(FUZZ_TARGET fuzz_${FUZZ_NAME})
  add_executable(${FUZZ_TARGET} ${FUZZ_SOURCE})
  target_link_libraries(${FUZZ_TARGET} PRIVATE token_host key_file)
  target_compile_options(${FUZZ_TARGET} PRIVATE -fsanitize=fuzzer)
  target_link_options(${FUZZ_TARGET} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz ${FUZZ_TARGET})
endforeach()

# The pure parts of agent/ and cli/: their libraries would bring everything along.
target_sources(fuzz_ssh_log PRIVATE ${CMAKE_SOURCE_DIR}/cli/ssh_log.cc)
target_sources(fuzz_keyslot PRIVATE ${CMAKE_SOURCE_DIR}/agent/vault/aead.cc ${CMAKE_SOURCE_DIR}/agent/vault/keyslot.cc
                                    ${CMAKE_SOURCE_DIR}/agent/vault/keyslot_pkcs11.cc
                                    ${CMAKE_SOURCE_DIR}/agent/vault/recovery_code.cc)
