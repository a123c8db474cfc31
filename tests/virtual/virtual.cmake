# The virtual FIDO2 token (tests/virtual): a library for unit tests, and a program for the daemon's and the guest's.
pkg_check_modules(CBOR REQUIRED IMPORTED_TARGET libcbor)
pkg_check_modules(FIDO2 REQUIRED IMPORTED_TARGET libfido2)

file(GLOB VIRTUAL_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/virtual/*.cc)
add_library(virtual_token STATIC ${VIRTUAL_SOURCES})
target_link_libraries(virtual_token PUBLIC protocol PkgConfig::CBOR Threads::Threads)

file(GLOB VIRTUAL_PROGRAM CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/virtual/program/*.cc)
add_executable(fob-virtual-token ${VIRTUAL_PROGRAM})
target_link_libraries(fob-virtual-token PRIVATE virtual_token)

file(GLOB VIRTUAL_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/virtual/*.cc)
add_executable(virtual_tests ${VIRTUAL_TESTS})
target_link_libraries(virtual_tests PRIVATE virtual_token PkgConfig::FIDO2 GTest::gtest_main)
target_compile_definitions(virtual_tests PRIVATE FOB_VIRTUAL_TOKEN="$<TARGET_FILE:fob-virtual-token>")
add_dependencies(virtual_tests fob-virtual-token)
gtest_discover_tests(virtual_tests TEST_PREFIX virtual. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS unit TIMEOUT 120)
